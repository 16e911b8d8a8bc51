"""Every collector against its own folder `fixtures/collectors/<name>/<case>/`; a new collector needs nothing here.

`input/` is what the collector reads: `dot_x` stands for `.x` and `@@kind:name@@` for an invented value
(fixtures/assemble.py), `expected.jsonl` the records it gives, and `case.json` may say `{"git": REMOTE}` to have the input
committed, `{"gone": true}` to have it deleted by a second commit, and `{"options": {"deep": true}}` to run with options.  `NHISCAN_UPDATE=1 pytest tests/test_collectors.py` writes `expected.jsonl` anew: read the diff.
"""

from __future__ import annotations

import json
import os
import pickle
import re
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from nhiscan.collect import registry
from nhiscan.collect.protocol import Context, Target, TargetKind
from nhiscan.model import RECORDS, RELATIONS
from nhiscan.sensitive import FingerprintKey
from nhiscan.store.schema import columns, from_row, to_line
from tests.conftest import load_by_path

ROOT = Path(__file__).resolve().parent.parent
CASES_DIR = ROOT / "fixtures" / "collectors"
CASES = [
    (name, path.name) for name in registry.names() for path in sorted(CASES_DIR.glob(f"{name}/*")) if path.is_dir()
]
ASSEMBLE = load_by_path(ROOT / "fixtures" / "assemble.py")
# Tokens whose value is no secret: public ids, checksums, and the example pair of the AWS documentation.
PUBLIC = {"aws_key_id", "aws_unique_id", "aws_example", "hex_digest", "integrity"}
UPDATE = bool(os.environ.get("NHISCAN_UPDATE"))
# Ids that other collectors, or the provider, give to what they name.
FOREIGN = re.compile(
    r"arn:aws[\w-]*:[a-z0-9-]+:[^:]*:[^:]*:.+|aws:access_key/[A-Z0-9]+|gcp:(?:sa|user|group|principal|domain)/.+"
    r"|entra:[0-9a-f-]{36}/(?:[0-9a-f-]{36}|everyone)"
)
COVER = re.compile(r"[a-z]+(\.[a-z][a-z0-9_]*)?")


@dataclass(frozen=True)
class Seen:
    """What a collector gave for a case; `secrets` are the values that stood in its input."""

    place: Path
    records: list
    secrets: list[str]


@pytest.fixture
def collected(tmp_path, git):
    def run(name: str, case: str, where: str = "a", key: bytes = b"k", shift: str = "") -> Seen:
        place, secrets = materialise(CASES_DIR / name / case, tmp_path / where / case, git, shift)
        collector, ctx = registry.load(name), context(key, options_of(name, case))
        records = [r for unit in units_of(collector, place, ctx) for r in collector.collect(unit, ctx)]
        return Seen(place, records, secrets)

    return run


def options_of(name: str, case: str) -> dict:
    settings = CASES_DIR / name / case / "case.json"
    return json.loads(settings.read_text(encoding="utf-8")).get("options", {}) if settings.is_file() else {}


def context(key: bytes = b"k", options: dict | None = None) -> Context:
    return Context(as_of=datetime(2026, 11, 1, tzinfo=UTC), key=FingerprintKey(key * 32), **(options or {}))


def units_of(collector, place: Path, ctx: Context) -> list:
    """The units of the first kind of target that the collector takes the input for."""
    for kind, text in ((TargetKind.SNAPSHOT, f"snapshot:{place}"), (TargetKind.PATH, str(place))):
        if units := list(collector.units(Target(text, kind, str(place)), ctx)):
            return units
    pytest.fail(f"{collector.name} gives no unit for {place.name}")


