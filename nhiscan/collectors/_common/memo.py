"""What is found out once for all collectors of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar, cast

from nhiscan.plugin import TargetError

if TYPE_CHECKING:
    from collections.abc import Callable

    from nhiscan.plugin import Context

_Found = TypeVar("_Found")


def remembered(ctx: Context, key: str, find: Callable[[], _Found]) -> _Found:
    """What `find` gives, found the first time and kept in the run under a key; so is the TargetError that it raises."""
    found = ctx.memo.get(key)
    if found is None:
        try:
            found = find()
        except TargetError as e:
            found = e
        ctx.memo[key] = found
    if isinstance(found, TargetError):
        raise TargetError(str(found), found.remedy)
    return cast("_Found", found)
