"""Joins what pipelines say of themselves to the trusts that accept it: which job may take which role by its token.

A job's subjects are patterns wherever its files leave something open, and so are those a trust demands.  The join says
only that there is a token both sides allow; how sure that is stays readable: `name` is `exact` when the trust accepts
whatever the job can present, and `possible` when that depends on a part nobody could read off the files.  Trusts of
AWS, Entra and pools of Google Cloud are alike here; conditions that they state as expressions are read by `demands`.
"""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from typing import TYPE_CHECKING

from nhiscan.analysis.attributes import Answer
from nhiscan.analysis.claims import claims_of, issuer_of
from nhiscan.analysis.demands import accepts
from nhiscan.analysis.namesakes import namesakes
from nhiscan.analysis.patterns import intersects
from nhiscan.model import Form, PrincipalKind, Purpose, Use, UseHow

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from nhiscan.model import Consumer, Identity, Trust

__all__ = ["SOURCE", "federated", "intersects"]

SOURCE = "analysis.federation"
_EXACT, _POSSIBLE = "exact", "possible"


def federated(
    consumers: Iterable[Consumer], trusts: Iterable[Trust], uses: Iterable[Use], identities: Iterable[Identity] = ()
) -> Iterator[Use]:
    """A use for every consumer and role whose trust accepts one of its subjects, ordered by id.

    What a file already says (a federated use that names the role) is not said again; uses this stage made before are
    not looked at, so that running it twice gives the same.  `identities` tell which cloud identity is meant where a
    file names it by e-mail address or client id: its use is then told of that identity too.
    """
    uses = [u for u in uses if u.source != SOURCE]
    meant = list(_meant(uses, namesakes(identities)))
    told = {(u.consumer_id, u.identity_id) for u in (*uses, *meant) if u.how is UseHow.FEDERATED}
    open_to: dict[str, list[Trust]] = defaultdict(list)
    for trust in trusts:
        if trust.principal_kind is PrincipalKind.OIDC:
            open_to[issuer_of(trust.principal)].append(trust)
    found: dict[str, Use] = {u.id: u for u in meant}
    for consumer in consumers:
        if not consumer.issuer or not consumer.subjects:
            continue
        own = issuer_of(consumer.issuer)
        for issuer in [own] if "*" not in own else [i for i in open_to if intersects(own, i)]:
            for trust in open_to.get(issuer, ()):
                sure = _accepted(consumer, trust) if (consumer.id, trust.target_id) not in told else None
                if sure is None:
                    continue
                use = _use(consumer, trust, exact=sure and issuer == own)
                known = found.get(use.id)
                found[use.id] = use if known is None or use.name == _EXACT else known
    yield from (found[i] for i in sorted(found))


def _meant(uses: Iterable[Use], same: dict[str, str]) -> Iterator[Use]:
    """The uses of identities that a file names only, told of the identity itself."""
    for use in uses:
        real = same.get(use.identity_id or "")
        if real is not None:
            yield dataclasses.replace(use, id=f"{use.id}>{real}", source=SOURCE, identity_id=real)


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
    answers = [accepts(trust, _of_job(consumer, subject)) for subject in consumer.subjects]
    if max(answers) is Answer.NO:
        return None
    return min(answers) is Answer.YES


def _of_job(consumer: Consumer, subject: str) -> dict[str, str]:
    """The claims of a job's token: those of its subject, and the environment that its file names or does not name."""
    claims = claims_of(consumer.issuer or "", subject)
    known = consumer.environment
    if "environment" not in claims or "*" in claims["environment"]:
        claims["environment"] = known or ""
    if known and "$" in known:
        del claims["environment"]
    return claims
