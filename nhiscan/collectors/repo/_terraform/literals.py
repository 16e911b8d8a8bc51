"""Values that lie in the files themselves: literals in HCL and variable files, and what plans and states keep in plain.

Terraform stores every attribute in its state as plain text, generated secrets included (Terraform documentation,
"Sensitive data in state").
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._config import words
from nhiscan.collectors.repo._config.judge import Found, Judge, Spot
from nhiscan.collectors.repo._config.nodes import Document, Node
from nhiscan.collectors.repo._config.records import Holder, holdings
from nhiscan.collectors.repo._terraform import tree
from nhiscan.collectors.repo._terraform.learning import learn
from nhiscan.collectors.repo._terraform.running import ENVIRONMENT, KINDS
from nhiscan.plugin import Exposure, FileClass, Form, Use

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from nhiscan.collectors.repo._config.records import Book
    from nhiscan.collectors.repo._terraform.tree import Body, Expr, Source
    from nhiscan.collectors.repo._terraform.values import Thing, Value
    from nhiscan.collectors.repo._tree import Checkout, SourceFile
    from nhiscan.plugin import Record, Sensitive

_DEEPEST = 20
_MOST_RECORDS = 20_000
# Attributes that are secret by what they are, whatever they are called (Terraform Registry, attribute references).
SECRET: Mapping[str, tuple[str, ...]] = {
    "aws_iam_access_key": ("secret", "ses_smtp_password_v4"),
    "aws_iam_user_login_profile": ("password",),
    "aws_secretsmanager_secret_version": ("secret_string",),
    "azuread_application_password": ("value",),
    "azuread_service_principal_password": ("value",),
    "github_actions_secret": ("plaintext_value",),
    "github_actions_organization_secret": ("plaintext_value",),
    "github_actions_environment_secret": ("plaintext_value",),
    "github_dependabot_secret": ("plaintext_value",),
    "google_service_account_key": ("private_key",),
    "random_password": ("result",),
    "tls_private_key": ("private_key_pem", "private_key_openssh", "private_key_pem_pkcs8"),
    "vault_approle_auth_backend_role_secret_id": ("secret_id",),
    "vault_token": ("client_token",),
}
_CALLED = {("aws_iam_access_key", "secret"): "aws_secret_access_key"}
_KEY_OF = {"aws_iam_access_key": "id"}
# Attributes that sound secret and are not, and those that repeat what others hold.
_HARMLESS = frozenset({
    "bcrypt_hash", "public_key", "public_key_openssh", "public_key_pem", "password_policy", "token_validity_units",
    "key_name", "key_id", "kms_key_id", "http_tokens", "password_length", "secret_string_wo_version", "token_type",
    "policy", "assume_role_policy", "plan", "keepers", "triggers", "key", "override_special",
})  # fmt: skip


@dataclass(frozen=True, slots=True, repr=False)
class Literals:
    """Finds and records literals of one checkout; values are learnt by the book as they are found."""

    checkout: Checkout
    book: Book
    places: Mapping[str, SourceFile]
    secrets: dict[str, Sensitive[str]] = field(default_factory=dict)

    def of_files(self, written: Mapping[str, Source]) -> list[Record]:
        """What stands in HCL and variable files."""
        found: list[Record] = []
        for path, source in sorted(written.items()):
            class_ = FileClass.INFRASTRUCTURE
            found += self._records(path, list(_in_file(path, source.body)), class_)
        return found

    def of_kept(self, things: Sequence[Thing]) -> list[Record]:
        """What plans and states keep."""
        records: list[Record] = []
        for thing in sorted((t for t in things if not t.data), key=lambda t: t.path):
            if len(records) < _MOST_RECORDS and (found := list(_in_thing(thing))):
                records += self._records(thing.path, found, FileClass.STATE)
        return records

    def _records(self, path: str, found: Sequence[Found], class_: FileClass) -> Iterator[Record]:
        document = self.document(path)
        literals = [f for f in found if f.form is Form.LITERAL]
        if document is None or not literals:
            return
        learn(self.book, literals, self.secrets)
        holder = Holder(f"{self.book.scope_id}#{path}", "terraform")
        yield from exposed(holdings(literals, holder, document, self.book), class_)

    def document(self, path: str) -> Document | None:
        """A file as the shared records want it."""
        file = self.places.get(path)
        if file is None:
            return None
        return Document(path, Node(None, 1, 1), file.visibility, self.checkout.at_head(file.visibility))


def exposed(records: Iterable[Record], class_: FileClass) -> Iterator[Record]:
    """The records of a file that nobody runs: credentials and where they lie, but no use of them."""
    for record in records:
        if isinstance(record, Exposure):
            line = record.line or None
            locator = record.locator if line else record.uri
            yield dataclasses.replace(record, file_class=class_, config=None, line=line, locator=locator)
        elif not isinstance(record, Use):
            locator = record.locator or ""
            yield dataclasses.replace(record, locator=locator.removesuffix(":0"))


def _in_file(path: str, body: Body) -> Iterator[Found]:
    judge = Judge()
    if path.endswith(".tfvars"):
        for name, (expr, line) in body.attributes.items():
            yield from _judged(judge, _spots(name, expr, line, 0))
        return
    for block in body.blocks:
        kind = block.labels[0] if block.labels else ""
        if block.kind == "variable" and (default := block.body.attributes.get("default")):
            yield from _judged(judge, _spots(kind, default[0], default[1], 0))
        elif block.kind in {"provider", "terraform", "locals", "module"}:
            yield from _judged(judge, _body_spots(block.body, 0))
        elif block.kind == "resource":
            skipped = ENVIRONMENT if kind in KINDS else frozenset()
            yield from _judged(judge, _body_spots(block.body, 0, SECRET.get(kind, ()), skipped))


def _judged(judge: Judge, spots: Iterable[Spot]) -> Iterator[Found]:
    for spot in spots:
        yield from judge.spot(spot)


def _body_spots(
    body: Body, depth: int, secret: tuple[str, ...] = (), skipped: frozenset[str] = frozenset()
) -> Iterator[Spot]:
    if depth > _DEEPEST:
        return
    for name, (expr, line) in body.attributes.items():
        if name not in _HARMLESS and name not in skipped:
            yield from _spots(name, expr, line, 0, forced=name in secret)
    for block in body.blocks:
        if block.kind not in skipped:
            yield from _body_spots(block.body, depth + 1)


def _spots(name: str, expr: Expr, line: int, depth: int, *, forced: bool = False) -> Iterator[Spot]:
    if depth > _DEEPEST:
        return
    match expr:
        case tree.Lit(value=str() as text) if text:
            # `${…}` in a literal is escaped there and stands for itself.
            yield Spot("key", name, text, expr.line, forced=forced)
        case tree.Items():
            for item in expr.items:
                # A list under a secret name is a list of names (`token_policies`); what is secret shows its own form.
                yield from _spots("", item, line, depth + 1, forced=forced)
        case tree.Members():
            for key, value in expr.pairs:
                inner = str(key.value) if isinstance(key, tree.Lit) else ""
                if inner not in _HARMLESS:
                    yield from _spots(inner, value, line, depth + 1)
        case tree.Call(name="jsonencode" | "sensitive" | "base64encode" | "tostring"):
            for arg in expr.args:
                yield from _spots(name, arg, line, depth + 1, forced=forced)


def _in_thing(thing: Thing) -> Iterator[Found]:
    judge = Judge()
    secret = SECRET.get(thing.kind, ())
    skipped = ENVIRONMENT if thing.kind in KINDS else frozenset()
    for name, value in thing.values.items():
        if name in skipped:
            continue
        if name in secret:
            if isinstance(value, str) and value:
                yield from judge.spot(Spot("key", _CALLED.get((thing.kind, name), name), value, 0, forced=True))
        elif name not in _HARMLESS:
            yield from _judged(judge, _value_spots(name, value, 0))
    key = _KEY_OF.get(thing.kind)
    key_id = thing.values.get(key) if key else None
    if isinstance(key_id, str):
        yield from judge.spot(Spot("key", "access_key_id", key_id, 0))


def _value_spots(name: str, value: Value, depth: int) -> Iterator[Spot]:
    if depth > _DEEPEST:
        return
    if isinstance(value, str):
        if value and words.names_credential(name):
            yield Spot("key", name, value, 0)
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            if key not in _HARMLESS:
                yield from _value_spots(key, inner, depth + 1)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            if not isinstance(inner, str):
                yield from _value_spots(name, inner, depth + 1)
