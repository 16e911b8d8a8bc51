"""What an organisation forbids its projects about keys and members, as it takes effect: signals on scopes.

Asked of the place itself, and of each folder and project that sets one of these constraints otherwise (as Cloud Asset
Inventory lists them; it does not list the newer managed ones): five calls for each.  Sources: docs.cloud.google.com,
"Restrict service account usage" (`iam.disableServiceAccountKeyCreation`, `iam.serviceAccountKeyExpiryHours` and their
managed forms), "Restrict identities by domain"; orgpolicy.v2 `getEffectivePolicy`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nhiscan.collectors._common.errors import RefusedError
from nhiscan.collectors._common.values import flag, mapping, objects, texts
from nhiscan.collectors._rest.operation import Operation
from nhiscan.plugin import GapReason, Signal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from nhiscan.collectors._common.values import Json
    from nhiscan.collectors.gcp._bindings import Around
    from nhiscan.plugin import Record

EFFECTIVE = Operation("orgpolicy:policies.getEffective", "/v2/{+name}:getEffectivePolicy", ("orgpolicy.policy.get",))
_LIFETIME = (
    "iam.managed.disableServiceAccountKeyCreation", "iam.disableServiceAccountKeyCreation",
    "iam.serviceAccountKeyExpiryHours",
)  # fmt: skip
_DOMAINS = ("iam.managed.allowedPolicyMembers", "iam.allowedPolicyMemberDomains")
_KINDS = {"lifetime_limit": _LIFETIME, "domain_limit": _DOMAINS}
CONSTRAINTS = frozenset({*_LIFETIME, *_DOMAINS})
_NOTHING = {
    "lifetime_limit": "keys of service accounts can be made and never end",
    "domain_limit": "anybody can be granted access",
}


def limits(around: Around, parents: Iterable[str]) -> Iterator[Record]:
    """Two signals for each of `organizations/1`, `folders/2` and `projects/p`; a gap where one may not be asked."""
    scopes: dict[str, str] = {}
    for parent in parents:  # a project that the caller cannot name counts as the place itself, which comes first
        scopes.setdefault(around.scopes.at(parent), parent)
    asked = list(scopes.values())
    policies = [{"name": f"{parent}/policies/{constraint}"} for parent in asked for constraint in sorted(CONSTRAINTS)]
    told: dict[str, dict[str, Json | None]] = {parent: {} for parent in asked}
    refused: dict[str, RefusedError] = {}
    try:
        for request, answer in around.ask.each(EFFECTIVE, policies):
            parent, _, constraint = str(request["name"]).partition("/policies/")
            if not isinstance(answer, RefusedError):
                told[parent][constraint] = answer
            elif answer.missing and answer.reason is not GapReason.SKIPPED:  # not offered there, so it limits nothing
                told[parent][constraint] = {}
            else:
                refused[parent] = answer
    except RefusedError as e:
        refused |= {parent: e for parent in asked if len(told[parent]) < len(CONSTRAINTS)}
    for scope_id, parent in scopes.items():
        known = told[parent]
        of = _KINDS.items() if known else ()  # of a place where nothing may be read, nothing is said
        signals = [_signal(around, scope_id, kind, {c: known.get(c) for c in names}) for kind, names in of]
        yield from signals
        if parent in refused and (not signals or any(signal.active is None for signal in signals)):
            yield around.ask.refused(refused[parent], covers=("signal",), subject_id=scope_id)


def _signal(around: Around, scope_id: str, kind: str, policies: Mapping[str, Json | None]) -> Signal:
    """One that limits suffices; without one, a policy that nobody could read leaves it open."""
    words = {constraint: _words(policy) for constraint, policy in policies.items() if policy is not None}
    on = [f"{constraint}{more}" for constraint, more in words.items() if more is not None]
    unknown = len(words) < len(policies)
    return Signal(
        id=f"{scope_id}#signal/{kind}", scope_id=scope_id, source=around.ask.source, locator=scope_id,
        subject_id=scope_id, kind=kind, provider="gcp", active=True if on else None if unknown else False,
        detail="; ".join(on) or (None if unknown else _NOTHING[kind]),
    )  # fmt: skip


def _words(policy: Json) -> str | None:
    """What an effective policy limits, to follow its name; None for one that does not.

    Rules with a condition are about resources with certain tags: what they ease is told, what they limit is not enough.
    """
    rules = objects(mapping(policy.get("spec")).get("rules"))
    found = None
    for rule in rules:
        if rule.get("condition") is None and (limit := _limit(rule)) is not None:
            found = limit
    eased = any(rule.get("condition") is not None and _limit(rule) is None for rule in rules)
    return None if found is None else f"{found}{' with exceptions by tag' if eased else ''}"


def _limit(rule: Json) -> str | None:
    if flag(rule.get("enforce")) or flag(rule.get("denyAll")):
        return ""
    allowed = texts(mapping(rule.get("values")).get("allowedValues"))
    return f" ({', '.join(allowed)})" if allowed else None
