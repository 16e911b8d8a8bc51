"""Every shipped credential format finds its examples and leaves its near misses alone."""

from __future__ import annotations

import pytest

from nhiscan.detect.examples import assemble
from nhiscan.detect.scan import shipped
from nhiscan.model import ExposurePart

FORMATS = shipped().formats
SCANNER = shipped()


@pytest.mark.parametrize("fmt", FORMATS, ids=[f.id for f in FORMATS])
def test_a_format_finds_its_examples_and_leaves_its_near_misses_alone(fmt):
    for text in fmt.match:
        found = SCANNER.scan(assemble(text).encode(), "deploy/settings.ini")
        assert fmt.id in {c.format for c in found}, text
        assert not any(c.value.reveal() in str(c.facts) for c in found if c.part is ExposurePart.VALUE)
    for text in fmt.no_match:
        found = SCANNER.scan(assemble(text).encode(), "deploy/settings.ini")
        assert fmt.id not in {c.format for c in found if not c.sample}, text


def test_three_hundred_providers_are_known():
    assert len({f.provider for f in FORMATS}) >= 300
