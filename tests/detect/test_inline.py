"""Ignore comments are read in every language's comment style, and only there."""

from __future__ import annotations

from datetime import date

import pytest

from nhiscan.detect.inline import InlineIgnore, inline_ignores


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x = 1  # nhiscan: ignore NS-LEK-001 -- rotated\n", InlineIgnore(1, ("NS-LEK-001",), "rotated")),
        ("// nhiscan: ignore NS-LEK-001,NS-LIF-001 -- a\nx", InlineIgnore(2, ("NS-LEK-001", "NS-LIF-001"), "a")),
        ("a /* nhiscan: ignore NS-LEK-001 -- b */", InlineIgnore(1, ("NS-LEK-001",), "b")),
        ("<!-- nhiscan: ignore NS-LEK-001 -- c -->", InlineIgnore(2, ("NS-LEK-001",), "c")),
        ("<!-- nhiscan: ignore NS-LEK-001 -->", InlineIgnore(2, ("NS-LEK-001",), "")),
        ("a # nhiscan: ignore NS-LEK-001--why", InlineIgnore(1, ("NS-LEK-001",), "why")),
        ("a # nhiscan: ignore A , B--why  so", InlineIgnore(1, ("A", "B"), "why  so")),
        ("a /* nhiscan: ignore A -- b until 2026-12-31 */", InlineIgnore(1, ("A",), "b", date(2026, 12, 31))),
        ("a -- nhiscan: ignore NS-LEK-001 -- d", InlineIgnore(1, ("NS-LEK-001",), "d")),
        ("a ; nhiscan: ignore NS-LEK-001", InlineIgnore(1, ("NS-LEK-001",), "")),
        ("a # nhiscan: ignore", InlineIgnore(1, (), "")),
        (
            "a # nhiscan: ignore NS-LEK-001 -- e until 2026-12-31\r\n",
            InlineIgnore(1, ("NS-LEK-001",), "e", date(2026, 12, 31)),
        ),
        (
            "a # nhiscan: ignore NS-LEK-001 -- f [until 2026-12-31]",
            InlineIgnore(1, ("NS-LEK-001",), "f", date(2026, 12, 31)),
        ),
        ("a # nhiscan: ignore X -- g until 2026-02-31", InlineIgnore(1, ("X",), "g", None, valid=False)),
    ],
)
def test_an_ignore_comment_is_read(text, expected):
    assert inline_ignores(text.encode()) == [expected]


@pytest.mark.parametrize(
    "text",
    ["", "nhiscan: ignore X", "# nhiscan: ignored X", "# nhiscan: ignore X " + "y" * 2_000, "# nhiscan is good\nx"],
)
def test_what_is_no_ignore_comment_is_left_alone(text):
    assert inline_ignores(text.encode()) == []
