"""Neither the order of lines in a spool, nor of units, rules and threads changes a byte of a report."""

from __future__ import annotations

import random
import shutil

import pytest

from nhiscan.engine import evaluate as engine
from nhiscan.engine.rule import load, shipped_rules_dir
from nhiscan.model import RECORDS
from nhiscan.store.inventory import Inventory
from nhiscan.store.spool import Spool
from tests.conftest import AS_OF, ROOT, load_by_path


@pytest.fixture(scope="module")
def estate():
    """The generator of the benchmark, which touches every table."""
    pytest.importorskip("duckdb")
    return load_by_path(ROOT / "tests" / "bench" / "estate.py")


@pytest.fixture
def runs(estate, tmp_path):
    """The same run twice: as it was written, and with the lines of every file in another order."""
    made = tmp_path / "one" / "run"
    made.parent.mkdir()
    db = estate.tables(40)
    estate.spool(db, made)
    db.close()
    other = tmp_path / "two" / "run"
    shutil.copytree(made, other)
    for path in sorted(other.glob("units/*/*.jsonl")):
        lines = path.read_text().splitlines(keepends=True)
        random.shuffle(lines)
        path.write_text("".join(lines))
    return made, other


def test_the_order_of_lines_in_a_spool_does_not_matter(nhiscan, runs, monkeypatch):
    reports = []
    for run in runs:
        monkeypatch.chdir(run.parent)
        done = nhiscan(
            "audit", "snapshot:run", "--as-of", AS_OF, "--no-config", "--fail-on", "none", "-q", "-f", "json",
            "-o", "out.sarif",
        )  # fmt: skip
        assert len(done.json["findings"]) > 50
        reports.append((done.out, (run.parent / "out.sarif").read_bytes()))
    assert reports[0] == reports[1]


def test_rows_of_one_id_are_merged_alike_whatever_their_order(tmp_path):
    """The values that win come from the first unit; within one, from the row that is first by its place."""
    rows = [
        '{"id": "k", "scope_id": "s", "source": "a", "locator": "b.env:1", "name": "B"}',
        '{"id": "k", "scope_id": "s", "source": "a", "locator": "a.env:1", "name": "A"}',
        '{"id": "k", "scope_id": "s", "source": "a", "locator": "a.env:1", "format": "x", "tags": {}}',
        '{"id": "l", "scope_id": "s", "source": "a", "locator": "a.env:1", "name": "L"}',
    ]
    later = '{"id": "k", "scope_id": "s", "source": "b", "locator": "0", "name": "0", "account_id": "1"}'
    found = []
    for order in ([0, 1, 2, 3], [3, 2, 1, 0], [1, 3, 0, 2]):
        for unit, lines in (("z", [rows[n] for n in order]), ("y", [later])):
            (tmp_path / unit).mkdir(exist_ok=True)
            (tmp_path / unit / "credential.jsonl").write_text("\n".join(lines))
        with Inventory.memory() as inventory:
            inventory.ingest([tmp_path / "z", tmp_path / "y"])
            found.append(inventory.rows(RECORDS["credential"]))
    first, second = found[0]
    assert (first.id, first.name, first.format, first.account_id, second.name) == ("k", "A", "x", "1", "L")
    assert found == [found[0]] * 3


@pytest.mark.parametrize("threads", [1, 4])
def test_neither_the_order_of_rules_nor_the_number_of_threads_matters(estate, runs, monkeypatch, threads):
    rules = random.sample(load([shipped_rules_dir()], cases=False).rules, 24)
    said = []
    for order, at_once in ((rules, 2), (rules[::-1], threads)):
        monkeypatch.setattr(engine, "_AT_ONCE", at_once)
        with Inventory.memory() as inventory:
            inventory.ingest(Spool.open(runs[0]).units())
            said.append(engine.evaluate(inventory, order, estate.AS_OF))
    assert said[0] == said[1]
    assert not said[0].errors
