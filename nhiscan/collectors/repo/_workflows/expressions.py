"""`${{ }}` expressions read, never evaluated: which contexts and secrets they name, and what outsiders wrote in them.

Source: https://docs.github.com/actions/reference/workflows-and-actions/expressions (read 2026-11).
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

# As many as no workflow has; a value with more is no configuration.
_MOST = 500
_LONGEST = 4_000
_STRING = re.compile(r"'(?:[^']|'')*'")
_PATH = re.compile(
    r"(?<![\w.'-])(?P<root>[A-Za-z_][\w-]*)(?P<rest>(?:\s*\.\s*(?:[A-Za-z_][\w-]*|\*)|\s*\[[^\[\]]*\])*)"
)
_STEP = re.compile(r"\.\s*([A-Za-z_][\w-]*|\*)|\[\s*(?:'((?:[^']|'')*)'|([^\[\]]*))\s*\]")
_CONTEXTS = frozenset(
    {"github", "env", "vars", "job", "jobs", "steps", "runner", "secrets", "strategy", "matrix", "needs", "inputs"}
)
_WHOLE = re.compile(r"\btojson\s*\(\s*secrets\s*\)", re.IGNORECASE)
_PARSED = re.compile(r"\bfromjson\s*\(\s*secrets(?:\.([\w-]+)|\[\s*'([^']+)'\s*\])\s*\)\s*[.\[]", re.IGNORECASE)
# What somebody without write access chooses, of https://docs.github.com/actions/reference/security/secure-use.
_OUTSIDERS = re.compile(
    r"github\.head_ref"
    r"|github\.event\.(?:issue|pull_request|discussion|release)\.(?:title|body)"
    r"|github\.event\.(?:comment|review|review_comment)\.body"
    r"|github\.event\.pull_request\.head\.(?:ref|label|repo\.(?:default_branch|description|homepage))"
    r"|github\.event\.workflow_run\.(?:head_branch|display_title|head_repository\.description"
    r"|head_commit\.(?:message|author\.(?:email|name))|pull_requests(?:\.\*|\[\?\])?\.head\.ref)"
    r"|github\.event\.(?:commits(?:\.\*|\[\?\])?|head_commit)\.(?:message|author\.(?:email|name))"
    r"|github\.event\.pages(?:\.\*|\[\?\])?\.page_name|github\.event\.changes\..*\.from"
    r"|github\.event\.client_payload\..*"
)
_HEAD = re.compile(
    r"github\.head_ref|github\.event\.pull_request\.(?:head\..*|merge_commit_sha|number)|github\.event\.number"
    r"|github\.event\.issue\.number|github\.event\.workflow_run\.(?:head_(?:sha|branch|repository\..*|commit\.id)|pull_requests.*)"
)


@dataclass(frozen=True, slots=True)
class Expression:
    """The text between `${{` and `}}`, and where it stands in the value."""

    body: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret that an expression names; `name` is None where all are meant or the name is computed.

    `parsed`: one part of a structured secret is taken out, which GitHub does not mask in logs.
    """

    name: str | None
    parsed: bool = False


def expressions(text: str) -> Iterator[Expression]:
    """The expressions of a value, at most 500; one that is not closed ends the search."""
    at = 0
    for _ in range(_MOST):
        start = text.find("${{", at)
        if start < 0:
            return
        end = text.find("}}", start)
        if end < 0:
            return
        yield Expression(text[start + 3 : min(end, start + 3 + _LONGEST)], start, end + 2)
        at = end + 2


def conditional(text: str) -> str:
    """The expression of an `if:`, which may go without its braces."""
    text = text.strip()
    return text[3:-2] if text.startswith("${{") and text.endswith("}}") else text


@functools.lru_cache(maxsize=2_048)  # a repository's workflows say the same few over and over
def contexts(body: str) -> tuple[str, ...]:
    """The contexts an expression reads, as dotted paths in lower case; an index that is computed is `[?]`."""
    return tuple(
        match["root"].lower() + "".join(_part(s) for s in _STEP.finditer(match["rest"]))
        for match in _PATH.finditer(_STRING.sub(_kept, body))
        if match["root"].lower() in _CONTEXTS
    )


def secrets(body: str) -> Iterator[Secret]:
    """The secrets an expression names, each once."""
    parsed = {(m[1] or m[2]).upper() for m in _PARSED.finditer(body)}
    seen: set[str | None] = set()
    for path in contexts(body):
        root, _, name = path.partition(".")
        if root not in {"secrets", "secrets[?]"}:
            continue
        found = name.upper() if root == "secrets" and name and "*" not in name and "[?]" not in name else None
        if found is None and root == "secrets" and not name and not _WHOLE.search(body):
            continue
        if found not in seen:
            seen.add(found)
            yield Secret(found, found in parsed)


def names_token(body: str) -> bool:
    """Whether the expression is the job's own token."""
    return any(p in {"github.token", "secrets.github_token"} for p in contexts(body))


def from_outside(body: str) -> bool:
    """Whether the expression holds text that somebody without write access chose."""
    return any(_OUTSIDERS.fullmatch(p) for p in contexts(body))


def of_head(body: str) -> bool:
    """Whether the expression names the head of a pull request or of the run that set this one off."""
    return any(_HEAD.fullmatch(p) for p in contexts(body))


def _kept(match: re.Match[str]) -> str:
    """A string stays where it indexes (`secrets['X']`), since nothing in it is a context elsewhere."""
    before = match.string[max(match.start() - 40, 0) : match.start()].rstrip()
    return match[0] if before.endswith("[") else "''"


def _part(step: re.Match[str]) -> str:
    name = step[1] if step[1] is not None else step[2]
    return "[?]" if name is None else f".{name.lower()}"
