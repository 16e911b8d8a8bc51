"""Tags: which values are kept, and the owners and environment they name.

People put secrets into tags, so a value is kept only under a key whose purpose is known, and only when it does not
look like a secret; of all other tags the key alone is kept.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from nhiscan.collectors._common.values import listing, mapping, text
from nhiscan.plugin import Confidence, Owner, OwnerBasis, OwnerKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MASKED = "(value not kept)"
_OWNERS = frozenset({
    "owner", "owners", "ownedby", "owneremail", "ownername", "serviceowner", "applicationowner", "appowner",
    "technicalowner", "techowner", "businessowner", "productowner", "resourceowner", "accountable", "responsible",
    "team", "teamname", "teamemail", "owningteam", "ownerteam", "squad", "contact", "contacts", "contactemail",
    "technicalcontact", "maintainer", "maintainers", "maintainedby", "steward", "custodian",
})  # fmt: skip
_ENVIRONMENTS = frozenset({"environment", "env", "environmentname", "envname", "stage"})
_PLAIN = frozenset({
    "name", "project", "application", "app", "service", "component", "product", "system", "purpose", "managedby",
    "createdby", "creator", "repository", "repo", "department", "businessunit", "costcenter", "costcentre",
    "criticality", "dataclassification", "classification", "compliance", "expiry", "expires", "expiration",
    "expirydate", "ticket", "domain", "platform", "workload", "tier", "breakglass", "role", "kind", "type",
    "lastreview", "reviewedat", "terraform", "stack", "cluster", "namespace", "region", "division", "organization",
})  # fmt: skip
_ALIASES = {
    "prod": "production", "prd": "production", "live": "production", "stg": "staging", "stage": "staging",
    "preprod": "staging", "dev": "development", "devel": "development", "qa": "test", "uat": "test", "testing": "test",
}  # fmt: skip
_NOBODY = frozenset(
    {"", "-", "none", "n/a", "na", "tbd", "todo", "unknown", "unassigned", "nobody", "null", "owner", "x"}
)
_RESERVED = "aws:"  # tags that AWS itself writes: of stacks, of what launched a machine
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")
_RUN = re.compile(r"[A-Za-z0-9_+=]{20,}")
_URL_LOGIN = re.compile(r"//[^/@\s]*:[^/@\s]*@")


def read(tags: object) -> dict[str, str]:
    """A provider's list of `{Key, Value}`, or its mapping, ordered by key, with values masked where unsure."""
    found: dict[str, str] = {}
    pairs = mapping(tags).items() or (
        (e.get("Key", e.get("key")), e.get("Value", e.get("value"))) for e in map(mapping, listing(tags))
    )
    for name, content in pairs:
        key, value = text(name), text(content)
        if key is not None and not looks_secret(key):
            found[key] = _kept(key, value or "")
    return dict(sorted(found.items()))


def environment(tags: Mapping[str, str]) -> str | None:
    """The environment that a tag names, common abbreviations spelled out, else None."""
    for key, value in tags.items():
        if _norm(key) in _ENVIRONMENTS and value not in {"", MASKED}:
            plain = value.lower()
            return _ALIASES.get(plain, plain)
    return None


def owners(tags: Mapping[str, str], *, subject_id: str, scope_id: str, source: str) -> Iterator[Owner]:
    """One owner per owner tag that names somebody; an e-mail address is a person, anything else a team."""
    for key, value in tags.items():
        if _norm(key) in _OWNERS and value != MASKED and value.strip().lower() not in _NOBODY:
            yield Owner(
                id=f"{subject_id}#owner/tag/{key}",
                scope_id=scope_id,
                source=source,
                locator=f"tag {key}",
                subject_id=subject_id,
                name=value,
                kind=OwnerKind.PERSON if _EMAIL.fullmatch(value) else OwnerKind.TEAM,
                basis=OwnerBasis.TAG,
                confidence=Confidence.HIGH,
            )


def looks_secret(value: str) -> bool:
    """Whether text holds a login in an address or a long run of mixed letters and digits, as keys and tokens do."""
    if _URL_LOGIN.search(value):
        return True
    return any(re.search(r"[0-9]", run) and re.search(r"[A-Za-z]", run) for run in _RUN.findall(value))


def _kept(key: str, value: str) -> str:
    plain = _norm(key)
    known = plain in _OWNERS or plain in _ENVIRONMENTS or plain in _PLAIN or key.startswith(_RESERVED)
    return value if known and len(value) <= 256 and not looks_secret(value) else MASKED


def _norm(key: str) -> str:
    return re.sub(r"[^a-z]", "", key.lower().rsplit(":", 1)[-1])
