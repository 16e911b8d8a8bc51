"""Cloud Run, Cloud Functions and App Engine: what each says of its account, secrets and door.

Fields: run.v2 `GoogleCloudRunV2Service`, run.v1 `Service` (which Cloud Asset Inventory also gives), cloudfunctions.v1
`CloudFunction`, cloudfunctions.v2 `Function`, appengine.v1 `Version` (discovery documents).  Default accounts are those
that these documents name.  Whether a policy lets everybody call is told by the policies.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nhiscan.collectors._common.values import flag, mapping, moment, objects, text
from nhiscan.collectors.gcp._workload import Workload
from nhiscan.plugin import Auth, ConsumerKind, Trigger

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.collectors._common.values import Json
    from nhiscan.collectors.gcp._workload import Raw

_INGRESS, _OPEN = "run.googleapis.com/ingress", "run.googleapis.com/invoker-iam-disabled"
_ALIASES = "run.googleapis.com/secrets"
_ALL = frozenset({"INGRESS_TRAFFIC_ALL", "all", "ALLOW_ALL"})
_INSIDE = frozenset({
    "INGRESS_TRAFFIC_INTERNAL_ONLY", "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER", "INGRESS_TRAFFIC_NONE", "internal",
    "internal-and-cloud-load-balancing", "ALLOW_INTERNAL_ONLY", "ALLOW_INTERNAL_AND_GCLB",
})  # fmt: skip


def run_service(raw: Raw) -> Workload:
    """A service, or what is shaped like one (a worker pool)."""
    return _run(raw, "gcp_run", _template(raw.data))


def run_job(raw: Raw) -> Workload:
    """A job: its template holds that of its tasks."""
    outer = mapping(mapping(raw.data.get("spec")).get("template")) or mapping(raw.data.get("template"))
    return _run(raw, "gcp_run_job", _template(mapping(outer.get("spec")) or outer))


def _template(data: Json) -> Json:
    """The template of what runs, however it is versioned: `template`, or `spec.template.spec`."""
    inner = mapping(mapping(data.get("spec")).get("template")) or mapping(data.get("template"))
    return mapping(inner.get("spec")) or inner


def _run(raw: Raw, platform: str, template: Json) -> Workload:
    data, head = raw.data, mapping(raw.data.get("metadata"))
    notes = mapping(head.get("annotations"))
    aliases = _aliases(mapping(mapping(mapping(data.get("spec")).get("template")).get("metadata")), notes)
    ingress = text(data.get("ingress")) or text(notes.get(_INGRESS))
    unasked = flag(data.get("invokerIamDisabled")) or flag(notes.get(_OPEN)) or False
    is_service = platform == "gcp_run" and (bool(ingress) or "ingress" in data)
    named = template.get("serviceAccount") or template.get("serviceAccountName")
    return Workload(
        platform=platform,
        labels=data.get("labels") or head.get("labels"),
        created_at=moment(data.get("createTime")) or moment(head.get("creationTimestamp")),
        public=_public(ingress, unasked=unasked),
        url=text(data.get("uri")) or text(mapping(data.get("status")).get("url")),
        auth=(Auth.NONE if unasked else Auth.IAM) if is_service or unasked else None,
        accounts=(("service_account", named or raw.compute_default),),
        secrets=(*_from_env(template, aliases), *_from_volumes(template, aliases)),
        variables=tuple(
            (str(v.get("name")), v.get("value"))
            for c in objects(template.get("containers"))
            for v in objects(c.get("env"))
            if text(v.get("name")) and "value" in v
        ),
    )


def _public(ingress: str | None, *, unasked: bool) -> bool | None:
    """False behind a closed door, True where nobody is asked at an open one; else the policies decide."""
    if ingress in _INSIDE:
        return False
    return True if unasked and (ingress is None or ingress in _ALL) else None


def _aliases(*metadata: Json) -> dict[str, str]:
    """Secrets of other projects by the alias a service gives them (`alias:projects/1/secrets/x,…`)."""
    found: dict[str, str] = {}
    for head in metadata:
        for pair in (text(mapping(head.get("annotations") or head).get(_ALIASES)) or "").split(","):
            alias, colon, secret = pair.strip().partition(":")
            if colon:
                found[alias] = secret
    return found


def _from_env(template: Json, aliases: dict[str, str]) -> Iterator[tuple[object, object, str]]:
    for container in objects(template.get("containers")):
        for variable in objects(container.get("env")):
            source = mapping(variable.get("valueSource")) or mapping(variable.get("valueFrom"))
            chosen = mapping(source.get("secretKeyRef"))
            secret = text(chosen.get("secret")) or text(chosen.get("name"))
            if secret is not None:
                yield variable.get("name"), aliases.get(secret, secret), "env"


def _from_volumes(template: Json, aliases: dict[str, str]) -> Iterator[tuple[object, object, str]]:
    for volume in objects(template.get("volumes")):
        chosen = mapping(volume.get("secret"))
        secret = text(chosen.get("secret")) or text(chosen.get("secretName"))
        if secret is not None:
            yield volume.get("name"), aliases.get(secret, secret), "volume"


def function_v1(raw: Raw) -> Workload:
    """A function of the first generation."""
    data = raw.data
    https, event = mapping(data.get("httpsTrigger")), mapping(data.get("eventTrigger"))
    return _function(
        raw, data, data.get("serviceAccountEmail") or raw.app_default, text(https.get("url")), event,
        labels=data.get("labels"), build=data.get("buildServiceAccount"), state=data.get("status"),
    )  # fmt: skip


def function_v2(raw: Raw) -> Workload:
    """A function of the second generation, which runs as a service of Cloud Run."""
    data = raw.data
    service, event = mapping(data.get("serviceConfig")), mapping(data.get("eventTrigger"))
    return _function(
        raw, service, service.get("serviceAccountEmail") or raw.compute_default,
        text(service.get("uri")) or text(data.get("url")), event, labels=data.get("labels"),
        build=mapping(data.get("buildConfig")).get("serviceAccount"), state=data.get("state"),
    )  # fmt: skip


def _function(
    raw: Raw, config: Json, account: object, url: str | None, event: Json, *, labels: object, build: object,
    state: object,
) -> Workload:  # fmt: skip
    variables = objects(config.get("secretEnvironmentVariables"))
    volumes = objects(config.get("secretVolumes"))
    secrets = [(v.get("key"), _secret_of(v), "env") for v in variables]
    secrets += [(v.get("mountPath"), _secret_of(v), "volume") for v in volumes]
    return Workload(
        platform="gcp_functions",
        kind=ConsumerKind.FUNCTION,
        labels=labels,
        created_at=moment(raw.data.get("createTime")),
        enabled={"ACTIVE": True, "OFFLINE": False}.get(text(state) or ""),
        public=_public(text(config.get("ingressSettings")), unasked=False),
        url=url,
        auth=Auth.IAM if url else None,
        trigger=Trigger.EVENT if event else None,
        triggers=tuple(t for t in (text(event.get("eventType")),) if t),
        accounts=(
            ("service_account", account), ("trigger_account", event.get("serviceAccountEmail")),
            ("build_account", build),
        ),
        secrets=tuple(secrets),
        variables=tuple(mapping(config.get("environmentVariables")).items()),
    )  # fmt: skip


def _secret_of(entry: Json) -> str | None:
    secret, project = text(entry.get("secret")), text(entry.get("projectId"))
    return f"projects/{project}/secrets/{secret}" if secret and project and "/" not in secret else secret


def app_version(raw: Raw) -> Workload:
    """A version of a service of App Engine; one that serves nothing still holds its account."""
    data = raw.data
    parts = raw.name.split("/")
    shown = f"{parts[-3]}/{parts[-1]}" if len(parts) > 4 and parts[-2] == "versions" else None
    return Workload(
        platform="gcp_app_engine",
        name=shown,
        created_at=moment(data.get("createTime")),
        enabled={"SERVING": True, "STOPPED": False}.get(text(data.get("servingStatus")) or ""),
        url=text(data.get("versionUrl")),
        accounts=(("service_account", data.get("serviceAccount") or raw.app_default),),
        variables=tuple(mapping(data.get("envVariables")).items()),
    )
