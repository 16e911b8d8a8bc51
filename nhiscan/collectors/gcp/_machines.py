"""Machines, clusters, notebooks and data services: the account each runs as.

Fields: compute.v1 `Instance`, container.v1 `Cluster`, composer.v1 `Environment`, dataflow.v1b3 `Job`, dataproc.v1
`Cluster`, notebooks.v2 `Instance`, aiplatform.v1 `CustomJob`, `PipelineJob`, `Endpoint` (discovery documents).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nhiscan.collectors._common.values import mapping, moment, objects, text, texts
from nhiscan.collectors.gcp._workload import Workload

if TYPE_CHECKING:
    from nhiscan.collectors._common.values import Json
    from nhiscan.collectors.gcp._workload import Raw

_SCOPE = "https://www.googleapis.com/auth/"
_ON = frozenset({"RUNNING", "ACTIVE", "JOB_STATE_RUNNING", "PIPELINE_STATE_RUNNING", "RECONCILING", "UPDATING"})
_OFF = frozenset({
    "STOPPED", "STOPPING", "SUSPENDED", "SUSPENDING", "TERMINATED", "HIBERNATED", "DELETING", "DELETED",
    "JOB_STATE_DONE", "JOB_STATE_FAILED", "JOB_STATE_CANCELLED", "JOB_STATE_DRAINED", "JOB_STATE_SUCCEEDED",
    "PIPELINE_STATE_SUCCEEDED", "PIPELINE_STATE_FAILED", "PIPELINE_STATE_CANCELLED",
})  # fmt: skip


def _running(state: object) -> bool | None:
    name = text(state)
    return True if name in _ON else False if name in _OFF else None


def _scopes(found: object) -> dict[str, str]:
    """The access scopes that narrow what an account may do from this machine, in short."""
    names = sorted({s.removeprefix(_SCOPE) for s in texts(found)})
    return {"scopes": " ".join(names)} if names else {}


def instance(raw: Raw) -> Workload:
    """A virtual machine; one without accounts has no identity at all."""
    data = raw.data
    accounts = objects(data.get("serviceAccounts"))
    start = [
        (str(i.get("key")), i.get("value"))
        for i in objects(mapping(data.get("metadata")).get("items"))
        if text(i.get("key")) and "value" in i
    ]
    return Workload(
        platform="gcp_compute",
        name=text(data.get("name")),
        labels=data.get("labels"),
        created_at=moment(data.get("creationTimestamp")),
        enabled=_running(data.get("status")),
        accounts=tuple(("service_account", a.get("email")) for a in accounts),
        variables=tuple(start),
        own=_scopes([s for a in accounts for s in texts(a.get("scopes"))]),
    )


def cluster(raw: Raw) -> Workload:
    """A cluster of GKE with the accounts of its nodes (`default`: that of Compute Engine)."""
    data = raw.data
    pools = [mapping(p.get("config")) for p in objects(data.get("nodePools"))]
    autoscaling = mapping(data.get("autoscaling"))
    made = mapping(autoscaling.get("autoprovisioningNodePoolDefaults"))
    pool = text(mapping(data.get("workloadIdentityConfig")).get("workloadPool"))
    named = [c.get("serviceAccount") for c in (*pools, made) if c]
    return Workload(
        platform="gcp_gke",
        name=text(data.get("name")),
        labels=data.get("resourceLabels"),
        created_at=moment(data.get("createTime")),
        enabled=_running(data.get("status")),
        issuer=_issuer(raw, data),
        accounts=tuple(("node_account", raw.compute_default if n in {None, "", "default"} else n) for n in named),
        own={**_scopes([s for c in pools for s in texts(c.get("oauthScopes"))]), **_pods(pool, pools)},
    )


def _pods(pool: str | None, pools: list[Json]) -> dict[str, str]:
    """Where the accounts of pods are known (`workload_pool`), and whether pods get at the account of their node."""
    modes = {text(mapping(c.get("workloadMetadataConfig")).get("mode")) for c in pools}
    exposed = bool(pools) and modes != {"GKE_METADATA"}
    return ({"workload_pool": pool} if pool else {}) | ({"node_identity": "open to pods"} if exposed else {})


def _issuer(raw: Raw, data: Json) -> str | None:
    """The issuer of the tokens of its accounts (GKE: "About OIDC", `container.googleapis.com/v1/projects/…`)."""
    place, name = text(data.get("location")), text(data.get("name"))
    known = place and name and raw.project and not raw.project.isdigit()
    return f"container.googleapis.com/v1/projects/{raw.project}/locations/{place}/clusters/{name}" if known else None


def environment(raw: Raw) -> Workload:
    """An environment of Composer: everything that its workflows do."""
    config = mapping(raw.data.get("config"))
    node = mapping(config.get("nodeConfig"))
    return Workload(
        platform="gcp_composer",
        labels=raw.data.get("labels"),
        created_at=moment(raw.data.get("createTime")),
        enabled=_running(raw.data.get("state")),
        accounts=(("service_account", node.get("serviceAccount") or raw.compute_default),),
        variables=tuple(mapping(mapping(config.get("softwareConfig")).get("envVariables")).items()),
        own=_scopes(node.get("oauthScopes")),
    )


def dataflow(raw: Raw) -> Workload:
    """A job of Dataflow: the account of its workers."""
    data = raw.data
    return Workload(
        platform="gcp_dataflow",
        name=text(data.get("name")),
        labels=data.get("labels"),
        created_at=moment(data.get("createTime")),
        enabled=_running(data.get("currentState")),
        accounts=(("service_account", mapping(data.get("environment")).get("serviceAccountEmail")),),
    )


def dataproc(raw: Raw) -> Workload:
    """A cluster of Dataproc."""
    config = mapping(mapping(raw.data.get("config")).get("gceClusterConfig"))
    return Workload(
        platform="gcp_dataproc",
        name=text(raw.data.get("clusterName")),
        labels=raw.data.get("labels"),
        enabled=_running(mapping(raw.data.get("status")).get("state")),
        accounts=(("service_account", config.get("serviceAccount") or raw.compute_default),),
        own=_scopes(config.get("serviceAccountScopes")),
    )


def notebook(raw: Raw) -> Workload:
    """An instance of Vertex AI Workbench."""
    data, setup = raw.data, mapping(raw.data.get("gceSetup"))
    named = [a.get("email") for a in objects(setup.get("serviceAccounts"))] or [data.get("serviceAccount")]
    return Workload(
        platform="gcp_notebooks",
        labels=data.get("labels"),
        created_at=moment(data.get("createTime")),
        enabled=_running(data.get("state")),
        accounts=tuple(("service_account", name) for name in named),
    )


def vertex_job(raw: Raw) -> Workload:
    """A training job or pipeline of Vertex AI."""
    data = raw.data
    named = data.get("serviceAccount") or mapping(data.get("jobSpec")).get("serviceAccount")
    return _vertex(raw, (named,), enabled=_running(data.get("state")))


def vertex_endpoint(raw: Raw) -> Workload:
    """An endpoint of Vertex AI: the accounts of the containers that serve its models."""
    models = objects(raw.data.get("deployedModels"))
    return _vertex(raw, tuple(m.get("serviceAccount") for m in models), enabled=None)


def _vertex(raw: Raw, accounts: tuple[object, ...], *, enabled: bool | None) -> Workload:
    return Workload(
        platform="gcp_vertex",
        name=text(raw.data.get("displayName")),
        labels=raw.data.get("labels"),
        created_at=moment(raw.data.get("createTime")),
        enabled=enabled,
        accounts=tuple(("service_account", account) for account in accounts),
    )
