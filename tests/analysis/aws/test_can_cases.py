"""What AWS documents about deciding a request, case by case: `cases/*.yaml` against `nhiscan can`.

A case is written from the page and section in its `source`, never from the implementation, and says in `why` what that
section means here.  `flips` are its nearest neighbours: the same case with one key changed, and another answer.

| key | meaning |
| --- | --- |
| `principal` | an ARN, a service, `*` for anonymous, or `user/x`, `role/x`, `assumed-role/x/session`, `root` of HOME |
| `action`, `resource`, `context`, `open` | the question; a context key of `null` is absent; `open`: the rest is unknown |
| `identity`, `managed`, `groups`, `boundary`, `session`, `tags`, `path` | what bears on the principal; `path`: of the role of a session |
| `resource_policy`, `resource_account`, `trust` | the policy of the resource or role, and who owns the resource |
| `organization` | `scps` and `rcps` by node; the full-access policy is attached wherever a node is not listed |

A document is one statement, a list of them, a whole policy, or `full`.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from nhiscan.analysis.aws.question import Question, answer
from nhiscan.model import (
    Attachment,
    AttachmentKind,
    Identity,
    IdentityKind,
    Member,
    Policy,
    PolicyKind,
    Record,
    Resource,
    Scope,
    ScopeKind,
    Store,
)

AS_OF = datetime(2026, 11, 1, tzinfo=UTC)
FOLDER = Path(__file__).parent / "cases"
HOME, SISTER, MANAGEMENT = "111122223333", "222233334444", "123456789012"

# o-acme123456 > r-ab12 > production > payments (HOME), and r-ab12 > sandbox (SISTER); other accounts are strangers.
NODES = {
    "organization": "aws:o-acme123456",
    "root": "aws:r-ab12",
    "production": "aws:ou-ab12-11111111",
    "payments": "aws:ou-ab12-22222222",
    "sandbox": "aws:ou-ab12-33333333",
    HOME: f"aws:{HOME}",
    SISTER: f"aws:{SISTER}",
    MANAGEMENT: f"aws:{MANAGEMENT}",
}
PARENTS = {
    "root": "organization",
    "production": "root",
    "payments": "production",
    "sandbox": "root",
    HOME: "payments",
    SISTER: "sandbox",
    MANAGEMENT: "root",
}
FULL = {"Effect": "Allow", "Action": "*", "Resource": "*"}
STORES = {"kms": "KMS key", "secretsmanager": "Secrets Manager secret", "ssm": "Systems Manager parameter"}
INLINE = (PolicyKind.INLINE, AttachmentKind.GRANTS)
MANAGED = (PolicyKind.MANAGED, AttachmentKind.GRANTS)
BOUNDARY = (PolicyKind.MANAGED, AttachmentKind.BOUNDARY)
TRUST = (PolicyKind.TRUST, AttachmentKind.TRUST)
RESOURCE = (PolicyKind.RESOURCE, AttachmentKind.RESOURCE)
CONTROLS = {"scps": PolicyKind.SERVICE_CONTROL, "rcps": PolicyKind.RESOURCE_CONTROL}
SESSIONS = {"assumed-role": "role", "federated-user": "user"}
TEXT = {"name", "source", "why", "expect"}
QUESTION = {"principal", "action", "resource", "context", "open", "session"}
WORLD = {"identity", "managed", "groups", "boundary", "tags", "path", "resource_policy", "resource_account", "trust"}
KEYS = TEXT | QUESTION | WORLD | {"organization"}
GUIDES = re.compile(
    r"(reference_|access|id_|confused-deputy|tutorial_|(organizations|kms|s3|sts)/)[\w/-]*\.html(#[\w-]+)?"
)


@dataclass(frozen=True)
class Case:
    """One question with the world around it; `neighbour_of` is what it was derived from."""

    file: str
    said: dict[str, Any]
    neighbour_of: dict[str, Any] | None = None

    @property
    def id(self) -> str:
        return f"{self.file}:{self.said['name'].replace(' ', '-')}"


def load(path: Path) -> list[Case]:
    """The cases of a file, each followed by its neighbours."""
    cases = []
    for said in yaml.safe_load(path.read_text(encoding="utf-8"))["cases"]:
        flips = said.pop("flips", [])
        cases.append(Case(path.stem, said))
        cases.extend(Case(path.stem, {**said, **flip}, said) for flip in flips)
    return cases


CASES = [case for path in sorted(FOLDER.glob("*.yaml")) for case in load(path)]


def document(body: Any, *, principal: bool = False) -> str:
    """A policy document as JSON text; `full` is what AWS attaches to every node of an organisation."""
    if body == "full":
        body = {**FULL, "Principal": "*"} if principal else FULL
    if not (isinstance(body, dict) and "Statement" in body):
        body = {"Version": "2012-10-17", "Statement": body}
    return json.dumps(body)


def whole_arn(principal: str) -> str:
    """The ARN of a principal of HOME written short; anything else as it is."""
    if principal.startswith("arn:") or principal == "*" or principal.endswith(".amazonaws.com"):
        return principal
    return f"arn:aws:{'sts' if principal.startswith('assumed-role/') else 'iam'}::{HOME}:{principal}"


def account_of(arn: str) -> str | None:
    """The account number in an ARN, when it has one."""
    fields = arn.split(":")
    return fields[4] if len(fields) > 5 and fields[4].isdigit() else None


class World:
    """Collects the records of a case, with the ids the collectors give them."""

    def __init__(self) -> None:
        self.records: dict[str, Record] = {}

    def add(self, record: type[Record], record_id: str, scope_id: str, **columns: Any) -> None:
        """A record of AWS, unless one of that id is there."""
        named = {field.name for field in fields(record)}
        columns |= {"provider": "aws"} if "provider" in named else {}
        self.records.setdefault(record_id, record(id=record_id, scope_id=scope_id, source="t", **columns))

    def account(self, number: str) -> str:
        """The scope of an account: alone, unless an organisation placed it before."""
        self.add(Scope, f"aws:{number}", f"aws:{number}", kind=ScopeKind.ACCOUNT, name=number)
        return f"aws:{number}"

    def identity(self, arn: str, tags: dict[str, str] | None = None) -> str:
        """A user, group, role or root user."""
        kind, _, path = arn.rpartition(":")[2].partition("/")
        name = path.rpartition("/")[2] or kind
        self.add(Identity, arn, self.account(account_of(arn)), kind=IdentityKind(kind), name=name, tags=tags or {})
        return arn

    def policy(self, bearer: str, policy_id: str, kinds: tuple[PolicyKind, AttachmentKind], text: str) -> None:
        """A policy that bears on a principal, a scope or a resource."""
        kind, how = kinds
        scope_id = self.records[bearer].scope_id
        self.add(Policy, policy_id, scope_id, kind=kind, name=policy_id.rpartition("/")[2], document=text)
        attachment_id = f"{bearer}#{how.value}/{policy_id}"
        self.add(Attachment, attachment_id, scope_id, policy_id=policy_id, principal_id=bearer, kind=how)


def principal_records(world: World, said: dict[str, Any]) -> None:
    """The user or role behind the question, with everything attached to it."""
    arn = whole_arn(said["principal"])
    number = account_of(arn)
    if number is None:
        return
    for session, kind in SESSIONS.items():
        if f":{session}/" in arn:
            arn = f"arn:aws:iam::{number}:{kind}/{said.get('path', arn.split('/')[1])}"
    world.identity(arn, said.get("tags"))
    if "identity" in said:
        world.policy(arn, f"{arn}#inline/own", INLINE, document(said["identity"]))
    for name, body in said.get("managed", {}).items():
        world.policy(arn, f"arn:aws:iam::{number}:policy/{name}", MANAGED, document(body))
    for name, body in said.get("groups", {}).items():
        group = world.identity(f"arn:aws:iam::{number}:group/{name}")
        world.add(Member, f"{arn}#member/{group}", f"aws:{number}", identity_id=arn, group_id=group)
        world.policy(group, f"{group}#inline/own", INLINE, document(body))
    if "boundary" in said:
        world.policy(arn, f"arn:aws:iam::{number}:policy/limits", BOUNDARY, document(said["boundary"]))


def resource_records(world: World, said: dict[str, Any]) -> None:
    """The resource of the question with its policy, or the role with its trust.

    A bucket is always there, because its ARN does not say whose it is; other resources where they have a policy.
    """
    arn = said.get("resource", "*")
    if "trust" in said:
        world.policy(world.identity(arn), f"{arn}#trust", TRUST, document(said["trust"]))
    if arn.startswith("arn:aws:s3:"):
        arn = arn.partition("/")[0]
    elif "resource_policy" not in said:
        return
    owner = said.get("resource_account") or account_of(arn) or account_of(whole_arn(said["principal"])) or HOME
    service, name = arn.split(":")[2], arn.rpartition(":")[2]
    record, kind = (Store, STORES[service]) if service in STORES else (Resource, service)
    world.add(record, arn, world.account(owner), kind=kind, name=name)
    if "resource_policy" in said:
        world.policy(arn, f"{arn}#policy", RESOURCE, document(said["resource_policy"]))


def organization_records(world: World, said: dict[str, Any]) -> None:
    """The organisation that HOME and SISTER belong to, with its control policies."""
    declared = said.get("organization")
    if declared is None:
        return
    for node, scope_id in NODES.items():
        parent = NODES.get(PARENTS.get(node, ""))
        kind = ScopeKind.ACCOUNT if node.isdigit() else ScopeKind.ORGANIZATIONAL_UNIT
        kind = ScopeKind.ORGANIZATION if node == "organization" else kind
        management = node == MANAGEMENT if node.isdigit() else None
        world.add(Scope, scope_id, scope_id, kind=kind, name=node, parent_id=parent, management=management)
    for key in declared:
        kind = CONTROLS[key]
        for node in PARENTS:
            for number, body in enumerate(declared[key].get(node, ["full"])):
                where = f"aws:policy/{kind}_policy/p-Full" if body == "full" else f"{MANAGEMENT}:policy/{node}{number}"
                text = document(body, principal=key == "rcps")
                world.policy(NODES[node], f"arn:aws:organizations::{where}", (kind, AttachmentKind.CONTROL), text)


def ask(said: dict[str, Any]) -> Any:
    """The answer to a case."""
    world = World()
    for build in (organization_records, principal_records, resource_records):
        build(world, said)
    context = {
        key: () if value is None else tuple(value) if isinstance(value, list) else (value,)
        for key, value in said.get("context", {}).items()
    }
    question = Question(
        principal=whole_arn(said["principal"]),
        action=said["action"],
        resource=said.get("resource", "*"),
        context=context,
        closed=not said.get("open", False),
        session_policies=tuple(document(body) for body in said.get("session", [])),
    )
    return answer(world.records.values(), question, AS_OF)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_the_answer_is_what_aws_documents(case):
    given = ask(case.said)
    if given.verdict == case.said["expect"]:
        return
    lines = [
        f"tests/analysis/aws/cases/{case.id}",
        f"source: {case.said['source']}",
        f"why: {case.said['why']}",
        f"expected {case.said['expect']}, answered {given.verdict}",
        *(f"reason: {reason}" for reason in given.reasons),
        *(f"note: {note}" for note in given.notes),
    ]
    pytest.fail("\n".join(lines), pytrace=False)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_a_case_is_well_formed(case):
    assert set(case.said) <= KEYS, f"unknown keys: {set(case.said) - KEYS}"
    assert set(case.said) >= TEXT
    assert case.said["expect"] in {"allow", "deny", "unknown"}
    assert GUIDES.fullmatch(case.said["source"]), case.said["source"]
    assert case.said["expect"] != "unknown" or case.said.get("open"), "a whole request always has an answer"


@pytest.mark.parametrize("case", [case for case in CASES if case.neighbour_of], ids=lambda case: case.id)
def test_a_neighbour_differs_in_one_thing_and_in_its_answer(case):
    of = case.neighbour_of
    changed = {key for key in case.said.keys() | of.keys() if case.said.get(key) != of.get(key)}
    assert len(changed - TEXT) == 1, sorted(changed)
    assert {"name", "why", "expect"} <= changed


def test_the_suite_is_whole():
    names = Counter(case.id for case in CASES)
    assert [name for name, times in names.items() if times > 1] == []
    assert len(CASES) >= 180
    assert Counter(case.said["expect"] for case in CASES).keys() == {"allow", "deny", "unknown"}
