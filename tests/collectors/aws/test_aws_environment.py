"""Values of environments and scripts: what is found, under which ids, and what is told when nothing is read."""

import base64
import gzip

import pytest

from nhiscan.collectors.aws._ask import Ask
from nhiscan.collectors.aws._environment import Values, decoded
from nhiscan.collectors.aws._source import Account, place_of
from nhiscan.collectors.aws._workloads import named_pairs, parameter_named, secret_named, vault
from nhiscan.plugin import CredentialKind, ExposurePart, Form, Lifetime, UseHow
from tests.collectors.aws.consumers import ACCOUNT, CTX, REGION, WITH_VALUES, Answers, Tables

ARN = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:etl"
SECRET = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:prod/db-AbCdEf"


def values(ctx=WITH_VALUES):
    return Values(Ask(Answers(), place_of(Account(ACCOUNT), REGION), "aws.functions", ctx), "function")


@pytest.fixture
def made(tokens):
    return tokens.MAKERS


def variables(pairs, place="env", ctx=WITH_VALUES):
    return Tables(values(ctx).variables(ARN, pairs.items(), place))


def test_a_key_pair_in_two_variables_is_the_key_of_that_id(made):
    key, secret = made["aws_key_id"](ACCOUNT, "x"), made["aws_secret"]("x")
    found = variables({"AWS_SECRET_ACCESS_KEY": secret, "AWS_ACCESS_KEY_ID": key, "LOG_LEVEL": "INFO"})
    assert {r.id for r in found if r.table == "credential"} == {f"aws:access_key/{key}"}
    assert {(e.id, e.part, e.key_name) for e in found.exposure.values()} == {
        (f"{ARN}#env:AWS_ACCESS_KEY_ID:1@exposure", ExposurePart.KEY_ID, "AWS_ACCESS_KEY_ID"),
        (f"{ARN}#env:AWS_SECRET_ACCESS_KEY:1@exposure", ExposurePart.VALUE, "AWS_SECRET_ACCESS_KEY"),
    }
    credentials = [r for r in found if r.table == "credential"]
    assert {c.account_id for c in credentials} == {ACCOUNT}
    assert [bool(c.fingerprint) for c in credentials] == [False, True]
    assert all((u.how, u.form, u.consumer_id) == (UseHow.ENV, Form.LITERAL, ARN) for u in found.use.values())


def test_other_values_are_bound_to_their_place(made):
    stripe = made["stripe"]("live", "x")
    found = variables({"STRIPE": stripe, "OTHER": f"{stripe} {made['github_pat']('y')}"}, "env/app")
    assert list(found.credential) == [f"{ARN}#env/app:{n}" for n in ("OTHER:1", "OTHER:2", "STRIPE:1")]
    first, _, third = found.credential.values()
    assert first.fingerprint == third.fingerprint, "one value has one fingerprint wherever it lies"
    assert third.provider == "stripe"
    assert {e.uri for e in found.exposure.values()} == {ARN}


def test_a_password_in_an_address_and_one_by_its_name(made):
    word = made["password"]("db")
    found = variables({"DATABASE_URL": f"postgres://app:{word}@db.internal/app", "DB_PASSWORD": word, "PORT": "80"})
    assert {c.name for c in found.credential.values()} == {"DATABASE_URL", "DB_PASSWORD"}
    assert found.credential[f"{ARN}#env:DB_PASSWORD:1"].kind is CredentialKind.PASSWORD


def test_temporary_keys_are_short_lived(made):
    key = "ASIA" + made["aws_key_id"](ACCOUNT, "t")[4:]
    found = variables({"AWS_ACCESS_KEY_ID": key})
    assert {c.lifetime for c in found.credential.values()} == {Lifetime.SHORT_LIVED}


