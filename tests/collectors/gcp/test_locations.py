"""Lists that are kept in locations: all at once, one after the other where that is refused, and what is lost on it."""

import pytest

from nhiscan.collectors.gcp.agents import COLLECTOR
from nhiscan.plugin import GapReason
from tests.collectors.gcp.answers_lab import ORGANIZATION, SHOP, denied, of, run
from tests.collectors.gcp.google_lab import collect, everything_but, ids
from tests.twins.google_estate import planted
from tests.twins.google_rest import GoogleTwin

AGENTS, INSIDE, PLACES = (f"agentregistry:{name}.list" for name in ("agents", "locations.agents", "locations"))
OTHERS = {f"agentregistry:{kind}.list": {} for kind in ("mcpServers", "endpoints", "bindings")}
TABLES = ("consumer", "use", "identity", "credential", "hop", "tool")


def refused(status: int, reason: GapReason = GapReason.FAILED, code: str = "", operation: str = AGENTS):
    error = denied(operation, code=code, missing=status == 404)
    error.status, error.reason = status, reason
    return error


def agents(answers: dict):
    """An answer to the list of agents by location; what is not named holds an agent called as its location is."""

    def answer(params):
        place = params.get("location", "-")
        name = f"projects/{params['project']}/locations/{place}/agents/{place}"
        return answers.get(place, {"agents": [{"name": name}]})

    return answer


def places(*names: str) -> dict:
    return {"locations": [{"name": f"projects/1/locations/{name}", "locationId": name} for name in names]}


def read(answers: dict, listed):
    known = {**OTHERS, AGENTS: agents(answers), INSIDE: agents(answers), PLACES: listed}
    records, asked = run(COLLECTOR, known, SHOP)
    found = {c.name for c in of(records, "consumer").values()}
    return found, [g for g in of(records, "gap").values() if g.operation in {AGENTS, INSIDE, PLACES}], asked


@pytest.mark.parametrize("wide", [True, False])
@pytest.mark.parametrize("project", ["", "acme-shop"])
def test_records_are_the_same_however_locations_are_asked(monkeypatch, wide, project):
    found = {}
    for way in (True, wide):
        with GoogleTwin(planted(9)) as twin:
            twin.wide = way
            found[way] = collect(COLLECTOR, twin, monkeypatch, project=project)
            assert (twin.violations, twin.faulty) == ([], [])
            assert ("agentregistry:locations.list" in twin.count()) is not way
    assert found[wide]["gap"] == []
    assert [ids(found[wide][t]) for t in TABLES] == [ids(found[True][t]) for t in TABLES]
    assert all(found[True][t] for t in TABLES)


@pytest.mark.parametrize("status", [400, 403, 404, 501])
def test_a_service_that_refuses_all_locations_at_once_is_asked_in_each(status):
    found, gaps, asked = read({"-": refused(status)}, places("eu", "us-1"))
    assert (found, gaps) == ({"eu", "us-1"}, [])
    assert (asked.count(AGENTS), asked.count(INSIDE)) == (1, 2)


def test_one_location_that_refuses_is_named():
    found, (gap,), _ = read(
        {"-": refused(400), "us-1": refused(500, operation=INSIDE), "asia": refused(404)}, places("eu", "us-1", "asia")
    )
    assert found == {"eu"}
    assert gap.detail.endswith(" in us-1")
    assert (gap.operation, gap.reason) == (INSIDE, GapReason.FAILED)


