"""What the tests of Entra share: a unit that is read from a Graph twin, and records compared with what is true."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from nhiscan.collect.protocol import Context, Target, Unit
from nhiscan.collectors._rest.session import Session
from nhiscan.collectors._rest.waiting import Patience
from nhiscan.collectors.azure.entra import COLLECTOR
from nhiscan.model import AttachmentKind, TrustKind
from nhiscan.sensitive import FingerprintKey
from tests.twins.graph_rows import TENANT

if TYPE_CHECKING:
    from collections.abc import Iterable

    from nhiscan.model import Record
    from tests.twins.graph import GraphTwin
    from tests.twins.graph_rows import Estate

PATIENT = Patience(attempts=3, timeout_s=2.0, first_s=0.01)


class At:
    """Access to a twin; each fresh proof is another token."""

    def __init__(self, url: str) -> None:
        self.url, self.fresh = url, 0

    def base(self, service: str) -> str:
        return self.url

    def headers(self, service: str, *, renew: bool) -> dict[str, str]:
        self.fresh += renew
        return {"Authorization": f"Bearer token-{self.fresh}"}


def unit() -> Unit:
    params = {"tenant": TENANT, "_id": TENANT, "_kind": "tenant", "_name": "Acme"}
    return Unit("azure.entra:t", "azure.entra", f"azure:tenant/{TENANT}", Target("azure:all", "azure", "all"), params)


def context() -> Context:
    return Context(as_of=datetime(2026, 11, 1, tzinfo=UTC), key=FingerprintKey(b"k" * 32))


def collect(twin: GraphTwin, monkeypatch) -> dict[str, list[Record]]:
    """The records of the tenant by table."""
    made = []

    def session_of(params, operations, ctx) -> Session:
        made.append(Session(At(twin.url), operations, ctx.calls, home=params, budget_s=60.0, patience=PATIENT))
        return made[-1]

    monkeypatch.setattr("nhiscan.collectors.azure._session.session_of", session_of)
    found = defaultdict(list)
    try:
        for record in COLLECTOR.collect(unit(), context()):
            found[record.table].append(record)
    finally:
        for session in made:
            session.close()
    return found


def differences(found: dict[str, list[Record]], true: Estate) -> dict[str, set]:
    """What is missing of what is true, and what is told and not true, by kind of fact."""
    told = {
        "identities": {(r.id, r.kind.value) for r in found["identity"] if not _person(r)},
        "credentials": {r.id for r in found["credential"]},
        "trusts": {(r.kind.value, r.principal, r.target_id) for r in found["trust"]},
        "grants": {
            (r.principal_id, r.policy_id, r.target_id, r.eligible)
            for r in found["attachment"]
            if r.kind is AttachmentKind.GRANTS
        },
        "owners": {(r.subject_id, r.name) for r in found["owner"]},
        "members": {(r.identity_id, r.group_id) for r in found["member"]},
        "used": {r.id for r in (*found["identity"], *found["credential"]) if r.last_used_at is not None},
    }
    real = {name: getattr(true, name) for name in told} | {"identities": set(true.identities.items())}
    return {name: told[name] ^ real[name] for name in told if told[name] != real[name]}


def _person(record) -> bool:
    return record.class_ is not None and record.class_.value == "human"


def gaps(found: dict[str, list[Record]]) -> list[tuple[str | None, str]]:
    """The operation and reason of each gap."""
    return sorted((gap.operation or "", gap.reason.value) for gap in found["gap"])


def federations(found: Iterable[Record]) -> list[Record]:
    return [r for r in found if r.kind is TrustKind.FEDERATE]
