"""Lets infrastructure code go through the same analysis as an account: declared identities get the ARN they will have.

The analysis of AWS tells principals by their ARN and its account.  What is only declared has neither, so for its
time it is called by its `native_id`, or by an ARN made of its name in an account made up for the template or module it
stands in.  What comes out names the declared ids again.  Which accounts are one's own cannot be known where the
account is made up: there a trust in a named account is neither external nor not.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from nhiscan.model import IdentityKind, IdentityState, Policy, PolicyKind, PrincipalKind, Record, Trust

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from nhiscan.model import Identity

R = TypeVar("R", bound=Record)

ACCOUNT, REGION, PARTITION = "${AWS::AccountId}", "${AWS::Region}", "${AWS::Partition}"
"""What collectors write for the account, region and partition something will be deployed to (CloudFormation)."""

_NOWHERE = "unknown-region-0"
_TYPES = {
    IdentityKind.ROLE: "role",
    IdentityKind.USER: "user",
    IdentityKind.GROUP: "group",
    IdentityKind.INSTANCE_PROFILE: "instance-profile",
}
_UNFIT = re.compile(r"[^\w+=,.@-]+")
_ARN = re.compile(r"arn:aws:iam::(\d+):(?:role|user|group|instance-profile|policy)/[\w+=,.@/-]+")
_MADE_UP = re.compile(r"\b9\d{15}\b")
_CUTS = re.compile(r"[/:#]")


@dataclass(frozen=True, slots=True)
class Names:
    """ARNs by declared id, and the other way round; `accounts` are the ones of each template or module."""

    arns: Mapping[str, str] = field(default_factory=dict)
    ids: Mapping[str, str] = field(default_factory=dict)
    accounts: Mapping[str, str] = field(default_factory=dict)

    def given(self, records: Iterable[R]) -> list[R]:
        """The records as analysis wants them: by ARN, in documents too."""
        return [self._given(r) for r in records] if self.arns else list(records)

    def taken(self, records: Iterable[R]) -> Iterator[R]:
        """What analysis made of them, by declared id."""
        return (self._taken(r) for r in records) if self.arns else iter(records)

    def _given(self, record: R) -> R:
        changes: dict[str, Any] = {}
        for column in dataclasses.fields(record):
            value = getattr(record, column.name)
            if isinstance(value, str) and value in self.arns:
                changes[column.name] = self.arns[value]
        if isinstance(record, Policy) and record.document and (account := self.accounts.get(group_of(record.id))):
            changes["document"] = self._document(record.document, account)
        return dataclasses.replace(record, **changes) if changes else record

    def _document(self, text: str, account: str) -> str:
        """The document with the account in place and declared ids as ARNs."""
        text = text.replace(ACCOUNT, account).replace(REGION, _NOWHERE).replace(PARTITION, "aws")
        try:
            return json.dumps(self._walk(json.loads(text)), ensure_ascii=False)
        except (ValueError, RecursionError):
            return text

    def _walk(self, value: object) -> object:
        if isinstance(value, str):
            return self._called(value)
        if isinstance(value, list):
            return [self._walk(v) for v in value]
        return {k: self._walk(v) for k, v in value.items()} if isinstance(value, dict) else value

    def _called(self, text: str) -> str:
        """A declared id, also one with something behind it, as an ARN."""
        if text in self.arns or "#" not in text:
            return self.arns.get(text, text)
        for cut in reversed(list(_CUTS.finditer(text, text.index("#") + 1))):
            if (head := text[: cut.start()]) in self.arns:
                return self.arns[head] + text[cut.start() :]
        return text

    def _taken(self, record: R) -> R:
        changes: dict[str, Any] = {}
        for column in dataclasses.fields(record):
            value = getattr(record, column.name)
            if isinstance(value, str) and type(value) is str:
                fresh: object = self._declared(value)
            elif isinstance(value, tuple):
                fresh = tuple(self._declared(v) if isinstance(v, str) else v for v in value)
            else:
                continue
            if fresh != value:
                changes[column.name] = fresh
        if isinstance(record, Trust) and record.external and _is_open(record, self):
            inside = self.ids.get(record.principal)
            together = inside is not None and group_of(inside) == group_of(self._declared(record.target_id))
            changes["external"] = False if together else None
        if changes.get("account_id") == ACCOUNT:
            changes["account_id"] = None
        return dataclasses.replace(record, **changes) if changes else record

    def _declared(self, text: str) -> str:
        """ARNs as declared ids, and made-up accounts as what they stand for."""
        if "arn:aws:iam::" in text:
            text = _ARN.sub(lambda m: self.ids.get(m[0]) or self.ids.get(m[0].rstrip(".,"), m[0]), text)
        if _MADE_UP.search(text):
            text = _MADE_UP.sub(lambda m: ACCOUNT if m[0] in self.accounts.values() else m[0], text)
        return text


def _is_open(trust: Trust, names: Names) -> bool:
    """Whether it could be one's own account that a thing in a made-up account trusts."""
    if trust.principal_kind not in {PrincipalKind.ACCOUNT, PrincipalKind.IDENTITY}:
        return False
    home = names.accounts.get(group_of(trust.target_id), trust.target_id)
    return _MADE_UP.search(home) is not None


