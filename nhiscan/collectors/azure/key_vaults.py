"""Azure Key Vault: vaults, who may read them, and what is known of each secret, key and certificate; never a value.

Vaults come from one Resource Graph query.  Their entries are listed through Resource Manager (REST reference,
Microsoft.KeyVault 2023-07-01, `secrets` and `keys`), which gives attributes and never a value; the vault's own address
is not called.  A certificate has no list there: it is seen by the secret that holds it, which has its name and a
certificate's content type ("About Azure Key Vault certificates").  Whether reads are logged is asked of each vault,
since Resource Graph does not know diagnostic settings.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nhiscan.collectors._common import tags as tagging
from nhiscan.collectors._common.errors import RefusedError
from nhiscan.collectors._common.values import facts, flag, mapping, moment, number, text
from nhiscan.collectors._rest.group import Group, Part
from nhiscan.collectors._rest.operation import Operation
from nhiscan.collectors.azure._arm import in_scopes, local_gap, name_of, owners, seen, unique
from nhiscan.collectors.azure._diagnostics import READ, VERSION, Kept, kept
from nhiscan.collectors.azure._network import ruled
from nhiscan.collectors.azure._resource_graph import Reading, graph_query, subscription_list
from nhiscan.collectors.azure._vault_entries import entry, entry_name
from nhiscan.collectors.azure._vault_policies import access_policies
from nhiscan.plugin import Logging, Resource

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.collectors._common.values import Json
    from nhiscan.collectors._rest.ask import Ask
    from nhiscan.plugin import Record

_READ = "Microsoft.KeyVault/vaults/read"

QUERY = """resources
| where type =~ 'microsoft.keyvault/vaults'
| project id, name, type, tenantId, subscriptionId, tags, properties
| order by id asc"""
"""Key vaults of all chosen subscriptions."""

VAULTS = graph_query("vaults", QUERY, _READ)
LIST = subscription_list("vaults", "Microsoft.KeyVault/vaults", "2023-07-01", _READ)
SECRETS = Operation(
    "arm:vaultSecrets.list", "/{+id}/secrets", ("Microsoft.KeyVault/vaults/secrets/read",),
    query={"api-version": "2023-07-01"}, named=entry_name,
)  # fmt: skip
KEYS = Operation(
    "arm:vaultKeys.list", "/{+id}/keys", ("Microsoft.KeyVault/vaults/keys/read",),
    query={"api-version": "2023-07-01"}, named=entry_name,
)  # fmt: skip
LOGS = Operation(
    "arm:vaultLogSettings.list", "/{+id}/providers/Microsoft.Insights/diagnosticSettings", (READ,),
    query={"api-version": VERSION},
)  # fmt: skip
_AUDIT = "auditevent"


def _read(ask: Ask) -> Iterator[Record]:
    reading = Reading(ask)
    vaults = list(unique(reading.rows(VAULTS, LIST)))
    for resource, row in vaults:
        yield from _vault(ask, resource, row)
    yield from reading.gaps
    for operation, kind in ((SECRETS, "secret"), (KEYS, "key")):
        yield from _entries(ask, operation, kind, [resource for resource, _ in vaults])
    yield from _logs(ask, [resource for resource, _ in vaults])


def _vault(ask: Ask, resource: str, row: Json) -> Iterator[Record]:
    known, tags = mapping(row.get("properties")), tagging.read(row.get("tags"))
    told = isinstance(row.get("properties"), dict)
    # Absent means off: vaults older than the setting have access policies ("Azure RBAC vs. access policies").
    rbac = flag(known.get("enableRbacAuthorization")) or False
    at = seen(ask, resource, resource)
    yield Resource(
        **at,
        provider="azure",
        kind="key_vault",
        name=name_of(row, resource),
        public=ruled(known) if told else None,
        local_auth=False,  # a vault takes tokens of Entra and nothing else
        authenticated=True,
        tls=True,
        created_at=moment(mapping(row.get("systemData")).get("createdAt")),
        environment=tagging.environment(tags),
        tags={**tags, **_facts(known, rbac=rbac)},
    )
    yield from owners(ask, resource, at["scope_id"], tags)
    if not told:
        detail, remedy = f"{resource} came without its properties", "run again or export it again with them"
        yield ask.gap("properties", ("policy", "attachment"), detail, remedy, subject_id=resource)
    if not rbac:  # otherwise the policies are kept and mean nothing
        yield from access_policies(ask, resource, row)


def _facts(known: Json, *, rbac: bool) -> dict[str, str]:
    return facts(
        authorization="rbac" if rbac else "access_policy",
        purge_protection=flag(known.get("enablePurgeProtection")) or False,
        soft_delete=flag(known.get("enableSoftDelete")),
        soft_delete_days=number(known.get("softDeleteRetentionInDays")),
        sku=text(mapping(known.get("sku")).get("name")),
    )


def _entries(ask: Ask, operation: Operation, kind: str, vaults: list[str]) -> Iterator[Record]:
    try:
        for request, answer in ask.each_items(operation, "value", [{"id": vault} for vault in vaults]):
            vault = str(request["id"])
            if not isinstance(answer, RefusedError):
                for row in answer:
                    yield from entry(ask, vault, row, kind)
            elif not answer.missing:
                yield local_gap(ask, answer, vault, ("store",))
    except RefusedError as e:
        if e.everywhere:
            raise
        yield ask.refused(e, covers=("store",))


def _logs(ask: Ask, vaults: list[str]) -> Iterator[Record]:
    """Whether the reads of each vault are kept; of those nobody may say it of beside others, a row that says so."""
    found: dict[str, Kept | None] = dict.fromkeys(vaults)
    try:
        for request, answer in ask.each_items(LOGS, "value", [{"id": vault} for vault in vaults]):
            vault = str(request["id"])
            if not isinstance(answer, RefusedError):
                found[vault] = kept(answer, (_AUDIT,), ("audit",))
            elif answer.missing:
                del found[vault]
            else:
                yield local_gap(ask, answer, vault, ("logging",))
    except RefusedError as e:
        if e.everywhere:
            raise
        yield ask.refused(e, covers=("logging",))
    if any(found.values()):
        yield from (_log(ask, vault, known) for vault, known in found.items())


def _log(ask: Ask, vault: str, found: Kept | None) -> Logging:
    at = seen(ask, f"{vault}#logging/secret_access/{vault.rpartition('/')[2]}", vault)
    return Logging(
        **at, subject_id=at["scope_id"], kind="secret_access", enabled=found.enabled if found else None,
        destination=found.destination if found else None,
    )  # fmt: skip


COLLECTOR = Group(
    name="azure.key_vaults",
    title="Azure Key Vault: vaults, who may read them, and the age of secrets, keys and certificates",
    place="estate",
    parts=(
        Part(
            name="vaults",
            kind="Azure key vault, its secrets, keys and certificates",
            facts=(
                "network",
                "access policies",
                "created",
                "changed",
                "expires",
                "rotation",
                "enabled",
                "owner",
                "reads logged",
            ),
            calls={
                VAULTS: "resource, policy, attachment",
                LIST: "resource, policy, attachment",
                SECRETS: "store",
                KEYS: "store",
                LOGS: "logging",
            },
            read=in_scopes(_read),
        ),
    ),
)
