"""The lists of Google's services that keep secrets and agents, for the twin in google_rest.py."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tests.twins.exchange import Answer, RefusedRequestError, Request, Route
from tests.twins.google_things import LOCATIONS
from tests.twins.paging import GOOGLE
from tests.twins.server import Twin

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.twins.google_estate import Estate

_PROJECT = r"(?P<project>[a-z0-9-]+)"
_PLACE = r"(?P<place>[a-z0-9-]+)"
_MOST = {"agentidentity": 1000, "agentregistry": 500}


class Services(Twin):
    """Secret Manager, Agent Identity and Agent Registry.

    `wide` says whether services take `-` for all of their locations; `unreachable` are locations that Agent Identity
    cannot look into, whose entries are left out.
    """

    estate: Estate

    def __init__(self) -> None:
        self.wide = True
        self.unreachable: set[str] = set()
        super().__init__()

    def described(self, api: str, name: str, pattern: str, answer: Callable, *permissions: str, own: str = "") -> Route:
        """A route whose query names and answers are those of a discovery document."""
        raise NotImplementedError

    def service_routes(self) -> Iterator[Route]:
        """Every operation of these services that nhiscan makes."""
        yield self.described(
            "secretmanager.v1", "projects.secrets.list", f"/v1/projects/{_PROJECT}/secrets", self._secrets,
            "secretmanager.secrets.list", own="secrets.list",
        )  # fmt: skip
        yield self.described(
            "secretmanager.v1", "projects.secrets.versions.list", "/v1/(?P<secret>projects/[0-9]+/secrets/[^/]+)/versions",
            self._versions, "secretmanager.versions.list", own="versions.list",
        )  # fmt: skip
        kinds = {"agentidentity": ("authProviders", "accessSummaries"),
                 "agentregistry": ("agents", "mcpServers", "endpoints", "bindings")}  # fmt: skip
        for service, names in kinds.items():
            yield self.described(
                f"{service}.v1", "projects.locations.list", f"/v1/projects/{_PROJECT}/locations", self._locations,
                f"{service}.locations.list", own="locations.list",
            )  # fmt: skip
            for kind in names:
                yield self.described(
                    f"{service}.v1", f"projects.locations.{kind}.list",
                    f"/v1/projects/{_PROJECT}/locations/{_PLACE}/{kind}", self._listing(service, kind),
                    f"{service}.{kind}.list", own=f"{kind}.list",
                )  # fmt: skip
        yield self.described(
            "agentidentity.v1", "projects.locations.authProviders.queryWorkloads",
            r"/v1/(?P<provider>projects/[0-9]+/locations/[^/]+/authProviders/[^/:]+):queryWorkloads", self._users,
            "agentidentity.authProviders.get", own="authProviders.queryWorkloads",
        )  # fmt: skip

    def _rows(self, request: Request, kind: str) -> list[dict]:
        """The entries of a list of a project, which may be named by its number."""
        asked = request.params["project"]
        found = next((p for p, number in self.estate.numbers.items() if asked in {p, number}), None)
        if found is None:
            raise RefusedRequestError(404, "NOT_FOUND", f"no project {asked}")
        return self.estate.things.lists[kind, found]

    def _secrets(self, request: Request) -> Answer:
        rows = self._rows(request, "secretmanager:secrets")
        return self.page(request, rows, replace(GOOGLE, key="secrets", most=25_000), totalSize=len(rows))

    def _versions(self, request: Request) -> Answer:
        rows = self.estate.things.versions[request.params["secret"]]
        return self.page(request, rows, replace(GOOGLE, key="versions", most=25_000), totalSize=len(rows))

    def _locations(self, request: Request) -> Answer:
        at = f"projects/{request.params['project']}/locations"
        rows = [{"name": f"{at}/{place}", "locationId": place} for place in LOCATIONS]
        return self.page(request, rows, replace(GOOGLE, key="locations"))

    def _listing(self, service: str, kind: str) -> Callable[[Request], Answer]:
        def answer(request: Request) -> Answer:
            place = request.params["place"]
            if place not in LOCATIONS and not (self.wide and place == "-"):
                # Not a mistake of the caller's: no document says whether `-` is taken.
                return Answer(self.error(400, "INVALID_ARGUMENT", "no such location"), 400)
            lost = self.unreachable if service == "agentidentity" else set()
            seen = (set(LOCATIONS) if place == "-" else {place}) - lost
            rows = [
                row for row in self._rows(request, f"{service}:{kind}") if row["name"].split("/")[3] in seen
            ]  # fmt: skip
            told = {"unreachable": sorted(f"projects/1/locations/{name}" for name in lost)} if lost else {}
            return self.page(request, rows, replace(GOOGLE, key=kind, most=_MOST[service]), **told)

        return answer

    def _users(self, request: Request) -> Answer:
        rows = self.estate.things.users.get(request.params["provider"], [])
        return self.page(request, rows, replace(GOOGLE, key="workloadIds"))
