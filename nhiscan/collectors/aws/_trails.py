"""What the event selectors of CloudTrail trails and event data stores let through.

Secrets Manager, Systems Manager and KMS record the reading of a secret as a *read* management event, so a trail that
keeps write events alone does not know who read what.  Source: CloudTrail User Guide, "Logging management events" and
"Logging data events"; the API Reference of AdvancedEventSelector.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nhiscan.collectors._common.values import listing, mapping, text
from nhiscan.collectors.aws._agents import texts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.collectors._common.values import Json

_SECRETS = "secretsmanager.amazonaws.com"
_AGENTS = ("AWS::BedrockAgentCore::", "AWS::Bedrock::")
_NARROWING = ("Equals", "StartsWith", "EndsWith")


@dataclass(frozen=True, slots=True)
class Kept:
    """Which events are kept: `writes` and `secrets` are management events, `types` resource types of data events."""

    writes: bool = False
    secrets: bool = False
    types: frozenset[str] = frozenset()

    def __or__(self, other: Kept) -> Kept:
        return Kept(self.writes or other.writes, self.secrets or other.secrets, self.types | other.types)

    def of(self, kind: str) -> bool:
        """Whether the events that a kind of logging is about are kept."""
        if kind == "api_calls":
            return self.writes
        if kind == "secret_access":
            return self.secrets
        return bool(self.types) if kind == "data_events" else any(t.startswith(_AGENTS) for t in self.types)


def kept(answer: Json) -> Kept:
    """What the selectors of a trail or store keep; none at all keeps every management event."""
    basic, advanced = listing(answer.get("EventSelectors")), listing(answer.get("AdvancedEventSelectors"))
    found = Kept() if basic or advanced else Kept(writes=True, secrets=True)
    for selector in map(mapping, basic):
        found |= _basic(selector)
    for selector in map(mapping, advanced):
        found |= _advanced(dict(_fields(selector)))
    return found


def _basic(selector: Json) -> Kept:
    mode = text(selector.get("ReadWriteType")) or "All"
    management = selector.get("IncludeManagementEvents") is not False
    excluded = texts(selector.get("ExcludeManagementEventSources"))
    types = {text(r.get("Type")) for r in map(mapping, listing(selector.get("DataResources"))) if r.get("Values")}
    return Kept(
        writes=management and mode != "ReadOnly",
        secrets=management and mode != "WriteOnly" and _SECRETS not in excluded,
        types=frozenset(t for t in types if t),
    )


def _fields(selector: Json) -> Iterator[tuple[str, Json]]:
    for field in map(mapping, listing(selector.get("FieldSelectors"))):
        if name := text(field.get("Field")):
            yield name, field


def _advanced(fields: dict[str, Json]) -> Kept:
    category = texts(fields.get("eventCategory", {}).get("Equals"))
    if "Data" in category:
        return Kept(types=frozenset(texts(fields.get("resources.type", {}).get("Equals"))))
    if "Management" not in category:
        return Kept()
    only = texts(fields.get("readOnly", {}).get("Equals"))
    source = fields.get("eventSource", {})
    named = texts(source.get("Equals"))
    narrowed = {
        n for n, f in fields.items() if n not in {"eventCategory", "readOnly"} and any(f.get(k) for k in _NARROWING)
    }
    secrets = narrowed <= {"eventSource"} and (_SECRETS in named or not narrowed)
    return Kept(
        writes=only != ["true"] and not narrowed,
        secrets=only != ["false"] and secrets and _SECRETS not in texts(source.get("NotEquals")),
    )
