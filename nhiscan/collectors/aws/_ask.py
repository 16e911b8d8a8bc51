"""What a part of a group asks AWS through: one account and region, declared calls only, live or from exported files."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar, Protocol

from nhiscan.collectors._common.ask import BaseAsk
from nhiscan.collectors._common.values import listing, mapping
from nhiscan.collectors.aws._source import Account

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from nhiscan.collectors._common.errors import RefusedError
    from nhiscan.collectors._common.values import Json


class Answers(Protocol):
    """Where answers come from; both methods raise RefusedError."""

    def call(self, operation: str, /, **params: object) -> Json:
        """One answer, as boto3 decodes it."""
        ...

    def pages(self, operation: str, /, **params: object) -> Iterator[Json]:
        """All pages of an answer, by the SDK's own paginator; a single one where the operation has none."""
        ...


@dataclass(frozen=True, slots=True)
class Ask(BaseAsk[Answers]):
    """One account and region (`_source.place_of`) as a part of a group sees it."""

    # Policies that stand on things: who may use those is unknown without them, not what policies of identities allow.
    narrowed: ClassVar[Mapping[str, str]] = MappingProxyType({"policy": "policy.kind", "attachment": "attachment.kind"})

    @property
    def account(self) -> Account:
        """The account."""
        return Account(self.place.params["account"], self.place.params["partition"])

    @property
    def region(self) -> str:
        """The region, `""` for a service without regions."""
        return self.place.params["region"]

    def arn(self, service: str, rest: str) -> str:
        """An ARN of this account and region: `arn("lambda", "function:etl")`."""
        return f"arn:{self.account.partition}:{service}:{self.region}:{self.account.number}:{rest}"

    def call(self, operation: str, /, **params: object) -> Json:
        """One answer.  Raises RefusedError; a part need not catch it, its group makes it a gap."""
        return self.answers.call(operation, **params)

    def items(self, operation: str, key: str, /, **params: object) -> Iterator[Json]:
        """The entries of list `key` (`A.B`: list B inside A) over all pages; entries that are text as {"": text}."""
        for page in self.answers.pages(operation, **params):
            found: object = page
            for name in key.split("."):
                found = mapping(found).get(name)
            yield from (entry if isinstance(entry, dict) else {"": entry} for entry in listing(found))

    def shared(self, operation: str, key: str, /, **params: object) -> tuple[Json, ...]:
        """The same at once, asked for only once in a unit however many of its parts want it."""
        name = f"{operation} {key} {sorted(params.items())}"
        return self._once(name, operation, lambda: self.items(operation, key, **params))

    def each(self, operation: str, requests: Iterable[Json]) -> Iterator[tuple[Json, Json | RefusedError]]:
        """The answer to each request, several at a time and in order: see `_fan_out`."""
        return self._fan_out(requests, lambda request: self.call(operation, **request))

    def each_items(
        self, operation: str, key: str, requests: Iterable[Json]
    ) -> Iterator[tuple[Json, list[Json] | RefusedError]]:
        """The same for operations that answer with a list in pages."""
        return self._fan_out(requests, lambda request: list(self.items(operation, key, **request)))

    def told(self, error: RefusedError) -> str:
        """What a gap says of a refusal: with the region."""
        return f"{error.detail} in {self.region}" if self.region else error.detail
