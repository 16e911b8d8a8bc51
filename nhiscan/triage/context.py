"""What the inventory knows of the subjects of verdicts: one query per table, however many findings there are."""

from __future__ import annotations

import re
import shlex
from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from nhiscan.model import RECORDS, Confidence, ExposurePart, OwnerBasis, ScopeKind, Visibility, columns
from nhiscan.triage.references import reference
from nhiscan.triage.result import Location, Ownership, Subject

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from nhiscan.engine.verdict import Verdict
    from nhiscan.store.inventory import Inventory

Row = dict[str, object]

_WANTED = (
    "id", "scope_id", "locator", "provider", "kind", "class", "name", "framework", "platform", "uri", "line", "key_id",
    "identity_id", "target_id", "principal",
)  # fmt: skip
_PARTS = [p.value for p in ExposurePart]
_VISIBILITIES = [v.value for v in Visibility]
_BASES = [b.value for b in OwnerBasis]
_CONFIDENCES = [c.value for c in Confidence]
_BLANK = re.compile(r"\{(user|key|name|breaks|place|reference)\}")
IN_HISTORY = "in history"
BREAKS_UNKNOWN = "not known, so watch it first"
_FILE_SCOPES = ("repo:", "dir:")


@dataclass(frozen=True, slots=True)
class Facts:
    """Rows by subject id: the subject itself, its exposures, owners, other ids; scopes by id.

    `arns` say of identities what their provider calls them, `homes` of targets of trust which file declares them.
    """

    rows: Mapping[tuple[str, str], Row]
    exposures: Mapping[str, Sequence[Row]]
    owners: Mapping[str, Sequence[Row]]
    members: Mapping[str, Sequence[str]]
    scopes: Mapping[str, Row]
    arns: Mapping[str, str] = field(default_factory=dict)
    homes: Mapping[str, str] = field(default_factory=dict)

    @property
    def directories(self) -> tuple[str, ...]:
        """The ids of plain directories, whose names are left out of fingerprints."""
        return tuple(sorted(i for i, s in self.scopes.items() if s["kind"] == ScopeKind.DIRECTORY))


def gather(inventory: Inventory, verdicts: Iterable[Verdict]) -> Facts:
    """The facts of all subjects.  Raises StoreError."""
    ids: dict[str, set[str]] = defaultdict(set)
    for verdict in verdicts:
        ids[verdict.subject_table].add(verdict.subject_id)
    rows = {(t, str(row["id"])): row for t, wanted in sorted(ids.items()) for row in _subjects(inventory, t, wanted)}
    credentials = ids.get("credential", set())
    identities = {str(r["identity_id"]) for r in rows.values() if r.get("identity_id")}
    arns = {str(r["id"]): str(r["locator"] or r["id"]) for r in _subjects(inventory, "identity", identities)}
    targets = {str(r["target_id"]) for r in rows.values() if r.get("target_id")}
    everybody = identities.union(targets, *ids.values())
    owners = _select(inventory, "owner", "subject_id", everybody)
    members = _select(inventory, "cluster", "credential_id", credentials)
    return Facts(
        rows=rows,
        exposures=_group(_select(inventory, "exposure", "credential_id", credentials), "credential_id"),
        owners=_group(owners, "subject_id"),
        members={k: sorted(str(m["member_id"]) for m in v) for k, v in _group(members, "credential_id").items()},
        scopes={str(row["id"]): row for row in inventory.sql("SELECT id, provider, kind, name FROM scope")},
        arns=arns,
        homes=_homes(inventory, targets),
    )


def _homes(inventory: Inventory, targets: Iterable[str]) -> dict[str, str]:
    return {
        str(row["id"]): str(row["locator"])
        for table in ("identity", "resource", "store", "consumer")
        for row in _subjects(inventory, table, targets)
        if row["locator"] and str(row["scope_id"]).startswith(_FILE_SCOPES)
    }


def _subjects(inventory: Inventory, table: str, ids: Iterable[str]) -> list[Row]:
    record = RECORDS.get(table)
    if record is None:
        return []
    return _select(inventory, table, "id", ids, [c for c in _WANTED if c in columns(record)])


