"""Deltas applied, and the stretches of an object whose places are those of its base."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nhiscan.collectors.repo import _pack_places
from nhiscan.collectors.repo._delta import DeltaError, apply, sizes
from nhiscan.collectors.repo._inflate import StreamError, inflate
from nhiscan.collectors.repo._pack_places import (
    EVERYTHING,
    LINE,
    NEAR,
    NOWHERE,
    PARAGRAPH,
    Known,
    Reach,
    Seen,
    clean_stretches,
    ordered,
    places_of,
)
from tests.collectors.repo.packing import Toy, copy, delta, made, number

MOST = 1 << 24
BASE = random.Random(1).randbytes(70_000)


@st.composite
def steps(draw, size):
    """Copies and insertions, of every form an opcode has."""
    part = st.tuples(st.integers(0, size - 1), st.integers(1, size)).map(
        lambda s: (s[0], min(s[1], size - s[0], 0xFFFFFF))
    )
    return draw(st.lists(st.one_of(part, st.binary(min_size=1, max_size=300)), min_size=1, max_size=30))


@given(steps(len(BASE)))
def test_an_object_is_what_its_steps_make_of_the_base(given_steps):
    data, copies = apply(delta(BASE, given_steps), BASE, MOST)
    assert data == made(BASE, given_steps)
    assert [(start, length) for _, start, length in copies] == [s for s in given_steps if isinstance(s, tuple)]
    assert all(data[at : at + length] == BASE[start : start + length] for at, start, length in copies)


@pytest.mark.parametrize("start", [0, 1, 0x100, 0x10000, 0x10100, 0x1000000, 0x1010001])
@pytest.mark.parametrize("length", [1, 0x100, 0x101, 0x1_0000, 0x1_0001, 0x1_0100])
def test_every_byte_of_offset_and_size_may_be_left_out(start, length):
    base = BASE * 260
    data, copies = apply(delta(base, [(start, length)]), base, MOST)
    assert data == base[start : start + length]
    assert copies == [(0, start, length)]


def test_short_copies_are_not_told_where_nobody_asks():
    assert apply(delta(BASE, [(5, 40), b"x", (9, 400)]), BASE, MOST, 100)[1] == [(41, 9, 400)]


@pytest.mark.parametrize(
    "bad",
    [
        b"",
        b"\xff" * 20,
        number(5) + number(3) + copy(0, 3),
        number(len(BASE)) + number(4) + copy(0, 3),
        number(len(BASE)) + number(3) + copy(0, 4),
        number(len(BASE)) + number(3) + b"\0" + copy(0, 3),
        number(len(BASE)) + number(4) + b"\x04abc",
        number(len(BASE)) + number(3) + b"\xb3\x01",
        number(len(BASE)) + number(3) + b"\xb7\x01\x01",
        number(len(BASE)) + number(3) + b"\xa2\x01",
        number(len(BASE)) + number(200) + copy(len(BASE) - 100, 200),
        number(len(BASE)) + number(MOST + 1) + copy(0, 200),
        number(len(BASE)) + number(100) + copy(0, 0xFFFF) * 1000,
    ],
)
def test_what_fits_no_base_is_refused(bad):
    with pytest.raises(DeltaError):
        apply(bad, BASE, MOST)


@given(st.binary(max_size=60))
def test_any_bytes_are_a_delta_or_refused(noise):
    head = number(len(BASE)) + number(len(noise))
    try:
        data, _ = apply(head + noise, BASE, MOST)
    except DeltaError:
        return
    assert len(data) == len(noise)


def test_sizes_are_told_without_applying():
    assert sizes(delta(BASE, [(0, 300), b"abc"]))[:2] == (len(BASE), 303)


def test_a_stream_gives_its_size_and_nothing_else():
    import zlib

    for text in (b"", b"abc" * 50, random.Random(2).randbytes(200_000)):
        raw = zlib.compress(text)
        assert inflate(raw, len(text)) == text
        assert inflate(raw + b"more", len(text)) == text
        for wrong in (len(text) + 1, max(0, len(text) - 1) if text else 7):
            with pytest.raises(StreamError):
                inflate(raw, wrong)
        with pytest.raises(StreamError):
            inflate(b"\0" + raw, len(text))


def test_a_stream_that_says_less_than_it_holds_is_not_inflated_to_the_end():
    import tracemalloc
    import zlib

    bomb = zlib.compress(bytes(40 << 20), 1)
    assert len(bomb) > 64 << 10
    tracemalloc.start()
    with pytest.raises(StreamError):
        inflate(bomb, 1000)
    assert tracemalloc.get_traced_memory()[1] < 20 << 20
    tracemalloc.stop()


WORDS = [
    b"tok_", b"tok_0123abcd", b"tok_0123abcdef01", b"secret = ", b"KEY:\n", b"#", b" 0a1b2c3d4e", b"5f6a7b8c9d", b"g", b"id-1234",
    b"pair", b"-----BEGIN", b"-----END", b"...", b"\n", b" " * 45, b"word ", b"lorem ipsum dolor sit amet\n" * 3,
]  # fmt: skip


def text(chance, size):
    """Text dense in what the formats look at, and in what decides over them."""
    out = b""
    while len(out) < size:
        out += chance.choice(WORDS) if chance.random() < 0.1 else b"%x " % chance.randrange(1 << 30)
    return out


def edits(chance, base):
    """Steps that leave much of the base alone, with insertions, removals, moves and repeats."""
    out, at = [], 0
    for _ in range(chance.randrange(1, 6)):
        stop = chance.randrange(at, len(base) + 1)
        if stop > at:
            out.append((at, stop - at))
        out.append(chance.choice([b"", chance.choice(WORDS), text(chance, 90), b"x"]))
        at = chance.choice([stop, min(len(base), stop + chance.randrange(40)), chance.randrange(len(base) + 1)])
    if chance.random() < 0.8 and at < len(base):
        out.append((at, len(base) - at))
    return [step for step in out if step]


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 1 << 60))
def test_places_by_stretches_are_the_places_of_the_whole(seed):
    chance = random.Random(seed)
    base = text(chance, 3_000)
    changed = edits(chance, base)
    data, copies = apply(delta(base, changed), base, MOST, Toy.reach.least)
    toy = Toy()
    clean = clean_stretches(copies, len(data), len(base), Toy.reach)
    known = ordered(toy.places(base))
    if clean is None:
        return
    seen = places_of(data, clean, Known(known, *toy.every(base, known)), Toy.reach, toy.places)
    assert seen.places == ordered(toy.places(data))
    assert set(seen.fresh) <= set(seen.places)
    assert seen.scanned < len(data)
    if not toy.every(base, known)[0]:
        assert toy.every(data, seen.places) == toy.every(data, seen.fresh)
    for hit in seen.hits:
        assert toy.every(data, [hit])[0]


def test_a_copy_of_everything_leaves_nothing_to_scan():
    clean = clean_stretches([(0, 0, 0x10000), (0x10000, 0x10000, 4_464)], 70_000, 70_000, Toy.reach)
    assert [(c.start, c.end) for c in clean] == [(0, 70_001)]
    seen = places_of(BASE, clean, Known([(0, 9)], [(0, 9)]), Toy.reach, Toy().places)
    assert (seen.places, seen.fresh, seen.scanned, seen.hits) == ([(0, 9)], [], 0, [(0, 9)])


def test_where_little_is_copied_the_whole_is_scanned():
    assert clean_stretches([(0, 9_000, 1_000)], 10_000, 10_000, Toy.reach) is None
    assert clean_stretches([], 0, 10_000, Toy.reach) is None


def test_fresh_is_what_a_difference_within_reach_could_turn(monkeypatch):
    monkeypatch.setattr(_pack_places, "_WORTH", 0)
    base = b"a" * 2_000
    copies = [(0, 0, 1_000), (1_001, 1_000, 1_000)]
    clean = clean_stretches(copies, 2_001, 2_000, Toy.reach)
    known = [(0, 500), (2, 600), (0, 940), (3, 1_600), (2, 1_900)]
    seen = places_of(base + b"a", clean, Known(known, [(3, 1_600)]), Toy.reach, lambda _: [])
    assert seen.places == [(0, 500), (2, 600), (0, 940), (3, 1_601), (2, 1_901)]
    assert (seen.fresh, seen.hits) == ([(3, 1_601)], [])
    nearer = places_of(base + b"a", clean, Known([(2, 770), (2, 771)], [(2, 770)]), Toy.reach, lambda _: [])
    assert (nearer.fresh, nearer.hits) == ([(2, 771)], [(2, 770)])


def by_stretches(base, changed):
    """The places of the object as found by stretches; the changes must leave some alone."""
    data, copies = apply(delta(base, changed), base, MOST)
    toy = Toy()
    clean = clean_stretches(copies, len(data), len(base), Toy.reach)
    assert clean is not None
    seen = places_of(data, clean, Known(ordered(toy.places(base))), Toy.reach, toy.places)
    assert seen.places == ordered(toy.places(data))
    return seen.places


@pytest.mark.parametrize("gap", range(42))
def test_a_byte_at_the_far_end_of_a_match_makes_or_ends_it(gap):
    pad = b"word " * 300
    with_name = pad + b"secret" + b"." * gap + b":0a1b2c3d4e" + pad
    without = with_name.replace(b"secret", b"xecret")
    at = len(pad)
    for base, letter, count in ((with_name, b"x", 0), (without, b"s", gap < 41)):
        assert len(by_stretches(base, [(0, at), letter, (at + 1, len(base) - at - 1)])) == count


@pytest.mark.parametrize("word", [b"id-1234", b"tok_0123abcd", b"secret: 0a1b2c3d4e"])
def test_what_stands_at_an_end_of_the_base_may_stand_elsewhere_in_the_object(word):
    base = word + b" word" * 400 + b" " + word
    assert len(by_stretches(base, [(0, len(base))])) == 2
    apart = 0 if word.startswith(b"id") else 2
    assert len(by_stretches(base, [b"x", (0, len(base)), b"x"])) == apart
    assert len(by_stretches(base, [(0, len(base)), b"x"])) == 2 - (apart == 0)
    assert len(by_stretches(base, [b"x", (0, len(base))])) == 2 - (apart == 0)
    assert len(by_stretches(base, [(0, len(base)), (0, len(base))])) == 4 - 2 * (apart == 0)


@pytest.mark.parametrize(
    ("end", "fresh"), [(99, False), (1_000 - NEAR - 1, False), (1_000 - NEAR, True), (5_000, True)]
)
def test_a_line_that_ends_well_before_a_difference_bounds_what_is_looked_at(monkeypatch, end, fresh):
    monkeypatch.setattr(_pack_places, "_WORTH", 0)
    reach = Reach(20, 10, (900, 900), (LINE, NOWHERE), 9, 0, bool, 9)
    data = bytearray(b"a" * 6_000)
    data[400 + end if end == 99 else end] = 10
    copies = [(0, 0, 1_000), (1_001, 1_000, 4_999)]
    clean = clean_stretches(copies, 6_000, 5_999, reach)
    known = [(0, 400), (1, 400), (0, 5_500)]
    seen = places_of(bytes(data), clean, Known(known), reach, lambda _: [])
    assert seen.places == [(0, 400), (1, 400), (0, 5_501)]
    assert seen.fresh == ([(0, 400)] if fresh else []) + [(1, 400)]


def test_what_lies_near_behind_a_difference_is_judged_again_whatever_its_line(monkeypatch):
    monkeypatch.setattr(_pack_places, "_WORTH", 0)
    reach = Reach(20, 10, (900,), (LINE,), 9, 0, bool, 9)
    data = b"a" * 1_001 + b"a\n" * 2_500
    clean = clean_stretches([(0, 0, 1_000), (1_001, 1_000, 5_000)], 6_001, 6_000, reach)
    known = [(0, 1_000 + NEAR - 1), (0, 1_000 + NEAR)]
    assert places_of(data, clean, Known(known), reach, lambda _: []).fresh == [(0, 1_001 + NEAR - 1)]


@pytest.mark.parametrize(
    ("breaks", "fresh"),
    [((320, 600), False), ((500, 696), True), ((320,), True), ((600,), True), ((303, 600), True), ((304, 694), False)],
)
def test_empty_lines_on_both_sides_bound_what_is_looked_at(monkeypatch, breaks, fresh):
    monkeypatch.setattr(_pack_places, "_WORTH", 0)
    reach = Reach(20, 10, (EVERYTHING,), (PARAGRAPH,), 9, 0, bool, 9)
    data = bytearray(b"a" * 3_000)
    for at in breaks:
        data[1_000 + at : 1_000 + at + 2] = b"\n\n"
    copies = [(0, 1, 1_000), (1_000, 1_002, 1_000), (2_000, 2_003, 1_000)]
    clean = clean_stretches(copies, 3_000, 3_100, reach)
    seen = places_of(bytes(data), clean, Known([(0, 1_502)]), reach, lambda _: [])
    assert seen.places == [(0, 1_500)]
    assert bool(seen.fresh) is fresh


def test_of_places_judged_together_one_asks_for_all():
    reach = Reach(1, 1, (9, 9, 9), (LINE, PARAGRAPH, NOWHERE), 1, 0, bool, 1)
    data = b"ab\n\ncdefgh\n\nij"
    seen = Seen([(1, 0), (0, 1), (0, 5), (1, 6), (1, 8), (2, 9), (1, 13)], [(0, 5)])
    assert seen.asked(data, reach) == [(0, 5)]
    seen.fresh.append((1, 8))
    assert seen.asked(data, reach) == [(0, 5), (1, 6), (1, 8), (2, 9)]  # those of the paragraph
    seen.fresh.append((2, 9))
    assert seen.asked(data, reach) == [(1, 0), (0, 5), (1, 6), (1, 8), (2, 9), (1, 13)]


@pytest.mark.parametrize(("name", "at", "fresh"), [(b"x", 400, False), (b"near", 400, True), (b"near", 2_950, False)])
def test_a_name_for_which_surroundings_count_reaches_beyond_its_line(monkeypatch, name, at, fresh):
    monkeypatch.setattr(_pack_places, "_WORTH", 0)
    reach = Reach(20, 10, (4_000, 4_000), (LINE, LINE), 1, 1_500, lambda head: b"near" in head, 2)
    data = bytearray(b"a\n" * 3_000)
    data[at - 50 : at - 50 + len(name)] = name
    clean = clean_stretches([(0, 0, 1_400), (1_401, 1_400, 4_599)], 6_000, 5_999, reach)
    seen = places_of(bytes(data), clean, Known([(0, at - (at > 1_400)), (1, at - (at > 1_400))]), reach, lambda _: [])
    assert seen.fresh == ([(1, at)] if fresh else [])
