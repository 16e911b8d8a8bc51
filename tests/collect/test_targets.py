"""What a target text means, and that a wrong one is told with a remedy."""

from __future__ import annotations

import pytest

from nhiscan.collect.protocol import TargetKind
from nhiscan.collect.targets import TargetSyntaxError, parse


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("aws", "aws", ""),
        ("aws:prod", "aws", "prod"),
        ("aws:a:b", "aws", "a:b"),
        ("azure:all", "azure", "all"),
        ("azure", "azure", ""),
        ("gcp:org/1", "gcp", "org/1"),
    ],
)
def test_cloud_targets(text, kind, value, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    target = parse(text)
    assert (target.kind, target.value) == (kind, value)


def test_a_path_is_resolved(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert parse(".").value == str(tmp_path.resolve())


def test_a_directory_called_aws_is_a_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "aws").mkdir()
    assert parse("aws").kind is TargetKind.PATH
    assert parse("aws:x").kind == "aws"


def test_a_path_with_a_colon_that_exists_is_a_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "acme:x").mkdir()
    assert parse("acme:x").kind is TargetKind.PATH


def test_a_saved_run_is_recognised(tmp_path):
    (tmp_path / "run.json").write_text("{}")
    (tmp_path / "units").mkdir()
    assert parse(str(tmp_path)).kind is TargetKind.SNAPSHOT
    assert parse(f"snapshot:{tmp_path}").kind is TargetKind.SNAPSHOT


@pytest.mark.parametrize("text", ["no/such/path", "ftp:somewhere", "snapshot:nowhere", "a\x00b"])
def test_what_does_not_exist_is_refused_with_what_does(text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(TargetSyntaxError, match=r"unknown target|does not exist"):
        parse(text)
