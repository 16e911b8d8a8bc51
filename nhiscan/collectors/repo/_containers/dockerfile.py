"""A Dockerfile as records: what is built into an image and stays there.

Format: Dockerfile reference (directives, continuation, heredocs, `--mount=type=secret`).  ARG and ENV stay in the
image's history and metadata; a secret mount does not.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._config import words
from nhiscan.collectors.repo._config.judge import Found, Spot
from nhiscan.collectors.repo._config.launch import shell_words
from nhiscan.collectors.repo._config.nodes import MalformedError, Node
from nhiscan.collectors.repo._config.spots import arg_spots, url_spots
from nhiscan.collectors.repo._containers.records import Teller, host_place, kind_of
from nhiscan.plugin import Form, UseHow

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nhiscan.collectors.repo._config.nodes import Document
    from nhiscan.collectors.repo._config.records import Book
    from nhiscan.plugin import Record

_PLATFORM = "docker_image"
_INSTRUCTION = re.compile(r"\s*(?:ONBUILD\s+)?([A-Za-z]{2,12})\s+(.*)", re.DOTALL | re.IGNORECASE)
_KNOWN = frozenset(
    [
        "FROM",
        "RUN",
        "CMD",
        "LABEL",
        "MAINTAINER",
        "EXPOSE",
        "ENV",
        "ADD",
        "COPY",
        "ENTRYPOINT",
        "VOLUME",
        "USER",
        "WORKDIR",
        "ARG",
        "ONBUILD",
        "STOPSIGNAL",
        "HEALTHCHECK",
        "SHELL",
    ]
)
_ESCAPE = re.compile(r"#\s*escape\s*=\s*([`\\])", re.IGNORECASE)
_HEREDOC = re.compile(r"<<-?\s*([\"']?)(\w{1,60})\1")
_MOUNT = re.compile(r"--mount=type=(secret|ssh)((?:,[\w-]+(?:=[^,\s]*)?)*)")
_ID = re.compile(r",id=([^,\s]+)")
_KEY_FILES = re.compile(
    r"(?:^|/)(?:\.env(?:\.[\w-]+)?|id_(?:rsa|dsa|ecdsa|ed25519)|[\w.-]+\.(?:pem|p12|pfx|jks|key)"
    r"|(?:credentials|service-?account|gcp-?key|sa-?key)[\w.-]*\.json|\.(?:npmrc|pypirc|netrc|git-credentials))$"
)
_SAMPLE = re.compile(r"(?:example|sample|template|dist|ca|cert|public|pub|bundle|chain)\b", re.IGNORECASE)
_NO_FROM = "no FROM or ARG begins the file"
_LONGEST = 100_000
_MOST = 2_000


@dataclass(frozen=True, slots=True)
class Step:
    """One instruction: its word in capitals, what follows, and where each line of it stands."""

    word: str
    text: str
    line: int


def parse_dockerfile(text: str) -> Node:
    """The instructions as a list of mappings.  Raises MalformedError when the file is no Dockerfile."""
    found = list(steps(text))
    first = next((s for s in found if s.word not in {"ARG", "LABEL"}), None)
    if found and (first is None or first.word != "FROM") and found[0].word != "ARG":
        raise MalformedError(_NO_FROM, found[0].line)
    return Node([Node({s.word: Node(s.text, s.line, s.line)}, s.line, s.line) for s in found], 1, 1)


def steps(text: str) -> Iterator[Step]:
    """The instructions, continued lines joined and heredocs taken in; lines that are none are passed over."""
    lines = text[:_LONGEST].split("\n")
    escape, ends = _escape(lines), _ends(lines)
    at = told = 0
    while at < len(lines) and told < _MOST:
        begun = at
        parts, at = _logical(lines, at, escape)
        joined = "\n".join(parts)
        match = _INSTRUCTION.match(joined) if joined.strip() else None
        if match is None or match[1].upper() not in _KNOWN:
            continue
        for heredoc in _HEREDOC.findall(joined)[:5] if match[1].upper() in {"RUN", "COPY", "ADD"} else ():
            body, at = _until(lines, at, ends.get(heredoc[1], ()))
            joined += "\n" + "\n".join(body)
        told += 1
        word, rest = _INSTRUCTION.match(joined), begun + 1
        if word:
            yield Step(word[1].upper(), word[2], rest + _leading(joined))


def _leading(text: str) -> int:
    return text[: len(text) - len(text.lstrip())].count("\n")


def _escape(lines: list[str]) -> str:
    for line in lines[:10]:
        if match := _ESCAPE.match(line.strip()):
            return match[1]
        if line.strip() and not line.lstrip().startswith("#"):
            break
    return "\\"


def _logical(lines: list[str], at: int, escape: str) -> tuple[list[str], int]:
    """The physical lines of one instruction; comments among them are blanked so that lines still count."""
    parts: list[str] = []
    while at < len(lines):
        line = lines[at].rstrip()
        at += 1
        if line.lstrip().startswith("#"):
            if not parts:
                return [], at
            parts.append("")
        elif line.endswith(escape):
            parts.append(line[:-1])
        elif line or not parts:
            parts.append(line)
            break
        else:
            parts.append("")
    return parts, at


def _until(lines: list[str], at: int, ends: Sequence[int]) -> tuple[list[str], int]:
    """What stands before the first of the lines `ends`, and where to go on; nothing where none follows."""
    found = bisect_left(ends, at)
    return ([], at) if found == len(ends) else (lines[at : ends[found]], ends[found] + 1)


def _ends(lines: list[str]) -> dict[str, list[int]]:
    """The lines that could end a heredoc, by the word on them."""
    found: dict[str, list[int]] = defaultdict(list)
    for number, line in enumerate(lines):
        if (word := line.strip()) and word.isidentifier():
            found[word].append(number)
    return found


def dockerfile(document: Document, book: Book) -> Iterator[Record]:
    """The records of one Dockerfile: one consumer, the image, with what is built into it."""
    found = [(w, n) for s in document.root.list for w, n in s.map.items()]
    if not any(word == "FROM" for word, _ in found):
        return
    teller = Teller(document, book, _PLATFORM)
    mine = f"{teller.base}:(image)"
    held = teller.held(mine, [spot for word, node in found for spot in _spots(word, node)])
    uses = [use for word, node in found for use in _given(teller, mine, word, node)]
    image, argv = _base(found), [w for word, n in found if word in {"CMD", "ENTRYPOINT"} for w in _words(n.text or "")]
    line = next(n.line for word, n in found if word == "FROM")
    user = next((n.text or "" for word, n in reversed(found) if word == "USER"), None)
    yield teller.consumer(
        mine, document.path, line, kind=kind_of(image, argv), platform=_PLATFORM, image=image, sandbox=_user(user)
    )
    yield from held
    yield from uses


def _user(user: str | None) -> str | None:
    """Whether the image says that it runs as root; without USER the base image decides."""
    return "root" if user is not None and user.strip().split(":")[0] in {"root", "0"} else None


def _base(found: list[tuple[str, Node]]) -> str | None:
    """The image that the last stage builds on, through stages of the same file."""
    stages: dict[str, str] = {}
    image = None
    for word, node in found:
        if word != "FROM":
            continue
        parts = [w for w in (node.text or "").split() if not w.startswith("--")]
        if not parts:
            continue
        image = stages.get(parts[0].lower(), parts[0])
        if len(parts) >= 3 and parts[1].lower() == "as":
            stages[parts[2].lower()] = image
    return None if image == "scratch" else image


def _spots(word: str, node: Node) -> Iterator[Spot | Found]:
    text = node.text or ""
    match word:
        case "ENV" | "LABEL" | "ARG":
            yield from _assignments(word, text, node.line)
        case "RUN" | "CMD" | "ENTRYPOINT" | "HEALTHCHECK":
            for number, line in enumerate(text.split("\n")):
                argv = _words(line) if text.startswith("[") else shell_words(line)
                yield from _literals(arg_spots([(w, node.line + number) for w in argv]))
        case "ADD":
            for piece in text.split():
                if "://" in piece:
                    yield from url_spots(piece, node.line)


def _literals(spots: Iterator[Spot | Found]) -> Iterator[Spot]:
    """What a build runs refers to its own variables all the time; only values tell something."""
    return (s for s in spots if isinstance(s, Spot) and "$" not in s.value)


def _assignments(word: str, text: str, line: int) -> Iterator[Spot | Found]:
    for number, part in enumerate(text.split("\n")):
        pieces = shell_words(part)
        if word == "ENV" and number == 0 and pieces and "=" not in pieces[0]:
            pieces = [f"{pieces[0]}={' '.join(pieces[1:])}"]
        for piece in pieces:
            name, assigned, value = piece.partition("=")
            at = line + number
            if not assigned:
                if word == "ARG" and words.names_credential(name):
                    yield Found("arg", name, at, Form.REFERENCE, reference=name)
            elif word != "LABEL" or words.names_credential(name):
                yield Spot("arg" if word == "ARG" else "env", name, value, at)
                if "://" in value and " " not in value:
                    yield from url_spots(value, at, place="env")


def _given(teller: Teller, mine: str, word: str, node: Node) -> Iterator[Record]:
    text = node.text or ""
    if word == "RUN":
        for kind, options in _MOUNT.findall(text)[:20]:
            name = _ID.search(options)
            if kind == "ssh":
                yield teller.use(mine, "host", "ssh_agent", node.line, None, UseHow.MOUNTED)
            else:
                yield teller.use(mine, "file", name[1] if name else "secret", node.line, Form.VAULT, UseHow.MOUNTED)
    elif word in {"COPY", "ADD"} and "--from=" not in text:
        sources = [w for w in _words(text) if not w.startswith("--")][:-1]
        for source in sources[:100]:
            if (_KEY_FILES.search(source) and not _SAMPLE.search(source)) or host_place(source) in {
                "ssh_keys", "cloud_profile", "kubeconfig", "registry_login", "credential_file",
            }:  # fmt: skip
                yield teller.use(mine, "file", source, node.line, Form.REFERENCE, UseHow.MOUNTED)


def _words(text: str) -> list[str]:
    """The words of an instruction in either notation."""
    if text.lstrip().startswith("["):
        return [a or b for a, b in re.findall(r'"((?:[^"\\]|\\.)*)"|\'([^\']*)\'', text)]
    return [w for part in text.split("\n") for w in shell_words(part)]
