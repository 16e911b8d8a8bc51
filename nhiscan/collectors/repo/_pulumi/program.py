"""A Pulumi program in YAML as declarations of the same kinds that Terraform has, which its providers are made from.

Forms: Pulumi documentation, "Pulumi YAML language reference" (`resources`, `variables`, `config`, `${…}`, `fn::…`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._terraform import documents, lookup
from nhiscan.collectors.repo._terraform.functions import jsonencode
from nhiscan.collectors.repo._terraform.values import ACCOUNT, REGION, Ref, Thing, Unknown, Value, joined

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from nhiscan.collectors.repo._config.nodes import Node

_HOLE = re.compile(r"\$\$\{|\$\{([^${}]{1,200})\}")
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_DEEPEST = 40
# The names of these differ from what their words come to.
_NAMES: Mapping[str, str] = {
    "aws:bedrock_agent_agent": "aws_bedrockagent_agent",
    "gcp:serviceaccount_account": "google_service_account",
    "gcp:serviceaccount_key": "google_service_account_key",
    "gcp:serviceaccount_iam_member": "google_service_account_iam_member",
    "gcp:serviceaccount_iam_binding": "google_service_account_iam_binding",
    "gcp:projects_iam_member": "google_project_iam_member",
    "gcp:projects_iam_binding": "google_project_iam_binding",
    "gcp:iam_workload_identity_pool": "google_iam_workload_identity_pool",
    "gcp:iam_workload_identity_pool_provider": "google_iam_workload_identity_pool_provider",
    "aws:iam_open_id_connect_provider": "aws_iam_openid_connect_provider",
    "aws:s3_bucket_v2": "aws_s3_bucket",
    "azure:authorization_assignment": "azurerm_role_assignment",
    "azure:authorization_user_assigned_identity": "azurerm_user_assigned_identity",
}
# Keys below these are names of the user's own.
_OWN = frozenset({"variables", "tags", "labels", "environmentVariables", "appSettings", "keepers", "annotations"})
_FLAT = frozenset({"index"})
_STRING_MAPS = {"aws", "gcp", "azure", "azuread", "vault", "github", "random", "tls", "kubernetes"}


@dataclass(frozen=True, slots=True, repr=False)
class Program:
    """A `Pulumi.yaml` in the directory `root` with the resources it declares itself."""

    path: str
    root: str
    node: Node

    def things(self) -> Iterator[Thing]:
        """Every resource whose type is known; its address is `type.name`."""
        kinds = self._kinds()
        for name, entry in self._section("resources"):
            if (kind := kinds.get(name)) is None:
                continue
            properties = entry.at("properties")
            values = self._value(properties, 0) if properties else {}
            lines: dict[str, int] = {}
            _lines(properties, lines, 0)
            yield Thing(
                kind=kind, label=name, address=f"{kind}.{name}", root=self.root,
                values=values if isinstance(values, dict) else {}, path=self.path, line=entry.key_line, lines=lines,
            )  # fmt: skip

    def _section(self, name: str) -> list[tuple[str, Node]]:
        node = self.node.at(name)
        return list(node.map.items()) if node else []

    def _kinds(self) -> dict[str, str]:
        found = ((name, kind_of(entry.text_at("type") or "")) for name, entry in self._section("resources"))
        return {name: kind for name, kind in found if kind}

    def _value(self, node: Node, depth: int, *, own: bool = False) -> Value:
        """A property with the names that Terraform has; keys of the user's own stay as they are."""
        if depth > _DEEPEST:
            return Unknown("too deep")
        if node.text is not None:
            return self._text(node.text, depth)
        if isinstance(node.value, list):
            return [self._value(n, depth + 1, own=own) for n in node.list]
        if not isinstance(node.value, dict):
            return node.value
        if len(node.map) == 1 and next(iter(node.map)).lower().startswith("fn::"):
            name, argument = next(iter(node.map.items()))
            return self._function(name, argument, depth)
        return {k if own else snake(k): self._value(n, depth + 1, own=own or k in _OWN) for k, n in node.map.items()}

    def _function(self, name: str, argument: Node, depth: int) -> Value:
        match name.lower():
            case "fn::tojson":
                return jsonencode([self._value(argument, depth + 1, own=True)])
            case "fn::secret":
                return self._value(argument, depth + 1)
            case "fn::join" if len(argument.list) == 2:
                items = self._value(argument.list[1], depth + 1)
                separator = argument.list[0].text or ""
                parts: list[Value] = []
                for item in items if isinstance(items, list) else [Unknown(name)]:
                    parts += [separator, item] if parts else [item]
                return joined(parts)
            case "fn::invoke" | "fn::aws:iam:getpolicydocument":
                return self._invoke(argument, depth)
        return Unknown(name)

    def _invoke(self, argument: Node, depth: int) -> Value:
        called = (argument.text_at("function") or "").lower().replace("/", ":")
        wanted = argument.text_at("return")
        if called.startswith("aws:iam:") and called.endswith("getpolicydocument"):
            arguments = argument.at("arguments")
            body = self._value(arguments, depth + 1) if arguments else {}
            if isinstance(body, dict):
                renamed = {**body, "statement": _statements(body.get("statements"))}
                document = jsonencode([documents.from_data(renamed)])
                return document if wanted == "json" else {"json": document}
        if called.endswith("getcalleridentity"):
            return ACCOUNT if wanted == "accountId" else {"account_id": ACCOUNT}
        if called.endswith("getregion"):
            return REGION if wanted in {"name", "region"} else {"name": REGION}
        return Unknown(called)

    def _text(self, text: str, depth: int) -> Value:
        if "${" not in text:
            return text
        parts: list[Value] = []
        at = 0
        for hole in _HOLE.finditer(text):
            parts.append(text[at : hole.start()])
            parts.append("${" if hole[1] is None else self._name(hole[1].strip(), depth))
            at = hole.end()
        parts = [p for p in (*parts, text[at:]) if p != ""]
        return parts[0] if len(parts) == 1 else joined(parts)

    def _name(self, name: str, depth: int) -> Value:
        """What `resource.attribute`, a variable or a configuration value is."""
        head, _, rest = name.partition(".")
        kind = self._kinds().get(head)
        if kind is not None:
            attribute = snake(rest.partition(".")[0].partition("[")[0])
            return Ref(f"{kind}.{head}", attribute, self._attribute(head, kind, attribute, depth))
        variable = self.node.at("variables", head)
        if variable is not None and depth < _DEEPEST:
            value = self._value(variable, depth + 8)
            for step in rest.split(".") if rest else []:
                value = value.get(snake(step), Unknown(name)) if isinstance(value, dict) else Unknown(name)
            return value
        default = self.node.at("config", head, "default") or self.node.at("configuration", head, "default")
        if default is not None and default.text is not None and "${" not in default.text:
            return default.text
        return Unknown(f"var.{head}")

    def _attribute(self, label: str, kind: str, name: str, depth: int) -> str | None:
        properties = self.node.at("resources", label, "properties")
        if properties is None or depth > _DEEPEST:
            return None
        texts = {snake(k): n.text for k, n in properties.map.items() if n.text is not None and "${" not in n.text}
        own = {k: t for k, t in texts.items() if k in {"name", "bucket", "url", "arn"}}
        return texts.get(name) or lookup.computed(kind, name, own, data=False)


