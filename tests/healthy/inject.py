"""Faults put into the records of the healthy estate, before anything is analysed.

A fault is a small change of what collectors would have said: rows added, dropped or altered, a policy more (`allow`),
another trust (`trusts`, `federate`).  `finds` is the subject on which its rule must fail; `also` names every further
finding, with the reason why it cannot be otherwise.
"""

import dataclasses
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from nhiscan.model import COLLECTED, RECORDS, Record
from nhiscan.store.schema import columns

GITHUB = "token.actions.githubusercontent.com"
_WORD = re.compile(r"\b([a-z]+)~")
_OWN = re.compile(r"\+([a-z]\d?)\b")
_SHORT = re.compile(r"[a-z]\d?")

Tables = dict[str, list[Record]]
Found = tuple[str, str]


@dataclass(frozen=True)
class Fault:
    """One fault: `rule` must fail on `finds`, and the rules in `also` on theirs, each for its reason."""

    rule: str
    finds: str
    also: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    add: Mapping[str, list[dict[str, Any]]] = field(default_factory=dict)
    change: Mapping[str, list[dict[str, Any]]] = field(default_factory=dict)
    drop: Mapping[str, list[dict[str, Any]]] = field(default_factory=dict)
    allow: tuple[Mapping[str, Any], ...] = ()
    trusts: Mapping[str, str] = field(default_factory=dict)
    federate: Mapping[str, str] = field(default_factory=dict)

    @property
    def findings(self) -> set[Found]:
        """Every (rule, subject) that the fault must yield, and nothing else."""
        others = {(rule, one) for rule, other in self.also.items() for one in _listed(other["of"])}
        return {(self.rule, self.finds), *others}


def _listed(one: str | list[str]) -> list[str]:
    return one if isinstance(one, list) else [one]


def faults(directory: Path) -> dict[str, Fault]:
    """The faults of a directory by the id of their rule.  Raises TypeError for a word that no fault has."""
    names = yaml.safe_load((directory / "names.yaml").read_text(encoding="utf-8"))
    found = {}
    for path in sorted(directory.glob("*.yaml")):
        for rule, body in yaml.safe_load(path.read_text(encoding="utf-8")).items() if path.stem != "names" else ():
            found[rule] = Fault(rule, **_said(body, rule, names))
    return found


def _said(value: Any, rule: str, names: Mapping[str, str]) -> Any:
    """A value with its short names written out."""
    match value:
        case str():
            return _OWN.sub(rf"fault:{rule}/\1", _WORD.sub(lambda m: names.get(m[1], m[0]), value))
        case list():
            return [_said(v, rule, names) for v in value]
        case dict():
            own = {k: _said(v, rule, names) for k, v in value.items()}
            if _SHORT.fullmatch(str(own.get("id", "long"))):
                own["id"] = f"fault:{rule}/{own['id']}"
            return own
        case _:
            return value


def damaged(tables: Tables, wanted: Iterable[Fault], record: Any) -> Tables:
    """The tables with the faults in them; `record` makes a record of a table and a row.

    Raises LookupError for a fault that changes or drops nothing.
    """
    found = {table: list(rows) for table, rows in tables.items()}
    for fault in wanted:
        _alter(found, fault, record)
        for table, rows in fault.add.items():
            found[table] += [record(table, row) for row in rows]
        for table, row in _policies(fault):
            found[table] = [r for r in found[table] if r.id != row["id"]] + [record(table, row)]
    return found


def _alter(found: Tables, fault: Fault, record: Any) -> None:
    for table, changes in fault.change.items():
        for change in changes:
            where = {k: v for k, v in change.items() if k != "set"}
            hits = _hits(found[table], where, fault)
            found[table] = [_changed(r, change["set"], record) if id(r) in hits else r for r in found[table]]
    for table, drops in fault.drop.items():
        for where in drops:
            hits = _hits(found[table], where, fault)
            found[table] = [r for r in found[table] if id(r) not in hits]


def _hits(rows: list[Record], where: Mapping[str, Any], fault: Fault) -> set[int]:
    hits = {id(r) for r in rows if all(getattr(r, k, None) == v for k, v in where.items())}
    if not hits:
        message = f"{fault.rule}: nothing is {where}"
        raise LookupError(message)
    return hits


def _changed(old: Record, values: Mapping[str, Any], record: Any) -> Record:
    shape = columns(RECORDS[old.table])
    row = {c.name: getattr(old, c.field) for c in shape} | dict(values)
    return dataclasses.replace(record(old.table, {k: v for k, v in row.items() if v is not None}), source=old.source)


def _policies(fault: Fault) -> Iterator[tuple[str, dict[str, Any]]]:
    """Policies and what they are attached to, for `allow`, `trusts` and `federate`."""
    for n, given in enumerate(fault.allow):
        who, managed = given["to"], given.get("managed")
        scope = f"aws:{who.split(':')[4]}"
        policy = f"arn:aws:iam::aws:policy/{managed}" if managed else f"{who}#fault/{n}"
        statement = {"Effect": "Allow", "Action": given["do"], "Resource": given["over"]}
        yield "policy", _policy(policy, scope, "provider" if managed else "inline", managed or "fault", statement)
        attached = {"policy_id": policy, "principal_id": who, "kind": "grants"}
        yield "attachment", {"id": f"fault:{fault.rule}/allow/{n}", "scope_id": scope, **attached}
    for given, statement in ((fault.trusts, _assumed(fault.trusts)), (fault.federate, _federated(fault.federate))):
        if given:
            role = given["role"]
            yield "policy", _policy(f"{role}#trust", f"aws:{role.split(':')[4]}", "trust", "trust", statement)


def _policy(name: str, scope: str, kind: str, title: str, statement: Mapping[str, Any]) -> dict[str, Any]:
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    return {"id": name, "scope_id": scope, "provider": "aws", "kind": kind, "name": title, "document": document}


def _assumed(given: Mapping[str, str]) -> dict[str, Any]:
    statement: dict[str, Any] = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": given.get("who")}}
    if "external_id" in given:
        statement["Condition"] = {"StringEquals": {"sts:ExternalId": given["external_id"]}}
    return statement


def _federated(given: Mapping[str, str]) -> dict[str, Any]:
    account = given.get("role", "::::").split(":")[4]
    return {
        "Effect": "Allow",
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Principal": {"Federated": f"arn:aws:iam::{account}:oidc-provider/{GITHUB}"},
        "Condition": {
            "StringEquals": {f"{GITHUB}:aud": "sts.amazonaws.com"},
            "StringLike": {f"{GITHUB}:sub": given.get("subject")},
        },
    }


def tables_of(inventory: Any) -> Tables:
    """Every collected record of an inventory that nothing has analysed yet."""
    return {kind.table: inventory.rows(kind) for kind in COLLECTED}
