"""One rule of a role and the requests it allows, as the RBAC authorizer decides.

Source: kubernetes.io/docs/reference/access-authn-authz/rbac ("Referring to resources", "Referring to subresources",
"Wildcards"), and its statement that `create` and `deletecollection` cannot be restricted by resource name, since the
name is not known when the request is authorized; a `list` or `watch` restricted so is allowed for that name only.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_NAMELESS = frozenset({"create", "deletecollection"})


@dataclass(frozen=True, slots=True)
class Rule:
    """What stands in a rule, as written; `names` empty means every object."""

    verbs: frozenset[str]
    groups: frozenset[str]
    resources: frozenset[str]
    names: frozenset[str] = frozenset()
    urls: frozenset[str] = frozenset()

    def allows(self, verb: str, group: str, resource: str) -> bool:
        """Whether the rule allows the verb on every such object of wherever it is bound.

        `resource` may name a subresource (`pods/exec`).
        """
        return not self.names and self._matches(verb, group, resource)

    def names_for(self, verb: str, group: str, resource: str) -> frozenset[str]:
        """The objects to which the rule limits the verb; empty where it allows none or all of them."""
        unnamed = verb in _NAMELESS and "/" not in resource
        return frozenset() if unnamed or not self._matches(verb, group, resource) else self.names

    def _matches(self, verb: str, group: str, resource: str) -> bool:
        sub = resource.partition("/")[2]
        return (
            not self.verbs.isdisjoint((verb, "*"))
            and not self.groups.isdisjoint((group, "*"))
            and not self.resources.isdisjoint((resource, "*", f"*/{sub}" if sub else resource))
        )

    @property
    def everything(self) -> bool:
        """Whether it allows every verb on every resource of every group."""
        return not self.names and all("*" in part for part in (self.verbs, self.groups, self.resources))


@dataclass(frozen=True, slots=True)
class Role:
    """A role that was read: `aggregate` are the labels of the roles it takes its rules from; `partial` hides some."""

    kind: str
    rules: tuple[Rule, ...]
    aggregate: tuple[Mapping[str, str], ...] = ()
    labels: Mapping[str, str] | None = None
    partial: bool = False

    def takes(self, other: Role) -> bool:
        """Whether the aggregation rule selects the other role: all labels of one of its selectors."""
        labels = other.labels or {}
        return any(s and all(labels.get(k) == v for k, v in s.items()) for s in self.aggregate)


def read_role(document: str | None) -> Role | None:
    """The role of a policy's document; None where it is unknown or no such document."""
    if document is None:
        return None
    try:
        found = json.loads(document)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict) or not isinstance(found.get("rules"), list):
        return None
    aggregate = found.get("aggregate")
    return Role(
        kind=str(found.get("kind")),
        rules=tuple(_rules(found["rules"])),
        aggregate=tuple(_pairs(s) for s in aggregate) if isinstance(aggregate, list) else (),
        labels=_pairs(found.get("labels")),
        partial=found.get("partial") is True,
    )


def _rules(items: list[object]) -> Iterator[Rule]:
    for item in items:
        if isinstance(item, dict):
            yield Rule(
                verbs=_texts(item.get("verbs")),
                groups=_texts(item.get("apiGroups")),
                resources=_texts(item.get("resources")),
                names=_texts(item.get("resourceNames")),
                urls=_texts(item.get("nonResourceURLs")),
            )


def _texts(value: object) -> frozenset[str]:
    return frozenset(v for v in value if isinstance(v, str)) if isinstance(value, list) else frozenset()


def _pairs(value: object) -> dict[str, str]:
    found = cast("dict[object, object]", value) if isinstance(value, dict) else {}
    return {str(k): str(v) for k, v in found.items()}
