"""What Microsoft documents about deciding a request, case by case: `cases/*.yaml` against `decide` and `directs`.

A case is written from the page and section in its `source` (below learn.microsoft.com), never from the implementation,
and says in `why` what that section means here.  `flips` are its nearest neighbours: the same case with something
changed.  The principal is `app`; `sample.place` reads scopes; mg corp holds mg prod with subscription a and mg sandbox
with subscription b, and where subscription c lies is not known.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from nhiscan.analysis.azure.decide import Level, assigning, decide, directs
from nhiscan.model import IdentityKind
from tests.analysis.azure.sample import Tenant, place, who

FOLDER = Path(__file__).parent / "cases"
TEXT = {"name", "source", "why", "expect"}
WORLD = {"roles", "directory", "assign", "members", "deny", "policies", "states"}
QUESTION = {"plane", "action", "data", "at", "assigns", "target"}
PAGES = re.compile(r"(azure|entra|graph)/[a-z0-9/-]+(#[a-z0-9-]+)?")
GROUPS = ("team", "inner")


def load(path: Path) -> list[tuple[str, dict[str, Any]]]:
    """The cases of a file, each followed by its neighbours."""
    found = []
    for said in yaml.safe_load(path.read_text(encoding="utf-8"))["cases"]:
        flips = said.pop("flips", [])
        found += [(path.stem, said), *((path.stem, {**said, **flip}) for flip in flips)]
    return found


CASES = [case for path in sorted(FOLDER.glob("*.yaml")) for case in load(path)]
IDS = [f"{file}:{said['name'].replace(' ', '-')}" for file, said in CASES]


def tenant(said: dict[str, Any]) -> Tenant:
    """The world of a case."""
    world, states = Tenant(), said.get("states", {})
    for name in ("app", "other", "third"):
        world.identity(name, state=states.get(name, "enabled"))
    for name in GROUPS:
        world.identity(name, IdentityKind.GROUP, states.get(name))
    for name, body in said.get("roles", {}).items():
        world.role(name, body)
    for name, body in said.get("directory", {}).items():
        world.directory_role(name, body)
    for one in said.get("assign", ()):
        how = {"to": "app", **one}
        world.assign(how.pop("role"), **how)
    for member, group in said.get("members", ()):
        world.member(member, group)
    for denial in said.get("deny", ()):
        world.deny(denial)
    for policy in said.get("policies", ()):
        world.access_policy(**policy)
    return world


def ask(said: dict[str, Any]) -> str:
    estate = tenant(said).built()
    if said.get("plane") == "entra":
        target = who(said["target"]) if said.get("target") else None
        return directs(estate, who("app"), said["action"], target).level.name.lower()
    attributes = assigning(estate, who("app"), said["assigns"]) if "assigns" in said else {}
    where, data = place(said["at"]), bool(said.get("data"))
    return decide(estate, who("app"), said["action"], where, data=data, attributes=attributes).level.name.lower()


@pytest.mark.parametrize(("file", "said"), CASES, ids=IDS)
def test_the_answer_is_what_microsoft_documents(file, said):
    given = ask(said)
    assert given == said["expect"], f"{file}: {said['name']} ({said['source']}): {said['why']}"


@pytest.mark.parametrize(("file", "said"), CASES, ids=IDS)
def test_a_case_is_well_formed(file, said):
    assert set(said) <= TEXT | WORLD | QUESTION, set(said) - TEXT - WORLD - QUESTION
    assert set(said) >= TEXT | {"action"}
    assert said["expect"] in {level.name.lower() for level in Level}
    assert PAGES.fullmatch(said["source"]), said["source"]


def test_the_suite_is_whole():
    assert [name for name, times in Counter(IDS).items() if times > 1] == []
    assert len(CASES) >= 100
    assert Counter(said["expect"] for _, said in CASES).keys() == {"yes", "no", "conditional", "unknown"}
