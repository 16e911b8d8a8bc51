"""What Google documents about deciding a request, case by case: `cases/*.yaml` against `decide`.

A case is written from the page in its `source`, never from the implementation, and says in `why` what that page means
here.  `flips` are its nearest neighbours: the same case with some keys changed, and another question or answer.

| key | meaning |
| --- | --- |
| `bind` | member, role, place and perhaps a condition, for each binding |
| `deny` | rules of deny policies, with `at`, where they are attached |
| `groups`, `roles`, `disabled`, `placed`, `eligible` | members, custom roles, dead accounts, homes of buckets, PAM |
| `ask` | principal, permission, place, and `below` for whatever lies in it |

The world: organisation > folder prod > project shop (3001), and folder payments with project pay in it; folder sandbox
with project lab (3002).  A place is `org`, `folder/x`, `project/x`, `sa/x` (of shop) or a full resource name.
"""

from collections import Counter
from pathlib import Path

import pytest
import yaml

from nhiscan.analysis.gcp.conditions import Answer
from nhiscan.analysis.gcp.decide import decide
from nhiscan.analysis.gcp.names import principal_id
from tests.analysis.gcp.sample import World, place

CASES = [
    {**case, "file": path.stem}
    for path in sorted((Path(__file__).parent / "cases").glob("*.yaml"))
    for case in yaml.safe_load(path.read_text(encoding="utf-8"))
]
ANSWERS = {"allowed": Answer.YES, "denied": Answer.NO, "conditional": Answer.CONDITIONAL}
KEYS = {"name", "file", "source", "why", "bind", "deny", "groups", "roles", "disabled", "placed", "eligible", "ask",
        "expect", "flips"}  # fmt: skip
WITH_FLIPS = [(f"{c['file']}: {c['name']}{n or ''}", {**c, **flip})
              for c in CASES for n, flip in enumerate([{}, *c.get("flips", [])])]  # fmt: skip


@pytest.mark.parametrize(("name", "case"), WITH_FLIPS, ids=[n for n, _ in WITH_FLIPS])
def test_case(name, case):
    world = World()
    for account in case.get("disabled", []):
        world.disable(account)
    for role, body in case.get("roles", {}).items():
        world.role(role, body)
    for group, members in case.get("groups", {}).items():
        world.group(group, *members)
    for bucket, project in case.get("placed", {}).items():
        world.resource(bucket, project)
    for member, role, where, *condition in case.get("bind", []):
        world.bind(member, role, where, *condition, eligible=case.get("eligible"))
    for rule in case.get("deny", []):
        world.deny(**rule)
    principal, permission, where, *below = case["ask"]
    found = decide(world.estate(), principal_id(principal), permission, place(where), below=bool(below))
    assert found.answer is ANSWERS[case["expect"]], found


def test_the_cases_are_many_cited_and_named_once():
    assert len(CASES) >= 60
    assert all(c["source"].startswith("https://docs.cloud.google.com/") and c["why"] for c in CASES)
    assert not {k for c in CASES for k in c} - KEYS
    assert max(Counter(c["name"] for c in CASES).values()) == 1
    assert len({c["source"] for c in CASES}) >= 20
    assert {a for _, c in WITH_FLIPS for a in [c["expect"]]} == set(ANSWERS)
