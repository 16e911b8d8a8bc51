"""Which values must not be shown again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nhiscan.plugin import Confidence, ExposurePart

if TYPE_CHECKING:
    from collections.abc import Iterable

    from nhiscan.collectors.repo._config.judge import Found
    from nhiscan.collectors.repo._config.records import Book
    from nhiscan.plugin import Sensitive


def learn(book: Book, found: Iterable[Found], secrets: dict[str, Sensitive[str]]) -> None:
    """Note values that must not be shown, each once; a word that could as well be a name is not one of them.

    `secrets` are the values noted so far by their keyed digest, for documents that are longer than a name.
    """
    for item in found:
        literal = item.literal
        if literal is None or literal.confidence is Confidence.LOW or literal.part is not ExposurePart.VALUE:
            continue
        mark = book.key.fingerprint(literal.value)
        if mark not in secrets:
            secrets[mark] = literal.value
            book.learn([item])
