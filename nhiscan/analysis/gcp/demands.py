"""What a pool's provider and the member of a binding demand of a token: subjects, claims, audiences.

Source: docs.cloud.google.com/iam/docs/workload-identity-federation ("Attribute mappings", "Attribute conditions"); the
default audience of a provider is its own resource name (iam.v1 discovery document, `Oidc.allowedAudiences`).
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nhiscan.analysis.aws.patterns import covers
from nhiscan.analysis.gcp.cel import UnreadableError, parse
from nhiscan.analysis.gcp.roles import read

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nhiscan.analysis.gcp.cel import Node
    from nhiscan.model import Identity

_ASSERTED = re.compile(r"assertion\.(\w+)|assertion\[['\"]([^'\"]+)['\"]\]")
_TOP = "sub"


@dataclass(frozen=True, slots=True)
class Provider:
    """A provider of a pool as its tags state it; times and names of its identity are elsewhere."""

    issuer: str | None
    account: str | None
    audiences: tuple[str, ...]
    condition: str | None
    mapping: Mapping[str, str]

    @property
    def document(self) -> str | None:
        """The attribute condition, and the mapping that its attributes are made by, as JSON; None for no condition."""
        if not self.condition:
            return None
        mapping = {"attributeMapping": dict(sorted(self.mapping.items()))} if self.mapping else {}
        return json.dumps({"attributeCondition": self.condition, **mapping}, ensure_ascii=False)

    def claim(self, attribute: str) -> str:
        """The claim of the token of which an attribute (`google.subject`, `attribute.x`) is a copy, or its name."""
        source = self.mapping.get(attribute)
        match = _ASSERTED.fullmatch(source.strip()) if source else None
        if match:
            return match[1] or match[2]
        if source is None and attribute == "google.subject":
            return _TOP
        return attribute.removeprefix("attribute.")


def provider(identity: Identity) -> Provider:
    """The provider that an identity's tags describe."""
    tags = {_plain(k): v for k, v in identity.tags.items()}
    issuer = tags.get("issuer") or tags.get("issueruri")
    mapping = _pairs(tags.get("attributemapping") or tags.get("mapping"))
    own = f"//iam.googleapis.com/{identity.id.removeprefix('gcp:pool/')}"
    return Provider(
        issuer=issuer.removeprefix("https://").rstrip("/") if issuer else None,
        account=tags.get("awsaccount") or tags.get("accountid") or tags.get("awsaccountid"),
        audiences=_list(tags.get("allowedaudiences") or tags.get("audiences")) or (own,),
        condition=tags.get("attributecondition") or tags.get("condition") or None,
        mapping=mapping or {k: v for k, v in identity.tags.items() if k.startswith(("google.", "attribute."))},
    )


def _plain(key: str) -> str:
    return re.sub(r"[^a-z]", "", key.lower())


def _list(text: str | None) -> tuple[str, ...]:
    if text and text.lstrip().startswith("["):
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            return ()
        return tuple(v for v in found if isinstance(v, str))
    return tuple(v for v in re.split(r"[,\s]+", text or "") if v)


def _pairs(text: str | None) -> dict[str, str]:
    if text and text.lstrip().startswith("{"):
        return {k: v for k, v in (read(text) or {}).items() if isinstance(v, str)}
    split = (p.partition("=") for p in re.split(r",(?=\s*(?:google|attribute)\.)", text or ""))
    return {k.strip(): v.strip() for k, _, v in split if v}


@dataclass(frozen=True, slots=True)
class Demand:
    """Values (patterns) by claim; those of one claim are alternatives.  `readable`: the condition could be read."""

    values: Mapping[str, tuple[str, ...]]
    readable: bool = True

    @property
    def subjects(self) -> tuple[str, ...]:
        """What the subject must be like."""
        return self.values.get(_TOP, ())

    @property
    def claims(self) -> tuple[str, ...]:
        """What other claims must be like, `name=pattern`."""
        return tuple(f"{k}={v}" for k in sorted(self.values) if k != _TOP for v in self.values[k])


def demand(found: Provider, attribute: str | None, value: str) -> Demand | None:
    """What the condition demands, and the member where it names an attribute; None if no token has both."""
    asked = conditions(found)
    if asked is None or attribute is None:
        return asked
    claim = found.claim(attribute)
    known = asked.values.get(claim)
    if known and not any(covers(k, value) for k in known):
        return None
    return Demand({**asked.values, claim: (value,)}, asked.readable)


def conditions(found: Provider) -> Demand | None:
    """What the attribute condition demands by comparing claims with texts; None where it is false for every token.

    What else it demands stays in the condition itself.
    """
    if not found.condition:
        return Demand({})
    try:
        node = parse(found.condition)
    except UnreadableError:
        return Demand({}, readable=False)
    values: dict[str, tuple[str, ...]] = {}
    for part in _parts(node, "&&"):
        if part.kind == "literal" and part.value is False:
            return None
        one = _one(part, found)
        if one:
            values.setdefault(*one)
    return Demand(values)


def _parts(node: Node, sign: str) -> list[Node]:
    return [p for part in node.parts for p in _parts(part, sign)] if node.kind == sign else [node]


def _one(node: Node, found: Provider) -> tuple[str, tuple[str, ...]] | None:
    """One claim and its alternatives, None where it is something else."""
    if node.kind == "||":
        several = [s for p in _parts(node, "||") if (s := _one(p, found))]
        same = len(several) == len(_parts(node, "||")) and len({s[0] for s in several}) == 1
        return (several[0][0], tuple(v for s in several for v in s[1])) if same else None
    if len(node.parts) != 2:
        return None
    first, second = node.parts
    if node.kind == "==" and first.kind == "literal":
        first, second = second, first
    claim, wanted = _claim(first, found), _wanted(node, second)
    return (claim, wanted) if claim and wanted else None


def _wanted(node: Node, second: Node) -> tuple[str, ...]:
    """The patterns that a comparison allows; none where it is something else."""
    if node.kind == "in" and second.kind == "list" and all(isinstance(i.value, str) for i in second.parts):
        return tuple(str(i.value) for i in second.parts)
    if second.kind != "literal" or not isinstance(second.value, str):
        return ()
    text = second.value
    if node.kind == "==":
        return (text,)
    ends = {"startsWith": f"{text}*", "endsWith": f"*{text}", "contains": f"*{text}*"}
    return (ends[str(node.value)],) if node.kind == "call" and node.value in ends else ()


def _claim(node: Node, found: Provider) -> str | None:
    if node.kind == "index" and node.parts[0].value == "assertion" and isinstance(node.parts[1].value, str):
        return node.parts[1].value
    if node.kind != "name":
        return None
    name = str(node.value)
    if name.startswith("assertion.") and name.count(".") == 1:
        return name.removeprefix("assertion.")
    return found.claim(name) if name.startswith(("attribute.", "google.")) else None
