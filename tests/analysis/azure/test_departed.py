"""Service principals that hold roles and that their directory, read whole, does not have."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nhiscan.analysis.azure.departed import departed
from nhiscan.model import Gap, GapReason, Identity, IdentityKind, IdentityState

TENANT = "azure:tenant/t"
READ = {(TENANT, "azure.entra")}
HOLDER = Identity(
    id="entra:t/1", scope_id=TENANT, source="azure.role_assignments", provider="azure", kind=IdentityKind.APP, name="1",
    tags={"principal_type": "ServicePrincipal"},
)  # fmt: skip


def state(identity: Identity = HOLDER, collected=READ, *gaps: Gap) -> IdentityState | None:
    (found,) = departed([identity], gaps, collected)
    return found.state


def gap(operation: str | None, source: str = "azure.entra") -> Gap:
    return Gap(
        id="g", scope_id=TENANT, source=source, covers=("identity",), reason=GapReason.DENIED, remedy="grant",
        operation=operation,
    )  # fmt: skip


def test_one_that_the_directory_does_not_have_is_deleted():
    assert state() is IdentityState.DELETED


@pytest.mark.parametrize(
    "change",
    [
        {"native_id": "client"},
        {"state": IdentityState.DISABLED},
        {"tags": {"principal_type": "User"}},
        {"tags": {"principal_type": "Group"}},
        {"tags": {}},
        {"scope_id": "azure:tenant/other"},
    ],
)
def test_one_that_graph_told_of_or_never_lists_stays_what_it_is(change):
    identity = replace(HOLDER, **change)
    assert state(identity) is identity.state


def test_without_the_directory_nothing_follows():
    assert state(HOLDER, {(TENANT, "azure.role_assignments")}) is None


@pytest.mark.parametrize("operation", ["graph:servicePrincipals.list", "graph:servicePrincipals.listPlain", None])
def test_a_list_that_was_not_read_whole_proves_nothing(operation):
    assert state(HOLDER, READ, gap(operation)) is None


@pytest.mark.parametrize("other", [gap("graph:groups.listRoleAssignable"), gap(None, "azure.workloads")])
def test_a_gap_in_something_else_does_not_matter(other):
    assert state(HOLDER, READ, other) is IdentityState.DELETED
