"""Agentic workflows (gh-aw): an agent described by the front matter of `.github/workflows/*.md`.

Source: https://github.github.com/gh-aw/reference/frontmatter/ (read 2026-11): only people with write access set it off
unless `roles: all`; writes belong into `safe-outputs`; each engine reads its key from a secret of a fixed name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nhiscan.collectors.repo._config.launch import Launch, read_launch
from nhiscan.collectors.repo._config.nodes import Document, Node
from nhiscan.collectors.repo._workflows import shape
from nhiscan.collectors.repo._workflows.agents import write_tools
from nhiscan.collectors.repo._workflows.jobs import Estate, write_job
from nhiscan.collectors.repo._workflows.shape import members, scalar
from nhiscan.collectors.repo._workflows.writer import Spotted
from nhiscan.plugin import (
    Approval,
    Autonomy,
    Basis,
    Consumer,
    ConsumerKind,
    Purpose,
    Trigger,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.collectors.repo._workflows.steps import Steps
    from nhiscan.collectors.repo._workflows.writer import Writer

_SAYS_SO = ("engine", "safe-outputs", "tools", "permissions", "network", "mcp-servers")
_ENGINES = {
    "copilot": ("copilot-cli", "COPILOT_GITHUB_TOKEN"),
    "claude": ("claude-code", "ANTHROPIC_API_KEY"),
    "codex": ("codex", "OPENAI_API_KEY"),
    "gemini": ("gemini-cli", "GEMINI_API_KEY"),
}
_JOB = "agent"
_TOOLS = {"edit": "Edit", "web-fetch": "WebFetch", "web-search": "WebSearch", "playwright": "mcp__playwright__*"}
_MOST = 200
_COMMANDS = frozenset({"command", "slash_command"})
# What stands under `on` besides events.
_NO_EVENTS = frozenset(
    {
        *("roles", "bots", "reaction", "stop-after", "manual-approval", "skip-if-match", "skip-if-no-match"),
        *("skip-roles", "skip-bots", "names", "labels", "status-comment", "permissions", "steps", "github-token"),
        "github-app",
    }
)


def write(document: Document, estate: Estate, writer: Writer) -> None:
    """Add the records of an agentic workflow; nothing for a page with other front matter."""
    root = document.root
    workflow = shape.workflow(Document(document.path, _as_workflow(root), document.visibility, document.at_head))
    if workflow is None or not any(k in root.map for k in _SAYS_SO):
        return
    for job in workflow.jobs:
        walk = write_job(job, estate, writer)
        if job.name == _JOB:
            _agent(document, walk)


def _as_workflow(root: Node) -> Node:
    """The front matter as the workflow that is made from it: one job that starts the agent, and those it adds."""
    kept = {k: n for k, n in root.map.items() if k in {"permissions", "env", "environment", "steps", "runs-on", "if"}}
    jobs = {_JOB: Node({"runs-on": Node("ubuntu-latest", 1, 1), **kept}, 1, 1), **members(root, "jobs")}
    above = {k: n for k, n in root.map.items() if k in {"on", "name"}}
    if (on := root.at("on")) is not None and on.map:
        # A command is typed into a comment or an issue.
        names = {"issue_comment" if n in _COMMANDS else n: v for n, v in on.map.items() if n not in _NO_EVENTS}
        above["on"] = Node(names, on.line, on.key_line)
    return Node({**above, "jobs": Node(jobs, 1, 1)}, 1, 1)


def _agent(document: Document, walk: Steps) -> None:
    root, writer = document.root, walk.writer
    engine = root.at("engine")
    name = (engine.text_at("id") if engine and engine.map else engine.text if engine else None) or "copilot"
    framework, secret = _ENGINES.get(name, (name, ""))
    framework = writer.book.scrub(framework)
    line = engine.key_line if engine else 1
    agent_id = f"{walk.job_id}:agent:{framework}"
    open_to = _open_to(root)
    refused = walk.cause.trigger is Trigger.UNTRUSTED and not open_to
    writer.add(
        Consumer(
            id=agent_id,
            scope_id=writer.scope_id,
            source=writer.book.source,
            locator=f"{document.path}:{line}",
            kind=ConsumerKind.AGENT,
            name=framework,
            framework=framework,
            parent_id=walk.job_id,
            uri=document.path,
            line=line,
            visibility=document.visibility,
            enabled=True,
            autonomy=Autonomy.UNATTENDED,
            autonomy_basis=Basis.EXPLICIT,
            approval=Approval.AUTO,
            approval_basis=Basis.DEFAULT,
            bypass=open_to,
            sandbox=_network(root, writer),
            platform="github_actions",
            trigger=Trigger.EVENT if refused else walk.cause.trigger,
            triggers=walk.cause.names,
            runs_untrusted=walk.cause.trigger is Trigger.UNTRUSTED,
            gated=None if walk.job.environment else False,
            enforced=_enforced(root, walk),
            tags={"definition": "gh-aw", "actor_check": open_to or "write_access"},
        )
    )
    if secret:
        credential = writer.secret(secret, f"{document.path}:{line}")
        writer.use(agent_id, Spotted(secret, "env", document.path, line, Purpose.MODEL), credential)
    write_tools(agent_id, _tools(root), Approval.AUTO, walk, (document.path, line))
    for key in ("tools", "safe-outputs", "engine", "secrets"):
        walk.hand_below(agent_id, root.at(key), key)
    for server, node in list(members(root, "mcp-servers").items())[:_MOST]:
        _server(server, node, agent_id, document, walk)


def _open_to(root: Node) -> str | None:
    """The setting that lets people without write access set the agent off."""
    roles = root.at("roles") or root.at("on", "roles")
    if roles is None:
        return None
    named = {roles.text} if roles.text else {n.text for n in roles.list}
    return next((f"roles: {r}" for r in ("all", "read", "triage") if r in named), None)


def _enforced(root: Node, walk: Steps) -> bool | None:
    """Whether writes pass through the checked outputs alone."""
    if root.at("safe-outputs") is None:
        return None
    return walk.permissions.writes is not True


def _network(root: Node, writer: Writer) -> str | None:
    node = root.at("network")
    if node is None:
        return "network: defaults"
    allowed = node.at("allowed")
    hosts = [n.text for n in (allowed.list if allowed else [node]) if n.text]
    return writer.book.scrub(f"network: {', '.join(hosts[:10]) or 'none'}")


def _tools(root: Node) -> Iterator[str]:
    for name, node in list(members(root, "tools").items())[:_MOST]:
        if name == "bash":
            commands = [n.text for n in node.list if n.text]
            every = not node.list or any(c in {"*", ":*"} for c in commands)
            yield from ["Bash(*)"] if every and node.value is not False else [f"Bash({c})" for c in commands]
        elif name == "github":
            allowed = node.at("allowed")
            yield from (f"mcp__github__{n.text}" for n in (allowed.list if allowed else []) if n.text)
            if allowed is None:
                yield "mcp__github__*"
        elif name in _TOOLS and node.value is not False:
            yield _TOOLS[name]


def _server(name: str, node: Node, agent_id: str, document: Document, walk: Steps) -> None:
    writer = walk.writer
    shown = writer.book.scrub(name)
    server_id = f"{agent_id}/{shown}"
    argv = [scalar(n) for n in ([node.at("command")] if node.at("command") else []) if n]
    arguments = node.at("args")
    argv += [scalar(n) for n in (arguments.list if arguments else [])]
    launch = read_launch(argv) if argv else Launch("docker", node.text_at("container"), None)
    url = node.text_at("url")
    writer.literals(server_id, document, "env", members(node, "env"))
    writer.literals(server_id, document, "header", members(node, "headers"))
    writer.add(
        Consumer(
            id=server_id,
            scope_id=writer.scope_id,
            source=writer.book.source,
            locator=f"{document.path}:{node.key_line}",
            kind=ConsumerKind.TOOL_SERVER,
            name=shown,
            framework="mcp",
            parent_id=agent_id,
            uri=document.path,
            line=node.key_line,
            visibility=document.visibility,
            url=writer.book.scrub(url) if url else None,
            tls=url.startswith("https://") if url else None,
            launcher=writer.book.scrub(launch.launcher) if launch.launcher and launch.package else None,
            package=writer.book.scrub(launch.package) if launch.package else None,
            pin=launch.pin,
        )
    )
    walk.hand_below(server_id, node, "mcp-servers")
