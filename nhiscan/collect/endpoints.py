"""Addresses that replace a provider's own: which are taken, so that no token travels in the clear."""

from __future__ import annotations

import re
from ipaddress import ip_address
from urllib.parse import urlsplit

NAME = re.compile(r"[a-z][a-z0-9]{1,15}(?:-[a-z0-9]{1,40})*")
"""What an endpoint may be called: a provider, or one of its services (`azure`, `gcp-iam`)."""


def base_of(address: str) -> str | None:
    """The address without a slash at its end: `https://`, or `http://` to this machine alone; else None."""
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return None
    if not host or "@" in parts.netloc or parts.query or parts.fragment or re.search(r"[\s\\\x00-\x1f]", address):
        return None
    if parts.scheme == "https" or (parts.scheme == "http" and _loopback(host)):
        return address.rstrip("/")
    return None


def _loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
