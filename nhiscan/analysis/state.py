"""What became of a credential: active, inactive, deleted, expired, not in scope are different answers.

Only the issuer can say *active* or *inactive*.  That an access key id is unknown to an account whose keys were all
listed says *deleted*; that its account was not collected says *not in scope*; anything less sure stays NULL.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

from nhiscan.model import CredentialKind, CredentialState, ScopeKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from nhiscan.model import Credential, Gap, Scope

LONG_TERM = "AKIA"
"""Keys of IAM users; temporary ones (`ASIA`) are listed by no account (IAM User Guide, reference_identifiers)."""

_ENDED = frozenset({CredentialState.INACTIVE, CredentialState.DELETED, CredentialState.EXPIRED})


def states(
    credentials: Sequence[Credential], scopes: Iterable[Scope], gaps: Iterable[Gap], as_of: datetime
) -> Iterator[Credential]:
    """The same credentials in the same order, with `state` filled in where it can be known."""
    collected = {s.id for s in scopes if s.provider == "aws" and s.kind is ScopeKind.ACCOUNT}
    blind = {g.scope_id for g in gaps if _hides_keys(g)}
    unnamed = _unnamed(credentials)
    for credential in credentials:
        state = credential.state
        if state is None and credential.provider == "aws":
            state = _aws(credential, collected, blind, unnamed)
        if credential.expires_at is not None and credential.expires_at <= as_of and state not in _ENDED:
            state = CredentialState.EXPIRED
        yield credential if state is credential.state else replace(credential, state=state)


def _hides_keys(gap: Gap) -> bool:
    """Whether access keys may be among what a gap hides: not in a gap about certificates, API keys and the like."""
    if not any(c == "credential" or c.startswith("credential.") for c in gap.covers):
        return False
    other_list = (gap.subject_id or "").endswith("/*")  # one of the other lists of IAM, `…:server-certificate/*`
    return not other_list and (not gap.source.startswith("aws.") or gap.source == "aws.iam")


def blinded(credentials: Iterable[Credential], gaps: Sequence[Gap]) -> Iterator[Gap]:
    """Why the state of a key found in a file is unknown although its account was audited: the call that was refused."""
    blinding: dict[str, Gap] = {}
    for gap in gaps:
        if gap.operation and _hides_keys(gap):
            blinding.setdefault(gap.scope_id, gap)
    for credential in credentials:
        gap_of_account = blinding.get(f"aws:{credential.account_id}")
        if gap_of_account is not None and credential.state is None and credential.identity_id is None:
            yield replace(
                gap_of_account,
                id=f"{credential.id}#state",
                scope_id=credential.scope_id,
                source="analysis",
                covers=("credential.state",),
                subject_id=credential.id,
            )


def _unnamed(credentials: Iterable[Credential]) -> Mapping[str, set[CredentialState | None]]:
    """States of the access keys whose id the account did not tell, by account scope."""
    found: dict[str, set[CredentialState | None]] = defaultdict(set)
    for credential in credentials:
        nameless = credential.key_id is None and "#access_key/" in credential.id
        if credential.kind is CredentialKind.ACCESS_KEY and nameless and credential.identity_id:
            found[credential.scope_id].add(credential.state)
    return found


def _aws(
    credential: Credential,
    collected: set[str],
    blind: set[str],
    unnamed: Mapping[str, set[CredentialState | None]],
) -> CredentialState | None:
    key_id, account = credential.key_id or "", credential.account_id
    if not key_id.startswith(LONG_TERM) or account is None or credential.identity_id is not None:
        return None
    scope_id = f"aws:{account}"
    if scope_id not in collected:
        return CredentialState.NOT_IN_SCOPE
    others = unnamed.get(scope_id, set())
    if scope_id in blind or others - {CredentialState.INACTIVE}:
        return None
    # It is gone, or it is one of the keys known only to be inactive: in both cases nobody can use it.
    return CredentialState.INACTIVE if others else CredentialState.DELETED
