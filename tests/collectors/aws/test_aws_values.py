"""Policy documents are kept as the account has them, but for values that are credentials."""

import json
from urllib.parse import quote

from nhiscan.collectors.aws._documents import document

PLAIN = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws:s3:::a/*"}]}


def test_a_credential_in_a_condition_is_masked_and_nothing_else(tokens):
    value = tokens.github_pat("condition")
    guarded = {**PLAIN, "Statement": [{**PLAIN["Statement"][0], "Condition": {"StringEquals": {"a:b": value}}}]}
    for raw in (guarded, json.dumps(guarded), quote(json.dumps(guarded))):
        text = document(raw)
        assert value not in text
        assert json.loads(text)["Statement"][0]["Condition"] == {"StringEquals": {"a:b": "***"}}
    assert json.loads(document(PLAIN)) == PLAIN


def test_what_is_no_document_is_none():
    assert [document(raw) for raw in ("", "[]", 7, None, "%7B")] == [None] * 5
