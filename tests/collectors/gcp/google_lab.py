"""What the tests of Google Cloud share: a unit that is read from the twins, and its records by table."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from nhiscan.collect.protocol import Context, Target, Unit
from nhiscan.collectors._rest.session import Session
from nhiscan.collectors._rest.waiting import Patience
from nhiscan.collectors.gcp._plan import ESTATE, ORGANIZATION, above_place, project_place
from nhiscan.sensitive import FingerprintKey
from tests.twins.google_estate import ORG

if TYPE_CHECKING:
    from nhiscan.collectors._rest.group import Group
    from nhiscan.model import Record
    from tests.twins.google_rest import GoogleTwin

PATIENT = Patience(attempts=3, timeout_s=5.0, first_s=0.01)
ASSET = ("cloudasset.assets.listResource", "cloudasset.assets.listIamPolicy", "cloudasset.assets.searchAllResources")


class At:
    """Access to a twin, without signing in."""

    def __init__(self, url: str) -> None:
        self.url = url

    def base(self, service: str) -> str:
        return f"{self.url}/{service}"

    def headers(self, service: str, *, renew: bool) -> dict[str, str]:
        return {"Authorization": "Bearer token"}


def context(endpoints: dict[str, str] | None = None) -> Context:
    return Context(as_of=datetime(2026, 11, 1, tzinfo=UTC), key=FingerprintKey(b"k" * 32), endpoints=endpoints or {})


def collect(  # the place is a project where one is named, else the organisation
    group: Group, twin: GoogleTwin, monkeypatch, project: str = "", **endpoints: str
) -> dict[str, list[Record]]:
    """The records of a unit by table."""
    made = []

    def session_of(params, operations, ctx) -> Session:
        made.append(Session(At(twin.url), operations, ctx.calls, home=params, budget_s=60.0, patience=PATIENT))
        return made[-1]

    monkeypatch.setattr("nhiscan.collectors.gcp._session.session_of", session_of)
    place = project_place(project, ESTATE) if project else above_place(ORGANIZATION, ORG, ESTATE)
    params = {**place.params, "_id": place.id, "_kind": place.kind, "_name": ""}
    unit = Unit(f"{group.name}:t", group.name, place.scope_id, Target("gcp:t", "gcp", "t"), params)
    found: dict[str, list[Record]] = defaultdict(list)
    try:
        for record in group.collect(unit, context({"gcp": twin.url, **endpoints})):
            found[record.table].append(record)
    finally:
        for session in made:
            session.close()
    return found


def ids(records: list[Record]) -> set[str]:
    return {record.id for record in records}


def everything_but(twin: GoogleTwin, *refused: str) -> set[str]:
    """All permissions that the twin asks for, without some."""
    known = {p for _, route in twin._routes for p in route.permissions} | {*ASSET, "cloudasset.assets.listOrgPolicy"}
    return known - set(refused)
