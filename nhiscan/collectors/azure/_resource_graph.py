"""Azure Resource Graph: the fixed queries that read all chosen subscriptions at once, and what stands in for them.

A query gives at most 1,000 rows a page and must project `id` to be paged ("Working with large Azure resource data
sets", learn.microsoft.com/azure/governance/resource-graph/concepts/work-with-data).  It is sent word for word as it
stands here, with nothing but the list of subscriptions beside it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from nhiscan.collectors._common.errors import RefusedError
from nhiscan.collectors._rest.operation import Operation
from nhiscan.collectors.azure._arm import known_by, offline, subscriptions
from nhiscan.plugin import GapReason

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nhiscan.collectors._common.values import Json
    from nhiscan.collectors._rest.ask import Ask
    from nhiscan.plugin import Record

NO_LICENCE = frozenset({"AadPremiumLicenseRequired"})
"""Codes of refusals that say that there is nothing to see (Privileged Identity Management needs Entra ID P2)."""

_MOST = 1000
_QUERY = "Microsoft.ResourceGraph/resources/read"


def graph_query(name: str, query: str, *permissions: str, above: bool = False) -> Operation:
    """The operation that sends one fixed query; `above` also gives what subscriptions inherit (authorization only)."""
    options: dict[str, object] = {"resultFormat": "objectArray", "$top": _MOST}
    if above:
        # "Defines what level of authorization resources should be returned" (REST reference, QueryRequestOptions).
        options["authorizationScopeFilter"] = "AtScopeAboveAndBelow"
    return Operation(
        f"arm:resourceGraph.{name}",
        "/providers/Microsoft.ResourceGraph/resources",
        (_QUERY, *permissions),
        query={"api-version": "2022-10-01"},
        body={"query": query, "options": options},
        named=known_by,
    )


def subscription_list(name: str, provider: str, version: str, permission: str) -> Operation:
    """The operation that lists one type of resource of one subscription: what a refused query is replaced by."""
    path = f"/subscriptions/{{subscription}}/providers/{provider}"
    return Operation(f"arm:{name}.list", path, (permission,), query={"api-version": version}, named=known_by)


class Reading:
    """Reads rows by a query, or by lists of each subscription when the query is refused.

    One list that is refused hides only what it would have told: `gaps` is what stayed unread, `codes` the provider's
    own word for why, by operation, and `fell_back` says that the query was refused.
    """

    def __init__(self, ask: Ask) -> None:
        self.gaps: list[Record] = []
        self.codes: dict[str, str] = {}
        self.fell_back = False
        self._ask = ask

    def rows(self, query: Operation, *lists: Operation) -> list[Json]:
        """All rows.  Raises RefusedError when neither the query nor any list gave an answer."""
        found: list[Json] = []
        try:
            found.extend(self._queried(query))
        except RefusedError as e:
            if e.everywhere or not lists:
                raise
            self.fell_back = True
            self._listed(lists, found, e)
        return found

    def each(self, operation: Operation, asked: Sequence[str] | None = None) -> Iterator[Json]:
        """The entries of an operation of each subscription, up to where it was refused."""
        requests = [{"subscription": s} for s in (subscriptions(self._ask) if asked is None else asked)]
        if not requests and offline(self._ask):
            yield from self._ask.items(operation, "value", subscription="")
            return
        for request, answer in self._ask.each_items(operation, "value", requests):
            if not isinstance(answer, RefusedError):
                yield from answer
            elif not _nothing_there(answer):
                self.gaps.append(self._refused(answer, str(request["subscription"])))

    def tried(self, operation: Operation, asked: Sequence[str] | None = None) -> Iterator[Json]:
        """The same for an operation that nothing else waits for: when it is refused everywhere that is a gap too."""
        try:
            yield from self.each(operation, asked)
        except RefusedError as e:
            self.codes[operation.name] = e.code
            if e.everywhere:
                raise
            if not _nothing_there(e) and e.code not in NO_LICENCE:
                self.gaps.append(self._ask.refused(e))

    def _queried(self, query: Operation) -> Iterator[Json]:
        chosen = subscriptions(self._ask)
        for start in range(0, len(chosen), _MOST) or ((0,) if offline(self._ask) else ()):
            yield from self._ask.items(query, "data", body={"subscriptions": list(chosen[start : start + _MOST])})

    def _listed(self, lists: Sequence[Operation], found: list[Json], why: RefusedError) -> None:
        refused: list[RefusedError] = []
        for operation in lists:
            try:
                found.extend(self.each(operation))
            except RefusedError as e:
                if e.everywhere:
                    raise
                refused.append(e)
        if len(refused) == len(lists):
            raise why if refused[0].reason is GapReason.SKIPPED else refused[0]
        self.gaps += [self._ask.refused(e) for e in refused if not _nothing_there(e)]

    def _refused(self, error: RefusedError, subscription: str) -> Record:
        gap = self._ask.refused(error)
        detail = f"{gap.detail} in subscription {subscription}"
        return replace(gap, id=f"{gap.id}/{subscription}", detail=detail)


def _nothing_there(error: RefusedError) -> bool:
    """Whether a service was never switched on in a subscription, so that nothing of it can exist there.

    A subscription that is not found is one the caller may not see, and was not read.
    """
    return error.missing and error.reason is GapReason.UNSUPPORTED
