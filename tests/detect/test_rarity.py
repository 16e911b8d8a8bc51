"""Drawn at random or written by a person: the bits between the two."""

from __future__ import annotations

import hashlib
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nhiscan.detect.rarity import surplus

LOWER, UPPER, DIGITS = string.ascii_lowercase, string.ascii_uppercase, string.digits
ALPHABETS = {
    "small letters": LOWER, "capitals and digits": UPPER + DIGITS, "small and digits": LOWER + DIGITS,
    "base 62": LOWER + UPPER + DIGITS, "base 64": LOWER + UPPER + DIGITS + "+/", "hexadecimal": DIGITS + "abcdef",
    "base 32": UPPER + "234567", "printable": "".join(map(chr, range(33, 127))),
}  # fmt: skip


def drawn(alphabet, length, seed):
    stream = hashlib.shake_256(f"{alphabet}{length}{seed}".encode()).digest(2 * length)
    return "".join(alphabet[(stream[i] << 8 | stream[i + 1]) % len(alphabet)] for i in range(0, 2 * length, 2))


@pytest.mark.parametrize("alphabet", ALPHABETS.values(), ids=ALPHABETS)
@pytest.mark.parametrize(("length", "least"), [(16, 0.97), (20, 0.99), (32, 1.0)])
def test_what_is_drawn_has_a_surplus_in_every_alphabet(alphabet, length, least):
    values = [surplus(drawn(alphabet, length, seed)) for seed in range(200)]
    assert sum(value > 8 for value in values) >= least * len(values)


def test_eight_random_letters_are_mostly_told_from_words():
    assert sum(surplus(drawn(LOWER, 8, seed)) > 3 for seed in range(300)) > 270


@pytest.mark.parametrize(
    "text",
    [
        "authorizationCode", "password", "letmein123", "sessionSecretValue", "GITHUB_ENTERPRISE_TOKEN", "winter2025",
        "nice-password", "get_access_token_silent", "AbstractSingletonProxyFactory", "wpa_supplicant", "monalisa",
        "application/json", "accessTokenExpiresInSeconds", "zookeeper", "swordfish", "cool_secret",
    ],
)  # fmt: skip
def test_what_people_write_has_none(text):
    assert surplus(text) < 0


def test_a_word_spelled_with_signs_is_still_a_word():
    assert surplus("P@ssw0rd") < surplus("Pxqsw0rd") - 10


def test_ascending_digits_are_cheaper_to_write_than_to_draw():
    assert surplus("1234567890123456") < 0 < surplus("83b1f07ac2965d4e")


def test_the_longer_a_random_text_the_surer():
    text = drawn(LOWER + DIGITS, 64, "long")
    steps = [surplus(text[:n]) for n in (8, 16, 32, 64)]
    assert steps == sorted(steps)


@given(st.text(max_size=300))
def test_any_text_has_a_finite_surplus(text):
    assert abs(surplus(text)) < 20 * len(text) + 20