def kind_of(token: str) -> str | None:
    """The type Terraform has for a Pulumi type token (`aws:iam/role:Role`, `aws:iam:Role`); None for no such."""
    parts = token.split(":")
    if len(parts) == 2:
        parts = [parts[0], "index", parts[1]]
    if len(parts) != 3 or parts[0] not in _STRING_MAPS:
        return None
    package, module, name = (
        parts[0],
        parts[1].partition("/")[0].lower(),
        snake(parts[2]).replace("iammember", "iam_member"),
    )
    words = name if module in _FLAT else f"{module}_{name}"
    return _NAMES.get(f"{package}:{words}") or f"{package}_{words}"


def snake(name: str) -> str:
    """`assumeRolePolicy` as `assume_role_policy`."""
    return _HUMP.sub("_", name).lower() if len(name) <= 100 else name


def _statements(value: Value) -> Value:
    """Plural names of the invoke as the data source has them."""
    if not isinstance(value, list):
        return value
    return [{**s, "condition": s.get("conditions")} if isinstance(s, dict) else s for s in value]


def _lines(node: Node | None, found: dict[str, int], depth: int) -> None:
    if node is None or depth > _DEEPEST:
        return
    for key, inner in node.map.items():
        found.setdefault(key, inner.line)
        _lines(inner, found, depth + 1)
    for inner in node.list:
        _lines(inner, found, depth + 1)