def _select(
    inventory: Inventory, table: str, key: str, ids: Iterable[str], wanted: Sequence[str] = ("*",)
) -> list[Row]:
    chosen = sorted(ids)
    if not chosen:
        return []
    names = ", ".join(c if c == "*" else f't."{c}"' for c in wanted)
    # Table and columns come from the model, never from data.
    query = f'SELECT {names} FROM "{table}" t WHERE "{key}" IN (SELECT unnest($ids)) ORDER BY id'  # noqa: S608
    return inventory.sql(query, {"ids": chosen})


def _group(rows: Iterable[Row], key: str) -> dict[str, list[Row]]:
    grouped: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        grouped[str(row[key])].append(row)
    return grouped


def subject(facts: Facts, verdict: Verdict) -> Subject:
    """What a verdict is about; a subject that is in no table keeps its id and table."""
    row = facts.rows.get((verdict.subject_table, verdict.subject_id), {})
    return Subject(
        table=verdict.subject_table,
        id=verdict.subject_id,
        kind=_text(row.get("kind") or row.get("class")),
        provider=_provider(facts, verdict, row),
        scope_id=verdict.scope_id,
        name=_name(facts, verdict, row),
    )


def _provider(facts: Facts, verdict: Verdict, row: Row) -> str | None:
    if row.get("provider"):
        return _text(row["provider"])
    if verdict.scope_id.startswith(_FILE_SCOPES):
        return None
    return _text(facts.scopes.get(verdict.scope_id, {}).get("provider"))


def _name(facts: Facts, verdict: Verdict, row: Row) -> str | None:
    if verdict.subject_table == "trust" and row.get("target_id"):
        return f"{row.get('principal')} → {_last(str(row['target_id']))}"
    named = row.get("key_id") or row.get("name")
    if named is None:
        named = next((e["key_name"] for e in facts.exposures.get(verdict.subject_id, ()) if e["key_name"]), None)
    return _text(named)


def _last(text: str) -> str:
    return text.rsplit("/", 1)[-1].rsplit(":", 1)[-1]


def locations(facts: Facts, verdict: Verdict) -> tuple[Location, ...]:
    """Where a reader must look: files first, the worst place leading, then the cloud records; never empty."""
    row = facts.rows.get((verdict.subject_table, verdict.subject_id), {})
    places = [_place(e, verdict.scope_id) for e in sorted(facts.exposures.get(verdict.subject_id, ()), key=_badness)]
    if not places and row.get("uri"):
        places = [_at(_text(row["uri"]), row.get("line"), None, None, _text(row.get("scope_id")))]
    seen = {p.uri for p in places}
    for locator, scope_id in _records(facts, verdict, row):
        if locator not in seen and not (places and scope_id is not None and scope_id.startswith(_FILE_SCOPES)):
            seen.add(locator)
            places.append(_written(locator, scope_id))
    if not places:
        places.append(Location(uri=verdict.subject_id, scope_id=verdict.scope_id))
    return tuple(dict.fromkeys(places))


def _written(locator: str, scope_id: str | None) -> Location:
    """Where a record without a place of its own stands: `path:line` in a checkout, else what its provider calls it."""
    path, _, line = locator.rpartition(":")
    if scope_id is not None and scope_id.startswith(_FILE_SCOPES) and path and line.isdigit():
        return Location(uri=path, line=int(line), scope_id=scope_id)
    return Location(uri=locator, scope_id=scope_id)


def _records(facts: Facts, verdict: Verdict, row: Row) -> list[tuple[str, str | None]]:
    found: list[tuple[str, str | None]] = []
    if verdict.subject_table == "trust" and row.get("target_id"):
        target = facts.homes.get(str(row["target_id"]), str(row["target_id"]))
        found.append((target, _cloud_scope(target) or verdict.scope_id))
    elif row.get("locator"):
        locator = str(row["locator"])
        found.append((locator, _cloud_scope(locator) or str(row["scope_id"])))
    arn = facts.arns.get(str(row.get("identity_id")))
    if arn is not None:
        found.append((arn, _cloud_scope(arn) or verdict.scope_id))
    return found


def _cloud_scope(locator: str) -> str | None:
    """The account an ARN names: `arn:partition:service:region:account:resource`."""
    parts = locator.split(":", 5)
    return f"aws:{parts[4]}" if parts[0] == "arn" and len(parts) == 6 and parts[4] else None


