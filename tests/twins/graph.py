"""A twin of Microsoft Graph v1.0 and of the two beta reports, over an invented tenant (graph_estate.py).

Rules it keeps (learn.microsoft.com/graph: "Use query parameters", "Known issues", "Paging"): pages of directory objects
hold 100 entries, 999 when asked; `$expand` takes one relation and gives at most 20 entries without a next link and
without options; `$select` knows structural properties alone; an unknown property or relation is a bad request; derived
types are told by `@odata.type`; a page goes on by an opaque `@odata.nextLink`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.twins.exchange import Answer, RefusedRequestError, Request, Route
from tests.twins.graph_names import NAVIGATION, PARTS, STRUCTURAL, base_of
from tests.twins.paging import GRAPH
from tests.twins.server import Twin

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterable, Iterator

    from tests.twins.graph_rows import Estate

_MOST_EXPANDED = 20
_LISTED = {"$top", "$select", "$expand", "$filter", "$count", "$skiptoken", "$orderby"}
_ROLE_LISTED = _LISTED - {"$top"}
_ID = r"(?P<id>[0-9a-f-]{36})"
_DIRECTORY = "/v1.0/roleManagement/directory"
_FILTERS: dict[str, Callable[[dict], bool]] = {
    "isAssignableToRole eq true": lambda row: row["isAssignableToRole"] is True,
    "accountEnabled eq false": lambda row: row["accountEnabled"] is False,
}
_POLICIES = {
    "authorizationPolicy": "authorizationPolicy",
    "defaultAppManagementPolicy": "tenantAppManagementPolicy",
}
_APP, _READ = "Application.Read.All", "Directory.Read.All"


class GraphTwin(Twin):
    """Microsoft Graph over an estate.  `expands` False: a cloud that refuses every expansion."""

    realm = "graph"

    def __init__(self, estate: Estate, tls: ssl.SSLContext | None = None) -> None:
        self.estate = estate
        self.expands = True
        self.unlicensed = False
        super().__init__(tls)

    def routes(self) -> Iterator[Route]:
        """Lists, and the relations of one object."""
        apps, principals = ("application", "agentIdentityBlueprint"), ("servicePrincipal", "agentIdentity")
        everybody = (*principals, "agentIdentityBlueprintPrincipal")
        yield self._list("applications", "/v1.0/applications", apps, (_APP, _READ))
        yield self._list("servicePrincipals", "/v1.0/servicePrincipals", everybody, (_APP, _READ))
        for kind, path, need in (
            ("agentIdentity", "servicePrincipals", "AgentIdentity.Read.All"),
            ("agentIdentityBlueprintPrincipal", "servicePrincipals", "AgentIdentityBlueprintPrincipal.Read.All"),
            ("agentIdentityBlueprint", "applications", "AgentIdentityBlueprint.Read.All"),
            ("agentUser", "users", "User.ReadBasic.All"),
        ):
            yield self._list(kind, f"/v1.0/{path}/microsoft.graph.{kind}", (kind,), (need, _APP, _READ))
            yield self._relation(
                f"{path}/{_ID}/microsoft.graph.{kind}", "sponsors", (need, _APP), name=f"{kind}.sponsors"
            )
        yield self._list("users", "/v1.0/users", ("user",), ("User.Read.All", _READ))
        for name, kind in _POLICIES.items():
            yield Route(name, f"/v1.0/policies/{name}", self._policy(kind), set(), ("Policy.Read.All",))
        yield self._list("groups", "/v1.0/groups", ("group",), ("GroupMember.Read.All", _READ))
        yield self._list("oauth2PermissionGrants", "/v1.0/oauth2PermissionGrants", ("oAuth2PermissionGrant",), (_READ,))
        yield from self._relations()
        yield from self._management()

    def _relations(self) -> Iterator[Route]:
        for path, relations in {
            "applications": ("owners", "federatedIdentityCredentials"),
            "servicePrincipals": ("owners", "appRoleAssignments", "memberOf"),
            "groups": ("owners", "transitiveMemberOf"),
            "users": ("memberOf",),
        }.items():
            for relation in relations:
                yield self._relation(f"{path}/{_ID}", relation, (_APP, _READ, "GroupMember.Read.All"))

    def _management(self) -> Iterator[Route]:
        role, schedule = "RoleManagement.Read.Directory", "Schedule.Read.Directory"
        for name, kind, need in (
            ("roleDefinitions", "unifiedRoleDefinition", role),
            ("roleAssignments", "unifiedRoleAssignment", role),
            ("roleEligibilitySchedules", "unifiedRoleEligibilitySchedule", f"RoleEligibility{schedule}"),
            ("roleAssignmentSchedules", "unifiedRoleAssignmentSchedule", f"RoleAssignment{schedule}"),
        ):
            yield self._list(name, f"{_DIRECTORY}/{name}", (kind,), (need, role), queries=_ROLE_LISTED)
        for name in ("servicePrincipalSignInActivities", "appCredentialSignInActivities"):
            kind = f"{name.removesuffix('ies')}y"
            yield self._list(name, f"/beta/reports/{name}", (kind,), ("AuditLog.Read.All",))

    def _policy(self, kind: str) -> Callable[[Request], Answer]:
        return lambda _: Answer(self._shown(self.estate.rows[kind][0], None, None, kind))

    def _list(
        self, name: str, path: str, kinds: tuple[str, ...], needs: tuple[str, ...], queries: set[str] = _LISTED
    ) -> Route:
        def answer(request: Request) -> Answer:
            if self.unlicensed and name.endswith("Schedules"):
                return Answer(self.error(400, "AadPremiumLicenseRequired", "no licence"), 400)
            return self._listed(request, kinds)

        return Route(f"{name}.list", path.replace(".", r"\."), answer, queries, needs)

    def _relation(self, path: str, relation: str, needs: tuple[str, ...], name: str = "") -> Route:
        def answer(request: Request) -> Answer:
            rows = self.estate.related.get((request.params["id"], relation), [])
            return self.page(request, [self._related(row) for row in rows], GRAPH)

        plain = path.replace(_ID, "{id}").replace(".", r"\.").replace("{id}", _ID)
        known = {"$top", "$select", "$skiptoken", "$count"}
        return Route(
            name or f"{path.split('/', maxsplit=1)[0]}.{relation}", f"/v1.0/{plain}/{relation}", answer, known, needs
        )

    def _listed(self, request: Request, kinds: tuple[str, ...]) -> Answer:
        rows = [row for kind in kinds for row in self.estate.rows[kind]]
        if (wanted := request.query.get("$filter")) is not None:
            if wanted not in _FILTERS:
                raise RefusedRequestError(400, "Request_UnsupportedQuery", f"$filter={wanted}")
            rows = [row for row in rows if _FILTERS[wanted](row)]
        chosen = self._chosen(request, kinds[0])
        relation = self._expanded(request, kinds)
        if relation and not self.expands:
            return Answer(self.error(400, "BadRequest", "the query is not supported here"), 400)
        return self.page(request, [self._shown(row, chosen, relation, kinds[0]) for row in rows], GRAPH)

    def _chosen(self, request: Request, kind: str) -> frozenset[str] | None:
        names = request.query.get("$select")
        if names is None:
            return None
        if unknown := set(names.split(",")) - STRUCTURAL[base_of(kind)]:
            raise RefusedRequestError(400, "Request_BadRequest", f"no property {sorted(unknown)} of {kind}")
        return frozenset(names.split(","))

    def _expanded(self, request: Request, kinds: tuple[str, ...]) -> str | None:
        relation = request.query.get("$expand")
        if relation is None:
            return None
        if any(relation not in NAVIGATION.get(kind, ()) for kind in kinds[:1]):
            raise RefusedRequestError(400, "BadRequest", f"{kinds[0]} has not one relation {relation!r}")
        return relation

    def _shown(self, row: dict, chosen: frozenset[str] | None, relation: str | None, declared: str = "") -> dict:
        own = row["@odata.type"].rpartition(".")[2]
        shown = {k: v for k, v in row.items() if chosen is None or k in chosen or k == "@odata.type"}
        if declared in {own, ""} and declared:
            shown.pop("@odata.type")  # told only where it is not what the list declares
        if relation == "principal":
            shown[relation] = next(iter(self._relatives(row, relation)), None)
        elif relation is not None:
            shown[relation] = self._relatives(row, relation)[:_MOST_EXPANDED]
        return shown

    def _relatives(self, row: dict, relation: str) -> list[dict]:
        return [self._related(other) for other in self.estate.related.get((row["id"], relation), [])]

    def _related(self, row: dict) -> dict:
        # Of users a relation gives the default properties, which leave out whether the account is enabled.
        user = row["@odata.type"] == "#microsoft.graph.user"
        return self._shown({k: v for k, v in row.items() if not (user and k == "accountEnabled")}, None, None)

    def check(self, request: Request, answer: Answer) -> Iterable[str]:
        """Every property of every row is one of its type."""
        body = answer.body if isinstance(answer.body, dict) else {}
        declared = _DECLARED.get(request.route.removesuffix(".list"))
        for row in body.get("value", []):
            kind = str(row.get("@odata.type", f".{declared}")).rpartition(".")[2]
            known = STRUCTURAL.get(kind, frozenset()) | NAVIGATION.get(kind, frozenset()) | {"@odata.type"}
            for name in sorted(set(row) - known):
                yield f"{kind} has no property {name}"
            for name, names in PARTS.items():
                parts = row.get(name) if isinstance(row.get(name), list) else [row.get(name) or {}]
                for part in parts:
                    if unknown := sorted(set(part) - names):
                        yield f"{name} of {kind} has no {unknown}"


_DECLARED = {
    "applications": "application", "servicePrincipals": "servicePrincipal", "groups": "group",
    "oauth2PermissionGrants": "oAuth2PermissionGrant", "roleDefinitions": "unifiedRoleDefinition",
    "roleAssignments": "unifiedRoleAssignment", "roleEligibilitySchedules": "unifiedRoleEligibilitySchedule",
    "roleAssignmentSchedules": "unifiedRoleAssignmentSchedule", "agentIdentity": "agentIdentity",
    "agentIdentityBlueprintPrincipal": "agentIdentityBlueprintPrincipal", "agentUser": "agentUser",
    "agentIdentityBlueprint": "agentIdentityBlueprint",
    "servicePrincipalSignInActivities": "servicePrincipalSignInActivity",
    "appCredentialSignInActivities": "appCredentialSignInActivity", "users": "user",
}  # fmt: skip
