"""Google Cloud service accounts, their keys, API keys, and when they were last used.

One list of Cloud Asset Inventory tells of all projects below an organisation or folder.  Where that is closed,
google-cloud-iam lists the accounts of each project and the keys of each account, and the API Keys API those of each
project; the time of creation is in Cloud Asset Inventory alone (`createTime` of its search), the last use in Activity
Analyzer (two lists for each project with accounts).
"""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from nhiscan.collectors._common.errors import RefusedError
from nhiscan.collectors._common.values import mapping, moment, text
from nhiscan.collectors._rest.group import Group, Part
from nhiscan.collectors._rest.operation import Operation
from nhiscan.collectors.gcp import _api_keys
from nhiscan.collectors.gcp._accounts import (
    SYSTEM,
    email_of,
    key_id,
    key_names,
    read_account,
    read_key,
)
from nhiscan.collectors.gcp._activity import ACCOUNT_USE, KEY_USE, Known, read_use
from nhiscan.collectors.gcp._assets import ASSETS, Scopes, assets, projects, unseen
from nhiscan.collectors.gcp._below import ASKED, projects_below
from nhiscan.collectors.gcp._iam_client import ACCOUNTS, KEYS, accounts_of
from nhiscan.collectors.gcp._names import account_id
from nhiscan.plugin import Identity, IdentityKind

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from nhiscan.collectors._common.values import Json
    from nhiscan.collectors._rest.ask import Ask
    from nhiscan.collectors.gcp._assets import Asset
    from nhiscan.collectors.gcp._iam_client import Accounts
    from nhiscan.plugin import Record

_ACCOUNT, _KEY = "iam.googleapis.com/ServiceAccount", "iam.googleapis.com/ServiceAccountKey"
_TYPES = (_ACCOUNT, _KEY, _api_keys.KEY)
_SEARCH = Operation(
    "cloudasset:resources.searchAll", "/v1/{+parent}:searchAllResources", ("cloudasset.assets.searchAllResources",),
    query={"assetTypes": _ACCOUNT, "readMask": "name,assetType,createTime,additionalAttributes", "pageSize": "500"},
)  # fmt: skip
"""At most 500 a page; `assets.list` gives no time of creation (cloudasset.v1, discovery document)."""
_TAIL = re.compile(r".*/serviceAccounts/([^/]+)")
_AT_ONCE = 12


def _accounts(ask: Ask) -> Iterator[Record]:
    try:
        found = assets(ask, *_TYPES)
    except RefusedError as e:
        yield from _one_by_one(ask, e)
        return
    known = projects(ask, found)
    scopes = Scopes(ask, known)
    emails = _emails(found)
    for asset in found:
        project = text(asset.data.get("projectId")) or known.id(asset.project)
        if asset.type == _ACCOUNT:
            _told(ask, email_of(asset.data))
            yield from read_account(ask, asset.data, scopes.of(project), project)
        elif asset.type == _KEY and _told(ask, names := key_names(asset.data, emails)) and names:
            yield from read_key(ask, asset.data, names, scopes.of(asset.project), known.id(asset.project))
    yield from scopes.rows()


def _told(ask: Ask, name: object) -> bool:
    """Whether an asset says what it is called by; one that does not is told as unread."""
    if not name:
        ask.partly(ASSETS, "holds accounts or keys that nothing names")
    return bool(name)


def _emails(found: list[Asset]) -> dict[str, str]:
    """Addresses of accounts by their numeric id."""
    known = {}
    for asset in found:
        if asset.type == _ACCOUNT and (email := email_of(asset.data)):
            match = _TAIL.fullmatch(asset.name)
            for number in (text(asset.data.get("uniqueId")), match[1] if match else None):
                if number is not None:
                    known[number] = email
    return known


def _one_by_one(ask: Ask, closed: RefusedError) -> Iterator[Record]:
    """The accounts of each project, and the keys of each account, without Cloud Asset Inventory."""
    listed = projects_below(ask)
    if not listed:
        yield from unseen(ask, closed, covers=("identity", "credential"), listing=True)
        return
    scopes = Scopes(ask, projects(ask, ()))
    client = accounts_of(ask)
    for project in listed:
        scope_id, emails = scopes.of(project), []
        try:
            for data in client.accounts(project):
                yield from read_account(ask, data, scope_id, project)
                emails += [email] if (email := email_of(data)) else []
        except RefusedError as e:
            yield from unseen(ask, e, covers=("identity", "credential"), subject_id=scope_id, listing=True)
            if e.everywhere:
                break
        yield from _keys_of(ask, client, (project, scope_id), emails)
    yield from scopes.rows()


def _keys_of(ask: Ask, client: Accounts, place: tuple[str, str], emails: list[str]) -> Iterator[Record]:
    project, scope_id = place

    def one(email: str) -> list[Json] | RefusedError:
        try:
            return client.keys(project, email)
        except RefusedError as e:
            return e

    refused: set[str] = set()
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for email, answer in zip(emails, pool.map(one, emails), strict=True):
            if isinstance(answer, RefusedError):
                # The same refusal of every account is told once, of the project.
                subject = scope_id if answer.fatal or answer.reason == "denied" else account_id(email)
                told = f"{subject} {answer.detail}"
                if told not in refused:
                    yield from unseen(ask, answer, covers=("credential",), subject_id=subject)
                refused.add(told)
                continue
            for data in answer:
                if names := key_names(data, {}):
                    yield from read_key(ask, data, names, scope_id, project)