def test_who_may_not_list_anything_is_told_what_to_grant():
    found, (gap,), asked = read({"-": denied(AGENTS)}, denied(PLACES))
    assert (found, gap.operation, gap.reason) == (set(), AGENTS, GapReason.DENIED)
    found, (gap,), asked = read({"-": denied(AGENTS), "eu": denied(INSIDE)}, places("eu"))
    assert (found, gap.operation, gap.covers) == (set(), INSIDE, ("consumer", "use", "hop"))
    found, (gap,), asked = read({"-": denied(AGENTS)}, {})  # no location at all does not take back that it was denied
    assert (found, gap.operation, gap.reason) == (set(), AGENTS, GapReason.DENIED)
    found, (gap,), asked = read({"-": refused(400)}, denied(PLACES))
    assert (found, gap.operation, asked.count(AGENTS)) == (set(), PLACES, 1)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (refused(403, code="SERVICE_DISABLED"), GapReason.UNSUPPORTED),
        (refused(429, GapReason.THROTTLED), GapReason.THROTTLED),
    ],
)
def test_what_more_calls_cannot_mend_is_not_asked_again(error, reason):
    found, (gap,), asked = read({"-": error}, places("eu"))
    assert (found, gap.reason, PLACES in asked) == (set(), reason, False)


@pytest.mark.parametrize("entry", [None, {"locationId": "../../x"}, {"name": 7}, {"locationId": "EU West"}])
def test_what_is_no_name_of_a_location_is_not_asked(entry):
    found, (gap,), asked = read({"-": refused(400)}, {"locations": [entry]})
    assert (found, gap.operation, asked.count(AGENTS)) == (set(), AGENTS, 1)


def test_a_project_that_is_gone_among_others_is_a_gap_of_its_own():
    known = {"projects": [{"projectId": p, "parent": "organizations/710000000001"} for p in ("acme-a", "acme-b")]}

    def answer(params):
        return refused(404) if params["project"] == "acme-a" else agents({})(params)

    records, asked = run(
        COLLECTOR, {**OTHERS, AGENTS: answer, "cloudresourcemanager:projects.search": known}, ORGANIZATION
    )
    (gap,) = (g for g in of(records, "gap").values() if g.operation == AGENTS)
    assert (gap.subject_id, PLACES in asked) == ("gcp:project/acme-a", False)
    assert {c.scope_id for c in of(records, "consumer").values()} == {"gcp:project/acme-b"}


@pytest.mark.parametrize("wide", [True, False])
def test_a_location_that_could_not_be_reached_is_a_gap_that_names_it(monkeypatch, wide):
    with GoogleTwin(planted(9)) as twin:
        twin.wide, twin.unreachable = wide, {"us-central1"}
        found = collect(COLLECTOR, twin, monkeypatch)
    assert len(found["credential"]) == 3
    told = {(g.subject_id, g.operation, g.detail.partition(": ")[2]) for g in found["gap"]}
    lists = ("agentidentity:authProviders.list", "agentidentity:accessSummaries.list")
    subjects = [f"gcp:project/{p}" for p in ("acme-shop", "acme-data-1", "acme-data-2")]
    assert told == {(s, o, "us-central1 could not be reached") for s in subjects for o in lists}


def test_a_location_without_a_name_is_lost_too():
    found, _, _ = read({}, {})
    assert found == {"-"}
    records, _ = run(COLLECTOR, {"agentidentity:authProviders.list": {"unreachable": ["x y/\x00", 7]}}, SHOP)
    (gap,) = (g for g in of(records, "gap").values() if g.operation == "agentidentity:authProviders.list")
    assert "a location without a name" in gap.detail


def test_nobody_who_is_refused_everything_makes_many_calls(monkeypatch):
    with GoogleTwin(planted(30, 30)) as twin:
        mine = {p for p in everything_but(twin) if not p.startswith(("agentregistry.", "agentidentity."))}
        twin.granted = mine
        found = collect(COLLECTOR, twin, monkeypatch)
        asked = {k: n for k, n in twin.count().items() if k.startswith("agent")}
    assert max(asked.values()) <= 20
    assert {g.operation for g in found["gap"]} == {
        "agentidentity:authProviders.list", "agentregistry:agents.list", "agentregistry:mcpServers.list",
        "agentregistry:endpoints.list", "agentregistry:bindings.list",
    }  # fmt: skip
    assert any(g.subject_id is None for g in found["gap"])
