"""A twin of Google's REST APIs over an invented organisation (google_estate.py), all services behind one address.

`/<service>/<path>`, as nhiscan's endpoint `gcp=http://…` makes it.  Answers and query names are those of the discovery
documents (google_names.py); Cloud Asset Inventory names service accounts by number and projects by number, as it does.
`closed` names services that are switched off for the caller (403 with SERVICE_DISABLED).
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from tests.twins import google_names
from tests.twins.exchange import Answer, RefusedRequestError, Request, Route
from tests.twins.google_estate import BEGIN, BORN, FOLDER, ORG, ROLES, Estate
from tests.twins.google_services import Services
from tests.twins.paging import GOOGLE, Paging

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

CRM = "//cloudresourcemanager.googleapis.com"
_PROJECT = r"(?P<project>[a-z0-9-]+)"
_ABOVE = rf"(?P<parent>organizations/{ORG}|folders/{FOLDER}|projects/[a-z0-9-]+)"
_END = "2026-10-30T07:00:00Z"
SCOPE = "https://www.googleapis.com/auth/cloud-platform"


class GoogleTwin(Services):
    """All of Google over an estate."""

    realm = "google"

    def __init__(self, estate: Estate) -> None:
        self.estate = estate
        self.closed: set[str] = set()
        self.methods: dict[str, tuple[str, str]] = {}
        self.fewest: dict[tuple[str, ...], int] = {}
        """The pages that each list takes when they are as long as the service makes them."""
        super().__init__()

    def error(self, status: int, code: str, message: str) -> object:
        """google.rpc.Status (AIP-193)."""
        return {"error": {"code": status, "status": code, "message": message}}

    def denied(self, route: Route) -> Answer:
        """PERMISSION_DENIED."""
        return Answer(self.error(403, "PERMISSION_DENIED", "no"), 403)

    def unauthorized(self) -> Answer:
        """UNAUTHENTICATED."""
        return Answer(self.error(401, "UNAUTHENTICATED", "token"), 401)

    def check(self, request: Request, answer: Answer) -> Iterable[str]:
        """What the discovery document of the method does not know."""
        if request.route in self.methods and answer.status == 200:
            return google_names.faults(*self.methods[request.route], answer.body)
        return ()

    def page(self, request: Request, rows: Sequence[object], paging: Paging, **more: object) -> Answer:
        """As of any twin; it also notes how many pages there have to be."""
        asked = sorted(f"{k}={v}" for k, v in request.query.items() if k not in {paging.token, paging.size})
        self.fewest[request.route, request.path, *asked] = max(1, -(-len(rows) // paging.most))
        return super().page(request, rows, paging, **more)

    def _early(self, request: Request, route: Route) -> Answer | None:
        if request.route.partition(":")[0] in self.closed:
            info = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "SERVICE_DISABLED"}
            body = {"error": {"code": 403, "status": "PERMISSION_DENIED", "message": "off", "details": [info]}}
            return Answer(body, 403)
        return None if request.route == "token" else super()._early(request, route)

    # The table of operations.

    def routes(self) -> Iterator[Route]:
        """Every operation that nhiscan.collectors.gcp makes."""
        yield Route("token", "/token", self._sign_in, method="POST")
        yield from self._assets_routes()
        yield from self._iam_routes()
        yield from self._manager_routes()
        yield from self._other_routes()
        yield from self.service_routes()

    def described(
        self, api: str, name: str, pattern: str, answer: Callable[[Request], Answer], *permissions: str, own: str = "",
        method: str = "GET",
    ) -> Route:  # fmt: skip
        """A route whose query names and answers are those of a discovery document."""
        service = api.partition(".")[0]
        route = f"{service}:{own or name}"
        self.methods[route] = (api, name)
        return Route(route, f"/{service}{pattern}", answer, google_names.queries(api, name), permissions, method)

    def _assets_routes(self) -> Iterator[Route]:
        api = "cloudasset.v1"
        # One path whose permission depends on what content is asked for.
        yield self.described(api, "assets.list", rf"/v1/{_ABOVE}/assets", self._assets)
        yield self.described(
            api, "v1.searchAllResources", rf"/v1/{_ABOVE}:searchAllResources", self._search,
            "cloudasset.assets.searchAllResources",
        )  # fmt: skip

    def _iam_routes(self) -> Iterator[Route]:
        one, two = "iam.v1", "iam.v2"
        project, account = f"/v1/projects/{_PROJECT}", r"(?P<email>[^/:]+)"
        yield self.described(one, "roles.list", "/v1/roles", self._roles, "iam.roles.list")
        yield self.described(
            one, "roles.get", r"/v1/(?P<role>(?:[a-z]+/[^/]+/)?roles/[^/]+)", self._role, "iam.roles.get"
        )
        lists = "projects.serviceAccounts.list"
        yield self.described(one, lists, f"{project}/serviceAccounts", self._accounts, "iam.serviceAccounts.list")
        keys = "projects.serviceAccounts.keys.list"
        yield self.described(
            one, keys, f"{project}/serviceAccounts/{account}/keys", self._keys, "iam.serviceAccountKeys.list"
        )
        yield self.described(
            one, "projects.serviceAccounts.getIamPolicy", f"{project}/serviceAccounts/{account}:getIamPolicy",
            self._policy_of_account, "iam.serviceAccounts.getIamPolicy", method="POST",
        )  # fmt: skip
        pools = "projects.locations.workloadIdentityPools"
        path = f"{project}/locations/global/workloadIdentityPools"
        yield self.described(one, f"{pools}.list", path, self._pools, "iam.googleapis.com/workloadIdentityPools.list")
        yield self.described(
            one, f"{pools}.providers.list", rf"{path}/(?P<pool>[^/]+)/providers", self._providers,
            "iam.googleapis.com/workloadIdentityPoolProviders.list",
        )  # fmt: skip
        yield self.described(
            one, "locations.workforcePools.list", "/v1/locations/global/workforcePools", self._empty("workforcePools"),
            "iam.googleapis.com/workforcePools.list",
        )  # fmt: skip
        yield self.described(
            one, "projects.locations.oauthClients.list", f"{project}/locations/global/oauthClients",
            self._empty("oauthClients"), "iam.oauthClients.list",
        )  # fmt: skip
        point = r"/v2/policies/cloudresourcemanager\.googleapis\.com%2F(?P<point>[^/]+)/denypolicies"
        yield self.described(two, "policies.listPolicies", point, self._denials, "iam.denypolicies.list")
        yield self.described(two, "policies.get", rf"{point}/(?P<own>[^/]+)", self._denial, "iam.denypolicies.get")

    def _manager_routes(self) -> Iterator[Route]:
        api = "cloudresourcemanager.v3"
        yield self.described(api, "projects.search", "/v3/projects:search", self._projects)
        yield self.described(api, "folders.search", "/v3/folders:search", self._folders)
        yield self.described(api, "organizations.search", "/v3/organizations:search", self._organizations)
        yield self.described(
            api, "projects.get", f"/v3/projects/{_PROJECT}", self._project, "resourcemanager.projects.get"
        )
        yield self.described(api, "folders.get", f"/v3/folders/{FOLDER}", self._folder, "resourcemanager.folders.get")
        for kind, name in (("projects", "[a-z0-9-]+"), ("folders", FOLDER), ("organizations", ORG)):
            yield self.described(
                api, f"{kind}.getIamPolicy", rf"/v3/(?P<name>{kind}/{name}):getIamPolicy", self._policy,
                f"resourcemanager.{kind}.getIamPolicy", method="POST",
            )  # fmt: skip

    def _other_routes(self) -> Iterator[Route]:
        yield self.described(
            "apikeys.v2", "projects.locations.keys.list", f"/v2/projects/{_PROJECT}/locations/global/keys",
            self._api_keys, "apikeys.keys.list",
        )  # fmt: skip
        for kind in ("organizations", "folders", "projects"):
            yield self.described(
                "orgpolicy.v2", f"{kind}.policies.getEffectivePolicy",
                rf"/v2/(?P<parent>{kind}/[a-z0-9-]+)/policies/(?P<constraint>iam\.[\w.]+):getEffectivePolicy",
                self._effective, "orgpolicy.policy.get",
            )  # fmt: skip
        yield self.described(
            "storage.v1", "projects.hmacKeys.list", f"/storage/v1/projects/{_PROJECT}/hmacKeys", self._hmac_keys,
            "storage.hmacKeys.list",
        )  # fmt: skip
        for kind in ("serviceAccount", "serviceAccountKey"):
            yield self.described(
                "policyanalyzer.v1", "projects.locations.activityTypes.activities.query",
                f"/v1/projects/{_PROJECT}/locations/global/activityTypes/(?P<kind>{kind}LastAuthentication)/activities:query",
                self._activity, f"policyanalyzer.{kind}LastAuthenticationActivities.query", own=f"{kind}.query",
            )  # fmt: skip

    def _effective(self, request: Request) -> Answer:
        self.fewest[request.route, request.path] = 1
        parent, constraint = request.params["parent"], request.params["constraint"]
        rule = {"enforce": constraint == "iam.managed.disableServiceAccountKeyCreation"}
        if constraint in {"iam.serviceAccountKeyExpiryHours", "iam.allowedPolicyMemberDomains"}:
            rule = {"allowAll": True}
        return Answer({"name": f"{parent}/policies/{constraint}", "spec": {"rules": [rule]}})

    # Cloud Asset Inventory.

    def _assets(self, request: Request) -> Answer:
        content = request.query.get("contentType", "")
        need = {"RESOURCE": "listResource", "IAM_POLICY": "listIamPolicy", "ORG_POLICY": "listOrgPolicy"}.get(content)
        if need is None:
            raise RefusedRequestError(400, "INVALID_ARGUMENT", f"contentType={content}")
        if self.granted is not None and f"cloudasset.assets.{need}" not in self.granted:
            return self.denied(self._routes[0][1])
        types = re.compile(request.query.get("assetTypes", ".*"))
        made = {"RESOURCE": self._resources, "IAM_POLICY": self._policies, "ORG_POLICY": lambda: iter(())}[content]()
        rows = [row for row in made if types.fullmatch(row["assetType"]) and self._within(row, request)]
        return self.page(request, rows, replace(GOOGLE, key="assets"))

    def _within(self, row: dict, request: Request) -> bool:
        kind, _, name = request.params["parent"].partition("/")
        return f"{kind}/{self.estate.numbers.get(name, name)}" in row["ancestors"]

    def _chain(self, project: str | None) -> list[str]:
        own = [f"projects/{self.estate.numbers[project]}"] if project else []
        return [*own, f"folders/{FOLDER}", f"organizations/{ORG}"]

    def _asset(self, name: str, type_: str, data: dict, project: str | None) -> dict:
        chain = self._chain(project) if project else [f"organizations/{ORG}"]
        resource = {"version": "v1", "parent": f"{CRM}/{chain[0]}", "data": data}
        return {"name": name, "assetType": type_, "resource": resource, "ancestors": chain}

    def _resources(self) -> Iterator[dict]:
        yield from (self._asset(raw.full, raw.type, raw.data, raw.project) for raw in self.estate.things.assets)
        estate, iam = self.estate, "iam.googleapis.com"
        for project, number in estate.numbers.items():
            told = {"projectId": project, "projectNumber": number, "lifecycleState": "ACTIVE", "name": project}
            yield self._asset(f"{CRM}/projects/{number}", "cloudresourcemanager.googleapis.com/Project", told, project)
            for row in estate.accounts[project]:
                name = f"//{iam}/projects/{project}/serviceAccounts/{row['uniqueId']}"
                yield self._asset(name, f"{iam}/ServiceAccount", row, project)
                for key in estate.keys[row["email"]]:
                    own = f"{name}/keys/{key['name'].rpartition('/')[2]}"
                    yield self._asset(own, f"{iam}/ServiceAccountKey", key, project)
            for row in estate.api_keys[project]:
                yield self._asset(f"//apikeys.googleapis.com/{row['name']}", "apikeys.googleapis.com/Key", row, project)
            for row in estate.pools[project]:
                yield self._asset(f"//{iam}/{row['name']}", f"{iam}/WorkloadIdentityPool", row, project)
                for provider in estate.providers[row["name"]]:
                    kind = f"{iam}/WorkloadIdentityPoolProvider"
                    yield self._asset(f"//{iam}/{provider['name']}", kind, provider, project)
        for name, row in estate.custom_roles.items():
            yield self._asset(f"//{iam}/{name}", f"{iam}/Role", row, None)
        for rows in estate.denials.values():
            for row in rows:
                yield self._asset(f"//{iam}/{row['name']}", f"{iam}/PolicyV2", row, None)

    def _policies(self) -> Iterator[dict]:
        numbers = {row["email"]: row["uniqueId"] for rows in self.estate.accounts.values() for row in rows}
        for target, policy in self.estate.policies.items():
            service, _, rest = target.removeprefix("//").partition("/")
            kind, _, name = rest.partition("/")
            project = name.partition("/")[0] if kind == "projects" else None
            told, type_ = target, f"cloudresourcemanager.googleapis.com/{kind.removesuffix('s').capitalize()}"
            if service == "iam.googleapis.com":
                email = target.rpartition("/")[2]
                told, type_ = target.replace(email, numbers[email]), "iam.googleapis.com/ServiceAccount"
            elif target in self.estate.things.bound:
                told, type_ = self.estate.things.bound[target]
            elif project:
                told = f"{CRM}/projects/{self.estate.numbers[project]}"
            chain = self._chain(project)
            chain = chain[chain.index(rest) :] if project is None else chain
            yield {"name": told, "assetType": type_, "iamPolicy": policy, "ancestors": chain}

    def _search(self, request: Request) -> Answer:
        rows = [
            {
                "name": f"//iam.googleapis.com/projects/{project}/serviceAccounts/{row['email']}",
                "assetType": "iam.googleapis.com/ServiceAccount", "createTime": BORN,
                "additionalAttributes": {"email": row["email"], "uniqueId": row["uniqueId"]},
            }
            for project, listed in self.estate.accounts.items()
            if self._within({"ancestors": self._chain(project)}, request)
            for row in listed
        ]  # fmt: skip
        return self.page(request, rows, replace(GOOGLE, key="results", most=500))

    # IAM.

    def _roles(self, request: Request) -> Answer:
        full = request.query.get("view") == "FULL"
        rows = [self._role_row(name, full=full) for name in ROLES]
        return self.page(request, rows, replace(GOOGLE, key="roles", usual=300))

    def _role_row(self, name: str, *, full: bool = True) -> dict:
        held = {"includedPermissions": ROLES[name]} if full else {}
        return {"name": name, "title": name, "stage": "GA", "etag": "AA==", **held}

    def _role(self, request: Request) -> Answer:
        name = request.params["role"]
        if name in ROLES:
            return Answer(self._role_row(name))
        if name in self.estate.custom_roles:
            return Answer(self.estate.custom_roles[name])
        return Answer(self.error(404, "NOT_FOUND", "no such role"), 404)

    def _of_project(self, rows: dict[str, list[dict]], request: Request, key: str, **paging: object) -> Answer:
        project = request.params["project"]
        if project not in self.estate.numbers:
            return Answer(self.error(404, "NOT_FOUND", "no such project"), 404)
        return self.page(request, rows[project], replace(GOOGLE, key=key, **paging))

    def _accounts(self, request: Request) -> Answer:
        return self._of_project(self.estate.accounts, request, "accounts", usual=20, most=100)

    def _keys(self, request: Request) -> Answer:
        return Answer({"keys": self.estate.keys[request.params["email"]]})

    def _api_keys(self, request: Request) -> Answer:
        return self._of_project(self.estate.api_keys, request, "keys", usual=50, most=300)

    def _hmac_keys(self, request: Request) -> Answer:
        return self._of_project(self.estate.hmac_keys, request, "items", size="maxResults", usual=250, most=250)

    def _pools(self, request: Request) -> Answer:
        return self._of_project(self.estate.pools, request, "workloadIdentityPools", usual=50)

    def _providers(self, request: Request) -> Answer:
        number = self.estate.numbers.get(request.params["project"], request.params["project"])
        name = f"projects/{number}/locations/global/workloadIdentityPools/{request.params['pool']}"
        rows = self.estate.providers[name]
        return self.page(request, rows, replace(GOOGLE, key="workloadIdentityPoolProviders", usual=50, most=100))

    def _empty(self, key: str) -> Callable[[Request], Answer]:
        return lambda request: self.page(request, [], replace(GOOGLE, key=key))

    def _denials(self, request: Request) -> Answer:
        rows = self.estate.denials.get(request.params["point"].replace("%2F", "/"), [])
        bare = [{k: v for k, v in row.items() if k != "rules"} for row in rows]
        return self.page(request, bare, replace(GOOGLE, key="policies"))

    def _denial(self, request: Request) -> Answer:
        rows = self.estate.denials.get(request.params["point"].replace("%2F", "/"), [])
        found = [row for row in rows if row["name"].endswith(f"/{request.params['own']}")]
        return Answer(found[0]) if found else Answer(self.error(404, "NOT_FOUND", "no such policy"), 404)

    def _policy_of_account(self, request: Request) -> Answer:
        project, email = request.params["project"], request.params["email"]
        target = f"//iam.googleapis.com/projects/{project}/serviceAccounts/{email}"
        return Answer(self.estate.policies.get(target, {"etag": "ACAB"}))

    # Resource Manager, Activity Analyzer, sign-in.

    def _policy(self, request: Request) -> Answer:
        return Answer(self.estate.policies.get(f"{CRM}/{request.params['name']}", {"etag": "ACAB"}))

    def _project_row(self, project: str) -> dict:
        return {"name": f"projects/{self.estate.numbers[project]}", "projectId": project, "state": "ACTIVE",
                "displayName": project, "parent": f"folders/{FOLDER}"}  # fmt: skip

    def _project(self, request: Request) -> Answer:
        project = request.params["project"]
        if project in self.estate.numbers:
            return Answer(self._project_row(project))
        return Answer(self.error(404, "NOT_FOUND", "no such project"), 404)

    def _projects(self, request: Request) -> Answer:
        rows = [self._project_row(project) for project in self.estate.projects]
        return self.page(request, rows, replace(GOOGLE, key="projects", most=500))

    def _folder(self, request: Request) -> Answer:
        del request
        return Answer({"name": f"folders/{FOLDER}", "parent": f"organizations/{ORG}", "displayName": "shops"})

    def _folders(self, request: Request) -> Answer:
        return self.page(request, [self._folder(request).body], replace(GOOGLE, key="folders"))

    def _organizations(self, request: Request) -> Answer:
        row = {"name": f"organizations/{ORG}", "displayName": "acme.example", "state": "ACTIVE"}
        return self.page(request, [row], replace(GOOGLE, key="organizations"))

    def _activity(self, request: Request) -> Answer:
        project, kind = request.params["project"], request.params["kind"]
        rows = []
        for account in self.estate.accounts[project]:
            names = [f"gcp:sa/{account['email']}"]
            if kind.startswith("serviceAccountKey"):
                names = [f"{names[0]}#key/{k['name'].rpartition('/')[2]}" for k in self.estate.keys[account["email"]]]
            for own in names:
                full = f"//iam.googleapis.com/projects/{project}/serviceAccounts/{own[7:].replace('#key/', '/keys/')}"
                told: dict[str, object] = {kind.removesuffix("LastAuthentication"): {"fullResourceName": full}}
                if used := self.estate.used.get(own):
                    told["lastAuthenticatedTime"] = used
                rows.append({
                    "fullResourceName": full, "activityType": kind, "activity": told,
                    "observationPeriod": {"startTime": BEGIN, "endTime": _END},
                })  # fmt: skip
        return self.page(request, rows, replace(GOOGLE, key="activities"))

    def _sign_in(self, request: Request) -> Answer:
        body = request.body if isinstance(request.body, dict) else {}
        if body.get("grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer" or not body.get("assertion"):
            raise RefusedRequestError(400, "invalid_grant", "no assertion")
        return Answer({"access_token": "twin-token", "token_type": "Bearer", "expires_in": 3600})


def credentials(folder: Path, url: str) -> Path:
    """The file of a service account that signs in at the twin; its key is made here and used nowhere else."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(65537, 2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    place = folder / "auditor.json"
    place.write_text(json.dumps({
        "type": "service_account", "project_id": "acme-audit", "private_key_id": "0" * 40, "private_key": key.decode(),
        "client_email": "auditor@acme-audit.iam.gserviceaccount.com", "client_id": "1", "token_uri": f"{url}/token",
    }), encoding="utf-8")  # fmt: skip
    return place
