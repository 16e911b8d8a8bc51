"""An organisation whose inventory and whose list of projects are both closed: nothing is seen, and that is said."""

from __future__ import annotations

import pytest

from nhiscan.collectors.gcp import (
    agents,
    federation,
    iam_policies,
    logging,
    secrets,
    service_accounts,
    workloads,
)
from tests.collectors.gcp.google_lab import ASSET, collect, everything_but, ids
from tests.twins.exchange import Fault
from tests.twins.google_estate import planted
from tests.twins.google_rest import GoogleTwin

ALL = [m.COLLECTOR for m in (service_accounts, iam_policies, federation, secrets, agents, workloads, logging)]
HIDDEN = {
    "gcp.service_accounts": {"identity", "credential"}, "gcp.federation": {"identity", "credential"},
    "gcp.iam_policies": {"policy", "attachment"}, "gcp.secrets": {"store"}, "gcp.workloads": {"consumer", "use"},
    "gcp.agents": {"consumer", "use", "tool", "hop"}, "gcp.logging": {"logging"},
}  # fmt: skip


@pytest.mark.parametrize("group", ALL, ids=lambda g: g.name)
def test_what_nobody_lists_is_a_gap_of_each_table(monkeypatch, group):
    with GoogleTwin(planted(3)) as twin:
        twin.granted = everything_but(twin, *ASSET)
        twin.fail("cloudresourcemanager:projects.search", Fault("status", status=403, code="PERMISSION_DENIED"))
        found = collect(group, twin, monkeypatch)
        assert (twin.violations, twin.faulty) == ([], [])
    hidden = {table for gap in found["gap"] for table in gap.covers}
    assert HIDDEN[group.name] <= hidden
    assert len({(gap.id, gap.covers) for gap in found["gap"]}) == len(ids(found["gap"]))  # else one hides another
    assert all(gap.remedy.startswith("grant ") for gap in found["gap"])


@pytest.mark.parametrize("group", ALL, ids=lambda g: g.name)
def test_a_token_that_nobody_takes_ends_quietly_with_gaps(monkeypatch, group):
    with GoogleTwin(planted(3)) as twin:
        twin.tokens = {"another"}
        found = collect(group, twin, monkeypatch)
    assert set(found) <= {"scope", "gap"}
    assert {gap.remedy.partition(",")[0] for gap in found["gap"]} == {"sign in again"}


@pytest.mark.parametrize("group", ALL, ids=lambda g: g.name)
def test_folders_that_may_not_be_read_hide_their_projects_alone(monkeypatch, group):
    """Without folders nobody can say that a project lies below the organisation."""
    with GoogleTwin(planted(3)) as twin:
        twin.granted = everything_but(twin, *ASSET)
        twin.fail("cloudresourcemanager:folders.search", Fault("status", status=403, code="PERMISSION_DENIED"))
        found = collect(group, twin, monkeypatch)
    assert found["gap"]
    assert not [i for i in found["identity"] if i.native_id]


@pytest.mark.parametrize("group", ALL, ids=lambda g: g.name)
def test_an_empty_page_with_a_next_link_is_not_the_end(monkeypatch, group):
    estate = planted(12)
    with GoogleTwin(estate) as twin:
        before = collect(group, twin, monkeypatch)
        twin.fail("cloudasset:assets.list", Fault("empty", times=1))
        after = collect(group, twin, monkeypatch)
    rows = [sorted(r.id for table in found.values() for r in table) for found in (before, after)]
    assert rows[0] == rows[1]
