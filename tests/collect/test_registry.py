"""Collectors are found by their place; plugins that do not work are told by name."""

from __future__ import annotations

from importlib import metadata

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
