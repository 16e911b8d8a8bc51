"""`.bedrock_agentcore.yaml`: what the AgentCore starter toolkit deployed, and as whom it runs.

Source (read 2026-11): aws/bedrock-agentcore-starter-toolkit, utils/runtime/schema.py; the developer guide on inbound
authorization (without an authorizer a runtime takes requests signed with SigV4).
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._config.judge import Found
from nhiscan.collectors.repo._manifests.formats import Format
from nhiscan.plugin import Auth, ConsumerKind, CredentialKind, Form, UseHow

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.collectors.repo._config.nodes import Node
    from nhiscan.collectors.repo._config.sheet import Sheet
    from nhiscan.plugin import Consumer, Record

_ROLE = re.compile(r"arn:aws[\w-]*:iam::\d{12}:role/[\w+=,.@/-]{1,512}")
_ARN = re.compile(r"arn:aws[\w-]*:[a-z0-9-]+:[\w-]*:\d{12}:[\w:./-]{1,512}")
_KINDS = {"oauth2": CredentialKind.CLIENT_SECRET, "cognito": CredentialKind.CLIENT_SECRET,
          "api_key": CredentialKind.API_KEY, "apikey": CredentialKind.API_KEY}  # fmt: skip


def _is_agentcore(root: Node) -> bool:
    agents = root.at("agents")
    return bool(agents and any(n.at("aws") or n.at("bedrock_agentcore") for n in agents.map.values()))


def _read(sheet: Sheet, root: Node) -> Iterator[Record]:
    agents = root.at("agents")
    for name, node in (agents.map if agents else {}).items():
        key = node.text_at("api_key_env_var_name")
        found = sheet.found([Found("env", key, node.key_line, Form.REFERENCE, reference=key)] if key else [])
        network = node.text_at("aws", "network_configuration", "network_mode")
        agent = replace(
            sheet.consumer(ConsumerKind.AGENT, name, node.text_at("name") or name, node.key_line),
            platform="aws_agentcore",
            auth=_auth(node),
            tags={"network_mode": network} if network in {"PUBLIC", "VPC"} else {},
        )
        yield agent
        yield from sheet.held(agent, found)
        yield from _runs_as(sheet, agent, node)
        yield from _providers(sheet, agent, node)
        yield from _memory(sheet, agent, node)
        observed = node.at("aws", "observability", "enabled")
        if observed and isinstance(observed.value, bool):
            yield sheet.logs(agent.id, "tool_calls", enabled=observed.value)


def _auth(node: Node) -> Auth | None:
    settings = node.at("authorizer_configuration")
    if settings is None or settings.value is None:
        return Auth.IAM
    return Auth.OAUTH if settings.at("customJWTAuthorizer") else None


def _runs_as(sheet: Sheet, agent: Consumer, node: Node) -> Iterator[Record]:
    role = node.at("aws", "execution_role")
    if role and role.text and _ROLE.fullmatch(role.text):
        use = sheet.use(agent.id, "key", "execution_role", role.line)
        yield replace(use, identity_id=role.text, how=UseHow.RUNS_AS)


def _providers(sheet: Sheet, agent: Consumer, node: Node) -> Iterator[Record]:
    """Providers keep the credential in AgentCore's vault; one without an ARN is known by its name in this checkout."""
    listed = node.at("identity", "credential_providers")
    named = node.at("api_key_credential_provider_name")
    entries = [(n, n.text_at("name"), n.text_at("arn"), n.text_at("type")) for n in (listed.list if listed else [])]
    if named:
        entries.append((named, named.text, None, "api_key"))
    for item, name, arn, type_ in entries:
        if not (name or arn):
            continue
        known = arn if arn and _ARN.fullmatch(arn) else f"#agentcore:{sheet.book.scrub(name or '')}"
        record = sheet.credential(known, name or "", "aws", _KINDS.get((type_ or "").lower(), CredentialKind.UNKNOWN))
        yield record
        use = sheet.use(agent.id, "key", name or "credential_provider", item.line, Form.VAULT)
        yield replace(use, credential_id=record.id)


def _memory(sheet: Sheet, agent: Consumer, node: Node) -> Iterator[Record]:
    arn, id_ = node.text_at("memory", "memory_arn"), node.text_at("memory", "memory_id")
    if not (arn or id_):
        return
    known = (
        arn if arn and _ARN.fullmatch(arn) else f"{sheet.book.scope_id}#agentcore-memory:{sheet.book.scrub(id_ or '')}"
    )
    yield sheet.resource(known, "aws", "agent_memory", node.text_at("memory", "memory_name") or id_ or "memory")
    yield replace(sheet.use(agent.id, "key", "memory", node.key_line), resource_id=known)


FORMATS = (
    Format(
        "agentcore", yaml=True, named=re.compile(r"(?:^|/)\.bedrock_agentcore\.ya?ml$"),
        marks=((b"agents:",),), belongs=_is_agentcore, read=_read, own_name=True,
    ),
)  # fmt: skip
