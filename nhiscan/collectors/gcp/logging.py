"""Which reads of data Google Cloud records: the audit configuration in policies of projects and what is above them.

Admin Activity logs are always on; Data Access logs are off but for BigQuery until a policy switches them on, for all
services or one, and what is on above cannot be switched off below (cloud.google.com/logging/docs/audit, "Configure
Data Access audit logs").  Kinds of logging: `api_calls` (Admin Activity), `secret_access` (`DATA_READ` of Secret
Manager) and `data_events` (`DATA_READ` of every service).  Of a project whose folders were not read, what is not on
there is not known.  A member who is exempt has a row of its own that says so.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nhiscan.collectors._common.errors import RefusedError
from nhiscan.collectors._common.values import mapping, objects, text, texts
from nhiscan.collectors._rest.group import Group, Part
from nhiscan.collectors.gcp._assets import ASSETS, unseen
from nhiscan.collectors.gcp._below import ASKED
from nhiscan.collectors.gcp._direct import PROJECTS
from nhiscan.collectors.gcp._names import principal
from nhiscan.collectors.gcp._things import estate
from nhiscan.collectors.gcp.iam_policies import POLICIES
from nhiscan.plugin import Logging

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.collectors._common.values import Json
    from nhiscan.collectors._rest.ask import Ask
    from nhiscan.collectors.gcp._things import Estate
    from nhiscan.plugin import Record

_MANAGER = "cloudresourcemanager.googleapis.com"
_KINDS = ("Project", "Folder", "Organization")
_EVERY, _SECRETS = "allServices", "secretmanager.googleapis.com"
_SERVICES = {"secret_access": (_EVERY, _SECRETS), "data_events": (_EVERY,)}
_READ = "DATA_READ"


@dataclass(frozen=True, slots=True)
class _Kept:
    """The services whose reads a policy has recorded, and who is exempt from it by service."""

    services: frozenset[str] = frozenset()
    exempt: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def of(self, kind: str) -> bool:
        """Whether the reads that a kind of logging is about are recorded."""
        return bool(self.services & set(_SERVICES[kind]))


def _kept(policy: Json) -> _Kept:
    services: set[str] = set()
    exempt: dict[str, tuple[str, ...]] = {}
    for config in objects(policy.get("auditConfigs")):
        service = text(config.get("service"))
        for log in objects(config.get("auditLogConfigs")):
            if service is not None and log.get("logType") == _READ:
                services.add(service)
                exempt[service] = (*exempt.get(service, ()), *texts(log.get("exemptedMembers")))
    return _Kept(frozenset(services), exempt)


def _logging(ask: Ask) -> Iterator[Record]:
    around = estate(ask)
    kinds = "|".join(rf"{_MANAGER.replace('.', chr(92) + '.')}/{kind}" for kind in _KINDS)
    policies: dict[str, _Kept] = {}
    try:
        for entry in ask.items(POLICIES, "assets", query={"assetTypes": kinds}):
            name = text(entry.get("name")) or ""
            if (text(entry.get("assetType")) or "").partition("/")[0] == _MANAGER:
                policies[name.removeprefix(f"//{_MANAGER}/")] = _kept(mapping(entry.get("iamPolicy")))
    except RefusedError as e:
        yield from _asked(around, policies, e)
    else:
        if around.error is not None and "project" not in ask.place.params:
            yield from unseen(ask, around.error)  # projects without a policy of their own are not known then
    yield from _told(around, policies)
    yield from around.scopes.rows()


def _asked(around: Estate, policies: dict[str, _Kept], error: RefusedError) -> Iterator[Record]:
    """The policies of projects one by one, where no inventory has them."""
    ask, ids = around.ask, around.ids()
    if not ids:
        yield from unseen(ask, error)
        return
    try:
        for request, answer in ask.each(PROJECTS, [{"name": project} for project in ids]):
            if isinstance(answer, RefusedError):
                yield from unseen(ask, answer, subject_id=around.scopes.of(str(request["name"])))
            else:
                policies[f"projects/{request['name']}"] = _kept(answer)
    except RefusedError as e:
        yield from unseen(ask, e)


def _told(around: Estate, policies: dict[str, _Kept]) -> Iterator[Logging]:
    """What is recorded in each project, by its own policy or one above it."""
    above = {a.name.removeprefix(f"//{_MANAGER}/"): a.ancestors for a in around.found}
    whole = around.ask.place.params.get("parent", "").startswith("organizations/")
    named = {name: name for name in policies if name.startswith("projects/")}
    named |= {name: name for name in above if name.startswith("projects/")}
    for name in sorted(named):
        project = name.removeprefix("projects/")
        scope_id = around.scopes.of(project)
        chain = [
            policies[p] for p in dict.fromkeys((name, *above.get(name, ()), *_other(around, name))) if p in policies
        ]
        yield _row(around, scope_id, "api_calls", enabled=True)
        for kind in _SERVICES:
            on = any(kept.of(kind) for kept in chain)
            yield _row(around, scope_id, kind, enabled=on or (False if whole and name in above else None))
        for member in sorted({m for k in chain for s in _SERVICES["secret_access"] for m in k.exempt.get(s, ())}):
            who = principal(member)
            if who is not None:
                yield _row(around, scope_id, "secret_access", enabled=False, subject_id=who.id)


def _other(around: Estate, name: str) -> tuple[str, ...]:
    """The other name of a project: by its id, or by its number."""
    project = name.removeprefix("projects/")
    return tuple(f"projects/{o}" for o in (around.number(project), around.projects.id(project)) if o)


def _row(
    around: Estate, scope_id: str, kind: str, *, enabled: bool | None, subject_id: str | None = None
) -> Logging:  # fmt: skip
    who = f"{subject_id}/" if subject_id else ""
    return Logging(
        id=f"{scope_id}#logging/{kind}/{who}global", scope_id=scope_id, source=around.ask.source, locator=scope_id,
        subject_id=subject_id or scope_id, kind=kind, enabled=enabled,
        destination="_Required" if kind == "api_calls" else None,
    )  # fmt: skip


COLLECTOR = Group(
    name="gcp.logging",
    title="Google Cloud audit logs: which reads of data and secrets are recorded",
    place="estate",
    parts=(
        Part(
            name="logging",
            kind="Data Access audit configuration",
            facts=("reads of secrets recorded", "reads of data recorded", "who is exempt"),
            calls={ASSETS: "logging", POLICIES: "logging", **dict.fromkeys(ASKED, "logging"), PROJECTS: "logging"},
            read=_logging,
        ),
    ),
)
