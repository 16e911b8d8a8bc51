"""Every operation of every collector of Azure and Google Cloud, against everything that can go wrong with an answer.

A loopback server answers with the fixtures of a collector, as its provider would.  Then one operation after the other
goes wrong: what is found is never more than before, nothing is missing without a gap, and nothing raises.
"""

from __future__ import annotations

import dataclasses
import re
import ssl
from collections import defaultdict
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest

from nhiscan.collect import registry
from nhiscan.collectors._common.errors import RefusedError
from nhiscan.collectors._common.exports import BARE
from nhiscan.collectors._rest import session as sessions
from nhiscan.collectors._rest import wire
from nhiscan.collectors._rest.exports import FileAnswers
from nhiscan.collectors._rest.group import Group
from nhiscan.collectors._rest.waiting import Patience
from nhiscan.collectors.azure._session import Identity as AzureIdentity
from nhiscan.collectors.gcp._session import Identity as GoogleIdentity
from nhiscan.plugin import Target, TargetKind
from tests.conftest import load_by_path
from tests.test_collectors import CASES_DIR, materialise, options_of

lab = load_by_path(Path(__file__).with_name("lab.py"))
Reply = lab.Reply
NAMES = [n for n in registry.names() if n.startswith(("azure.", "gcp.")) and isinstance(registry.load(n), Group)]
QUICK = Patience(attempts=2, timeout_s=10.0, first_s=0.001)
PERSISTENT = {
    "401": Reply({"error": {"code": "InvalidAuthenticationToken"}}, 401),
    "403": Reply({"error": {"code": "AuthorizationFailed", "status": "PERMISSION_DENIED"}}, 403),
    "404": Reply({"error": {"code": "NotFound"}}, 404),
    "429": Reply({"error": {"code": "TooManyRequests"}}, 429, {"Retry-After": "0"}),
    "500": Reply(b"oops", 500),
    "cut": Reply({"value": []}, cut=True),
    "text": Reply(b"<html>sign in</html>"),
    "foreign": Reply({"value": [], "@odata.nextLink": "http://203.0.113.9/", "nextLink": "http://203.0.113.9/"}),
}
PASSING = {"429": Reply({}, 429, {"Retry-After": "0"}), "expired": Reply({}, 401), "cut": Reply({}, cut=True)}


@dataclasses.dataclass
class Seen:
    """How operations were called: in pages, about a thing that was listed, about a place as a whole."""

    paged: set = dataclasses.field(default_factory=set)
    single: set = dataclasses.field(default_factory=set)
    whole: set = dataclasses.field(default_factory=set)


class Estate:
    """The exported answers of a case as a live provider; `wrong` says how each operation goes wrong."""

    def __init__(self, folder: Path, group: Group, ctx) -> None:
        self.files = FileAnswers(folder)
        self.params: dict = {}
        self.routes = [(op, pattern(op)) for op in group.operations(ctx)]
        self.wrong: dict[str, Reply] = {}
        self.once: dict[str, Reply] = {}
        self.empty: set[str] = set()
        self.asked: set[str] = set()

    def __call__(self, got):
        found = self.find(got)
        if found is None:
            return Reply({"error": {"code": "NoRoute"}}, 418)
        operation, params = found
        self.asked.add(operation.name)
        if reply := self.wrong.get(operation.name) or self.once.pop(operation.name, None):
            return reply
        if operation.name in self.empty and not continues(got):
            return Reply(emptied(operation, self.url, quote(got.path), got.query))
        return self.answer(operation, params, got)

    def find(self, got):
        """The operation that fits best: several send different queries to one address."""
        best = None
        for operation, route in self.routes:
            match = route.fullmatch(got.path)
            if match is None or operation.method != got.method:
                continue
            fits = sum(got.query.get(k) == v for k, v in operation.query.items())
            fits += sum(10 for k, v in (operation.body or {}).items() if (got.body or {}).get(k) == v)
            fits -= sum(k not in operation.query for k in got.query if k.startswith("$") and k != "$skiptoken")
            if best is None or fits > best[0]:
                best = (fits, operation, match.groupdict())
        return best[1:] if best else None

    def answer(self, operation, params, got):
        try:
            found = self.files.call(operation, {**self.params, **params}, got.query, got.body or {})
        except RefusedError as e:
            # What was not exported is denied: an empty answer would be a lie that nobody could find out.
            return Reply({"error": {"code": "NotExported"}}, 404 if e.missing else 403)
        return Reply(found.get(BARE, found))


