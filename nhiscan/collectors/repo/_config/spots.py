"""Where credentials hide in a server entry: environment, headers, arguments, the URL, and keys of their own."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

from nhiscan.collectors.repo._config import words
from nhiscan.collectors.repo._config.judge import Found, Spot
from nhiscan.collectors.repo._config.launch import shell_words
from nhiscan.plugin import Form

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from nhiscan.collectors.repo._config.nodes import Node

ENV_KEYS = ("env", "environment", "envs")
HEADER_KEYS = ("headers", "http_headers", "httpHeaders")
URL_KEYS = ("url", "httpUrl", "serverUrl", "uri")
_KEYED = (
    ("envFile", "env_file", Form.ENV_FILE),
    ("env_file", "env_file", Form.ENV_FILE),
    ("headersHelper", "helper", Form.HELPER_COMMAND),
    ("apiKeyHelper", "helper", Form.HELPER_COMMAND),
)
# Keys whose members are walked elsewhere or hold no credential.
_WALKED = {
    *ENV_KEYS,
    *HEADER_KEYS,
    *URL_KEYS,
    *(key for key, _, _ in _KEYED),
    "args",
    "command",
    "oauth",
    "env_http_headers",
    "env_vars",
    "bearer_token_env_var",
}
_ASSIGNED = re.compile(r"([A-Za-z_][\w.-]*)=(.*)", re.DOTALL)
_HEADER = re.compile(r"([A-Za-z][\w-]*):\s*(.*)", re.DOTALL)
_TOKEN_SEGMENT = re.compile(r"(?=[^/]*\d)(?=[^/]*[A-Za-z])[A-Za-z0-9_=-]{32,}")
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_SCHEME = re.compile(r"[\w+.-]+://")
_MOST_ARGUMENTS = 500
# As much as servers and browsers take.
LONGEST_URL = 8_000
# A shell inside a shell is as far as people go.
_DEEPEST_SHELL = 2


def entry_spots(entry: Node, argv: Sequence[tuple[str, int]]) -> Iterator[Spot | Found]:
    """The spots of one server entry; `argv` is its command line, each word with its line."""
    passed = set(_passed_on(entry, argv))
    for key in ENV_KEYS:
        yield from env_spots(entry.at(key), passed)
        yield from env_spots(entry.at("command", key), passed)
    for key in HEADER_KEYS:
        yield from _members("header", entry.at(key))
    yield from arg_spots(argv)
    for key in URL_KEYS:
        if (node := entry.at(key)) and node.text:
            yield from url_spots(node.text, node.line)
    if (transport := entry.at("transport")) and (node := transport.at("url")) and node.text:
        yield from url_spots(node.text, node.line)
    yield from _named_references(entry)
    kept = entry.at("settings")
    for name, node in (*entry.map.items(), *(kept.map.items() if kept else ())):
        if name not in _WALKED and node.text is not None and words.names_credential(name):
            yield Spot("key", name, node.text, node.line)


def not_its_own(entry: Node, found: Iterable[Found]) -> list[Found]:
    """The findings without references from a header or argument to a variable that the same entry sets."""
    own = {name for key in ENV_KEYS if (env := entry.at(key)) for name in env.map}
    return [f for f in found if f.place == "env" or f.form is not Form.REFERENCE or f.reference not in own]


def env_spots(env: Node | None, passed: set[str] | frozenset[str] = frozenset()) -> Iterator[Spot | Found]:
    """The spots of an environment; `passed` are the variables that a header or flag hands on as a credential."""
    for name, node in (env.map if env else {}).items():
        if node.text is None:
            continue
        if name == "AWS_PROFILE":
            form = Form.PLACEHOLDER if words.is_placeholder(node.text) or not node.text else Form.REFERENCE
            yield Found("profile", node.text if form is Form.REFERENCE else name, node.line, form)
            continue
        yield Spot("env", name, node.text, node.line, forced=name in passed)
        if "://" in node.text:
            yield from url_spots(node.text, node.line, place="env")


def arg_spots(argv: Sequence[tuple[str, int]], depth: int = 0) -> Iterator[Spot | Found]:
    """The spots of a command line: `--flag value`, `--flag=value`, `KEY=v`, `-e KEY=v`, headers, bare values."""
    items = list(argv[:_MOST_ARGUMENTS])
    i = 0
    while i < len(items):
        (word, line), after = items[i], items[i + 1] if i + 1 < len(items) else None
        flag, _, attached = word.partition("=") if word.startswith("-") else (word, "", "")
        i += 1
        if not word.startswith("-"):
            yield from _bare(word, line, depth)
            continue
        has_value = bool(attached) or (after is not None and not after[0].startswith("-"))
        value, value_line = (attached, line) if attached else after if after and has_value else ("", line)
        taken = has_value and not attached
        if flag in {"-H", "--header", "--headers"} and has_value:
            yield from _header(value, value_line)
        elif flag in {"-e", "--env"} and has_value:
            yield from _environment(value, value_line)
        elif flag == "--env-file" and has_value:
            yield Found("env_file", value, value_line, Form.ENV_FILE)
        elif has_value and words.names_credential(flag):
            yield Spot("arg", flag.lstrip("-"), value, value_line)
        elif attached:
            yield from _bare(attached, line, depth, flag.lstrip("-"))
        else:
            taken = False
        i += taken


def url_spots(url: str, line: int, place: str = "url") -> Iterator[Spot | Found]:
    """The spots inside a URL: userinfo, query, and path segments that are tokens."""
    if len(url) > LONGEST_URL:
        return
    try:
        parts = urlsplit(url.strip())
        userinfo = parts.netloc.rpartition("@")[0]
        query = parse_qsl(
            parts.query.replace("${{", "${").replace("}}", "}"), keep_blank_values=True, max_num_fields=100
        )
    except ValueError:
        return
    if place == "url" and userinfo:
        user, colon, password = userinfo.partition(":")
        yield Spot(place, "userinfo", password if colon else user, line, forced=True)
    for name, value in query:
        if words.names_credential(name):
            yield Spot(place, name, value, line)
    if place == "url":
        for segment in parts.path.split("/"):
            if _TOKEN_SEGMENT.fullmatch(segment) and not _UUID.fullmatch(segment):
                yield Spot(place, "path", segment, line, forced=True)


def _members(place: str, node: Node | None) -> Iterator[Spot]:
    for name, member in (node.map if node else {}).items():
        if member.text is not None:
            yield Spot(place, name, member.text, member.line)


def _header(text: str, line: int) -> Iterator[Spot]:
    if header := _HEADER.fullmatch(text.strip()):
        yield Spot("header", header[1], header[2], line)


def _environment(text: str, line: int) -> Iterator[Spot | Found]:
    name, assigned, value = text.partition("=")
    if assigned and name == "AWS_PROFILE" and value and not words.is_placeholder(value) and "$" not in value:
        yield Found("profile", value, line, Form.REFERENCE)
    elif assigned:
        yield Spot("arg", name, value, line)
    elif words.names_credential(name) or name == "AWS_PROFILE":
        yield Found("arg", name, line, Form.REFERENCE, reference=name)


def _bare(word: str, line: int, depth: int, name: str = "") -> Iterator[Spot | Found]:
    header = None if _SCHEME.match(word) else _HEADER.fullmatch(word)
    parts = [] if word.lstrip().startswith("{") or depth >= _DEEPEST_SHELL else shell_words(word)
    if header and words.names_credential(header[1]):
        yield Spot("header", header[1], header[2], line)
    elif len(parts) > 1:
        yield from arg_spots([(w, line) for w in parts], depth + 1)
    elif assigned := _ASSIGNED.fullmatch(word):
        yield Spot("arg", assigned[1], assigned[2], line)
        word = assigned[2]
    else:
        yield Spot("arg", name, word, line)
    if "://" in word and " " not in word:
        yield from url_spots(word, line, place="arg")


def _passed_on(entry: Node, argv: Sequence[tuple[str, int]]) -> Iterator[str]:
    """Variables that a header or a credential's flag of the same entry refers to."""
    spots = [s for s in arg_spots(argv) if isinstance(s, Spot)]
    spots += [s for key in HEADER_KEYS for s in _members("header", entry.at(key))]
    for spot in spots:
        if words.names_credential(spot.name):
            yield from re.findall(r"\$\{?(?:env:)?([A-Za-z_]\w*)", spot.value)


