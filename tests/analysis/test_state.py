from datetime import UTC, datetime, timedelta

import pytest

from nhiscan.analysis.state import states
from nhiscan.model import Credential, CredentialKind, CredentialState, Gap, GapReason, Scope, ScopeKind

NOW = datetime(2026, 11, 1, tzinfo=UTC)
ACCOUNT = "111122223333"
KEY = "AKIA" + "EXAMPLE000000001"
SCOPE = Scope(
    id=f"aws:{ACCOUNT}",
    scope_id=f"aws:{ACCOUNT}",
    source="aws.iam",
    provider="aws",
    kind=ScopeKind.ACCOUNT,
    name=ACCOUNT,
)


def key(**more):
    facts = {
        "id": f"aws:access_key/{KEY}",
        "scope_id": "repo:x",
        "source": "repo.secrets",
        "provider": "aws",
        "key_id": KEY,
        "account_id": ACCOUNT,
    }
    return Credential(**(facts | more))


def gap(scope_id=SCOPE.id, covers=("credential",)):
    return Gap(
        id="g", scope_id=scope_id, source="aws.iam", covers=covers, reason=GapReason.DENIED, remedy="iam:ListAccessKeys"
    )


def unnamed(state):
    return Credential(
        id="arn:u#access_key/1",
        scope_id=SCOPE.id,
        source="aws.iam",
        provider="aws",
        kind=CredentialKind.ACCESS_KEY,
        identity_id="arn:u",
        state=state,
    )


def state(credential, scopes=(SCOPE,), gaps=(), others=()):
    return next(iter(states([credential, *others], scopes, gaps, NOW))).state


def test_a_key_its_account_does_not_know_is_deleted():
    assert state(key()) == "deleted"


def test_a_key_of_an_account_nobody_collected_is_not_in_scope():
    assert state(key(), scopes=()) == "not_in_scope"


@pytest.mark.parametrize(
    ("credential", "gaps"),
    [
        (key(), [gap()]),
        (key(), [gap(covers=("credential.key_id",))]),
        (key(account_id=None), []),
        (key(key_id="ASIA" + KEY[4:]), []),
        (key(provider="github", key_id=None), []),
        (key(identity_id="arn:u"), []),
    ],
    ids=["keys-not-listed", "ids-not-listed", "account-unknown", "temporary", "other-provider", "issuer-silent"],
)
def test_what_cannot_be_known_stays_unknown(credential, gaps):
    assert state(credential, gaps=gaps) is None


@pytest.mark.parametrize("other", [gap(scope_id="aws:999988887777"), gap(covers=("policy",))])
def test_a_gap_elsewhere_changes_nothing(other):
    assert state(key(), gaps=[other]) == "deleted"


@pytest.mark.parametrize(
    ("other", "expected"), [(CredentialState.ACTIVE, None), (None, None), (CredentialState.INACTIVE, "inactive")]
)
def test_keys_without_id_keep_the_answer_open(other, expected):
    assert state(key(), others=[unnamed(other)]) == expected


@pytest.mark.parametrize(
    ("known", "days", "expected"),
    [
        (CredentialState.ACTIVE, -1, "expired"),
        (None, 0, "expired"),
        (CredentialState.ACTIVE, 1, "active"),
        (CredentialState.DELETED, -1, "deleted"),
        (CredentialState.INACTIVE, -1, "inactive"),
    ],
)
def test_what_has_run_out_is_expired(known, days, expected):
    assert state(key(provider="x", state=known, expires_at=NOW + timedelta(days=days))) == expected


def test_what_the_issuer_said_is_kept():
    assert state(key(state=CredentialState.ACTIVE)) == "active"


def test_a_key_of_an_account_that_refused_to_list_keys_says_which_call_was_refused():
    from nhiscan.analysis.state import blinded
    from nhiscan.model import Credential, Gap, GapReason

    refused = Gap(
        id="g", scope_id="aws:123456789012", source="aws.iam", covers=("credential",), reason=GapReason.DENIED,
        remedy="allow iam:ListAccessKeys", operation="iam:ListAccessKeys",
    )  # fmt: skip
    leaked = Credential(id="c", scope_id="repo:a", source="t", provider="aws", key_id="k", account_id="123456789012")
    elsewhere = Credential(id="d", scope_id="repo:a", source="t", provider="aws", key_id="l", account_id="999999999999")
    (told,) = blinded([leaked, elsewhere], [refused])
    assert (told.subject_id, told.scope_id, told.covers) == ("c", "repo:a", ("credential.state",))
    assert (told.operation, told.remedy) == ("iam:ListAccessKeys", "allow iam:ListAccessKeys")
