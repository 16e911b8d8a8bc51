"""Builds a small organisation from members, roles and places, and asks the analysis about it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime

from nhiscan.analysis.gcp.effective import effective
from nhiscan.analysis.gcp.estate import Estate, Seen, build
from nhiscan.analysis.gcp.names import principal_id
from nhiscan.analysis.gcp.power import Power, power
from nhiscan.analysis.gcp.reach import reach
from nhiscan.analysis.gcp.trusts import trusts
from nhiscan.analysis.gcp.ways import ways
from nhiscan.model import (
    Attachment,
    AttachmentKind,
    Consumer,
    ConsumerKind,
    Effective,
    Identity,
    IdentityKind,
    IdentityState,
    Member,
    Policy,
    PolicyKind,
    Reach,
    Record,
    Scope,
    ScopeKind,
    Trust,
    Use,
    UseHow,
)

NOW = datetime(2026, 11, 1, tzinfo=UTC)
ORG = "gcp:org/1000"
FOLDERS = {"prod": "2000", "payments": "2100", "sandbox": "2200"}
PROJECTS = {"shop": ("3001", "prod"), "pay": ("3003", "payments"), "lab": ("3002", "sandbox")}
MANAGER = "//cloudresourcemanager.googleapis.com"
POOL = "iam.googleapis.com/projects/3001/locations/global/workloadIdentityPools/hub"
READ = {
    "roles/storage.admin": "storage.buckets.create storage.buckets.delete storage.buckets.list storage.objects.delete",
    "roles/iam.serviceAccountKeyAdmin": "iam.serviceAccountKeys.create iam.serviceAccountKeys.delete",
}
KINDS = {"sa": IdentityKind.SERVICE_ACCOUNT, "user": IdentityKind.USER, "group": IdentityKind.GROUP}


def sa(name, project="shop"):
    return f"gcp:sa/{name}@{project}.iam.gserviceaccount.com"


def member(name, project="shop"):
    return f"serviceAccount:{name}@{project}.iam.gserviceaccount.com"


def place(where):
    kind, _, name = where.partition("/")
    match kind:
        case "org":
            return f"{MANAGER}/organizations/1000"
        case "folder":
            return f"{MANAGER}/folders/{FOLDERS[name]}"
        case "project":
            return f"{MANAGER}/projects/{name}"
        case "sa":
            email = name if "@" in name else f"{name}@shop.iam.gserviceaccount.com"
            return f"//iam.googleapis.com/projects/{email.partition('@')[2].partition('.')[0]}/serviceAccounts/{email}"
        case _:
            return where


def row(record: type[Record], id_, scope="gcp:project/shop", **more):
    return record(id=id_, scope_id=scope, source="test", **more)


@dataclass
class World:
    """An organisation with folders, projects and two service accounts in shop."""

    records: dict[str, Record] = field(default_factory=dict)

    def __post_init__(self):
        self.add(row(Scope, ORG, ORG, provider="gcp", kind=ScopeKind.ORGANIZATION, name="acme.example"))
        for name, number in FOLDERS.items():
            parent = f"gcp:folder/{FOLDERS['prod']}" if name == "payments" else ORG
            kind = ScopeKind.ORGANIZATIONAL_UNIT
            self.add(row(Scope, f"gcp:folder/{number}", f"gcp:folder/{number}", provider="gcp", kind=kind, name=name,
                         parent_id=parent))  # fmt: skip
        for name, (number, folder) in PROJECTS.items():
            parent = f"gcp:folder/{FOLDERS[folder]}"
            scope = f"gcp:project/{name}"
            self.add(row(Scope, scope, scope, provider="gcp", kind=ScopeKind.ACCOUNT, name=name, parent_id=parent))
            self.identity(f"gcp:pool/projects/{number}/locations/global/workloadIdentityPools/base",
                          IdentityKind.IDENTITY_POOL, scope)  # fmt: skip
        self.account("ci")
        self.account("deploy")
        # Roles whose documents were read; the others are known by heart.
        for name, permissions in READ.items():
            self.role(name, {"includedPermissions": permissions.split()})

    def add(self, record):
        self.records[f"{record.table} {record.id}"] = record
        return record.id

    def identity(self, id_, kind, scope="gcp:project/shop", **more):
        return self.add(row(Identity, id_, scope, provider="gcp", kind=kind, name=id_.rpartition("/")[2], **more))

    def account(self, name, project="shop", **more):
        return self.identity(sa(name, project), IdentityKind.SERVICE_ACCOUNT, f"gcp:project/{project}", **more)

    def user(self, email):
        return self.identity(f"gcp:user/{email}", IdentityKind.USER)

    def disable(self, name):
        self.account(name, state=IdentityState.DISABLED)

    def role(self, name, body):
        kind = PolicyKind.PROVIDER if name.startswith("roles/") else PolicyKind.MANAGED
        document = None if body is None else json.dumps(body)
        return self.add(row(Policy, f"gcp:{name}", provider="gcp", kind=kind, name=name, document=document))

    def custom(self, name, *permissions):
        self.role(f"projects/shop/roles/{name}", {"includedPermissions": list(permissions)})
        return f"projects/shop/roles/{name}"

    def may(self, who, where, *permissions, condition=None):
        """Give exactly these permissions, by a role of their own."""
        role = self.custom(f"r{len(self.records)}", *permissions)
        self.bind(who, role, where, condition)

    def group(self, email, *members):
        self.identity(f"gcp:group/{email}", IdentityKind.GROUP)
        for one in members:
            id_ = principal_id(one)
            self.add(row(Member, f"{id_}>{email}", identity_id=id_, group_id=f"gcp:group/{email}"))

    def resource(self, name, project):
        self.bind("group:nobody@acme.example", "roles/none", name, scope=f"gcp:project/{project}")

    def bind(self, who, role, where, condition=None, *, eligible=None, scope="gcp:project/shop"):
        id_, target = principal_id(who), place(where)
        expression = json.dumps({"expression": condition, "title": "t"}) if condition else None
        self.add(row(Attachment, f"{target}#{role}>{id_}#{len(self.records)}", scope, policy_id=f"gcp:{role}",
                     principal_id=id_, kind=AttachmentKind.GRANTS, target_id=target, condition=expression,
                     eligible=eligible))  # fmt: skip

    def deny(self, at, **rule):
        policy = f"gcp:deny/{len(self.records)}"
        document = json.dumps({"rules": [{"denyRule": rule}]})
        self.add(row(Policy, policy, provider="gcp", kind=PolicyKind.DENY, name="deny", document=document))
        for n, who in enumerate([*rule.get("deniedPrincipals", []), *rule.get("exceptionPrincipals", [])]):
            kind = AttachmentKind.DENIES if who in rule.get("deniedPrincipals", []) else AttachmentKind.EXEMPT
            self.add(row(Attachment, f"{policy}>{n}", policy_id=policy, principal_id=who, kind=kind,
                         target_id=place(at)))  # fmt: skip

    def workload(self, name, platform, account, project="shop", tags=()):
        scope = f"gcp:project/{project}"
        id_ = self.add(row(Consumer, f"gcp:{platform}/{name}", scope, kind=ConsumerKind.WORKLOAD, name=name,
                           platform=platform, tags=dict(tags)))  # fmt: skip
        self.add(row(Use, f"{id_}#runs_as/{account}", scope, consumer_id=id_, identity_id=account, how=UseHow.RUNS_AS))

    def provider(self, name, pool="hub", *, kind=IdentityKind.OIDC_PROVIDER, state=IdentityState.ENABLED, **tags):
        base = f"gcp:pool/projects/3001/locations/global/workloadIdentityPools/{pool}"
        if f"identity {base}" not in self.records:
            self.identity(base, IdentityKind.IDENTITY_POOL)
        return self.identity(f"{base}/providers/{name}", kind, tags=tags, state=state)

    def of(self, record):
        return [r for r in self.records.values() if isinstance(r, record)]

    def estate(self) -> Estate:
        kinds = (Identity, Policy, Attachment, Member, Scope, Use, Consumer)
        return build(Seen(*(self.of(k) for k in kinds)), NOW)

    def power(self) -> tuple[Estate, Power]:
        estate = self.estate()
        return estate, power(estate, ways(estate))

    def able(self, who) -> dict[str, Effective]:
        """Capabilities of one identity: `capability:method` by what is known of it."""
        estate, found = self.power()
        rows = [e for e in effective(estate, found) if e.identity_id == who]
        return {f"{e.capability}:{e.method}": e for e in rows}

    def reached(self, who) -> dict[str, Reach]:
        estate, found = self.power()
        return {r.target_id: r for r in reach(estate, found) if r.identity_id == who}

    def trusts(self) -> list[Trust]:
        return list(trusts(self.estate()))
