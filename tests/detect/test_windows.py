"""Windows over a file report each place once, with its offset and its line, in constant memory."""

from __future__ import annotations

import io
import os
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nhiscan.detect.windows import AHEAD, BEHIND, Window, windows

MARK = b"<@mark>"
LENGTH = 1 << 10


def places(handle, length=LENGTH, size=None):
    """(offset in the file, line from 1) of every mark that a window owns."""
    found = []
    for window in windows(handle, size, length):
        data = bytes(window.data)
        at = data.find(MARK)
        while at >= 0:
            if window.owns(at):
                found.append((window.offset + at, window.lines_before + data.count(b"\n", 0, at) + 1))
            at = data.find(MARK, at + 1)
    return found


def expected(data):
    found, at = [], data.find(MARK)
    while at >= 0:
        found.append((at, data.count(b"\n", 0, at) + 1))
        at = data.find(MARK, at + 1)
    return found


def test_a_mark_at_every_offset_around_a_boundary_is_reported_once():
    for at in range(LENGTH * 3 // 4 - 20, LENGTH + 20):
        data = b"line of text\n" * 400
        data = data[:at] + MARK + data[at:]
        assert places(io.BytesIO(data)) == expected(data) == [(at, data.count(b"\n", 0, at) + 1)]


@given(st.lists(st.sampled_from([MARK, b"\n", b"x" * 50, b"y", b"\0" * 30]), max_size=200), st.integers(64, 700))
@settings(max_examples=80, deadline=None)
def test_places_do_not_depend_on_windows(parts, length):
    data = b"".join(parts)
    assert places(io.BytesIO(data), length) == expected(data)


@pytest.mark.parametrize("count", [0, 1, LENGTH - 1, LENGTH, LENGTH + 1, LENGTH * 3 // 4, 5 * LENGTH])
def test_every_byte_belongs_to_one_window(count):
    owned = [0] * count
    for window in windows(io.BytesIO(b"a" * count), None, LENGTH):
        for place in range(len(window.data)):
            owned[window.offset + place] += window.owns(place)
    assert owned == [1] * count


def test_a_place_sees_what_stands_before_and_behind_it():
    last = 0
    data = bytes(i % 251 for i in range(60 * LENGTH))
    for window in windows(io.BytesIO(data), None, 16 * LENGTH):
        assert bytes(window.data) == data[window.offset : window.offset + len(window.data)]
        assert window.offset + window.first == last
        last = window.offset + window.end
        if last < len(data):
            assert len(window.data) - window.end == min(AHEAD, 4 * LENGTH)
        if window.offset:
            assert window.first == min(BEHIND, 2 * LENGTH)
    assert last == len(data)


class Drip(io.RawIOBase):
    """A stream that gives a few bytes at a time."""

    def __init__(self, data):
        self._inner = io.BytesIO(data)

    def readable(self):
        return True

    def readinto(self, buffer):
        return self._inner.readinto(memoryview(buffer)[:7])


def test_a_stream_that_drips_gives_full_windows():
    data = (b"z" * 90 + b"\n" + MARK) * 90
    assert places(Drip(data)) == expected(data)
    assert places(io.BytesIO(data), size=500) == expected(data[:500])


def test_one_line_of_megabytes_is_read_with_one_line_number():
    data = b"x" * 3_000_000 + MARK + b"y" * 3_000_000 + MARK
    assert places(io.BytesIO(data), 1 << 20) == [(3_000_000, 1), (6_000_007, 1)]


@pytest.fixture
def sparse(tmp_path):
    path = tmp_path / "disk.img"
    with path.open("wb") as file:
        file.write(b"first\n" + MARK + b"\n")
        file.seek(1 << 30)
        file.write(b"second\n" + MARK + b"\n")
        file.seek((2 << 30) - 100)
        file.write(b"third\n" + MARK)
        file.truncate(2 << 30)
    return path


MARKS = [(6, 2), ((1 << 30) + 7, 4), ((2 << 30) - 94, 6)]


@pytest.mark.skipif(not hasattr(os, "SEEK_DATA"), reason="the platform does not tell holes")
def test_two_gigabytes_with_holes_take_one_buffer_and_no_time(sparse):
    tracemalloc.start()
    with sparse.open("rb", buffering=0) as handle:
        seen = [(w.offset + p, w.lines_before + bytes(w.data[:p]).count(b"\n") + 1) for w, p in _marks(handle)]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert seen == MARKS
    assert peak < 4 << 20


def _marks(handle):
    for window in windows(handle, None, 1 << 20):
        text = bytes(window.data)
        if (at := text.find(MARK)) >= 0 and window.owns(at):
            yield window, at


@pytest.mark.parametrize("errno", ["EINVAL", "ENOTSUP"])
def test_a_file_system_that_does_not_tell_holes_is_read_through(tmp_path, monkeypatch, errno):
    import errno as codes

    path = tmp_path / "file"
    path.write_bytes((b"a\n" * 600 + MARK) * 4)
    real = os.lseek

    def lseek(file, place, how):
        if how not in {os.SEEK_SET, os.SEEK_CUR, os.SEEK_END}:
            raise OSError(getattr(codes, errno), "no")
        return real(file, place, how)

    monkeypatch.setattr(os, "lseek", lseek)
    with path.open("rb", buffering=0) as handle:
        assert places(handle) == expected(path.read_bytes())


def test_a_small_hole_is_read_as_the_zeros_it_is(tmp_path):
    path = tmp_path / "file"
    with path.open("wb") as file:
        file.write(MARK)
        file.seek(200_000)
        file.write(b"\n" + MARK)
    with path.open("rb", buffering=0) as handle:
        assert places(handle) == [(0, 1), (200_001, 2)]


def test_an_empty_file_has_no_window(tmp_path):
    (tmp_path / "file").touch()
    with (tmp_path / "file").open("rb", buffering=0) as handle:
        assert list(windows(handle)) == []
    assert Window(0, memoryview(b"abc"), 0, 1, 2).owns(1)
