"""Who from outside becomes somebody on Google Cloud: identity pools and their providers, OAuth clients, HMAC keys.

Pools, providers and OAuth clients come in one list of Cloud Asset Inventory, or from the IAM API project by project;
HMAC keys are no assets, so each project is asked for them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nhiscan.collectors._common.errors import RefusedError
from nhiscan.collectors._common.values import text
from nhiscan.collectors._rest.group import Group, Part
from nhiscan.collectors.gcp import _clients, _pools
from nhiscan.collectors.gcp._assets import ASSETS, Asset, Projects, Scopes, assets, projects, unseen
from nhiscan.collectors.gcp._below import ASKED, known_below, projects_below
from nhiscan.collectors.gcp._names import account
from nhiscan.plugin import Identity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.collectors._common.values import Json
    from nhiscan.collectors._rest.ask import Ask
    from nhiscan.collectors._rest.operation import Operation
    from nhiscan.plugin import Record

_POOLS = (_pools.POOL, _pools.WORKFORCE)
_PROVIDERS = (_pools.PROVIDER, _pools.WORKFORCE_PROVIDER)
_TYPES = (*_POOLS, *_PROVIDERS, _clients.CLIENT, _clients.SECRET)
_ORGANISATION = "organizations/"


def _number(known: Projects, project: str | None) -> str | None:
    if project is None or project.isdigit():
        return project
    return next((number for number, id_ in known.by_number.items() if id_ == project), None)


def _pools_of(ask: Ask) -> Iterator[Record]:
    try:
        found = assets(ask, *_TYPES)
    except RefusedError as e:
        yield from _pools_one_by_one(ask, e)
        return
    known = projects(ask, found)
    scopes = Scopes(ask, known)
    for asset in found:
        name = _pools.pool_name(text(asset.data.get("name")) or asset.name, _number(known, asset.project))
        if name is None or asset.type not in (*_POOLS, *_PROVIDERS):
            continue
        above = next((a for a in asset.ancestors if a.startswith(_ORGANISATION)), asset.data.get("parent"))
        scope_id = _pools.scope_of(scopes, ask, name, above)
        read = _pools.read_pool if asset.type in _POOLS else _pools.read_provider
        yield from read(ask, asset.data, name, scope_id)
    yield from scopes.rows()


def _pools_one_by_one(ask: Ask, closed: RefusedError) -> Iterator[Record]:
    listed = projects_below(ask)
    top = ask.place.params.get("parent", "")
    if not listed:
        yield from unseen(ask, closed, covers=("identity",), listing=True)
    known = known_below(ask)
    scopes = Scopes(ask, known)
    asked = [{"project": project} for project in listed]
    yield from _with_providers(ask, scopes, known, _pools.POOLS, "workloadIdentityPools", asked, {})
    if top.startswith(_ORGANISATION):
        yield from _with_providers(ask, scopes, known, _pools.WORKFORCES, "workforcePools", [{}], {"parent": top})
    yield from scopes.rows()


def _with_providers(
    ask: Ask, scopes: Scopes, known: Projects, operation: Operation, key: str, asked: list[dict[str, str]], query: Json,
) -> Iterator[Record]:  # fmt: skip
    names: list[str] = []
    try:
        for given, answer in ask.each_items(operation, key, asked, query=query):
            project = given.get("project")
            if isinstance(answer, RefusedError):
                yield from unseen(ask, answer, subject_id=scopes.of(str(project)) if project else None, listing=True)
                continue
            for data in answer:
                name = _pools.pool_name(text(data.get("name")) or "", _number(known, str(project) if project else None))
                if name is not None:
                    names.append(name)
                    yield from _pools.read_pool(ask, data, name, _pools.scope_of(scopes, ask, name, data.get("parent")))
    except RefusedError as e:
        yield from unseen(ask, e)
    yield from _providers_of(ask, scopes, names, workforce=key == "workforcePools")


def _providers_of(ask: Ask, scopes: Scopes, names: list[str], *, workforce: bool) -> Iterator[Record]:
    operation, key = _pools.PROVIDERS, "workloadIdentityPoolProviders"
    if workforce:
        operation, key = _pools.WORKFORCE_PROVIDERS, "workforcePoolProviders"
    try:
        for given, answer in ask.each_items(operation, key, [{"pool": name} for name in names]):
            pool = str(given["pool"])
            if isinstance(answer, RefusedError):
                yield from unseen(ask, answer, subject_id=f"gcp:pool/{pool}")
                continue
            for data in answer:
                own = (text(data.get("name")) or "").rpartition("/providers/")[2]
                if own:
                    scope_id = _pools.scope_of(scopes, ask, pool)
                    yield from _pools.read_provider(ask, data, f"{pool}/providers/{own}", scope_id)
    except RefusedError as e:
        yield from unseen(ask, e)


def _clients_of(ask: Ask) -> Iterator[Record]:
    try:
        found = assets(ask, *_TYPES)
    except RefusedError as e:
        yield from _clients_one_by_one(ask, e)
        return
    known = projects(ask, found)
    scopes = Scopes(ask, known)
    for asset in found:
        name = _client_name(known, asset)
        if name and asset.type == _clients.CLIENT:
            yield from _clients.read_client(ask, asset.data, name, scopes.of(asset.project))
        elif name and asset.type == _clients.SECRET:
            yield from _clients.read_secret(ask, asset.data, name, scopes.of(asset.project))
    yield from scopes.rows()


def _client_name(known: Projects, asset: Asset) -> str:
    name = text(asset.data.get("name")) or asset.name.removeprefix("//iam.googleapis.com/")
    return _by_id(name, known.id(asset.project))


def _by_id(name: str, project: str | None) -> str:
    head, slash, rest = name.partition("/locations/")
    return f"projects/{project}{slash}{rest}" if project and head.startswith("projects/") and slash else name


def _clients_one_by_one(ask: Ask, closed: RefusedError) -> Iterator[Record]:
    listed = projects_below(ask)
    if not listed:
        yield from unseen(ask, closed, covers=("identity", "credential"), listing=True)
    scopes = Scopes(ask, projects(ask, ()))
    names: dict[str, str] = {}
    for given, answer in ask.each_items(_clients.CLIENTS, "oauthClients", [{"project": p} for p in listed]):
        project = str(given["project"])
        if isinstance(answer, RefusedError):
            yield from unseen(ask, answer, subject_id=scopes.of(project), listing=True)
            continue
        for data in answer:
            if name := _by_id(text(data.get("name")) or "", project):
                names[name] = project
                yield from _clients.read_client(ask, data, name, scopes.of(project))
    asked = [{"client": name} for name in names]
    for given, answer in ask.each_items(_clients.SECRETS, "oauthClientCredentials", asked):
        client = str(given["client"])
        if isinstance(answer, RefusedError):
            yield from unseen(ask, answer, subject_id=f"gcp:oauth_client/{client}")
            continue
        for data in answer:
            own = (text(data.get("name")) or "").rpartition("/credentials/")[2]
            yield from _clients.read_secret(ask, data, f"{client}/credentials/{own}", scopes.of(names[client]))
    yield from scopes.rows()


def _hmac_keys(ask: Ask) -> Iterator[Record]:
    try:
        found = assets(ask, *_TYPES)
        known = projects(ask, found)
        listed = tuple(sorted(known.active)) or projects_below(ask)
    except RefusedError:
        known, listed = projects(ask, ()), projects_below(ask)
    scopes = Scopes(ask, known)
    accounts: dict[str, str] = {}
    for given, answer in ask.each_items(_clients.HMAC_KEYS, "items", [{"project": p} for p in listed]):
        project = str(given["project"])
        if isinstance(answer, RefusedError):
            yield from unseen(ask, answer, subject_id=scopes.of(project), listing=True)
            continue
        for data in answer:
            yield from _clients.read_hmac_key(ask, data, project, scopes.of(project))
            if email := text(data.get("serviceAccountEmail")):
                accounts[email] = project
    for email, project in accounts.items():  # a row to meet, where the accounts themselves could not be listed
        who = account(email, project)
        yield Identity(
            id=who.id, scope_id=scopes.of(project), source=ask.source, provider="gcp", kind=who.kind, name=who.name,
            class_=who.class_,
        )  # fmt: skip
    yield from scopes.rows()


COLLECTOR = Group(
    name="gcp.federation",
    title="Google Cloud identity pools and their providers, OAuth clients, HMAC keys",
    place="estate",
    parts=(
        Part(
            name="identity pools",
            kind="workload or workforce identity pool with its providers",
            facts=("issuer", "audiences", "attribute condition", "attribute mapping", "disabled"),
            calls={
                ASSETS: "identity",
                **dict.fromkeys(ASKED, "identity"),
                _pools.POOLS: "identity",
                _pools.WORKFORCES: "identity",
                _pools.PROVIDERS: "identity",
                _pools.WORKFORCE_PROVIDERS: "identity",
            },
            read=_pools_of,
        ),
        Part(
            name="OAuth clients",
            kind="OAuth client with its secrets",
            facts=("public", "redirect addresses", "scopes", "grants", "disabled"),
            calls={
                ASSETS: "identity, credential",
                **dict.fromkeys(ASKED, "identity, credential"),
                _clients.CLIENTS: "identity, credential",
                _clients.SECRETS: "credential",
            },
            read=_clients_of,
        ),
        Part(
            name="HMAC keys",
            kind="HMAC key of a service account",
            facts=("created", "state", "service account"),
            calls={**dict.fromkeys(ASKED, "credential"), _clients.HMAC_KEYS: "credential"},
            read=_hmac_keys,
        ),
    ),
)
