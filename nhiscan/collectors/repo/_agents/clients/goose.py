"""Goose: `extensions` and the mode it works in (block.github.io/goose, November 2026)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nhiscan.collectors.repo._agents.agent_spots import all_keys
from nhiscan.collectors.repo._agents.client import Client, keys
from nhiscan.collectors.repo._agents.stance import Stance, last, rule
from nhiscan.plugin import Approval, Autonomy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nhiscan.collectors.repo._config.nodes import Document

_MODES = {
    "auto": (Approval.AUTO, Autonomy.UNATTENDED),
    "smart_approve": (Approval.ASK, Autonomy.SUPERVISED),
    "approve": (Approval.ASK, Autonomy.INTERACTIVE),
    "chat": (Approval.DENY, Autonomy.INTERACTIVE),
}


def read(documents: Sequence[Document]) -> Stance:
    """The stance of Goose; older versions default to `smart_approve`, newer ones to `auto`."""
    mode = last(documents, "GOOSE_MODE")
    said = mode[0].text if mode else None
    if mode is None or said not in _MODES:
        return Stance(notes={"invalid": f"GOOSE_MODE={said}"} if said else {})
    approval, autonomy = _MODES[said]
    node, uri = mode
    free = approval is Approval.AUTO
    rules = (rule("*", Approval.AUTO, uri, node.line),) if free else ()
    bypass = "GOOSE_MODE=auto" if free else None
    return Stance(approval, autonomy, bypass, None, uri, node.line, rules, alters=free or None)


CLIENT = Client(
    slug="goose",
    files=(".config/goose/config.yaml", ".goose/config.yaml", "goose/config.yaml"),
    user=("~/.config/goose/config.yaml",),
    servers=(("extensions",),),
    marks=keys("GOOSE_MODE GOOSE_PROVIDER GOOSE_MODEL"),
    default=None,
    autonomy=None,
    since="block.github.io/goose/docs/guides/goose-permissions, 2026-11: the default changed between versions",
    stance=read,
    spots=all_keys,
)
