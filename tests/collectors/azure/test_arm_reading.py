"""How rows are read: by one query, by lists of subscriptions when it is refused, or from exported files."""

from __future__ import annotations

import json

import pytest

from nhiscan.collect import registry
from nhiscan.collect.protocol import Target, TargetKind
from nhiscan.collectors._common.errors import RefusedError, everywhere
from nhiscan.collectors.azure import _arm, key_vaults
from nhiscan.collectors.azure._resource_graph import Reading
from nhiscan.plugin import GapReason
from tests.collectors.azure.arm_lab import Pages, ask_of, context, denied, gaps, read, records, row
from tests.twins.arm_estate import SUBSCRIPTIONS, guid
from tests.twins.graph_rows import TENANT

VAULT = row("Microsoft.KeyVault/vaults", "kv")


def lost(name: str) -> RefusedError:
    return everywhere(
        RefusedError(GapReason.FAILED, f"arm:{name}", "the token was refused", "sign in again", status=401)
    )


def unregistered(name: str) -> RefusedError:
    found = RefusedError(
        GapReason.UNSUPPORTED, f"arm:{name}", "not enabled", "nothing to do", code="MissingSubscriptionRegistration"
    )
    found.missing = True
    return found


def test_many_subscriptions_are_asked_for_a_thousand_at_a_time():
    pages = Pages(resourceGraph__vaults=[VAULT], vaultSecrets__list=[], vaultKeys__list=[])
    found = records("key_vaults", pages, tuple(guid(7, n) for n in range(1001)))
    assert [name for name, _ in pages.asked if name == "resourceGraph.vaults"] == ["resourceGraph.vaults"] * 2
    assert len([r for r in found if r.table == "resource"]) == 1


def test_without_a_subscription_nothing_is_asked():
    pages = Pages()
    assert {r.table for r in records("key_vaults", pages, ())} == {"scope"}
    assert pages.asked == []


def test_a_token_that_is_refused_ends_all_further_calls():
    pages = Pages(resourceGraph__vaults=lost("resourceGraph.vaults"))
    assert [r.table for r in records("key_vaults", pages)] == ["scope", "gap"]
    assert [name for name, _ in pages.asked] == ["resourceGraph.vaults"]


@pytest.mark.parametrize(
    ("name", "answers"),
    [
        ("key_vaults", {"resourceGraph__vaults": [VAULT], "vaultSecrets__list": lost("vaultSecrets.list"), "vaultKeys__list": []}),
        ("key_vaults", {"vaults__list": lost("vaults.list")}),
        ("foundry", {"resourceGraph__foundry": [{**row("x"), "type": "microsoft.cognitiveservices/accounts"}],
                     "accountConnections__list": lost("accountConnections.list")}),
        ("foundry", {"accounts__list": [{**row("x"), "type": "Microsoft.CognitiveServices/accounts"}], "workspaces__list": [],
                     "projects__list": lost("projects.list")}),
        ("role_assignments", {"resourceGraph__roles": [], "roleAssignments__list": lost("roleAssignments.list"),
                              "denyAssignments__list": []}),
    ],
)  # fmt: skip
def test_one_refused_in_the_middle_is_a_gap_with_its_remedy(name, answers):
    found = read(name, SUBSCRIPTIONS[:1], **answers)
    assert {g.remedy for g in found["gap"]} == {"sign in again"}


def test_a_service_that_was_never_switched_on_leaves_no_gap():
    found = read("key_vaults", vaults__list=unregistered("vaults.list"))
    assert found["gap"] == []
    assert found["resource"] == []


def test_a_subscription_that_is_not_found_was_not_read():
    gone = RefusedError(GapReason.FAILED, "arm:vaults.list", "it is gone", "nothing to do", status=404)
    gone.missing = True
    found = read("key_vaults", vaults__list=lambda p: gone if p["subscription"] == SUBSCRIPTIONS[1] else [VAULT],
                 vaultSecrets__list=[], vaultKeys__list=[], vaultLogSettings__list=[])  # fmt: skip
    assert len(found["resource"]) == 1
    assert [g.detail for g in found["gap"]] == [f"it is gone in subscription {SUBSCRIPTIONS[1]}"]


def test_every_list_refused_names_the_permission_of_the_list():
    found = read("key_vaults")
    assert gaps(found)[0][:2] == ("arm:vaults.list", "denied")


def test_an_operation_refused_everywhere_is_a_gap_with_the_providers_own_code():
    reading = Reading(ask_of())
    assert list(reading.tried(key_vaults.LIST)) == []
    assert reading.codes == {"arm:vaults.list": "AuthorizationFailed"}
    assert reading.gaps[-1].operation == "arm:vaults.list"


@pytest.mark.parametrize("value", [None, "", 5, "subscriptions/x", "/x?y", "/a#b", "/a\x00", []])
def test_what_is_no_resource_id_is_none(value):
    assert _arm.resource_id(value) is None


def test_ids_are_compared_in_lower_case():
    assert _arm.resource_id("/Subscriptions/X/") == "/subscriptions/x"
    assert _arm.resource_id("/") == "/"
    assert _arm.subscription_of(f"/SUBSCRIPTIONS/{SUBSCRIPTIONS[0].upper()}/x") == SUBSCRIPTIONS[0]
    assert _arm.subscription_of("/subscriptions/x") is None


def test_an_export_without_folders_of_subscriptions_is_read(tmp_path):
    place = tmp_path / "azure" / f"tenant-{TENANT}"
    place.mkdir(parents=True)
    (place / "arm.vaults.list.json").write_text(json.dumps([VAULT]))
    (place / "arm.vaultSecrets.list.json").write_text(json.dumps([{"id": "/x", "name": "a"}]))
    group, ctx = registry.load("azure.key_vaults"), context()
    (unit,) = group.units(Target("snapshot:x", TargetKind.SNAPSHOT, str(tmp_path)), ctx)
    found = list(group.collect(unit, ctx))
    assert {r.id for r in found if r.table == "scope"} == {f"azure:tenant/{TENANT}", f"azure:sub/{SUBSCRIPTIONS[0]}"}
    assert [r.name for r in found if r.table == "store"] == ["a"]
    assert [(r.operation, r.reason.value) for r in found if r.table == "gap"] == [
        ("arm:vaultKeys.list", "skipped"), ("arm:vaultLogSettings.list", "skipped"),
    ]  # fmt: skip


def test_an_export_without_anything_of_a_part_names_the_query(tmp_path):
    place = tmp_path / "azure" / f"tenant-{TENANT}"
    place.mkdir(parents=True)
    (place / "arm.vaultKeys.list.json").write_text("[]")
    group, ctx = registry.load("azure.key_vaults"), context()
    (unit,) = group.units(Target("snapshot:x", TargetKind.SNAPSHOT, str(tmp_path)), ctx)
    (gap,) = [r for r in group.collect(unit, ctx) if r.table == "gap"]
    assert gap.operation == "arm:resourceGraph.vaults"


def test_a_refusal_of_nobody_in_particular_is_kept_apart_by_resource():
    ask = ask_of("azure.key_vaults")
    first, second = (_arm.local_gap(ask, denied("arm:x"), f"{VAULT['id'].lower()}{n}", ("store",)) for n in "ab")
    assert first.id != second.id
