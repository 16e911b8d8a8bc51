import pytest

from nhiscan.collectors.aws._errors import RefusedError
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


def test_key_listing_gives_up_after_three_refusals_but_goes_on_after_one():
    denied = [refused("AccessDenied", GapReason.DENIED) for _ in range(3)]
    script = Script(ListAccessKeys=denied)
    with pytest.raises(RefusedError):
        list(LiveSource(script).keys(["a", "b", "c", "d"]))
    assert len(script.asked) == 3
    mixed = Script(ListAccessKeys=[denied[0], {"AccessKeyMetadata": [{"AccessKeyId": "x"}]}, {}, {}, {}])
    found = list(LiveSource(mixed).keys(["a", "b", "c", "d", "e"]))
    assert [k.user for k in found] == ["a", "b", "c", "d", "e"]
    assert found[0].refused is denied[0]
    assert found[1].found == [{"AccessKeyId": "x"}]


def test_key_listing_stops_when_no_further_call_can_succeed():
    fatal = refused("ExpiredToken")
    fatal.fatal = True
    script = Script(ListAccessKeys=[{}, {}, {}, fatal])
    with pytest.raises(RefusedError):
        list(LiveSource(script).keys(["a", "b", "c", "d"]))
