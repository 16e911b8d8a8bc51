"""What a principal can do by its own rights, without becoming anybody else.

Sources: learn.microsoft.com/azure/role-based-access-control/resource-provider-operations for every action asked about,
and .../built-in-roles/privileged for what makes an administrator.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from nhiscan.analysis.azure import scopes as places
from nhiscan.analysis.azure.catalogue import Need, Tier, searched
from nhiscan.analysis.azure.decide import ASSIGN, Answer, Level, decide, raises, step
from nhiscan.analysis.azure.roles import Plane
from nhiscan.analysis.azure.ways_entra import permissions, right, tenant_admin
from nhiscan.model import Capability, IdentityState

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.analysis.azure.estate import Assignment, Estate
    from nhiscan.analysis.azure.roles import Role

PROBES = (
    "microsoft.authorization/roleassignments/write",
    "microsoft.authorization/roledefinitions/write",
    "microsoft.authorization/roleassignments/delete",
    "microsoft.compute/virtualmachines/write",
    "microsoft.keyvault/vaults/delete",
    "microsoft.storage/storageaccounts/listkeys/action",
    "microsoft.resources/subscriptions/resourcegroups/delete",
    "nhiscan.anything/things/write",
)
"""Actions that only somebody with all actions is allowed; the last belongs to no provider and needs the wildcard."""

SECRET_READS = (
    ("microsoft.keyvault/vaults/secrets/getsecret/action", True),
    ("microsoft.storage/storageaccounts/listkeys/action", False),
    ("microsoft.documentdb/databaseaccounts/listkeys/action", False),
    ("microsoft.cognitiveservices/accounts/listkeys/action", False),
    ("microsoft.servicebus/namespaces/authorizationrules/listkeys/action", False),
    ("microsoft.eventhub/namespaces/authorizationrules/listkeys/action", False),
    ("microsoft.web/sites/config/list/action", False),
    ("microsoft.containerregistry/registries/listcredentials/action", False),
    ("microsoft.appconfiguration/configurationstores/listkeys/action", False),
    ("microsoft.search/searchservices/listadminkeys/action", False),
    ("microsoft.cache/redis/listkeys/action", False),
    ("microsoft.batch/batchaccounts/listkeys/action", False),
)
"""Calls that return secret values or keys, and whether they are data actions."""

DATA_WRITES = (
    ("microsoft.storage/storageaccounts/blobservices/containers/blobs/write", True),
    ("microsoft.storage/storageaccounts/blobservices/containers/blobs/delete", True),
    ("microsoft.documentdb/databaseaccounts/sqldatabases/containers/items/create", True),
    ("microsoft.servicebus/namespaces/messages/send/action", True),
    ("microsoft.keyvault/vaults/secrets/setsecret/action", True),
    ("microsoft.storage/storageaccounts/delete", False),
    ("microsoft.sql/servers/databases/delete", False),
    ("microsoft.documentdb/databaseaccounts/delete", False),
)
"""Calls that change or destroy what an application stores."""

LOG_CHANGES = (
    ("microsoft.insights/diagnosticsettings/delete", False),
    ("microsoft.insights/diagnosticsettings/write", False),
    ("microsoft.operationalinsights/workspaces/delete", False),
    ("microsoft.operationalinsights/workspaces/write", False),
)
"""Calls that end or blind the logs of a subscription."""

_LISTED = (
    (Capability.READ_SECRETS, SECRET_READS),
    (Capability.WRITE_DATA, DATA_WRITES),
    (Capability.ALTER_LOGS, LOG_CHANGES),
)
_VAULT_WRITE = ("microsoft.keyvault/vaults/accesspolicies/write", "microsoft.keyvault/vaults/write")
_ALL_OF = {
    Need.TENANT: "the tenant",
    Need.APP: "any app",
    Need.BLUEPRINT: "any agent blueprint",
    Need.GROUP: "any group that is not role-assignable",
    Need.ROLE_GROUP: "any role-assignable group",
}
_MOST_SCOPES = 20
_ALL_SECRETS = "microsoft.keyvault/vaults/secrets/*"


@dataclass(frozen=True, slots=True)
class Fact:
    """One capability, how surely, by which method, and why."""

    capability: Capability
    method: str
    level: Level
    steps: tuple[str, ...]


def facts(estate: Estate, principal_id: str) -> tuple[Fact, ...]:
    """Everything a principal can do by its own rights and those of its groups; nothing that is unknown or deleted.

    Capabilities of Azure hold for a subscription or more.  What is disabled must be enabled before any of it holds.
    """
    if estate.deleted(principal_id):
        return ()
    planes = {a.role.plane for a in estate.assignments(principal_id)}
    found = [*_azure(estate, principal_id)] if Plane.ARM in planes else []
    if planes & {Plane.DIRECTORY, Plane.APP_ROLE}:
        found += _directory(estate, principal_id)
    found += _delegated(estate, principal_id) if Plane.DELEGATED in planes else ()
    known = estate.identities.get(principal_id)
    if known is not None and known.state is IdentityState.DISABLED:
        note = "it is disabled and must be enabled first"
        found = [Fact(f.capability, f.method, min(f.level, Level.CONDITIONAL), (*f.steps, note)) for f in found]
    return tuple(f for f in found if f.level > Level.UNKNOWN)


def _azure(estate: Estate, principal_id: str) -> Iterator[Fact]:
    held = [a for a in estate.assignments(principal_id) if a.role.plane is Plane.ARM]
    ruled: list[str] = []
    told: dict[tuple[str, str], tuple[Level, str]] = {}
    for scope in _topmost(estate, {a.scope for a in held}):
        for fact in _here(estate, principal_id, scope, held, ruled):
            key = (fact.capability, fact.method)
            level, above = told.get(key, (Level.NO, scope))
            if fact.level > level or above not in estate.tree.chain(scope):
                told[key] = (fact.level, scope)
                yield replace(fact, method=f"{fact.method}@{scope}")
    yield from _wildcards(held)
    yield from _opened(estate, principal_id, held)


def _here(estate: Estate, principal_id: str, scope: str, held: list[Assignment], ruled: list[str]) -> Iterator[Fact]:
    """What holds at one scope; `ruled` gains those where the principal surely may do everything."""
    if places.is_wide(scope):
        answer = _all(estate, principal_id, scope)
        if answer.level > Level.UNKNOWN:
            yield Fact(Capability.ADMIN, _name(answer), answer.level, answer.steps)
            ruled += [scope] if answer.level is Level.YES else []
        yield from _at(estate, principal_id, scope)
    yield from _granting(estate, principal_id, scope, held, ruled)


def _topmost(estate: Estate, found: set[str]) -> list[str]:
    """Scopes in order of breadth, at most so many; several assignments below one another are all asked about."""
    return sorted(found, key=lambda s: (len(estate.tree.chain(s)), s))[:_MOST_SCOPES]


def _all(estate: Estate, principal_id: str, scope: str) -> Answer:
    """Whether a principal may do everything at a scope, by one role or by several."""
    answers = [decide(estate, principal_id, PROBES[-1], scope)]
    if not answers[0].level:
        return answers[0]
    answers += [decide(estate, principal_id, probe, scope) for probe in PROBES[:-1]]
    steps = tuple(dict.fromkeys(s for a in answers for s in a.steps))
    by = answers[0].by if len({a.by for a in answers}) == 1 else None
    return Answer(min(a.level for a in answers), steps, by)


def _name(answer: Answer) -> str:
    return answer.by.role.name if answer.by else "several roles"


def _at(estate: Estate, principal_id: str, scope: str) -> Iterator[Fact]:
    """What a principal may do with secrets, data and logs of a whole subscription or more."""
    for capability, questions in _LISTED:
        asked = [(a, decide(estate, principal_id, a, scope, data=data)) for a, data in questions]
        best = max((answer.level for _, answer in asked), default=Level.NO)
        if best > Level.UNKNOWN:
            chosen = [(a, answer) for a, answer in asked if answer.level is best]
            steps = tuple(dict.fromkeys(s for _, answer in chosen for s in answer.steps))
            yield Fact(capability, chosen[0][0], best, (*steps, f"so it may {chosen[0][0]}"))
    answer = max((decide(estate, principal_id, a, scope) for a in _VAULT_WRITE), key=lambda a: a.level)
    entry = next(iter(searched(Need.VAULT, "arm")))
    if answer.level > Level.UNKNOWN:
        below = {v: by_policy for v, by_policy in sorted(estate.vaults.items()) if scope in estate.tree.chain(v)}
        vault = next((v for v, by_policy in below.items() if by_policy), None)
        if below and vault is None:
            return
        level = answer.level if vault else min(answer.level, Level.CONDITIONAL)
        words = f"it {entry.says} {vault}" if vault else f"it {entry.says} vaults that use access policies"
        yield Fact(Capability.READ_SECRETS, entry.id, level, (*answer.steps, words))


def _opened(estate: Estate, principal_id: str, held: list[Assignment]) -> Iterator[Fact]:
    """Key vaults all of whose secrets an access policy gives away; to read some of one's own is no power."""
    read = SECRET_READS[0][0]
    for scope in dict.fromkeys(a.scope for a in held if a.role.vault and _everything(a.role)):
        answer = decide(estate, principal_id, read, scope, data=True)
        if answer.level > Level.UNKNOWN:
            words = f"so it reads, replaces and deletes every secret of {scope}"
            yield Fact(Capability.READ_SECRETS, f"{read}@{scope}", answer.level, (*answer.steps, words))


