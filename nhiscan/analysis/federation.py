"""Joins what pipelines say of themselves to the trusts that accept it: which job may take which role by its token.

A job's subjects are patterns wherever its files leave something open, and so are those a trust demands.  The join says
only that there is a token both sides allow; how sure that is stays readable: `name` is `exact` when the trust accepts
whatever the job can present, and `possible` when that depends on a part nobody could read off the files.
"""

from __future__ import annotations

from collections import defaultdict
from functools import lru_cache
from typing import TYPE_CHECKING

from nhiscan.analysis.aws.patterns import covers
from nhiscan.model import Certainty, Form, PrincipalKind, Purpose, Use, UseHow

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from nhiscan.model import Consumer, Trust

SOURCE = "analysis.federation"
_LONGEST = 400
_EXACT, _POSSIBLE = "exact", "possible"


def federated(consumers: Iterable[Consumer], trusts: Iterable[Trust], uses: Iterable[Use]) -> Iterator[Use]:
    """A use for every consumer and role whose trust accepts one of its subjects, ordered by id.

    What a file already says (a federated use that names the role) is not said again; uses this stage made before are
    not looked at, so that running it twice gives the same.
    """
    told = {(u.consumer_id, u.identity_id) for u in uses if u.how is UseHow.FEDERATED and u.source != SOURCE}
    open_to: dict[str, list[Trust]] = defaultdict(list)
    for trust in trusts:
        if trust.principal_kind is PrincipalKind.OIDC:
            open_to[_issuer(trust.principal)].append(trust)
    found: dict[str, Use] = {}
    for consumer in consumers:
        if not consumer.issuer or not consumer.subjects:
            continue
        own = _issuer(consumer.issuer)
        for issuer in [own] if "*" not in own else [i for i in open_to if intersects(own, i)]:
            for trust in open_to.get(issuer, ()):
                sure = _accepted(consumer, trust) if (consumer.id, trust.target_id) not in told else None
                if sure is None:
                    continue
                use = _use(consumer, trust, exact=sure and issuer == own)
                known = found.get(use.id)
                found[use.id] = use if known is None or use.name == _EXACT else known
    yield from (found[i] for i in sorted(found))


def _use(consumer: Consumer, trust: Trust, *, exact: bool) -> Use:
    return Use(
        id=f"{consumer.id}#use:oidc:{trust.target_id}",
        scope_id=consumer.scope_id,
        source=SOURCE,
        locator=consumer.locator,
        consumer_id=consumer.id,
        identity_id=trust.target_id,
        how=UseHow.FEDERATED,
        form=Form.FEDERATED,
        name=_EXACT if exact else _POSSIBLE,
        place="oidc",
        purpose=Purpose.CLOUD,
        uri=consumer.uri,
        line=consumer.line,
    )


def _accepted(consumer: Consumer, trust: Trust) -> bool | None:
    """True when every token of the job is accepted, False when some may be, None when none is."""
    wanted = trust.subjects or ("*",)
    if not any(intersects(own, pattern) for own in consumer.subjects for pattern in wanted):
        return None
    claims = _claims(consumer, trust.claims)
    if claims is None:
        return None
    whole = all(any(covers(pattern, own) for pattern in wanted) for own in consumer.subjects)
    return whole and claims and trust.certainty is Certainty.CERTAIN


def _claims(consumer: Consumer, claims: Sequence[str]) -> bool | None:
    """Whether the further claims are met: None where they cannot be, False where nobody can say.

    Only the environment is known of a job; values of one claim are alternatives.
    """
    wanted: dict[str, list[str]] = defaultdict(list)
    for claim in claims:
        name, _, value = claim.partition("=")
        wanted[name.lower()].append(value)
    sure = True
    for name, values in wanted.items():
        if name != "environment" or (consumer.environment and "$" in consumer.environment):
            sure = False
        elif consumer.environment is None or not any(intersects(consumer.environment, v) for v in values):
            return None
    return sure


def _issuer(text: str) -> str:
    """An issuer as trusts name it: without scheme and trailing slash."""
    return text.removeprefix("https://").rstrip("/")


@lru_cache(4096)
def intersects(one: str, other: str) -> bool:
    """Whether some text fits both patterns (`*` any run, `?` one character), in time |one| x |other|.

    Texts that are longer than any real subject are taken to meet.
    """
    if len(one) > _LONGEST or len(other) > _LONGEST:
        return True
    # row[j]: the part of `one` read so far and the first j characters of `other` share a text.
    row = [True] + [False] * len(other)
    for j, b in enumerate(other):
        row[j + 1] = row[j] and b == "*"
    for a in one:
        above, row = row, [row[0] and a == "*"]
        for j, b in enumerate(other):
            same = above[j] and (a == b or "?" in {a, b})
            row.append((above[j + 1] or row[j]) if "*" in {a, b} else same)
    return row[-1]
