"""Who asks, and whether the Principal element of a statement means him.

Forms of a principal and what each grants: IAM User Guide, reference_policies_elements_principal and
reference_policies_elements_notprincipal; which of them a boundary or session policy still limits:
reference_policies_evaluation-logic_policy-eval-basics, resource-based policies and implicit denies.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from nhiscan.analysis.aws.conditions import Truth

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from nhiscan.analysis.aws.documents import Statement

_ACCOUNT = re.compile(r"\d{12}")
_ROOT = re.compile(r"arn:[\w-]+:iam::(\d{12}):root")
_UNIQUE_ID = re.compile(r"A[A-Z]{3}[A-Z0-9]{12,124}")
_ARN = re.compile(r"arn:([\w-]+):(iam|sts)::(\d{12}):(root|user|role|assumed-role|federated-user)(?:/(.+))?")


class AskerKind(Enum):
    """What sort of principal makes a request."""

    USER = "user"
    ROLE = "role"
    SESSION = "role session"
    FEDERATED_USER = "federated user"
    ROOT = "root user"
    SERVICE = "service"
    PROVIDER = "identity provider"
    ANYONE = "anonymous caller"


class Grip(Enum):
    """By what a resource policy takes hold of a caller, and so what still limits its grant.

    `direct`: the user, the session or everybody; nothing but an explicit Deny limits that.  `identity`: the role behind
    a session, or the user behind a federated one; boundary and session policy limit it.  `account`: his account, which
    delegates to its own policies.
    """

    DIRECT = "direct"
    IDENTITY = "identity"
    ACCOUNT = "account"


@dataclass(frozen=True, slots=True)
class Asker:
    """The principal of a request.

    `identity` is the ARN of the user or role behind it, `name` its name; `session` the name of a session, None where it
    is open; `user_id` the unique id when it was given; `bounded` says that a permissions boundary is set.
    """

    kind: AskerKind
    arn: str
    account: str | None = None
    identity: str | None = None
    name: str = ""
    session: str | None = None
    user_id: str | None = None
    bounded: bool = False
    closed: bool = False

    @property
    def words(self) -> str:
        """How a reader knows it: `user etl`."""
        if self.kind in {AskerKind.ANYONE, AskerKind.ROOT}:
            return f"the {self.kind.value}"
        return f"{self.kind.value} {self.name}" + (f"/{self.session}" if self.session else "")


class UnknownPrincipalError(ValueError):
    """A text that names no kind of principal that can ask."""


def asker(text: str) -> Asker:
    """The principal a text names.  Raises UnknownPrincipalError."""
    if text == "*":
        return Asker(AskerKind.ANYONE, text)
    found = _ARN.fullmatch(text)
    if found:
        return _of_arn(text, found)
    if ":oidc-provider/" in text or ":saml-provider/" in text:
        return Asker(AskerKind.PROVIDER, text, name=text.partition("-provider/")[2])
    if ":" not in text and "/" not in text and "." in text:
        service = ".amazonaws.com" in text and text != "cognito-identity.amazonaws.com"
        return Asker(AskerKind.SERVICE if service else AskerKind.PROVIDER, text, name=text)
    msg = "it is no ARN of a user, role, session or root, no service and not *"
    raise UnknownPrincipalError(msg)


def _of_arn(text: str, found: re.Match[str]) -> Asker:
    partition, service, account, kind, rest = found.groups(default="")
    home = f"arn:{partition}:iam::{account}"
    name = rest.rpartition("/")[2]
    match service, kind:
        case "iam", "root" if not rest:
            return Asker(AskerKind.ROOT, text, account, text)
        case "iam", "user" if rest:
            return Asker(AskerKind.USER, text, account, text, name)
        case "iam", "role" if rest:
            return Asker(AskerKind.ROLE, text, account, text, name)
        case "sts", "assumed-role" if "/" in rest:
            role, _, session = rest.partition("/")
            return Asker(AskerKind.SESSION, text, account, f"{home}:role/{role}", role, session)
        case "sts", "federated-user" if rest:
            return Asker(AskerKind.FEDERATED_USER, text, account, f"{home}:user/{rest}", rest)
    msg = "it is no ARN of a user, role, session or root"
    raise UnknownPrincipalError(msg)


def grips(statement: Statement, who: Asker) -> dict[Grip, Truth]:
    """By what a statement of a resource policy takes hold of the caller, and whether surely; empty when it does not."""
    if statement.not_principal:
        truth = _all_but(statement, who)
        return {} if truth is Truth.FALSE else {Grip.DIRECT: truth}
    found: dict[Grip, Truth] = {}
    for kind, value in statement.principals:
        for grip, truth in _named(kind, value, who):
            if found.get(grip) is not Truth.TRUE:
                found[grip] = truth
    return found


def means(statement: Statement, who: Asker) -> Truth:
    """Whether a Deny means the caller, by whatever grip."""
    found = grips(statement, who).values()
    if Truth.TRUE in found:
        return Truth.TRUE
    return Truth.UNKNOWN if found else Truth.FALSE


def _named(kind: str, value: str, who: Asker) -> Iterator[tuple[Grip, Truth]]:
    """What one value of a Principal element says of the caller."""
    low = kind.lower()
    if low == "service":
        if who.kind is AskerKind.SERVICE and value.lower() in {"*", who.name.lower()}:
            yield Grip.DIRECT, Truth.TRUE
    elif low == "federated":
        if who.kind is AskerKind.PROVIDER and value in {"*", who.arn, who.name}:
            yield Grip.DIRECT, Truth.TRUE
    elif low == "canonicaluser":
        # The number of an account under another name that no record translates.
        if who.account is not None:
            yield Grip.ACCOUNT, Truth.UNKNOWN
    elif value == "*":
        yield Grip.DIRECT, Truth.TRUE
    elif who.account is not None:
        yield from _by_arn(value, who)


def _by_arn(value: str, who: Asker) -> Iterator[tuple[Grip, Truth]]:
    if _account(value) is not None:
        if _account(value) == who.account:
            yield (Grip.DIRECT if who.kind is AskerKind.ROOT else Grip.ACCOUNT), Truth.TRUE
    elif value == who.arn:
        yield (Grip.IDENTITY if who.kind is AskerKind.ROLE else Grip.DIRECT), Truth.TRUE
    elif _same_identity(value, who):
        yield Grip.IDENTITY, Truth.TRUE
    elif _UNIQUE_ID.fullmatch(value) and who.user_id and who.user_id.partition(":")[0] == value:
        yield (Grip.DIRECT if who.kind is AskerKind.USER else Grip.IDENTITY), Truth.TRUE
    elif who.kind is AskerKind.ROLE and not who.closed and _is_session_of(value, who):
        yield Grip.DIRECT, Truth.UNKNOWN


def _account(value: str) -> str | None:
    root = _ROOT.fullmatch(value)
    return root.group(1) if root else value if _ACCOUNT.fullmatch(value) else None


def _same_identity(value: str, who: Asker) -> bool:
    """The role of a session or the user of a federated one; role names are unique whatever their path."""
    found = _ARN.fullmatch(value)
    if found is None or found.group(2) != "iam" or found.group(3) != who.account:
        return False
    kind, name = found.group(4), (found.group(5) or "").rpartition("/")[2]
    if who.kind in {AskerKind.SESSION, AskerKind.ROLE}:
        return kind == "role" and name == who.name and (value == who.identity or _pathless(who.identity))
    return who.kind is AskerKind.FEDERATED_USER and value == who.identity


def _pathless(identity: str | None) -> bool:
    """A role known from a session's ARN only: the path is not in it."""
    return identity is not None and identity.count("/") == 1


