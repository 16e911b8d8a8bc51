"""The first look at files that collectors share: it may let through too much, never too little."""

from __future__ import annotations

import pytest

from nhiscan.collectors.repo._agent_code import names
from nhiscan.collectors.repo._config import glance
from nhiscan.collectors.repo._config.glance import Glances, glances
from nhiscan.collectors.repo._manifests.formats import formats
from nhiscan.collectors.repo._tree import Checkout
from tests.collectors.repo.checkouts import CTX

KINDS = ("kubernetes", "cloudformation", "arm", "terraform", "manifest")


@pytest.fixture
def root(tmp_path):
    place = tmp_path / "shop"
    place.mkdir()
    return place


def looked(root) -> dict[str, set[str]]:
    found = Checkout.open(root, CTX)
    look = Glances(found)
    return {f.path: {k for k in KINDS if look.may_be(f, k)} for f in found.files()}


@pytest.mark.parametrize("format_", [f for f in formats() if f.named is None], ids=lambda f: f.name)
def test_no_format_of_manifests_can_show_itself_without_a_word_of_the_look(format_):
    words = (*glance.MANIFEST_YAML, *glance.MANIFEST_KINDS) if format_.yaml else glance.MANIFEST_JSON
    for group in format_.marks:
        assert any(w in mark for mark in group for w in words), group


@pytest.mark.parametrize(
    ("name", "text", "kinds"),
    [
        ("a.yaml", "apiVersion: v1\nkind: Pod\n", {"kubernetes"}),
        ("a.yml", "Resources:\n  R: {Type: AWS::S3::Bucket}\n", {"cloudformation"}),
        ("a.yml", "kind: Prompt\ninstructions: x\n", {"manifest"}),
        ("a.yml", "kind: other\n", set()),
        ("a.json", '{"$schema": "https://x/deploymentTemplate.json#"}', {"arm"}),
        ("a.json", '{"$schema": "https://x/subscriptionDeploymentTemplate.json#"}', {"arm"}),
        ("a.json", '{"terraform_version": "1.9.0", "serial": 1}', {"terraform"}),
        ("a.json", '{"nodes": [{"type": "n8n-nodes-base.x"}], "connections": {}}', {"manifest"}),
        ("a.json", "{}", set()),
        ("a.yaml", "", set()),
        # What is neither, is binary, in another encoding or large is for whoever wants it.
        ("a.toml", "x = 1\n", set(KINDS)),
        ("a.yaml", "a\0b", set(KINDS)),
        ("a.yaml", "\ufeffapiVersion: v1\n".encode("utf-16").decode("latin-1"), set(KINDS)),
        ("a.json", " " * 2_000_001, set(KINDS)),
    ],
)
def test_what_a_file_may_be(root, name, text, kinds):
    (root / name).write_bytes(text.encode("latin-1"))
    assert looked(root) == {name: kinds}


def test_a_file_that_is_gone_is_for_whoever_wants_it(root):
    path = root / "a.json"
    path.write_text("{}")
    found = Checkout.open(root, CTX)
    (file,) = found.files()
    path.unlink()
    assert Glances(found).may_be(file, "arm")
    assert Glances(found).any_of(file, (b"x",))


def test_the_looks_of_a_run_are_shared_and_those_of_another_are_not(root):
    (root / "a.json").write_text("{}")
    one, other = Checkout.open(root, CTX), Checkout.open(root, CTX)
    assert glances(one) is glances(one)
    assert glances(one) is not glances(other)


@pytest.mark.parametrize(
    "line",
    [
        "from google import adk", "import google.adk.agents", "from agents import Agent", "import langchain_core",
        "from langgraph.graph import x", "import deepagents", "from crewai import Crew", "import autogen_agentchat",
        "from agent_framework import x", "import semantic_kernel", "from llama_index.core import x", "import smolagents",
        "from strands import Agent", "import pydantic_ai", "from mcp.server import x", "import fastmcp", "import a2a",
        "import bedrock_agentcore_starter", "import claude_agent_sdk", "import claude_code_sdk", "from agno.agent import A",
    ],
)  # fmt: skip
def test_a_word_stands_in_every_line_that_makes_a_file_one_of_an_agent(line):
    data = line.encode()
    assert names.PREFILTER.search(data)
    assert any(word in data for word in names.WORDS)
