"""A value read from a settings file is recognised as the scan of that file recognises it."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nhiscan.detect import claims
from nhiscan.detect.examples import assemble
from nhiscan.detect.value import is_stand_in, recognise
from nhiscan.model import CredentialKind, Lifetime

TOKEN = assemble("ghp_{crc}")
DSN = "mongodb+srv://shop:" + assemble("{an:16}") + "@c.acme.io/db?a=1,b"


def jwt(**body: object) -> str:
    parts = [json.dumps(p).encode() for p in ({"alg": "HS256", "typ": "JWT"}, {"name": "x", **body})]
    return ".".join(base64.urlsafe_b64encode(p).decode().rstrip("=") for p in parts) + assemble(".{an:43}")


@pytest.mark.parametrize("text", [TOKEN, f"Bearer {TOKEN}", f"token {TOKEN}", f"https://x:{TOKEN}@github.com/a/b.git"])
def test_a_scheme_or_an_address_may_stand_around_a_credential(text):
    found = recognise(text, "A")
    assert found is not None
    assert (found.value.reveal(), found.format) == (TOKEN, "github-classic-pat")


@pytest.mark.parametrize("text", ["", "x", f"--token {TOKEN} --v", f"{TOKEN},{TOKEN}", f"a{TOKEN}", "ghp_" + "x" * 36])
def test_a_value_that_only_contains_a_credential_is_none(text):
    assert recognise(text) is None


def test_a_name_decides_where_the_format_needs_one():
    key = "BSA" + assemble("{an:28}")
    assert recognise(key, "NOTE") is None
    found = recognise(key, "BRAVE_API_KEY")
    assert found is not None
    assert (found.provider, found.kind) == ("brave", CredentialKind.API_KEY)


def test_a_connection_string_tells_its_provider():
    found = recognise(DSN)
    assert found is not None
    assert (found.provider, found.format, found.value.reveal()) == (
        "mongodb",
        "connection-string",
        DSN.partition(",")[0],
    )


@pytest.mark.parametrize(
    ("text", "yes"),
    [
        ("ghp_" + "x" * 36, True),
        ("AKIA" + "IOSFODNN7" + "EXAMPLE", True),
        (TOKEN, False),
        ("example", False),
    ],
)
def test_a_stand_in_has_the_shape_of_a_format_and_says_that_it_is_none(text, yes):
    assert is_stand_in(text) is yes


@pytest.mark.parametrize(
    ("body", "lifetime"),
    [
        ({}, Lifetime.STATIC),
        ({"iat": 0, "exp": 86_400}, Lifetime.SHORT_LIVED),
        ({"iat": 0, "exp": 86_401}, Lifetime.STATIC),
        ({"exp": 2_000_000_000}, None),
    ],
)
def test_a_jwt_tells_how_long_it_lives(body, lifetime):
    found = recognise(jwt(**body))
    assert found is not None
    assert found.lifetime is lifetime
    assert claims.lifetime(found.facts) is lifetime


@pytest.mark.parametrize(
    ("body", "provider", "public", "human"),
    [
        ({"role": "anon"}, "supabase", True, False),
        ({"role": "service_role", "ref": "abc"}, "supabase", False, False),
        ({"iss": "supabase"}, "supabase", False, None),
        ({"role": "admin"}, "generic", None, None),
    ],
)
def test_a_jwt_of_supabase_tells_its_role(body, provider, public, human):
    found = recognise(jwt(**body))
    assert found is not None
    assert (found.provider, found.public, found.human) == (provider, public, human)


@settings(max_examples=80, deadline=None)
@given(st.text(max_size=80), st.text(max_size=20))
def test_no_text_raises(value, name):
    recognise(value, name)
    is_stand_in(value)
