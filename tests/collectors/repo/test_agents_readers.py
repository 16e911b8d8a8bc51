from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nhiscan.collectors.repo._config import words
from nhiscan.collectors.repo._config.jsonc import parse_json
from nhiscan.collectors.repo._config.nodes import MalformedError, Node, clean, decode
from nhiscan.collectors.repo._config.tomlc import parse_toml
from nhiscan.plugin import CredentialKind

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def plain(node: Node) -> object:
    if isinstance(node.value, dict):
        return {k: plain(v) for k, v in node.value.items()}
    return [plain(n) for n in node.value] if isinstance(node.value, list) else node.value


@settings(max_examples=60, deadline=None)
@given(VALUES, st.sampled_from([None, 2]), st.booleans())
def test_strict_json_is_read_as_the_standard_library_reads_it(value, indent, ascii_only):
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    assert plain(parse_json(text)) == json.loads(text)


@settings(max_examples=100, deadline=None)
@given(st.text(alphabet='{}[]",:\\/#*\n0a') | st.text())
def test_any_text_is_read_or_malformed(text):
    for parse in (parse_json, parse_toml):
        with contextlib.suppress(MalformedError):
            assert parse(text).line >= 1


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("", 1, "ends too early"),
        ("{", 1, "key"),
        ('{\n"a" 1}', 2, "colon"),
        ('{"a": 1\n"b": 2}', 2, "comma"),
        ('["a\n"]', 1, "not closed"),
        ('"\\q"', 1, "escape"),
        ('"\\u12"', 1, "escape"),
        ("[nope]", 1, "value"),
        ("9" * 41, 1, "value"),
        ("[1, 2", 1, "ends too early"),
        ("{} {}", 1, "follows"),
        ("[" * 70, 1, "deeply"),
    ],
)
def test_malformed_json_names_its_line(text, line, what):
    with pytest.raises(MalformedError) as caught:
        parse_json(text)
    assert (caught.value.line, what in caught.value.what) == (line, True)


def test_a_lone_surrogate_becomes_a_character_that_can_be_stored():
    assert parse_json('"\\ud83d\\ude00 \\ud800"').text == "\N{GRINNING FACE} \ufffd"


def test_nothing_of_a_tree_is_shown():
    assert "s3cr3t" not in repr(parse_json('{"a": "s3cr3t"}'))


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"\xef\xbb\xbfa", "a"),
        ("a".encode("utf-16-le"), "a\0"),
        (b"\xff\xfea\0", "a"),
        (b"\xfe\xff\0a", "a"),
        (b"\xffa", "\ufffda"),
    ],
)
def test_bytes_become_text_whatever_they_are(data, text):
    assert decode(data) == text


def test_long_names_are_cut():
    assert clean("x" * 500) == "x" * 200 + "…"
    assert clean("a\tb\u202e") == "a\ufffdb\ufffd"


def test_toml_keeps_lines_through_tables_strings_and_lists():
    root = parse_toml(
        'a = """\n[no]\n"""\n["x y".z]\nk.l = 1\nm = [\n "p",\n "q",\n {n = "r"},\n]\n[[t]]\nd = 1979-05-27\n'
    )
    where = [root.at(*p) for p in (("a",), ("x y", "z"), ("x y", "z", "k", "l"))]
    assert [n.line for n in where if n] == [1, 4, 5]
    items = root.at("x y", "z", "m")
    assert items is not None
    assert [n.line for n in items.list[:2]] == [7, 8]
    table = root.at("t")
    assert table is not None
    assert table.list[0].text_at("d") == "1979-05-27"
    assert root.at("a", "b") is None


def test_malformed_toml_names_its_line():
    with pytest.raises(MalformedError) as caught:
        parse_toml("a = 1\nb = \n")
    assert caught.value.line == 2
    with pytest.raises(MalformedError):
        parse_toml("a = " + "{b = " * 70 + "1" + "}" * 70)
    with pytest.raises(MalformedError) as caught:
        parse_toml("x = 1\n[" + "a." * 65 + "b]")
    assert caught.value.line == 2


