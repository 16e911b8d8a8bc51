"""Workloads as records: what runs, as which role, with which secrets handed to it by reference.

A workload is its ARN, without the revision where AWS counts revisions, so that a deployment is no new workload.
`Use.name` says which of its roles an identity is (`role`, `task_role`, `execution_role`, `instance_profile`, …);
`Use.place` of a reference is the ARN of the secret or parameter, as its store is called.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nhiscan.collectors._common import tags as _tags
from nhiscan.collectors._common.errors import RefusedError
from nhiscan.collectors._common.values import listing, mapping, text
from nhiscan.collectors.aws._seen import Asking, owners, role_arn, seen
from nhiscan.plugin import Consumer, ConsumerKind, Form, Use, UseHow

if TYPE_CHECKING:
    from collections.abc import Collection, Generator, Iterable, Iterator, Mapping
    from datetime import datetime

    from nhiscan.collectors._common.values import Json
    from nhiscan.collectors.aws._ask import Ask
    from nhiscan.plugin import Auth, Record

TAGS_COVER = ("consumer.tags", "consumer.environment", "owner.name")
GET_ROLE = "iam:GetRole"
LIST_PROFILES = "iam:ListInstanceProfiles"
# Secrets Manager appends a hyphen and six characters to a name; json key, stage and version may follow the ARN.
_SECRET = re.compile(r"(arn:aws[\w-]*:secretsmanager:[^:]*:[^:]*:secret:[^:]+)(?::.*)?")
_PARAMETER = re.compile(r"arn:aws[\w-]*:ssm:[^:]*:[^:]*:parameter/.+")
_RESOLVE = re.compile(r"\{\{resolve:(secretsmanager|ssm|ssm-secure):(.+)\}\}")
_NAME = re.compile(r"[\w.@/=+-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """What differs from one kind of workload to another; the fields are columns of `consumer`."""

    arn: str
    name: str
    platform: str
    kind: ConsumerKind = ConsumerKind.WORKLOAD
    locator: str | None = None
    parent_id: str | None = None
    created_at: datetime | None = None
    enabled: bool | None = None
    public: bool | None = None
    url: str | None = None
    auth: Auth | None = None
    sandbox: str | None = None
    metadata_v1: bool | None = None
    metadata_hops: int | None = None
    tags: Mapping[str, str] = field(default_factory=dict)


def consumer(ask: Ask, workload: Workload) -> Iterator[Record]:
    """The consumer and the owners that its tags name."""
    w = workload
    yield Consumer(
        **seen(ask, w.arn, w.locator), kind=w.kind, name=w.name, platform=w.platform, parent_id=w.parent_id,
        environment=_tags.environment(w.tags), enabled=w.enabled, created_at=w.created_at, public=w.public, url=w.url,
        auth=w.auth, sandbox=w.sandbox, metadata_v1=w.metadata_v1, metadata_hops=w.metadata_hops, tags=w.tags,
    )  # fmt: skip
    yield from owners(ask, w.arn, w.tags)


def acts_as(ask: Ask, arn: str, *roles: tuple[str, object]) -> Iterator[Use]:
    """One use for each distinct identity among `(which, ARN)`; what is no ARN of IAM is left out."""
    told: set[str] = set()
    for name, value in roles:
        role = text(value)
        if role is None or role in told or not re.match(r"arn:aws[\w-]*:iam::", role):
            continue
        told.add(role)
        yield Use(
            **seen(ask, f"{arn}#runs_as/{role}", arn), consumer_id=arn, identity_id=role, how=UseHow.RUNS_AS, name=name
        )


def from_vault(ask: Ask, arn: str, name: str, store: str, *, place: str = "env") -> Use:
    """The use of a secret that is handed over by reference; `place` is where the workload finds it."""
    how = UseHow.ENV if place.startswith("env") else UseHow.CONFIGURED
    return Use(
        **seen(ask, f"{arn}#{place}/{name}", arn), consumer_id=arn, how=how, form=Form.VAULT, name=name, place=store,
        uri=arn,
    )  # fmt: skip


def vault(ask: Ask, value: str) -> str | None:
    """The store that a text refers to, by its ARN; None for a text that is no reference."""
    if match := _SECRET.fullmatch(value):
        return match[1]
    if _PARAMETER.fullmatch(value):
        return value
    if match := _RESOLVE.fullmatch(value):
        rest = match[2]
        if match[1] == "secretsmanager":
            return secret_named(ask, rest)
        return parameter_named(ask, rest.split(":", 1)[0])
    return None


def secret_named(ask: Ask, name: str) -> str:
    """The ARN of a secret of this region by its name, without the six characters that AWS appends.

    A JSON key, a stage and a version may follow the name after colons.
    """
    return vault(ask, name) or ask.arn("secretsmanager", f"secret:{name.split(':', 1)[0]}")


def parameter_named(ask: Ask, name: str) -> str:
    """The ARN of a parameter of this region by its name."""
    return name if _PARAMETER.fullmatch(name) else ask.arn("ssm", f"parameter/{name.lstrip('/')}")


def handed(ask: Ask, arn: str, secrets: object, place: str = "env") -> Iterator[Use]:
    """The uses of a list of `{name, valueFrom}`, or a mapping; a bare name is that of a parameter."""
    pairs = [*mapping(secrets).items()]
    pairs += [(str(e.get("name")), e.get("valueFrom")) for e in map(mapping, listing(secrets)) if text(e.get("name"))]
    for name, value in pairs:
        source = text(value)
        if source:
            yield from_vault(ask, arn, name, vault(ask, source) or parameter_named(ask, source), place=place)


def named_pairs(variables: object) -> list[tuple[str, object]]:
    """The variables of a list of `{name, value}` in any spelling of the two, or of a mapping."""
    pairs = [*mapping(variables).items()]
    for entry in map(mapping, listing(variables)):
        name = entry.get("name", entry.get("Name"))
        pairs.append((name if isinstance(name, str) else "", entry.get("value", entry.get("Value"))))
    return [(name, value) for name, value in pairs if name]


class Rows(Asking):
    """Calls that tell of whole records: a refused one hides rows, so its gap is of the account, not of one record."""

    def _refused(self, error: RefusedError, absent: Collection[str], about: str | None = None) -> None:
        del about
        super()._refused(error, absent)


def gathered(ask: Ask, operation: str, key: str, /, **params: object) -> Generator[Record, None, list[Json]]:
    """All entries of a list over its pages; a refusal is yielded as a gap, and what was read before it returned."""
    found: list[Json] = []
    try:
        found.extend(ask.items(operation, key, **params))
    except RefusedError as e:
        if not e.missing:
            yield ask.refused(e)
    return found


class Roles:
    """Roles that an answer names without their path: IAM knows the ARN, one call for each name."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    def find(self, ask: Ask, names: Iterable[object]) -> Iterator[Record]:
        """Ask for the bare names among them; yields nothing but gaps."""
        asking = Asking(ask)
        bare = sorted({n for n in map(text, names) if n and _NAME.fullmatch(n) and "/" not in n})
        for about, answer in asking.each(GET_ROLE, {ask.account.arn(f"role/{n}"): {"RoleName": n} for n in bare}):
            arn = text(mapping(answer.get("Role")).get("Arn"))
            if arn:
                self._known[about.rsplit("/", 1)[-1]] = arn
        yield from asking.gaps

    def arn(self, ask: Ask, value: object) -> str | None:
        """The ARN of a role, also from a name with its path; None for a name that IAM did not answer for."""
        name = text(value)
        if name is None or (_NAME.fullmatch(name) and "/" not in name):
            return self._known.get(name or "")
        return role_arn(ask, name)


class Profiles:
    """Instance profiles and the roles they hand out, by ARN and by name: one call for 1,000."""

    def __init__(self) -> None:
        self._roles: dict[str, list[str]] = {}

    def read(self, ask: Ask) -> Iterator[Record]:
        """Ask for them; yields nothing but the gap."""
        for entry in (yield from gathered(ask, LIST_PROFILES, "InstanceProfiles", MaxItems=1000)):
            roles = [a for r in map(mapping, listing(entry.get("Roles"))) if (a := text(r.get("Arn")))]
            for key in (text(entry.get("Arn")), text(entry.get("InstanceProfileName"))):
                if key:
                    self._roles[key] = roles

    def uses(self, ask: Ask, arn: str, profile: object) -> Iterator[Use]:
        """The workload acts as the role in the profile; as the profile itself where the role is not known."""
        name = text(mapping(profile).get("Arn")) or text(mapping(profile).get("Name")) or text(profile)
        if name:
            known = self._roles.get(name, [name])  # an empty profile hands out nothing
            yield from acts_as(ask, arn, *(("instance_profile", role) for role in known))
