"""GitHub, generated secrets, and agents of Amazon Bedrock.

Arguments and defaults: Terraform Registry, providers integrations/github 6, hashicorp/random 3, hashicorp/tls 4 and
hashicorp/aws 6 (November 2026).  A deploy key may write unless `read_only` is set; a webhook checks certificates unless
`insecure_ssl` is set.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._terraform.aws import ROLES
from nhiscan.collectors.repo._terraform.values import Ref, Unknown, known_text, member
from nhiscan.plugin import (
    Auth,
    Consumer,
    ConsumerKind,
    Credential,
    CredentialKind,
    CredentialState,
    Hop,
    Lifetime,
    Logging,
    Resource,
    Tool,
    ToolClass,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from nhiscan.collectors.repo._terraform.desk import Desk
    from nhiscan.collectors.repo._terraform.values import Thing, Value
    from nhiscan.plugin import Record

AGENTS = ("aws_bedrockagent_agent",)
_FUNCTIONS = ("aws_lambda_function",)
# What the evaluation calls a value that comes out of a choice, a computation or a round: it may be nothing.
_PERHAPS = frozenset({"condition", "operation", "expression", "index", "file", "path", "format", "join", "coalesce"})
_VARIABLE = re.compile(r"(?!each\.|count\.|self\.)[A-Za-z_][\w.-]*")
_GENERATED = {
    "random_password": CredentialKind.PASSWORD,
    "tls_private_key": CredentialKind.PRIVATE_KEY,
}


def _generated(desk: Desk, thing: Thing) -> Iterator[Record]:
    """A secret that Terraform makes, and keeps in its state."""
    yield Credential(
        **desk.seen(desk.id(thing), thing), kind=_GENERATED[thing.kind], name=desk.book.scrub(thing.label),
        lifetime=Lifetime.STATIC, state=CredentialState.DECLARED,
        encrypted=False if thing.kind == "tls_private_key" else None,
    )  # fmt: skip


def _actions_secret(desk: Desk, thing: Thing) -> Iterator[Record]:
    """The secret of a pipeline, under the id that pipelines refer to it by."""
    from nhiscan.collectors.repo._config import words

    name = thing.text("secret_name")
    if name:
        shown = desk.book.scrub(name)
        yield Credential(
            **desk.seen(f"{desk.book.scope_id}#secret:{shown}", thing), provider=words.provider_of(name),
            kind=words.kind_of(name), name=shown,
        )  # fmt: skip


def _deploy_key(desk: Desk, thing: Thing) -> Iterator[Record]:
    value = thing.at("read_only")
    read_only = False if value is None else thing.flag("read_only")
    yield Credential(
        **desk.seen(desk.id(thing), thing), provider="github", kind=CredentialKind.SSH_KEY,
        name=desk.shown(thing.at("title")) or desk.book.scrub(thing.label), lifetime=Lifetime.STATIC,
        state=CredentialState.DECLARED,
        scopes=None if read_only is None else ("contents: read",) if read_only else ("contents: write",),
    )  # fmt: skip


def _webhook(desk: Desk, thing: Thing) -> Iterator[Record]:
    configuration = thing.at("configuration")
    url, secret = known_text(member(configuration, "url")), member(configuration, "secret")
    insecure = member(configuration, "insecure_ssl")
    checked = insecure is None or known_text(insecure) in {"false", "0"}
    yield Resource(
        **desk.seen(desk.id(thing), thing), provider="github", kind="webhook",
        name=_place(desk, url) or desk.book.scrub(thing.label),
        authenticated=_given(configuration, secret),
        tls=url.startswith("https://") and checked if url and not isinstance(insecure, (Unknown, Ref)) else None,
    )  # fmt: skip


def _given(configuration: Value, secret: Value) -> bool | None:
    """Whether a secret stands there, also one that a variable gives; None where it may be left out."""
    if isinstance(configuration, Unknown):
        return None
    if isinstance(secret, Unknown):
        return True if _VARIABLE.fullmatch(secret.why) and secret.why not in _PERHAPS else None
    return secret not in (None, "")


def _repository(desk: Desk, thing: Thing) -> Iterator[Record]:
    """A repository, and whether secrets are looked for in it; what stands nowhere is the organisation's to decide."""
    security = thing.at("security_and_analysis")
    settings = {
        "secret_scanning": known_text(member(member(security, "secret_scanning"), "status")),
        "push_protection": known_text(member(member(security, "secret_scanning_push_protection"), "status")),
    }
    visibility = thing.text("visibility")
    yield Resource(
        **desk.seen(desk.id(thing), thing), provider="github", kind="repository", name=desk.name(thing),
        public=visibility == "public" if visibility else None,
        tags={k: v for k, v in settings.items() if v in {"enabled", "disabled"}},
    )  # fmt: skip