def pattern(operation):
    parts = re.split(r"(\{\+?\w+\})", operation.path)
    names: set[str] = set()
    made = f"/{operation.service}"
    for part in parts:
        if part.startswith("{"):
            name = part.strip("{+}")
            kind = ".+" if part.startswith("{+") else "[^/]+"
            made += f"(?P={name})" if name in names else f"(?P<{name}>{kind})"
            names.add(name)
        else:
            made += re.escape(part)
    return re.compile(made)


def continues(got) -> bool:
    return (
        "more" in got.query or "pageToken" in got.query or "$skipToken" in str(got.body) or "pageToken" in str(got.body)
    )


def emptied(operation, url, path, query) -> dict:
    if operation.service not in {"arm", "graph"}:
        return {"nextPageToken": "more"}
    if operation.method == "POST":
        return {"data": [], "$skipToken": "more"}
    link = "nextLink" if operation.service == "arm" else "@odata.nextLink"
    return {"value": [], link: f"{url}{path}?{urlencode({**query, 'more': 1})}"}


@pytest.fixture
def quick(monkeypatch):
    """Tokens without signing in, and no waiting; which operations were read in pages, and which of single things."""
    seen = Seen()
    trusted = ssl.create_default_context()
    plain, of_one = sessions.Session.pages, sessions.Session._of_one

    def pages(self, operation, params, query, body):
        seen.paged.add(operation.name)
        return plain(self, operation, params, query, body)

    def single(self, operation, params):
        found = of_one(self, operation, params)
        (seen.single if found else seen.whole).add(operation.name)
        return found

    def headers(self, service, *, renew):
        self.number = getattr(self, "number", 1) + renew
        return {"Authorization": f"Bearer t{self.number}"}

    monkeypatch.setattr(sessions.Session, "pages", pages)
    monkeypatch.setattr(sessions.Session, "_of_one", single)
    monkeypatch.setattr(sessions.Patience, "of_environment", lambda: QUICK)
    monkeypatch.setattr(wire, "trust", lambda: trusted)
    for identity in (AzureIdentity, GoogleIdentity):
        monkeypatch.setattr(identity, "headers", headers)
    return seen


def units(name: str, tmp_path: Path):
    """The units of all cases of a collector, as live ones: their folder, their context, the unit."""
    group = registry.load(name)
    for case in sorted(p for p in (CASES_DIR / name).glob("*") if (p / "input").is_dir()):
        place, _ = materialise(case, tmp_path / case.name, None, "")
        ctx = lab.context(**options_of(name, case.name))
        for unit in group.units(Target("snapshot", TargetKind.SNAPSHOT, str(place)), ctx):
            params = {k: v for k, v in unit.params.items() if k != "_folder"}
            target = Target(group.schemes[0], group.schemes[0], "all")
            yield place / unit.params["_folder"], ctx, dataclasses.replace(unit, target=target, params=params)


def run(group, unit, ctx, server):
    ends = {name: f"{server.url}/{name.partition('-')[2]}" for name in ("azure-arm", "azure-graph")}
    ctx = dataclasses.replace(ctx, endpoints={**ends, "gcp": server.url}, calls={}, memo={})
    records = list(group.collect(unit, ctx))
    gaps = {r.id: r for r in records if r.table == "gap"}
    found = defaultdict(set)
    for record in records:
        if record.table not in {"gap", "scope"}:
            found[record.table].add(record.id)
    return found, gaps


class Few(Group):
    """Some parts of a group, which may make all of its calls: what an operation tells needs no other part."""

    def operations(self, ctx):
        return registry.load(self.name).operations(ctx)


