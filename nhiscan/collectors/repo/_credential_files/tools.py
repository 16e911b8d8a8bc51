"""The INI files of command line tools, each described by its keys (the tools' own manuals, read November 2026)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._config.judge import Found, Judge
from nhiscan.collectors.repo._config.spots import url_spots
from nhiscan.collectors.repo._credential_files.entry import Entry, taken
from nhiscan.collectors.repo._credential_files.lines import sections
from nhiscan.detect import pairs
from nhiscan.plugin import CredentialKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from nhiscan.collectors.repo._credential_files.lines import Section

_AWS = ("aws_access_key_id", "aws_secret_access_key")
_PASSWORD, _TOKEN, _SECRET = CredentialKind.PASSWORD, CredentialKind.TOKEN, CredentialKind.CLIENT_SECRET


@dataclass(frozen=True, slots=True)
class Tool:
    """Which keys hold a credential, which say whose it is, and which are the halves of an AWS key (`halves`)."""

    provider: str | None
    secrets: Mapping[str, CredentialKind] = field(default_factory=dict)
    facts: Mapping[str, str] = field(default_factory=dict)
    halves: tuple[str, str] | None = None
    urls: tuple[str, ...] = ()


TOOLS: Mapping[str, Tool] = {
    "pypirc": Tool("pypi", {"password": _PASSWORD}, {"username": "user", "repository": "registry"}),
    "my.cnf": Tool("mysql", {"password": _PASSWORD}, {"user": "user", "host": "host", "database": "database"}),
    "s3cfg": Tool(None, {"access_token": _TOKEN, "gpg_passphrase": _PASSWORD}, {"host_base": "host"},
                  ("access_key", "secret_key")),
    "boto": Tool(None, {"gs_oauth2_refresh_token": _TOKEN, "gs_secret_access_key": CredentialKind.ACCESS_KEY,
                        "gs_service_key_file_password": _PASSWORD},
                 {"gs_service_client_id": "client_email"}, _AWS),
    "rclone": Tool(None, {"pass": _PASSWORD, "password": _PASSWORD, "token": _TOKEN, "bearer_token": _TOKEN,
                          "client_secret": _SECRET, "api_key": CredentialKind.API_KEY,
                          "key": CredentialKind.ACCESS_KEY, "account_key": CredentialKind.ACCESS_KEY,
                          "service_account_credentials": CredentialKind.PRIVATE_KEY},
                   {"type": "backend", "user": "user", "host": "host", "account": "account", "endpoint": "endpoint"},
                   ("access_key_id", "secret_access_key")),
    "databrickscfg": Tool("databricks", {"token": _TOKEN, "client_secret": _SECRET, "password": _PASSWORD},
                          {"host": "host", "client_id": "client_id", "username": "user"}),
    "sentryclirc": Tool("sentry", {"token": _TOKEN}, {"url": "host", "org": "account"}),
    "pip": Tool(None, urls=("index-url", "extra-index-url")),
}  # fmt: skip


def reader(name: str) -> Callable[[str, str], Iterator[Entry]]:
    """The reader of this tool's file."""

    def read(text: str, _path: str) -> Iterator[Entry]:
        tool = TOOLS[name]
        for section in sections(text):
            yield from _pair(tool, section)
            yield from _values(tool, section)

    return read


def _values(tool: Tool, section: Section) -> Iterator[Entry]:
    facts = {"section": section.name, **{fact: section.text(key) for key, fact in tool.facts.items()}}
    for key, kind in tool.secrets.items():
        if key in section.values:
            value, line = section.values[key]
            shown = f"[{section.name}] {key}" if section.name else key
            provider, own = tool.provider, kind
            if tool.provider == "pypi":
                provider, own = _index(section), _TOKEN if section.text("username") == "__token__" else kind
            yield Entry(shown, line, taken(key, value, line, shown), None, own, provider, facts)
    for key in tool.urls:
        if key in section.values:
            value, line = section.values[key]
            spots = [g for s in url_spots(value, line) for g in ([s] if isinstance(s, Found) else Judge().spot(s))]
            yield Entry(key, line, tuple(spots), None, _PASSWORD, tool.provider, facts)


def _index(section: Section) -> str | None:
    repository = section.text("repository")
    official = section.name in {"pypi", "testpypi"} if repository is None else ".pypi.org" in repository
    return "pypi" if official else None


def _pair(tool: Tool, section: Section) -> Iterator[Entry]:
    """The halves of an AWS key (or of a store that speaks its protocol) are one credential."""
    if tool.halves is None:
        return
    first, second = (section.values.get(key) for key in tool.halves)
    named = tool.halves[0]
    ids = taken(_AWS[0], first[0], first[1], f"[{section.name}] {named}") if first else ()
    aws = any(f.literal and f.literal.format == pairs.KEY_ID for f in ids)
    # Without the form of AWS the first half is an account name at a store that speaks its protocol, and no secret.
    kept = ids if aws else ()
    if second:
        name = _AWS[1] if aws else "secret_key"
        kept += taken(name, second[0], second[1], f"[{section.name}] {tool.halves[1]}")
    account = first[0] if first and not aws else None
    facts = {"section": section.name, "access_key_id": account, "endpoint": section.text("endpoint", "host_base")}
    if kept:
        yield Entry(section.name, section.line, kept, None, CredentialKind.ACCESS_KEY, tool.provider, facts)
