"""Collectors are found by their place; plugins that do not work are told by name."""

from __future__ import annotations

import sys
from importlib import metadata
from importlib.machinery import PathFinder

import pytest

from nhiscan.collect import registry
from nhiscan.collect.permissions import aws_policy, required
from nhiscan.collect.protocol import Collector


@pytest.mark.parametrize("name", registry.names())
def test_every_collector_keeps_the_contract(name):
    collector = registry.load(name)
    assert isinstance(collector, Collector)
    assert collector.name == name
    assert collector.title
    assert not collector.title.endswith(".")


def test_the_first_three_are_there():
    assert {"aws.iam", "repo.agents", "repo.secrets"} <= set(registry.names())


def test_a_plugin_that_does_not_import_is_named(monkeypatch):
    point = metadata.EntryPoint("acme.broken", "no.such.module:COLLECTOR", registry.GROUP)
    monkeypatch.setattr(registry, "_plugins", lambda: {"acme.broken": point})
    with pytest.raises(registry.PluginError, match=r"acme\.broken"):
        registry.load("acme.broken")


def test_a_plugin_that_is_no_collector_is_named(monkeypatch):
    point = metadata.EntryPoint("acme.odd", "json:dumps", registry.GROUP)
    monkeypatch.setattr(registry, "_plugins", lambda: {"acme.odd": point})
    with pytest.raises(registry.PluginError, match="not a collector"):
        registry.load("acme.odd")


def test_the_policy_lists_exactly_what_collectors_declare():
    collectors = [registry.load(name) for name in registry.names()]
    (statement,) = aws_policy(collectors)["Statement"]
    assert statement["Action"] == sorted(required(collectors, "aws"))


@pytest.fixture
def only(monkeypatch, tmp_path):
    """A path for imports with nothing but one directory."""
    monkeypatch.setattr(sys, "path", [str(tmp_path), str(tmp_path / "gone")])
    monkeypatch.setattr(sys, "meta_path", [PathFinder])
    return tmp_path


def package(site, name, text):
    (site / name).mkdir()
    (site / name / "entry_points.txt").write_text(text)


def test_a_group_is_declared_where_a_package_names_it(only):
    package(only, "other-1.0.dist-info", "[console_scripts]\nother = other:main\n")
    (only / "bare-1.0.dist-info").mkdir()
    assert not registry._is_declared(registry.GROUP)
    package(only, "acme-1.0.egg-info", f"[{registry.GROUP}]\nacme.bots = acme:COLLECTOR\n")
    assert registry._is_declared(registry.GROUP)


def test_where_a_look_cannot_tell_the_metadata_are_asked(only, monkeypatch):
    assert not registry._is_declared(registry.GROUP)
    (only / "packed-1.0.egg").write_bytes(b"")
    assert registry._is_declared(registry.GROUP)
    (only / "packed-1.0.egg").rename(only / "packed.zip")
    monkeypatch.setattr(sys, "path", [str(only / "packed.zip")])
    assert registry._is_declared(registry.GROUP)
    monkeypatch.setattr(sys, "path", [])
    assert not registry._is_declared(registry.GROUP)
    monkeypatch.setattr(sys, "meta_path", [PathFinder, metadata.MetadataPathFinder])
    assert registry._is_declared(registry.GROUP)


def test_names_are_those_of_the_modules_that_are_no_helpers():
    import pkgutil

    from nhiscan import collectors

    found = {
        f"{provider.name}.{module.name}"
        for provider in pkgutil.iter_modules(collectors.__path__)
        if provider.name[0] != "_"
        for module in pkgutil.iter_modules([f"{next(iter(collectors.__path__))}/{provider.name}"])
        if module.name[0] != "_"
    }
    assert set(registry._shipped()) == found
