"""Parts of one credential found apart: an AWS access key id and its secret are one credential, not two."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from dataclasses import replace
from typing import TYPE_CHECKING

from nhiscan.detect import noise
from nhiscan.detect.aws_key import account_of
from nhiscan.detect.confirm import Lines
from nhiscan.model import Confidence, ExposurePart
from nhiscan.sensitive import Sensitive

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from nhiscan.detect.candidate import Candidate
    from nhiscan.detect.formats import Format, Pair

KEY_ID = "aws-access-key-id"
SECRET = "aws-secret-access-key"  # noqa: S105 - the id of a format
SESSION = "aws-session-token"
BARE = "nhiscan.bare"
_NEAR = 10  # lines; profiles, .env files and constructor calls keep the two together
_BARE_NEAR = 3
_WINDOW = 400  # bytes
_MOST = 100  # secrets weighed for one key id; only a generated file has more within ten lines
_BARE = re.compile(rb"(?<![A-Za-z0-9/+=._-])[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])")


def join(found: list[Candidate], data: bytes, formats: Sequence[Format] = ()) -> list[Candidate]:
    """The candidates with each id and the nearest secret of the same credential made one, and accounts filled in."""
    present = {c.format for c in found}
    for item in formats:
        if item.pair is not None and item.id in present and item.pair.format in present:
            found = _joined(found, item, item.pair)
    return _aws(found, data)


def _joined(found: list[Candidate], item: Format, pair: Pair) -> list[Candidate]:
    """One kind of pair: the secret takes the facts of the id next to it; the id stays a place of its own."""
    ids = [c for c in found if c.format in {item.id, pair.format} and c.part is ExposurePart.KEY_ID]
    secrets = [c for c in found if c.format in {item.id, pair.format} and c.part is not ExposurePart.KEY_ID]
    partner = _closest(ids, secrets, pair.within)
    told = {id(secrets[j]): ids[i] for i, j in partner.items()}
    return [
        replace(c, facts={**told[id(c)].facts, **c.facts}, confidence=Confidence.HIGH, basis=f"{c.basis} + pair")
        if id(c) in told
        else c
        for c in found
    ]


def _aws(found: list[Candidate], data: bytes) -> list[Candidate]:
    ids = [c for c in found if c.format == KEY_ID and c.part is ExposurePart.KEY_ID]
    if not ids:
        return found
    secrets = [c for c in found if c.format == SECRET]
    secrets += _bare_secrets(ids, found, data)
    partner = _closest(ids, secrets)
    out = [c for c in found if c.format not in {KEY_ID, SECRET}]
    # The id stays a place of its own: a reference to the variable that holds it must find it.
    out += [_key_id(c) for c in ids]
    out += [pair(ids[i], secrets[j]) for i, j in partner.items()]
    used = set(partner.values())
    out += [c for j, c in enumerate(secrets) if j not in used and c.detector != BARE]
    return sorted(out, key=lambda c: c.start)


def _closest(ids: list[Candidate], secrets: list[Candidate], within: int = _NEAR) -> dict[int, int]:
    """For each key id (by index) the secret (by index) next to it; those that follow come before those that lead."""
    order = sorted(range(len(secrets)), key=lambda j: secrets[j].line)
    lines = [secrets[j].line for j in order]
    near = [
        (abs(secrets[j].line - k.line), secrets[j].start < k.start, abs(secrets[j].start - k.start), i, j)
        for i, k in enumerate(ids)
        for j in order[bisect_left(lines, k.line - within) : bisect_right(lines, k.line + within)][:_MOST]
    ]
    partner: dict[int, int] = {}
    used: set[int] = set()
    for *_, i, j in sorted(near):
        if i not in partner and j not in used:
            partner[i] = j
            used.add(j)
    return partner


def _key_id(item: Candidate) -> Candidate:
    name = item.value.reveal()
    facts = {**item.facts, "key_id": name}
    if account := account_of(name):
        facts["account_id"] = account
    return replace(item, facts=facts, part=ExposurePart.KEY_ID)


def pair(key: Candidate, secret: Candidate) -> Candidate:
    """The one credential that a key id and a secret are, at the place of the secret."""
    known = _key_id(key)
    return replace(
        known, value=secret.value, line=secret.line, start=secret.start, end=secret.end, part=ExposurePart.VALUE,
        key_name=secret.key_name or key.key_name, confidence=Confidence.HIGH,
    )  # fmt: skip


def _bare_secrets(ids: list[Candidate], found: Iterable[Candidate], data: bytes) -> list[Candidate]:
    """Values shaped like a secret within three lines of a key id, though no name says so."""
    lines = Lines(data)
    known = sorted((c.start, c.end) for c in found if c.format is not None)
    seen: dict[int, Candidate] = {}
    for key in ids:
        for match in _BARE.finditer(data, max(0, key.start - _WINDOW), key.end + _WINDOW):
            start, end = match.span()
            place = bisect_left(known, (end, 0))
            if start in seen or (place and known[place - 1][1] > start):
                continue
            line, text = lines.at(start), match[0].decode("ascii")
            if abs(line - key.line) <= _BARE_NEAR and _secret_like(text):
                seen[start] = replace(
                    key, format=SECRET, value=Sensitive(text), line=line, start=start, end=end, key_name=None,
                    detector=BARE,
                )  # fmt: skip
    return list(seen.values())


def _secret_like(text: str) -> bool:
    mixed = any(c.islower() for c in text) and any(c.isupper() for c in text) and any(c.isdigit() for c in text)
    return mixed and noise.entropy(text) > 4.2 and not noise.is_placeholder(text)
