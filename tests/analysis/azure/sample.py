"""A tenant in the making: invented ids, three subscriptions, and whatever a test adds."""

from __future__ import annotations

import json
import uuid
from typing import Any

from nhiscan.analysis.azure.effective import abilities, effective
from nhiscan.analysis.azure.estate import Records, build
from nhiscan.analysis.azure.grants import grants
from nhiscan.analysis.azure.reach import reach
from nhiscan.analysis.azure.ways import ways
from nhiscan.model import (
    Attachment,
    AttachmentKind,
    Consumer,
    ConsumerKind,
    Identity,
    IdentityKind,
    IdentityState,
    Member,
    Policy,
    PolicyKind,
    PrincipalKind,
    Resource,
    Scope,
    ScopeKind,
    Trust,
    TrustKind,
    Use,
    UseHow,
)

TENANT = "aaaaaaaa-0000-4000-8000-000000000001"
SUBS = {name: f"{name * 8}-0000-4000-8000-00000000000{n}" for n, name in enumerate("abc")}
GRAPH = "00000003-0000-0000-c000-000000000000"
OWNER = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
AT = {"scope_id": f"azure:tenant/{TENANT}", "source": "test"}
MG = "/providers/Microsoft.Management/managementGroups/"
PRIVILEGED = {
    "Owner": {"actions": ["*"]},
    "Contributor": {
        "actions": ["*"],
        "notActions": [
            "Microsoft.Authorization/*/Delete",
            "Microsoft.Authorization/*/Write",
            "Microsoft.Authorization/elevateAccess/Action",
        ],
    },
    "Reader": {"actions": ["*/read"]},
    "User Access Administrator": {"actions": ["*/read", "Microsoft.Authorization/*", "Microsoft.Support/*"]},
    "Role Based Access Control Administrator": {
        "actions": [
            "Microsoft.Authorization/roleAssignments/write",
            "Microsoft.Authorization/roleAssignments/delete",
            "*/read",
        ]
    },
    "Storage Blob Data Reader": {
        "actions": ["Microsoft.Storage/storageAccounts/blobServices/containers/read"],
        "dataActions": ["Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read"],
    },
}


def guid(name: str) -> str:
    """A made-up id that stays the same; an id stays itself."""
    try:
        return str(uuid.UUID(name))
    except ValueError:
        return str(uuid.uuid5(uuid.NAMESPACE_URL, name))


def who(name: str) -> str:
    return f"entra:{TENANT}/everyone" if name == "everyone" else f"entra:{TENANT}/{guid(name)}"


def place(said: str) -> str:
    """`root`, `mg:corp`, `sub:a`, `a/group`, `a/group/Provider/type/name…`, `registration:app`, or the scope itself."""
    if said == "root":
        return "/"
    if said.startswith("mg:"):
        return MG + (TENANT if said == "mg:root" else said[3:])
    if said.startswith("sub:"):
        return f"/subscriptions/{SUBS[said[4:]]}"
    if said.startswith("registration:"):
        return "/" + guid("registration of " + said[13:])
    if said.startswith("/"):
        return said
    sub, group, *rest = said.split("/", 2)
    return f"/subscriptions/{SUBS[sub]}/resourceGroups/{group}" + (f"/providers/{rest[0]}" if rest else "")


