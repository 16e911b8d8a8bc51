"""What columns mean that many tables and views share; one that means something else says so where it is made."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

# What every table has.
COMMON: Mapping[str, str] = {
    "id": "what this is, the same in every run",
    "scope_id": "where it was seen: the account, repository or folder",
    "source": "the collector that saw it",
    "locator": "where a person can look: a path in the repository, an address",
}
SHARED: Mapping[str, str] = {
    "account_id": "the account that issued it, in its provider's own words",
    "admin": "it may do everything, by itself or through others",
    "approval": "whether a person is asked before a tool runs",
    "auth": "how one proves oneself to it",
    "autonomy": "how much it does without asking a person",
    "certainty": "proven, or conditional on what cannot be evaluated",
    "class": "who stands behind an identity: a person, a workload, an agent, the provider",
    "confidence": "how sure it is that this is what it is called",
    "consumer_id": "the agent, workload or pipeline that uses it",
    "created_at": "when it was made",
    "credential_id": "the credential",
    "detail": "more, for a reader",
    "environment": "its label, as somebody wrote it (prod, eu-test)",
    "expires_at": "when it stops working; NULL is unknown or never",
    "form": "how it is written where it stands",
    "format": "which issuer's form a value has (github-pat)",
    "framework": "the product an agent is made with or runs in",
    "gated": "a person or a rule stands before what it does",
    "how": "how, in words for a message",
    "identity_id": "the identity it belongs to or proves",
    "identity_name": "the name of that identity",
    "invented": "it lies where values are mostly made up: tests, examples, documentation",
    "issued_at": "when it was issued",
    "job": "the job of a pipeline, by name",
    "kind": "which sort of thing it is",
    "label": "what to call it in a message: enough of a public id, or a name",
    "last_used": "whether a last use is known, or that it was never used",
    "last_used_at": "when it was last used",
    "lifetime": "static (until somebody ends it), short-lived, or federated (none is kept)",
    "line": "the line in that file",
    "live": "its issuer confirms that it works, or that it does not; NULL where nobody asked",
    "name": "its name",
    "noun": "its kind in words, for the middle of a message",
    "noun_title": "its kind in words, for the beginning of a message",
    "open": "anybody may",
    "outside": "it belongs to somebody else",
    "owner_count": "how many owners are known; 0 is nobody",
    "pin": "how an outside package is held to one version",
    "place": "where it is, as file and line or name",
    "places": "where it is: up to three places, and how many more",
    "platform": "what runs it (aws_lambda, kubernetes, github_actions)",
    "policy_id": "the policy that says so",
    "power": "what it can do, in words for a message",
    "principal": "who, as the policy writes it",
    "privileged": "it is administrator, may become one, or reads all secrets",
    "production": "it is of production, by its label or that of its account",
    "provider": "whose it is: aws, azure, gcp, github, repo",
    "public": "made to be seen by anybody",
    "purpose": "what it is for",
    "renewed_at": "when it was last rotated, else issued",
    "sample": "a documented example that opens nothing",
    "sandbox": "what it runs in is fenced off",
    "service": "the service of the provider",
    "state": "whether it works, as its issuer says; declared is only written down somewhere",
    "subject_id": "what this is said of",
    "tags": "labels that people put on it",
    "tls": "it is reached with encryption",
    "transport": "how it is reached: as a process, or over the network",
    "triggers": "what starts it",
    "ttl": "its longest life in seconds",
    "uri": "the file or address, relative to the repository",
    "url": "its address",
    "visibility": "who can see the file: tracked, untracked or local to one machine",
    "what": "what it is, in words for a message",
}
_FORMS = (
    (re.compile(r"(.+)_scope_id"), "the scope of the {}, whose gaps bear on the row"),
    (re.compile(r"(.+)_id"), "the id of the {}"),
    (re.compile(r"(.+)_name"), "the name of the {}"),
    (re.compile(r"(.+)_names"), "the names of the {}s, for a message"),
    (re.compile(r"(.+)_count"), "how many {}s"),
    (re.compile(r"(.+)_kind"), "which sort of {}"),
    (re.compile(r"(.+)_uri"), "the file of the {}"),
    (re.compile(r"(.+)_at"), "when it was {}"),
)


def meaning(column: str) -> str:
    """What a column of this name means where nothing else is said; empty when the name alone must do."""
    known = COMMON.get(column) or SHARED.get(column)
    if known:
        return known
    for form, text in _FORMS:
        match = form.fullmatch(column)
        if match is not None:
            return text.format(match[1].replace("_", " "))
    return ""
