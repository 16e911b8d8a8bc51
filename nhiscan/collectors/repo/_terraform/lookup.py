"""Names inside a module: its tables, and the attributes of resources and data sources that others refer to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._terraform import documents
from nhiscan.collectors.repo._terraform.functions import jsonencode
from nhiscan.collectors.repo._terraform.values import (
    ACCOUNT,
    PARTITION,
    REGION,
    Ref,
    Unknown,
    Value,
    known_text,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nhiscan.collectors.repo._terraform.modules import Folder, Instance
    from nhiscan.collectors.repo._terraform.tree import Block, Expr

DOCUMENT = "aws_iam_policy_document"
_ENVIRONMENT: Mapping[tuple[str, str], str] = {
    ("aws_caller_identity", "account_id"): ACCOUNT,
    ("aws_caller_identity", "id"): ACCOUNT,
    ("aws_partition", "partition"): PARTITION,
    ("aws_partition", "id"): PARTITION,
    ("aws_partition", "dns_suffix"): "amazonaws.com",
    ("aws_region", "name"): REGION,
    ("aws_region", "region"): REGION,
    ("aws_region", "id"): REGION,
}
# The id of these is their name (Terraform Registry, "Attribute Reference" of each).
_NAMED_BY = {
    "aws_iam_role": "name", "aws_iam_user": "name", "aws_iam_group": "name", "aws_s3_bucket": "bucket",
    "aws_iam_instance_profile": "name",
}  # fmt: skip
# Policies of AWS itself that data sources look up by name (AWS managed policy reference).
_PROVIDER_POLICIES = frozenset({"AdministratorAccess", "PowerUserAccess", "IAMFullAccess", "ReadOnlyAccess"})


@dataclass(frozen=True, slots=True)
class Index:
    """The blocks of a module by name."""

    resources: Mapping[tuple[str, str], Block]
    data: Mapping[tuple[str, str], Block]
    locals: Mapping[str, Expr]
    defaults: Mapping[str, Expr]
    outputs: Mapping[str, Expr]
    given: Mapping[str, Expr]
    calls: Mapping[str, Block]

    @classmethod
    def of(cls, folder: Folder) -> Index:
        """The tables of one directory."""

        def pairs(kind: str) -> dict[tuple[str, str], Block]:
            return {(b.labels[0], b.labels[1]): b for _, b in folder.blocks(kind, 2)}

        def ones(kind: str, attribute: str) -> dict[str, Expr]:
            found = ((b.labels[0], b.body.attributes.get(attribute)) for _, b in folder.blocks(kind, 1))
            return {name: at[0] for name, at in found if at}

        return cls(
            resources=pairs("resource"),
            data=pairs("data"),
            locals={k: e for _, b in folder.blocks("locals", 0) for k, (e, _) in b.body.attributes.items()},
            defaults=ones("variable", "default"),
            outputs=ones("output", "value"),
            given=folder.given(),
            calls={b.labels[0]: b for _, b in folder.blocks("module", 1)},
        )


def resource(module: Instance, root: str, steps: tuple[str, ...], depth: int) -> tuple[Value, int]:
    """What `type.label.attribute` or `data.type.label.attribute` is, and how many steps that took."""
    data = root == "data"
    path = steps if data else (root, *steps)
    if len(path) < 2:
        return Unknown(".".join((root, *steps))), len(steps)
    kind, label = path[0], path[1]
    block = (module.index.data if data else module.index.resources).get((kind, label))
    rest = path[2:]
    skipped = 0
    many = block is not None and bool({"count", "for_each"} & block.body.attributes.keys())
    if rest and (many or rest[0] == "*" or rest[0].isdecimal()) and (len(rest) > 1 or not many):
        rest, skipped = rest[1:], 1
    used = (2 if data else 1) + skipped
    address = module.address(kind, label, data=data)
    if block is None and not data:
        return Unknown(f"{kind}.{label}"), len(steps)
    if not rest:
        return Ref(address, ""), used
    value = _attribute(module, block, address, kind, rest[0], depth)
    return value, used + 1


def _attribute(module: Instance, block: Block | None, address: str, kind: str, name: str, depth: int) -> Value:
    data = ".data." in f".{address}"
    if data and (kind, name) in _ENVIRONMENT:
        return _ENVIRONMENT[kind, name]
    if block is None:
        return Ref(address, name)
    if data and kind == DOCUMENT and name in {"json", "minified_json"}:
        return _document(module, block, address, depth)
    written = block.body.attributes.get(name)
    if written is None:
        return Ref(address, name, computed(kind, name, _own(module, block, depth), data=data))
    value = module.evaluator.value(written[0], depth + 1)
    text = known_text(value)
    return Ref(address, name, text) if text is not None or isinstance(value, (Unknown, type(None))) else value


def _document(module: Instance, block: Block, address: str, depth: int) -> Value:
    """The rendered document, worked out once for each module."""
    known = module.shared.documents
    key = f"{module.root}:{address}"
    if key not in known:
        known[key] = Unknown(address)
        known[key] = jsonencode([documents.from_data(module.evaluator.body(block.body, depth + 1))])
    return known[key]


def _own(module: Instance, block: Block, depth: int) -> Mapping[str, str]:
    """The known texts among the attributes that ids and ARNs are made of."""
    wanted = {"name", "bucket", "url", "arn", "path"} & block.body.attributes.keys()
    values = ((k, known_text(module.evaluator.value(block.body.attributes[k][0], depth + 1))) for k in sorted(wanted))
    return {k: v for k, v in values if v is not None}


def computed(kind: str, name: str, own: Mapping[str, str], *, data: bool) -> str | None:
    """An attribute that follows from the others without asking anybody, None for all others.

    ARN formats: Service Authorization Reference (S3, IAM).
    """
    if name in {"id", "name"} and (source := _NAMED_BY.get(kind)) is not None:
        return own.get(source)
    if name in {"arn", "id"} and kind == "aws_s3_bucket":
        return f"arn:{PARTITION}:s3:::{own['bucket']}" if "bucket" in own else None
    if name in {"arn", "id"} and kind == "aws_iam_openid_connect_provider" and "url" in own:
        return oidc_arn(own["url"])
    if data and kind == "aws_iam_policy" and name in {"arn", "id"} and own.get("name") in _PROVIDER_POLICIES:
        return f"arn:{PARTITION}:iam::aws:policy/{own['name']}"
    return None


def oidc_arn(url: str) -> str:
    """The ARN of an OIDC provider in the account at hand."""
    issuer = url.removeprefix("https://").rstrip("/")
    return f"arn:{PARTITION}:iam::{ACCOUNT}:oidc-provider/{issuer}"
