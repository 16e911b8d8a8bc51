"""What stands where a template hands a credential to something: a value, a parameter, a secret of a store."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._config import words
from nhiscan.collectors.repo._config.judge import Found, Judge, Spot
from nhiscan.collectors.repo._config.launch import shell_words
from nhiscan.collectors.repo._config.records import Holder, holdings
from nhiscan.collectors.repo._config.spots import arg_spots, url_spots
from nhiscan.collectors.repo._templates.cfn import target
from nhiscan.plugin import Credential, CredentialKind, CredentialState, Form, Lifetime, Purpose

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from nhiscan.collectors.repo._config.nodes import Node
    from nhiscan.collectors.repo._templates.cfn import Part, Resolver, Template
    from nhiscan.collectors.repo._templates.maker import Maker
    from nhiscan.plugin import Record

# CloudFormation User Guide, dynamic-references; Serverless Framework, Variables.
_DYNAMIC = re.compile(
    r"\{\{resolve:(?:secretsmanager|ssm|ssm-secure):|\$\{(?:ssm|aws:ssm|secretsmanager|vault)(?:\([^)]*\))?:"
)
_HOLES = re.compile(r"\$\{([^{}]{1,300})\}")
_SECRETS = ("AWS::SecretsManager::Secret", "AWS::SSM::Parameter")
_ACCESS_KEY = "AWS::IAM::AccessKey"
# Property names that a walk of everything leaves out: policy language and names of keys, not keys.
_NOT_VALUES = frozenset({"PolicyDocument", "AssumeRolePolicyDocument", "KeyPolicy", "Statement", "Condition", "Tags"})
# Names that speak of a credential and hold none (CloudFormation resource reference).
_SETTINGS = frozenset({
    "PartitionKey", "SortKey", "AttributeName", "KeyName", "KmsKeyId", "KMSMasterKeyID", "KmsMasterKeyId", "KeySpec",
    "KeyUsage", "KmsKeyArn", "S3Key", "SecretId", "SecretArn", "SecretTargetArn", "Key", "TokenValidityUnits",
    "AuthType", "SecretStringTemplate", "GenerateStringKey", "PasswordPolicy", "ApiKeySourceType",
    "HostedRotationLambda", "KmsKey",
})  # fmt: skip
_LONGEST_SCRIPT = 2_000  # lines
_LONGEST_LINE = 4_000
_DEEPEST = 40


@dataclass(frozen=True, slots=True, repr=False)
class Values:
    """Judges the values of one template; `client` names its language in the exposures."""

    resolver: Resolver
    maker: Maker
    client: str
    told: set[str] = field(default_factory=set)

    @property
    def template(self) -> Template:
        """The template whose values they are."""
        return self.resolver.template

    def variables(self, consumer_id: str, pairs: Iterable[tuple[str, Node]], place: str = "env") -> Iterator[Record]:
        """Credential, exposure and use records of named values, such as the environment of a function."""
        found: list[Found] = []
        for name, node in pairs:
            if single := target(node):
                yield from (kept := list(self._named(consumer_id, place, name, single, node.line)))
                if kept or self.template.part(single[0]):
                    continue  # an attribute of a thing of the template is its name
            text = self.resolver.text(node)
            if text is None or not text:
                continue
            if _DYNAMIC.search(text):
                if words.names_credential(name) or "secretsmanager" in text or "ssm-secure" in text:
                    yield self.maker.use(consumer_id, place, name, Form.VAULT, node.line)
                continue
            if "${" in text:
                yield from self._holes(consumer_id, place, name, text, node.line)
                found += (f for f in _judged([Spot(place, "", text, node.line)]) if f.literal)
                continue
            spots: list[Spot | Found] = [Spot(place, name, text, node.line)]
            if "://" in text and " " not in text:
                spots += url_spots(text, node.line, place=place)
            found += _judged(spots)
        yield from self._held(consumer_id, found)

    def script(self, consumer_id: str, node: Node | None) -> Iterator[Record]:
        """The same of a shell script, such as the user data of a machine."""
        text = self.resolver.text(node)
        if node is None or not text:
            return
        # A folded or quoted script has no lines of its own.
        shift = 1 if "\n" in text and not self._is_json() else 0
        found: list[Found] = []
        for number, line in enumerate(text.split("\n")[:_LONGEST_SCRIPT]):
            if len(line) <= _LONGEST_LINE and not line.lstrip().startswith("#"):
                at = node.line + (number + shift if shift else 0)
                spots = arg_spots([(w, at) for w in shell_words(line)])
                found += (f for f in _judged(spots) if f.literal)
        yield from self._held(consumer_id, found)

    def command(self, consumer_id: str, argv: Sequence[Node]) -> Iterator[Record]:
        """The same of a command line, one word a node."""
        spots = arg_spots([(n.text or "", n.line) for n in argv])
        yield from self._held(consumer_id, (f for f in _judged(spots) if f.literal))

    def everywhere(self, consumer_id: str, node: Node, depth: int = 0) -> Iterator[Record]:
        """The same of every property below a node whose name promises a credential or whose value is one."""
        for name, child in node.map.items():
            if name in _NOT_VALUES or depth > _DEEPEST:
                continue
            if child.text is not None or target(child) or _is_function(child):
                if name not in _SETTINGS and not name.startswith("Fn::") and name != "Ref":
                    yield from self.variables(consumer_id, [(name, child)], "key")
            else:
                yield from self.everywhere(consumer_id, child, depth + 1)
        for child in node.list:
            yield from self.everywhere(consumer_id, child, depth + 1)

    def parameter(self, consumer_id: str, name: str) -> Iterator[Record]:
        """A parameter that holds a credential: its declaration, and its default where that is a value."""
        node = self.template.parameters[name]
        default = node.at("Default")
        hidden = self.template.secret_parameter(name)
        if not hidden and not words.names_credential(name):
            return
        kind = node.text_at("Type") or "String"
        if kind.startswith(("AWS::", "List<AWS::")) and not kind.startswith("AWS::SSM::Parameter::Value"):
            return  # names of resources, such as `AWS::EC2::KeyPair::KeyName`
        if hidden:
            yield self._parameter(name, node.key_line)
        text = default.text if default else None
        if kind.startswith("AWS::SSM::"):
            yield self.maker.use(consumer_id, "input", name, Form.VAULT, node.key_line)
        elif default is not None and text:
            if not _DYNAMIC.search(text):
                spot = Spot("input", name, text, default.line, forced=hidden)
                yield from self._held(consumer_id, _judged([spot]))
        elif hidden:
            yield self.maker.use(consumer_id, "input", name, Form.PROMPT, node.key_line)

    def output(self, consumer_id: str, name: str, node: Node) -> Iterator[Record]:
        """An output that everybody who may describe the stack can read."""
        value = node.at("Value")
        if value is None:
            return
        single = target(value)
        texts = [".".join(filter(None, single))] if single else _HOLES.findall(self.resolver.text(value) or "")
        for text in texts:
            if credential_id := self._credential(*_split(text)):
                yield from self._declare(text, value.line)
                yield self.maker.use(
                    consumer_id, "artifact", name, Form.REFERENCE, value.line, credential_id=credential_id,
                    purpose=Purpose.EXPOSED,
                )  # fmt: skip
        if not texts:
            yield from self.variables(consumer_id, [(name, value)], "artifact")

    def _named(self, consumer_id: str, place: str, name: str, single: tuple[str, str], line: int) -> Iterator[Record]:
        """The use of what a plain reference names, when that is a credential."""
        part = self.template.part(single[0], *_SECRETS)
        if part is not None:
            if words.names_credential(name) and not name.upper().endswith(("_ARN", "_NAME", "ARN")):
                yield self.maker.use(consumer_id, place, name, Form.VAULT, line)
        elif credential_id := self._credential(*single):
            yield from self._declare(".".join(filter(None, single)), line)
            yield self.maker.use(consumer_id, place, name, Form.REFERENCE, line, credential_id=credential_id)

    def _holes(self, consumer_id: str, place: str, name: str, text: str, line: int) -> Iterator[Record]:
        for hole in dict.fromkeys(_HOLES.findall(text)):
            if hole.startswith("env:"):
                variable = hole[4:].partition(",")[0].strip()
                if words.names_credential(variable) or words.names_credential(name):
                    found = Found(place, name, line, Form.REFERENCE, reference=variable)
                    yield from self._held(consumer_id, [found])
                continue
            if credential_id := self._credential(*_split(hole)):
                yield from self._declare(hole, line)
                yield self.maker.use(consumer_id, place, name, Form.REFERENCE, line, credential_id=credential_id)

    def _credential(self, name: str, attribute: str) -> str | None:
        """The id of the credential that a reference means."""
        if not attribute and self.template.secret_parameter(name):
            return self.template.id_of(name)
        if attribute == "SecretAccessKey" and self.template.part(name, _ACCESS_KEY):
            return self.template.id_of(name)
        return None

    def _declare(self, text: str, line: int) -> Iterator[Record]:
        name = _split(text)[0]
        if name in self.template.parameters and name not in self.told:
            yield self._parameter(name, self.template.parameters[name].key_line or line)

    def _parameter(self, name: str, line: int) -> Credential:
        self.told.add(name)
        return Credential(
            **self.maker.seen(self.template.id_of(name), line), provider=words.provider_of(name),
            kind=words.kind_of(name), name=self.maker.shown(name), state=CredentialState.DECLARED,
        )  # fmt: skip

    def _held(self, consumer_id: str, found: Iterable[Found]) -> Iterator[Record]:
        maker = self.maker
        learnt = maker.book.learn(found)
        yield from holdings(learnt, Holder(consumer_id, self.client), maker.document, maker.book)

    def _is_json(self) -> bool:
        return self.maker.document.path.endswith((".json", ".template"))


def access_key(values: Values, part: Part, user_id: str | None) -> Credential:
    """The declared key of a user; its secret is an attribute that only deployment knows."""
    return Credential(
        **values.maker.seen(values.template.id_of(part.name), part.line), provider="aws",
        kind=CredentialKind.ACCESS_KEY, name=part.name, identity_id=user_id, state=CredentialState.DECLARED,
        lifetime=Lifetime.STATIC,
    )  # fmt: skip


def _judged(spots: Iterable[Spot | Found]) -> Iterator[Found]:
    judge = Judge()
    for spot in spots:
        if isinstance(spot, Found):
            yield spot
        else:
            yield from judge.spot(spot)


def _is_function(node: Node) -> bool:
    return len(node.map) == 1 and next(iter(node.map)).startswith("Fn::")


def _split(text: str) -> tuple[str, str]:
    name, _, attribute = text.partition(".")
    return name, attribute
