from datetime import UTC, datetime, timedelta

import pytest

from nhiscan.collectors.aws import _keys
from nhiscan.collectors.aws._keys import Key, match
from nhiscan.collectors.aws._report import Row, Slot
from nhiscan.collectors.aws._source import Account
from nhiscan.plugin import LastUsed

A, B = "AKIA" + "A" * 16, "AKIA" + "B" * 16
T1, T2 = datetime(2025, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)
USER = "arn:aws:iam::123456789012:user/etl"


def slot(number, rotated, *, active=True, used=None):
    return Slot(number, active, rotated, LastUsed.KNOWN if used else LastUsed.NEVER, used)


def numbers(keys, slots):
    return {key: found.number for key, found in match(keys, slots).items()}


def test_keys_meet_slots_by_the_second_they_were_made():
    keys = [Key(A, True, T2.replace(microsecond=5)), Key(B, True, T1)]
    assert numbers(keys, [slot(1, T1), slot(2, T2)]) == {B: 1, A: 2}


def test_a_slot_touched_later_is_matched_by_status():
    keys = [Key(A, True, T1), Key(B, False, T1)]
    slots = [slot(1, T2, active=False), slot(2, T1 + timedelta(seconds=30))]
    assert numbers(keys, slots) == {A: 2, B: 1}


def test_a_key_made_after_the_report_is_not_given_the_facts_of_its_predecessor():
    assert numbers([Key(A, True, T2)], [slot(1, T1, used=T1)]) == {}


def test_two_keys_that_cannot_be_told_apart_stay_unmatched_when_their_facts_differ():
    keys = [Key(A, True, T1), Key(B, True, T1)]
    assert numbers(keys, [slot(1, T1), slot(2, T1, used=T2)]) == {}


def test_two_keys_that_cannot_be_told_apart_share_facts_that_are_alike():
    keys = [Key(A, True, T1), Key(B, True, T1)]
    assert set(numbers(keys, [slot(1, T1), slot(2, T1)])) == {A, B}


def test_more_keys_than_slots_are_not_forced_together():
    assert numbers([Key(A, None, None), Key(B, None, None)], [slot(1, T1)]) == {}
    assert numbers([Key(A, True, T1), Key(B, True, T1)], [slot(1, T1)]) == {}


@pytest.mark.parametrize(
    "entry", [{}, {"AccessKeyId": 5}, {"AccessKeyId": "lower case"}, {"AccessKeyId": "A\x1b[31m" * 5}]
)
def test_entries_without_a_key_id_are_left_out(entry):
    assert _keys.read([entry]) == []


def test_a_listed_key_without_status_takes_it_from_the_report_else_it_is_unknown():
    row = Row("etl", USER, None, None, None, None, None, (slot(1, T1, active=False),), ())
    account = Account("123456789012")
    (bare,) = _keys.listed(account, USER, [Key(A, None, T1)], None)
    assert (bare.state, bare.last_used, bare.issued_at) == (None, None, T1)
    matched = _keys.listed(account, USER, [Key(A, False, None)], row)
    assert [(c.state, c.issued_at) for c in matched] == [("inactive", T1)]


def test_keys_that_could_not_be_listed_are_numbered_and_carry_no_id():
    row = Row("etl", USER, None, None, None, None, None, (slot(2, T1, active=False, used=T2),), (slot(1, T1),))
    (key,) = _keys.unlisted(Account("123456789012"), USER, row)
    assert (key.id, key.key_id, key.state, key.last_used_at) == (f"{USER}#access_key/2", None, "inactive", T2)
    (certificate,) = _keys.certificates(Account("123456789012"), USER, row)
    assert (certificate.id, certificate.lifetime) == (f"{USER}#signing_certificate/1", None)
