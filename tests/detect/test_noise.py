"""What looks like a secret and is none, and what looks like noise and may be a secret."""

from __future__ import annotations

import hashlib
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nhiscan.detect import noise
from nhiscan.detect.examples import assemble

TOKEN = assemble("{an:32}", "noise")


@pytest.mark.parametrize(
    "text",
    [
        "${TOKEN}",
        "{{ token }}",
        "%(token)s",
        "$TOKEN",
        "<%= token %>",
        "vault:secret/app#key",
        "op://vault/item",
        "*anchor",
    ],
)
def test_references_point_elsewhere(text):
    assert noise.is_reference(text)
    assert noise.is_placeholder(text)


@pytest.mark.parametrize(
    "text",
    [
        "ENC[AES256_GCM,data:abc]", "encrypted:BD9x", "$ANSIBLE_VAULT;1.1;AES256", "vault:v1:8SDd3WHDOjf7mq69", "!vault |",
        "AQICAHjk3v", "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kudk", "U2FsdGVkX19h6vVGBA4s", "NACL[MRN3cc+fmdxyQb]",
    ],
)  # fmt: skip
def test_cipher_text_of_known_tools_is_known_by_its_beginning(text):
    assert noise.is_encrypted(text)


@pytest.mark.parametrize(
    "text",
    [
        "sha256-" + "a1" * 16, "$2b$12$abcdefgh", "pbkdf2_sha256$10000$abc", "{SSHA}abc", "SCRAM-SHA-256", "*" + "A1" * 20,
        "ssh-rsa AAAAB3NzaC1yc2E", "AAAAC3NzaC1lZDI1", "MIIBIjANBgkqhkiG9w0BAQEF", "md5" + "0a" * 16,
    ],
)  # fmt: skip
def test_digests_and_public_keys_say_so_themselves(text):
    assert noise.is_digest(text)
    assert noise.is_code(text)


@pytest.mark.parametrize(
    "text",
    [
        "os.environ",
        "get_token()",
        "/etc/ssl/server.key",
        "https://acme.io/x",
        "user@acme.io",
        "2026-11-01T10:00",
        "certs/a.pem",
    ],
)
def test_expressions_paths_and_dates_are_code(text):
    assert noise.is_code(text)


@pytest.mark.parametrize(
    "text",
    [
        "your-api-key",
        "changeme",
        "xxxxxxxxxxxx",
        "<token>",
        "example-token",
        "abcdefghijkl",
        "1234567890abcd",
        "****",
        "test_password",
        "mock-api-key1",
        "ab",
        "none",
    ],
)
def test_placeholders_are_known(text):
    assert noise.is_placeholder(text)


def test_random_values_are_almost_never_taken_for_noise():
    letters = string.ascii_letters + string.digits
    taken = 0
    for seed in range(500):
        stream = hashlib.shake_256(str(seed).encode()).digest(24)
        text = "".join(letters[b % 62] for b in stream)
        taken += noise.is_placeholder(text) or noise.is_code(text)
    assert taken <= 5


@pytest.mark.parametrize(
    ("raw", "plain"),
    [("a\\nb", "a\nb"), ("\\u0041\\x42", "AB"), ("\\ud800", "\\ud800"), ("\\q", "\\q"), ("plain", "plain")],
)
def test_escapes_are_resolved_and_unknown_ones_kept(raw, plain):
    assert noise.unescape(raw) == plain


def test_shapes_of_values():
    assert noise.is_uuid(assemble("{uuid}"))
    assert noise.is_hex("0xdeadBEEF")
    assert not noise.is_hex("xyz")
    assert noise.is_identifier("accessTokenName")
    assert not noise.is_identifier(TOKEN)
    assert noise.random_looking(TOKEN)
    assert not noise.random_looking("input_l1_voltage")
    assert noise.is_prose("Kennwort f\u00fcr")


def test_short_or_repeating_values_are_placeholders():
    assert noise.is_placeholder("sk-" + "ab" * 20)
    assert not noise.is_placeholder(TOKEN)


def test_the_jwt_of_the_documentation_is_a_sample():
    assert noise.is_sample_jwt({"sub": "1234567890"})
    assert noise.is_sample_jwt({"iss": "example"})
    assert not noise.is_sample_jwt({"sub": "etl", "iss": "acme"})


def test_the_body_of_a_key_is_long_and_mixed():
    frame = "-----BEGIN X-----\n{}\n-----END X-----"
    assert noise.is_key_body(frame.format(assemble("{b64:64}")))
    assert not noise.is_key_body(frame.format("abc"))
    assert not noise.is_key_body(frame.format("A" * 64))
    assert noise.squeeze('  "a"\n\n  b,') == "a\nb"


@given(st.text(max_size=60))
def test_entropy_is_bounded_by_the_alphabet(text):
    assert 0 <= noise.entropy(text) <= 6
