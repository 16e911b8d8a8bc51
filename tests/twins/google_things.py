"""What an invented Google estate runs and keeps: secrets, keys, workloads, agents; and a table of what is true of it.

Assets are as Cloud Asset Inventory names them: secrets and what belongs to Vertex AI by the number of their project,
versions of App Engine by none, everything else by the project's id.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.twins.google_estate import Estate

PLACE, OTHER = "europe-west4", "us-central1"
LOCATIONS = (PLACE, OTHER, "global")
SEEN = "2026-10-29T09:00:00Z"
_MADE = "2025-06-01T08:00:00Z"
_SECRETS, _VERTEX = "//secretmanager.googleapis.com", "//aiplatform.googleapis.com"
_REGISTRY, _AUTH = "//agentregistry.googleapis.com", "//agentidentity.googleapis.com"


@dataclass(frozen=True)
class Raw:
    """One asset: its type, its name after the host, what its service says of it, and the project's id."""

    type: str
    name: str
    data: dict
    project: str

    @property
    def full(self) -> str:
        """The full resource name."""
        return f"//{self.type.partition('/')[0]}/{self.name}"


@dataclass
class Things:
    """Assets, lists by `service:kind` and project, and what an inventory must hold of them."""

    assets: list[Raw] = field(default_factory=list)
    lists: dict[tuple[str, str], list[dict]] = field(default_factory=lambda: defaultdict(list))
    versions: dict[str, list[dict]] = field(default_factory=dict)
    users: dict[str, list[str]] = field(default_factory=dict)
    bound: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Resources with a policy: how the inventory names them, and their type."""
    stores: dict[str, tuple[str, str | None]] = field(default_factory=dict)
    consumers: set[str] = field(default_factory=set)
    runs_as: set[tuple[str, str]] = field(default_factory=set)
    handed: set[tuple[str, str]] = field(default_factory=set)
    presents: set[tuple[str, str]] = field(default_factory=set)
    hops: set[tuple[str, str, str]] = field(default_factory=set)
    tools: set[str] = field(default_factory=set)
    held: dict[str, str | None] = field(default_factory=dict)
    """Credentials of agents, and when each was last used."""
    agents: set[str] = field(default_factory=set)
    """Identities of agents themselves."""
    logged: dict[tuple[str, str], bool] = field(default_factory=dict)

    def add(self, type_: str, name: str, data: dict, project: str, *accounts: str, number: str = "") -> str:
        """A workload that runs as some accounts; its id as nhiscan writes it."""
        raw = Raw(type_, name, data, project)
        self.assets.append(raw)
        own = raw.full.replace(f"/projects/{number}/", f"/projects/{project}/") if number else raw.full
        self.consumers.add(own)
        self.runs_as |= {(own, f"gcp:sa/{email}") for email in accounts}
        return own


def plant(estate: Estate) -> None:
    """Things in every project of an estate whose accounts are known."""
    for project in estate.projects:
        _secrets(estate, project)
        _services(estate, project)
        _agents(estate, project)
        _recorded(estate, project)
    _one_of_each(estate)


def _workers(estate: Estate, project: str) -> Iterator[tuple[int, str]]:
    for row in estate.accounts[project]:
        local = row["email"].partition("@")[0]
        if local.startswith("worker-"):
            yield int(local.removeprefix("worker-")), row["email"]


def _secrets(estate: Estate, project: str) -> None:
    things, number = estate.things, estate.numbers[project]
    names = ["shared", *(f"worker-{n:05d}" for n, _ in _workers(estate, project) if n % 3 == 0)]
    for place, secret in enumerate(names):
        name = f"projects/{number}/secrets/{secret}"
        data = {"name": name, "createTime": _MADE, "replication": {"automatic": {}}}
        if place % 2:
            data |= {"rotation": {"rotationPeriod": "2592000s", "nextRotationTime": "2026-11-20T00:00:00Z"}}
        kind = "secretmanager.googleapis.com/Secret"
        things.assets.append(Raw(kind, name, data, project))
        things.lists["secretmanager:secrets", project].append(data)
        state = ("ENABLED", "DISABLED", "DESTROYED")[place % 3]
        things.versions[name] = [{"name": f"{name}/versions/{n}", "state": state, "createTime": _MADE} for n in (1, 2)]
        things.assets += [Raw(f"{kind}Version", v["name"], v, project) for v in things.versions[name]]
        told = {"ENABLED": "enabled", "DISABLED": "disabled", "DESTROYED": "empty"}[state]
        things.stores[f"{_SECRETS}/projects/{project}/secrets/{secret}"] = "secret", told
    key = f"projects/{project}/locations/{PLACE}/keyRings/main/cryptoKeys/data"
    version = {"name": f"{key}/cryptoKeyVersions/1", "state": "ENABLED", "createTime": _MADE}
    data = {"name": key, "purpose": "ENCRYPT_DECRYPT", "createTime": _MADE, "primary": version}
    things.assets.append(Raw("cloudkms.googleapis.com/CryptoKey", key, data, project))
    things.stores[f"//cloudkms.googleapis.com/{key}"] = "kms_key", "enabled"


def _services(estate: Estate, project: str) -> None:
    """A Cloud Run service for every other worker, told as the inventory tells it (run.v1)."""
    for n, email in _workers(estate, project):
        if n % 2:
            continue
        env = []
        if n % 3 == 0:
            env.append({"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": f"worker-{n:05d}", "key": "latest"}}})
        name = f"projects/{project}/locations/{PLACE}/services/worker-{n:05d}"
        data = {
            "apiVersion": "serving.knative.dev/v1", "kind": "Service",
            "metadata": {
                "name": f"worker-{n:05d}", "creationTimestamp": _MADE,
                "annotations": {"run.googleapis.com/ingress": "internal" if n % 4 else "all"},
            },
            "spec": {"template": {"spec": {"serviceAccountName": email, "containers": [{"image": "x", "env": env}]}}},
            "status": {"url": f"https://worker-{n}.a.run.app"},
        }  # fmt: skip
        own = estate.things.add("run.googleapis.com/Service", name, data, project, email)
        if env:
            estate.things.handed.add((own, f"{_SECRETS}/projects/{project}/secrets/worker-{n:05d}"))


def _agents(estate: Estate, project: str) -> None:
    """An engine that is registered, an agent of a partner, a server and an endpoint, and a key that the engine uses."""
    things, number = estate.things, estate.numbers[project]
    at, other = f"projects/{number}/locations/{PLACE}", f"projects/{number}/locations/{OTHER}"
    resource = f"{at}/reasoningEngines/11"
    who = f"agents.global.org-710000000001.system.id.goog/resources/aiplatform/{resource}"
    secret = {"name": "KEY", "secretRef": {"secret": f"projects/{number}/secrets/shared", "version": "1"}}
    data = {
        "name": resource, "displayName": "Refunds", "createTime": _MADE,
        "spec": {
            "agentFramework": "google-adk", "identityType": "AGENT_IDENTITY", "effectiveIdentity": who,
            "deploymentSpec": {"secretEnv": [secret]},
        },
    }  # fmt: skip
    engine = things.add("aiplatform.googleapis.com/ReasoningEngine", resource, data, project, number=number)
    things.handed.add((engine, f"{_SECRETS}/projects/{project}/secrets/shared"))
    things.runs_as.add((engine, f"gcp:principal/{who}"))
    things.agents.add(f"gcp:principal/{who}")
    account = next((email for _, email in _workers(estate, project)), None) or estate.accounts[project][0]["email"]
    _registered(things, project, at, other, f"{_VERTEX}/{resource}", who, account)
    provider = f"{at}/authProviders/stripe"
    things.lists["agentidentity:authProviders", project] += [
        {"name": provider, "state": "ENABLED", "createTime": _MADE, "authProviderTypeParams": {"apiKey": {}}},
        {
            "name": f"{other}/authProviders/crm", "state": "DISABLED", "createTime": _MADE,
            "authProviderTypeParams": {"twoLeggedOauth": {"clientId": "crm", "tokenUrl": "https://crm.example/token"}},
        },
    ]  # fmt: skip
    things.lists["agentidentity:accessSummaries", project].append({
        "name": f"{at}/accessSummaries/1", "authProvider": provider, "lastAccessTime": SEEN, "userId": "u1",
        "workloadId": f"spiffe://{who}",
    })  # fmt: skip
    things.users[provider] = [f"principal://{who}"]
    shown = f"{_AUTH}/projects/{project}/locations"
    things.held |= {f"{shown}/{PLACE}/authProviders/stripe": SEEN, f"{shown}/{OTHER}/authProviders/crm": None}
    things.presents.add((engine, f"{shown}/{PLACE}/authProviders/stripe"))
    entry = f"{_REGISTRY}/projects/{project}/locations"
    partner, server = f"{entry}/{OTHER}/agents/booking", f"{entry}/{PLACE}/mcpServers/payments"
    things.consumers |= {partner, server, f"{entry}/{OTHER}/endpoints/model"}
    things.runs_as.add((server, f"gcp:sa/{account}"))
    things.hops |= {(engine, partner, "a2a"), (engine, server, "mcp")}
    things.tools |= {f"{server}#tool/list_charges", f"{server}#tool/refund"}


def _registered(things: Things, project: str, at: str, other: str, engine: str, who: str, account: str) -> None:
    system, urn = "agentregistry.googleapis.com/system", f"acme:{project}"
    things.lists["agentregistry:agents", project] += [
        {
            "name": f"{at}/agents/refunds", "agentId": f"urn:agent:{urn}:refunds", "displayName": "Refunds",
            "attributes": {
                f"{system}/RuntimeIdentity": {"principal": f"principal://{who}"},
                f"{system}/RuntimeReference": {"uri": engine},
            },
        },
        {
            "name": f"{other}/agents/booking", "agentId": f"urn:agent:{urn}:booking", "displayName": "Booking",
            "createTime": _MADE, "location": "external",
            "protocols": [{"type": "A2A_AGENT", "interfaces": [{"url": "https://booking.example/a2a"}]}],
            "card": {"type": "A2A_AGENT_CARD", "content": {"name": "Booking", "securitySchemes": {}}},
        },
    ]  # fmt: skip
    principal = f"principal://iam.googleapis.com/projects/{project}/serviceAccounts/{account}"
    things.lists["agentregistry:mcpServers", project].append({
        "name": f"{at}/mcpServers/payments", "mcpServerId": f"urn:mcp:{urn}:payments", "displayName": "payments",
        "interfaces": [{"url": "https://mcp.acme.example/payments", "protocolBinding": "JSONRPC"}],
        "attributes": {f"{system}/RuntimeIdentity": {"principal": principal}},
        "tools": [
            {"name": "list_charges", "annotations": {"readOnlyHint": True}},
            {"name": "refund", "annotations": {"destructiveHint": True}},
        ],
    })  # fmt: skip
    things.lists["agentregistry:endpoints", project].append({
        "name": f"{other}/endpoints/model", "endpointId": f"urn:endpoint:{urn}:model", "displayName": "model",
        "interfaces": [{"url": "https://llm.acme.example/v1", "protocolBinding": "HTTP_JSON"}],
    })  # fmt: skip
    source = {"identifier": f"urn:agent:{urn}:refunds"}
    things.lists["agentregistry:bindings", project] += [
        {
            "name": f"{at}/bindings/1", "source": source, "target": {"identifier": f"urn:mcp:{urn}:payments"},
            "authProviderBinding": {"authProvider": f"{at}/authProviders/stripe"},
        },
        {"name": f"{at}/bindings/2", "source": source, "target": {"identifier": f"urn:agent:{urn}:booking"}},
    ]  # fmt: skip


def _recorded(estate: Estate, project: str) -> None:
    """The first project has reads of its secrets recorded, but for its first account; the others have none."""
    first = estate.projects[0] == project
    scope = f"gcp:project/{project}"
    estate.things.logged |= {
        (scope, "api_calls"): True, (scope, "secret_access"): first, (scope, "data_events"): False,
    }  # fmt: skip
    if first:
        exempt = estate.accounts[project][0]["email"]
        log = {"logType": "DATA_READ", "exemptedMembers": [f"serviceAccount:{exempt}"]}
        policy = estate.policies[f"//cloudresourcemanager.googleapis.com/projects/{project}"]
        policy["auditConfigs"] = [{"service": "secretmanager.googleapis.com", "auditLogConfigs": [log]}]
        estate.things.logged[f"gcp:sa/{exempt}", "secret_access"] = False


def _one_of_each(estate: Estate) -> None:
    """One workload of every other kind, in the first project and all as its first account."""
    project = estate.projects[0]
    number, who = estate.numbers[project], estate.accounts[project][0]["email"]
    at = f"projects/{project}/locations/{PLACE}"
    vertex = f"projects/{number}/locations/{PLACE}"
    full = f"projects/{project}/serviceAccounts/{who}"
    inner = {"serviceAccountName": who, "containers": [{"image": "x"}]}
    token = {"uri": "https://x.example/", "oidcToken": {"serviceAccountEmail": who}}
    build = {"name": "main", "serviceAccount": full, "github": {"push": {"branch": "main"}}, "filename": "build.yaml"}
    rows: list[tuple[str, str, dict]] = [
        ("compute/Instance", f"projects/{project}/zones/{PLACE}-b/instances/web",
         {"name": "web", "status": "RUNNING", "serviceAccounts": [{"email": who, "scopes": []}]}),
        ("container/Cluster", f"{at}/clusters/main",
         {"name": "main", "location": PLACE, "nodePools": [{"name": "a", "config": {"serviceAccount": who}}]}),
        ("run/Job", f"{at}/jobs/nightly",
         {"metadata": {"name": "nightly"}, "spec": {"template": {"spec": {"template": {"spec": inner}}}}}),
        ("run/WorkerPool", f"{at}/workerPools/w", {"name": f"{at}/workerPools/w", "template": {"serviceAccount": who}}),
        ("cloudfunctions/CloudFunction", f"{at}/functions/one", {"status": "ACTIVE", "serviceAccountEmail": who}),
        ("cloudfunctions/Function", f"{at}/functions/two", {"serviceConfig": {"serviceAccountEmail": who}}),
        ("appengine/Version", f"apps/{project}/services/default/versions/1",
         {"id": "1", "servingStatus": "SERVING", "serviceAccount": who}),
        ("composer/Environment", f"{at}/environments/e", {"config": {"nodeConfig": {"serviceAccount": who}}}),
        ("dataflow/Job", f"{at}/jobs/d", {"name": "d", "environment": {"serviceAccountEmail": who}}),
        ("dataproc/Cluster", f"projects/{project}/regions/{PLACE}/clusters/c",
         {"clusterName": "c", "config": {"gceClusterConfig": {"serviceAccount": who}}}),
        ("notebooks/Instance", f"{at}/instances/n", {"gceSetup": {"serviceAccounts": [{"email": who}]}}),
        ("aiplatform/CustomJob", f"{vertex}/customJobs/1", {"displayName": "t", "jobSpec": {"serviceAccount": who}}),
        ("aiplatform/PipelineJob", f"{vertex}/pipelineJobs/p", {"displayName": "p", "serviceAccount": who}),
        ("aiplatform/Endpoint", f"{vertex}/endpoints/3", {"deployedModels": [{"serviceAccount": who}]}),
        ("cloudbuild/BuildTrigger", f"{at}/triggers/b", build),
        ("workflows/Workflow", f"{at}/workflows/w", {"state": "ACTIVE", "serviceAccount": full}),
        ("cloudscheduler/Job", f"{at}/jobs/s", {"state": "ENABLED", "schedule": "0 1 * * *", "httpTarget": token}),
    ]  # fmt: skip
    for type_, name, data in rows:
        service, _, kind = type_.partition("/")
        estate.things.add(f"{service}.googleapis.com/{kind}", name, data, project, who, number=number)
