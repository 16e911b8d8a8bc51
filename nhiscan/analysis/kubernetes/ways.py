"""Which service accounts a principal can become, and by which right.

Source: kubernetes.io/docs/concepts/security/rbac-good-practices, "Privilege escalation risks", for each of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nhiscan.analysis.kubernetes.estate import EVERYWHERE, everybody, name_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from nhiscan.analysis.kubernetes.estate import Bound, Estate

CONTROLLERS = (
    ("apps", "deployments"),
    ("apps", "daemonsets"),
    ("apps", "statefulsets"),
    ("apps", "replicasets"),
    ("batch", "jobs"),
    ("batch", "cronjobs"),
    ("", "replicationcontrollers"),
)
"""What makes pods and names their service account; changing one is as good as creating it."""

_ENTER = (
    ("create", "pods/exec"),
    ("get", "pods/exec"),
    ("create", "pods/attach"),
    ("patch", "pods/ephemeralcontainers"),
)


@dataclass(frozen=True, slots=True)
class Way:
    """One step from a principal to a service account."""

    method: str
    target: str
    steps: tuple[str, ...]


def ways(estate: Estate) -> dict[str, dict[str, Way]]:
    """The first way found to each account, by principal; the surest methods come first."""
    found: dict[str, dict[str, Way]] = {}
    for identity_id, rules in everybody(estate):
        mine: dict[str, Way] = {}
        for way in _ways(estate, identity_id, rules):
            if way.target != identity_id:
                mine.setdefault(way.target, way)
        if mine:
            found[identity_id] = mine
    return found


def _ways(estate: Estate, identity_id: str, rules: list[Bound]) -> Iterator[Way]:
    named = name_of(identity_id)
    if named is None:
        return
    for method, verb, group, resource, words in _RIGHTS:
        for bound in rules:
            where = bound.namespace
            if bound.rule.allows(verb, group, resource):
                targets: Iterable[str] = estate.in_reach(named.cluster, where)
            else:
                names = bound.rule.names_for(verb, group, resource) if resource.startswith("serviceaccounts") else ()
                targets = [t for t in estate.in_reach(named.cluster, where) if _called(t, names)] if names else ()
            for target in targets:
                if method == "exec" and target not in estate.running:
                    continue
                yield Way(method, target, (bound.step, f"{words} {estate.who(target)}"))
    yield from _by_secret(estate, named.cluster, rules)


def _called(identity_id: str, names: Iterable[str]) -> bool:
    found = name_of(identity_id)
    return found is not None and found.name in names


def _by_secret(estate: Estate, cluster: str, rules: list[Bound]) -> Iterator[Way]:
    """A Secret of the token type is filled by the control plane for whichever account it names, then read."""
    makers = {b.namespace: b for b in rules if b.rule.allows("create", "", "secrets")}
    readers = {b.namespace: b for b in rules if any(b.rule.allows(v, "", "secrets") for v in ("get", "list", "watch"))}
    for maker in makers.values():
        for reader in readers.values():
            if maker.namespace in {reader.namespace, EVERYWHERE} or reader.namespace == EVERYWHERE:
                where = reader.namespace if maker.namespace == EVERYWHERE else maker.namespace
                for target in estate.in_reach(cluster, where):
                    steps = (maker.step, f"create secrets makes and reads a token of {estate.who(target)}")
                    yield Way("token_secret", target, steps)


_RIGHTS: tuple[tuple[str, str, str, str, str], ...] = (
    ("token", "create", "", "serviceaccounts/token", "create serviceaccounts/token issues a token of"),
    ("impersonate", "impersonate", "", "serviceaccounts", "impersonate serviceaccounts acts as"),
    ("create_pods", "create", "", "pods", "create pods starts a pod that runs as"),
    *(
        (f"{verb}_{name}", verb, group, name, f"{verb} {name} starts pods that run as")
        for group, name in CONTROLLERS
        for verb in ("create", "update", "patch")
    ),
    *(("exec", verb, "", name, f"{verb} {name} runs commands in pods that run as") for verb, name in _ENTER),
)
"""Method, verb, group and resource of each right, and the words that explain it."""
