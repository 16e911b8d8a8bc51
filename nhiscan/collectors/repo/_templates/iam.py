"""Identities and policies that a CloudFormation template declares, in the form in which an account states them.

A principal of the same template stands in policies by its declared id, so that trusts lead to it; what only
deployment knows stays as `${…}`.  Resource types: CloudFormation Template Reference, AWS::IAM.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._config.managed import policy_arn, provided
from nhiscan.collectors.repo._templates.cfn import target
from nhiscan.collectors.repo._templates.values import Values, access_key
from nhiscan.plugin import AttachmentKind, IdentityKind, PolicyKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.collectors.repo._config.nodes import Node
    from nhiscan.collectors.repo._templates.cfn import Part, Resolver, Template
    from nhiscan.collectors.repo._templates.maker import Maker
    from nhiscan.plugin import Record

_KINDS = {
    "AWS::IAM::Role": IdentityKind.ROLE,
    "AWS::IAM::User": IdentityKind.USER,
    "AWS::IAM::Group": IdentityKind.GROUP,
    "AWS::IAM::InstanceProfile": IdentityKind.INSTANCE_PROFILE,
    "AWS::IAM::OIDCProvider": IdentityKind.OIDC_PROVIDER,
    "AWS::IAM::SAMLProvider": IdentityKind.SAML_PROVIDER,
}
_NAMES = {
    "AWS::IAM::Role": ("RoleName", "role"),
    "AWS::IAM::User": ("UserName", "user"),
    "AWS::IAM::Group": ("GroupName", "group"),
    "AWS::IAM::InstanceProfile": ("InstanceProfileName", "instance-profile"),
}
_MANAGED = "AWS::IAM::ManagedPolicy"
_INLINE = frozenset({"AWS::IAM::Policy", "AWS::IAM::RolePolicy", "AWS::IAM::UserPolicy", "AWS::IAM::GroupPolicy"})
_BEARERS = ("Roles", "Users", "Groups", "RoleName", "UserName", "GroupName")
_HERE = r"arn:(?:\$\{AWS::Partition\}|[^:]*):%s::?(\$\{AWS::AccountId\}|[^:]*)"
_IN_ARN = re.compile(_HERE % "iam:" + r":(role|user|group|instance-profile)/(?:[^:]*/)?([^:/]+)")
_IN_STS = re.compile(_HERE % "sts:" + r":assumed-role/([^:/]+)/.*")


def aliases(template: Template) -> None:
    """Learn what references to identities and policies of the template come to; fills `template.aliases`."""
    for part in template.parts.values():
        mine, known = template.id_of(part.name), template.aliases
        if part.type in {"AWS::IAM::Role", "AWS::IAM::User", "AWS::IAM::Group", "AWS::IAM::InstanceProfile"}:
            known[f"${{{part.name}.Arn}}"] = mine
        elif part.type == _MANAGED:
            known[f"${{{part.name}}}"] = known[f"${{{part.name}.PolicyArn}}"] = mine
        elif part.type == "AWS::IAM::OIDCProvider" and (host := issuer(part)):
            arn = f"arn:${{AWS::Partition}}:iam::${{AWS::AccountId}}:oidc-provider/{host}"
            known[f"${{{part.name}}}"] = known[f"${{{part.name}.Arn}}"] = arn
        elif part.type in {"AWS::Serverless::Function", "AWS::Serverless::StateMachine"}:
            known[f"${{{part.name}Role.Arn}}"] = f"{mine}Role"


def issuer(part: Part) -> str | None:
    """The host and path of an OIDC provider, where the template says it."""
    url = part.props.text_at("Url")
    return url.partition("://")[2].rstrip("/") if url and "://" in url else None


@dataclass(frozen=True, slots=True, repr=False)
class Iam:
    """The identities of one template."""

    resolver: Resolver
    maker: Maker
    values: Values
    names: dict[tuple[str | None, str], str] = field(default_factory=dict)

    @property
    def template(self) -> Template:
        """The template that declares them."""
        return self.resolver.template

    def records(self) -> Iterator[Record]:
        """Identities, policies, attachments, members and declared keys."""
        for part in self.template.parts.values():
            if part.type in _KINDS:
                yield from self._identity(part)
            elif part.type == _MANAGED:
                yield from self._managed(part)
            elif part.type in _INLINE:
                yield from self._inline(part)
            elif part.type == "AWS::IAM::UserToGroupAddition":
                yield from self._joined(part)
            elif part.type == "AWS::IAM::AccessKey":
                yield access_key(self.values, part, self.bearer(part.props.at("UserName")))

    def body(self, node: Node | None) -> object:
        """A policy document as plain data, principals of the template by their ids; None where there is none."""
        return self._principals(self.resolver.value(node)) if node else None

    def bearer(self, node: Node | None) -> str | None:
        """The declared identity that a name or ARN means."""
        single = target(node)
        if single and self.template.part(single[0], *_KINDS):
            return self.template.id_of(single[0])
        text = self.resolver.text(node)
        return self._by_name(None, text) or (text if self._is_mine(text) else None) if text else None

    def bearer_or_arn(self, node: Node | None) -> str | None:
        """The same, or the ARN that stands there for one declared elsewhere."""
        text = self.resolver.text(node)
        found = self.bearer(node)
        if found is None and text:
            found = self.principal(text)
            found = found if self._is_mine(found) or re.fullmatch(r"arn:aws[\w-]*:iam::\d{12}:.+", found) else None
        return found

    def principal(self, text: str) -> str:
        """The declared id for the ARN of a principal of this template, any other text as it is."""
        match = _IN_ARN.fullmatch(text) or _IN_STS.fullmatch(text)
        if match is None or match[1] not in {"", "${AWS::AccountId}"}:
            return text
        kind, name = (match[2], match[3]) if match.re is _IN_ARN else ("role", match[2])
        return self._by_name(kind, name) or text

    def _is_mine(self, identity_id: str) -> bool:
        head, name = f"{self.template.base}:", identity_id.removeprefix(f"{self.template.base}:")
        return identity_id.startswith(head) and self.template.part(name, *_KINDS) is not None

    def _by_name(self, kind: str | None, name: str) -> str | None:
        """The identity of a name; the table is made once, because every principal is looked up in it."""
        if not self.names:
            self.names[None, ""] = ""
            for part in self.template.parts.values():
                key, what = _NAMES.get(part.type, ("", ""))
                said = self.resolver.text(part.props.at(key)) if what else None
                for called in (f"${{{part.name}}}", said) if what else ():
                    for known in (what, None):
                        self.names.setdefault((known, called or ""), self.template.id_of(part.name))
        return self.names.get((kind, name)) or None

    def _principals(self, value: object) -> object:
        if isinstance(value, str):
            return self.principal(value) if value.startswith("arn:") else value
        if isinstance(value, list):
            return [self._principals(v) for v in value]
        if isinstance(value, dict):
            return {k: self._principals(v) for k, v in value.items()}
        return value

    def _identity(self, part: Part) -> Iterator[Record]:
        mine, props = self.template.id_of(part.name), part.props
        key = _NAMES.get(part.type, ("", ""))[0]
        said = self.resolver.text(props.at(key)) if key else issuer(part)
        longest = self.resolver.text(props.at("MaxSessionDuration")) or ""
        user = part.type == "AWS::IAM::User"
        yield from self.maker.identity(
            _KINDS[part.type], mine, said if said and "${" not in said else part.name, part.line,
            max_session=int(longest) if longest.isdecimal() and len(longest) < 7 else None,
            interactive=props.at("LoginProfile") is not None if user else False if part.type.endswith("Role") else None,
            tags=self.tags(props.at("Tags")),
        )  # fmt: skip
        if trust := props.at("AssumeRolePolicyDocument"):
            yield from self.trust(mine, part.name, self.body(trust), trust.key_line)
        if part.type == "AWS::IAM::InstanceProfile":
            for node in _each(props.at("Roles")):
                if role := self.bearer(node):
                    yield self.maker.member(role, mine, node.line)
            return
        yield from self._granted(part)
        for node in _each(props.at("Groups")) if user else ():
            if group := self.bearer(node):
                yield self.maker.member(mine, group, node.line)

    def _granted(self, part: Part) -> Iterator[Record]:
        mine, props = self.template.id_of(part.name), part.props
        for number, entry in enumerate(_each(props.at("Policies")), 1):
            for option in _options(entry):
                name = self.resolver.text(option.at("PolicyName"))
                name = name if name and "${" not in name else f"policy-{number}"
                yield from self.inline(mine, name, self.body(option.at("PolicyDocument")), option.line)
        node = props.at("ManagedPolicyArns")
        for arn in dict.fromkeys(self.resolver.strings(node)):
            yield from self.managed(mine, arn, node.line if node else part.line)
        limit = props.at("PermissionsBoundary")
        if limit and (text := self.resolver.text(limit)):
            yield from self.managed(mine, text, limit.line, AttachmentKind.BOUNDARY)

    def trust(self, mine: str, name: str, body: object, line: int) -> Iterator[Record]:
        """Who may become a role."""
        if body is not None:
            yield from self.maker.policy(f"{mine}#trust", PolicyKind.TRUST, f"trust of {name}", body, line)
            yield self.maker.attached(mine, f"{mine}#trust", AttachmentKind.TRUST, line)

    def inline(self, mine: str, name: str, body: object, line: int) -> Iterator[Record]:
        """A policy of one identity alone."""
        policy_id = f"{mine}#inline/{self.maker.shown(name)}"
        yield from self.maker.policy(policy_id, PolicyKind.INLINE, name, body, line)
        yield self.maker.attached(mine, policy_id, AttachmentKind.GRANTS, line)

    def managed(
        self, mine: str, text: str, line: int, kind: AttachmentKind = AttachmentKind.GRANTS
    ) -> Iterator[Record]:
        """A managed policy: one of the template, one of AWS's own, or one that only an account knows."""
        part = self.template.part(text.removeprefix(f"{self.template.base}:"), _MANAGED)
        if part is not None and text == self.template.id_of(part.name):
            yield self.maker.attached(mine, text, kind, line)
            return
        arn = policy_arn(text)
        body = provided(arn)
        name = arn.rpartition("policy/")[2] or arn
        if body is None:
            policy_id = (
                self.maker.shown(arn) if re.fullmatch(r"arn:aws[\w-]*:iam::(?:aws|\d{12}):policy/.+", arn) else ""
            )
            policy_id = policy_id or f"{self.template.base}#policy/{self.maker.shown(text)}"
            if not policy_id.startswith("arn:"):
                yield from self.maker.policy(policy_id, PolicyKind.MANAGED, name, None, line)
            yield self.maker.unread(f"{mine}#{policy_id}", name, line, mine)
        else:
            # Apart from the provider's own record: what an account says of its policies counts more.
            policy_id = f"{self.maker.book.scope_id}#{arn}"
            yield from self.maker.policy(policy_id, PolicyKind.PROVIDER, name, body, line)
        yield self.maker.attached(mine, policy_id, kind, line)

    def tags(self, node: Node | None) -> dict[str, str]:
        """Tags in either notation."""
        if node is None:
            return {}
        pairs = [(k, self.resolver.text(n)) for k, n in node.map.items()]
        pairs += [(k, self.resolver.text(n.at("Value"))) for n in node.list if (k := n.text_at("Key"))]
        return self.maker.tags(pairs)

    def _managed(self, part: Part) -> Iterator[Record]:
        mine = self.template.id_of(part.name)
        said = self.resolver.text(part.props.at("ManagedPolicyName"))
        name = said if said and "${" not in said else part.name
        yield from self.maker.policy(
            mine, PolicyKind.MANAGED, name, self.body(part.props.at("PolicyDocument")), part.line
        )
        yield from self._borne(part, mine)

    def _inline(self, part: Part) -> Iterator[Record]:
        mine = f"{self.template.id_of(part.name)}#inline"
        said = self.resolver.text(part.props.at("PolicyName"))
        name = said if said and "${" not in said else part.name
        yield from self.maker.policy(
            mine, PolicyKind.INLINE, name, self.body(part.props.at("PolicyDocument")), part.line
        )
        yield from self._borne(part, mine)

    def _borne(self, part: Part, policy_id: str) -> Iterator[Record]:
        for key in _BEARERS:
            for node in _each(part.props.at(key)):
                if bearer := self.bearer_or_arn(node):
                    yield self.maker.attached(bearer, policy_id, AttachmentKind.GRANTS, node.line)

    def _joined(self, part: Part) -> Iterator[Record]:
        group = self.bearer(part.props.at("GroupName"))
        for node in _each(part.props.at("Users")):
            if group and (user := self.bearer(node)):
                yield self.maker.member(user, group, node.line)


def _each(node: Node | None) -> list[Node]:
    """The items of a list, both sides of a condition, or the only one."""
    if node is None:
        return []
    items = list(node.list) if isinstance(node.value, list) else [node]
    return [o for item in items for o in _options(item)]


def _options(node: Node) -> list[Node]:
    choice = node.at("Fn::If")
    if choice is None or len(choice.list) != 3:
        return [node]
    return [o for side in choice.list[1:] for o in (side.list or [side]) if o.text_at("Ref") != "AWS::NoValue"]
