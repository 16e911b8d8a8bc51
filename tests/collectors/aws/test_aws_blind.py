import pytest

from nhiscan.collectors._common.errors import RefusedError
from nhiscan.collectors.aws._blind import with_consequences
from nhiscan.collectors.aws._records import Maker
from nhiscan.collectors.aws._source import Account
from nhiscan.plugin import AttachmentKind, GapReason, PolicyKind

MAKE = Maker(Account("123456789012"))


def added(kind, document):
    """The gaps that a policy leaves beyond its own, when it bears on somebody in this way."""
    denied = RefusedError(GapReason.DENIED, "iam:GetPolicy", "iam:GetPolicy was denied", "allow iam:GetPolicy")
    records = [
        *MAKE.policy("p", PolicyKind.MANAGED, "p", document, "p"),
        MAKE.attachment("who", "p", kind),
        MAKE.refused(denied, ("policy.document",), subject_id="p"),
    ]
    found = list(with_consequences(records, MAKE))
    assert found[: len(records)] == records
    return found[len(records) :]


@pytest.mark.parametrize(
    ("kind", "covers"),
    [
        (AttachmentKind.GRANTS, ("effective", "reach", "grant.identity_id")),
        (AttachmentKind.TRUST, ("trust", "reach")),
    ],
)
def test_an_unread_policy_hides_what_it_gives_in_the_whole_account(kind, covers):
    (gap,) = added(kind, None)
    assert (gap.covers, gap.subject_id, gap.scope_id) == (covers, None, "aws:123456789012")
    assert (gap.operation, gap.remedy) == ("iam:GetPolicy", "allow iam:GetPolicy")


def test_an_unread_boundary_hides_no_right():
    assert added(AttachmentKind.BOUNDARY, None) == []


def test_a_policy_that_was_read_from_elsewhere_hides_nothing():
    assert added(AttachmentKind.GRANTS, "{}") == []
