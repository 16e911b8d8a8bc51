"""From files to the things of a cluster: multi-document YAML, JSON and lists, Helm templates read without rendering.

Documents that cannot matter are blanked before parsing, because most of the bytes of a bundle are schemas.  In a
template `{{ … }}` becomes a stand-in that names the expression: two places with the same expression name the same
thing, and no value is ever guessed.
"""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._config.jsonc import parse_json
from nhiscan.collectors.repo._config.nodes import Document, MalformedError, Node
from nhiscan.collectors.repo._config.yamlc import parse_yaml

if TYPE_CHECKING:
    from collections.abc import Iterator

MARK = "\N{SINGLE LEFT-POINTING ANGLE QUOTATION MARK}"
"""What opens the stand-in of a template expression: a text that holds it is not known."""

_END = "\N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK}"
_LONGEST_EXPRESSION = 80
_MOST_ITEMS = 5_000

# Kinds that are read, with the API groups that own the name (an empty one is the core group).
KINDS: dict[str, tuple[str, ...]] = {
    "ServiceAccount": ("",),
    "Secret": ("",),
    "ConfigMap": ("",),
    "Pod": ("",),
    "PodTemplate": ("",),
    "ReplicationController": ("",),
    "Deployment": ("apps", "extensions"),
    "StatefulSet": ("apps",),
    "DaemonSet": ("apps", "extensions"),
    "ReplicaSet": ("apps", "extensions"),
    "Job": ("batch",),
    "CronJob": ("batch",),
    "Role": ("rbac.authorization.k8s.io",),
    "ClusterRole": ("rbac.authorization.k8s.io",),
    "RoleBinding": ("rbac.authorization.k8s.io",),
    "ClusterRoleBinding": ("rbac.authorization.k8s.io",),
    "Rollout": ("argoproj.io",),
    "Workflow": ("argoproj.io",),
    "WorkflowTemplate": ("argoproj.io",),
    "ClusterWorkflowTemplate": ("argoproj.io",),
    "CronWorkflow": ("argoproj.io",),
    "Application": ("argoproj.io",),
    "AppProject": ("argoproj.io",),
    "Service": ("serving.knative.dev",),
    "Task": ("tekton.dev",),
    "ClusterTask": ("tekton.dev",),
    "Pipeline": ("tekton.dev",),
    "TaskRun": ("tekton.dev",),
    "PipelineRun": ("tekton.dev",),
    "SealedSecret": ("bitnami.com",),
    "ExternalSecret": ("external-secrets.io", "kubernetes-client.io"),
    "ClusterExternalSecret": ("external-secrets.io",),
    "SecretProviderClass": ("secrets-store.csi.x-k8s.io",),
    "Certificate": ("cert-manager.io",),
    "Agent": ("kagent.dev",),
    "SandboxAgent": ("kagent.dev",),
    "ModelConfig": ("kagent.dev",),
    "RemoteMCPServer": ("kagent.dev",),
    "ToolServer": ("kagent.dev",),
    "MCPServer": ("kagent.dev", "toolhive.stacklok.dev"),
    "MCPRemoteProxy": ("toolhive.stacklok.dev",),
    "VirtualMCPServer": ("toolhive.stacklok.dev",),
}
CLUSTER_WIDE = frozenset(
    {"ClusterRole", "ClusterRoleBinding", "ClusterWorkflowTemplate", "ClusterTask", "ClusterExternalSecret", "User",
     "Group"}
)  # fmt: skip
_RELEVANT = re.compile(r"\bkind[\"']?\s*:\s*[\"']?(?:" + "|".join(KINDS) + r")\b")
_DOCUMENT = re.compile(r"^(?=---(?:\s|$))", re.MULTILINE)
_WORD = re.compile(r"[\w.$-]*\w")
_CONTROL = re.compile(r"[-~]?\s*(?:/\*|(?:if|else|end|range|with|define|block|template|break|continue)\b|\$\w+\s*:?=)")
_NOISE = frozenset({"include", "quote", "squote", "trunc", "trimSuffix", "toString", "tpl", "63", "default", "printf"})


@dataclass(frozen=True, slots=True, repr=False)
class Thing:
    """One object of a cluster.

    `namespace` is None where it has none or none is written; `realm` is the part of the repository that it belongs to
    (an environment, a chart), empty where the repository describes one.
    """

    kind: str
    group: str
    namespace: str | None
    name: str
    node: Node
    document: Document
    realm: str = ""

    @property
    def locator(self) -> str:
        """Where a person can look."""
        return f"{self.document.path}:{self.line}"

    @property
    def line(self) -> int:
        """The line on which the object begins."""
        return self.node.line


