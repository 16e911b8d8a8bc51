"""The printed roles of Azure and Google Cloud: what the collectors declare, and nothing that changes anything."""

from __future__ import annotations

import json
import re
from types import MappingProxyType

import pytest
import yaml

from nhiscan.collect import custom_role, registry
from nhiscan.collect.endpoints import base_of
from nhiscan.collect.permissions import required

COLLECTORS = [registry.load(name) for name in registry.names()]
OPTIONS = ("deep", "read-config-values")
# Google's verbs of permissions that change nothing; the last are searches over what the caller may see anyway.
GOOGLE_READS = re.compile(
    r"(?:iam\.googleapis\.com/\w+|[a-z]+\.\w+)\.(get|list|query|search|export)[A-Za-z]*|cloudasset\.assets\.(analyze|search)[A-Za-z]+"
)


class Things:
    name = "azure.things"
    title = "Things"
    requires = MappingProxyType({
        "arm:*/read": "resource", "arm:Microsoft.Web/sites/read": "resource", "graph:User.Read.All": "owner",
        "arm:Microsoft.X/y/action": "store",
    })  # fmt: skip
    requires_with = MappingProxyType({"deep": {"graph:Future.Read.All": "usage"}})

    def units(self, target, ctx):
        return iter(())

    def collect(self, unit, ctx):
        return iter(())


@pytest.mark.parametrize("options", [(), OPTIONS])
def test_the_azure_role_reads_and_covers_everything_declared(options):
    found = json.loads(custom_role.azure(COLLECTORS, options))
    role = found["roleDefinition"]
    assert all(action.endswith("/read") for action in role["Actions"])
    assert role["DataActions"] == role["NotActions"] == []
    declared = {p.removeprefix("arm:") for p in required(COLLECTORS, "azure", options) if p.startswith("arm:")}
    for action in declared:
        assert any(re.fullmatch(re.escape(a).replace(r"\*", ".*"), action) for a in role["Actions"]), action
    assert all(re.search(r"\.Read(Basic)?\.(All|Directory)$", name) for name in found["graphPermissions"])
    assert found["requiredResourceAccess"][0]["resourceAppId"] == custom_role.GRAPH
    assert all(entry["type"] == "Role" for entry in found["requiredResourceAccess"][0]["resourceAccess"])


def test_every_permission_of_graph_is_one_that_exists():
    names = custom_role.graph_permissions(COLLECTORS, OPTIONS)
    assert [name for name in names if name not in custom_role._GRAPH_IDS] == []
    assert len(set(custom_role._GRAPH_IDS.values())) == len(custom_role._GRAPH_IDS)


def test_a_wide_action_stands_for_those_it_contains():
    assert custom_role.azure_actions([Things()]) == ["*/read", "Microsoft.X/y/action"]
    found = json.loads(custom_role.azure([Things()], ("deep",)))
    assert found["graphPermissions"] == ["Future.Read.All", "User.Read.All"]
    assert len(found["requiredResourceAccess"][0]["resourceAccess"]) == 1


@pytest.mark.parametrize("options", [(), OPTIONS])
def test_the_google_role_reads_what_is_declared_and_nothing_else(options):
    role = yaml.safe_load(custom_role.google(COLLECTORS, options))
    assert [p for p in role["includedPermissions"] if not GOOGLE_READS.fullmatch(p)] == []
    assert not {p for p in role["includedPermissions"] if "versions.access" in p or "getKeyString" in p}
    declared = required(COLLECTORS, "gcp", options)
    assert {f"gcp:{p}" for p in role["includedPermissions"]} == set(declared)


@pytest.mark.parametrize("make", [custom_role.azure_terraform, custom_role.google_terraform])
def test_the_modules_are_terraform_without_any_secret(make):
    from tree_sitter import Language, Parser
    from tree_sitter_hcl import language

    text = make(COLLECTORS)
    assert not Parser(Language(language())).parse(text.encode()).root_node.has_error
    assert "%(" not in text
    assert "password" not in text
    assert re.findall(r'^resource "(\w+)"', text, re.MULTILINE)


@pytest.mark.parametrize("provider", ["azure", "gcp"])
def test_the_command_prints_each_form(nhiscan, provider):
    plain, terraform, explained = (nhiscan("permissions", provider, *o) for o in ((), ("--terraform",), ("--explain",)))
    assert (plain.code, terraform.code, explained.code) == (0, 0, 0)
    assert "terraform {" in terraform.out
    assert yaml.safe_load(plain.out)
    families = {"azure": ("arm:", "graph:"), "gcp": ("gcp:",)}[provider]
    assert all(line.startswith(families) for line in explained.out.splitlines())
    refused = nhiscan("permissions", provider, "--cloudformation")
    assert (refused.code, "use --terraform" in refused.err) == (2, True)


@pytest.mark.parametrize(
    ("address", "base"),
    [
        ("https://arm.acme.example/", "https://arm.acme.example"), ("http://127.0.0.1:8080/x", "http://127.0.0.1:8080/x"),
        ("http://localhost:1", "http://localhost:1"), ("http://[::1]:1", "http://[::1]:1"),
        ("http://10.0.0.1", None), ("http://localhost.evil.example", None), ("ftp://h", None), ("https://", None),
        ("https://u:p@h", None), ("https://h?x=1", None), ("https://h#x", None), ("https://h:port", None),
        ("https://h\\x", None), ("https://a b", None), ("arm.acme.example", None),
    ],
)  # fmt: skip
def test_addresses(address, base):
    assert base_of(address) == base


@pytest.mark.parametrize(
    "value", ["azure-arm", "azure-arm=http://10.0.0.1", "mars=https://x", "=https://x", "azure-arm=https://u:s3cret@h"]
)
def test_an_endpoint_that_makes_no_sense_is_a_usage_error_without_its_value(nhiscan, value):
    done = nhiscan("audit", ".", "--endpoint", value)
    assert done.code == 2
    assert "--endpoint does not understand" in done.err
    assert "s3cret" not in done.err


def test_endpoints_reach_the_context():
    from nhiscan.cli.common import CloudSettings

    given = CloudSettings(endpoint=["azure=AzureUSGovernment", " gcp-iam = http://127.0.0.1:1 "]).parsed()
    assert given.endpoints == {"azure": "AzureUSGovernment", "gcp-iam": "http://127.0.0.1:1"}
    accounts = "123456789012,!11111111-2222-4333-8444-555555555555,acme-shop,example.com:old-one"
    assert len(CloudSettings(accounts=[accounts]).parsed().accounts) == 4
