"""One value in one place gets the same credential from every collector of a checkout."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime

import pytest

from nhiscan.collectors.repo import agents, secrets
from nhiscan.detect.examples import assemble
from nhiscan.detect.scan import shipped
from nhiscan.detect.value import recognise
from nhiscan.model import Credential
from nhiscan.plugin import Context, Target, TargetKind
from nhiscan.sensitive import FingerprintKey

CTX = Context(as_of=datetime(2026, 11, 1, tzinfo=UTC), key=FingerprintKey(b"k" * 32))
SCANNER = shipped()
FORMATS = shipped().formats
SAID = (
    "provider", "kind", "format", "human", "public", "lifetime", "facts", "key_id", "account_id", "issued_at",
    "expires_at", "fingerprint", "confidence",
)  # fmt: skip


def alone(fmt) -> tuple[str, str]:
    """The name and the value of a format's example, with the scheme or the address that belongs to it."""
    text = assemble(fmt.match[0])
    found = next(c for c in SCANNER.scan(text.encode(), "app.ini") if c.format == fmt.id)
    lead = re.search(r"(?:https?://(?:[^\s:/@]*:)?|(?:Bearer|Basic) )?\Z", text[: found.start])[0]
    tail = re.match(r"[^\s\"']*", text[found.end :])[0] if "://" in lead else ""
    return found.key_name or "TOKEN", lead + text[found.start : found.end] + tail


def stands_alone(fmt) -> bool:
    """Whether a value and its name are enough: not for what a header, an address or other facts around it tell."""
    if fmt.near or not any(c.format == fmt.id for c in SCANNER.scan(assemble(fmt.match[0]).encode(), "app.ini")):
        return False
    name, value = alone(fmt)
    found = recognise(value, name)
    return found is not None and found.format == fmt.id and "://" not in value


# Every format with a beginning of its own, and of those that a name tells a sample, as each is run twice.
ALONE = [f for n, f in enumerate(FORMATS) if (f.anchors or n % 5 == 0) and stands_alone(f)]


PARTS = 20  # files; each holds formats from all over


def test_most_formats_stand_alone():
    assert len(ALONE) > 600


def said(collector, root) -> list[dict[str, object]]:
    (unit,) = collector.units(Target(str(root), TargetKind.PATH, str(root)), CTX)
    found = [r for r in collector.collect(unit, CTX) if isinstance(r, Credential)]
    return [{name: getattr(r, name) for name in SAID} for r in found]


@pytest.mark.parametrize("number", range(PARTS))
def test_both_collectors_say_the_same_of_a_value_in_a_known_format(number, tmp_path):
    formats = ALONE[number::PARTS]
    servers = {fmt.id: {"command": "x", "env": dict([alone(fmt)])} for fmt in formats}
    (tmp_path / ".mcp.json").write_text(json.dumps({"mcpServers": servers}, indent=1))
    first = said(agents.COLLECTOR, tmp_path)
    assert sorted(one["format"] for one in first) == sorted(fmt.id for fmt in formats)
    assert first == said(secrets.COLLECTOR, tmp_path)
