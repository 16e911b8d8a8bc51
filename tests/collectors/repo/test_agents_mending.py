from __future__ import annotations

import json
import random
import time
from typing import TYPE_CHECKING

import pytest

from nhiscan.collectors.repo._agents.formats import read_tree
from nhiscan.collectors.repo._config.mend import mend_json

if TYPE_CHECKING:
    from nhiscan.collectors.repo._config.nodes import Node

WHOLE = {
    "mcpServers": {"a": {"command": "npx", "args": ["-y", "x@1"], "env": {"K": "v"}}, "b": {"url": "https://b"}},
    "n": 1,
}


def plain(node: Node) -> object:
    if node.map or isinstance(node.value, dict):
        return {k: plain(n) for k, n in node.map.items()}
    return [plain(n) for n in node.list] if isinstance(node.value, list) else node.value


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ('{"a": 1 "b": 2}', {"a": 1, "b": 2}),
        ('{"a": {"b": 1}', {"a": {"b": 1}}),
        ('"a": {"b": 1}', {"a": {"b": 1}}),
        ('"a": 1,\n"b": 2', {"a": 1, "b": 2}),
        ('{"a": {"b": 1}}}, "c": 2', {"a": {"b": 1}, "c": 2}),
        ('{"a": ["x", "y" "b": 2}', {"a": ["x", "y"], "b": 2}),
        ('{"a": ["x", "y"}', {"a": ["x", "y"]}),
        ('{"a": ]}', {"a": None}),
        ('{"a": [1, , 2], "b": }', {"a": [1, 2], "b": None}),
        ("{a: 'x', \"b\": y}", {"a": "x", "b": None}),
        ('{"a": "x\n, "b": "y"}', {"a": "x", "b": "y"}),
        ('{"a": "C:\\Users\\x", "b": 1}', {"a": "C:\\Users\\x", "b": 1}),
        ('<<<<<<< HEAD\n{"a": 1,\n=======\n"b": 2}\n>>>>>>> x', {"a": 1, "b": 2}),
        ('{"a" 1, "b": 2}', {"b": 2}),
        ("words", {}),
        ("", {}),
        ('"', {}),
        ("]]]{", {}),
    ],
)
def test_what_makes_sense_is_kept(text, meant):
    assert plain(mend_json(text)) == meant


def test_what_is_well_formed_reads_the_same():
    assert plain(mend_json(json.dumps(WHOLE, indent=1))) == WHOLE


def test_lines_survive():
    root = mend_json('{\n "a": {\n  "b": 1\n\n "c": "x\n "d": 2')
    assert [(n.key_line) for n in root.at("a").map.values()] == [3, 5, 6]


def test_every_truncation_keeps_the_servers_that_were_written():
    text = json.dumps(WHOLE, indent=1)
    for end in range(len(text)):
        root = mend_json(text[:end])
        if end > text.index('"b"') + 20:
            assert list(root.at("mcpServers").map)[:1] == ["a"]


@pytest.mark.parametrize(
    "text",
    ["{" * 20_000, "[" * 20_000, '{"a":' * 10_000, '"' * 20_000, "\\" * 20_000, '["a" ' * 5_000, "a:" * 10_000,
     '{"a": ["b": ' * 3_000, "#" * 20_000, "'" * 20_000, "a " * 10_000],
)  # fmt: skip
def test_hostile_text_takes_linear_time(text):
    start = time.perf_counter()
    mend_json(text)
    assert time.perf_counter() - start < 2


def test_mutations_break_nothing():
    rng = random.Random(5)
    texts = {
        "a.json": json.dumps(WHOLE, indent=1),
        "a.toml": '[mcp_servers.a]\ncommand = "npx"\nargs = ["-y"]\n[otel]\nexporter = "none"\n',
        "a.yaml": "mcpServers:\n  - name: a\n    command: npx\n    args: [-y, x]\nmodels: {a: b}\n",
        "a.md": "---\nname: a: b\ntools: [x, y]\npermission:\n  bash: ask\n---\ntext\n",
    }
    for _ in range(400):
        path, text = rng.choice(list(texts.items()))
        for _ in range(rng.randint(1, 6)):
            at = rng.randrange(len(text) + 1)
            text = (
                text[:at]
                + rng.choice(["{", "}", '"', "\n", "\\", "", "- ", ": ", "[", "\x00", "é"])
                + text[at + rng.randint(0, 3) :]
            )
        root, error = read_tree(path, text)
        assert root is None or isinstance(root.value, dict)
        assert error is None or error.line >= 0


@pytest.mark.parametrize(
    ("path", "text", "meant", "line"),
    [
        ("a.toml", "a = 1\n[b\n", {"a": 1}, 2),
        ("a.yaml", "a: x\nb: [1\nc: {}\n", {"a": "x"}, 3),
        ("a.yaml", "- x\n", None, 1),
        ("a.md", "\n---\ntools: a, b\ndescription: Use when: now\n---\n", {"tools": "a, b", "description": "Use when: now"}, None),
        ("a.md", "text\n---\n", None, None),
        ("a.md", "---\nname: x\n", None, None),
        ("a.json", "[]", None, 1),
        ("a.json", '{"a": 1', {"a": 1}, 1),
    ],
)  # fmt: skip
def test_each_format_keeps_what_stands_above_the_error(path, text, meant, line):
    root, error = read_tree(path, text)
    assert (plain(root) if root else None) == meant
    assert (error.line if error else None) == line
