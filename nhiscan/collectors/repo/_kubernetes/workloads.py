"""Workloads: which account each runs as, whether its token is mounted, and what it holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nhiscan.collectors.repo._config.launch import read_launch
from nhiscan.collectors.repo._kubernetes.accounts import account_of, automount_of
from nhiscan.collectors.repo._kubernetes.manifests import is_known, known
from nhiscan.collectors.repo._kubernetes.pods import PODS, containers, pod_uses
from nhiscan.plugin import Consumer, ConsumerKind, Form, Trigger, UseHow

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.collectors.repo._config.nodes import Node
    from nhiscan.collectors.repo._kubernetes.desk import Desk
    from nhiscan.collectors.repo._kubernetes.manifests import Thing
    from nhiscan.plugin import Pin, Record

_ARGO = frozenset({"Workflow", "WorkflowTemplate", "ClusterWorkflowTemplate", "CronWorkflow"})
_TEKTON = frozenset({"Task", "ClusterTask", "Pipeline", "TaskRun", "PipelineRun"})
_SCHEDULED = frozenset({"CronJob", "CronWorkflow"})
_MOST = 200


def workloads(desk: Desk) -> Iterator[Record]:
    """Consumers with their uses, for everything that runs pods."""
    for consumer_id, thing in desk.cluster.of(*PODS, *_ARGO, *_TEKTON):
        pods = list(_pods(thing))
        if pods:
            yield from _workload(desk, consumer_id, thing, pods)


def _pods(thing: Thing) -> Iterator[Node]:
    if thing.kind in PODS:
        if pod := thing.node.at(*PODS[thing.kind]):
            yield pod
        return
    spec = thing.node.at("spec", "workflowSpec") if thing.kind == "CronWorkflow" else thing.node.at("spec")
    if spec is None or not spec.map:
        return
    yield from _steps(spec, 0)


def _steps(spec: Node, depth: int) -> Iterator[Node]:
    """The account stands on top; the steps of Tekton and the templates of Argo below it."""
    yield spec
    for key in ("templates", "tasks", "finally"):
        inner = spec.at(key)
        for item in (inner.list if inner else [])[:_MOST]:
            yield item
            for sub in (item.at("container"), item.at("script"), item.at("taskSpec")):
                if sub is not None and sub.map:
                    yield _as_pod(sub)
    for sub in (spec.at("taskSpec"), spec.at("pipelineSpec")):
        if sub is not None and sub.map and not depth:
            yield from _steps(sub, depth + 1)


def _as_pod(node: Node) -> Node:
    """A lone container as a pod of one; a task is one already."""
    from nhiscan.collectors.repo._config.nodes import Node as Tree

    if node.at("steps") is not None or node.at("image") is None:
        return node
    return Tree({"containers": Tree([node], node.line, node.key_line)}, node.line, node.key_line)


def _workload(desk: Desk, consumer_id: str, thing: Thing, pods: list[Node]) -> Iterator[Record]:
    name_node = next((n for p in pods if (n := account_node(p)) is not None), None)
    decided = name_node is None or is_known(name_node.text)
    account_id: str | None = None
    records: tuple[Record, ...] = ()
    if decided or name_node is not None:
        account_id, records = account_of(
            desk, thing.namespace, (name_node.text if name_node else None) or "default", thing
        )
    yield from records
    federated = desk.cluster.federated.get(account_id or "")
    yield consumer(
        desk, consumer_id, thing, pods[0],
        kind=ConsumerKind.PIPELINE if thing.kind in _TEKTON else ConsumerKind.WORKLOAD,
        automount=automount(desk, pods[0], account_id),
        image=next((c.text_at("image") for p in pods for c in containers(p)), None),
        subject=federated is not None,
    )  # fmt: skip
    if account_id:
        yield from runs_as(desk, consumer_id, thing, account_id, name_node.line if name_node else pods[0].line)
    for pod in pods:
        yield from pod_uses(desk, consumer_id, thing, pod)


def runs_as(desk: Desk, consumer_id: str, thing: Thing, account_id: str, line: int) -> Iterator[Record]:
    """The use of its account, and of the cloud identity which that account becomes."""
    yield desk.use(consumer_id, thing, line, UseHow.RUNS_AS, identity_id=account_id)
    if target := desk.cluster.federated.get(account_id):
        yield desk.use(consumer_id, thing, line, UseHow.FEDERATED, identity_id=target, form=Form.FEDERATED)


def account_node(pod: Node) -> Node | None:
    """Where a pod, or what makes pods, names its account (`serviceAccount` is the old name)."""
    for path in (("serviceAccountName",), ("serviceAccount",), ("taskRunTemplate", "serviceAccountName")):
        if (node := pod.at(*path)) is not None and node.text:
            return node
    return None


def automount(desk: Desk, pod: Node, account_id: str | None) -> bool | None:
    """Whether the account's token is mounted: the pod decides, then the account, then the default, which is yes.

    Source: kubernetes.io/docs/tasks/configure-pod-container/configure-service-account, "Opt out of API credential
    automounting".
    None where a template decides, or the account is declared elsewhere.
    """
    node = pod.at("automountServiceAccountToken")
    if node is not None and node.value is not None:
        return node.value if isinstance(node.value, bool) else None
    declared = desk.cluster.things.get(account_id or "")
    if declared is None:
        return True if account_id and account_id.endswith("/ServiceAccount/default") else None
    written = declared.node.at("automountServiceAccountToken")
    return True if written is None else automount_of(declared)


def consumer(
    desk: Desk,
    consumer_id: str,
    thing: Thing,
    pod: Node | None,
    *,
    kind: ConsumerKind,
    automount: bool | None = None,
    image: str | None = None,
    subject: bool = False,
) -> Consumer:
    """The record of what runs; `tags` hold its namespace and `privileged` containers."""
    network = pod.at("hostNetwork") if pod else None
    account = account_node(pod) if pod else None
    named = known(account.text) if account else "default"
    tags = {"namespace": thing.namespace} if thing.namespace else {}
    if pod and any(c.is_true("securityContext", "privileged") for c in containers(pod)):
        tags["privileged"] = "true"
    package, pin = image_of(image)
    federated = (f"system:serviceaccount:{thing.namespace}:{named}",) if subject and thing.namespace and named else ()
    return Consumer(
        id=consumer_id,
        scope_id=desk.scope_id,
        source=desk.source,
        locator=thing.locator,
        kind=kind,
        name=desk.book.scrub(thing.name),
        framework=thing.kind.lower(),
        uri=thing.document.path,
        line=thing.line,
        visibility=thing.document.visibility,
        platform="kubernetes",
        package=desk.book.scrub(package) if package else None,
        pin=pin,
        trigger=Trigger.SCHEDULE if thing.kind in _SCHEDULED else None,
        subjects=federated,
        automount=automount,
        host_network=_flag(network) if pod is not None else None,
        tags=tags,
    )


def image_of(image: str | None) -> tuple[str | None, Pin | None]:
    """The image and how exactly it is fixed; nothing where a template decides."""
    if not known(image) or image is None or len(image) > 500 or " " in image:
        return None, None
    launch = read_launch(("docker", "run", image))
    return launch.package, launch.pin


def _flag(node: Node | None) -> bool | None:
    """A boolean of the pod, false where it is not written (API reference, PodSpec)."""
    if node is None or node.value is None:
        return False
    return node.value if isinstance(node.value, bool) else None