def _created(ask: Ask) -> Iterator[Record]:
    """The time of creation of each account, as rows that complete those of the accounts."""
    scopes = Scopes(ask, projects(ask, ()))
    try:
        births = _births(ask)
    except RefusedError as e:
        yield from unseen(ask, e, listing=True)
        return
    for email, (project, born) in births.items():
        yield Identity(
            id=account_id(email), scope_id=scopes.of(project), source=ask.source, provider="gcp",
            kind=IdentityKind.SERVICE_ACCOUNT, name=email, created_at=born,
        )  # fmt: skip
    yield from scopes.rows()


def _births(ask: Ask) -> dict[str, tuple[str | None, datetime]]:
    """The project and time of creation of each account, by its address, as far as the search tells it."""
    found = {}
    for entry in ask.shared(_SEARCH, "results"):
        name, born = text(entry.get("name")) or "", moment(entry.get("createTime"))
        match = re.fullmatch(r"//iam\.googleapis\.com/projects/([^/]+)/serviceAccounts/([^/]+)", name)
        email = text(mapping(entry.get("additionalAttributes")).get("email")) or (match[2] if match else "")
        if "@" in email and born is not None:
            found[email.lower()] = (match[1] if match and not match[1].isdigit() else None, born)
    return found


def _keys_of_apis(ask: Ask) -> Iterator[Record]:
    try:
        found = assets(ask, *_TYPES)
    except RefusedError as e:
        yield from _api_keys_one_by_one(ask, e)
        return
    known = projects(ask, found)
    scopes = Scopes(ask, known)
    for asset in found:
        if asset.type == _api_keys.KEY:
            project = known.id(asset.project) or asset.project
            yield from _api_keys.read_api_key(ask, asset.data, scopes.of(asset.project), project)
    yield from scopes.rows()


def _api_keys_one_by_one(ask: Ask, closed: RefusedError) -> Iterator[Record]:
    listed = projects_below(ask)
    if not listed:
        yield from unseen(ask, closed, covers=("credential",), listing=True)
    scopes = Scopes(ask, projects(ask, ()))
    for given, answer in ask.each_items(_api_keys.LIST, "keys", [{"project": name} for name in listed]):
        project = str(given["project"])
        if isinstance(answer, RefusedError):
            yield from unseen(ask, answer, covers=("credential",), subject_id=scopes.of(project), listing=True)
            continue
        for data in answer:
            yield from _api_keys.read_api_key(ask, data, scopes.of(project), project)
    yield from scopes.rows()


def _used(ask: Ask) -> Iterator[Record]:
    yield from read_use(ask, _known(ask))


def _known(ask: Ask) -> Known:
    """What is known of accounts and keys; without Cloud Asset Inventory nothing, and then nothing is `never`."""
    try:
        found = assets(ask, *_TYPES)
    except RefusedError:
        asked = dict.fromkeys(projects_below(ask))
        return Known(account_projects=asked, key_projects=asked, complete=False, bound_known=False)
    try:
        births = {account_id(email): born for email, (_, born) in _births(ask).items()}
    except RefusedError:
        births = {}
    names = projects(ask, found)
    scopes = Scopes(ask, names)
    known = Known(emails=_emails(found))
    for asset in found:
        project = names.id(asset.project) or asset.project
        if asset.type == _ACCOUNT and (email := email_of(asset.data)):
            known.accounts[account_id(email)] = births.get(account_id(email))
            known.scopes[account_id(email)] = scopes.of(text(asset.data.get("projectId")) or project)
            known.account_projects |= {project: None} if project in names.active else {}
        elif asset.type == _KEY and (key := key_names(asset.data, known.emails)):
            known.keys[key_id(*key)] = moment(asset.data.get("validAfterTime"))
            known.scopes[key_id(*key)] = scopes.of(project)
            if project in names.active and text(asset.data.get("keyType")) != SYSTEM:
                known.key_projects[project] = None
        elif asset.type == _api_keys.KEY and (bound := _api_keys.bound_account(asset.data)):
            known.bound.add(account_id(bound))
    return known


COLLECTOR = Group(
    name="gcp.service_accounts",
    title="Google Cloud service accounts, their keys, API keys, and when they were last used",
    place="estate",
    parts=(
        Part(
            name="accounts",
            kind="service account with its keys",
            facts=("user-made, default or Google's", "disabled", "owner", "key begin and end", "uploaded", "leaked"),
            calls={
                ASSETS: "identity, credential, owner, signal",
                **dict.fromkeys(ASKED, "identity, credential"),
                ACCOUNTS: "identity, credential",
                KEYS: "credential",
            },
            read=_accounts,
        ),
        Part(
            name="creation",
            kind="creation of a service account",
            facts=("created",),
            calls={_SEARCH: "identity.created_at"},
            read=_created,
        ),
        Part(
            name="API keys",
            kind="API key",
            facts=("created", "APIs it opens", "clients it works for", "service account it acts as"),
            calls={ASSETS: "credential", _api_keys.LIST: "credential"},
            read=_keys_of_apis,
        ),
        Part(
            name="activity",
            kind="last use of a service account or key",
            facts=("last authentication (day)", "never, where the observation covers its life"),
            calls={ACCOUNT_USE: "identity.last_used", KEY_USE: "credential.last_used"},
            read=_used,
        ),
    ),
)
