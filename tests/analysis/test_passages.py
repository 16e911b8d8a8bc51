"""Paths that leave one cloud and end in another."""

import itertools

from nhiscan.analysis.passages import MAX_HOPS, MAX_STARTS, passages
from nhiscan.model import (
    Capability,
    Certainty,
    Effective,
    Identity,
    IdentityKind,
    PrincipalKind,
    Reach,
    Trust,
    TrustKind,
)

NUMBERS = itertools.count()


def google(name, number):
    return Identity(
        id=f"gcp:sa/{name}@p.iam.gserviceaccount.com", scope_id="gcp:project/p", source="t", provider="gcp",
        kind=IdentityKind.SERVICE_ACCOUNT, name=name, native_id=number,
    )  # fmt: skip


def role(name):
    return Identity(
        id=f"arn:aws:iam::123456789012:role/{name}", scope_id="aws:123456789012", source="t", provider="aws",
        kind=IdentityKind.ROLE, name=name,
    )  # fmt: skip


ETL, DEV, DEPLOY, ADMIN = google("etl", "101"), google("dev", "102"), role("deploy"), role("admin")
APP = Identity(
    id="entra:3f1c7a52-9d0e-4b6a-8c21-5e7d90ab1c34/00000201-5a1e-4c3b-9d2f-000000000201", scope_id="azure:tenant/3f1c",
    source="t", provider="azure", kind=IdentityKind.APP, name="app",
)  # fmt: skip
PEOPLE = [ETL, DEV, DEPLOY, ADMIN, APP]


def hop(start, end, certainty=Certainty.CERTAIN):
    return Reach(
        id=f"{start.id}>{end.id}", scope_id=start.scope_id, source="analysis", identity_id=start.id, target_id=end.id,
        hops=1, path=(start.id, end.id), certainty=certainty, steps=(f"{start.name} becomes {end.name}",),
    )  # fmt: skip


def takes(target, issuer, *subjects, certainty=Certainty.CERTAIN):
    return Trust(
        id=f"t{next(NUMBERS)}", scope_id=target.scope_id, source="t", principal=issuer, target_id=target.id,
        principal_kind=PrincipalKind.OIDC, kind=TrustKind.FEDERATE, subjects=subjects, certainty=certainty,
    )  # fmt: skip


def able(who, capability=Capability.ADMIN, certainty=Certainty.CERTAIN):
    return Effective(
        id=f"{who.id}#{capability}", scope_id=who.scope_id, source="t", identity_id=who.id, capability=capability,
        certainty=certainty, steps=("policy AdministratorAccess",),
    )  # fmt: skip


CROSSING = takes(DEPLOY, "accounts.google.com", "101")


def rows(trusts, reached=(), effective=(), people=PEOPLE):
    return {(r.identity_id, r.target_id): r for r in passages(people, trusts, reached, effective)}


def test_a_path_leads_through_a_crossing_to_the_administrator():
    found = rows([CROSSING], [hop(DEV, ETL), hop(DEPLOY, ADMIN)], [able(ADMIN)])
    way = found[DEV.id, ADMIN.id]
    assert way.path == (DEV.id, ETL.id, DEPLOY.id, ADMIN.id)
    assert (way.hops, way.certainty, way.source) == (3, Certainty.CERTAIN, "analysis.federation")
    assert way.steps == (
        "dev becomes etl",
        "role deploy takes tokens of accounts.google.com (it demands 101)",
        "service_account etl gets such tokens",
        "deploy becomes admin",
        "role admin is administrator",
        "policy AdministratorAccess",
    )
    assert set(found) == {(DEV.id, ADMIN.id), (ETL.id, ADMIN.id), (ETL.id, DEPLOY.id)}


