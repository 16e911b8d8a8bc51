"""One file of a checkout as a tree or whatever a parser makes of it, or the gap it leaves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from nhiscan.collectors.repo._config.nodes import MalformedError, decode
from nhiscan.plugin import Gap, GapReason

if TYPE_CHECKING:
    from collections.abc import Callable

    from nhiscan.collectors.repo._tree import Checkout, SourceFile

# Ten times the largest configuration seen; anything beyond is no configuration.
LARGEST = 2_000_000

_Parsed = TypeVar("_Parsed")


@dataclass(frozen=True, slots=True)
class Files:
    """Reads the files of one checkout for one collector; `covers` are the tables that a file left unread hides."""

    checkout: Checkout
    source: str
    covers: tuple[str, ...]
    largest: int = LARGEST

    def text(self, file: SourceFile) -> str | Gap | None:
        """The text of a file, None for an empty one, or the gap of one that is too large, binary or unreadable."""
        data = self.checkout.read(file, self.largest)
        if data is None:
            limit = f"{self.largest // 1_000_000} MB"
            return self.gap(
                file.path, GapReason.SKIPPED, "was skipped", f"make the file readable and smaller than {limit}"
            )
        text = decode(data)
        return text if text.strip() else None

    def parsed(self, file: SourceFile, parse: Callable[[str], _Parsed]) -> _Parsed | Gap | None:
        """What `parse` makes of the text; a MalformedError becomes a gap with its line."""
        text = self.text(file)
        if text is None or isinstance(text, Gap):
            return text
        try:
            return parse(text)
        except MalformedError as e:
            return self.malformed(file.path, e)

    def malformed(self, path: str, error: MalformedError) -> Gap:
        """The gap of a file that is not what its name promises, or only in part."""
        what = f"line {error.line}: {error.what}"
        return self.gap(path, GapReason.MALFORMED, what, f"correct {path} at line {error.line}")

    def gap(self, path: str, reason: GapReason, what: str, remedy: str) -> Gap:
        """A gap about one file."""
        scope_id = self.checkout.scope.id
        return Gap(
            id=f"{scope_id}#{path}:{self.source.partition('.')[2]}:{reason}",
            scope_id=scope_id,
            source=self.source,
            locator=path,
            covers=self.covers,
            reason=reason,
            remedy=remedy,
            detail=f"{path}: {what}",
        )
