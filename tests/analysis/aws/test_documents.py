import json
from contextlib import suppress
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nhiscan.analysis.aws.documents import MAX_CHARACTERS, MalformedDocumentError, parse

ONE = {"Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}}


@pytest.mark.parametrize(
    "text",
    [json.dumps(ONE), quote(json.dumps(ONE)), json.dumps(json.dumps(ONE)), json.dumps(quote(json.dumps(ONE)))],
    ids=["plain", "url-encoded", "json-in-json", "url-encoded-in-json"],
)
def test_every_export_form_reads_alike(text):
    (statement,) = parse(text)
    assert (statement.allow, statement.actions, statement.resources, statement.number) == (True, ("s3:*",), ("*",), 1)


@pytest.mark.parametrize(
    "body",
    [
        "",
        "not json",
        "[]",
        '"x"',
        "{}",
        '{"Statement": 3}',
        '{"Statement": ["x"]}',
        '{"Statement": {"Effect": "Maybe", "Action": "*"}}',
        '{"Statement": {"Effect": "Allow"}}',
        '{"Statement": {"Effect": "Allow", "Action": {"a": 1}}}',
        '{"Statement": {"Effect": "Allow", "Action": [["a"]]}}',
        '{"Statement": {"Effect": "Allow", "Action": "*", "Condition": "x"}}',
        '{"Statement": {"Effect": "Allow", "Action": "*", "Condition": {"Bool": "x"}}}',
        '{"Statement": {"Effect": "Allow", "Action": "*", "Condition": {"Bool": {"k": {"a": 1}}}}}',
        '{"Statement": {"Effect": "Allow", "Action": "*", "Principal": {"AWS": {"a": 1}}}}',
        "[" * 100_000,
        " " * (MAX_CHARACTERS + 1),
    ],
)
def test_a_malformed_document_is_refused_without_being_quoted(body):
    with pytest.raises(MalformedDocumentError) as caught:
        parse(body)
    assert len(str(caught.value)) < 100


@given(
    st.recursive(
        st.none() | st.booleans() | st.text(max_size=5),
        lambda c: (
            st.lists(c, max_size=3)
            | st.dictionaries(
                st.sampled_from(["Statement", "Effect", "Action", "Condition", "Principal", "x"]), c, max_size=4
            )
        ),
    )
)
def test_no_json_makes_the_reader_crash(body):
    with suppress(MalformedDocumentError):
        parse(json.dumps(body))


def test_conditions_and_principals_are_flattened():
    body = {
        "Statement": {
            "Effect": "Deny",
            "NotPrincipal": {"AWS": ["1", "2"]},
            "NotAction": "iam:*",
            "notresource": ["a", "b"],
            "Condition": {"Bool": {"aws:SecureTransport": False}, "NumericLessThan": {"x": 3}},
        }
    }
    (s,) = parse(json.dumps(body))
    assert s.principals == (("AWS", "1"), ("AWS", "2"))
    assert s.not_principal
    assert s.not_resources == ("a", "b")
    assert s.conditions == (("Bool", "aws:SecureTransport", ("false",)), ("NumericLessThan", "x", ("3",)))


def test_a_bare_principal_star_is_everybody():
    (s,) = parse('{"Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": "*"}]}')
    assert s.principals == (("AWS", "*"),)
