"""How a workload uses what it is given: the account it runs as, and secrets it is handed by reference.

`Use.name` says which of its accounts an identity is (`service_account`, `node_account`, `trigger_account`, …);
`Use.place` of a reference is the full name of the secret, as its store is called.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from nhiscan.collectors._common.values import text
from nhiscan.collectors.gcp._names import account_id
from nhiscan.plugin import Form, Use, UseHow

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.collectors.gcp._things import Estate, Thing

_EMAIL = re.compile(r"[\w.+-]{1,128}@[\w.:-]{1,190}")
_SECRET = re.compile(r"projects/([^/]+)/((?:locations/[^/]+/)?secrets/[^/]+)(?:/versions/[^/]+)?")
_HOST = "//secretmanager.googleapis.com"


def address(value: object) -> str | None:
    """The e-mail address in the name of a service account (also at the end of a resource path), else None."""
    found = (text(value) or "").rpartition("/")[2]
    return found.lower() if _EMAIL.fullmatch(found) else None


def runs_as(thing: Thing, identity_id: str, name: str = "service_account") -> Use:
    """That a workload acts as an identity."""
    return Use(
        **thing.seen(f"#runs_as/{identity_id}"), consumer_id=thing.id, identity_id=identity_id, how=UseHow.RUNS_AS,
        name=name,
    )  # fmt: skip


def acts_as(thing: Thing, *accounts: tuple[str, object]) -> Iterator[Use]:
    """One use for each distinct account among `(which, e-mail address)`; what is no address is left out."""
    told: set[str] = set()
    for name, value in accounts:
        email = address(value)
        if email is not None and email not in told:
            told.add(email)
            yield runs_as(thing, account_id(email), name)


def store_of(around: Estate, project: str | None, secret: object) -> str | None:
    """The store that a reference means: a full name, or the bare name of a secret of the same project."""
    named = text(secret)
    if named is None:
        return None
    match = _SECRET.fullmatch(named.removeprefix("//secretmanager.googleapis.com/"))
    if match is None and "/" in named:
        return None
    home, rest = (match[1], match[2]) if match else (project, f"secrets/{named}")
    return around.named(f"{_HOST}/projects/{home}/{rest}") if home else None


def reads(thing: Thing, name: object, store: str | None, *, place: str = "env") -> Iterator[Use]:
    """That a workload is handed a secret (`store_of`), in a variable (`env`) or as a file (`volume`)."""
    if store is not None:
        shown = text(name) or store.rpartition("/")[2]
        how = UseHow.MOUNTED if place == "volume" else UseHow.ENV if place == "env" else UseHow.CONFIGURED
        yield Use(
            **thing.seen(f"#{place}/{shown}"), consumer_id=thing.id, how=how, form=Form.VAULT, name=shown, place=store,
            uri=thing.id,
        )  # fmt: skip
