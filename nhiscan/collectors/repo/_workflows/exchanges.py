"""Records of what a job gets for its own proof: an assumed identity, the token of a GitHub App."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._workflows.handed import NO_NAMES, handed
from nhiscan.collectors.repo._workflows.shape import scalar
from nhiscan.collectors.repo._workflows.writer import Spotted
from nhiscan.plugin import Credential, CredentialKind, Form, Identity, IdentityKind, Lifetime, Purpose, UseHow

if TYPE_CHECKING:
    from nhiscan.collectors.repo._workflows.cloud import AppToken, Federation, Publication
    from nhiscan.collectors.repo._workflows.shape import Step
    from nhiscan.collectors.repo._workflows.steps import Steps

_ARN = re.compile(r"arn:aws[\w-]*:iam::\d{12}:role/[\w+=,.@/-]{1,512}")
_EMAIL = re.compile(r"[\w.-]{1,100}@[\w.-]{1,150}\.gserviceaccount\.com")
_CLIENT = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
# https://docs.github.com/apps/creating-github-apps/authenticating-with-a-github-app (read 2026-11): one hour.
_APP_TOKEN_TTL = 3_600


def write_federation(found: Federation, step: Step, walk: Steps) -> None:
    """Add the use of the identity that is assumed: by its id where that is written, or by the secret that names it."""
    node, path = found.node, step.document.path
    uses = step.node.at("uses") or step.node
    line = node.line if node else uses.line
    how, form = (UseHow.RUNS_AS, None) if found.static else (UseHow.FEDERATED, Form.FEDERATED)
    at = Spotted(found.name, "input", path, line, found.purpose, form, how)
    text = scalar(node).strip() if node else ""
    credential_id = identity_id = None
    if node is not None:
        secret = next((i.name for i in handed(node, NO_NAMES) if i.name and not i.own), None)
        credential_id = walk.writer.secret(secret, f"{path}:{line}") if secret else None
        identity_id = None if secret else _identity(text, found.provider, f"{path}:{line}", walk)
    walk.writer.use(walk.job_id, at, credential_id, identity_id)


def write_publication(found: Publication, step: Step, walk: Steps) -> None:
    """Add that a step publishes, and whether with the job's own proof; the token it uses has a use of its own."""
    node = step.node.at("run") or step.node.at("uses") or step.node
    path = step.document.path
    line = walk.writer.line(path, node, found.offset, found.text)
    how, form = (UseHow.FEDERATED, Form.FEDERATED) if found.federated else (UseHow.CONFIGURED, None)
    walk.writer.use(walk.job_id, Spotted(found.registry, "registry", path, line, Purpose.PUBLISH, form, how))


def write_app_token(found: AppToken, step: Step, walk: Steps) -> None:
    """Add the token of a GitHub App and that the job uses it."""
    writer, path = walk.writer, step.document.path
    line = (step.node.at("uses") or step.node).line
    token_id = f"{walk.job_id}:app_token:{writer.book.scrub(step.index)}"
    facts = {"owner": found.owner, "repositories": found.repositories, "revoked": None if found.revoked else "false"}
    writer.add(
        Credential(
            id=token_id,
            scope_id=writer.scope_id,
            source=writer.book.source,
            locator=f"{path}:{line}",
            provider="github",
            kind=CredentialKind.TOKEN,
            name="GitHub App token",
            lifetime=Lifetime.SHORT_LIVED,
            ttl=_APP_TOKEN_TTL,
            scopes=tuple(writer.book.scrub(s) for s in found.scopes),
            facts={"basis": "app", **{k: writer.book.scrub(v) for k, v in facts.items() if v}},
        )
    )
    writer.use(walk.job_id, Spotted("app_token", "job", path, line, Purpose.SOURCE, how=UseHow.CONFIGURED), token_id)


def _identity(text: str, provider: str, locator: str, walk: Steps) -> str | None:
    """The id of the identity that stands there; what is computed has none."""
    if _ARN.fullmatch(text):
        return text
    kind, prefix = IdentityKind.SERVICE_ACCOUNT, "gcp:service_account/"
    if provider == "azure" and _CLIENT.fullmatch(text):
        kind, prefix, text = IdentityKind.APP, "azure:application/", text.lower()
    elif provider != "gcp" or not _EMAIL.fullmatch(text):
        return None
    writer = walk.writer
    identifier = f"{prefix}{text}"
    if identifier not in writer.known:
        writer.known.add(identifier)
        writer.add(
            Identity(
                id=identifier,
                scope_id=writer.scope_id,
                source=writer.book.source,
                locator=locator,
                provider=provider,
                kind=kind,
                name=text,
                native_id=text,
            )
        )
    return identifier
