from importlib import metadata
from pathlib import Path

import pytest

import nhiscan.report as registry
from nhiscan.report import ReporterError, for_suffix, formats, load


class Mine:
    SUFFIXES = (".mine", ".json")

    def write(self, result, out, options):
        out.write("mine")


class Point:
    name, value = "mine", "package:Mine"

    def load(self):
        return Mine()


@pytest.fixture(autouse=True)
def _fresh():
    registry._others.cache_clear()
    yield
    registry._others.cache_clear()


def test_every_public_module_is_a_format():
    assert formats() == ("json", "sarif", "text")
    for name in formats():
        assert load(name).SUFFIXES
        assert callable(load(name).write)


@pytest.mark.parametrize(
    ("name", "format_"),
    [
        ("a.json", "json"),
        ("a.SARIF", "sarif"),
        ("a.sarif.json", "sarif"),
        ("a.txt", "text"),
        ("a.html", None),
        ("a", None),
    ],
)
def test_suffix_decides_and_the_longest_wins(name, format_):
    assert for_suffix(Path(name)) == format_


def test_unknown_format_names_those_that_exist():
    with pytest.raises(ReporterError, match="'pdf'") as e:
        load("pdf")
    assert e.value.remedy == "choose one of: json, sarif, text"


def test_third_party_format_is_found_and_cannot_replace_a_shipped_one(monkeypatch):
    class Thief(Point):
        name = "json"

    monkeypatch.setattr(metadata, "entry_points", lambda group: [Point(), Thief()] if group == registry.GROUP else [])
    assert isinstance(load("mine"), Mine)
    assert for_suffix(Path("a.mine")) == "mine"
    assert for_suffix(Path("a.json")) == "json"
    assert not isinstance(load("json"), Mine)


def test_broken_third_party_format_is_an_error(monkeypatch):
    class Broken(Point):
        def load(self):
            msg = "secret detail"
            raise ImportError(msg)

    monkeypatch.setattr(metadata, "entry_points", lambda group: [Broken()])
    with pytest.raises(ReporterError, match="'mine'") as e:
        load("mine")
    assert "detail" not in str(e.value)
