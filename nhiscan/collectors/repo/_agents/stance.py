"""How far an agent goes without a person: approval mode, bypass, sandbox, hooks, logs, and the tools it may call.

What is common to all clients; each client's own reading lies in `clients/`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._config.tools import classify, is_unrestricted
from nhiscan.plugin import Approval, Autonomy, Basis, ToolClass

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from nhiscan.collectors.repo._config.nodes import Document, Node


@dataclass(frozen=True, slots=True)
class Rule:
    """One tool or pattern and what happens before it runs; `approval` None: as the agent it belongs to."""

    name: str
    approval: Approval | None
    uri: str
    line: int
    class_: ToolClass | None
    unrestricted: bool
    basis: Basis | None = Basis.EXPLICIT


@dataclass(frozen=True, slots=True)
class Log:
    """What a client writes down about its work, and where to."""

    kind: str
    enabled: bool | None
    uri: str
    line: int
    destination: str | None = None


@dataclass(frozen=True, slots=True)
class Stance:
    """What the files of one agent say; None where they say nothing and the client's default holds.

    `enforced`: a policy decision stands between the agent and its tools.  `alters`: it may rewrite what binds it, or
    the project's own files decide it for whoever opens the project.  `notes` are settings that look like something
    and do nothing (`invalid`, `ignored`).  `delegates` names agents it starts.
    """

    approval: Approval | None = None
    autonomy: Autonomy | None = None
    bypass: str | None = None
    sandbox: str | None = None
    uri: str | None = None
    line: int | None = None
    rules: tuple[Rule, ...] = ()
    enforced: bool | None = None
    alters: bool | None = None
    logs: tuple[Log, ...] = ()
    notes: Mapping[str, str] = field(default_factory=dict)


def rule(name: str, approval: Approval | None, uri: str, line: int, *, bounded: bool = False) -> Rule:
    """A rule with its class; only what runs without asking can be unrestricted, and a sandbox bounds it."""
    free = approval is Approval.AUTO and not bounded and is_unrestricted(name)
    return Rule(name, approval, uri, line, classify(name), free)


def last(documents: Sequence[Document], *path: str) -> tuple[Node, str] | None:
    """The setting below these keys in the file that overrides the others, and that file; None where none has it."""
    found = [(node, d.path) for d in documents if (node := d.root.at(*path)) is not None]
    return found[-1] if found else None


def is_on(documents: Sequence[Document], *path: str) -> bool:
    """Whether the setting that binds is `true`."""
    found = last(documents, *path)
    return found is not None and found[0].value is True


def switch(place: tuple[Node, str] | None) -> str | None:
    """A setting that is a name or a switch, in one word; None when it is neither."""
    if place is None:
        return None
    value = place[0].value
    return value if isinstance(value, str) else "enabled" if value is True else "disabled" if value is False else None


def listed(
    documents: Iterable[Document], lists: Iterable[tuple[tuple[str, ...], Approval | None]], shape: str = "{}"
) -> Iterator[Rule]:
    """A rule for every item of the lists below these keys; `shape` turns a name into a pattern."""
    for document in documents:
        for path, approval in lists:
            node = document.root.at(*path)
            items = node.list if node else ()
            if node and node.text:
                items = (node,)
            for item in items:
                if item.text:
                    yield rule(shape.format(item.text), approval, document.path, item.line)


def overruled(rules: list[Rule]) -> list[Rule]:
    """The rules that bind: deny before ask before allow, for the same pattern or for the whole tool."""
    strength = {Approval.DENY: 0, Approval.ASK: 1, Approval.AUTO: 2, None: 2}
    bars: dict[str, int] = {}
    for r in rules:
        key = r.name.removesuffix("(*)").removesuffix("(:*)")
        bars[key] = min(strength[r.approval], bars.get(key, 9))
    return [
        r for r in rules if strength[r.approval] <= min(bars.get(k, 9) for k in (r.name, r.name.partition("(")[0], "*"))
    ]


def wide(rules: Iterable[Rule]) -> bool:
    """Whether some tool runs unasked with any argument."""
    return any(r.unrestricted for r in rules)


def refuses(rules: Iterable[Rule]) -> bool | None:
    """True where a rule forbids something or asks for something: a decision is made; None where nothing tells."""
    return True if any(r.approval in {Approval.DENY, Approval.ASK} for r in rules) else None


def server_rules(server: str, entry: Node, uri: str) -> Iterator[Rule]:
    """The tools of one server that its own entry approves or refuses, named as an agent calls them."""
    if (trust := entry.at("trust")) and entry.is_true("trust"):
        yield rule(f"mcp__{server}__*", Approval.AUTO, uri, trust.line)
    for key, approval in _SERVER_LISTS:
        node = entry.at(key)
        if node is not None and node.value is True and approval is Approval.AUTO:
            yield rule(f"mcp__{server}__*", approval, uri, node.line)
        for item in node.list if node else []:
            if item.text:
                yield rule(f"mcp__{server}__{item.text}", approval, uri, item.line)


_SERVER_LISTS = (
    ("alwaysAllow", Approval.AUTO),
    ("autoApprove", Approval.AUTO),
    ("excludeTools", Approval.DENY),
    ("disabledTools", Approval.DENY),
    ("disabled_tools", Approval.DENY),
)
