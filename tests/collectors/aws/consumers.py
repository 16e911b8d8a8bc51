"""Reads a group of parts from committed exports or from answers given in place, with any operation refused."""

from __future__ import annotations

import importlib
import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from nhiscan.collectors._common.errors import RefusedError
from nhiscan.collectors.aws._ask import Ask
from nhiscan.collectors.aws._exports import FileAnswers
from nhiscan.collectors.aws._source import Account, place_of
from nhiscan.plugin import Context, FingerprintKey, GapReason
from nhiscan.store.schema import to_line
from tests.conftest import load_by_path

ROOT = Path(__file__).resolve().parents[3]
CASES = ROOT / "fixtures" / "collectors"
ACCOUNT, REGION = "123456789012", "us-east-1"
ASSEMBLE = load_by_path(ROOT / "fixtures" / "assemble.py")
CTX = Context(as_of=datetime(2026, 11, 1, tzinfo=UTC), key=FingerprintKey(b"k" * 32))
WITH_VALUES = replace(CTX, read_config_values=True)


def group(name):
    """The collector `aws.<name>`."""
    return importlib.import_module(f"nhiscan.collectors.aws.{name}").COLLECTOR


def denied(operation, reason=GapReason.DENIED, code="AccessDenied"):
    """A refusal as the session makes it."""
    error = RefusedError(reason, operation, f"{operation} was refused", f"allow {operation}")
    error.code = code
    return error


def missing(operation="x:Y"):
    error = denied(operation, GapReason.FAILED, "ResourceNotFoundException")
    error.missing = True
    return error


class Answers:
    """Answers by operation: an object, a function of the parameters, or an error; what is not given is empty."""

    def __init__(self, **given):
        self.given = {name.replace("__", ":").replace("_", "-"): answer for name, answer in given.items()}
        self.asked = []

    def call(self, operation, /, **params):
        self.asked.append((operation, params))
        answer = self.given.get(operation, {})
        answer = answer(params) if callable(answer) else answer
        if isinstance(answer, RefusedError):
            raise answer
        return answer

    def pages(self, operation, /, **params):
        yield self.call(operation, **params)


class Exported:
    """The committed export of a case, expanded; operations in `refuse` are denied, those that are asked are kept."""

    def __init__(self, name, place, case="account", region=REGION):
        self.asked = set()
        self.refuse = set()
        self.secrets = []
        source = CASES / f"aws.{name}" / case / "input" / ACCOUNT / region
        for path in sorted(source.glob("*.json")):
            text = path.read_text(encoding="utf-8")
            tokens = [m for m in ASSEMBLE.TOKEN.finditer(text) if not m[1].startswith("aws_key_id")]
            self.secrets += [ASSEMBLE.expand(m[0], "") for m in tokens]
            (place / path.name).write_text(ASSEMBLE.expand(text, path.name), encoding="utf-8")
        self._files = FileAnswers(place)

    def call(self, operation, /, **params):
        self._asked(operation)
        return self._files.call(operation, **params)

    def pages(self, operation, /, **params):
        self._asked(operation)
        yield from self._files.pages(operation, **params)

    def _asked(self, operation):
        self.asked.add(operation)
        if operation in self.refuse:
            raise denied(operation)


def read(collector, answers, ctx=CTX):
    """The records of all parts, as the collector gives them."""
    covers = {op: tuple(c.split(", ")) for op, c in collector.operations(ctx).items()}
    region = REGION if collector.regional else ""
    ask = Ask(answers, place_of(Account(ACCOUNT), region), collector.name, ctx, covers)
    found = []
    for part in collector.parts:
        try:
            found.extend(part.read(ask))
        except RefusedError as e:
            found += [] if e.missing else [ask.refused(e)]
    return found


def part(collector, name, answers, ctx=CTX):
    """The records of one part, by table."""
    one = replace(collector, parts=tuple(p for p in collector.parts if p.name == name))
    return Tables(read(one, answers, ctx))


class Tables(list):
    """Records, with those of one table by id."""

    def __getattr__(self, table):
        return {r.id: r for r in self if r.table == table}


def lines(records):
    return [(r.table, r.id, json.loads(to_line(r))) for r in records]