def _everything(role: Role) -> bool:
    return any(_ALL_SECRETS in block.data_actions for block in role.blocks or ())


def _granting(
    estate: Estate, principal_id: str, scope: str, held: list[Assignment], ruled: list[str]
) -> Iterator[Fact]:
    """The rights to give access at a scope, and what a principal makes of them for itself."""
    answer = decide(estate, principal_id, ASSIGN, scope)
    if answer.level > Level.UNKNOWN:
        words = f"so it may assign roles at {places.words(scope)}"
        yield Fact(Capability.GRANT_ACCESS, ASSIGN, answer.level, (*answer.steps, words))
        yield from _raised(estate, principal_id, scope, ruled)
    yield from _redefining(estate, principal_id, scope, held, ruled)


def _raised(estate: Estate, principal_id: str, scope: str, ruled: list[str]) -> Iterator[Fact]:
    if any(r in estate.tree.chain(scope) for r in ruled) or _all(estate, principal_id, scope).level is Level.YES:
        return
    answer, role = raises(estate, principal_id, scope)
    if answer.level > Level.UNKNOWN:
        words = f"so it may assign {role} to itself at {places.words(scope)}"
        yield Fact(Capability.ESCALATE, "arm.role_assignment", answer.level, (*answer.steps, words))


def _redefining(
    estate: Estate, principal_id: str, scope: str, held: list[Assignment], ruled: list[str]
) -> Iterator[Fact]:
    """Adding actions to a custom role that one holds oneself."""
    entry = next(iter(searched(Need.OWN_ROLE, "arm")))
    own = [a for a in held if a.role.custom and not a.role.vault and scope in estate.tree.chain(a.scope)]
    if not own or any(r in estate.tree.chain(scope) for r in ruled):
        return
    answer = decide(estate, principal_id, entry.targets[0][0], scope)
    if answer.level > Level.UNKNOWN:
        words = f"it {entry.says} {own[0].role.name}"
        yield Fact(Capability.ESCALATE, entry.id, answer.level, (*answer.steps, step(own[0]), words))