def test_three_systems_are_crossed():
    second = takes(ETL, "sts.windows.net/3f1c7a52-9d0e-4b6a-8c21-5e7d90ab1c34", "00000201-5a1e-4c3b-9d2f-000000000201")
    way = rows([CROSSING, second], [hop(DEPLOY, ADMIN)], [able(ADMIN)])[APP.id, ADMIN.id]
    assert way.path == (APP.id, ETL.id, DEPLOY.id, ADMIN.id)


def test_what_stays_in_one_system_is_left_to_its_own_analysis():
    assert rows([], [hop(DEV, ETL), hop(DEPLOY, ADMIN)], [able(ADMIN), able(ETL)]) == {}
    assert (DEPLOY.id, ADMIN.id) not in rows([CROSSING], [hop(DEPLOY, ADMIN)], [able(ADMIN)])


def test_a_single_crossing_is_told_whatever_it_leads_to():
    (way,) = rows([CROSSING]).values()
    assert (way.path, way.hops) == ((ETL.id, DEPLOY.id), 1)


def test_a_path_is_as_sure_as_its_weakest_hop():
    weak = takes(DEPLOY, "accounts.google.com", "101", certainty=Certainty.CONDITIONAL)
    assert rows([weak], [], [able(DEPLOY)])[ETL.id, DEPLOY.id].certainty is Certainty.CONDITIONAL
    found = rows([CROSSING], [hop(DEV, ETL, Certainty.CONDITIONAL)], [able(DEPLOY)])
    assert found[DEV.id, DEPLOY.id].certainty is Certainty.CONDITIONAL
    assert found[ETL.id, DEPLOY.id].certainty is Certainty.CERTAIN


def test_the_greatest_capability_says_why():
    held = [
        able(DEPLOY, Capability.READ_SECRETS),
        able(DEPLOY, Capability.ADMIN, Certainty.CONDITIONAL),
        able(DEPLOY, Capability.WILDCARD),
    ]
    steps = rows([CROSSING], [], held)[ETL.id, DEPLOY.id].steps
    assert "role deploy is administrator under a condition" in steps


def test_no_path_is_longer_than_five_hops_and_none_goes_in_circles():
    chain = [google(f"n{i}", f"9{i}") for i in range(8)]
    hops = [hop(a, b) for a, b in itertools.pairwise(chain)] + [hop(chain[-1], ETL), hop(ETL, chain[-1])]
    found = rows([CROSSING], hops, [able(DEPLOY)], [*PEOPLE, *chain])
    assert max(r.hops for r in found.values()) == MAX_HOPS
    assert all(len(set(r.path)) == len(r.path) for r in found.values())


def test_two_that_take_each_other_do_not_reach_themselves():
    back = Trust(
        id="back", scope_id="s", source="t", principal="123456789012", principal_kind=PrincipalKind.ACCOUNT,
        target_id=ETL.id, kind=TrustKind.FEDERATE, account_id="123456789012", claims=("aws_role=deploy",),
    )  # fmt: skip
    found = rows([CROSSING, back], [], [able(ETL), able(DEPLOY)])
    assert set(found) == {(ETL.id, DEPLOY.id), (DEPLOY.id, ETL.id)}


def test_a_second_run_changes_nothing_and_the_order_of_the_input_does_not_matter():
    reached = [hop(DEV, ETL), hop(DEPLOY, ADMIN)]
    first = list(passages(PEOPLE, [CROSSING], reached, [able(ADMIN)]))
    assert list(passages(PEOPLE[::-1], [CROSSING], [*reached[::-1], *first], [able(ADMIN)])) == first


def test_of_very_many_starts_the_nearest_are_told():
    many = [google(f"m{i}", f"8{i}") for i in range(10_000)]
    hops = [hop(m, ETL) for m in many]
    found = rows([CROSSING], [*hops, hop(DEPLOY, ADMIN)], [able(ADMIN), able(DEPLOY)], [*PEOPLE, *many])
    assert sum(1 for _, target in found if target == DEPLOY.id) == MAX_STARTS
    assert (ETL.id, DEPLOY.id) in found
