"""Where the pod of each kind of workload stands, and what it takes from its machine, its secrets and its account."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._config.judge import Found, Spot
from nhiscan.collectors.repo._config.records import Holder, holdings
from nhiscan.collectors.repo._config.spots import arg_spots, env_spots
from nhiscan.collectors.repo._kubernetes.desk import ALL_KEYS, FRAMEWORK
from nhiscan.collectors.repo._kubernetes.manifests import is_known, known
from nhiscan.plugin import Credential, CredentialKind, CredentialState, Form, Lifetime, Purpose, UseHow

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.collectors.repo._config.nodes import Node
    from nhiscan.collectors.repo._kubernetes.desk import Desk
    from nhiscan.collectors.repo._kubernetes.manifests import Thing
    from nhiscan.plugin import Record

_TEMPLATE = ("spec", "template", "spec")
PODS: dict[str, tuple[str, ...]] = {
    "Pod": ("spec",),
    "PodTemplate": ("template", "spec"),
    "CronJob": ("spec", "jobTemplate", "spec", "template", "spec"),
    **dict.fromkeys(
        ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController", "Job", "Rollout", "Service"),
        _TEMPLATE,
    ),
}
"""The keys that lead to the pod of a kind (Kubernetes API reference, Workload Resources; Argo Rollouts; Knative)."""

DEFAULT_TOKEN_TTL = 3600
"""Seconds of a projected token that asks for none (API reference, ServiceAccountTokenProjection)."""

_MOST = 500
# Of a Secret that is taken whole; more would multiply with everything that takes it.
_MOST_KEYS = 50
_OWN = re.compile(r"\$\(([A-Za-z_][\w.-]*)\)")
_HOST = (
    ("docker_socket", re.compile(r"/(?:var/)?run/(?:docker|containerd/containerd|crio/crio|podman/podman)\.sock/?")),
    ("docker_socket", re.compile(r"/(?:var/)?run/?")),
    ("kubeconfig", re.compile(r"/etc/kubernetes(?:/.*)?|(?:/root|/home/[^/]+)/\.kube(?:/.*)?")),
    ("kubelet", re.compile(r"/var/lib/kubelet(?:/(?:pki|pods).*)?/?|/var/lib/?")),
    ("cloud_profile", re.compile(r"(?:/root|/home/[^/]+)/\.(?:aws|azure|config/gcloud)(?:/.*)?")),
    ("ssh_agent", re.compile(r"(?:/root|/home/[^/]+)/\.ssh(?:/.*)?")),
    ("home", re.compile(r"/root/?|/home(?:/[^/]*)?/?")),
    ("host_root", re.compile(r"/|/etc/?|/var/?|/proc/?")),
)


def containers(pod: Node) -> list[Node]:
    """The containers of a pod, those that start first included."""
    lists = (pod.at(key) for key in ("initContainers", "containers", "ephemeralContainers", "steps", "sidecars"))
    found = [c for n in lists if n for c in n.list[:_MOST]]
    return [c for c in found if c.map]


def pod_uses(desk: Desk, consumer_id: str, thing: Thing, pod: Node) -> Iterator[Record]:
    """Uses of secrets, literals, tokens and of what belongs to the machine."""
    for container in containers(pod):
        yield from container_uses(desk, consumer_id, thing, container)
    volumes = pod.at("volumes")
    for volume in (volumes.list if volumes else [])[:_MOST]:
        yield from _volume(desk, consumer_id, thing, volume)
    pulls = pod.at("imagePullSecrets")
    for pull in (pulls.list if pulls else [])[:_MOST]:
        if name := known(pull.text_at("name")):
            yield from secret_use(
                desk, consumer_id, thing, (name, ".dockerconfigjson"), pull.line, place="registry",
                named="registry password", purpose=Purpose.REGISTRY,
            )  # fmt: skip


def container_uses(desk: Desk, consumer_id: str, thing: Thing, container: Node) -> Iterator[Record]:
    """Uses of one container's environment and command line."""
    variables = container.at("env")
    rows = (variables.list if variables else [])[:_MOST]
    own = {name for row in rows if (name := row.text_at("name"))}
    spots: list[Spot | Found] = []
    for row in rows:
        name, value = row.text_at("name"), row.at("value")
        source = row.at("valueFrom", "secretKeyRef")
        if not name:
            continue
        if source and (secret := known(source.text_at("name"))) and (key := known(source.text_at("key"))):
            yield from secret_use(desk, consumer_id, thing, (secret, key), row.line, place="env", named=name)
        elif value is not None and value.text is not None:
            spots += _variable(name, value)
    for key in ("command", "args"):
        words_ = container.at(key)
        argv = [(_OWN.sub(r"${\1}", n.text), n.line) for n in (words_.list if words_ else []) if n.text]
        spots += [s for s in arg_spots(argv) if isinstance(s, Found) or is_known(s.value)]
    found = [f for f in desk.judged(spots) if f.form is not Form.REFERENCE or f.reference not in own]
    yield from holdings(found, Holder(consumer_id, FRAMEWORK), thing.document, desk.book)
    yield from _everything(desk, consumer_id, thing, container)


