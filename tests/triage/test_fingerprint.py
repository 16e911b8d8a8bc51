import re

from hypothesis import given
from hypothesis import strategies as st

from nhiscan.triage.fingerprint import fingerprint, public_identity


def test_directory_name_is_left_out_so_that_a_moved_checkout_keeps_its_findings():
    assert fingerprint("R", "dir:one#.env:KEY:1") == fingerprint("R", "dir:two#.env:KEY:1")
    assert public_identity("dir:one#.env:KEY:1") == "#.env:KEY:1"
    assert public_identity("dir:one") == public_identity("dir:two") == "#"


def test_directory_name_with_a_hash_sign_is_cut_where_the_scope_ends():
    assert public_identity("dir:a#b#.env:K:1", ["dir:a#b", "dir:a"]) == "#.env:K:1"
    assert public_identity("dir:a#b", ["dir:a#b"]) == "#"


def test_repository_and_public_ids_stay_whole():
    for subject in ("repo:github.com/o/n#.env:K:1", "aws:access_key/AKIA", "arn:aws:iam::1:user/x"):
        assert public_identity(subject) == subject


@given(st.text(max_size=20), st.text(max_size=20), st.text(max_size=20))
def test_rule_and_subject_never_run_into_each_other(a, b, c):
    assert re.fullmatch("[0-9a-f]{32}", fingerprint(a, b))
    if c:
        assert fingerprint(a + c, b) != fingerprint(a, c + b) or not c
        assert fingerprint(a, b) != fingerprint(a, f"repo:{b}{c}")
