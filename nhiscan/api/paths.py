"""From a finding to what stands behind it: the statements that make its identity powerful, and what would stop."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nhiscan.store.inventory import Inventory
    from nhiscan.triage.result import Finding

MAX_WAYS = 5
"""Ways of one kind that are written out; what is left is counted."""

_IDENTITY = {
    "identity": "SELECT id AS identity_id FROM identity WHERE id = $id",
    "credential": "SELECT identity_id FROM credential WHERE id = $id AND identity_id IS NOT NULL",
    "trust": "SELECT target_id AS identity_id FROM trust WHERE id = $id",
    "consumer": "SELECT identity_id FROM agent_power WHERE id = $id AND identity_id IS NOT NULL",
}
_ABLE = """
SELECT capability, certainty, method, steps FROM effective
WHERE identity_id = $id AND capability IN ('admin', 'escalate')
ORDER BY capability, certainty, len(steps), method
"""
# The place of a trust that goes through a provider of a pool (Google Cloud) is that provider.
_ENTRY = """
SELECT principal, target_id, replace(locator, '//iam.googleapis.com/', '') AS place FROM trust
WHERE id = $id AND locator LIKE '%/workloadIdentityPools/%'
"""
_REACH = """
SELECT r.path, r.certainty, r.steps FROM reach AS r
JOIN (
  SELECT identity_id, min(capability) AS capability FROM effective
  WHERE capability IN ('admin', 'escalate') GROUP BY identity_id
) AS e ON e.identity_id = r.target_id
WHERE r.identity_id = $id AND r.identity_id <> r.target_id
ORDER BY e.capability, r.certainty, r.hops, r.target_id
"""

_USERS = """
SELECT k.kind, k.name, k.platform, p.name AS parent, coalesce(u.uri, k.uri, k.id) AS place
FROM "use" AS u
JOIN consumer AS k ON k.id = u.consumer_id
LEFT JOIN consumer AS p ON p.id = k.parent_id
LEFT JOIN credential AS c ON c.id = u.credential_id
WHERE (u.credential_id = $id OR u.identity_id = $id OR c.identity_id = $id)
  AND coalesce(u.form, 'literal') NOT IN ('placeholder', 'empty', 'dangling') AND coalesce(k.enabled, TRUE)
GROUP BY k.kind, k.name, k.platform, p.name, coalesce(u.uri, k.uri, k.id)
ORDER BY k.kind, k.name, place
"""


@dataclass(frozen=True, slots=True)
class Way:
    """One way to more power: its title, and the steps in order, each with the statement that permits it."""

    title: str
    steps: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Proof:
    """What the identity behind a finding can become; `omitted` are ways that are not written out."""

    identity_id: str
    name: str
    kind: str
    ways: tuple[Way, ...]
    omitted: int = 0


def proof(inventory: Inventory, finding: Finding) -> Proof | None:
    """The proof for the identity of a finding's subject; None when it has none, or no power.  Raises StoreError."""
    query = _IDENTITY.get(finding.subject.table)
    found = inventory.sql(query, {"id": finding.subject.id}) if query else []
    if not found:
        return None
    identity_id = str(found[0]["identity_id"])
    names = _names(inventory)
    entry = _entry(inventory, finding, names)
    ways = [Way(way.title, (*entry, *way.steps)) for way in _ways(inventory, identity_id, names)]
    if not ways:
        return None
    kind, name = names.get(identity_id, ("identity", identity_id))
    return Proof(identity_id, name, kind, tuple(ways[:MAX_WAYS]), max(0, len(ways) - MAX_WAYS))


def _names(inventory: Inventory) -> dict[str, tuple[str, str]]:
    rows = inventory.sql("SELECT id, kind, name FROM identity")
    return {str(r["id"]): (str(r["kind"]), str(r["name"])) for r in rows}


def _ways(inventory: Inventory, identity_id: str, names: dict[str, tuple[str, str]]) -> Iterator[Way]:
    """Administrator now; else over roles, shortest first; then escalations, the surest first."""
    able = inventory.sql(_ABLE, {"id": identity_id})
    admins = [r for r in able if r["capability"] == "admin"]
    for row in admins[:1]:
        yield Way(f"administrator{_under(row)}", _steps(row["steps"]))
    for row in inventory.sql(_REACH, {"id": identity_id}) if not admins else ():
        path = " → ".join(names.get(str(i), ("", str(i)))[1] for i in _steps(row["path"]))
        yield Way(f"{path}{_under(row)}", _steps(row["steps"]))
    for row in able if not admins else ():
        yield Way(f"{row['method']}{_under(row)}", _steps(row["steps"]))


def _entry(inventory: Inventory, finding: Finding, names: dict[str, tuple[str, str]]) -> tuple[str, ...]:
    """How somebody from outside comes in by the trust that a finding is about, where that is a step of its own."""
    found = inventory.sql(_ENTRY, {"id": finding.subject.id}) if finding.subject.table == "trust" else []
    return tuple(
        f"{row['place']} takes tokens of {row['principal']} as {_name(row['target_id'], names)}" for row in found
    )


def _name(identity_id: object, names: dict[str, tuple[str, str]]) -> str:
    return names.get(str(identity_id), ("", str(identity_id)))[1]


def _under(row: dict[str, object]) -> str:
    return "" if row["certainty"] == "certain" else " (under a condition)"


def _steps(value: object) -> tuple[str, ...]:
    items: Sequence[object] = value if isinstance(value, list | tuple) else ()
    return tuple(str(v) for v in items)


def stops(inventory: Inventory, finding: Finding) -> tuple[str, ...]:
    """What uses the credential or acts as the identity of a finding, a line for each; empty when nothing is known to.

    Raises StoreError.
    """
    if finding.subject.table not in {"credential", "identity"}:
        return ()
    rows = inventory.sql(_USERS, {"id": finding.subject.id})
    return tuple(_line(r) for r in rows)


def _line(row: dict[str, object]) -> str:
    parent = f" of {row['parent']}" if row["parent"] else ""
    platform = f" ({row['platform']})" if row["platform"] else ""
    return f"{str(row['kind']).replace('_', ' ')} {row['name']}{parent}{platform}, {row['place']}"
