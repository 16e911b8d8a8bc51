"""`nhiscan can`: names, answers, exit codes and what it refuses."""

import json

import pytest

ETL = "arn:aws:iam::123456789012:user/service/etl"


@pytest.fixture
def ask(nhiscan, acme):
    def run(*argv):
        return nhiscan("can", *argv, "--target", f"snapshot:{acme / 'aws'}", "--as-of", "2026-11-01", "-q", "-j", 1)

    return run


def test_the_answer_comes_with_the_statements_that_decide(ask):
    done = ask("etl", "sts:AssumeRole", "role/deploy")
    assert done.code == 0
    assert done.out.splitlines()[0] == f"allow: {ETL} sts:AssumeRole arn:aws:iam::123456789012:role/deploy"
    assert "because trust policy of role deploy statement 1 allows sts:AssumeRole" in done.out
    assert "note: policies of VPC endpoints are not considered" in done.out


def test_json_has_the_question_as_it_was_understood(ask):
    done = ask(
        "etl", "iam:CreateUser", "-c", "aws:SourceIp=10.0.0.1", "-c", "s3:prefix=", "--exact-context", "-f", "json"
    )
    found = json.loads(done.out)
    assert (found["verdict"], found["principal"], found["resource"]) == ("deny", ETL, "*")
    assert found["context"] == {"aws:SourceIp": ["10.0.0.1"], "s3:prefix": []}
    assert found["reasons"]
    assert found["notes"]


@pytest.mark.parametrize(("expected", "code"), [("deny", 0), ("allow", 1), ("unknown", 1)])
def test_with_an_expectation_it_is_a_test(ask, expected, code):
    assert ask("etl", "iam:CreateUser", "--expect", expected).code == code


def test_a_session_policy_limits(ask, tmp_path):
    policy = tmp_path / "session.json"
    policy.write_text(json.dumps({"Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}}))
    session = "arn:aws:sts::123456789012:assumed-role/platform-admin/x"
    assert ask(session, "iam:CreateUser").out.startswith("allow:")
    assert ask(session, "iam:CreateUser", "--session-policy", policy).out.startswith("deny:")


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (("etll", "iam:CreateUser"), "did you mean etl"),
        (("etl", "CreateUser"), "write service:Action"),
        (("etl", "iam:CreateUser", "nothing-here"), "no resource 'nothing-here'"),
        (("etl", "iam:CreateUser", "-c", "novalue"), "is no KEY=VALUE"),
        (("etl", "iam:CreateUser", "-f", "xml"), "--format 'xml' is unknown"),
        (("etl", "iam:CreateUser", "--expect", "maybe"), "--expect 'maybe' is unknown"),
        (("etl", "iam:CreateUser", "--session-policy", "none.json"), "cannot read the session policy"),
        (("arn:aws:iam::123456789012:group/x", "iam:CreateUser"), "cannot ask"),
    ],
)
def test_a_question_that_cannot_be_asked_exits_2_with_a_remedy(ask, argv, words):
    done = ask(*argv)
    assert done.code == 2
    assert words in done.err
    assert "try:" in done.err
    assert done.out == ""


def test_a_broken_session_policy_is_not_quoted(ask, tmp_path):
    policy = tmp_path / "session.json"
    policy.write_text('{"Statement": "not-to-be-shown"}')
    done = ask("etl", "iam:CreateUser", "--session-policy", policy)
    assert done.code == 2
    assert "not-to-be-shown" not in done.err


def test_without_an_account_there_is_nothing_to_ask(nhiscan, acme):
    done = nhiscan("can", "etl", "iam:CreateUser", "-t", acme / "repo", "-q", "-j", 1)
    assert done.code == 2
    assert "no AWS account was read" in done.err
    assert "--target" in done.err


def test_a_target_that_failed_is_told_beside_the_answer(nhiscan, acme, tmp_path):
    (tmp_path / "empty").mkdir()
    targets = ("-t", f"snapshot:{acme / 'aws'}", "-t", f"snapshot:{tmp_path / 'empty'}")
    done = nhiscan("can", "etl", "iam:CreateUser", *targets, "-q", "-j", 1)
    assert done.code == 0
    assert done.out.startswith("deny:")
    assert "warning: snapshot:" in done.err
