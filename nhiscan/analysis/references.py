"""Resolves `${NAME}` in a configuration to the literal of a `.env` file beside it or above it.

Which file a program would load is for the program to say; what is done here is what the common loaders do: the
nearest directory wins, and two different values there leave the reference unresolved.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from nhiscan.model import Exposure, Use

MARK = "#env:"
Values = dict[tuple[str, str, str], set[str]]


def is_reference(credential_id: str) -> bool:
    """Whether an id only names a variable."""
    return MARK in credential_id


def literals(exposures: Iterable[Exposure]) -> Values:
    """Credential ids by (scope, directory, variable) of everything that lies in a `.env*` file."""
    found: Values = defaultdict(set)
    for row in exposures:
        folder, _, base = row.uri.rpartition("/")
        if base.startswith(".env") and row.key_name and row.at_head is not False:
            found[row.scope_id, folder, row.key_name].add(row.credential_id)
    return found


def resolve(reference: str, uri: str, values: Values) -> str | None:
    """The credential a reference in the file `uri` stands for, None when there is none or more than one."""
    scope_id, _, name = reference.partition(MARK)
    folder = uri.rpartition("/")[0]
    while True:
        found = values.get((scope_id, folder, name))
        if found:
            return next(iter(found)) if len(found) == 1 else None
        if not folder:
            return None
        folder = folder.rpartition("/")[0]


def resolutions(references: Iterable[str], uses: Iterable[Use], values: Values) -> Iterator[tuple[str, str, str]]:
    """(reference, uri, credential) for every use of a reference that can be resolved.

    A reference nobody is seen to use is looked up from the root, under the empty uri.
    """
    wanted: dict[str, set[str]] = {r: set() for r in references}
    for use in uses:
        if use.credential_id in wanted:
            wanted[use.credential_id].add(use.uri or "")
    for reference in sorted(wanted):
        for uri in sorted(wanted[reference] or {""}):
            found = resolve(reference, uri, values)
            if found:
                yield reference, uri, found
