"""Identities, assignments, trusts and credentials that an ARM or Bicep template declares.

Sign-in by key is
on unless a template switches it off (`allowSharedKeyAccess`, `disableLocalAuth`: the default of each resource
provider in the ARM template reference); the admin user of a container registry is off.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nhiscan.collectors.repo._config.azure_roles import GUID, role_name
from nhiscan.collectors.repo._templates.arm import deployment_of, expression, literal, parse_arm
from nhiscan.collectors.repo._templates.azure_terms import ASSIGNMENTS, eligible, ends_of
from nhiscan.collectors.repo._templates.azure_values import AzureValues
from nhiscan.collectors.repo._templates.maker import Maker, environment
from nhiscan.collectors.repo._templates.stack import handed_down, holder
from nhiscan.plugin import (
    AttachmentKind,
    Consumer,
    ConsumerKind,
    IdentityKind,
    Policy,
    PolicyKind,
    PrincipalKind,
    Resource,
    Store,
    Trust,
    TrustKind,
    Use,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.collectors.repo._config.nodes import Document, Node
    from nhiscan.collectors.repo._config.records import Book
    from nhiscan.collectors.repo._templates.arm import Item
    from nhiscan.plugin import Record

__all__ = ["deployment", "parse_arm"]
_USER_ASSIGNED = "Microsoft.ManagedIdentity/userAssignedIdentities"
_FEDERATED = f"{_USER_ASSIGNED}/federatedIdentityCredentials".lower()
_CONSUMERS = {
    "microsoft.web/sites": ("azure_app_service", ConsumerKind.APPLICATION),
    "microsoft.web/staticsites": ("azure_static_web_app", ConsumerKind.APPLICATION),
    "microsoft.app/containerapps": ("azure_container_apps", ConsumerKind.WORKLOAD),
    "microsoft.app/jobs": ("azure_container_apps", ConsumerKind.WORKLOAD),
    "microsoft.containerinstance/containergroups": ("azure_container_instances", ConsumerKind.WORKLOAD),
    "microsoft.automation/automationaccounts": ("azure_automation", ConsumerKind.PIPELINE),
    "microsoft.logic/workflows": ("azure_logic_apps", ConsumerKind.WORKLOAD),
    "microsoft.compute/virtualmachines": ("azure_vm", ConsumerKind.WORKLOAD),
    "microsoft.compute/virtualmachinescalesets": ("azure_vm", ConsumerKind.WORKLOAD),
    "microsoft.containerservice/managedclusters": ("azure_kubernetes", ConsumerKind.WORKLOAD),
    "microsoft.datafactory/factories": ("azure_data_factory", ConsumerKind.PIPELINE),
    "microsoft.machinelearningservices/workspaces": ("azure_machine_learning", ConsumerKind.WORKLOAD),
    "microsoft.resources/deploymentscripts": ("azure_deployment_script", ConsumerKind.PIPELINE),
}
# Type: the kind of resource, the property that rules sign-in by key, whether it forbids it, what holds without it.
_KEYED = {
    "microsoft.storage/storageaccounts": ("storage_account", "allowSharedKeyAccess", False, True),
    "microsoft.cognitiveservices/accounts": ("ai_service", "disableLocalAuth", True, True),
    "microsoft.documentdb/databaseaccounts": ("cosmos_db", "disableLocalAuth", True, True),
    "microsoft.servicebus/namespaces": ("service_bus", "disableLocalAuth", True, True),
    "microsoft.eventhub/namespaces": ("event_hub", "disableLocalAuth", True, True),
    "microsoft.search/searchservices": ("search_service", "disableLocalAuth", True, True),
    "microsoft.appconfiguration/configurationstores": ("app_configuration", "disableLocalAuth", True, True),
    "microsoft.containerregistry/registries": ("container_registry", "adminUserEnabled", False, False),
    "microsoft.signalrservice/signalr": ("signalr", "disableLocalAuth", True, True),
    "microsoft.insights/components": ("application_insights", "DisableLocalAuth", True, True),
}


def deployment(document: Document, book: Book) -> Iterator[Record]:
    """The records of one template or parameter file."""
    if not any(document.root.at(k) for k in ("resources", "parameters")):
        return
    yield from _Azure(document, book).records()


class _Azure:
    """One template and the records that are made of it."""

    __slots__ = ("base", "deployment", "maker", "values")

    def __init__(self, document: Document, book: Book) -> None:
        self.deployment, self.maker = deployment_of(document), Maker(document, book, "azure")
        self.base = f"{book.scope_id}#{document.path}"
        self.values = AzureValues(self.deployment, self.maker, self.base)

    def id_of(self, item: Item) -> str:
        return f"{self.base}:{self.maker.shown(item.key)}"

    def records(self) -> Iterator[Record]:
        """Values first: what they teach is masked in everything that follows."""
        whole = f"{self.base}:(deployment)"
        here = [i for i in self.deployment.items if not i.existing]
        own = list(self.values.parameters(whole))
        for item in here:
            if item.type.lower() not in _CONSUMERS:
                owner = self._owner(item)
                found = self.values.everywhere(owner or whole, item.node)
                own += found if owner else handed_down(found)
        own += self.values.outputs(whole)
        if any(isinstance(r, Use) and r.consumer_id == whole for r in own):
            yield holder(self.maker, whole, "arm", 1)
        for item in here:
            yield from self._item(item)
        yield from own

    def _owner(self, item: Item) -> str | None:
        """The consumer whose settings a resource holds, such as the `config` of a site."""
        if not item.type.lower().startswith("microsoft.web/sites/config"):
            return None
        site = item.parent or self.deployment.meant(
            item.node.at("parent") or item.node.at("name"), "Microsoft.Web/sites"
        )
        return self.id_of(site) if site and not site.existing else None

    def _item(self, item: Item) -> Iterator[Record]:
        kind = item.type.lower()
        if kind == _USER_ASSIGNED.lower():
            yield from self._identity(self.id_of(item), item.name, item)
        elif kind == _FEDERATED:
            yield from self._federated(item)
        elif kind in ASSIGNMENTS:
            yield from self._assignment(item)
        elif kind == "microsoft.keyvault/vaults":
            yield Store(
                **self.maker.seen(self.id_of(item), item.line), provider="azure", kind="key_vault",
                name=self.maker.shown(item.name),
            )  # fmt: skip
        if kind in _CONSUMERS:
            yield from self._consumer(item)
        if kind in _KEYED:
            yield self._keyed(item)

    def _identity(self, identity_id: str, name: str, item: Item) -> Iterator[Record]:
        yield from self.maker.identity(
            IdentityKind.SERVICE_ACCOUNT, identity_id, name, item.line, interactive=False, tags=self._tags(item)
        )

    def _tags(self, item: Item) -> dict[str, str]:
        tags = item.node.at("tags")
        return self.maker.tags((k, literal(n)) for k, n in (tags.map.items() if tags else ()))

    def _consumer(self, item: Item) -> Iterator[Record]:
        mine = self.id_of(item)
        platform, kind = _CONSUMERS[item.type.lower()]
        if "functionapp" in (literal(item.node.at("kind")) or ""):
            platform, kind = "azure_functions", ConsumerKind.FUNCTION
        held = list(self.values.everywhere(mine, item.node))
        tags = self._tags(item)
        yield Consumer(
            **self.maker.seen(mine, item.line), kind=kind, name=self.maker.shown(item.name), platform=platform,
            uri=self.maker.document.path, line=item.line, visibility=self.maker.document.visibility,
            environment=environment(tags), tags=tags,
        )  # fmt: skip
        yield from held
        yield from self.maker.owners(mine, tags, item.line)
        identity = item.node.at("identity")
        if identity is None:
            return
        if "systemassigned" in (literal(identity.at("type")) or "").lower():
            yield from self._identity(f"{mine}#identity", item.name, item)
            yield self.maker.acts_as(mine, f"{mine}#identity", "system_assigned", identity.line)
        assigned = identity.at("userAssignedIdentities")
        for key, node in assigned.map.items() if assigned else ():
            named = self.deployment.meant(type(node)(key, node.line, node.line), _USER_ASSIGNED)
            if named is not None and not named.existing:
                yield self.maker.acts_as(mine, self.id_of(named), "user_assigned", node.line)

    def _federated(self, item: Item) -> Iterator[Record]:
        owner = item.parent or self._above(item)
        issuer = literal(item.properties.at("issuer"))
        if owner is None or owner.existing or issuer is None:
            return
        subject, audiences = literal(item.properties.at("subject")), item.properties.at("audiences")
        yield Trust(
            **self.maker.seen(f"{self.id_of(item)}#trust", item.line),
            principal=self.maker.shown(issuer.partition("://")[2].rstrip("/") or issuer),
            principal_kind=PrincipalKind.OIDC, target_id=self.id_of(owner), kind=TrustKind.FEDERATE,
            subjects=(self.maker.shown(subject),) if subject else ("${subject}",),
            audiences=tuple(self.maker.shown(t) for n in (audiences.list if audiences else ()) if (t := literal(n))),
        )  # fmt: skip

    def _above(self, item: Item) -> Item | None:
        """The identity that a credential declared beside it belongs to: by `parent`, by name, by what it waits for."""
        name = literal(item.node.at("name"))
        same = (i for i in self.deployment.items if i.type.lower() == _USER_ASSIGNED.lower())
        if name and (found := next((i for i in same if i.name == name.split("/")[0]), None)):
            return found
        waits = item.node.at("dependsOn")
        nodes = [item.node.at("parent"), item.node.at("name"), *(waits.list if waits else ())]
        return next((i for n in nodes if n and (i := self.deployment.meant(n, _USER_ASSIGNED))), None)

    def _assignment(self, item: Item) -> Iterator[Record]:
        role = GUID.search(self.deployment.expanded(item.properties.at("roleDefinitionId")))
        if role is None:
            return
        guid = role[0].lower()
        policy_id = f"{self.maker.book.scope_id}#azure:role/{guid}"
        principal = item.properties.at("principalId")
        who = self._principal(principal, item)
        if who is None:
            return
        identity_id, records = who
        yield from records
        yield Policy(
            **self.maker.seen(policy_id, item.line), provider="azure", kind=PolicyKind.PROVIDER,
            name=role_name(guid),
        )  # fmt: skip
        condition = item.properties.at("condition")
        yield self.maker.attached(
            identity_id, policy_id, AttachmentKind.GRANTS, item.line, time_bound=ends_of(item),
            eligible=eligible(item),
            condition=literal(condition) or ("${condition}" if condition is not None and condition.text else None),
        )  # fmt: skip

    def _principal(self, node: Node | None, item: Item) -> tuple[str, list[Record]] | None:
        """Whom an assignment is for: an identity of the template, or one that stands there by its object id."""
        given = literal(node)
        if given and GUID.fullmatch(given):
            said = literal(item.properties.at("principalType")) or ""
            kind = {"User": IdentityKind.USER, "Group": IdentityKind.GROUP}.get(said, IdentityKind.APP)
            mine = f"{self.maker.book.scope_id}#azure:principal/{given.lower()}"
            native = given.lower()
            return mine, list(self.maker.identity(kind, mine, given, item.line, native_id=native))
        if expression(node) is None:
            return None
        if named := self.deployment.meant(node, _USER_ASSIGNED):
            return None if named.existing else (self.id_of(named), [])
        runs = [i for i in self.deployment.items if i.type.lower() in _CONSUMERS and not i.existing]
        found = self.deployment.meant(node, *{i.type for i in runs})
        assigned = literal(found.node.at("identity", "type")) if found else None
        if found is None or "systemassigned" not in (assigned or "").lower():
            return None
        return f"{self.id_of(found)}#identity", []

    def _keyed(self, item: Item) -> Resource:
        kind, key, forbids, without = _KEYED[item.type.lower()]
        said = item.properties.at(key)
        value = said.value if said else None
        local = without if said is None else (value is not forbids) if isinstance(value, bool) else None
        tags = self._tags(item)
        public = {"enabled": None, "disabled": False}.get(
            (literal(item.properties.at("publicNetworkAccess")) or "").lower()
        )
        return Resource(
            **self.maker.seen(f"{self.id_of(item)}", item.line), provider="azure", kind=kind,
            name=self.maker.shown(item.name), local_auth=local, public=public, environment=environment(tags), tags=tags,
        )  # fmt: skip
