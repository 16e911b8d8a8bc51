"""The name before a value and how the value is bound to it, in the syntax of many languages."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nhiscan.detect.assignments import LOOK_BACK, Form, binding, element, element_before
from nhiscan.detect.names import Role, role, says_invented

FORMS = {
    'api_token = "@"': ("api_token", Form.ASSIGNED),
    "api_token: '@'": ("api_token", Form.ASSIGNED),
    "API_TOKEN=@": ("API_TOKEN", Form.ASSIGNED),
    "'api_token' => '@'": ("api_token", Form.ASSIGNED),
    'config["api_token"] = "@"': ("api_token", Form.ASSIGNED),
    'api_token := "@"': ("api_token", Form.ASSIGNED),
    'api_token: str = "@"': ("api_token", Form.ASSIGNED),
    'token: Optional[str] = "@"': ("token", Form.ASSIGNED),
    'var apiToken string = "@"': ("apiToken", Form.ASSIGNED),
    'static final String TOKEN = "@"': ("TOKEN", Form.ASSIGNED),
    'static TOKEN: &\'static str = "@"': ("TOKEN", Form.ASSIGNED),
    'char token[] = "@"': ("token", Form.ASSIGNED),
    '#define API_TOKEN "@"': ("API_TOKEN", Form.ASSIGNED),
    "define('AUTH_KEY',  '@')": ("AUTH_KEY", Form.ASSIGNED),
    'set("api_token", "@")': ("api_token", Form.LISTED),
    'tokens: ["@"': ("tokens", Form.ASSIGNED),
    'Token: String("@"': ("Token", Form.ASSIGNED),
    'withToken("@")': ("withToken", Form.ARGUMENT),
    '\\"api_token\\": \\"@\\"': ("api_token", Form.ASSIGNED),
    'api_token = b"@"': ("api_token", Form.ASSIGNED),
    'token ?= "@"': ("token", Form.ASSIGNED),
    '$token .= "@"': ("token", Form.ASSIGNED),
    'TOKEN :::= "@"': ("TOKEN", Form.ASSIGNED),
    's:8:"password";s:6:"@"': ("password", Form.ASSIGNED),
    '{"name": "API_TOKEN", "value": "@"': ("API_TOKEN", Form.ASSIGNED),
    "- name: API_TOKEN\n  value: @": ("API_TOKEN", Form.ASSIGNED),
    '<add key="ApiToken" value="@"': ("ApiToken", Form.ASSIGNED),
    "https://acme.io/?token=@": ("token", Form.PARAMETER),
    "Server=db;Password=@": ("Password", Form.PARAMETER),
    "run --api-token @": ("--api-token", Form.OPTION),
    "run --api-token=@": ("--api-token", Form.OPTION),
    "IDENTIFIED WITH PASSWORD '@'": ("PASSWORD", Form.WORD),
    'if token == "@"': ("token", Form.COMPARED),
    'token != "@"': ("token", Form.COMPARED),
    "Consumer Secret: ``@``": ("Secret", Form.ASSIGNED),
}


@pytest.mark.parametrize(("text", "expected"), FORMS.items(), ids=FORMS)
def test_the_name_is_read_from_every_form(text, expected):
    found = binding(text.encode(), text.index("@"))
    assert found is not None
    assert (found.name, found.form) == expected


@pytest.mark.parametrize("text", ["@", "a -> '@", "x > @", "\n\n\n'@", 'token\n\n\n\n"@', '"-----BEGIN KEY-----": "@'])
def test_what_binds_nothing_has_no_name(text):
    assert binding(text.encode(), text.index("@")) is None


def test_the_call_around_a_call_is_the_outer_name():
    text = b'createSecretKey(Buffer.from("@'
    found = binding(text, text.index(b"@"))
    assert (found.name, found.outer) == ("Buffer.from", "createSecretKey")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("<api_token>@</api_token>", "api_token"),
        ('<Pass encoding="base64">@</Pass>', "Pass"),
        ('<string name="api_key">@</string>', "api_key"),
        ("<key>token</key>\n<string>@</string>", "token"),
        ("<ns:password>\n  @</ns:password>", "ns:password"),
    ],
)
def test_elements_are_named_by_tag_attribute_or_neighbour(text, name):
    place = text.index("@")
    assert element_before(text.encode(), place)
    assert element(text.encode(), place).name == name


@pytest.mark.parametrize("text", ["a => @", "a->@", "x @", "> text @"])
def test_arrows_are_no_tags(text):
    assert not element_before(text.encode(), text.index("@"))


@pytest.mark.parametrize("text", ["@", "no tag>@", "<a!b>@"])
def test_what_is_no_element_has_no_name(text):
    assert element(text.encode(), text.rindex("@")) is None


@given(st.binary(max_size=2 * LOOK_BACK))
def test_no_bytes_raise(data):
    binding(data, len(data))
    element(data, len(data))
    element_before(data, len(data))


@pytest.mark.parametrize(
    ("name", "promise"),
    [
        ("password", Role.PASSWORD), ("DB_PASSWORD", Role.PASSWORD), ("trustStorePassword", Role.PASSWORD), ("PGPASSWORD", Role.PASSWORD),
        ("passwd2", Role.PASSWORD), ("registry_password", Role.PASSWORD), ("passwords", Role.PASSWORD), ("db_pass_prod", Role.PASSWORD),
        ("api_key", Role.SECRET), ("AWS_SECRET_ACCESS_KEY", Role.SECRET), ("oauth_token_secret", Role.SECRET), ("secret_key_base", Role.SECRET),
        ("X-Auth-Token", Role.SECRET), ("clientSecret", Role.SECRET), ("Authorization", Role.SECRET), ("SECRETKEY", Role.SECRET),
        ("key", Role.KEY), ("NYT_KEY", Role.KEY), ("AUTH_SALT", Role.KEY), ("cookieValidationKey", Role.SECRET),
        ("public_key", Role.NONE), ("csrf_token", Role.NONE), ("next_page_token", Role.NONE), ("encrypted_key", Role.NONE),
        ("token_url", Role.NONE), ("secret_name", Role.NONE), ("password_hash", Role.NONE), ("key_id", Role.NONE), ("keyboard", Role.NONE),
        ("author", Role.NONE), ("passport", Role.NONE), ("monkey", Role.NONE), ("session", Role.NONE), ("", Role.NONE), ("k" * 101, Role.NONE),
    ],
)  # fmt: skip
def test_the_last_word_of_a_name_tells_its_role(name, promise):
    assert role(name) is promise


def test_names_that_say_that_their_value_is_none():
    assert says_invented("nonMatchingToken")
    assert says_invented("DUMMY_SECRET")
    assert not says_invented("apiToken")
