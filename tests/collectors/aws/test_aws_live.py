import pytest

from nhiscan.collectors._common.errors import RefusedError
from nhiscan.collectors.aws._live import LiveSource
from nhiscan.plugin import GapReason


class Script:
    """Answers calls from a list per operation; exceptions are raised."""

    def __init__(self, **answers):
        self.answers = {f"iam:{name}": list(found) for name, found in answers.items()}
        self.asked = []

    def call(self, operation, **params):
        self.asked.append((operation, params))
        answer = self.answers[operation].pop(0)
        if isinstance(answer, RefusedError):
            raise answer
        return answer


def refused(code="", reason=GapReason.FAILED):
    error = RefusedError(reason, "iam:X", f"why {code}", "do")
    error.code = code
    return error


def test_pages_are_followed_to_the_last_and_asked_for_by_the_thousand():
    script = Script(GetAccountAuthorizationDetails=[{"IsTruncated": True, "Marker": "m"}, {"IsTruncated": False}])
    assert len(list(LiveSource(script).pages())) == 2
    assert [p for _, p in script.asked] == [{"MaxItems": 1000}, {"MaxItems": 1000, "Marker": "m"}]


def test_a_marker_that_repeats_ends_the_pages():
    script = Script(GetAccountAuthorizationDetails=[{"IsTruncated": True, "Marker": "m"}] * 3)
    assert len(list(LiveSource(script).pages())) == 2


def test_report_is_awaited_for_a_bounded_time():
    waits = []
    script = Script(
        GenerateCredentialReport=[{}], GetCredentialReport=[refused("ReportInProgress")] * 2 + [{"Content": b"x"}]
    )
    assert LiveSource(script, waits.append).report() == "x"
    assert waits == [1, 2]
    never = Script(GenerateCredentialReport=[{}], GetCredentialReport=[refused("ReportInProgress")] * 20)
    with pytest.raises(RefusedError, match="not ready within a minute"):
        LiveSource(never, waits.append).report()
    assert sum(waits) <= 70


def test_report_of_somebody_else_is_read_when_none_may_be_generated():
    script = Script(
        GenerateCredentialReport=[refused("AccessDenied", GapReason.DENIED)], GetCredentialReport=[{"Content": "x"}]
    )
    assert LiveSource(script).report() == "x"


def test_the_cause_is_told_when_there_is_no_report_because_none_may_be_generated():
    script = Script(
        GenerateCredentialReport=[refused("AccessDenied", GapReason.DENIED)],
        GetCredentialReport=[refused("ReportNotPresent")],
    )
    with pytest.raises(RefusedError, match="AccessDenied"):
        LiveSource(script).report()


def test_both_permissions_are_named_when_the_report_may_be_neither_made_nor_read():
    denied = [refused("AccessDenied", GapReason.DENIED) for _ in range(2)]
    denied[0].operation, denied[1].operation = "iam:GenerateCredentialReport", "iam:GetCredentialReport"
    script = Script(GenerateCredentialReport=denied[:1], GetCredentialReport=denied[1:])
    with pytest.raises(RefusedError) as caught:
        LiveSource(script).report()
    assert caught.value.remedy == "allow iam:GenerateCredentialReport and iam:GetCredentialReport"


class ByUser:
    """Answers ListAccessKeys by user name: several are asked at a time."""

    def __init__(self, **answers):
        self.answers = answers
        self.asked = []

    def call(self, _operation, UserName):  # noqa: N803 - the API's own name
        self.asked.append(UserName)
        answer = self.answers.get(UserName, {})
        if isinstance(answer, RefusedError):
            raise answer
        return answer


USERS = [f"u{n:02}" for n in range(40)]


def test_key_listing_gives_up_when_a_sample_is_refused_to_the_last():
    script = ByUser(**{user: refused("AccessDenied", GapReason.DENIED) for user in USERS})
    with pytest.raises(RefusedError):
        list(LiveSource(script).keys(USERS))
    assert len(script.asked) == 5


def test_key_listing_goes_on_when_only_the_first_users_are_refused():
    denied = refused("AccessDenied", GapReason.DENIED)
    script = ByUser(**dict.fromkeys(USERS[:8], denied), u20={"AccessKeyMetadata": [{"AccessKeyId": "x"}]})
    found = {k.user: k for k in LiveSource(script).keys(USERS)}
    assert sorted(script.asked) == sorted(found) == USERS
    assert [user for user, keys in found.items() if keys.refused] == sorted(USERS[:8])
    assert found["u20"].found == [{"AccessKeyId": "x"}]


def test_key_listing_stops_when_no_further_call_can_succeed():
    fatal = refused("ExpiredToken")
    fatal.fatal = True
    users = [f"u{n:03}" for n in range(300)]
    script = ByUser(**dict.fromkeys(users[70:119], fatal))
    with pytest.raises(RefusedError):
        list(LiveSource(script).keys(users))
    assert len(script.asked) < 150