def _place(desk: Desk, url: str | None) -> str | None:
    """Scheme and host: the path of a webhook is often its secret."""
    scheme, mark, rest = (url or "").partition("://")
    return desk.book.scrub(f"{scheme}://{rest.partition('/')[0].rpartition('@')[2]}") if mark else None


def _agent(desk: Desk, thing: Thing) -> Iterator[Record]:
    agent = desk.id(thing)
    guardrail = thing.at("guardrail_configuration")
    yield Consumer(
        **desk.seen(agent, thing), kind=ConsumerKind.AGENT, name=desk.name(thing), framework="bedrock-agents",
        platform="aws_bedrock_agent", uri=thing.path, line=thing.line, tags=desk.tags(thing),
        guardrail=None if isinstance(guardrail, Unknown) else bool(guardrail),
    )  # fmt: skip
    yield from desk.runs_as(thing, agent, desk.target(thing, thing.at("agent_resource_role_arn"), ROLES))


def _of(desk: Desk, thing: Thing) -> str | None:
    agent = desk.target(thing, thing.at("agent_id"), AGENTS)
    return agent if agent and not agent.startswith("arn:") else None


def _action_group(desk: Desk, thing: Thing) -> Iterator[Record]:
    agent = _of(desk, thing)
    if agent is None or thing.text("action_group_state") == "DISABLED":
        return
    name = thing.text("action_group_name") or thing.label
    code = thing.text("parent_action_group_signature") == "AMAZON.CodeInterpreter"
    yield Tool(
        **desk.seen(f"{agent}#tool/{desk.book.scrub(name)}", thing), consumer_id=agent, name=desk.book.scrub(name),
        class_=ToolClass.EXEC if code else None, unrestricted=code or None, uri=thing.path, line=thing.line,
    )  # fmt: skip
    function = desk.target(thing, thing.at("action_group_executor", "lambda"), _FUNCTIONS)
    if function is not None and not function.startswith("arn:"):
        yield _hop(desk, thing, agent, function, "action_group")


def _collaborator(desk: Desk, thing: Thing) -> Iterator[Record]:
    agent, other = _of(desk, thing), _behind(desk, thing, thing.at("agent_descriptor", "alias_arn"))
    if agent is not None and other is not None and agent != other:
        yield _hop(desk, thing, agent, other, "collaboration")


def _behind(desk: Desk, thing: Thing, alias: Value) -> str | None:
    """The agent behind an alias."""
    found: list[Thing] = []
    if isinstance(alias, Ref):
        found = desk.by_address.get((thing.root, alias.address), [])
    elif (text := known_text(alias)) and (home := desk.by_arn.get(text)):
        found = desk.by_address.get(home, [])
    for other in found:
        if (agent := _of(desk, other)) is not None:
            return agent
    for other in desk.by_kind.get((thing.root, "aws_bedrockagent_agent_alias"), ()):
        if other.text("agent_alias_arn") == (known_text(alias) or "-"):
            return _of(desk, other)
    return None


def _hop(desk: Desk, thing: Thing, start: str, end: str, via: str) -> Hop:
    return Hop(**desk.seen(f"{start}#hop/{via}/{end}", thing), from_id=start, to_id=end, via=via, auth=Auth.IAM)


def _knowledge(desk: Desk, thing: Thing) -> Iterator[Record]:
    agent = _of(desk, thing)
    if agent is not None and thing.text("knowledge_base_state") != "DISABLED":
        name = f"knowledge base {desk.book.scrub(thing.label)}"
        yield Tool(
            **desk.seen(f"{agent}#tool/{name}", thing), consumer_id=agent, name=name, class_=ToolClass.READ,
            uri=thing.path, line=thing.line,
        )  # fmt: skip


def _model_logging(desk: Desk, thing: Thing) -> Iterator[Record]:
    config = thing.at("logging_config")
    where = [k for k in ("cloudwatch_config", "s3_config") if member(config, k)]
    yield Logging(
        **desk.seen(f"{desk.id(thing)}#logging", thing), subject_id=desk.book.scope_id, kind="model_invocation",
        enabled=bool(where) or None, destination=", ".join(k.partition("_")[0] for k in where) or None,
    )  # fmt: skip


HANDLERS: Mapping[str, Callable[[Desk, Thing], Iterator[Record]]] = {
    **dict.fromkeys(_GENERATED, _generated),
    "github_actions_secret": _actions_secret,
    "github_actions_environment_secret": _actions_secret,
    "github_actions_organization_secret": _actions_secret,
    "github_repository": _repository,
    "github_repository_deploy_key": _deploy_key,
    "github_repository_webhook": _webhook,
    "github_organization_webhook": _webhook,
    "aws_bedrockagent_agent": _agent,
    "aws_bedrockagent_agent_action_group": _action_group,
    "aws_bedrockagent_agent_collaborator": _collaborator,
    "aws_bedrockagent_agent_knowledge_base_association": _knowledge,
    "aws_bedrock_model_invocation_logging_configuration": _model_logging,
}
