"""Workloads of Google Cloud and the account each runs as, from one list of Cloud Asset Inventory for all projects.

Asset types: cloud.google.com/asset-inventory/docs/asset-types.  A service that the inventory does not know of, or knows
of late, is not among them; what a list is asked for by a pattern is not refused for a type that it does not have.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nhiscan.collectors._rest.group import Group, Part
from nhiscan.collectors.gcp import _automation, _machines, _serverless
from nhiscan.collectors.gcp._assets import ASSETS, unseen
from nhiscan.collectors.gcp._plain_values import Values
from nhiscan.collectors.gcp._things import estate
from nhiscan.collectors.gcp._workload import Raw, written

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from nhiscan.collectors._rest.ask import Ask
    from nhiscan.collectors.gcp._workload import Workload
    from nhiscan.plugin import Record

_READERS: Mapping[str, Callable[[Raw], Workload]] = {
    "compute.googleapis.com/Instance": _machines.instance,
    "container.googleapis.com/Cluster": _machines.cluster,
    "run.googleapis.com/Service": _serverless.run_service,
    "run.googleapis.com/WorkerPool": _serverless.run_service,
    "run.googleapis.com/Job": _serverless.run_job,
    "cloudfunctions.googleapis.com/CloudFunction": _serverless.function_v1,
    "cloudfunctions.googleapis.com/Function": _serverless.function_v2,
    "appengine.googleapis.com/Version": _serverless.app_version,
    "composer.googleapis.com/Environment": _machines.environment,
    "dataflow.googleapis.com/Job": _machines.dataflow,
    "dataproc.googleapis.com/Cluster": _machines.dataproc,
    "notebooks.googleapis.com/Instance": _machines.notebook,
    "aiplatform.googleapis.com/CustomJob": _machines.vertex_job,
    "aiplatform.googleapis.com/PipelineJob": _machines.vertex_job,
    "aiplatform.googleapis.com/Endpoint": _machines.vertex_endpoint,
    "cloudbuild.googleapis.com/BuildTrigger": _automation.build_trigger,
    "workflows.googleapis.com/Workflow": _automation.workflow,
    "cloudscheduler.googleapis.com/Job": _automation.scheduled,
}


def _workloads(ask: Ask) -> Iterator[Record]:
    around = estate(ask, *_READERS)
    if around.error is not None:
        yield from unseen(ask, around.error)
    values = Values(ask)
    for asset in around.found:
        reader = _READERS.get(asset.type)
        if reader is not None:
            thing = around.thing(asset.name, asset.project)
            project = around.projects.id(asset.project) or asset.project
            raw = Raw(asset.data, project, around.number(asset.project), asset.name)
            load = reader(raw)
            yield from written(around, thing, raw, load)
            yield from values.of(thing, load.variables)
    yield from around.scopes.rows()
    yield from values.told()


COLLECTOR = Group(
    name="gcp.workloads",
    title="Google Cloud workloads: what runs, as which service account, with which secrets",
    place="estate",
    parts=(
        Part(
            name="workloads",
            kind="Compute Engine instance, GKE cluster, Cloud Run service and job, function, App Engine version, …",
            facts=("service account", "secrets it is handed", "state", "created", "address", "trigger", "owner"),
            calls={ASSETS: "consumer, use, owner"},
            read=_workloads,
        ),
    ),
)
