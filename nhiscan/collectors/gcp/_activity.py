"""When service accounts and keys last authenticated: Activity Analyzer, two lists for each project that holds some.

An answer without `lastAuthenticatedTime` is of an account "that has never been used" within the observation period
(cloud.google.com/policy-intelligence/docs/activity-analyzer-service-account-authentication, April 2026).  It is taken
for `never` only where that period begins no later than the life of the account or key, and no API key is bound to the
account: requests with such keys "aren't recorded in service account usage metrics".  A key also counts as used when
the system merely lists it while it authenticates a request, so the time of a key is the latest it can be.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from nhiscan.collectors._common.errors import RefusedError
from nhiscan.collectors._common.values import mapping, moment, text
from nhiscan.collectors._rest.operation import Operation
from nhiscan.collectors.gcp._accounts import key_id
from nhiscan.collectors.gcp._assets import unseen
from nhiscan.collectors.gcp._names import account, account_id
from nhiscan.plugin import Credential, CredentialKind, Identity, LastUsed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from datetime import datetime

    from nhiscan.collectors._common.values import Json
    from nhiscan.collectors._rest.ask import Ask
    from nhiscan.plugin import Record

_PATH = "/v1/projects/{project}/locations/global/activityTypes/%s/activities:query"
ACCOUNT_USE = Operation(
    "policyanalyzer:serviceAccountLastAuthentication.query", _PATH % "serviceAccountLastAuthentication",
    ("policyanalyzer.serviceAccountLastAuthenticationActivities.query",), query={"pageSize": "1000"},
)  # fmt: skip
KEY_USE = Operation(
    "policyanalyzer:serviceAccountKeyLastAuthentication.query", _PATH % "serviceAccountKeyLastAuthentication",
    ("policyanalyzer.serviceAccountKeyLastAuthenticationActivities.query",), query={"pageSize": "1000"},
)  # fmt: skip
_NAME = re.compile(r"//iam\.googleapis\.com/projects/([^/]+)/serviceAccounts/([^/]+)(?:/keys/([^/]+))?")


@dataclass(slots=True)
class Known:
    """What is known of the accounts and keys of a unit before their use is asked for.

    `accounts` and `keys` map an id to the begin of its life (None: not known), `scopes` to its scope; `emails` are
    addresses by numeric id, `bound` accounts with API keys.  `complete` says that all accounts and keys were listed.
    """

    accounts: dict[str, datetime | None] = field(default_factory=dict)
    keys: dict[str, datetime | None] = field(default_factory=dict)
    scopes: dict[str, str] = field(default_factory=dict)
    emails: dict[str, str] = field(default_factory=dict)
    bound: set[str] = field(default_factory=set)
    account_projects: dict[str, None] = field(default_factory=dict)
    key_projects: dict[str, None] = field(default_factory=dict)
    complete: bool = True
    bound_known: bool = True


def read_use(ask: Ask, known: Known) -> Iterator[Record]:
    """The last use of accounts and keys, as rows that complete those of the accounts and keys themselves."""
    for operation, asked, read in (
        (ACCOUNT_USE, known.account_projects, _account),
        (KEY_USE, known.key_projects, _key),
    ):
        yield from _asked(ask, operation, asked, partial(read, ask, known))


def _asked(
    ask: Ask, operation: Operation, projects: Iterable[str], read: Callable[[Json], Iterator[Record]]
) -> Iterator[Record]:
    covers = ask.covers.get(operation.name)
    try:
        for given, answer in ask.each_items(operation, "activities", [{"project": name} for name in projects]):
            if isinstance(answer, RefusedError):
                yield from unseen(ask, answer, covers=covers, subject_id=_home(given), listing=True)
                continue
            for entry in answer:
                yield from read(entry)
    except RefusedError as e:
        yield from unseen(ask, e, covers=covers)


def _home(given: Json) -> str:
    return f"gcp:project/{given['project']}"


def _names(known: Known, entry: Json) -> tuple[str, str, str | None] | None:
    activity = mapping(entry.get("activity"))
    of = mapping(activity.get("serviceAccount")) or mapping(activity.get("serviceAccountKey"))
    for name in (text(entry.get("fullResourceName")), text(of.get("fullResourceName"))):
        match = _NAME.fullmatch(name or "")
        email = match and (match[2] if "@" in match[2] else known.emails.get(match[2]))
        if match and email:
            return match[1], email.lower(), match[3]
    return None


def _use(entry: Json, born: datetime | None, *, blind: bool) -> tuple[LastUsed | None, datetime | None]:
    last = moment(mapping(entry.get("activity")).get("lastAuthenticatedTime"))
    if last is not None:
        return LastUsed.KNOWN, last
    if "lastAuthenticatedTime" in mapping(entry.get("activity")) or blind or born is None:
        return None, None
    begin = moment(mapping(entry.get("observationPeriod")).get("startTime"))
    return (LastUsed.NEVER if begin is not None and begin <= born else None), None


def _account(ask: Ask, known: Known, entry: Json) -> Iterator[Record]:
    names = _names(known, entry)
    if names is None:
        return
    email = names[1]
    own = account_id(email)
    if known.complete and own not in known.accounts:  # deleted since, or made later than the list
        return
    blind = own in known.bound or not known.bound_known
    used, at = _use(entry, known.accounts.get(own), blind=blind)
    if used is not None:
        who = account(email, names[0])
        yield Identity(
            id=own, scope_id=_scope(ask, known.scopes, own, names[0]), source=ask.source, provider="gcp",
            kind=who.kind, name=who.name, last_used=used, last_used_at=at,
        )  # fmt: skip


def _key(ask: Ask, known: Known, entry: Json) -> Iterator[Record]:
    names = _names(known, entry)
    if names is None or names[2] is None:
        return
    project, email, number = names[0], names[1], names[2]
    own = key_id(email, number)
    if known.complete and own not in known.keys:
        return
    used, at = _use(entry, known.keys.get(own), blind=False)
    if used is not None:
        yield Credential(
            id=own, scope_id=_scope(ask, known.scopes, own, project), source=ask.source, provider="gcp",
            kind=CredentialKind.PRIVATE_KEY, last_used=used, last_used_at=at, key_id=number,
            identity_id=account_id(email),
        )  # fmt: skip


def _scope(ask: Ask, scopes: Mapping[str, str], own: str, project: str) -> str:
    return scopes.get(own) or (ask.scope_id if project.isdigit() else f"gcp:project/{project}")