def materialise(case: Path, place: Path, git, shift: str) -> tuple[Path, list[str]]:
    source = case / "input"
    secrets: list[str] = []
    for path in sorted(p for p in source.rglob("*") if p.is_file()):
        name = Path(*(re.sub(r"^dot_", ".", part) for part in path.relative_to(source).parts))
        text = path.read_text(encoding="utf-8")
        secrets += [value for token, value in tokens_in(text) if token.split(":")[0] not in PUBLIC]
        target = place / name
        target.parent.mkdir(parents=True, exist_ok=True)
        before = "" if path.suffix == ".csv" else shift
        target.write_bytes((before + ASSEMBLE.expand(text, str(path))).encode())
    settings = case / "case.json"
    said = json.loads(settings.read_text(encoding="utf-8")) if settings.is_file() else {}
    if remote := said.get("git"):
        git(place, "init", "-q")
        git(place, "config", "remote.origin.url", remote)
        git(place, "add", ".")
        git(place, "commit", "-qm", "all")
        if said.get("gone"):
            git(place, "rm", "-qr", ".")
            (place / "README").write_text("empty\n", encoding="utf-8")
            git(place, "add", ".")
            git(place, "commit", "-qm", "clean up")
    return place, secrets


def tokens_in(text: str) -> list[tuple[str, str]]:
    return [(m[1], ASSEMBLE.expand(m[0], "")) for m in ASSEMBLE.TOKEN.finditer(text)]


def line_of(record) -> str:
    """A record as a golden line: known columns only, and no digest."""
    row = {k: v for k, v in json.loads(to_line(record)).items() if v not in (None, [], "{}")}
    if "fingerprint" in row:
        row["fingerprint"] = "keyed"
    return json.dumps({"table": record.table, **row}, ensure_ascii=False)


def golden(records) -> list[str]:
    return sorted(map(line_of, records))


def write_golden(path: Path, lines: list[str], source: Path) -> None:
    """Public ids go back to their tokens, so that nothing shaped like a key is committed."""
    text = "\n".join(lines) + "\n"
    known = {value: token for p in source.rglob("*") if p.is_file() for token, value in tokens_in(p.read_text())}
    for value in sorted(known, key=len, reverse=True):
        text = text.replace(value, f"@@{known[value]}@@")
    path.write_text(text, encoding="utf-8")


@pytest.mark.parametrize("name", registry.names())
def test_every_collector_has_a_case(name):
    folder = CASES_DIR / name
    assert [n for n, _ in CASES if n == name], f"put an example into {folder.relative_to(ROOT)}/<case>/input/"


def test_no_case_is_left_of_a_collector_that_is_gone():
    assert {path.name for path in CASES_DIR.iterdir()} <= set(registry.names())


@pytest.mark.parametrize(("name", "case"), CASES)
def test_a_case_gives_its_golden_records(collected, name, case):
    path = CASES_DIR / name / case / "expected.jsonl"
    lines = golden(collected(name, case).records)
    if UPDATE:
        write_golden(path, lines, CASES_DIR / name / case / "input")
    assert path.is_file(), "write the golden records with NHISCAN_UPDATE=1, then read them"
    expected = sorted(ASSEMBLE.expand(path.read_text(encoding="utf-8"), str(path)).splitlines())
    missing = [line for line in expected if line not in set(lines)]
    unexpected = [line for line in lines if line not in set(expected)]
    assert (missing, unexpected) == ([], []), "if this is meant: NHISCAN_UPDATE=1, and read the diff"
    assert lines == expected


@pytest.mark.parametrize(("name", "case"), CASES)
def test_another_checkout_and_another_key_give_the_same_records(collected, name, case):
    first, second = collected(name, case), collected(name, case, where="b/deeper", key=b"z")
    assert golden(first.records) == golden(second.records)
    prints = {getattr(r, "fingerprint", None) for r in first.records} - {None}
    assert prints.isdisjoint({getattr(r, "fingerprint", None) for r in second.records})


@pytest.mark.parametrize(("name", "case"), CASES)
def test_ids_do_not_move_with_lines(collected, name, case):
    first, second = collected(name, case), collected(name, case, where="b", shift="\n\n\n")
    assert sorted((r.table, r.id) for r in first.records) == sorted((r.table, r.id) for r in second.records)


