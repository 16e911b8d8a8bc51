"""What a tool carries in and out: content of outsiders, what is not public, and a way to send it away.

A table of well-known tool servers and built-in tools, from their own documentation (November 2026).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._config.words import words
from nhiscan.plugin import ToolClass

if TYPE_CHECKING:
    from collections.abc import Mapping

_MARKS = {"y": True, "n": False, "?": None}


@dataclass(frozen=True, slots=True)
class Traits:
    """Whether a tool reads what outsiders wrote, reads what is not public, and sends; None: unknown."""

    untrusted: bool | None = None
    private: bool | None = None
    sends: bool | None = None
    class_: ToolClass | None = None

    @property
    def known(self) -> bool:
        """Whether the table says anything."""
        return (self.untrusted, self.private, self.sends, self.class_) != (None, None, None, None)


def _coded(marks: str, class_: ToolClass | None = None) -> Traits:
    """From `y`, `n` and `?` for untrusted, private, sends."""
    untrusted, private, sends = (_MARKS[m] for m in marks)
    return Traits(untrusted, private, sends, class_)


_ALL = _coded("yyy")
_FAMILIES = (
    # A shell or interpreter can do each of the three.
    ("yyy", ToolClass.EXEC, "shell terminal desktop-commander iterm ssh e2b jupyter interpreter kali"),
    # Browsers and fetchers bring in any page, and an address carries data out.
    ("y?y", ToolClass.EXTERNAL, "fetch firecrawl playwright puppeteer browserbase browsermcp browser chrome selenium"),
    ("y?y", ToolClass.EXTERNAL, "crawl4ai apify brightdata scrapegraph hyperbrowser stagehand webfetch scraper jina"),
    ("yn?", ToolClass.READ, "brave tavily exa perplexity serper serpapi duckduckgo searxng kagi websearch"),
    ("yn?", ToolClass.READ, "context7 deepwiki"),
    # Whoever writes to the mailbox, channel or issue writes into the agent.
    ("yyy", ToolClass.EXTERNAL, "gmail outlook slack discord telegram whatsapp teams email mail imap twilio"),
    ("yyy", ToolClass.EXTERNAL, "zendesk intercom hubspot"),
    ("yyy", None, "github gitlab bitbucket gitea azure-devops"),
    ("yy?", None, "sentry"),
    ("?y?", None, "jira atlassian confluence linear notion asana trello clickup monday todoist airtable salesforce"),
    ("?y?", None, "postgres postgresql mysql sqlite mongodb mongo supabase neo4j redis snowflake bigquery clickhouse"),
    ("?y?", None, "elasticsearch databricks mssql duckdb qdrant pinecone chroma weaviate neon dbhub oracle figma"),
    ("?y?", None, "filesystem gdrive onedrive dropbox obsidian"),
    ("?y?", None, "aws awslabs gcp azure kubernetes k8s terraform cloudflare vercel netlify docker datadog grafana"),
    ("?y?", ToolClass.PAYMENT, "stripe paypal"),
    ("nnn", ToolClass.READ, "sequential-thinking sequentialthinking calculator"),
)
_BUILT_IN_FAMILIES = (
    ("nyn", "read glob grep ls notebookread read_file list_directory search_file_content read_many_files fs_read"),
    ("yny", "webfetch web_fetch"),
    ("yn?", "websearch web_search google_web_search"),
    ("n?n", "edit write multiedit notebookedit write_file replace fs_write apply_patch"),
)
_SERVERS = {name: _coded(marks, class_) for marks, class_, names in _FAMILIES for name in names.split()}
_BUILT_IN = {name: _coded(marks) for marks, names in _BUILT_IN_FAMILIES for name in names.split()}
_BY_CLASS = {ToolClass.EXEC: _ALL, ToolClass.EXTERNAL: _coded("y?y"), ToolClass.READ: _coded("nyn")}


def server_traits(name: str, package: str | None, url: str | None) -> Traits:
    """What the table says of a server, by its package first, then its address, then the name people gave it."""
    for text in (package, url, name):
        parts = words((text or "").partition("?")[0])
        candidates = [*("-".join(pair) for pair in pairwise(parts)), *parts]
        known = next((_SERVERS[w] for w in candidates if w in _SERVERS), None)
        if known:
            return known
    return Traits()


def tool_traits(name: str, class_: ToolClass | None, servers: Mapping[str, Traits], *, unrestricted: bool) -> Traits:
    """What is known of a tool or pattern as an agent's settings name it; `servers` are those the agent starts."""
    if name.startswith("mcp__"):
        server, _, tool = name.removeprefix("mcp__").partition("__")
        known = servers.get(server) or server_traits(server, None, None)
        silent = class_ is ToolClass.READ and tool not in {"", "*"} and not known.untrusted
        return Traits(known.untrusted, known.private, False if silent else known.sends)
    if name == "*" or unrestricted:
        return _ALL
    tool = name.partition("(")[0].strip().lower()
    return _BUILT_IN.get(tool) or (_BY_CLASS.get(class_) if class_ else None) or Traits()
