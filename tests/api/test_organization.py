"""What an organisation names without anybody having read it."""

from datetime import UTC, datetime

import pytest

from nhiscan import analysis
from nhiscan.model import Credential, CredentialKind, Scope, ScopeKind
from nhiscan.store.inventory import Inventory

NOW = datetime(2026, 11, 1, tzinfo=UTC)


def account(number, source):
    scope = f"aws:{number}"
    return Scope(id=scope, scope_id=scope, source=source, provider="aws", kind=ScopeKind.ACCOUNT, name=number)


def key(account_id):
    return Credential(
        id=f"repo:x#{account_id}", scope_id="repo:x", source="repo.secrets", provider="aws", account_id=account_id,
        kind=CredentialKind.ACCESS_KEY, key_id="AKIA" + "A" * 16,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("collected", "state"),
    [
        ({("aws:123456789012", "aws.iam")}, "deleted"),
        ({("aws:123456789012", "aws.secrets"), ("aws:210987654321", "aws.iam")}, "not_in_scope"),
    ],
)
def test_a_key_of_an_account_that_was_only_named_is_not_deleted(collected, state):
    with Inventory.memory() as inventory:
        inventory.add([account("123456789012", "aws.organization"), key("123456789012")])
        analysis.run(inventory, NOW, collected)
        assert [c.state for c in inventory.rows(Credential)] == [state]
