"""Files of any size are read through one buffer, and what lies across the borders of windows comes once."""

from __future__ import annotations

import functools
import gzip

import pytest

from nhiscan.collectors.repo import _reading, _scan
from nhiscan.collectors.repo._listing import Skip
from nhiscan.collectors.repo._scan import Scan
from nhiscan.collectors.repo._tree import SourceFile
from nhiscan.detect import containers, crowds, scan
from nhiscan.detect.examples import assemble
from nhiscan.detect.stage import CrowdedError
from nhiscan.detect.windows import windows
from nhiscan.plugin import Visibility
from nhiscan.sensitive import FingerprintKey
from tests.collectors.repo.past import run, token

WINDOW = 16 << 10
TOKENS = [assemble("ghp_{crc}", f"large {n}") for n in range(40)]


class Watched:
    """A handle that notes how much was asked of it at once."""

    def __init__(self, handle, asked):
        self._handle, self._asked = handle, asked

    def readinto(self, buffer):
        self._asked.append(len(buffer))
        return self._handle.readinto(buffer)


@pytest.fixture
def asked(monkeypatch):
    """The lengths of all reads; windows and what is read at once are small."""
    asked = []
    read = _reading._read_into
    monkeypatch.setattr(_reading, "_FIRST", WINDOW)
    monkeypatch.setattr(_reading, "WHOLE", 2 * WINDOW)
    monkeypatch.setattr(
        _reading, "_read_into", lambda handle, buffer: asked.append(len(buffer)) or read(handle, buffer)
    )
    monkeypatch.setattr(_reading, "windows", lambda source: windows(Watched(source, asked), length=WINDOW))
    return asked


def scanned(root, name):
    start = Scan(root, "dir:x", "repo.secrets", FingerprintKey(b"k" * 32), None)
    chunk = start()([SourceFile(name, Visibility.UNTRACKED)])
    return sorted(e.line for e in chunk.exposures), chunk.skipped


def planted(between, lines):
    """A text with the tokens in it, so far apart that they meet the borders of windows everywhere."""
    out, size = [], 0
    for number, value in enumerate(TOKENS):
        lead = (between * (9_001 // len(between) + 1))[: 9_001 + 37 * number]
        out.append(f'{lead}{lines}token = "{value}"{lines or " "}')
        size += len(out[-1])
    return "".join(out)


def lines_of(text):
    return [text.count("\n", 0, text.index(value)) + 1 for value in TOKENS]


@pytest.mark.parametrize(
    ("name", "between", "lines"),
    [
        ("app.log", "nothing to see here, status ok\n", "\n"),
        ("one-line.json", '{"row": 1, "status": "ok"}, ', ""),
        ("app.min.js", "function a(b,c){return b+c};", ""),
    ],
)
def test_each_credential_of_a_large_file_comes_once(tmp_path, asked, name, between, lines):
    text = planted(between, lines)
    (tmp_path / name).write_text(text)
    assert len(text) > 20 * WINDOW
    assert scanned(tmp_path, name) == (lines_of(text), [])
    assert max(asked) <= 2 * WINDOW
    assert sum(asked) < 3 * len(text)


def test_a_large_file_in_utf_16_as_well(tmp_path, asked):
    text = planted("nothing to see here, status ok\n", "\n")
    (tmp_path / "app.log").write_text(text, encoding="utf-16")
    assert scanned(tmp_path, "app.log") == (lines_of(text), [])
    assert max(asked) <= 2 * WINDOW


def test_a_large_file_that_is_compressed_as_well(tmp_path, monkeypatch):
    text = planted("nothing to see here, status ok\n", "\n")
    (tmp_path / "app.log.gz").write_bytes(gzip.compress(text.encode()))
    limits = functools.partial(containers.Limits, max_file_bytes=WINDOW)
    monkeypatch.setattr(containers, "Limits", limits)
    assert scanned(tmp_path, "app.log.gz") == (lines_of(text), [])
    pieces = list(containers.members("app.log.gz", (tmp_path / "app.log.gz").read_bytes()))
    assert len(pieces) > 20
    assert max(len(piece.data) for piece in pieces) <= WINDOW


@pytest.fixture
def crowded(monkeypatch):
    """What is crowded is so at a small size, for trees and for packs."""
    for name, value in (("SMALL", 20_000), ("MOST", 2_000), ("AHEAD", 4_000), ("BEHIND", 1_000)):
        monkeypatch.setattr(crowds, name, value)


@pytest.mark.usefixtures("crowded")
def test_a_large_crowded_file_comes_in_pieces(tmp_path):
    text = planted("%41%42%43", "\n")
    (tmp_path / "app.log").write_text(text)
    with pytest.raises(CrowdedError):
        scan.shipped().places(text.encode())
    assert scanned(tmp_path, "app.log") == (lines_of(text), [])


@pytest.mark.usefixtures("crowded")
def test_of_a_file_of_words_alone_a_part_is_weighed_and_the_rest_is_a_gap(tmp_path, monkeypatch):
    monkeypatch.setattr(_scan, "MOST_CROWDED", 12_000)
    text = planted("%41%42%43", "\n")
    (tmp_path / "app.log").write_text(text)
    lines, skipped = scanned(tmp_path, "app.log")
    assert 0 < len(lines) < len(TOKENS)
    assert lines == lines_of(text)[: len(lines)]
    assert skipped == [(Skip.CROWDED, "app.log")]


@pytest.mark.usefixtures("crowded", "way")
def test_a_crowded_object_of_a_history_as_well(repo):
    noise = "%41%42%43" * 9_000
    repo.commit(a_env=f"{noise}\ntoken = {token('first')}\n{noise}\n")
    repo.commit(a_env=f"{noise}\ntoken = {token('second')}\n{noise}\n")
    repo.commit(a_env="", b_env=f"token = {token('third')}\n")
    repo.commit(b_env="")
    repo.pack()
    seen = run(repo.root)
    assert {seed: [e.line for e in seen.of(seed)] for seed in ("first", "second", "third")} == {
        "first": [2], "second": [2], "third": [1],
    }  # fmt: skip
    assert seen.gaps == {}
