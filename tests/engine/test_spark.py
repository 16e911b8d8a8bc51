"""The exported rules on a real Spark (local mode), against DuckDB on the example estate: the same counts per rule.

Needs Java and the extra `spark`; takes minutes, most of which Spark spends planning.
"""

from __future__ import annotations

import shutil
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from nhiscan.engine.export import Export, export
from nhiscan.engine.rule import load, shipped_rules_dir

if TYPE_CHECKING:
    from pathlib import Path

sql = pytest.importorskip("pyspark.sql", reason="install the extra: pip install 'nhiscan[spark]'")
pytestmark = [
    pytest.mark.skipif(shutil.which("java") is None, reason="Spark needs Java on PATH"),
    pytest.mark.filterwarnings("ignore"),  # PySpark's own
]

AS_OF = datetime(2026, 11, 1, tzinfo=UTC)
# Rules that Spark cannot run, each with the reason.
LEFT_OUT: dict[str, str] = {}


@pytest.fixture(scope="module")
def data(acme, tmp_path_factory) -> Path:
    """The inventory of the whole estate as Parquet."""
    from nhiscan import api
    from nhiscan.cli import common

    targets = [str(acme / "repo"), *(f"snapshot:{acme / cloud}" for cloud in ("aws", "azure", "gcp"))]
    settings = common.Settings(as_of="2026-11-01", no_cache=True, no_config=True)
    folder: Path = tmp_path_factory.mktemp("warehouse")
    with api.open_run(common.options_of(targets, settings), tables=folder / "data"):
        return folder


def counted(found: Export, run: Any) -> dict[str, Counter[str]]:
    return {rule.name: Counter(row[3] for row in run(rule.sql)) for rule in found.rules}


def on_duckdb(found: Export) -> dict[str, Counter[str]]:
    import duckdb

    connection = duckdb.connect()
    for statement in (*found.tables, *found.views):
        connection.execute(statement.sql)
    return counted(found, lambda text: connection.execute(text).fetchall())


def on_spark(found: Export) -> dict[str, Counter[str]]:
    settings = {
        "spark.ui.enabled": "false",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.shuffle.partitions": "1",
        "spark.sql.adaptive.enabled": "false",
    }
    builder = sql.SparkSession.builder.master("local[2]")
    for name, value in settings.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    try:
        for statement in (*found.tables, *found.views):
            session.sql(statement.sql)
            # Kept as rows, or every view would be planned again in each that stands on it.
            rows = session.table(statement.name)
            session.createDataFrame(rows.collect(), rows.schema).createOrReplaceTempView(statement.name)
        return counted(found, lambda text: session.sql(text).collect())
    finally:
        session.stop()


def test_every_rule_gives_the_same_counts_on_spark(data, monkeypatch):
    monkeypatch.chdir(data)
    monkeypatch.setenv("SPARK_LOCAL_IP", "127.0.0.1")
    rules = [rule for rule in load([shipped_rules_dir()], cases=False) if rule.id not in LEFT_OUT]
    ours, theirs = (export(rules, dialect, AS_OF) for dialect in ("duckdb", "spark"))
    assert theirs.left == ()
    wanted = on_duckdb(ours)
    assert sum(c["fail"] for c in wanted.values()) > 100
    assert on_spark(theirs) == wanted
