"""Plain values of variables and start-up scripts: read only when the run asks for it, detected, and dropped.

The inventory of assets hands them over with everything else.  Without `--read-config-values` only their number is
told, in one gap; with it a value goes straight into the detector, and what is found leaves as a credential with a keyed
fingerprint.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from nhiscan.collectors._common.values import text
from nhiscan.plugin import Credential, Exposure, ExposurePart, Form, Use, UseHow

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from nhiscan.collectors._rest.ask import Ask
    from nhiscan.collectors.gcp._things import Thing
    from nhiscan.detect.candidate import Candidate
    from nhiscan.plugin import Gap, Record

REMEDY = "run again with --read-config-values"
_COLUMNS = frozenset({"key_id", "account_id", "exp", "iat"})  # facts that have a column of their own
_LONGEST_NAME = 100


@dataclass(slots=True)
class Values:
    """The values of all workloads of a unit."""

    ask: Ask
    _holders: set[str] = field(default_factory=set)

    def of(self, thing: Thing, pairs: Iterable[tuple[str, object]]) -> Iterator[Record]:
        """What the variables of a workload hold."""
        known = sorted({name: v for name, v in pairs if isinstance(v, str) and v and text(name)}.items())
        if known and not self.ask.ctx.read_config_values:
            self._holders.add(thing.id)
        elif known:
            yield from _found(thing, known)

    def told(self) -> Iterator[Gap]:
        """The gap of what was left unread: nothing when nothing was."""
        if self._holders:
            plural = "s" if len(self._holders) > 1 else ""
            detail = f"configuration values of {len(self._holders)} workload{plural} were not read"
            yield self.ask.gap("values", ("exposure",), detail, REMEDY)


def _found(thing: Thing, known: list[tuple[str, str]]) -> Iterator[Record]:
    from nhiscan.detect.conceal import conceal_name
    from nhiscan.detect.scan import shipped

    # One line for each, so that the line of a candidate names its variable.
    lines = [f"{json.dumps(n, ensure_ascii=False)}: {json.dumps(v, ensure_ascii=False)}" for n, v in known]
    counted: Counter[str] = Counter()
    for item in shipped().scan("\n".join(lines).encode("utf-8", "replace"), "environment.json"):
        shown = (conceal_name(known[item.line - 1][0]) or "")[:_LONGEST_NAME] or None
        label = (shown or item.format or str(item.kind))[:_LONGEST_NAME]
        counted[label] += 1
        yield from _records(thing, item, f"#env:{label}:{counted[label]}", shown)


def _records(thing: Thing, item: Candidate, where: str, name: str | None) -> Iterator[Record]:
    credential = _credential(thing, item, where, name)
    yield credential
    yield Exposure(
        **thing.seen(f"{where}@exposure"), credential_id=credential.id, uri=thing.id, key_name=name,
        detector=item.format or item.detector, part=item.part,
    )  # fmt: skip
    yield Use(
        **thing.seen(f"{where}@use"), consumer_id=thing.id, credential_id=credential.id, how=UseHow.ENV,
        form=Form.LITERAL, name=name, place="env", uri=thing.id,
    )  # fmt: skip


def _credential(thing: Thing, item: Candidate, where: str, name: str | None) -> Credential:
    return Credential(
        **thing.seen(where),
        provider=item.provider if item.provider != "generic" else None,
        kind=item.kind,
        name=name,
        format=item.format,
        lifetime=item.lifetime,
        issued_at=_moment(item.facts.get("iat")),
        expires_at=_moment(item.facts.get("exp")),
        key_id=item.facts.get("key_id"),
        account_id=item.facts.get("account_id"),
        fingerprint=thing.ask.ctx.key.fingerprint(item.value) if item.part is ExposurePart.VALUE else None,
        public=item.public,
        human=item.human,
        facts={k: v for k, v in sorted(item.facts.items()) if k not in _COLUMNS},
        confidence=item.confidence,
    )


def _moment(known: str | None) -> datetime | None:
    return datetime.fromisoformat(known) if known else None
