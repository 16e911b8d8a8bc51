"""Azure AI Foundry: projects, the connections they hold keys for, and the agents that are published from them.

An agent application answers with the Entra agent identity it acts as (`defaultInstanceIdentity`, made from
`agentIdentityBlueprint`; REST reference, Microsoft.CognitiveServices 2025-10-01-preview).  Accounts and projects come
from one Resource Graph query; connections and applications are in no list above the project, so each project is asked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nhiscan.collectors._common.errors import RefusedError
from nhiscan.collectors._common.values import flag, mapping
from nhiscan.collectors._rest.group import Group, Part
from nhiscan.collectors._rest.operation import Operation
from nhiscan.collectors.azure._agent_applications import application
from nhiscan.collectors.azure._agents_below import with_agents
from nhiscan.collectors.azure._arm import in_scopes, known_by, local_gap, type_of, unique
from nhiscan.collectors.azure._connections import connection
from nhiscan.collectors.azure._resource_graph import Reading, graph_query, subscription_list
from nhiscan.collectors.azure._workloads import consumer, workload

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from nhiscan.collectors._common.values import Json
    from nhiscan.collectors._rest.ask import Ask
    from nhiscan.plugin import Record

_ACCOUNT, _PROJECT = "microsoft.cognitiveservices/accounts", "microsoft.cognitiveservices/accounts/projects"
_WORKSPACE = "microsoft.machinelearningservices/workspaces"
_OF = "Microsoft.CognitiveServices/accounts/{}read"

QUERY = """resources
| where type in~ ('microsoft.cognitiveservices/accounts/projects', 'microsoft.machinelearningservices/workspaces')
    or (type =~ 'microsoft.cognitiveservices/accounts' and tobool(properties.allowProjectManagement))
| project id, name, type, kind, tenantId, subscriptionId, tags, identity, properties = pack(
    'allowProjectManagement', properties.allowProjectManagement, 'publicNetworkAccess', properties.publicNetworkAccess)
| order by id asc"""
"""AI accounts that have projects, these projects, and workspaces of Machine Learning, of all chosen subscriptions."""

RESOURCES = graph_query(
    "foundry", QUERY, _OF.format(""), _OF.format("projects/"), "Microsoft.MachineLearningServices/workspaces/read"
)
ACCOUNTS = subscription_list("accounts", "Microsoft.CognitiveServices/accounts", "2025-06-01", _OF.format(""))
WORKSPACES = subscription_list(
    "workspaces", "Microsoft.MachineLearningServices/workspaces", "2024-04-01",
    "Microsoft.MachineLearningServices/workspaces/read",
)  # fmt: skip
PROJECTS = Operation(
    "arm:projects.list", "/{+id}/projects", (_OF.format("projects/"),), query={"api-version": "2025-06-01"},
    named=known_by,
)  # fmt: skip
ACCOUNT_CONNECTIONS = Operation(
    "arm:accountConnections.list", "/{+id}/connections", (_OF.format("connections/"),),
    query={"api-version": "2025-06-01", "includeAll": "true"}, named=known_by,
)  # fmt: skip
PROJECT_CONNECTIONS = Operation(
    "arm:projectConnections.list", "/{+id}/connections", (_OF.format("projects/connections/"),),
    query={"api-version": "2025-06-01", "includeAll": "true"}, named=known_by,
)  # fmt: skip
WORKSPACE_CONNECTIONS = Operation(
    "arm:workspaceConnections.list", "/{+id}/connections",
    ("Microsoft.MachineLearningServices/workspaces/connections/read",), query={"api-version": "2024-04-01"},
    named=known_by,
)  # fmt: skip
APPLICATIONS = Operation(
    "arm:applications.list", "/{+id}/applications", (_OF.format("projects/applications/"),),
    query={"api-version": "2025-10-01-preview"}, named=known_by,
)  # fmt: skip
_HELD = "credential, store, use, consumer"


def _read(ask: Ask) -> Iterator[Record]:
    yield from with_agents(_held(ask))


def _held(ask: Ask) -> Iterator[Record]:
    reading = Reading(ask)
    rows = dict(unique(reading.rows(RESOURCES, ACCOUNTS, WORKSPACES)))
    if reading.fell_back:
        rows |= dict(_projects(ask, reading, rows))
    yield from reading.gaps
    holders = {resource: row for resource, row in rows.items() if _has_projects(row)}
    for resource, row in holders.items():
        yield from [*workload(ask, resource, row, {})] or consumer(ask, resource, row)
    accounts, projects, workspaces = (
        [resource for resource, row in holders.items() if type_of(row) == type_]
        for type_ in (_ACCOUNT, _PROJECT, _WORKSPACE)
    )
    for operation, resources, read, covers in (
        (ACCOUNT_CONNECTIONS, accounts, connection, _HELD),
        (PROJECT_CONNECTIONS, projects, connection, _HELD),
        (WORKSPACE_CONNECTIONS, workspaces, connection, _HELD),
        (APPLICATIONS, projects, application, "consumer, use"),
    ):
        yield from _each(ask, operation, resources, read, tuple(covers.split(", ")))


def _has_projects(row: Json) -> bool:
    """Accounts that may not have projects (a bare Azure OpenAI) hold no connections either."""
    return type_of(row) != _ACCOUNT or flag(mapping(row.get("properties")).get("allowProjectManagement")) is not False


def _projects(ask: Ask, reading: Reading, rows: dict[str, Json]) -> Iterator[tuple[str, Json]]:
    """The projects of accounts, where no query told them."""
    holders = [resource for resource, row in rows.items() if type_of(row) == _ACCOUNT and _has_projects(row)]
    try:
        for request, answer in ask.each_items(PROJECTS, "value", [{"id": resource} for resource in holders]):
            if not isinstance(answer, RefusedError):
                yield from unique(answer)
            elif not answer.missing:
                reading.gaps.append(local_gap(ask, answer, str(request["id"]), ("consumer", "use", "credential")))
    except RefusedError as e:
        if e.everywhere:
            raise
        reading.gaps.append(ask.refused(e))


def _each(
    ask: Ask,
    operation: Operation,
    resources: list[str],
    read: Callable[[Ask, str, Json, str], Iterator[Record]],
    covers: tuple[str, ...],
) -> Iterator[Record]:
    """What each resource holds; a refused one hides what is in it, and no other list."""
    try:
        for request, answer in ask.each_items(operation, "value", [{"id": resource} for resource in resources]):
            holder = str(request["id"])
            if not isinstance(answer, RefusedError):
                for resource, row in unique(answer):
                    yield from read(ask, resource, row, holder)
            elif not answer.missing:
                yield local_gap(ask, answer, holder, covers)
    except RefusedError as e:
        if e.everywhere:
            raise
        yield ask.refused(e, covers=covers)


COLLECTOR = Group(
    name="azure.foundry",
    title="Azure AI Foundry: projects, stored connections, and agents with the identity they act as",
    place="estate",
    parts=(
        Part(
            name="projects",
            kind="AI Foundry project, connection, agent application",
            facts=("identity", "stored credential", "target", "expires", "agents", "enabled"),
            calls={
                RESOURCES: "consumer, use, credential, store",
                ACCOUNTS: "consumer, use, credential, store",
                WORKSPACES: "consumer, use, credential, store",
                PROJECTS: "consumer, use, credential, store",
                ACCOUNT_CONNECTIONS: _HELD,
                PROJECT_CONNECTIONS: _HELD,
                WORKSPACE_CONNECTIONS: _HELD,
                APPLICATIONS: "consumer, use",
            },
            read=in_scopes(_read),
        ),
    ),
)
