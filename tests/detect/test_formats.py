"""Every shipped credential format finds its examples and leaves its near misses alone."""

from __future__ import annotations

import pytest

from nhiscan.detect.examples import assemble
from nhiscan.detect.formats import shipped_formats
from nhiscan.detect.scan import Scanner
from nhiscan.model import ExposurePart

FORMATS = shipped_formats()
SCANNER = Scanner.of(FORMATS)
MATCH = [(f, text) for f in FORMATS for text in f.match]
NO_MATCH = [(f, text) for f in FORMATS for text in f.no_match]


@pytest.mark.parametrize(("fmt", "text"), MATCH, ids=[f"{f.id}-{i}" for i, (f, _) in enumerate(MATCH)])
def test_a_format_finds_its_example(fmt, text):
    found = SCANNER.scan(assemble(text).encode(), "deploy/settings.ini")
    assert fmt.id in {c.format for c in found}
    assert not any(c.value.reveal() in str(c.facts) for c in found if c.part is ExposurePart.VALUE)


@pytest.mark.parametrize(("fmt", "text"), NO_MATCH, ids=[f"{f.id}-{i}" for i, (f, _) in enumerate(NO_MATCH)])
def test_a_format_leaves_its_near_miss_alone(fmt, text):
    found = SCANNER.scan(assemble(text).encode(), "deploy/settings.ini")
    assert fmt.id not in {c.format for c in found}