@pytest.mark.parametrize(
    "name",
    [
        "API_KEY",
        "apiKey",
        "X-API-Key",
        "GITHUB_TOKEN",
        "Authorization",
        "Proxy-Authorization",
        "client_secret",
        "db_password",
        "PGPASSWORD",
        "DB_PASS",
        "DATABASE_URL",
        "GITHUB_PAT",
        "SUPABASE_SERVICE_ROLE_KEY",
        "--access-token",
        "AUTH_HEADER",
        "DOCKER_AUTH",
        "SESSION_COOKIE",
        "CONTEXT7_API_KEY",
    ],
)
def test_names_that_promise_a_credential(name):
    assert words.names_credential(name)


@pytest.mark.parametrize(
    "name",
    [
        "KEYBOARD",
        "MAX_TOKENS",
        "MAX_TOKEN",
        "KEY_ID",
        "TOKEN_URL",
        "SECRET_NAME",
        "PASSWORD_FILE",
        "PRIMARY_KEY",
        "PUBLIC_KEY",
        "TOKEN_LIMIT",
        "MONKEY",
        "PATH",
        "PUBLISHABLE_TOKEN",
        "memoryKey",
        "ApiMappingKey",
        "hash_key",
        "RouteKey",
        "BIN_TAG_KEY",
        "CredentialsArn",
        "TemporaryPasswordValidityDays",
        "COMPASS",
        "AUTHOR",
        "",
    ],
)
def test_names_that_do_not(name):
    assert not words.names_credential(name)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("CLIENT_SECRET", CredentialKind.CLIENT_SECRET),
        ("PRIVATE_KEY", CredentialKind.PRIVATE_KEY),
        ("PGPASSWORD", CredentialKind.PASSWORD),
        ("DB_PASS", CredentialKind.PASSWORD),
        ("BOT_TOKEN", CredentialKind.TOKEN),
        ("DATABASE_URL", CredentialKind.CONNECTION_STRING),
        ("KEY", CredentialKind.API_KEY),
        ("SECRET", CredentialKind.UNKNOWN),
    ],
)
def test_the_kind_a_name_promises(name, kind):
    assert words.kind_of(name) is kind


@pytest.mark.parametrize(
    ("name", "yes"), [("GOOGLE_APPLICATION_CREDENTIALS", True), ("KEY_FILE", True), ("LOG_FILE", False), ("", False)]
)
def test_names_of_credential_files(name, yes):
    assert words.names_file(name) is yes


@pytest.mark.parametrize(
    ("value", "name", "yes"), [("1234567", "PASSWORD", False), ("1234567", "TOKEN", True), ("yes", "AUTH", True)]
)
def test_numbers_are_settings_except_as_passwords(value, name, yes):
    assert words.is_setting(value, name) is yes


@pytest.mark.parametrize(
    ("value", "name", "yes"),
    [
        ("AWS_API_MCP_WORKING_DIR", "WORKING_DIR_KEY", True), ("NextPageToken", "token_param", True),
        ("$$.Task.Token", "token.$", True), ("arn:aws:iam::1:role/x", "Credentials", True), ("redis-cart:6379", "connectionString", True),
        ("minutes", "AccessToken", True), ("agent/lambda/hr_function.zip", "HRFunctionKey", True),
        ("CorrectHorse", "DB_PASSWORD", False),
        ("supersecretkey", "JWT_SECRET", False), ("admin:12345", "BASIC_AUTH", False), ("kQzVbnXwPlTrYdGh", "API_TOKEN", False),
        ("sk_live_AbCd", "API_KEY", False), ("a/b/c+d==", "API_KEY", False),
    ],
)  # fmt: skip
def test_names_units_and_objects_of_buckets_are_settings_except_as_passwords(value, name, yes):
    assert words.is_setting(value, name) is yes


@pytest.mark.parametrize(
    ("value", "name", "yes"),
    [
        ("root", "PASSWORD", False),
        ("qwerty-1234567890", "API_KEY", False),
        ("postgres://db.example.org/app", "DATABASE_URL", False),
        ("postgres://db.your-host.org/app", "DATABASE_URL", True),
        ("<API_KEY>", "API_KEY", True),
        ("put_token_here", "TOKEN", True),
        ("example-key", "API_KEY", True),
    ],
)
def test_a_value_under_a_name_is_a_placeholder_only_when_it_says_so(value, name, yes):
    assert words.is_placeholder(value, name) is yes