def _place(row: Row, _subject_scope: str) -> Location:
    notes = []
    if row.get("part") == ExposurePart.KEY_ID:
        notes.append("key id only")
    if row.get("visibility") == Visibility.LOCAL:
        notes.append("on this machine only")
    if row.get("commit") and row.get("at_head") is False:
        notes.append(IN_HISTORY)
    place = _at(_text(row["uri"]), row.get("line"), _text(row.get("commit")), ", ".join(notes), str(row["scope_id"]))
    return replace(place, basis=_text(row.get("basis")))


def _at(uri: str | None, line: object, commit: str | None, note: str | None, scope_id: str | None) -> Location:
    number = line if isinstance(line, int) and line > 0 else None
    return Location(uri=uri or ".", line=number, commit=commit, note=note or None, scope_id=scope_id)


def _badness(row: Row) -> tuple[object, ...]:
    """Values before key ids, shared files before local ones, present before past; then by place."""
    return (
        _rank(_PARTS, row.get("part")),
        _rank(_VISIBILITIES, row.get("visibility")),
        row.get("at_head") is False,
        str(row["scope_id"]),
        str(row["uri"]),
        row.get("line") or 0,
        str(row.get("commit") or ""),
    )


def setting(facts: Facts, verdict: Verdict) -> tuple[str | None, ...]:
    """The names under which a rule may have a fix for this subject, the closest first: client, platform, provider."""
    row = facts.rows.get((verdict.subject_table, verdict.subject_id), {})
    provider = _provider(facts, verdict, row)
    return _text(row.get("framework")), _text(row.get("platform")), provider


def fix(facts: Facts, verdict: Verdict, text: str, client: str | None = None) -> str:
    """What to do, with `{user}`, `{key}` and `{name}` filled in where known, quoted for a shell.

    `{breaks}` becomes the sentence of the rule's rows on what stops when the subject goes.  `client` is added where a
    value lies in the settings of a client that can refer to it: `{place}` and `{reference}` say where and how.
    """
    row = facts.rows.get((verdict.subject_table, verdict.subject_id), {})
    known = {"user": verdict.facts.get("identity_name"), "key": row.get("key_id"), "name": row.get("name")}
    rewritten = _rewritten(facts, verdict) if client else None

    def filled(match: re.Match[str]) -> str:
        if match[1] == "breaks":
            return str(verdict.facts.get("breaks") or BREAKS_UNKNOWN)
        if match[1] in {"place", "reference"}:
            return rewritten[match[1]] if rewritten else match[1].upper()
        value = known[match[1]]
        return shlex.quote(str(value)) if value else match[1].upper()

    return _BLANK.sub(filled, f"{text} {client}" if rewritten else text).strip()


def _rewritten(facts: Facts, verdict: Verdict) -> dict[str, str] | None:
    """The worst place of a value that its client could hold by reference, and that reference."""
    if verdict.subject_table != "credential":
        return None
    for row in sorted(facts.exposures.get(verdict.subject_id, ()), key=_badness):
        written = reference(_text(row.get("config")), _text(row.get("key_name")))
        if written and row.get("part") == ExposurePart.VALUE and row.get("at_head") is not False:
            return {"place": str(row["uri"]), "reference": written}
    return None


def owner(facts: Facts, verdict: Verdict) -> Ownership | None:
    """The best-ranked owner of the subject, else of the identity it proves or leads to; None when nobody is known."""
    row = facts.rows.get((verdict.subject_table, verdict.subject_id), {})
    subjects = (verdict.subject_id, str(row.get("identity_id")), str(row.get("target_id")))
    candidates = next((found for s in subjects if (found := facts.owners.get(s))), ())
    if not candidates:
        return None
    best = min(candidates, key=_trust)
    return Ownership(
        name=str(best["name"]), kind=str(best["kind"]), basis=str(best["basis"]), confidence=str(best["confidence"])
    )


def _trust(row: Row) -> tuple[int, int, str]:
    return _rank(_BASES, row["basis"]), _rank(_CONFIDENCES, row["confidence"]), str(row["name"])


def _rank(order: Sequence[str], value: object) -> int:
    return order.index(str(value)) if value in order else len(order)


def _text(value: object) -> str | None:
    return None if value is None else str(value)
