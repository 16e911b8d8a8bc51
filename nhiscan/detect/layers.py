"""Text inside text: where an encoded stretch may hide a credential, and what it says when it is decoded.

The first stage has to see such a stretch without a pass of its own over the bytes.  A decoded text is only worth
reading where it holds a word some expression begins with, so those words are looked for as their encodings (three for
base64, by alignment), which costs an automaton over literals next to nothing.
"""

from __future__ import annotations

import functools
from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nhiscan.detect import documents, encodings, escapes, joins

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from nhiscan.detect.layer import Layer
    from nhiscan.detect.stage import Expression

    Reader = Callable[[bytes, int, int], Layer | None]

DEPTH = 2
"""Encodings that are taken off one after another."""

_SMALLEST = 8  # decoded bytes that can hold a credential
_WORDS = (
    b"passwor", b"passwd", b"passphr", b"secret", b"token", b"api_key", b"apikey", b"api-key", b"access_", b"access-",
    b"accessk", b"private", b"credent", b"authori", b"bearer ", b"client_", b"client-", b"account",
)  # fmt: skip
_CAMEL = (b"apiKey", b"accessK", b"clientS", b"AccountK", b'auth"', b"://")
# Beginnings worth looking for under two encodings: of widespread credentials, and of the texts that hold them.
_OFTEN = (
    b"passw", b"Passw", b"PASSW", b"secret", b"SECRET", b"token", b"TOKEN", b"api_key", b"API_KEY", b"-----BE", b"://",
    b"AKIA", b"ASIA", b"ghp_", b"gho_", b"ghs_", b"ghu_", b"github_", b"glpat-", b"npm_", b"pypi-", b"xoxb-", b"xoxp-",
    b"xapp-", b"hooks.s", b"sk-", b"sk_live", b"rk_live", b"whsec_", b"AIza", b"GOCSPX-", b"ya29.", b"hvs.", b"dop_v1",
    b"SG.", b"eyJ", b"hf_", b"gsk_", b"shpat_", b"glsa_", b"dckr_", b"ATATT", b"lin_api", b"H4sI", b"private",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Layers:
    """The expressions that find encoded stretches and, for each, what reads the stretch at its place."""

    expressions: tuple[Expression, ...]
    readers: tuple[Reader, ...]

    @classmethod
    def of(cls, words: Iterable[bytes]) -> Layers:
        """The layers in which one of the words, or a word that speaks of secrets, is seen when encoded."""
        cased = [form for word in _WORDS for form in (word, word.upper(), word.title())]
        encoded = encodings.readers([*words, *cased, *_CAMEL, *_OFTEN], _OFTEN)
        pairs = [*documents.readers(), *escapes.readers(), *joins.readers(), *encoded]
        return cls(tuple(e for e, _ in pairs), tuple(reader for _, reader in pairs))

    def inner(self, data: bytes, place: int, expression: int) -> Layer | None:
        """The layer around the place that an expression named; None when what comes out is no text."""
        layer = self.readers[expression](data, place, 0)
        return layer if layer is not None and len(layer.data) >= _SMALLEST else None

    def unfold(self, data: bytes, places: Iterable[tuple[int, int]]) -> list[Layer]:
        """The layers at pairs (expression, place), by position.

        A stretch is decoded once by each encoding, however many places lie in it, so the work is linear.  What a
        Kubernetes Secret holds is read there, with its name, and not once more as mere base64.
        """
        ends: dict[object, int] = {}
        found: list[Layer] = []
        named: list[Layer] = []
        borders = documents.Borders(data)
        for number, place in sorted(places, key=lambda p: (p[0] >= 1, p[1], p[0])):
            reader = self.readers[number]
            family = getattr(reader, "func", reader)
            floor = ends.get(family, 0)
            around = bisect_right(named, place, key=lambda layer: layer.start) - 1
            if place < floor or (around >= 0 and place < named[around].end):
                continue
            layer = reader(data, place, floor) if number else documents.secret_layer(data, place, floor, borders)
            if layer is None:
                continue
            ends[family] = max(floor, layer.end)
            if len(layer.data) >= _SMALLEST:
                (found if number else named).append(layer)
        return sorted([*found, *named], key=lambda layer: layer.start)


@functools.cache
def shipped_layers() -> Layers:
    """The layers for the words that the formats of this installation begin with.  Raises FormatError."""
    from nhiscan.detect.formats import load_formats, shipped_directory

    return Layers.of({anchor for item in load_formats(shipped_directory()) for anchor in item.anchors})