class Tenant:
    """Records by table; every method gives the id of what it made."""

    def __init__(self) -> None:
        self.rows: dict[type, list[Any]] = {
            t: [] for t in (Identity, Policy, Attachment, Member, Scope, Trust, Consumer, Use, Resource)
        }
        self.known: dict[str, str] = {}
        for name, parent in (
            ("corp", f"azure:tenant/{TENANT}"),
            ("prod", "azure:mg/corp"),
            ("sandbox", "azure:mg/corp"),
        ):
            self.scope(f"azure:mg/{name}", ScopeKind.ORGANIZATIONAL_UNIT, parent)
        for name, parent in (("a", "azure:mg/prod"), ("b", "azure:mg/sandbox"), ("c", None)):
            self.scope(f"azure:sub/{SUBS[name]}", ScopeKind.ACCOUNT, parent)
        for name, body in PRIVILEGED.items():
            self.role(name, body)

    def scope(self, scope_id: str, kind: ScopeKind, parent: str | None) -> None:
        self.rows[Scope].append(
            Scope(
                id=scope_id,
                scope_id=scope_id,
                source="test",
                provider="azure",
                kind=kind,
                name=scope_id,
                parent_id=parent,
            )
        )

    def identity(
        self, name: str, kind: IdentityKind = IdentityKind.APP, state: str | None = "enabled", **more: Any
    ) -> str:
        tags = more.pop("tags", {"application": guid("registration of " + name)} if kind is IdentityKind.APP else {})
        self.rows[Identity].append(
            Identity(
                id=who(name),
                provider="azure",
                kind=kind,
                name=name,
                state=IdentityState(state) if state else None,
                tags=tags,
                **more,
                **AT,
            )
        )
        return who(name)

    def group(self, name: str, **tags: str) -> str:
        return self.identity(name, IdentityKind.GROUP, None, tags=tags)

    def role(self, name: str, body: dict[str, Any] | None, policy_id: str | None = None) -> str:
        document = None
        if body is not None:
            entries = body.get("permissions") or [{k: v for k, v in body.items() if k != "assignableScopes"}]
            document = json.dumps({"permissions": entries, "assignableScopes": body.get("assignableScopes", ["/"])})
        kind = PolicyKind.PROVIDER if name in PRIVILEGED or name == guid(name) else PolicyKind.MANAGED
        tenant = "" if kind is PolicyKind.PROVIDER else f"{TENANT}/"
        return self.policy(name, policy_id or f"azure:role/{tenant}{guid(name)}", kind, document)

    def directory_role(self, name: str, body: Any) -> str:
        document = None
        if body is not None:
            body = {"actions": body} if isinstance(body, list) else body
            entry = {
                "allowedResourceActions": body["actions"],
                **({"condition": body["condition"]} if "condition" in body else {}),
            }
            document = json.dumps(
                {"rolePermissions": [entry], **({"isEnabled": False} if body.get("disabled") else {})}
            )
        built_in = name == guid(name)
        return self.policy(
            name,
            f"entra:role/{'' if built_in else TENANT + '/'}{guid(name)}",
            PolicyKind.PROVIDER if built_in else PolicyKind.MANAGED,
            document,
        )

    def policy(self, name: str, policy_id: str, kind: PolicyKind, document: str | None) -> str:
        self.rows[Policy] = [p for p in self.rows[Policy] if p.id != policy_id]
        self.rows[Policy].append(Policy(id=policy_id, provider="azure", kind=kind, name=name, document=document, **AT))
        self.known[name] = policy_id
        return policy_id

    def attach(self, policy_id: str, principal: str, kind: AttachmentKind, at: str | None, **more: Any) -> None:
        number = len(self.rows[Attachment])
        self.rows[Attachment].append(
            Attachment(
                id=f"{policy_id}#{kind}/{number:05}",
                policy_id=policy_id,
                principal_id=principal,
                kind=kind,
                target_id=at,
                **more,
                **AT,
            )
        )

    def assign(self, role: str, to: str, at: str = "root", **more: Any) -> None:
        self.attach(self.known[role], who(to), AttachmentKind.GRANTS, place(at), **more)

    def permit(self, to: str, value: str, api: str = GRAPH) -> None:
        """An application permission."""
        policy_id = self.policy(
            f"{api}:{value}",
            f"entra:app_role/{api}/{value}",
            PolicyKind.PROVIDER,
            json.dumps({"resource": api, "value": value}),
        )
        self.attach(policy_id, who(to), AttachmentKind.GRANTS, f"entra:{TENANT}")

    def delegate(self, to: str, value: str, consent: str | None) -> None:
        policy_id = self.policy(f"delegated {value}", f"entra:delegated/{GRAPH}/{value}", PolicyKind.PROVIDER, "{}")
        self.attach(policy_id, who(to), AttachmentKind.GRANTS, f"entra:{TENANT}", condition=consent)

    def deny(self, said: dict[str, Any]) -> None:
        number = sum(p.kind is PolicyKind.DENY for p in self.rows[Policy])
        lists = {k: said[k] for k in ("actions", "notActions", "dataActions", "notDataActions") if k in said}
        document = (
            None
            if said.get("unread")
            else json.dumps({"permissions": [lists], "doNotApplyToChildScopes": not said.get("children", True)})
        )
        policy_id = self.policy(f"denial {number}", f"azure:deny/{number}", PolicyKind.DENY, document)
        for key, kind in (("principals", AttachmentKind.DENIES), ("exempt", AttachmentKind.EXEMPT)):
            for name in said.get(key, ()):
                self.attach(policy_id, who(name), kind, place(said["at"]), condition=said.get("condition"))

    def access_policy(self, vault: str, to: str, **permissions: list[str]) -> None:
        """As azure.key_vaults writes it: the words of the vault, and the data actions they stand for."""
        where, words = place(vault).lower(), {"get": "getSecret/action", "list": "readMetadata/action", "all": "*"}
        actions = [f"Microsoft.KeyVault/vaults/{kind}/{words[w]}" for kind, said in permissions.items() for w in said]
        document = json.dumps({"permissions": [{"dataActions": actions}], "accessPolicy": permissions})
        policy_id = self.policy(f"{vault} {to}", f"{where}#access_policy/{guid(to)}", PolicyKind.RESOURCE, document)
        self.attach(policy_id, who(to), AttachmentKind.GRANTS, where)

    def vault(self, vault: str, authorization: str) -> None:
        """A key vault that tells how it authorizes requests for its data."""
        where = place(vault).lower()
        self.rows[Resource].append(
            Resource(
                id=where,
                provider="azure",
                kind="key_vault",
                name=where.rpartition("/")[2],
                tags={"authorization": authorization},
                **AT,
            )
        )

    def member(self, name: str, group: str) -> None:
        self.rows[Member].append(Member(id=f"{name}>{group}", identity_id=who(name), group_id=who(group), **AT))

    def trust(self, principal: str, target: str, kind: TrustKind = TrustKind.IMPERSONATE, **more: Any) -> None:
        more = {"principal_kind": PrincipalKind.IDENTITY, **more}
        number = len(self.rows[Trust])
        self.rows[Trust].append(
            Trust(id=f"trust/{number}", principal=principal, target_id=who(target), kind=kind, **more, **AT)
        )

    def owner(self, name: str, target: str) -> None:
        self.trust(who(name), target)

    def runs(self, resource: str, platform: str, as_: str) -> None:
        """A workload that runs as a managed identity, both made where they are not there."""
        consumer = place(resource).lower()
        if who(as_) not in {i.id for i in self.rows[Identity]}:
            self.identity(as_, IdentityKind.MANAGED_IDENTITY, native_id=consumer)
        self.rows[Consumer].append(
            Consumer(id=consumer, kind=ConsumerKind.WORKLOAD, name=resource.rpartition("/")[2], platform=platform, **AT)
        )
        self.rows[Use].append(
            Use(
                id=f"{consumer}#runs_as/{who(as_)}",
                consumer_id=consumer,
                identity_id=who(as_),
                how=UseHow.RUNS_AS,
                **AT,
            )
        )

    def user_assigned(self, name: str, group: str = "a/ids") -> str:
        native = place(f"{group}/Microsoft.ManagedIdentity/userAssignedIdentities/{name}").lower()
        return self.identity(name, IdentityKind.MANAGED_IDENTITY, native_id=native)

    def built(self) -> Any:
        rows = self.rows
        return build(
            Records(
                identities=rows[Identity], policies=rows[Policy], attachments=rows[Attachment], members=rows[Member],
                scopes=rows[Scope], trusts=rows[Trust], consumers=rows[Consumer], uses=rows[Use], resources=rows[Resource],
            )
        )  # fmt: skip

    def effective(self) -> list[Any]:
        estate = self.built()
        return list(effective(estate, abilities(estate, ways(estate))))

    def able(self, name: str) -> dict[str, str]:
        """Certainty by `capability:method`, the scope of a method left out."""
        found: dict[str, str] = {}
        for row in self.effective():
            if row.identity_id == who(name):
                key = f"{row.capability}:{(row.method or '').partition('@')[0]}"
                found[key] = min(str(row.certainty), found.get(key, "conditional"))
        return found

    def capabilities(self, name: str) -> dict[str, str]:
        """The surest certainty of each capability."""
        found: dict[str, str] = {}
        for key, certainty in self.able(name).items():
            capability = key.partition(":")[0]
            found[capability] = min(certainty, found.get(capability, "conditional"))
        return found

    def ways(self, name: str) -> dict[str, str]:
        """Escalations by method."""
        return {k.partition(":")[2]: v for k, v in self.able(name).items() if k.startswith("escalate:")}

    def reach(self) -> dict[tuple[str, str], Any]:
        estate = self.built()
        edges = ways(estate)
        return {(r.identity_id, r.target_id): r for r in reach(estate, edges, abilities(estate, edges))}

    def grants(self) -> list[Any]:
        return list(grants(self.built()))

    def unassign(self, name: str) -> None:
        """Take every assignment away from somebody."""
        self.rows[Attachment] = [a for a in self.rows[Attachment] if a.principal_id != who(name)]