def few(group: Group, operation: str) -> Group:
    """The parts that call an operation."""
    calls = ((part, {o.name for each in (part.calls, *part.also.values()) for o in each}) for part in group.parts)
    fields = {f.name: getattr(group, f.name) for f in dataclasses.fields(group)}
    return Few(**{**fields, "parts": tuple(part for part, names in calls if operation in names)})


def lost(before, after) -> set:
    return {(table, one) for table, ids in before.items() for one in ids - after[table]}


@pytest.mark.parametrize("name", NAMES)
def test_what_goes_wrong_is_a_gap_and_never_a_clean_pass(name, tmp_path, quick):
    group = registry.load(name)
    wrong, reached = [], set()
    for folder, ctx, unit in units(name, tmp_path):
        estate = Estate(folder, group, ctx)
        estate.params = unit.params
        with lab.serving(estate) as server:
            estate.url = server.url
            run(group, unit, ctx, server)
            todo = estate.asked - reached
            reached |= todo
            for operation in sorted(todo):
                before, known = run(parts := few(group, operation), unit, ctx, server)
                for fault, reply in PERSISTENT.items():
                    if fault == "foreign" and operation not in quick.paged:
                        continue
                    if fault == "404" and operation not in quick.whole:
                        continue  # what was listed and is gone is nothing that was missed
                    estate.wrong = {operation: reply}
                    after, gaps = run(parts, unit, ctx, server)
                    told = {one for one, gap in gaps.items() if gap != known.get(one)}
                    if lost(before, after) and not told:
                        wrong.append(f"{operation} {fault}: lost {sorted(lost(before, after))[:2]} without a word")
                    wrong += [f"{operation} {fault}: {gaps[g].id} says nothing" for g in told if not gaps[g].remedy]
                    if fault == "403" and told and not any("grant" in gaps[g].remedy for g in told):
                        wrong.append(f"{operation} 403: {[gaps[g].remedy for g in told]}")
                estate.wrong = {}
    assert wrong == []
    assert reached, "no case of this collector asks anything"


@pytest.mark.parametrize("name", NAMES)
def test_what_passes_leaves_no_trace(name, tmp_path, quick):
    group = registry.load(name)
    wrong, reached = [], set()
    for folder, ctx, unit in units(name, tmp_path):
        estate = Estate(folder, group, ctx)
        estate.params = unit.params
        with lab.serving(estate) as server:
            estate.url = server.url
            run(group, unit, ctx, server)
            todo = estate.asked - reached
            reached |= todo
            for operation in sorted(todo):
                before, known = run(parts := few(group, operation), unit, ctx, server)
                for fault, reply in PASSING.items():
                    estate.once = {operation: reply}
                    after, gaps = run(parts, unit, ctx, server)
                    if after != before or gaps.keys() != known.keys():
                        wrong.append(f"{operation} {fault}: {sorted(gaps.keys() - known.keys())[:3]}")
                estate.empty = {operation} & quick.paged
                after, gaps = run(parts, unit, ctx, server)
                if after != before or gaps.keys() != known.keys():
                    wrong.append(f"{operation} empty page: {sorted(gaps.keys() - known.keys())[:3]}")
                estate.empty = set()
    assert wrong == []


@pytest.mark.parametrize("name", NAMES)
def test_a_provider_that_never_answers_is_told(name, tmp_path, quick, monkeypatch):
    monkeypatch.setattr(sessions.Patience, "of_environment", lambda: Patience(1, 0.2, 0.001))
    group = registry.load(name)
    folder, ctx, unit = next(units(name, tmp_path))
    estate = Estate(folder, group, ctx)
    estate.params, estate.url = unit.params, ""
    estate.wrong = {operation.name: Reply({"value": []}, wait=1.0) for operation in group.operations(ctx)}
    with lab.serving(estate) as server:
        found, gaps = run(group, unit, ctx, server)
    assert not any(found.values())
    assert any("ReadTimeout" in (gap.detail or "") for gap in gaps.values())