def _named_references(entry: Node) -> Iterator[Spot | Found]:
    """Keys that name a variable, a file or a command instead of holding the value."""
    if (node := entry.at("bearer_token_env_var")) and node.text:
        yield Found("header", "Authorization", node.line, Form.REFERENCE, reference=node.text)
    for header, node in _members_of(entry, "env_http_headers"):
        if words.names_credential(header) or words.names_credential(node.text or ""):
            yield Found("header", header, node.line, Form.REFERENCE, reference=node.text)
    for node in _items_of(entry, "env_vars"):
        yield Found("env", node.text or "", node.line, Form.REFERENCE, reference=node.text)
    for node in _items_of(entry, "env_keys"):
        yield Found("keyring", node.text or "", node.line, Form.KEYRING)
    yield from _kept_by_gateway(entry)
    for key, place, form in _KEYED:
        if (node := entry.at(key)) and node.text:
            yield Found(place, node.text if form is Form.ENV_FILE else key, node.line, form)
    for name, node in _members_of(entry, "oauth"):
        if words.names_credential(name):
            yield Spot("key", name, node.text or "", node.line)


def _kept_by_gateway(entry: Node) -> Iterator[Found]:
    """Secrets of a catalogue entry: a gateway keeps them and sets the variable."""
    secrets = entry.at("secrets")
    for node in secrets.list if secrets else ():
        if (name := node.at("env")) and name.text:
            yield Found("env", name.text, name.line, Form.KEYRING)


def _members_of(entry: Node, key: str) -> Iterator[tuple[str, Node]]:
    found = entry.at(key)
    return ((n, m) for n, m in found.map.items() if m.text is not None) if found else iter(())


def _items_of(entry: Node, key: str) -> Iterator[Node]:
    found = entry.at(key)
    return (n for n in found.list if n.text and words.names_credential(n.text)) if found else iter(())
