"""Goose: `extensions`, the mode it works in, and what `permission.yaml` says of single tools.

Sources: block.github.io/goose/docs/guides/config-files; the file's form (a group `user` with three lists of names
`extension__tool`) from crates/goose/src/config/permission.rs (November 2026).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nhiscan.collectors.repo._agents.agent_spots import all_keys
from nhiscan.collectors.repo._agents.client import Client, keys
from nhiscan.collectors.repo._agents.stance import Rule, Stance, last, refuses, rule
from nhiscan.plugin import Approval, Autonomy

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nhiscan.collectors.repo._config.nodes import Document

_MOST = 500
_MODES = {
    "auto": (Approval.AUTO, Autonomy.UNATTENDED),
    "smart_approve": (Approval.ASK, Autonomy.SUPERVISED),
    "approve": (Approval.ASK, Autonomy.INTERACTIVE),
    "chat": (Approval.DENY, Autonomy.INTERACTIVE),
}


_LISTS = {"always_allow": Approval.AUTO, "ask_before": Approval.ASK, "never_allow": Approval.DENY}


def read(documents: Sequence[Document]) -> Stance:
    """The stance of Goose; older versions default to `smart_approve`, newer ones to `auto`.

    The lists of single tools are asked in the modes that ask; which one holds without a word is not known.
    """
    mode = last(documents, "GOOSE_MODE")
    said = mode[0].text if mode else None
    tools = tuple(_tools(documents))
    if mode is None or said not in _MODES:
        return Stance(rules=tools, notes={"invalid": f"GOOSE_MODE={said}"} if said else {})
    approval, autonomy = _MODES[said]
    node, uri = mode
    free = approval is Approval.AUTO
    rules = (rule("*", Approval.AUTO, uri, node.line),) if free else tools if approval is Approval.ASK else ()
    bypass = "GOOSE_MODE=auto" if free else None
    return Stance(
        approval, autonomy, bypass, None, uri, node.line, rules, enforced=refuses(rules), alters=free or None
    )  # fmt: skip


def _tools(documents: Sequence[Document]) -> Iterator[Rule]:
    for document in documents:
        for key, approval in _LISTS.items():
            node = document.root.at("user", key)
            for item in (node.list if node else ())[:_MOST]:
                if item.text:
                    yield rule(
                        f"mcp__{item.text}" if "__" in item.text else item.text, approval, document.path, item.line
                    )


_FOLDERS = (".config/goose", ".goose", "goose")
CLIENT = Client(
    slug="goose",
    files=(*(f"{f}/config.yaml" for f in _FOLDERS), *(f"{f}/permission.yaml" for f in _FOLDERS)),
    user=("~/.config/goose/config.yaml", "~/.config/goose/permission.yaml"),
    own_marks={f"{f}/permission.yaml": keys("user") for f in (*_FOLDERS, "~/.config/goose")},
    servers=(("extensions",),),
    marks=keys("GOOSE_MODE GOOSE_PROVIDER GOOSE_MODEL"),
    default=None,
    autonomy=None,
    since="block.github.io/goose/docs/guides/goose-permissions, 2026-11: the default changed between versions",
    stance=read,
    spots=all_keys,
)
