"""Who answers for a line of a checkout: CODEOWNERS (the team that reviews it) and blame (the person who wrote it)."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._git import Git, GitError
from nhiscan.detect.conceal import conceal
from nhiscan.plugin import Confidence, Owner, OwnerBasis, OwnerKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from nhiscan.collectors.repo._tree import Checkout

# GitHub reads the first of the first three, GitLab of the root, docs and .gitlab.
_PLACES = (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS", ".gitlab/CODEOWNERS")
_SECTION = re.compile(r"\^?\[[^\]]+\](?:\[\d+\])?(?P<owners>.*)")
_OWNER = re.compile(r"@?[\w.-]+@[\w.-]+\.\w+|@@?[\w][\w./-]*")
_LONGEST = 3_000_000  # GitHub ignores a larger file
_MOST_FILES = 200
_MOST_LINES = 50


@dataclass(frozen=True, slots=True)
class CodeOwners:
    """The rules of a CODEOWNERS file in order; the last that matches a path decides."""

    rules: Sequence[tuple[re.Pattern[str], tuple[str, ...]]]

    def of(self, path: str) -> tuple[str, ...]:
        """The owners of a path relative to the root; empty when nobody is named or the path is exempted."""
        return next((owners for pattern, owners in reversed(self.rules) if pattern.match(path)), ())


@dataclass(frozen=True, slots=True)
class Blame:
    """Who last wrote a line, in which commit, and when (UTC)."""

    commit: str
    author: str
    time: datetime | None


def code_owners(checkout: Checkout) -> CodeOwners:
    """The rules of the checkout's CODEOWNERS file; without one, none."""
    known = {f.path: f for f in checkout.files() if f.path in _PLACES}
    for place in _PLACES:
        file = known.get(place)
        data = checkout.read(file, _LONGEST) if file is not None else None
        if data is not None:
            return parse(data.decode("utf-8", "replace"))
    return CodeOwners(())


def code_owners_at(git: Git, commit: str | None) -> CodeOwners:
    """The rules of the CODEOWNERS file of a commit; without one, none.  Raises GitError."""
    from nhiscan.collectors.repo import _objects

    names = [f"{commit}:{place}" for place in _PLACES] if commit else []
    found = [p for p in _objects.read(git, names) if p.kind == "blob" and len(p.data) <= _LONGEST]
    return parse(found[0].data.decode("utf-8", "replace")) if found else CodeOwners(())


def parse(text: str) -> CodeOwners:
    """CODEOWNERS as GitHub and GitLab document it; sections of GitLab give default owners, broken lines are skipped."""
    rules: list[tuple[re.Pattern[str], tuple[str, ...]]] = []
    default: tuple[str, ...] = ()
    for raw in text.splitlines():
        line = re.split(r"(?:^|\s)#", raw, maxsplit=1)[0].strip()
        if not line:
            continue
        if section := _SECTION.fullmatch(line):
            default = _names(section["owners"])
            continue
        pattern, *rest = re.split(r"(?<!\\)\s+", line)
        if not pattern.startswith("!"):
            rules.append((_glob(pattern.replace("\\ ", " ")), _names(" ".join(rest)) or default))
    return CodeOwners(tuple(rules))


def owners(subject_id: str, scope_id: str, source: str, names: Iterable[str], basis: OwnerBasis) -> Iterator[Owner]:
    """Owner records for a subject; CODEOWNERS is believed with medium, blame with low confidence."""
    for name in dict.fromkeys(names):
        yield Owner(
            id=f"{subject_id}#owner/{basis}/{name}",
            scope_id=scope_id,
            source=source,
            subject_id=subject_id,
            name=name,
            kind=OwnerKind.TEAM if name.startswith("@") and "/" in name else OwnerKind.PERSON,
            basis=basis,
            confidence=Confidence.MEDIUM if basis is OwnerBasis.CODEOWNERS else Confidence.LOW,
        )


