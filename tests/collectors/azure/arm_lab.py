"""What the tests of Resource Manager share: units read from a twin, from pages in memory, and compared with the truth."""

from __future__ import annotations

from collections import defaultdict
from contextlib import contextmanager
from datetime import UTC, datetime

from nhiscan.collect import registry
from nhiscan.collect.protocol import Context, Target, Unit
from nhiscan.collectors._common.errors import RefusedError
from nhiscan.collectors._common.place import Place
from nhiscan.collectors._rest.ask import Ask
from nhiscan.collectors._rest.session import Session
from nhiscan.collectors._rest.waiting import Patience
from nhiscan.plugin import GapReason
from nhiscan.sensitive import FingerprintKey
from tests.collectors.azure.entra_lab import At
from tests.twins.arm_estate import SUBSCRIPTIONS
from tests.twins.graph_rows import TENANT

PATIENT = Patience(attempts=3, timeout_s=2.0, first_s=0.005)
NAMES = ("foundry", "key_vaults", "local_auth", "logging", "managed_identities", "role_assignments", "workloads")


def context() -> Context:
    return Context(as_of=datetime(2026, 11, 1, tzinfo=UTC), key=FingerprintKey(b"k" * 32))


def unit(name: str, subscriptions=SUBSCRIPTIONS) -> Unit:
    params = {
        "tenant": TENANT,
        "subscriptions": ",".join(subscriptions),
        "_id": TENANT,
        "_kind": "estate",
        "_name": "Acme",
    }
    target = Target("azure:all", "azure", "all")
    return Unit(f"azure.{name}:t", f"azure.{name}", f"azure:tenant/{TENANT}", target, params)


def collect(monkeypatch, twin, *names: str, subscriptions=SUBSCRIPTIONS) -> dict[str, list]:
    """The records of these collectors by table."""
    made = []

    def session_of(params, operations, ctx) -> Session:
        made.append(Session(At(twin.url), operations, ctx.calls, home=params, budget_s=60.0, patience=PATIENT))
        return made[-1]

    monkeypatch.setattr("nhiscan.collectors.azure._session.session_of", session_of)
    found = defaultdict(list)
    try:
        for name in names or NAMES:
            for record in registry.load(f"azure.{name}").collect(unit(name, subscriptions), context()):
                found[record.table].append(record)
    finally:
        for session in made:
            session.close()
    return found


class Pages:
    """Answers from memory, by the name of the operation: a list of entries, a function of the call, or a refusal."""

    def __init__(self, **answers) -> None:
        self.answers = {name.replace("__", "."): answer for name, answer in answers.items()}
        self.asked = []

    def close(self) -> None:
        """Nothing is open."""

    def call(self, operation, params, query, body):
        return next(iter(self.pages(operation, params, query, body)))

    def pages(self, operation, params, query, body):
        name = operation.name.removeprefix("arm:")
        self.asked.append((name, params))
        answer = self.answers.get(name, denied(operation))
        if callable(answer):
            answer = answer(params)
        if isinstance(answer, RefusedError):
            raise answer
        yield {"data" if name.startswith("resourceGraph.") else "value": answer}


def denied(operation, code: str = "AuthorizationFailed") -> RefusedError:
    name = operation if isinstance(operation, str) else operation.name
    return RefusedError(GapReason.DENIED, name, f"{name} was denied", "grant it", code=code, status=403)


def read(name: str, subscriptions=SUBSCRIPTIONS, **answers) -> dict[str, list]:
    """The records that a collector makes of answers in memory, by table."""
    found = defaultdict(list)
    for record in records(name, Pages(**answers), subscriptions):
        found[record.table].append(record)
    return found


def records(name: str, pages: Pages, subscriptions=SUBSCRIPTIONS) -> list:
    group = registry.load(f"azure.{name}")
    with swapped(group, pages):
        return list(group.collect(unit(name, subscriptions), context()))


@contextmanager
def swapped(group, pages):
    provider = group.provider
    kept = provider.__dict__.get("answers")
    provider.answers = lambda params, operations, ctx: pages
    try:
        yield
    finally:
        del provider.answers
        if kept is not None:
            provider.answers = kept


def ask_of(source: str = "azure.test", subscriptions=SUBSCRIPTIONS) -> Ask:
    place = Place(
        TENANT, "estate", f"azure:tenant/{TENANT}", "", {"tenant": TENANT, "subscriptions": ",".join(subscriptions)}
    )
    return Ask(Pages(), place, source, context())


def row(type_: str, name: str = "thing", subscription: str = SUBSCRIPTIONS[0], **more) -> dict:
    resource = f"/subscriptions/{subscription}/resourceGroups/rg/providers/{type_}/{name}"
    return {"id": resource, "name": name, "type": type_.lower(), "tenantId": TENANT, "properties": {}, **more}


def gaps(found) -> list[tuple]:
    """Operation, reason and covers of each gap."""
    return sorted((gap.operation or "", gap.reason.value, gap.covers) for gap in found["gap"])