def _variable(name: str, value: Node) -> list[Spot | Found]:
    """A variable's spots; `$(OTHER)` is a reference to another variable of the same container."""
    from nhiscan.collectors.repo._config.nodes import Node as Tree

    text = _OWN.sub(r"${\1}", value.text or "")
    return list(env_spots(Tree({name: Tree(text, value.line, value.key_line)}, value.line, value.line)))


def _everything(desk: Desk, consumer_id: str, thing: Thing, container: Node) -> Iterator[Record]:
    sources = container.at("envFrom")
    for row in (sources.list if sources else [])[:_MOST]:
        if name := known(row.text_at("secretRef", "name")):
            yield from whole_secret(desk, consumer_id, thing, name, row.line, "env", UseHow.ENV)


def secret_use(
    desk: Desk,
    consumer_id: str,
    thing: Thing,
    wanted: tuple[str, str],
    line: int,
    *,
    place: str,
    named: str = "",
    how: UseHow | None = None,
    purpose: Purpose | None = None,
) -> Iterator[Record]:
    """The use of one key (`wanted` is Secret and key) of a Secret in the thing's namespace."""
    secret, key = wanted
    secret_id = desk.cluster.refer("Secret", thing.namespace, secret, thing.realm)
    held, records = desk.secret(secret_id, key, thing, named)
    yield from records
    yield desk.use(
        consumer_id, thing, line, how or (UseHow.ENV if place == "env" else UseHow.MOUNTED),
        place=place, name=named or key, form=held.form, credential_id=held.credential_id, purpose=purpose,
    )  # fmt: skip


def whole_secret(
    desk: Desk, consumer_id: str, thing: Thing, name: str, line: int, place: str, how: UseHow
) -> Iterator[Record]:
    """One use for every key that is known of a Secret, or one for the Secret where none is."""
    secret_id = desk.cluster.refer("Secret", thing.namespace, name, thing.realm)
    keys = [k for k in desk.cluster.keys.get(secret_id, {}) if k != ALL_KEYS][:_MOST_KEYS] or [ALL_KEYS]
    seen: set[str] = set()
    for key in keys:
        held = desk.cluster.keys.get(secret_id, {}).get(key)
        if held is None or held.credential_id not in seen:
            named = name if key == ALL_KEYS else key
            yield from secret_use(desk, consumer_id, thing, (name, key), line, place=place, named=named, how=how)
        if held:
            seen.add(held.credential_id)


def _volume(desk: Desk, consumer_id: str, thing: Thing, volume: Node) -> Iterator[Record]:
    if name := known(volume.text_at("secret", "secretName")):
        yield from whole_secret(desk, consumer_id, thing, name, volume.line, "file", UseHow.MOUNTED)
    if path := known(volume.text_at("hostPath", "path")):
        place = next((n for n, p in _HOST if p.fullmatch(path)), None)
        if place:
            yield desk.use(consumer_id, thing, volume.line, UseHow.MOUNTED, place="host", name=place)
    if name := known(volume.text_at("csi", "volumeAttributes", "secretProviderClass")):
        class_id = desk.cluster.refer("SecretProviderClass", thing.namespace, name, thing.realm)
        for key, held in desk.cluster.keys.get(class_id, {}).items():
            yield desk.use(
                consumer_id, thing, volume.line, UseHow.MOUNTED,
                place="file", name=key, form=held.form, credential_id=held.credential_id,
            )  # fmt: skip
    sources = volume.at("projected", "sources")
    for source in (sources.list if sources else [])[:_MOST]:
        if name := known(source.text_at("secret", "name")):
            yield from whole_secret(desk, consumer_id, thing, name, source.line, "file", UseHow.MOUNTED)
        if token := source.at("serviceAccountToken"):
            yield from _projected(desk, consumer_id, thing, token, volume.text_at("name") or "")


def _projected(desk: Desk, consumer_id: str, thing: Thing, token: Node, volume: str) -> Iterator[Record]:
    """A token of the pod's own account for one audience, renewed by the kubelet."""
    written, audience = token.at("expirationSeconds"), known(token.text_at("audience"))
    name = desk.book.scrub(known(token.text_at("path")) or volume)
    credential_id = f"{consumer_id}#token:{desk.book.scrub(volume)}:{name}"
    yield Credential(
        id=credential_id,
        scope_id=desk.scope_id,
        source=desk.source,
        locator=f"{thing.document.path}:{token.line}",
        provider="kubernetes",
        kind=CredentialKind.TOKEN,
        name=name,
        state=CredentialState.DECLARED,
        lifetime=Lifetime.SHORT_LIVED,
        ttl=DEFAULT_TOKEN_TTL if written is None else number(written),
        facts={"audience": desk.book.scrub(audience)} if audience else {},
    )
    yield desk.use(
        consumer_id, thing, token.line, UseHow.MOUNTED,
        place="file", name=name, form=Form.FEDERATED, credential_id=credential_id,
    )  # fmt: skip


def number(node: Node) -> int | None:
    """A whole number as YAML or JSON writes it, or None."""
    if isinstance(node.value, int) and not isinstance(node.value, bool):
        return node.value
    text = node.text or ""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None