@pytest.mark.parametrize(("name", "case"), CASES)
def test_no_record_holds_a_value_or_a_path_of_this_machine(collected, name, case):
    seen = collected(name, case)
    text = "\n".join(line_of(record) for record in seen.records)
    assert str(seen.place) not in text
    assert str(seen.place.parent) not in text
    # Of values of many parts (PEM, key files) the long ones are secret, the short ones ids.
    split = [re.split(r"\s+|\\n", value) for value in seen.secrets]
    secrets = {part for parts in split for part in parts if len(parts) == 1 or len(part) >= 48}
    assert [s for s in secrets if s in text] == []
    prints = {getattr(r, "fingerprint", None) for r in seen.records} - {None}
    elsewhere = "\n".join(str(v) for r in seen.records for k, v in json.loads(to_line(r)).items() if k != "fingerprint")
    assert [p for p in prints if p in elsewhere] == []


@pytest.mark.parametrize(("name", "case"), CASES)
def test_every_record_keeps_its_schema(collected, name, case):
    for record in collected(name, case).records:
        assert record == from_row(RECORDS[record.table], json.loads(to_line(record)))
        assert record.source
        assert record.scope_id
        for column in columns(type(record)):
            value = getattr(record, column.field)
            assert value is not None or column.nullable, f"{record.id}: {column.name} is not known"
            if column.vocabulary and value is not None:
                assert isinstance(value, column.python), f"{record.id}: {column.name} is no word of its vocabulary"


@pytest.mark.parametrize(("name", "case"), CASES)
def test_every_relation_leads_somewhere(collected, name, case):
    records = collected(name, case).records
    ids = defaultdict(set)
    for record in records:
        ids[record.table].add(record.id)
    everything = set().union(*ids.values())
    for record in records:
        assert record.scope_id in ids["scope"]
        for column, table in RELATIONS.get(record.table, {}).items():
            value = getattr(record, column)
            if value is None:
                continue
            known = everything if table == "*" else ids[table]
            elsewhere = value not in everything and FOREIGN.fullmatch(value)
            assert value in known or elsewhere, f"{record.table} {record.id}: {column} {value!r} leads nowhere"


@pytest.mark.parametrize(("name", "case"), CASES)
def test_units_are_the_same_every_time_and_travel(tmp_path, git, name, case):
    place, _ = materialise(CASES_DIR / name / case, tmp_path / case, git, "")
    collector, ctx = registry.load(name), context(options=options_of(name, case))
    first, second = (units_of(collector, place, ctx) for _ in range(2))
    assert first == second
    assert pickle.loads(pickle.dumps(first)) == first
    assert len({unit.id for unit in first}) == len(first)
    for unit in first:
        assert unit.collector == name
        assert unit.id.startswith(f"{name}:")
        assert str(tmp_path) not in unit.id + unit.scope_id


@pytest.mark.parametrize("name", registry.names())
def test_permissions_say_which_columns_need_them(name):
    collector = registry.load(name)
    for permission, covers in collector.requires.items():
        assert re.fullmatch(r"[\w.-]+:[\w.*/-]+", permission), f"{permission} is no permission"
        names = covers.split(", ")
        assert names
        assert names != [""]
        assert_covered(names, permission)
    assert_covered(getattr(collector, "covers", ()), name)
    for permission, reason in getattr(collector, "writes", {}).items():
        assert len(reason.split()) >= 4, f"say why {permission} is needed"


def assert_covered(names, who: str) -> None:
    for name in names:
        assert COVER.fullmatch(name), f"{who}: {name!r} is no table or table.column"
        table, _, column = name.partition(".")
        assert table in RECORDS, f"{who}: there is no table {table!r}"
        assert not column or column in {c.name for c in columns(RECORDS[table])}, f"{who}: there is no column {name!r}"
