"""Tags of everything of some kinds in a region at once, where the services would have to be asked thing by thing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nhiscan.collectors._common import tags as _tags
from nhiscan.collectors._common.errors import RefusedError
from nhiscan.collectors._common.values import text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.collectors.aws._ask import Ask
    from nhiscan.plugin import Record

GET_RESOURCES = "resourcegroupstaggingapi:GetResources"


class Tagged:
    """The tags of a region by ARN; a refused call leaves one gap, and tags stay unknown (empty)."""

    def __init__(self) -> None:
        self._by_arn: dict[str, dict[str, str]] = {}

    def read(self, ask: Ask, *types: str, covers: tuple[str, ...] = ("owner",)) -> Iterator[Record]:
        """Ask for resource types such as `kms:key` (100 to a page); yields nothing but the gap."""
        try:
            for entry in ask.items(
                GET_RESOURCES, "ResourceTagMappingList", ResourceTypeFilters=list(types), ResourcesPerPage=100
            ):
                arn = text(entry.get("ResourceARN"))
                if arn is not None:
                    self._by_arn[arn] = _tags.read(entry.get("Tags"))
        except RefusedError as e:
            yield ask.refused(e, covers=covers)

    def of(self, arn: str) -> dict[str, str]:
        """The tags of one thing; empty when it has none."""
        return self._by_arn.get(arn, {})