def _is_session_of(value: str, who: Asker) -> bool:
    found = _ARN.fullmatch(value)
    return (
        found is not None
        and found.group(4) == "assumed-role"
        and found.group(3) == who.account
        and (found.group(5) or "").partition("/")[0] == who.name
    )


def _all_but(statement: Statement, who: Asker) -> Truth:
    """NotPrincipal: everybody but those listed.

    A Deny spares a caller for sure only when it lists him and everything above him (his role, his account), and never
    one who has a permissions boundary; AWS leaves open what a shorter list does.
    """
    listed = _listed(statement.principals, who)
    if statement.allow:
        return Truth.FALSE if listed else Truth.TRUE
    if who.bounded:
        return Truth.TRUE
    needed = {
        AskerKind.USER: {"itself", "account"},
        AskerKind.ROLE: {"identity", "account"},
        AskerKind.SESSION: {"itself", "identity", "account"},
        AskerKind.FEDERATED_USER: {"itself", "identity", "account"},
    }.get(who.kind, {"itself"})
    if "everybody" in listed or listed >= needed:
        return Truth.FALSE
    return Truth.UNKNOWN if listed else Truth.TRUE


def _listed(principals: Iterable[tuple[str, str]], who: Asker) -> set[str]:
    """Which of itself, identity and account a list of principals names."""
    found: set[str] = set()
    for kind, value in principals:
        for grip, _ in _named(kind, value, who):
            if value == "*":
                found.add("everybody")
            else:
                found.add({Grip.DIRECT: "itself", Grip.IDENTITY: "identity", Grip.ACCOUNT: "account"}[grip])
    return found
