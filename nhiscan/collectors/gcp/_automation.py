"""What starts by itself: triggers of Cloud Build, workflows, jobs of Cloud Scheduler, with the account each acts as.

Fields: cloudbuild.v1 `BuildTrigger`, workflows.v1 `Workflow`, cloudscheduler.v1 `Job` (discovery documents).  A
trigger on pull requests whose `commentControl` is `COMMENTS_DISABLED` (the value that is left out) builds what anybody
proposes; otherwise somebody with write access has to say `/gcbrun` first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nhiscan.collectors._common.values import flag, mapping, moment, objects, text
from nhiscan.collectors.gcp._workload import Workload
from nhiscan.plugin import ConsumerKind, Trigger

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.collectors._common.values import Json
    from nhiscan.collectors.gcp._workload import Raw

_HOSTS = ("github", "repositoryEventConfig", "bitbucketServerTriggerConfig", "developerConnectEventConfig")
_FREE = frozenset({None, "COMMENTS_DISABLED"})
_OTHERS = {"webhookConfig": "webhook", "pubsubConfig": "pubsub", "triggerTemplate": "push"}


def build_trigger(raw: Raw) -> Workload:
    """A trigger of Cloud Build as the pipeline it starts."""
    data = raw.data
    open_to_all, triggers = _started_by(data)
    approved = flag(mapping(data.get("approvalConfig")).get("approvalRequired")) or False
    kind = Trigger.UNTRUSTED if open_to_all else Trigger.EVENT if triggers else Trigger.MANUAL
    build = mapping(data.get("build"))
    return Workload(
        platform="gcp_cloud_build",
        kind=ConsumerKind.PIPELINE,
        name=text(data.get("name")),
        created_at=moment(data.get("createTime")),
        enabled=not flag(data.get("disabled")),
        trigger=kind,
        triggers=triggers or ("manual",),
        runs_untrusted=open_to_all,
        gated=approved,
        accounts=(("service_account", data.get("serviceAccount") or build.get("serviceAccount")),),
        secrets=tuple(_secrets(build)),
        variables=tuple(mapping(data.get("substitutions")).items()),
    )


def _started_by(data: Json) -> tuple[bool, tuple[str, ...]]:
    """Whether outsiders can start it with code of theirs, and the names of its events."""
    open_to_all, names = False, []
    for event in [mapping(data.get(host)) for host in _HOSTS]:
        if "pullRequest" in event:
            names.append("pull_request")
            open_to_all = open_to_all or text(mapping(event["pullRequest"]).get("commentControl")) in _FREE
        if "push" in event:
            names.append("push")
    names += [name for field, name in _OTHERS.items() if mapping(data.get(field))]
    return open_to_all, tuple(dict.fromkeys(names))


def _secrets(build: Json) -> Iterator[tuple[object, object, str]]:
    for entry in objects(mapping(build.get("availableSecrets")).get("secretManager")):
        yield entry.get("env"), entry.get("versionName"), "env"


def workflow(raw: Raw) -> Workload:
    """A workflow of Workflows."""
    data = raw.data
    return Workload(
        platform="gcp_workflows",
        labels=data.get("labels"),
        created_at=moment(data.get("createTime")),
        enabled={"ACTIVE": True, "UNAVAILABLE": False}.get(text(data.get("state")) or ""),
        accounts=(("service_account", data.get("serviceAccount") or raw.compute_default),),
        variables=tuple(mapping(data.get("userEnvVars")).items()),
    )


def scheduled(raw: Raw) -> Workload:
    """A job of Cloud Scheduler that proves itself with a token of an account."""
    data, http = raw.data, mapping(raw.data.get("httpTarget"))
    tokens = [mapping(http.get(kind)) for kind in ("oauthToken", "oidcToken")]
    return Workload(
        platform="gcp_scheduler",
        enabled={"ENABLED": True, "PAUSED": False, "DISABLED": False}.get(text(data.get("state")) or ""),
        trigger=Trigger.SCHEDULE,
        triggers=tuple(s for s in (text(data.get("schedule")),) if s),
        accounts=tuple(("service_account", token.get("serviceAccountEmail")) for token in tokens),
    )