@dataclass(frozen=True, slots=True, repr=False)
class Read:
    """What a file holds; `error` is the first document that could not be read."""

    roots: tuple[Node, ...]
    error: MalformedError | None = None


def is_known(text: str | None) -> bool:
    """Whether a text is written down, and not the stand-in of a template expression."""
    return text is not None and MARK not in text


def known(text: str | None) -> str | None:
    """The text, or None where it is empty, absent or decided by a template."""
    return text if text and is_known(text) else None


def is_template(text: str) -> bool:
    """Whether the text holds expressions of a template."""
    return "{{" in text or "{%" in text


def concerns(text: str) -> bool:
    """Whether the text may hold an object of a kind that is read; wrong only towards yes."""
    return "apiVersion" in text and _RELEVANT.search(text) is not None


def read_yaml(text: str) -> Read:
    """The documents of the text that matter, each with its lines in the file; what is broken is left out."""
    parts = _parts(text)
    try:
        return Read(tuple(parse_yaml("".join(parts))))
    except MalformedError as error:
        return _one_by_one(parts, error)


def read_json(text: str) -> Read:
    """The one document.  Raises MalformedError."""
    return Read((parse_json(text),))


def _parts(text: str) -> list[str]:
    return [p if _RELEVANT.search(p) else "\n" * p.count("\n") for p in _DOCUMENT.split(text)]


def _one_by_one(parts: list[str], error: MalformedError) -> Read:
    roots: list[Node] = []
    line = 0
    for part in parts:
        if part.strip():
            with contextlib.suppress(MalformedError):
                roots += [_lower(n, line) for n in parse_yaml(part)]
        line += part.count("\n")
    return Read(tuple(roots), error)


def _lower(node: Node, lines: int) -> Node:
    """The same tree, further down in its file."""
    value = node.value
    if isinstance(value, dict):
        value = {k: _lower(v, lines) for k, v in value.items()}
    elif isinstance(value, list):
        value = [_lower(v, lines) for v in value]
    return Node(value, node.line + lines, node.key_line + lines)


def without_expressions(text: str) -> str:
    """A template as plain YAML: statements and lines of their own are dropped, values become stand-ins."""
    out: list[str] = []
    at = 0
    while (start := _next(text, at)) >= 0:
        end = text.find("}}" if text[start + 1] == "{" else "%}", start + 2)
        if end < 0:
            break
        out += (text[at:start], _stand_in(text, start, end))
        at = end + 2
    return "".join((*out, text[at:]))


def _next(text: str, at: int) -> int:
    value, statement = text.find("{{", at), text.find("{%", at)
    return max(value, statement) if min(value, statement) < 0 else min(value, statement)


def _stand_in(text: str, start: int, end: int) -> str:
    body = text[start + 2 : end]
    lines = "\n" * body.count("\n")
    before = text[text.rfind("\n", max(0, start - 400), start) + 1 : start]
    after = text[end + 2 : end + 400].partition("\n")[0]
    alone = not before.strip() and not after.strip()
    if alone or text[start + 1] == "%" or _CONTROL.match(body[:_LONGEST_EXPRESSION]):
        return lines
    words = (w for w in _WORD.findall(body[:400]) if w not in _NOISE)
    return f"{MARK}{'.'.join(words)[:_LONGEST_EXPRESSION]}{_END}{lines}"


def things(root: Node, document: Document, depth: int = 0) -> Iterator[Thing]:
    """The objects of one document, the items of a list included."""
    kind, version = root.text_at("kind"), root.text_at("apiVersion")
    if (items := root.at("items")) is not None and (kind or "").endswith("List") and not depth:
        for item in items.list[:_MOST_ITEMS]:
            yield from things(item, document, 1)
    if kind not in KINDS or version is None:
        return
    group = version.rpartition("/")[0]
    owner = next((g for g in KINDS[kind] if group == g or (g and group.endswith(f".{g}"))), None)
    owned = owner is not None or (MARK in version and "" not in KINDS[kind])
    name = root.text_at("metadata", "name") or root.text_at("metadata", "generateName")
    if owned and name:
        namespace = None if kind in CLUSTER_WIDE else known(root.text_at("metadata", "namespace"))
        yield Thing(kind, owner if owner is not None else KINDS[kind][0], namespace, name, root, document)
