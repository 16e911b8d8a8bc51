"""A secret value cannot be shown or carried away; fingerprints depend on key and value alone."""

from __future__ import annotations

import copy
import json
import pickle
import stat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nhiscan.sensitive import KEY_VARIABLE, FingerprintKey, KeyFileError, Sensitive, load_key

SECRET = "correct-horse-" + "battery"


@pytest.fixture(autouse=True)
def _no_key_from_outside(monkeypatch):
    monkeypatch.delenv(KEY_VARIABLE, raising=False)


@pytest.mark.parametrize("show", [repr, str, "{}".format, "{:>40}".format, "%s".__mod__, ascii])
def test_no_way_of_printing_shows_the_value(show):
    assert SECRET not in show(Sensitive(SECRET))


@pytest.mark.parametrize("carry", [pickle.dumps, copy.copy, copy.deepcopy, json.dumps])
def test_no_way_of_carrying_takes_the_value(carry):
    with pytest.raises(TypeError):
        carry(Sensitive(SECRET))


def test_a_value_has_a_length_and_can_be_revealed_once_needed():
    assert len(Sensitive(SECRET)) == len(SECRET)
    assert Sensitive(SECRET).reveal() == SECRET


@given(st.text(min_size=1), st.text(min_size=1))
def test_equal_values_have_equal_fingerprints_and_others_do_not(a, b):
    key = FingerprintKey(b"k" * 32)
    same = key.fingerprint(Sensitive(a)) == key.fingerprint(Sensitive(b))
    assert same == (a == b)


def test_text_and_bytes_of_one_value_agree():
    key = FingerprintKey(b"k" * 32)
    assert key.fingerprint(Sensitive("\u00fcber")) == key.fingerprint(Sensitive("\u00fcber".encode()))


def test_another_key_gives_another_fingerprint_and_another_id():
    one, two = FingerprintKey(b"1" * 32), FingerprintKey(b"2" * 32)
    assert one.fingerprint(Sensitive(SECRET)) != two.fingerprint(Sensitive(SECRET))
    assert one.id != two.id


def test_a_key_does_not_print_itself():
    assert "11111111" not in repr(FingerprintKey(b"1" * 32))


def test_a_key_is_made_once_and_is_private(tmp_path):
    first, second = load_key(tmp_path / "cache"), load_key(tmp_path / "cache")
    assert first == second
    mode = stat.S_IMODE((tmp_path / "cache" / "fingerprint.key").stat().st_mode)
    assert mode == 0o600


def test_the_variable_wins_over_the_file(tmp_path, monkeypatch):
    monkeypatch.setenv(KEY_VARIABLE, "shared between shards")
    assert load_key(tmp_path) == load_key(None)
    assert not (tmp_path / "fingerprint.key").exists()


def test_without_a_directory_a_key_lives_for_one_run():
    assert load_key(None) != load_key(None)


def test_a_home_that_cannot_be_written_still_works(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("not a directory")
    assert load_key(blocked).id
    assert load_key(blocked / "below").id


def test_a_key_others_can_read_is_refused(tmp_path):
    path = tmp_path / "fingerprint.key"
    path.write_bytes(b"x" * 32)
    path.chmod(0o644)
    with pytest.raises(KeyFileError, match="chmod 600"):
        load_key(tmp_path)


def test_a_linked_key_is_refused(tmp_path):
    real = tmp_path / "real"
    real.write_bytes(b"x" * 32)
    real.chmod(0o600)
    (tmp_path / "fingerprint.key").symlink_to(real)
    with pytest.raises(KeyFileError, match="is a link"):
        load_key(tmp_path)


def test_a_short_key_is_refused(tmp_path):
    path = tmp_path / "fingerprint.key"
    path.write_bytes(b"x")
    path.chmod(0o600)
    with pytest.raises(KeyFileError, match="too short"):
        load_key(tmp_path)
