from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nhiscan.detect.aws_key import account_of


def key_id(account: int, prefix: str = "AKIA", rest: int = 0) -> str:
    """A key id as AWS makes them: a leading one bit, the account, 39 further bits."""
    bits = (1 << 47 | account << 7) << 32 | rest
    return prefix + base64.b32encode(bits.to_bytes(10, "big")).decode()


@given(account=st.integers(0, 10**12 - 1), rest=st.integers(0, 2**39 - 1))
def test_the_account_is_read_from_the_id_whatever_follows_it(account, rest):
    assert account_of(key_id(account, rest=rest)) == f"{account:012d}"


def test_temporary_keys_hold_the_account_too():
    assert account_of(key_id(123456789012, "ASIA")) == "123456789012"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "AKIA",
        "AROA" + "Q" * 16,
        "AKIA" + "Q" * 15,
        "AKIA" + "Q" * 17,
        "AKIA" + "1" * 16,
        "AKIA" + "I" * 16,
        "AKIA" + "J" * 16,
    ],
)
def test_what_holds_no_account_gives_none(text):
    assert account_of(text) is None


def test_a_number_too_long_for_an_account_gives_none():
    assert account_of(key_id(10**12)) is None