def group_of(record_id: str) -> str:
    """The template or root module that a declared id belongs to: all of it is one account."""
    scope, _, rest = record_id.partition("#")
    return f"{scope}#{rest.partition(':')[0]}"


def names(identities: Iterable[Identity], policies: Iterable[Policy]) -> Names:
    """The names of everything that infrastructure code declares in AWS."""
    live = [i for i in identities if i.provider == "aws"]
    declared = [i for i in live if i.state is IdentityState.DECLARED and not i.id.startswith("arn:")]
    managed = [
        p for p in policies if p.provider == "aws" and p.kind is PolicyKind.MANAGED and not p.id.startswith("arn:")
    ]
    if not declared and not managed:
        return Names()
    groups = sorted({group_of(r.id) for r in (*declared, *managed)})
    known: dict[str, set[str]] = {}
    for identity in declared:
        if identity.native_id and (account := identity.native_id.split(":", 5)[4:5]) and account[0].isdigit():
            known.setdefault(group_of(identity.id), set()).add(account[0])
    accounts = {g: next(iter(known[g])) if len(known.get(g, ())) == 1 else _made_up(g) for g in groups}
    taken = {i.id for i in live}
    arns: dict[str, str] = {}
    for identity in sorted(declared, key=lambda i: i.id):
        if identity.kind in _TYPES:
            arn = identity.native_id if identity.native_id and _ARN.fullmatch(identity.native_id) else None
            kind, account_ = _TYPES[identity.kind], accounts[group_of(identity.id)]
            arns[identity.id] = _free(arn, account_, kind, identity.name, identity.id, taken)
    for policy in sorted(managed, key=lambda p: p.id):
        account_ = accounts[group_of(policy.id)]
        arns[policy.id] = _free(None, account_, "policy", policy.name, policy.id, taken)
    return Names(arns, {arn: i for i, arn in arns.items()}, accounts)


def _free(arn: str | None, account: str, kind: str, name: str, record_id: str, taken: set[str]) -> str:
    """An ARN nobody has yet."""
    short = _UNFIT.sub("_", name) or "_"
    own = _UNFIT.sub("_", record_id.rpartition(":")[2])
    for candidate in (arn, f"arn:aws:iam::{account}:{kind}/{short}", f"arn:aws:iam::{account}:{kind}/{own}/{short}"):
        if candidate is not None and candidate not in taken:
            taken.add(candidate)
            return candidate
    digest = hashlib.sha256(record_id.encode()).hexdigest()[:16]
    return f"arn:aws:iam::{account}:{kind}/{digest}/{short}"


def _made_up(group: str) -> str:
    """A number that no account has: theirs have twelve digits."""
    return f"9{int(hashlib.sha256(group.encode()).hexdigest()[:16], 16) % 10**15:015d}"
