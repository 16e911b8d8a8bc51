"""Whose bindings bear on a principal: its own, those of its groups, and those of sets that hold it.

Source: docs.cloud.google.com/iam/docs/principals-overview and .../principal-identifiers.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nhiscan.analysis.gcp import names
from nhiscan.analysis.gcp.conditions import Answer

if TYPE_CHECKING:
    from nhiscan.analysis.gcp.estate import Estate


@dataclass(frozen=True, slots=True)
class Asker:
    """A principal whose bindings bear on another one, and how surely; `via` is the group between them."""

    id: str
    answer: Answer = Answer.YES
    via: str | None = None


_POOL = re.compile(r"(.*/(?:workloadIdentityPools|workforcePools)/[^/]+)/(subject|group|attribute\.[^/]+|\*)(?:/(.*))?")
_MADE_IN = re.compile(
    r"cloudresourcemanager\.googleapis\.com/(projects|folders|organizations)/([^/]+)/type/ServiceA\w+"
)


def askers(estate: Estate, principal: str) -> list[Asker]:
    """The principal first, then every other that speaks for it, groups through groups."""
    found = [Asker(principal)]
    seen = {principal}
    for asker in found:
        via = asker.via if asker.id != principal else None
        more = [Asker(g, asker.answer, via or g) for g in sorted(estate.groups_of.get(asker.id, ()))]
        found += [m for m in more if m.id not in seen]
        seen.update(m.id for m in more)
    if principal.startswith(names.USER):
        found.append(Asker(names.DOMAIN + principal.rpartition("@")[2]))
    if principal.startswith(names.FEDERATED):
        found += [Asker(s, a) for s in estate.sets if (a := contains(estate, s, principal)) and s != principal]
    elif principal.startswith(names.ACCOUNT):
        found += [Asker(s, a) for s in estate.sets if "/type/" in s and (a := contains(estate, s, principal))]
    if principal.startswith((names.USER, names.ACCOUNT, names.GROUP)):
        found.append(Asker(names.SIGNED_IN))
    if principal != names.EVERYBODY:
        found.append(Asker(names.EVERYBODY))
    return [*found, *_convenient(estate, found)]


def _convenient(estate: Estate, askers: list[Asker]) -> list[Asker]:
    """`projectOwner:x` and its like, for those who hold that basic role on that very project."""
    found: list[Asker] = []
    for member, role in ((m, r) for m in estate.sets for p, r in names.CONVENIENT.items() if m.startswith(p)):
        target = f"{names.MANAGER}projects/{member.partition('/')[2]}"
        for asker in askers:
            held = estate.bindings.get(asker.id, {}).get(target, ())
            if any(b.role.name == role and not b.condition and not b.eligible for b in held):
                found.append(Asker(member, asker.answer, asker.via))
                break
    return found


def contains(estate: Estate, wide: str, principal: str) -> Answer:
    """Whether a set of principals (a pool, an attribute of it, the accounts of a project) has this one in it."""
    if wide == principal:
        return Answer.YES
    made = _MADE_IN.fullmatch(wide.removeprefix(names.FEDERATED))
    if made:
        home = estate.home_of(principal) if principal.startswith(names.ACCOUNT) else None
        outer = estate.canonical(f"{names.MANAGER}{made[1]}/{made[2]}")
        return Answer.YES if home and estate.within(home, outer) else Answer.NO
    one, other = _POOL.fullmatch(wide), _POOL.fullmatch(principal)
    if one is None or other is None or one[1] != other[1] or one[2] == "subject":
        return Answer.NO
    if one[2] == "*":
        return Answer.YES
    # An attribute has one value in a token, a token may have many groups.
    same = one[2] == other[2] and one[2] != "group"
    return Answer.NO if same else Answer.CONDITIONAL
