"""Access policies of Key Vault in the words of Azure RBAC, so that both kinds of permission are judged alike.

The data actions are those of the built-in role "Key Vault Administrator" and its kin ("Azure built-in roles for
Security", learn.microsoft.com/azure/role-based-access-control/built-in-roles/security); the words of access policies
are those of "Assign a Key Vault access policy" (learn.microsoft.com/azure/key-vault/general/assign-access-policy).
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from nhiscan.collectors._common.values import document, guid, mapping, objects, texts
from nhiscan.collectors.azure._arm import entra, seen, tenant_of
from nhiscan.plugin import Attachment, AttachmentKind, Policy, PolicyKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from nhiscan.collectors._common.values import Json
    from nhiscan.collectors._rest.ask import Ask
    from nhiscan.plugin import Record

_VAULTS = "Microsoft.KeyVault/vaults/"
_KEYS = {
    "get": ("read",), "list": ("read",), "update": ("update/action",), "create": ("create/action",),
    "import": ("import/action",), "delete": ("delete",), "recover": ("recover/action",), "backup": ("backup/action",),
    "restore": ("restore/action",), "purge": ("purge/action",), "encrypt": ("encrypt/action",),
    "decrypt": ("decrypt/action",), "wrapkey": ("wrap/action",), "unwrapkey": ("unwrap/action",),
    "sign": ("sign/action",), "verify": ("verify/action",), "release": ("release/action",),
    "rotate": ("rotate/action",),
}  # fmt: skip
_SECRETS = {
    "get": ("getSecret/action",), "list": ("readMetadata/action",), "set": ("setSecret/action",),
    "delete": ("delete",), "recover": ("recover/action",), "backup": ("backup/action",),
    "restore": ("restore/action",), "purge": ("purge/action",),
}  # fmt: skip
_CERTIFICATES = {
    "get": ("read",), "list": ("read",), "update": ("update/action",), "create": ("create/action",),
    "import": ("import/action",), "delete": ("delete",), "recover": ("recover/action",), "backup": ("backup/action",),
    "restore": ("restore/action",), "purge": ("purge/action",),
}  # fmt: skip
_WORDS: Mapping[str, tuple[str, Mapping[str, tuple[str, ...]]]] = MappingProxyType({
    "keys": (f"{_VAULTS}keys/", _KEYS),
    "secrets": (f"{_VAULTS}secrets/", _SECRETS),
    "certificates": (f"{_VAULTS}certificates/", _CERTIFICATES),
})  # fmt: skip
_KINDS = ("keys", "secrets", "certificates", "storage")


def access_policies(ask: Ask, vault: str, row: Json) -> Iterator[Record]:
    """A policy and an attachment for each principal that an access policy of a vault names.

    An application that acts for a user (`applicationId`) is a principal of its own kind: both together are let in.
    """
    told: set[str] = set()
    raw = mapping(row.get("properties")).get("accessPolicies")
    entries = objects(raw)
    if not all(guid(each.get("objectId")) for each in entries) or entries != (raw or []):
        yield ask.gap(
            "access_policies", ("policy", "attachment"), f"part of the access policies of {vault} could not be read",
            "run again or export it again with the properties of the vault", subject_id=vault,
        )  # fmt: skip
    for entry in entries:
        principal, through = guid(entry.get("objectId")), guid(entry.get("applicationId"))
        policy_id = f"{vault}#access_policy/{principal}{f'/{through}' if through else ''}"
        if principal is None or policy_id in told:
            continue
        told.add(policy_id)
        yield Policy(
            **seen(ask, policy_id, vault),
            provider="azure",
            kind=PolicyKind.RESOURCE,
            name="access policy",
            document=_document(mapping(entry.get("permissions"))),
        )
        yield Attachment(
            **seen(ask, f"{policy_id}#grants", vault),
            policy_id=policy_id,
            principal_id=entra(tenant_of(ask, entry.get("tenantId"), row.get("tenantId")), principal),
            kind=AttachmentKind.GRANTS,
            target_id=vault,
            condition=f"through application {through}" if through else None,
        )


def _document(permissions: Json) -> str | None:
    """What the principal may do: as the vault says it, and as data actions."""
    said = {kind: sorted({word.lower() for word in texts(permissions.get(kind))}) for kind in _KINDS}
    actions = [action for kind, words in said.items() for action in _actions(kind, words)]
    permission = {"actions": [], "notActions": [], "dataActions": list(dict.fromkeys(actions)), "notDataActions": []}
    return document({"permissions": [permission], "accessPolicy": {k: v for k, v in said.items() if v}})


def _actions(kind: str, words: list[str]) -> Iterator[str]:
    if kind not in _WORDS:
        return
    prefix, table = _WORDS[kind]
    if "all" in words:
        yield f"{prefix}*"
        return
    for word in words:
        yield from (f"{prefix}{action}" for action in table.get(word, ()))
