"""The catalogue of Docker's gateway for tool servers: an image each, its secrets kept by the gateway.

docs.docker.com/ai/mcp-catalog-and-toolkit, November 2026.
"""

from __future__ import annotations

from nhiscan.collectors.repo._agents.client import Client

CLIENT = Client(
    slug="docker-mcp",
    blocks=(".docker/mcp/catalogs/*.yaml", "mcp/catalogs/*.yaml"),
    user=("~/.docker/mcp/catalogs/*.yaml",),
    servers=(("registry",),),
    shape=frozenset({"image", "remote"}),
    default=None,
    autonomy=None,
    since="the client that connects to the gateway decides",
)
