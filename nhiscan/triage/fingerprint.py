"""The identity of a finding: rule and public identity of the subject, and nothing that moves.

Two checkouts, two machines, two fingerprint keys and two dates give the same fingerprint.
"""

from __future__ import annotations

import json
from hashlib import sha256
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

_DIRECTORY = "dir:"
_DIGITS = 32


def public_identity(subject_id: str, directories: Collection[str] = ()) -> str:
    """The part of a subject's id that survives a move: the id itself without a leading `dir:<name>`.

    `directories` are the ids of the run's directory scopes; they decide where the name ends when it contains a `#`.
    """
    if not subject_id.startswith(_DIRECTORY):
        return subject_id
    for scope_id in sorted(directories, key=len, reverse=True):
        if subject_id == scope_id or subject_id.startswith(f"{scope_id}#"):
            return subject_id[len(scope_id) :] or "#"
    _, mark, rest = subject_id.partition("#")
    return mark + rest or "#"


def fingerprint(rule_id: str, subject_id: str, directories: Collection[str] = ()) -> str:
    """32 hex digits of SHA-256 over the rule id and the subject's public identity."""
    return digest(rule_id, public_identity(subject_id, directories))


def digest(rule_id: str, identity: str) -> str:
    """32 hex digits of SHA-256 over a rule id and an identity taken as it is."""
    text = json.dumps(["nhiscan/v1", rule_id, identity])
    return sha256(text.encode()).hexdigest()[:_DIGITS]
