"""Values of environments, arguments and start-up scripts: read only when the run asks for it, detected, and dropped.

Without `--read-config-values` only the names of variables are looked at, and one gap for each kind of workload tells
of how many the values were left unread.  With it, a value goes straight into the detector; what is found leaves as a
credential with a keyed fingerprint, and a reference to Secrets Manager or Systems Manager as a use of that store.
"""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from collections import Counter
from datetime import datetime
from typing import TYPE_CHECKING

from nhiscan.collectors._common.values import text
from nhiscan.collectors.aws._seen import seen
from nhiscan.collectors.aws._workloads import from_vault, vault
from nhiscan.plugin import Credential, Exposure, ExposurePart, Form, Lifetime, Use, UseHow

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from nhiscan.collectors.aws._ask import Ask
    from nhiscan.detect.candidate import Candidate
    from nhiscan.plugin import Gap, Record

REMEDY = "run again with --read-config-values, and the permissions that `nhiscan permissions aws` prints for it"
ENV = "env"
_COLUMNS = frozenset({"key_id", "account_id", "exp", "iat"})  # facts that have a column of their own
_LONGEST_NAME = 100
_LONGEST_SCRIPT = 1_000_000  # EC2 takes 16 KB; compressed text may be some fifty times that


class Values:
    """The values of one kind of workload (`kind` as it is told in the gap: "function")."""

    def __init__(self, ask: Ask, kind: str) -> None:
        self._ask = ask
        self._kind = kind
        self._unread = 0
        self._holders: set[str] = set()
        self._suspicious: set[str] = set()

    @property
    def wanted(self) -> bool:
        """Whether the run asked for values."""
        return self._ask.ctx.read_config_values

    def variables(self, arn: str, pairs: Iterable[tuple[str, object]], place: str = ENV) -> Iterator[Record]:
        """What the variables of a workload hold; `place` tells several sets of one workload apart."""
        known = sorted({name: value for name, value in pairs if text(name)}.items())
        if known and not self.wanted:
            self._count(arn, (name for name, _ in known))
        elif known:
            yield from _in_variables(self._ask, arn, known, place)

    def script(self, arn: str, encoded: object, place: str = "user_data") -> Iterator[Record]:
        """What a start-up script holds, as EC2 encodes it."""
        if not isinstance(encoded, str) or not encoded:
            return
        if not self.wanted:
            self._count(arn, ())
            return
        from nhiscan.detect.scan import shipped

        body = decoded(encoded)
        if body:
            yield from _records(
                self._ask, arn, place, ((c, c.key_name, c.line) for c in shipped().scan(body, "user-data"))
            )

    def unread(self, arn: str) -> None:
        """A workload whose values were not even asked for."""
        self._count(arn, ())

    def told(self) -> Iterator[Gap]:
        """The gap of what was left unread: nothing when nothing was."""
        if not self._holders:
            return
        yield self._ask.gap(f"values/{self._kind}", ("exposure",), self._detail(), REMEDY)

    def _detail(self) -> str:
        number = len(self._holders)
        detail = f"configuration values of {number} {self._kind}{'s' if number > 1 else ''} were not read"
        names = sorted(self._suspicious)
        if names:
            more = f" and {len(names) - 3} more" if len(names) > 3 else ""
            detail += f"; variables named like credentials: {', '.join(names[:3])}{more}"
        return detail

    def _count(self, arn: str, names: Iterable[str]) -> None:
        from nhiscan.detect.conceal import conceal_name
        from nhiscan.detect.generic import speaks_of_secrets

        self._holders.add(arn)
        for name in names:
            shown = conceal_name(text(name))
            if shown and speaks_of_secrets(shown):
                self._suspicious.add(shown[:_LONGEST_NAME])


def decoded(encoded: str) -> bytes:
    """A start-up script from base64, unpacked when it is compressed; empty when it is neither."""
    try:
        raw = base64.b64decode(encoded, validate=False)
    except (binascii.Error, ValueError):
        return b""
    if not raw.startswith(b"\x1f\x8b"):
        return raw[:_LONGEST_SCRIPT]
    try:
        return zlib.decompressobj(wbits=31).decompress(raw, _LONGEST_SCRIPT)
    except zlib.error:
        return b""


def _in_variables(ask: Ask, arn: str, known: list[tuple[str, object]], place: str) -> Iterator[Record]:
    from nhiscan.detect.conceal import conceal_name
    from nhiscan.detect.scan import shipped

    names: list[str | None] = []
    lines: list[str] = []
    for name, value in known:
        if not isinstance(value, str) or not value:
            continue
        shown = (conceal_name(text(name)) or "")[:_LONGEST_NAME] or None
        if store := vault(ask, value):
            yield from_vault(ask, arn, shown or "variable", store, place=place)
            continue
        # One line for each, so that the line of a candidate names its variable.
        names.append(shown)
        lines.append(f"{json.dumps(name, ensure_ascii=False)}: {json.dumps(value, ensure_ascii=False)}")
    data = "\n".join(lines).encode("utf-8", "replace")
    found = shipped().scan(data, "environment.json") if lines else []
    yield from _records(ask, arn, place, ((c, names[c.line - 1], None) for c in found))


def _records(
    ask: Ask, arn: str, place: str, found: Iterable[tuple[Candidate, str | None, int | None]]
) -> Iterator[Record]:
    from nhiscan.detect.conceal import conceal_name

    ordinals: Counter[str] = Counter()
    for item, name, line in found:
        shown = conceal_name(name)
        label = (shown or item.format or str(item.kind))[:_LONGEST_NAME]
        ordinals[label] += 1
        where = f"{arn}#{place}:{label}:{ordinals[label]}"
        credential = _credential(ask, item, where, shown)
        yield credential
        yield Exposure(
            **seen(ask, f"{where}@exposure", arn), credential_id=credential.id, uri=arn, line=line, key_name=shown,
            detector=item.format or item.detector, part=item.part,
        )  # fmt: skip
        yield Use(
            **seen(ask, f"{where}@use", arn), consumer_id=arn, credential_id=credential.id,
            how=UseHow.ENV if place.startswith(ENV) else UseHow.CONFIGURED, form=Form.LITERAL, name=shown, place=place,
            uri=arn, line=line,
        )  # fmt: skip


def _credential(ask: Ask, item: Candidate, where: str, name: str | None) -> Credential:
    key_id = item.facts.get("key_id")
    public_id = f"aws:access_key/{key_id}" if item.provider == "aws" and key_id else None
    short = public_id is not None and str(key_id).startswith("ASIA")
    return Credential(
        **seen(ask, public_id or where, where.split("#", 1)[0]),
        provider=item.provider if item.provider != "generic" else None,
        kind=item.kind,
        name=name,
        format=item.format,
        lifetime=Lifetime.SHORT_LIVED if short else item.lifetime,
        issued_at=_moment(item.facts.get("iat")),
        expires_at=_moment(item.facts.get("exp")),
        key_id=key_id,
        account_id=item.facts.get("account_id"),
        fingerprint=ask.ctx.key.fingerprint(item.value) if item.part is ExposurePart.VALUE else None,
        public=item.public,
        human=item.human,
        facts={k: v for k, v in sorted(item.facts.items()) if k not in _COLUMNS},
        confidence=item.confidence,
    )


def _moment(known: str | None) -> datetime | None:
    return datetime.fromisoformat(known) if known else None