def _wildcards(held: list[Assignment]) -> Iterator[Fact]:
    """Roles that give everything, or everything of a provider, whatever it will be."""
    told: set[str] = set()
    for one in held:
        for block in one.role.blocks or ():
            for action in (*block.actions, *block.data_actions):
                if (action == "*" or (action.endswith("/*") and action.count("/") == 1)) and action not in told:
                    told.add(action)
                    level = Level.CONDITIONAL if one.eligible or one.condition else Level.YES
                    yield Fact(Capability.WILDCARD, action, level, (step(one, level), f"it allows {action}"))


def _directory(estate: Estate, principal_id: str) -> Iterator[Fact]:
    admin = tenant_admin(estate, principal_id)
    if admin.level and admin.by is not None:
        named = admin.by.role.name if admin.by.role.plane is Plane.DIRECTORY else admin.by.role.value
        yield Fact(Capability.ADMIN, named, admin.level, admin.steps)
    for one, permission in permissions(estate, principal_id):
        if permission.capability is not None and permission.capability is not Capability.ADMIN:
            yield Fact(permission.capability, permission.value, Level.YES, (step(one), f"it {permission.why}"))
    for need, target in _ALL_OF.items() if admin.level < Level.YES else ():
        for entry in searched(need, "entra"):
            answer = right(estate, principal_id, entry)
            # What an administrator under a condition may do under the same condition is no news.
            if answer.level > max(Level.UNKNOWN, admin.level):
                doubt = f" ({entry.doubt})" if entry.doubt else ""
                steps = (*answer.steps, f"it {entry.says} {target}{doubt}")
                capability = Capability.ESCALATE if need is Need.TENANT else Capability.GRANT_ACCESS
                yield Fact(capability, entry.id, answer.level, steps)


def _delegated(estate: Estate, principal_id: str) -> Iterator[Fact]:
    """Permissions for everybody that make an application as powerful as whoever signs in to it."""
    from nhiscan.analysis.azure.catalogue import tiers

    for one in estate.assignments(principal_id):
        if one.role.plane is Plane.DELEGATED and (one.condition or "").lower() == "allprincipals":
            found = tiers().get((one.role.api or "", one.role.value.lower()))
            if found is not None and found.tier is Tier.TENANT_ADMIN:
                words = f"it {found.why}, as an administrator who signs in to it"
                steps = (f"{step(one)} for everybody", words)
                yield Fact(Capability.ESCALATE, f"delegated:{found.value}", Level.CONDITIONAL, steps)