def blame(checkout: Checkout, wanted: Mapping[str, set[int]]) -> dict[tuple[str, int], Blame]:
    """The last writer of the wanted lines, for files that are as HEAD has them.

    A file that was edited since gives nothing: its lines cannot be matched without running the repository's filters.
    At most 200 files and 50 lines of each are asked for.
    """
    git, head = checkout.git, checkout.head
    if git is None or head is None or not wanted:
        return {}
    try:
        same = _unchanged(checkout, git, head, sorted(wanted))
        shallow = git.run("rev-parse", "--is-shallow-repository").strip() == b"true"
    except GitError:
        return {}
    found: dict[tuple[str, int], Blame] = {}
    for path in islice(same, _MOST_FILES):
        lines = sorted(wanted[path])[:_MOST_LINES]
        ranges = [part for line in lines for part in ("-L", f"{line},{line}")]
        try:
            out = git.run("blame", "--porcelain", "--no-textconv", *ranges, head, "--", path, timeout=20.0)
        except GitError:
            continue
        found.update(((path, line), who) for line, who in _porcelain(out, shallow=shallow))
    return found


def _unchanged(checkout: Checkout, git: Git, head: str, paths: Sequence[str]) -> list[str]:
    out = git.run("ls-tree", "-r", "-z", head, "--", *paths[: 4 * _MOST_FILES])
    ids = {}
    for row in out.split(b"\0"):
        meta, _, name = row.partition(b"\t")
        if len(fields := meta.split()) == 3:
            ids[name.decode("utf-8", "surrogateescape")] = fields[2].decode("ascii")
    same = []
    for path, oid in ids.items():
        try:
            data = (checkout.root / path).read_bytes()
        except OSError:
            continue
        digest = hashlib.new("sha256" if len(oid) == 64 else "sha1", usedforsecurity=False)
        digest.update(b"blob %d\0" % len(data) + data)
        if digest.hexdigest() == oid:
            same.append(path)
    return same


def _porcelain(out: bytes, *, shallow: bool) -> Iterator[tuple[int, Blame]]:
    """Line numbers and writers of `git blame --porcelain`; the lines themselves are never kept."""
    about: dict[str, dict[str, str]] = {}
    commit, line = "", 0
    for raw in out.split(b"\n"):
        if raw.startswith(b"\t"):
            facts = about[commit]
            # In a shallow clone the oldest commit seems to have written everything before it.
            if not (shallow and "boundary" in facts):
                yield line, Blame(commit, _plain(facts.get("author", "")), _time(facts.get("author-time", "")))
            continue
        word, _, rest = raw.decode("utf-8", "replace").partition(" ")
        if re.fullmatch(r"[0-9a-f]{40}(?:[0-9a-f]{24})?", word):
            commit, line = word, int(rest.split()[1])
            about.setdefault(commit, {})
        elif commit and word:
            about[commit].setdefault(word, rest)


def _plain(name: str) -> str:
    """The author's name; of a name that is an address only the part before the `@`."""
    return conceal("".join(c for c in name.partition("@")[0].strip(" <>") if c.isprintable()))[:200]


def _time(text: str) -> datetime | None:
    try:
        return datetime.fromtimestamp(int(text), UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _names(text: str) -> tuple[str, ...]:
    return tuple(conceal(m[0]) for m in _OWNER.finditer(text))


def _glob(pattern: str) -> re.Pattern[str]:
    """The patterns of gitignore as far as CODEOWNERS knows them: `*`, `?`, `**`, a leading and a trailing slash."""
    core = pattern.strip("/")
    anchored = pattern.startswith("/") or "/" in core
    parts = {"**/": r"(?:[^/]+/)*", "/**": r"/.+", "**": r".*", "*": r"[^/]*", "?": r"[^/]"}
    body = re.sub(r"/\*\*$|\*\*/|\*\*|\*|\?|[^*?/]+|/", lambda m: parts.get(m[0]) or re.escape(m[0]), core)
    end = "/" if pattern.endswith("/") else r"\Z" if core.endswith("/*") else r"(?:/|\Z)"
    return re.compile(("" if anchored else r"(?:.*/)?") + body + end)
