"""Jenkins Configuration as Code: credentials and local users of a controller.

Facts (github.com/jenkinsci/configuration-as-code-plugin and the credentials plugin, read 2026-11): credentials stand
below `credentials.system.domainCredentials[].credentials[]`, one key per kind; scope GLOBAL lets every job use one,
SYSTEM only the controller itself; local users stand below `jenkins.securityRealm.local.users`; `${NAME}` is taken
from a source of secrets outside of the file.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._config.judge import Spot
from nhiscan.collectors.repo._pipelines import shell
from nhiscan.collectors.repo._pipelines.parts import SECRET, Held, Ref
from nhiscan.plugin import (
    Consumer,
    ConsumerKind,
    Credential,
    CredentialKind,
    Exposure,
    Identity,
    IdentityKind,
    IdentityState,
    Record,
    Use,
    UseHow,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.collectors.repo._config.nodes import Document, Node
    from nhiscan.collectors.repo._pipelines.records import Ledger

_KINDS = {
    "usernamePassword": CredentialKind.PASSWORD, "basicSSHUserPrivateKey": CredentialKind.SSH_KEY,
    "aws": CredentialKind.ACCESS_KEY, "certificate": CredentialKind.CERTIFICATE,
    "gitLabApiTokenImpl": CredentialKind.TOKEN, "githubApp": CredentialKind.PRIVATE_KEY,
}  # fmt: skip
_VALUES = ("password", "secret", "secretKey", "privateKey", "apiToken", "token", "secretBytes", "passphrase")
_MOST = 2_000


def reads(root: Node) -> bool:
    """Whether a document is a configuration of a Jenkins controller."""
    if root.at("credentials", "system") or root.at("jenkins", "securityRealm"):
        return True
    return "jenkins" in root.map and any(
        k in root.map for k in ("unclassified", "security", "tool", "credentials", "jobs")
    )


def records(document: Document, ledger: Ledger) -> Iterator[Record]:
    """The controller, its credentials with the values that stand there, and its local users."""
    controller = f"{ledger.book.scope_id}#{document.path}:jenkins"
    yield Consumer(
        id=controller, scope_id=ledger.book.scope_id, source=ledger.book.source, locator=document.path,
        kind=ConsumerKind.APPLICATION, name="jenkins", framework="jenkins", uri=document.path,
        line=document.root.line, visibility=document.visibility, platform="jenkins",
    )  # fmt: skip
    for kind, node in _credentials(document.root):
        name = node.text_at("id") or node.text_at("description") or kind
        facts = tuple((k.lower(), v) for k in ("scope", "username") if (v := node.text_at(k)))
        ref = Ref(SECRET, name, _KINDS.get(kind), facts=facts)
        yield from _values(document, node, ledger, controller, ledger.ref(ref, controller, document.path))
    users = document.root.at("jenkins", "securityRealm", "local", "users")
    for user in (users.list if users else [])[:_MOST]:
        yield from _user(document, user, ledger, controller)


def _credentials(root: Node) -> Iterator[tuple[str, Node]]:
    domains = root.at("credentials", "system", "domainCredentials")
    for domain in domains.list if domains else ():
        for entry in (c.list if (c := domain.at("credentials")) else [])[:_MOST]:
            for kind, node in entry.map.items():
                if node.map:
                    yield kind, node


def _values(document: Document, node: Node, ledger: Ledger, holder: str, credential_id: str) -> Iterator[Record]:
    found = False
    for key, member in _strings(node, 0):
        if key not in _VALUES or (key == "passphrase" and not member.text):
            continue
        text = member.text or ""
        spots = [Spot("key", key, text, member.line, forced="$" not in text)]
        for record in ledger.literals(ledger.judged(spots), holder, document, "jenkins"):
            found = True
            yield from _joined(record, credential_id, ledger)
        for variable in shell.variables(text):
            found = True
            reference = Ref("env", variable)
            held = Held(reference, member.line, key, "key", how=UseHow.CONFIGURED)
            yield from ledger.uses_of([held], holder, document)
    if not found and (known := ledger.credentials.get(credential_id)) and known.identity_id is None:
        held = Held(Ref(SECRET, known.name or ""), node.line, known.name or "", "key", how=UseHow.CONFIGURED)
        yield from ledger.uses_of([held], holder, document)


def _joined(record: Record, credential_id: str, ledger: Ledger) -> Iterator[Record]:
    """A record of the value under the id by which pipelines know the credential."""
    if not isinstance(record, (Exposure, Use)) or record.credential_id is None:
        yield record
        return
    placed = ledger.credentials.get(record.credential_id)
    if placed is not None and "#" in placed.id and placed.id != credential_id:
        del ledger.credentials[placed.id]
        ledger.renamed[placed.id] = credential_id
        ledger.note(replace(placed, id=credential_id, name=None))
    yield replace(record, credential_id=ledger.renamed.get(record.credential_id, record.credential_id))


def _strings(node: Node, depth: int) -> Iterator[tuple[str, Node]]:
    for key, member in node.map.items() if depth < 5 else ():
        if member.text is not None:
            yield key, member
        else:
            yield from _strings(member, depth + 1)


def _user(document: Document, user: Node, ledger: Ledger, controller: str) -> Iterator[Record]:
    login = user.text_at("id")
    if not login:
        return
    name = ledger.book.scrub(login)
    identity_id = f"{ledger.book.scope_id}#{document.path}:user:{name}"
    yield Identity(
        id=identity_id, scope_id=ledger.book.scope_id, source=ledger.book.source,
        locator=f"{document.path}:{user.line}", provider="jenkins", kind=IdentityKind.USER, name=name,
        state=IdentityState.DECLARED,
    )  # fmt: skip
    credential_id = ledger.note(
        Credential(
            id=f"{identity_id}:password", scope_id=ledger.book.scope_id, source=ledger.book.source,
            locator=f"{document.path}:{user.line}", provider="jenkins", kind=CredentialKind.PASSWORD,
            name=name, identity_id=identity_id,
        )
    )  # fmt: skip
    yield from _values(document, user, ledger, controller, credential_id) if user.text_at("password") else ()
