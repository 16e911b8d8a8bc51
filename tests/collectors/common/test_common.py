"""What the collectors of all clouds share, where AWS and the REST providers differ in it or neither shows it."""

import json
from datetime import UTC, datetime

import pytest

from nhiscan.collectors._common import tags, values
from nhiscan.collectors._common.ask import BaseAsk
from nhiscan.collectors._common.errors import RefusedError
from nhiscan.collectors._common.memo import remembered
from nhiscan.collectors._common.place import Place
from nhiscan.collectors._rest.exports import FileAnswers as RestFiles
from nhiscan.collectors._rest.operation import Operation
from nhiscan.collectors.aws._ask import Ask as AwsAsk
from nhiscan.collectors.aws._exports import FileAnswers as AwsFiles
from nhiscan.collectors.aws._source import Account, place_of
from nhiscan.plugin import Context, FingerprintKey, GapReason, TargetError

THINGS = Operation("arm:things.get", "/things/{name}")


@pytest.fixture
def ctx():
    return Context(as_of=datetime(2026, 11, 1, tzinfo=UTC), key=FingerprintKey(b"k" * 32))


def test_what_is_found_out_once_is_not_asked_for_again(ctx):
    asked = []
    for _ in range(2):
        assert remembered(ctx, "tops", lambda: asked.append("tops") or ("a", "b")) == ("a", "b")
    assert asked == ["tops"]


def test_a_target_that_cannot_be_read_is_tried_once_and_told_every_time(ctx):
    asked = []

    def find():
        asked.append("once")
        message = "nobody answers"
        raise TargetError(message, "sign in")

    told = []
    for _ in range(2):
        with pytest.raises(TargetError) as e:
            remembered(ctx, "tops", find)
        told.append((str(e.value), e.value.remedy))
    assert told == [("nobody answers", "sign in")] * 2
    assert asked == ["once"]


def test_names_of_aws_differ_in_case_and_ids_of_the_others_do_not(tmp_path):
    entries = [{"with": {"name": "Etl"}, "answer": {"found": "Etl"}}]
    (tmp_path / "lambda.GetFunction.json").write_text(json.dumps(entries))
    (tmp_path / "arm.things.get.json").write_text(json.dumps(entries))
    assert RestFiles(tmp_path).call(THINGS, {"name": "ETL"}, {}, {}) == {"found": "Etl"}
    assert AwsFiles(tmp_path).call("lambda:GetFunction", name="Etl") == {"found": "Etl"}
    with pytest.raises(RefusedError) as e:
        AwsFiles(tmp_path).call("lambda:GetFunction", name="ETL")
    assert e.value.missing
    assert e.value.remedy == "add the output of `aws lambda get-function` as lambda.GetFunction.json"


@pytest.mark.parametrize("text", ["[1, 2]", '"text"', "{", "[{}]"])
def test_a_file_that_is_no_answer_of_aws_is_refused_and_not_read_as_empty(tmp_path, text):
    (tmp_path / "kms.ListKeys.json").write_text(text)
    with pytest.raises(RefusedError) as e:
        AwsFiles(tmp_path).call("kms:ListKeys")
    assert (e.value.reason, e.value.missing) == (GapReason.MALFORMED, False)
    assert e.value.remedy == "export it again with the AWS CLI"


def test_a_gap_says_where_and_one_of_several_parts_is_told_apart(ctx):
    error = RefusedError(GapReason.DENIED, "x:List", "x:List was denied", "allow x:List")
    covers = {"x:List": ("store",)}
    region = AwsAsk(None, place_of(Account("123456789012"), "eu-west-1"), "aws.x", ctx, covers).refused(error)
    assert (region.id, region.detail) == (
        "aws:123456789012#gap/aws.x/eu-west-1/x:List",
        "x:List was denied in eu-west-1",
    )
    ask = BaseAsk(None, Place("t", "tenant", "azure:tenant/t"), "azure.x", ctx, covers)
    assert ask.refused(error).id == "azure:tenant/t#gap/azure.x/t/x:List"
    assert ask.refused(error, covers=("owner",)).id == "azure:tenant/t#gap/azure.x/t/x:List/owner"


def test_policies_on_things_of_aws_hide_who_may_use_them_and_nothing_more(ctx):
    error = RefusedError(GapReason.DENIED, "x:GetPolicy", "denied", "allow it")
    ask = AwsAsk(None, place_of(Account("123456789012"), ""), "aws.x", ctx, {"x:GetPolicy": ("policy", "store")})
    assert (ask.refused(error).covers, ask.refused(error).subject_id) == (("policy.kind",), None)
    assert "/global/" in ask.refused(error).id


def test_facts_are_text_and_what_is_not_known_is_left_out():
    assert values.facts(a=True, b=None, c=3, d="", e="x\x00") == {
        "a": "true",
        "c": "3",
        "e": "x\N{REPLACEMENT CHARACTER}",
    }
    assert values.moment("0001-01-01T00:00:00Z") is None


def test_tags_that_aws_writes_are_kept_and_unknown_ones_are_masked():
    found = tags.read([{"Key": "aws:cloudformation:stack-name", "Value": "shop"}, {"Key": "note", "Value": "hello"}])
    assert found == {"aws:cloudformation:stack-name": "shop", "note": tags.MASKED}
