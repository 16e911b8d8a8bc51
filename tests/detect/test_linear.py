"""No input makes detection slower than its length: every pattern by its shape, and the whole by growing texts."""

from __future__ import annotations

import importlib
import pkgutil
import re
import time
from pathlib import Path

import pytest

import nhiscan.detect
from nhiscan.detect import formats, inline
from nhiscan.detect.layers import shipped_layers
from nhiscan.detect.literals import Literals
from nhiscan.detect.scan import shipped
from nhiscan.detect.stage import Expression
from tests.detect.ambiguity import steps

LIMIT = 20_000
"""Steps at one place, about 0.2 ms, in the worst case: repeats that share a text reach so far together."""

WIDEST = 20_200
"""Bytes that a format reads from its place on: a private key of 16,384 bits has 12,600."""

WINDOWS = {"_KEY": 200, "_CALLS_SECRET": 140, "_NAMED": 160}
"""Bytes that are searched at most, where these are few; 2,000 otherwise (`noise` cuts there, others fail at once)."""

# Each letter is in the first run that takes it, and a run ends where the next begins.
SEARCHED_BY_TURNS = {("noise", "_WORDS"), ("names", "_WORDS")}

SEARCH = re.compile(r"\b(_[A-Z_]+)(?:\[[^\]]*\])?\.(?:search|finditer|findall|sub|split)\(")


def patterns():
    """Module, name and pattern of everything that the modules of detection compiled, and whether it is searched."""
    for found in pkgutil.iter_modules(nhiscan.detect.__path__):
        module = importlib.import_module(f"nhiscan.detect.{found.name}")
        searched = set(SEARCH.findall(Path(module.__file__).read_text(encoding="utf-8")))
        for name, value in vars(module).items():
            for pattern in compiled(value):
                yield found.name, name, pattern, name in searched


def compiled(value):
    if isinstance(value, re.Pattern):
        yield value
    elif isinstance(value, dict):
        yield from compiled(list(value.values()))
    elif isinstance(value, list | tuple):
        for item in value:
            yield from compiled(item)


@pytest.mark.parametrize(
    ("pattern", "few"),
    [
        (r"(?:[A-Za-z]?[a-z]+-)*", False),  # each word in two ways, so many words in very many
        (r"(?:[A-Z]?[a-z]++-)*+", True),
        (r"(a+)+b", False),
        (r"([^<>]{3,2048})\s{0,40}<", False),
        (r"([^<>]{3,2048}+)\s{0,40}<", True),
        (r"[ \t]*(?:--)?[ \t]*$", False),
        (r"[\w.]*(?:mail|chat)[\w.]*[\w.:]{0,40}/hooks", False),
        (r"(?:ab|c)*d", True),
        (r"[a-f]{8,60}-[0-9]{8,60}", True),
    ],
)
def test_the_shape_of_a_pattern_tells_what_it_costs(pattern, few):
    assert (steps(pattern.encode()) <= LIMIT) is few


def test_no_format_costs_more_than_its_length():
    for item in formats.load_formats(formats.shipped_directory()):
        assert steps(item.expression.encode()) <= LIMIT, item.id
        assert item.context is None or steps(item.context.encode(), search=100) <= LIMIT, item.id
        for text in item.nearby.values():
            assert steps(text.encode(), search=2 * item.within) <= LIMIT, item.id


def test_no_format_reads_on_and_on_from_its_place():
    endless = {"connection-string"}  # the scheme, which ends where its letters do, before `://`
    for item in formats.load_formats(formats.shipped_directory()):
        assert item.id in endless or re._parser.parse(item.expression).getwidth()[1] <= WIDEST, item.id


def test_no_pattern_of_the_second_stage_costs_more_than_its_length():
    seen = set()
    for module, name, pattern, searched in patterns():
        where = WINDOWS.get(name, 2_000) if searched and (module, name) not in SEARCHED_BY_TURNS else 1
        assert steps(pattern.pattern, pattern.flags, reach=2_000, search=where) <= LIMIT, (module, name)
        seen.add(pattern.pattern)
    assert len(seen) > 90


def spent(work, text):
    best = float("inf")
    for _ in range(3):
        begin = time.process_time()
        work(text)
        best = min(best, time.process_time() - begin)
    return best


def scan(text):
    shipped().scan(text, "values.yaml")


HOSTILE = [
    b"\n---\nkind: Secret\n", b"\nkind: Secret\ndata:\n a: QUJD\n", b"password=", b'password="', b"%41%42%43", b'\\":',
    b"cGFzc3dvcmQ9", b"https://a:b@", b"eyJ-", b"-----BEGIN RSA PRIVATE KEY-----\n", b'"a" +\n"', b"secret>",
]  # fmt: skip


@pytest.mark.parametrize("unit", HOSTILE)
def test_four_times_the_text_takes_four_times_as_long(unit):
    small, large = (unit * (size // len(unit)) for size in (8_000, 32_000))
    scan(small)
    # Sixteen times would be the square; a slow moment of the machine is not.
    assert spent(scan, large) < 10 * max(spent(scan, small), 0.002)


@pytest.mark.parametrize(
    "text",
    [
        b'key = "' + b"aa-" * 600 + b'1"\n',
        b'key = "' + b"Aa bb:" * 300 + b'!"\n',
        b"token>" + b" " * 2_000 + b"x",
        b"integrity = sha" + b"1" * 4_000,
        b"https://chat" + b"chat" * 90 + b"/hooks/" + b"a1" * 13,
        *(b"# nhiscan: ignore" + b * 900 + b"x" for b in (b" ", b" --", b"a,", b" a, ", b"-", b"until ")),
    ],
)
def test_texts_that_once_took_for_ever(text):
    begin = time.process_time()
    scan(text)
    inline.inline_ignores(text[:1_000])
    assert time.process_time() - begin < 0.5  # years, or half a second, before


class Counted(bytes):
    """Bytes that count how far they were searched."""

    searched = 0

    def find(self, text, begin=0, end=None):
        found = super().find(text, begin, end)
        Counted.searched += (min(len(self), end or len(self)) if found < 0 else found) - begin
        return found


@pytest.mark.parametrize("unit", [b"\nkind: Secret\ndata:\n a: QUJDREVGR0g=\n", b"\n---\nkind: Secret\n"])
@pytest.mark.parametrize("last", [b"", b"apiVersion: v1", b"apiVersion: v1\n" * 2])
def test_what_parts_secrets_is_looked_for_once(unit, last):
    text = Counted(unit * 400 + last)
    places = [(0, match.start()) for match in re.finditer(b"Secret", text)]
    Counted.searched = 0
    assert len(shipped_layers().unfold(text, places)) <= 400
    assert Counted.searched < 8 * len(text)


def test_the_fallback_tries_no_beginning_twice():
    matcher = Literals.of([Expression(rb"key[a-z ]{0,60}[\w ]{0,60}[ \t]*[a-z]{0,20}=[0-9a-z]{4}", 4)])
    assert matcher.places(b"key" * 20 + b"=" + b"a" * 4) == [(0, 61)]
    text = b"key=" * 500
    begin = time.process_time()
    assert len(set(matcher.places(text))) == 0
    assert time.process_time() - begin < 2  # minutes before
