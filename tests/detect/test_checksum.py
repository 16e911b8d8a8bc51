"""Checksums of issuers: tokens are minted here as the issuer's documentation says, and every changed one fails."""

from __future__ import annotations

import base64
import random
import string
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nhiscan.detect import checksum

ALPHABET = string.ascii_letters + string.digits


def text(length: int, alphabet: str = ALPHABET, seed: int = 7) -> str:
    chooser = random.Random(seed)
    return "".join(chooser.choice(alphabet) for _ in range(length))


def digits(number: int, alphabet: str) -> str:
    return (digits(number // len(alphabet), alphabet) if number >= len(alphabet) else "") + alphabet[
        number % len(alphabet)
    ]


def github(seed: int = 7, prefix: str = "ghp_", length: int = 30) -> str:
    body = text(length, seed=seed)
    alphabet = string.digits + string.ascii_uppercase + string.ascii_lowercase
    return prefix + body + digits(zlib.crc32(body.encode()), alphabet).zfill(6)


def grafana(seed: int = 7) -> str:
    body = "glsa_" + text(32, seed=seed)
    return f"{body}_{zlib.crc32(body.encode()).to_bytes(4, 'little').hex()}"


def gitlab(seed: int = 7, version: str = ".01", prefix: str = "glpat-") -> str:
    payload = base64.urlsafe_b64encode(text(16, seed=seed).encode() + b"o:1\nu:2s\x06").decode().rstrip("=")
    alphabet = string.digits + string.ascii_lowercase
    body = f"{prefix}{payload}{version}.{digits(len(payload), alphabet).zfill(2)}"
    return body + digits(zlib.crc32(body.encode()), alphabet).zfill(7)


def confluent(seed: int = 7) -> str:
    body = text(54, ALPHABET + "+/", seed)
    return "cflt" + body + base64.b64encode(zlib.crc32(body.encode()).to_bytes(4, "little")).decode().rstrip("=")


def cask(seed: int = 7, *, plain: bool = False) -> str:
    body = text(52, seed=seed) + "JQQJ99" + text(22, seed=seed + 1)
    check = checksum.marvin32(base64.b64decode(body), 0x44656661756C7430).to_bytes(4, "little")
    if plain:
        return body + base64.b64encode(check[:3]).decode()
    alphabet = string.digits + string.ascii_uppercase + string.ascii_lowercase
    written = "0" * (4 - len(check.lstrip(b"\0"))) + digits(int.from_bytes(check, "big"), alphabet)
    return body + written.ljust(6, "0")[:4]


MINTED = [
    ("crc32-base62", github()),
    ("crc32-base62", github(prefix="npm_")),
    ("crc32-base62", github(prefix="polar_oat_", length=37)),
    ("crc32-hex", grafana()),
    ("crc32-base36", gitlab()),
    ("crc32-base36", gitlab(version="")),
    ("crc32-base36", gitlab(prefix="glrt-t1_")),
    ("crc32-base64", confluent()),
    ("marvin32-cask", cask()),
    ("marvin32-cask", cask(plain=True)),
]


@pytest.mark.parametrize(("name", "token"), MINTED)
def test_a_minted_token_passes_and_no_changed_one_does(name, token):
    assert checksum.verify(name, token)
    at = len(token) - 15  # inside the random part or its end in every layout
    changed = token[:at] + ("0" if token[at] != "0" else "1") + token[at + 1 :]
    assert not checksum.verify(name, changed)
    assert not checksum.verify(name, token[:-1] + ("0" if token[-1] != "0" else "1"))


@pytest.mark.parametrize("mint", [github, grafana, gitlab, confluent, cask])
def test_every_minted_token_passes(mint):
    name = {github: "crc32-base62", grafana: "crc32-hex", gitlab: "crc32-base36", confluent: "crc32-base64"}
    assert all(checksum.verify(name.get(mint, "marvin32-cask"), mint(seed)) for seed in range(300))


def test_checks_of_the_issuers_documentation():
    """The examples that Confluent and Grafana publish, written apart so that no file holds a whole token."""
    assert checksum.verify("crc32-base64", "cflt" + "T8d8RzkNseTMEDKcjNM1BZTFPHqRn/dQm9q7w6SjzZ12wZfwjaJdip" + "HZtDjw")
    assert checksum.verify("crc32-hex", "glsa_" + "yscW25imSKJIuav8zF37RZmnbiDvB05G" + "_fcaaf58a")


def test_the_digits_of_a_small_number_are_filled_up():
    assert (checksum.base62(0, 6), checksum.base62(61, 2), checksum.base36(35, 7)) == ("000000", "0z", "000000z")


@pytest.mark.parametrize(
    ("data", "seed", "expected"),
    [
        # Test vectors of Microsoft's security-utilities, low half exclusive-or high half.
        (b"", 0x004FB61A001BDBCC, 0x302009BC),
        (b"\xaf", 0x004FB61A001BDBCC, 0x3592E206),
        (b"\xe7\x0f", 0x004FB61A001BDBCC, 0xFDAB5E04),
        (b"\x37\xf4\x95", 0x004FB61A001BDBCC, 0xF0B07C78 ^ 0x9B8CF7E8),
        (b"\x86\x42\xdc\x59", 0x004FB61A001BDBCC, 0x7008F2E8 ^ 0x7E9CF556),
        (b"\xab\x42\x7e\xa8\xd1\x0f\xc7", 0x004FB61A001BDBCC, 0xE11847E4 ^ 0xF0678C41),
        (b"abcdefghijklmnopqrstuvwxyz", 0x0DDDDEEEEFFFF000, 0xD34847DC),
    ],
)
def test_marvin_gives_the_published_sums(data, seed, expected):
    assert checksum.marvin32(data, seed) == expected


def test_a_short_or_foreign_value_fails_without_an_error():
    odd = ["", "x", "ghp_", "glpat-.01.", "a.__aaaaaaa", "cflt", "é" * 84, "=" * 84, "a" * 84, ".", "_", "glsa__"]
    assert not any(checksum.verify(name, value) for name in checksum.KNOWN for value in odd)


@given(st.sampled_from(sorted(checksum.KNOWN)), st.text(max_size=100))
def test_no_text_makes_a_check_fail_with_an_error(name, value):
    assert checksum.verify(name, value) in {True, False}


def test_an_unknown_kind_is_an_error():
    with pytest.raises(KeyError):
        checksum.verify("luhn", "x")
