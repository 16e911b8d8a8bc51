"""From the rows of one rule's query to verdicts: what can be known of all rows is found out once, then by columns.

A rule may fail for hundreds of thousands of subjects, so that the work for each counts.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, cast

from nhiscan.engine.facts import NEVER_SHOWN, fact, parsed, shown
from nhiscan.engine.query import PREFIX
from nhiscan.model import Confidence, Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from nhiscan.engine.pile import Packed
    from nhiscan.engine.rule import Rule

_PLAIN = frozenset({str, int, bool, type(None)})
_SEVERITIES = frozenset(s.value for s in Severity)
_CONFIDENCES = frozenset(c.value for c in Confidence)
_SHORT = 100  # texts up to here are shown as they are

Rows = list[tuple[object, ...]]


def scope_columns(names: Iterable[str]) -> list[str]:
    """The columns that name scopes a verdict rests on: the subject's own, then those that end in `_scope_id`."""
    return ["scope_id", *sorted(name for name in names if name.endswith("_scope_id"))]


class Reader:
    """Reads rows with the columns `names`, as the database gives them.  `facts` are those that are told as facts."""

    def __init__(self, rule: Rule, names: Sequence[str], parameters: Mapping[str, object]) -> None:
        place = {name: n for n, name in enumerate(names)}
        self.facts = tuple(n for n in names if n not in NEVER_SHOWN and not n.startswith(PREFIX))
        self._own = [place[name] for name in ("id", "scope_id", f"{PREFIX}severity", f"{PREFIX}confidence")]
        self._scopes = [place[name] for name in scope_columns(names)]
        self._facts = [place[name] for name in self.facts]
        self._message = ""
        self._filled: list[tuple[int, bool]] = []  # where a value stands, and whether it is a word as `service_account`
        for text, name in parsed(rule.message):
            self._message += text.replace("%", "%%")
            if name in place:
                self._message += "%s"
                self._filled.append((place[name], name == "kind" or name.endswith("_kind")))
            elif name is not None:
                self._message += shown(parameters.get(name)).replace("%", "%%")

    def read(self, chunks: Iterable[Rows]) -> Iterator[tuple[tuple[str | None, ...], Packed]]:
        """The scopes that each row's verdict rests on, and the verdict in short, in the order of the rows.

        Raises ValueError for a severity or confidence that does not exist.
        """
        for rows in chunks:
            columns = list(zip(*rows, strict=True))
            own = [_texts(columns[n]) for n in self._own]
            if not (_SEVERITIES.issuperset(own[2]) and _CONFIDENCES.issuperset(own[3])):
                msg = "a severity or confidence is none of those there are"
                raise ValueError(msg)
            scopes = cast("Iterator[tuple[str | None, ...]]", zip(*(columns[n] for n in self._scopes), strict=True))
            message = self._message
            if self._filled:
                filled = zip(*(_shown(columns[n], word=word) for n, word in self._filled), strict=True)
                messages = [message % values for values in filled]
            else:
                messages = [message % ()] * len(rows)
            facts = zip(*(_held(columns[n]) for n in self._facts), strict=True)
            packed: Iterator[Packed] = zip(*own, messages, facts, strict=True)
            yield from zip(scopes, packed, strict=True)


def _texts(column: Sequence[object]) -> list[str]:
    return ["" if value is None else str(value) for value in column]


def _held(column: Sequence[object]) -> Sequence[object]:
    """A column as facts; most columns hold what JSON can hold already."""
    if _PLAIN.issuperset(map(type, column)):
        return column
    return [
        f"{value.isoformat(timespec='seconds')}Z" if type(value) is datetime and value.tzinfo is None else fact(value)
        for value in column
    ]


def _shown(column: Sequence[object], *, word: bool) -> list[str]:
    texts = [value if type(value) is str and len(value) <= _SHORT else shown(value) for value in column]
    return [text.replace("_", " ") for text in texts] if word else texts
