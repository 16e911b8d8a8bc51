"""An invented organisation of any size, as Google's APIs would tell it, with a table of what is true of it.

Everything follows from numbers, so an estate is the same on every machine.  Rows are what the REST APIs answer; what
Cloud Asset Inventory makes of them is in google_rest.py.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from tests.twins.google_things import Things, plant

ORG, FOLDER = "710000000001", "220000000001"
GITHUB = "https://token.actions.githubusercontent.com"
OWNER = "kim.aoki@acme.example"
ROLES = {
    "roles/owner": ["iam.serviceAccountKeys.create", "resourcemanager.projects.setIamPolicy"],
    "roles/editor": ["compute.instances.create", "iam.serviceAccounts.actAs"],
    "roles/viewer": ["compute.instances.get"],
    "roles/storage.admin": ["storage.buckets.setIamPolicy", "storage.objects.get"],
    "roles/iam.serviceAccountTokenCreator": ["iam.serviceAccounts.getAccessToken"],
    "roles/iam.workloadIdentityUser": ["iam.serviceAccounts.getAccessToken", "iam.serviceAccounts.getOpenIdToken"],
    "roles/run.invoker": ["run.routes.invoke"],
    "roles/secretmanager.secretAccessor": ["secretmanager.versions.access"],
}
BEGIN, BORN = "2024-01-01T07:00:00Z", "2025-02-03T08:00:00Z"
_ETERNAL = "9999-12-31T23:59:59Z"


@dataclass
class Estate:
    """Rows by kind and project, and what an inventory must hold of them (ids as nhiscan writes them)."""

    accounts: dict[str, list[dict]] = field(default_factory=lambda: defaultdict(list))
    keys: dict[str, list[dict]] = field(default_factory=lambda: defaultdict(list))
    api_keys: dict[str, list[dict]] = field(default_factory=lambda: defaultdict(list))
    pools: dict[str, list[dict]] = field(default_factory=lambda: defaultdict(list))
    providers: dict[str, list[dict]] = field(default_factory=lambda: defaultdict(list))
    hmac_keys: dict[str, list[dict]] = field(default_factory=lambda: defaultdict(list))
    policies: dict[str, dict] = field(default_factory=dict)
    custom_roles: dict[str, dict] = field(default_factory=dict)
    denials: dict[str, list[dict]] = field(default_factory=lambda: defaultdict(list))
    used: dict[str, str | None] = field(default_factory=dict)
    numbers: dict[str, str] = field(default_factory=dict)
    identities: set[str] = field(default_factory=set)
    credentials: set[str] = field(default_factory=set)
    grants: set[tuple[str, str, str]] = field(default_factory=set)
    never: set[str] = field(default_factory=set)
    things: Things = field(default_factory=Things)

    @property
    def projects(self) -> list[str]:
        """The ids of the projects."""
        return list(self.numbers)

    @property
    def direct(self) -> set[tuple[str, str, str]]:
        """The grants that are told without an inventory: on what holds projects, and on accounts."""
        hosts = ("//cloudresourcemanager.googleapis.com/", "//iam.googleapis.com/")
        return {grant for grant in self.grants if grant[2].startswith(hosts)}


def planted(accounts: int = 12, projects: int = 3) -> Estate:
    """An organisation with so many service accounts, spread over so many projects of one folder."""
    estate = Estate()
    for n in range(projects):
        _project(estate, n)
    names = estate.projects
    for n in range(accounts):
        _account(estate, names[n % projects], n)
    shop, number = names[0], estate.numbers[names[0]]
    role = f"organizations/{ORG}/roles/keyAuditor"
    estate.custom_roles[role] = {
        "name": role, "title": "Key auditor", "stage": "GA", "includedPermissions": ["iam.serviceAccountKeys.list"],
    }  # fmt: skip
    _bind(estate, f"organizations/{ORG}", role, "user:dana.reyes@acme.example", "gcp:user/dana.reyes@acme.example")
    _bind(estate, f"folders/{FOLDER}", "roles/viewer", "group:devs@acme.example", "gcp:group/devs@acme.example")
    pool = f"projects/{number}/locations/global/workloadIdentityPools/github"
    estate.pools[shop].append({"name": pool, "displayName": "GitHub", "state": "ACTIVE"})
    estate.providers[pool].append({
        "name": f"{pool}/providers/actions", "state": "ACTIVE", "oidc": {"issuerUri": GITHUB},
        "attributeCondition": "assertion.repository_owner == 'acme'",
        "attributeMapping": {"google.subject": "assertion.sub", "attribute.repository": "assertion.repository"},
    })  # fmt: skip
    estate.identities |= {f"gcp:pool/{pool}", f"gcp:pool/{pool}/providers/actions"}
    first = estate.accounts[shop][0]["email"]
    member = f"principalSet://iam.googleapis.com/{pool}/attribute.repository/acme/shop"
    target = f"//iam.googleapis.com/projects/{shop}/serviceAccounts/{first}"
    _bind(estate, target, "roles/iam.workloadIdentityUser", member, member.replace("principalSet://", "gcp:principal/"))
    estate.denials[f"organizations/{ORG}"].append({
        "name": f"policies/cloudresourcemanager.googleapis.com%2Forganizations%2F{ORG}/denypolicies/no-keys",
        "uid": "6665c437-1111-4222-8333-000000000001", "kind": "DenyPolicy", "displayName": "No new keys",
        "rules": [{"denyRule": {
            "deniedPrincipals": ["principalSet://goog/public:all"],
            "exceptionPrincipals": ["principalSet://goog/group/key-admins@acme.example"],
            "deniedPermissions": ["iam.googleapis.com/serviceAccountKeys.create"],
        }}],
    })  # fmt: skip
    plant(estate)
    _opened(estate, shop)
    return estate


def _opened(estate: Estate, project: str) -> None:
    """A service that anybody may call, and a secret that its account may read."""
    service = next(r for r in estate.things.assets if r.type == "run.googleapis.com/Service")
    _bind(estate, service.full, "roles/run.invoker", "allUsers", "gcp:allUsers")
    secret = next(r for r in estate.things.assets if r.type == "secretmanager.googleapis.com/Secret")
    email = service.data["spec"]["template"]["spec"]["serviceAccountName"]
    named = secret.full.replace(f"/{estate.numbers[project]}/", f"/{project}/")
    _bind(estate, named, "roles/secretmanager.secretAccessor", f"serviceAccount:{email}", f"gcp:sa/{email}")
    estate.things.bound |= {service.full: (service.full, service.type), named: (secret.full, secret.type)}


def _project(estate: Estate, n: int) -> None:
    project = f"acme-{'shop' if n == 0 else f'data-{n}'}"
    estate.numbers[project] = f"31{n + 1:010d}"
    _bind(estate, f"projects/{project}", "roles/owner", f"user:{OWNER}", f"gcp:user/{OWNER}")
    _add(estate, project, f"{estate.numbers[project]}-compute@developer.gserviceaccount.com", 900_000 + n)
    estate.never.add(f"gcp:sa/{estate.accounts[project][-1]['email']}")
    compute = f"{estate.numbers[project]}-compute@developer.gserviceaccount.com"
    _bind(estate, f"projects/{project}", "roles/editor", f"serviceAccount:{compute}", f"gcp:sa/{compute}")


def _add(estate: Estate, project: str, email: str, n: int) -> None:
    number = f"1{n:020d}"
    row = {"name": f"projects/{project}/serviceAccounts/{email}", "projectId": project, "uniqueId": number,
           "email": email, "oauth2ClientId": number, "displayName": f"account {n}"}  # fmt: skip
    estate.accounts[project].append(row)
    estate.identities.add(f"gcp:sa/{email}")


def _account(estate: Estate, project: str, n: int) -> None:
    email = f"worker-{n:05d}@{project}.iam.gserviceaccount.com"
    _add(estate, project, email, n)
    if n % 7 == 3:
        estate.accounts[project][-1]["disabled"] = True
    own = f"gcp:sa/{email}"
    estate.used[own] = "2026-10-29T07:00:00Z" if n % 2 else None
    _key(estate, email, f"{n:040x}", "USER_MANAGED", _ETERNAL)
    if n % 2 == 0:
        estate.never |= {own, f"{own}#key/{n:040x}"}
    if n % 5 == 0:
        uid = f"0b7c1f0e-1111-4a22-8c33-{n:012d}"
        estate.api_keys[project].append({
            "name": f"projects/{estate.numbers[project]}/locations/global/keys/{uid}", "uid": uid,
            "displayName": f"key {n}", "createTime": BORN, "serviceAccountEmail": email,
        })  # fmt: skip
        estate.credentials.add(f"gcp:api_key/{project}/{uid}")
        estate.never.discard(own)
    if n % 6 == 0:
        estate.hmac_keys[project].append({
            "kind": "storage#hmacKeyMetadata", "id": f"{project}/HMACEXAMPLE{n}", "accessId": f"HMACEXAMPLE{n}",
            "projectId": project, "serviceAccountEmail": email, "state": "ACTIVE", "timeCreated": BORN,
        })  # fmt: skip
        estate.credentials.add(f"gcp:hmac_key/HMACEXAMPLE{n}")
    if n % 4 == 0:
        _bind(estate, f"projects/{project}", "roles/storage.admin", f"serviceAccount:{email}", own)
    if n % 10 == 1:
        first = estate.accounts[project][0]["email"]
        target = f"//iam.googleapis.com/projects/{project}/serviceAccounts/{email}"
        _bind(estate, target, "roles/iam.serviceAccountTokenCreator", f"serviceAccount:{first}", f"gcp:sa/{first}")


def _key(estate: Estate, email: str, number: str, type_: str, end: str) -> None:
    project = email.partition("@")[2].removesuffix(".iam.gserviceaccount.com")
    estate.keys[email].append({
        "name": f"projects/{project}/serviceAccounts/{email}/keys/{number}", "keyType": type_,
        "keyOrigin": "GOOGLE_PROVIDED", "keyAlgorithm": "KEY_ALG_RSA_2048", "validAfterTime": BORN,
        "validBeforeTime": end,
    })  # fmt: skip
    own = f"gcp:sa/{email}#key/{number}"
    estate.credentials.add(own)
    estate.used[own] = estate.used.get(f"gcp:sa/{email}")


def _bind(estate: Estate, where: str, role: str, member: str, principal: str) -> None:
    target = where if where.startswith("//") else f"//cloudresourcemanager.googleapis.com/{where}"
    policy = estate.policies.setdefault(target, {"version": 1, "etag": "BwY=", "bindings": []})
    same = next((b for b in policy["bindings"] if b["role"] == role), None)
    if same is None:
        policy["bindings"].append({"role": role, "members": [member]})
    else:
        same["members"].append(member)
    estate.grants.add((f"gcp:{role}", principal, target))
