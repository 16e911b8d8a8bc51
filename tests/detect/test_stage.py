"""The first stage: expressions made of patterns, and two automata that name the same places."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass

import pytest

from nhiscan import cache
from nhiscan.detect import bundle, formats
from nhiscan.detect.dialect import MOST, prefixes
from nhiscan.detect.examples import assemble
from nhiscan.detect.literals import Literals
from nhiscan.detect.stage import Expression, matcher_kind
from nhiscan.detect.vectorscan import Vectorscan

SHIPPED = formats.load_formats(formats.shipped_directory())
TEXTS = [assemble(text).encode() for f in SHIPPED for text in (*f.match, *f.no_match)]


@dataclass(frozen=True)
class Both:
    """The two automata over the expressions of these numbers."""

    fast: Vectorscan
    sure: Literals
    numbers: set[int]

    def disagree(self, data):
        """What only one of them names."""
        found = set(self.fast.places(data)) ^ set(self.sure.places(memoryview(data)))
        return {(number, place) for number, place in found if number in self.numbers}


@pytest.fixture(scope="module")
def kinds():
    """The automata over expressions that hold a literal, and over the few without, which cost the second far more."""
    made = bundle.load(formats.shipped_directory())
    assert isinstance(made.matcher, Vectorscan)
    every = Literals.of(made.expressions)
    ways = {way for some in every._by_word.values() for way in some} | set(every._rest)
    bare = {way.number for way in every._rest}
    literal = set(range(len(made.expressions))) - bare
    assert len(literal) > 4000
    assert bare
    return {
        name: Both(made.matcher, Literals([way for way in ways if way.number in some]), some)
        for name, some in (("literal", literal), ("bare", bare))
    }


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        (r"ghp_[0-9A-Za-z]{36}", ["ghp_[0-9A-Za-z]{20}"]),
        (r"sk-(?P<use>live|test)_\d{4}", [r"sk\-live_[0-9]{4}", r"sk\-test_[0-9]{4}"]),
        (r"(?:dd_)?[a-f]{4}", ["[a-f]{4}", "dd_[a-f]{4}"]),
        (r"ab{2}c{1,3}d", ["abbc"]),
        (r"(?i)Key[^\n]x", [r"(?i:K)(?i:e)(?i:y)(?i:[^\x0a])(?i:x)"]),
        (r"(?i:A)\b(?=x)(?!y)b.", [r"(?i:A)b[^\n]"]),
        (r"a(?>bc)+", ["abc"]),
        (r"x*y", [""]),
        (r"(a)\1", ["a"]),
        (r"[^\W_]\S\D", [r"[^\W_][\S][\D]"]),
    ],
)
def test_an_expression_is_the_beginning_of_fixed_length(pattern, expected):
    assert [way.text for way in prefixes(pattern)] == expected


def test_a_pattern_of_many_ways_is_cut_before_them():
    ways = prefixes("x" + "(?:ab|cd|ef)" * 6)
    assert {len(way.texts) for way in ways} == {7}
    assert all(way.last for way in ways)


def test_every_match_of_a_format_begins_with_one_of_its_expressions():
    """Otherwise the first stage hides what the second would find."""
    for item in SHIPPED:
        ways = [re.compile(way.text.encode()) for way in prefixes(item.expression)]
        for text in item.match:
            for match in item.pattern.finditer(assemble(text).encode()):
                assert any(way.match(match[0]) for way in ways), (item.id, text)


def test_prefixes_are_short():
    assert all(len(way.texts) <= MOST for item in SHIPPED for way in prefixes(item.expression))


def test_both_automata_name_the_same_places_in_examples(kinds):
    for text in TEXTS[::6]:
        assert not kinds["literal"].disagree(text), text[:12]
    seen = set()
    for text in sorted(TEXTS, key=len):
        named = {number for number, _ in kinds["bare"].fast.places(text)} & kinds["bare"].numbers
        if named - seen:
            seen |= named
            assert not kinds["bare"].disagree(text), text[:12]
    assert len(seen) > 20


@pytest.mark.parametrize(("kind", "parts"), [("literal", 60), ("bare", 8)])
@pytest.mark.parametrize("between", [b"\n", b" ", b"", b'"'])
def test_both_automata_agree_on_mixtures(kinds, kind, parts, between):
    r = random.Random(f"{kind} {between}")
    several = [r.choice(TEXTS)[:90] for _ in range(parts)] + [r.randbytes(20) for _ in range(parts // 2)]
    r.shuffle(several)
    data = bytearray(between.join(several))
    for _ in range(parts):
        data[r.randrange(len(data))] = r.randrange(256)
    assert not kinds[kind].disagree(data)


@pytest.mark.parametrize("kind", [Vectorscan, Literals])
def test_places_overlap_and_come_from_any_buffer(kind):
    matcher = kind.of(
        [
            Expression(b"(?i:key)[^\\n]{0,5}[=:][0-9]{3}", 3),
            Expression(b"[0-9]{4}", 4),
            Expression(b"AbC", 3, caseless=True),
        ]
    )
    data = b"KEY=1234 abc"
    assert set(matcher.places(data)) == {(0, 4), (1, 4), (2, 9)}
    assert set(matcher.places(memoryview(data))) == set(matcher.places(bytearray(data)))
    assert matcher.places(b"") == []


def test_an_expression_whose_end_is_of_another_length_is_refused():
    with pytest.raises(ValueError, match="length"):
        Literals.of([Expression(b"ab[0-9]{2,3}", 2)])


def test_the_compiled_form_is_kept_and_a_damaged_one_made_anew(tmp_path):
    folder = tmp_path / "formats"
    folder.mkdir()
    (folder / "one.yaml").write_text(
        "provider: one\ntitle: One\nformats:\n  - id: one-key\n    kind: api_key\n    source: https://one.example\n"
        "    anchors: [one_]\n    pattern: '(?P<value>one_[0-9a-f]{16})'\n"
        "  - id: one-id\n    kind: api_key\n    source: https://one.example\n"
        "    keywords: [one_app]\n    pattern: '(?P<value>[0-9a-f]{16})'\n"
    )
    before = cache.directory()
    cache.use(tmp_path / "cache")
    try:
        made = bundle.load(folder)
        (kept,) = (tmp_path / "cache").glob("detect-*")
        text = b"one_0123456789abcdef"
        again = bundle.load(folder)
        assert again.matcher.places(text) == made.matcher.places(text) != []
        assert (*again.formats, *again.owners, *again.named) == (*made.formats, *made.owners, *made.named)
        kept.write_bytes(kept.read_bytes()[:-1])
        assert bundle.load(folder).matcher.places(text) == made.matcher.places(text)
        (folder / "one.yaml").write_text((folder / "one.yaml").read_text().replace("{16})'\n  - id", "{24})'\n  - id"))
        assert bundle.load(folder).version != made.version
    finally:
        cache.use(before)


def test_what_another_library_compiled_is_not_trusted():
    item = Expression(b"abc", 3)
    assert Vectorscan.of([item], b"not a database").places(b"abc") == [(0, 0)]


def test_the_fallback_serves_where_there_is_no_wheel(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "nhiscan.detect.vectorscan", None)
    assert matcher_kind() is Literals