def test_references_are_uses_of_their_store_and_no_credentials():
    found = variables({
        "A": SECRET, "B": "{{resolve:secretsmanager:prod/mail:SecretString:key}}", "C": "{{resolve:ssm-secure:/db/x:3}}",
        "D": f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/plain", "E": "arn:aws:s3:::bucket",
    })  # fmt: skip
    assert {u.name: (u.place, u.form) for u in found.use.values()} == {
        "A": (SECRET, Form.VAULT),
        "B": (f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:prod/mail", Form.VAULT),
        "C": (f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/db/x", Form.VAULT),
        "D": (f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/plain", Form.VAULT),
    }
    assert found.credential == {}


def test_odd_values_and_names_break_nothing(made):
    lone = "\ud800" + made["stripe"]("live", "z")
    found = variables({"A": None, "B": 3, "C": "", "D\ud800": lone, made["github_pat"]("name"): made["npm"]("v")})
    assert all(c.name is None or "ghp_" not in c.name for c in found.credential.values())
    assert "ghp_" not in repr(list(found))
    assert {c.provider for c in found.credential.values()} >= {"npm"}


def test_without_the_option_names_are_counted_and_values_are_not_touched():
    class Untouchable(str):
        __slots__ = ()

        def __bool__(self):
            raise AssertionError

        __len__ = __eq__ = __hash__ = __str__ = __bool__

    reading = values(CTX)
    assert list(reading.variables(ARN, [("DB_PASSWORD", Untouchable("x")), ("LOG_LEVEL", Untouchable("y"))])) == []
    assert list(reading.variables(f"{ARN}2", [(f"{n}_TOKEN", "v") for n in "ABC"])) == []
    assert list(reading.variables(f"{ARN}3", [])) == []
    (gap,) = reading.told()
    assert gap.detail == (
        "configuration values of 2 functions were not read; "
        "variables named like credentials: A_TOKEN, B_TOKEN, C_TOKEN and 1 more"
    )
    assert gap.id == f"aws:{ACCOUNT}#gap/aws.functions/{REGION}/values/function"


def test_nothing_is_told_where_nothing_was_left_unread():
    reading = values(CTX)
    assert list(reading.script(ARN, None)) == list(reading.variables(ARN, [])) == []
    assert list(reading.told()) == []


@pytest.mark.parametrize("pack", [lambda b: b, gzip.compress], ids=["plain", "gzip"])
def test_start_up_scripts_are_unpacked_and_keep_their_lines(made, pack):
    script = f"#!/bin/sh\nexport GITHUB_TOKEN={made['github_pat']('ud')}\n".encode()
    found = Tables(values().script(ARN, base64.b64encode(pack(script)).decode()))
    (exposure,) = found.exposure.values()
    assert (exposure.id, exposure.line) == (f"{ARN}#user_data:GITHUB_TOKEN:1@exposure", 2)
    (use,) = found.use.values()
    assert (use.how, use.line) == (UseHow.CONFIGURED, 2)


def test_what_is_no_script_is_nothing():
    assert decoded("abc") == b""
    assert decoded(base64.b64encode(b"\x1f\x8bbroken").decode()) == b""
    assert len(decoded(base64.b64encode(gzip.compress(b"a" * 5_000_000)).decode())) == 1_000_000
    assert list(values().script(ARN, "abc")) == list(values().script(ARN, 7)) == []


def test_stores_are_called_by_their_arn():
    ask = Ask(Answers(), place_of(Account(ACCOUNT), REGION), "x", CTX)
    assert vault(ask, f"{SECRET}:password:AWSCURRENT:") == SECRET
    assert vault(ask, "prod/db") is None
    assert secret_named(ask, "prod/db:key") == f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:prod/db"
    assert secret_named(ask, f"{SECRET}:key") == SECRET
    assert parameter_named(ask, "/a/b") == f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/a/b"
    assert vault(ask, f"{{{{resolve:secretsmanager:{SECRET}:SecretString:password}}}}") == SECRET


def test_pairs_are_read_in_any_spelling():
    assert named_pairs([{"name": "A", "value": 1}, {"Name": "B", "Value": 2}, {"value": 3}, "x"]) == [
        ("A", 1),
        ("B", 2),
    ]
    assert named_pairs({"A": 1}) == [("A", 1)]
    assert named_pairs(None) == []
