"""Rasa's `credentials.yml` (channels) and `endpoints.yml` (action server, stores, brokers).

Source (read 2026-11): rasa.com/docs messaging-and-voice-channels and endpoints configuration.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._config import words
from nhiscan.collectors.repo._config.judge import Spot
from nhiscan.collectors.repo._manifests.formats import Format
from nhiscan.plugin import ConsumerKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.collectors.repo._config.nodes import Node
    from nhiscan.collectors.repo._config.sheet import Sheet
    from nhiscan.plugin import Record

_CHANNELS = frozenset({
    "rest", "callback", "slack", "facebook", "telegram", "twilio", "socketio", "mattermost", "rocketchat",
    "botframework", "webexteams", "hangouts", "rasa", "chatroom", "twilio_voice", "jambonz", "audiocodes", "genesys"
})  # fmt: skip
_ENDPOINTS = frozenset({
    "action_endpoint", "tracker_store", "event_broker", "lock_store", "models",
    "nlg", "nlu", "vector_store"
})  # fmt: skip
_NAMED = {"slack_signing_secret", "verify", "auth", "app_password"}


def _is_rasa(root: Node) -> bool:
    keys = set(root.map)
    known = keys & _CHANNELS or keys & _ENDPOINTS
    return bool(known) and all(n.map or n.value is None for n in root.map.values())


def _read(sheet: Sheet, root: Node) -> Iterator[Record]:
    found = sheet.found(_spots(root))
    folder, _, name = sheet.document.path.rpartition("/")
    agent = sheet.consumer(ConsumerKind.AGENT, "assistant", folder.rpartition("/")[2] or name, root.line)
    yield agent
    yield from sheet.held(agent, found)


def _spots(root: Node) -> Iterator[Spot]:
    for section in root.map.values():
        for name, node in section.map.items():
            if node.text is not None and (words.names_credential(name) or name in _NAMED or "://" in node.text):
                yield Spot("key", name, node.text, node.line)


FORMATS = (
    Format(
        "rasa", yaml=True, named=re.compile(r"(?:^|/)(?:credentials|endpoints)[\w.-]*\.ya?ml$"),
        marks=tuple((f"{k}:".encode(),) for k in sorted(_CHANNELS | _ENDPOINTS)), belongs=_is_rasa, read=_read,
    ),
)  # fmt: skip
