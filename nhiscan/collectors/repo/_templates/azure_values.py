"""What stands where an ARM or Bicep template hands a credential to something."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._config import words
from nhiscan.collectors.repo._config.judge import Found, Judge, Spot
from nhiscan.collectors.repo._config.records import Holder, holdings
from nhiscan.collectors.repo._config.spots import url_spots
from nhiscan.collectors.repo._templates.arm import MOST, expression, literal
from nhiscan.plugin import Credential, CredentialKind, CredentialState, Form, Lifetime, Purpose

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from nhiscan.collectors.repo._config.nodes import Node
    from nhiscan.collectors.repo._templates.arm import Deployment
    from nhiscan.collectors.repo._templates.maker import Maker
    from nhiscan.plugin import Record

# Functions that hand out the shared key of a resource (ARM template functions, list*).
_LISTS = re.compile(
    r"\blist(?:Keys|AccountSas|ServiceSas|ConnectionStrings|Credentials|AdminKeys|Secrets)\b", re.IGNORECASE
)
_WORD = re.compile(r"[A-Za-z_]\w*")
_VAULT = re.compile(r"@Microsoft\.KeyVault\(|\.getSecret\(|\bkeyVault\b", re.IGNORECASE)
_ARM_NAMES = frozenset({"type", "name", "apiVersion", "symbol", "existing", "scope", "dependsOn", "tags", "$schema"})
# Settings whose names speak of credentials (ARM template reference).
_SETTINGS = frozenset({
    "keySource",
    "keyType", "keyName", "keyVaultUri", "keyVaultUrl", "keyUri", "disablePasswordAuthentication", "keyVault",
    "secretRef", "passwordSecretRef", "defaultToOAuthAuthentication", "allowSharedKeyAccess", "keyPolicy", "keyOps",
    "keyData", "secretUri", "secretUrl", "keyExpirationPeriodInDays", "keyPermissions", "partitionKey", "sku",
})  # fmt: skip
_DEEPEST = 40


@dataclass(frozen=True, slots=True, repr=False)
class AzureValues:
    """Judges the values of one template."""

    deployment: Deployment
    maker: Maker
    base: str
    told: set[str] = field(default_factory=set)

    def parameters(self, consumer_id: str) -> Iterator[Record]:
        """Parameters that hold a credential: secure ones, and named ones with a value."""
        for name, node in self.deployment.parameters.items():
            hidden = self._secure(name)
            given = node.at("defaultValue") or node.at("value")
            if node.at("reference", "keyVault") is not None:
                yield self.maker.use(consumer_id, "input", name, Form.VAULT, node.key_line)
            elif (text := literal(given)) and given:
                if hidden or words.names_credential(name):
                    spot = Spot("input", name, text, given.line, forced=hidden)
                    yield from self._held(consumer_id, Judge().spot(spot))
            elif hidden and (given is None or given.text == ""):
                yield from self._declare(name, node.key_line)
                yield self.maker.use(consumer_id, "input", name, Form.PROMPT, node.key_line)

    def outputs(self, consumer_id: str) -> Iterator[Record]:
        """Outputs, which the history of deployments shows in plain text."""
        node = self.deployment.document.root.at("outputs")
        for name, output in node.map.items() if node else ():
            value = output.at("value")
            if value is None or (output.text_at("type") or "").lower() in {"securestring", "secureobject"}:
                continue
            yield from self._reference(consumer_id, "artifact", name, value, Purpose.EXPOSED, named=True)

    def everywhere(self, consumer_id: str, node: Node, depth: int = 0) -> Iterator[Record]:
        """Credentials in the properties of one resource, nested resources apart."""
        if depth > _DEEPEST:
            return
        if (pair := _pair(node)) is not None:
            yield from self._value(consumer_id, "env", *pair)
            return
        for name, child in node.map.items():
            if name in _ARM_NAMES or (name == "resources" and child.list) or name == "template":
                continue
            if child.text is not None:
                if name not in _SETTINGS:
                    yield from self._value(consumer_id, "key", name, child)
            else:
                yield from self.everywhere(consumer_id, child, depth + 1)
        for child in node.list:
            yield from self.everywhere(consumer_id, child, depth + 1)

    def _value(self, consumer_id: str, place: str, name: str, node: Node) -> Iterator[Record]:
        named = words.names_credential(name)
        text = literal(node)
        if text is None:
            yield from self._reference(consumer_id, place, name, node, None, named=named)
        elif _VAULT.match(text):
            yield self.maker.use(consumer_id, place, name, Form.VAULT, node.line)
        elif "${" not in text:
            spots: list[Spot | Found] = [Spot(place, name, text, node.line)]
            if "://" in text and " " not in text:
                spots += url_spots(text, node.line, place=place)
            judge = Judge()
            found = [f for s in spots for f in ([s] if isinstance(s, Found) else judge.spot(s))]
            yield from self._held(consumer_id, found)

    def _reference(
        self, consumer_id: str, place: str, name: str, node: Node, purpose: Purpose | None, *, named: bool
    ) -> Iterator[Record]:
        """What an expression hands over: a secure parameter, a shared key, a secret of a vault."""
        text = expression(node)
        if text is None:
            return
        for word in sorted(set(_WORD.findall(text))):
            if self._secure(word):
                yield from self._declare(word, node.line)
                yield self.maker.use(
                    consumer_id, place, name, Form.REFERENCE, node.line, credential_id=f"{self.base}:{word}",
                    purpose=purpose,
                )  # fmt: skip
        if _LISTS.search(self.deployment.expanded(node)):
            credential = self._listed(node)
            yield credential
            yield self.maker.use(
                consumer_id, place, name, Form.REFERENCE, node.line, credential_id=credential.id, purpose=purpose
            )
        elif _VAULT.search(text) and named:
            yield self.maker.use(consumer_id, place, name, Form.VAULT, node.line)

    def _listed(self, node: Node) -> Credential:
        """The shared key of the resource that an expression asks for, or of one that it does not name."""
        items = self.deployment.items
        # Each asks every resource, so in a file that asks without end the rest stays unnamed.
        self.told.add(f"[{node.line}]")
        found = self.deployment.meant(node, *{i.type for i in items}) if len(self.told) < MOST else None
        key = self.maker.shown(found.key) if found else "(key)"
        return Credential(
            **self.maker.seen(f"{self.base}:{key}#listKeys", found.line if found else node.line), provider="azure",
            kind=CredentialKind.ACCESS_KEY, name=self.maker.shown(found.name) if found else None,
            state=CredentialState.DECLARED, lifetime=Lifetime.STATIC,
        )  # fmt: skip

    def _secure(self, name: str) -> bool:
        node = self.deployment.parameters.get(name)
        return node is not None and (node.text_at("type") or "").lower() in {"securestring", "secureobject"}

    def _declare(self, name: str, line: int) -> Iterator[Record]:
        if name not in self.told:
            self.told.add(name)
            at = self.deployment.parameters[name].key_line or line
            yield Credential(
                **self.maker.seen(f"{self.base}:{name}", at), provider=words.provider_of(name),
                kind=words.kind_of(name), name=self.maker.shown(name), state=CredentialState.DECLARED,
            )  # fmt: skip

    def _held(self, consumer_id: str, found: Iterable[Found]) -> Iterator[Record]:
        learnt = self.maker.book.learn(found)
        yield from holdings(learnt, Holder(consumer_id, "arm"), self.maker.document, self.maker.book)


def _pair(node: Node) -> tuple[str, Node] | None:
    """The name and value of a setting such as `{name: X, value: Y}`."""
    name, value = node.at("name"), node.at("value")
    said = literal(name) if name else None
    return (said, value) if said and value is not None and value.text is not None and len(node.map) <= 4 else None
