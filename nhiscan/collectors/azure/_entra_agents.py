"""Agents in Entra: blueprints, the identities made from them, the users they act as, and who sponsors them.

An agent identity has no credential: whoever holds one of its blueprint gets its tokens (learn.microsoft.com/entra/
agent-id/identity-platform/agent-identities), and an agent user is signed in by its agent identity.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nhiscan.collectors._common.errors import RefusedError
from nhiscan.collectors._common.values import facts, flag, guid, moment, text
from nhiscan.collectors.azure import _entra
from nhiscan.collectors.azure._entra_calls import (
    AGENT_USERS,
    AGENTS,
    BLUEPRINT_PRINCIPALS,
    BLUEPRINTS,
    SPONSORS_OF_AGENT,
    SPONSORS_OF_BLUEPRINT,
    SPONSORS_OF_BLUEPRINT_PRINCIPAL,
)
from nhiscan.collectors.azure._entra_owners import accountable, without_names
from nhiscan.plugin import (
    Consumer,
    ConsumerKind,
    Identity,
    IdentityClass,
    IdentityKind,
    IdentityState,
    OwnerBasis,
    PrincipalKind,
    Trust,
    TrustKind,
    Use,
    UseHow,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from nhiscan.collectors._common.values import Json
    from nhiscan.collectors._rest.ask import Ask
    from nhiscan.collectors._rest.operation import Operation
    from nhiscan.plugin import Record


def agents(ask: Ask) -> Iterator[Record]:
    """Agent identities as consumers, who may become them, and their sponsors."""
    of_client = _entra.directory(ask).of_client
    for row, object_id in _listed(ask, AGENTS):
        yield from _agent(ask, row, _entra.identity_id(ask, object_id), of_client)
    yield from _entra.living(ask, _sponsors(ask, AGENTS, SPONSORS_OF_AGENT, {}))


def blueprints(ask: Ask) -> Iterator[Record]:
    """Sponsors of blueprints and of their principals."""
    found = _entra.directory(ask)
    yield from _entra.living(ask, _sponsors(ask, BLUEPRINTS, SPONSORS_OF_BLUEPRINT, found.of_application))
    yield from _entra.living(ask, _sponsors(ask, BLUEPRINT_PRINCIPALS, SPONSORS_OF_BLUEPRINT_PRINCIPAL, {}))


def agent_users(ask: Ask) -> Iterator[Record]:
    """Users that belong to agents."""
    for row, object_id in _listed(ask, AGENT_USERS):
        user = _user(ask, row, object_id)
        yield user
        if (parent := guid(row.get("identityParentId"))) is not None:
            yield _becomes(ask, _entra.identity_id(ask, parent), user.id, f"agent/{parent}")


def _listed(ask: Ask, operation: Operation) -> Iterator[tuple[Json, str]]:
    for row in _entra.rows(ask, operation):
        if (object_id := guid(row.get("id"))) is not None:
            yield row, object_id


def _sponsors(ask: Ask, listed: Operation, one: Operation, subjects: Mapping[str, str]) -> Iterator[Record]:
    """The sponsors of each entry of a list; `subjects` are the object ids of the identities they stand for."""
    nameless: set[str] = set()
    for row, sponsors in _entra.related(ask, listed, "sponsors", one):
        object_id = guid(row.get("id")) or ""
        subject = _entra.identity_id(ask, subjects.get(object_id, object_id))
        if not isinstance(sponsors, RefusedError):
            yield from accountable(ask, subject, sponsors, OwnerBasis.SPONSOR, nameless)
        elif not sponsors.missing:
            yield ask.refused(sponsors, covers=("owner",), subject_id=subject)
    yield from without_names(ask, nameless)


def _agent(ask: Ask, row: Json, agent: str, of_client: Mapping[str, str]) -> Iterator[Record]:
    consumer, locator = f"{agent}#agent", f"servicePrincipals/{agent.rpartition('/')[2]}"
    yield Consumer(
        **_entra.seen(ask, consumer, locator),
        kind=ConsumerKind.AGENT,
        name=text(row.get("displayName")) or agent.rpartition("/")[2],
        framework="entra_agent",
        platform="entra",
        enabled=flag(row.get("accountEnabled")),
        created_at=moment(row.get("createdDateTime")),
    )
    yield Use(
        **_entra.seen(ask, f"{consumer}#runs_as/{agent}", locator),
        consumer_id=consumer,
        identity_id=agent,
        how=UseHow.RUNS_AS,
    )
    blueprint = guid(row.get("agentIdentityBlueprintId"))
    if blueprint is None:
        return
    if (principal := of_client.get(blueprint)) is not None:
        yield _becomes(ask, _entra.identity_id(ask, principal), agent, f"blueprint/{blueprint}")
    else:
        yield ask.gap(
            f"blueprint/{blueprint}", ("trust",), "its blueprint is not among the applications that could be read",
            "grant Application.Read.All and AgentIdentityBlueprintPrincipal.Read.All", subject_id=agent,
        )  # fmt: skip


def _user(ask: Ask, row: Json, object_id: str) -> Identity:
    enabled = flag(row.get("accountEnabled"))
    return Identity(
        **_entra.seen(ask, _entra.identity_id(ask, object_id), f"users/{object_id}"),
        provider="azure",
        kind=IdentityKind.USER,
        name=text(row.get("userPrincipalName")) or text(row.get("displayName")) or object_id,
        class_=IdentityClass.AGENT,
        state=None if enabled is None else IdentityState.ENABLED if enabled else IdentityState.DISABLED,
        created_at=moment(row.get("createdDateTime")),
        interactive=False,
        tags=facts(agent=guid(row.get("identityParentId"))),
    )


def _becomes(ask: Ask, principal: str, target: str, word: str) -> Trust:
    return Trust(
        **_entra.seen(ask, f"{target}#trust/{word}"),
        principal=principal,
        principal_kind=PrincipalKind.IDENTITY,
        target_id=target,
        kind=TrustKind.IMPERSONATE,
    )
