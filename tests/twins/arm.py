"""A twin of Azure Resource Manager and Resource Graph over an invented estate.

Resource Graph is not executed: the twin knows the six queries word for word (`kql/*.kql`), answers each with the rows
it would give in the form it would give them (types in lower case, `tenantId` and `subscriptionId` beside them, and of
`properties` only what the query packs), and refuses every other text.  Answers of Microsoft.Authorization are held
against the models of azure-mgmt-authorization: a property that these do not have is a fault of the twin.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from tests.twins.arm_estate import SUBSCRIPTIONS
from tests.twins.exchange import Answer, RefusedRequestError, Request, Route
from tests.twins.graph_rows import TENANT
from tests.twins.paging import ARM
from tests.twins.server import Twin

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tests.twins.arm_estate import ArmEstate

KQL = {
    path.stem: path.read_text(encoding="utf-8").rstrip("\n") for path in Path(__file__).with_name("kql").glob("*.kql")
}
_AUTHORIZATION = "Microsoft.Authorization"
_VERSIONS = {"roleAssignments": "2022-04-01", "roleDefinitions": "2022-04-01", "denyAssignments": "2022-04-01",
             "roleEligibilityScheduleInstances": "2020-10-01", "roleAssignmentScheduleInstances": "2020-10-01"}  # fmt: skip
_INSIDE = ("federatedIdentityCredentials", "secrets", "keys", "projects", "connections", "applications")
_PACKED = re.compile(r"'(\w+)', properties\.([\w.]+)")
_TYPES = re.compile(r"'(microsoft\.[\w./]+)'")
_SUB = r"/subscriptions/(?P<subscription>[0-9a-f-]{36})"
_GRAPH_MOST = 1000
_OPTIONS = {"resultFormat", "$top", "$skipToken", "authorizationScopeFilter"}
_MODELS = {
    "roleAssignments": "RoleAssignment",
    "roleDefinitions": "RoleDefinition",
    "denyAssignments": "DenyAssignment",
}


class ArmTwin(Twin):
    """Resource Manager; `graph` says whether Resource Graph answers, `silent` leaves subscriptions out of it."""

    realm = "arm"

    def __init__(self, estate: ArmEstate, tls=None) -> None:
        self.estate = estate
        self.silent: set[str] = set()
        super().__init__(tls)

    def routes(self) -> Iterator[Route]:
        """Resource Graph, lists of a subscription, lists inside a resource, and what a plan asks."""
        yield Route("resourceGraph", r"/providers/Microsoft\.ResourceGraph/resources", self.resource_graph,
                    {"api-version"}, ("Microsoft.ResourceGraph/resources/read",), "POST")  # fmt: skip
        yield Route("subscriptions", "/subscriptions", self.subscriptions, {"api-version"})
        yield Route("tenants", "/tenants", self.tenants, {"api-version"})
        yield Route("descendants", r"/providers/Microsoft\.Management/managementGroups/(?P<group>[^/]+)/descendants",
                    self.descendants, {"api-version", "$skiptoken", "$top"})  # fmt: skip
        for kind in _VERSIONS:
            yield Route(kind, rf"{_SUB}/providers/{_AUTHORIZATION}/(?P<kind>{kind})", self.authorization,
                        {"api-version", "$filter", "$skiptoken"}, (f"{_AUTHORIZATION}/{kind}/read",))  # fmt: skip
        for name, where in (("signInLogs", r"/providers/microsoft\.aadiam"),
                            ("activityLogs", rf"(?P<id>{_SUB})/providers/Microsoft\.Insights"),
                            ("vaultLogs", rf"(?P<id>{_SUB}/.+)/providers/Microsoft\.Insights")):  # fmt: skip
            yield Route(name, f"{where}/diagnosticSettings", self.diagnostics, {"api-version", "$skiptoken"},
                        ("Microsoft.Insights/diagnosticSettings/read",))  # fmt: skip
        yield Route("resources", rf"{_SUB}/resources", self.everything, {"api-version", "$skiptoken"}, ("*/read",))
        yield Route("provider", rf"{_SUB}/providers/(?P<type>Microsoft\.\w+/\w+)", self.listed,
                    {"api-version", "$skiptoken"}, ("*/read",))  # fmt: skip
        for kind in _INSIDE:
            yield Route(kind, rf"(?P<id>{_SUB}/.+)/{kind}", self.inside, {"api-version", "$skiptoken", "includeAll"},
                        (f"{kind}/read",))  # fmt: skip

    # What a plan asks.

    def subscriptions(self, request: Request) -> Answer:
        rows = [
            {"id": f"/subscriptions/{s}", "subscriptionId": s, "tenantId": TENANT, "displayName": f"Sub {n}",
             "state": "Enabled", "managedByTenants": [], "tags": {"env": "prod"} if n == 0 else None,
             "authorizationSource": "RoleBased", "subscriptionPolicies": {"spendingLimit": "Off"}}
            for n, s in enumerate(SUBSCRIPTIONS)
        ]  # fmt: skip
        return Answer({"value": rows, "count": {"type": "Total", "value": len(rows)}})

    def tenants(self, request: Request) -> Answer:
        return Answer({"value": [{"id": f"/tenants/{TENANT}", "tenantId": TENANT, "displayName": "Acme"}]})

    def descendants(self, request: Request) -> Answer:
        parent = {"id": f"/providers/Microsoft.Management/managementGroups/{TENANT}"}
        rows = [
            {"id": f"/subscriptions/{s}", "type": "/subscriptions", "name": s,
             "properties": {"displayName": f"Sub {n}", "parent": parent}}
            for n, s in enumerate(SUBSCRIPTIONS)
        ]  # fmt: skip
        return self.page(request, rows, ARM)

    # Resource Manager.

    def authorization(self, request: Request) -> Answer:
        kind = request.params["kind"]
        self._version(request, {_VERSIONS[kind]})
        scope = f"/subscriptions/{request.params['subscription']}"
        rows = self.estate.rows[f"{_AUTHORIZATION}/{kind}".lower()]
        return self.page(request, [row for row in rows if _bears(kind, row, scope)], ARM)

    def everything(self, request: Request) -> Answer:
        self._version(request)
        rows = [
            {k: v for k, v in row.items() if k != "properties"}
            for kind, rows in self.estate.rows.items() if not kind.startswith("microsoft.authorization/")
            for row in rows if _in(row, request)
        ]  # fmt: skip
        return self.page(request, rows, ARM)

    def listed(self, request: Request) -> Answer:
        self._version(request)
        return self.page(request, [r for r in self.estate.rows[request.params["type"].lower()] if _in(r, request)], ARM)

    def inside(self, request: Request) -> Answer:
        self._version(request)
        kind, holder = request.path.rpartition("/")[2], request.params["id"].lower()
        rows = self.estate.inside.get((holder, kind))
        if rows is None and not any(holder == r["id"].lower() for rows in self.estate.rows.values() for r in rows):
            raise RefusedRequestError(404, "ResourceNotFound", "no such resource")
        return self.page(request, rows or [], ARM)

    def diagnostics(self, request: Request) -> Answer:
        self._version(request, {"2017-04-01" if request.route == "signInLogs" else "2021-05-01-preview"})
        rows = self.estate.inside.get((request.params.get("id", "").lower(), "logs"), [])
        return self.page(request, rows, ARM)

    def _version(self, request: Request, known: set[str] | None = None) -> None:
        version = request.query.get("api-version", "")
        if not re.fullmatch(r"20\d\d-\d\d-\d\d(-preview)?", version) or (known and version not in known):
            raise RefusedRequestError(400, "InvalidApiVersionParameter", f"api-version {version!r}")

    # Resource Graph.

    def resource_graph(self, request: Request) -> Answer:
        self._version(request, {"2022-10-01"})
        body = request.body if isinstance(request.body, dict) else {}
        name = next((name for name, query in KQL.items() if query == body.get("query")), None)
        options = body.get("options", {})
        if name is None or set(body) != {"query", "options", "subscriptions"} or set(options) - _OPTIONS:
            raise RefusedRequestError(400, "BadRequest", f"query or body not known: {sorted(body)} {sorted(options)}")
        if (name == "roles") != (options.get("authorizationScopeFilter") == "AtScopeAboveAndBelow"):
            raise RefusedRequestError(400, "BadRequest", "authorizationScopeFilter")
        rows = list(self._rows(name, body["query"], set(body["subscriptions"]) - self.silent))
        token = options.get("$skipToken")
        start = 0 if token is None else self._graph_tokens().get(token, -1)
        if start < 0:
            raise RefusedRequestError(400, "BadRequest", "$skipToken was not handed out")
        size = min(options.get("$top", 100), _GRAPH_MOST, self.pages.cap or _GRAPH_MOST)
        taken = rows[start : start + size]
        answer = {
            "totalRecords": len(rows),
            "count": len(taken),
            "data": taken,
            "facets": [],
            "resultTruncated": "false",
        }
        empty = any(f.kind == "empty" for f in self._due(request.route, {"empty"})) and not str(token).startswith("~")
        if empty:
            answer |= {"data": [], "count": 0, "$skipToken": self._graph_token(start, "~")}
        elif start + size < len(rows):
            answer["$skipToken"] = self._graph_token(start + size)
        return Answer(answer, 200, {"x-ms-user-quota-remaining": "14", "x-ms-user-quota-resets-after": "00:00:05"})

    def _graph_tokens(self) -> dict[str, int]:
        return self.__dict__.setdefault("_handed_out", {})

    def _graph_token(self, start: int, mark: str = "") -> str:
        token = f"{mark}ew0K{start:08x}"
        self._graph_tokens()[token] = start
        return token

    def _rows(self, name: str, query: str, chosen: set[str]) -> Iterator[dict]:
        wanted = set(_TYPES.findall(query))
        packed = _PACKED.findall(query)
        found = [(kind, row) for kind, rows in self.estate.rows.items() for row in rows]
        for kind, row in sorted(found, key=lambda each: each[1]["id"].lower()):
            held = _subscription(row["id"])
            of_type = kind in wanted or (name == "identities" and row.get("identity"))
            if kind == "microsoft.cognitiveservices/accounts" and name == "foundry":
                of_type = row["properties"].get("allowProjectManagement")
            if not of_type or not (held in chosen or (held == "" and name == "roles" and chosen)):
                continue
            properties = row.get("properties") or {}
            if packed:
                properties = {key: _at(properties, path) for key, path in packed}
            yield {"id": row["id"], "name": row["name"], "type": kind, "kind": row.get("kind", ""), "tenantId": TENANT,
                   "subscriptionId": held, "tags": row.get("tags"), "identity": row.get("identity"),
                   "properties": properties}  # fmt: skip

    def check(self, request: Request, answer: Answer) -> Iterable[str]:
        """Properties of Microsoft.Authorization that its client's models do not know."""
        from azure.mgmt.authorization.v2022_04_01 import models

        if request.route in _MODELS and isinstance(answer.body, dict):
            known = {v["key"] for v in getattr(models, _MODELS[request.route])._attribute_map.values()}
            for row in answer.body.get("value", ()):
                names = {*(set(row) - {"properties"}), *(f"properties.{name}" for name in row.get("properties", {}))}
                yield from sorted(names - known)


def _bears(kind: str, row: dict, scope: str) -> bool:
    """Lists of a subscription also hold what it inherits, and what lies below it."""
    held = _subscription(row["id"])
    return held in {"", scope.rpartition("/")[2]}


def _in(row: dict, request: Request) -> bool:
    return _subscription(row["id"]) == request.params["subscription"]


def _subscription(resource: str) -> str:
    match = re.match(_SUB, resource)
    return match["subscription"] if match else ""


def _at(value: object, path: str) -> object:
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value
