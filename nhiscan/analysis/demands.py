"""What a trust demands of a token, whichever provider states it: subjects, claims, and conditions as expressions.

Trusts of AWS have said all of it in `subjects`, `claims` and `certainty`.  Those of Google Cloud also carry the
attribute condition of their provider (CEL: cloud.google.com/iam/docs, "Workload Identity Federation"), those of Entra
the expression of a flexible federated credential (learn.microsoft.com, "Flexible federated identity credentials":
`claims['sub'] matches 'repo:acme/*'` with `eq`, `matches`, `and`, where `*` is any run and `?` one character).
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from nhiscan.analysis.attributes import Answer, judge, path, read
from nhiscan.analysis.aws.patterns import covers
from nhiscan.analysis.patterns import intersects
from nhiscan.model import Certainty

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nhiscan.analysis.gcp.cel import Node
    from nhiscan.model import Trust

_ENTRA = re.compile(r"\s*claims\[['\"]([^'\"]{1,200})['\"]\]\s+(eq|matches)\s+['\"]([^'\"]*)['\"]\s*")
_EXPRESSIONS = ("expression", "attributeCondition", "attribute_condition")
_FLEXIBLE = "claimsMatchingExpression"


@dataclass(frozen=True, slots=True)
class Demand:
    """A condition as an expression over claims, or as patterns of claims that must all fit.

    Neither stands for one that cannot be read.
    """

    node: Node | None = None
    patterns: tuple[tuple[str, str], ...] = ()
    mapping: Mapping[str, str] = field(default_factory=dict)


@lru_cache(4096)
def demand(condition: str | None) -> Demand | None:
    """What the `condition` of a trust says beyond its other columns; None for nothing (also for documents of AWS)."""
    if not condition:
        return None
    if not condition.lstrip().startswith("{"):
        return Demand(read(condition))
    try:
        said = json.loads(condition)
    except (ValueError, RecursionError):
        return Demand()
    flexible = said.get(_FLEXIBLE)
    if flexible:
        return _flexible(flexible.get("value") if isinstance(flexible, dict) else flexible)
    text = next((said[k] for k in _EXPRESSIONS if isinstance(said.get(k), str) and said[k]), None)
    mapping = said.get("attributeMapping")
    known = {k: v for k, v in mapping.items() if isinstance(v, str)} if isinstance(mapping, dict) else {}
    return Demand(read(text), mapping=known) if text else None


def _flexible(text: object) -> Demand:
    found: list[tuple[str, str]] = []
    for part in re.split(r"\s+and\s+", text.strip()) if isinstance(text, str) else [""]:
        match = _ENTRA.fullmatch(part)
        if match is None:
            return Demand()
        found.append((match[1], match[3]))
    return Demand(patterns=tuple(found))


def accepts(trust: Trust, claims: Mapping[str, str]) -> Answer:
    """Whether a trust takes a token with these claims (patterns, by name; an absent one is unknown, `""` is not there).

    `sub` must be among them.
    """
    subject = _any(claims.get("sub", "*"), trust.subjects or ("*",))
    asked = demand(trust.condition)
    answers = [subject, _claims(trust, claims)]
    if asked is not None:
        answers.append(_asked(asked, claims))
    if trust.certainty is Certainty.CONDITIONAL:
        # Some of why may be a condition that was judged here; what else it is, nobody says.
        answers.append(Answer.UNKNOWN)
    return min(answers)


def _claims(trust: Trust, claims: Mapping[str, str]) -> Answer:
    """The further claims a trust names; the values of one claim are alternatives."""
    wanted: dict[str, list[str]] = defaultdict(list)
    for claim in trust.claims:
        name, _, value = claim.partition("=")
        wanted[name].append(value)
    answers = [Answer.YES]
    for name, values in wanted.items():
        own = _named(claims, name)
        answers.append(Answer.UNKNOWN if own is None else _any(own, tuple(values)))
    return min(answers)


def _named(claims: Mapping[str, str], name: str) -> str | None:
    """A claim by the name a trust calls it: AWS writes names in lower case, Google Cloud as attributes."""
    plain = name.removeprefix("attribute.").removeprefix("assertion.")
    if plain in claims:
        return claims[plain]
    return next((v for k, v in claims.items() if k.lower() == plain.lower()), None)


def _any(own: str, patterns: tuple[str, ...]) -> Answer:
    if not own:
        return Answer.NO
    if any(covers(pattern, own) for pattern in patterns):
        return Answer.YES
    return Answer.UNKNOWN if any(intersects(own, pattern) for pattern in patterns) else Answer.NO


def _asked(asked: Demand, claims: Mapping[str, str]) -> Answer:
    if asked.patterns:
        owned = [(_named(claims, name), pattern) for name, pattern in asked.patterns]
        return min(Answer.UNKNOWN if own is None else _any(own, (pattern,)) for own, pattern in owned)
    return judge(asked.node, variables(claims, asked.mapping))


def variables(claims: Mapping[str, str], mapping: Mapping[str, str]) -> dict[str, str]:
    """Claims as an attribute condition calls them: `assertion.x`, and what a mapping makes of them.

    Without a mapping an attribute is unknown: nothing says that it is the claim of that name.
    """
    known = {f"assertion.{name}": value for name, value in claims.items()}
    for name, expression in mapping.items():
        node = read(expression)
        own = path(node) if node is not None else None
        if own in known:
            known[name] = known[own]
    return known
