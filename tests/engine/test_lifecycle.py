import pytest

from nhiscan.engine import pages
from nhiscan.engine.changes import Weight, changes, effect, needed
from nhiscan.engine.check import lifecycle
from nhiscan.engine.newrule import next_id, write
from nhiscan.engine.pages import page_address, rule_page
from nhiscan.engine.rule import Measured, RuleSet, duplicates, load
from nhiscan.engine.ruletest import AS_OF
from nhiscan.engine.shape import build
from nhiscan.engine.yamlfile import parse
from nhiscan.model import Credential, CredentialKind, CredentialState, Severity
from nhiscan.store.inventory import Inventory
from nhiscan.triage.suppress import Suppression

from .sample import TEXT, rule

MOVED = rule(id="TEST-LLV-009", name="stale-access-key", aliases=("TEST-LLV-001", "stale-key"))


def read(extra):
    return build(parse(f"{TEXT}{extra}\n", "x.yaml"))


def test_a_rule_tells_its_former_names_its_successor_and_its_precision():
    found, problems = read("aliases: [TEST-LLV-007, old-name]\nmeasured: {findings: 40, true: 38, on: an estate}")
    assert problems == []
    assert (found.aliases, found.former_ids) == (("TEST-LLV-007", "old-name"), ("TEST-LLV-007",))
    assert found.measured == Measured(40, 38, "an estate")
    assert found.measured.precision == 0.95


WRONG = [
    ("aliases: [Not a name]", "is no rule id or name"),
    ("replaced_by: '?'", "is no rule id or name"),
    ("measured: {findings: 1, true: 2, on: x}", "more findings are true"),
    ("measured: {findings: 0, true: 0, on: x}", "is not a number of findings"),
    ("measured: {findings: 1, true: 1}", "`on` is not a text"),
]


@pytest.mark.parametrize(("extra", "said"), WRONG)
def test_a_life_that_is_written_wrongly_is_refused(extra, said):
    found, problems = read(extra)
    assert found is None
    assert said in problems[0].message


def test_since_is_a_version():
    _, problems = build(parse(TEXT.replace('since: "0.1.0"', "since: soon"), "x.yaml"))
    assert problems[0].message == "`soon` is no version"


def test_suppressions_and_labels_go_on_to_accept_former_names():
    ruleset = RuleSet((MOVED,))
    assert ruleset.get("test-llv-001") is MOVED
    assert ruleset.get("STALE-KEY") is MOVED
    assert ruleset.get("TEST-LLV-002") is None
    for name in ("TEST-LLV-001", "stale-key", "TEST-LLV-009", "stale-*"):
        assert Suppression(rules=(name,), origin="x").names(MOVED)
    assert not Suppression(rules=("other",), origin="x").names(MOVED)


def test_a_name_in_use_wins_over_an_alias():
    other = rule(name="other", id="TEST-LLV-001")
    assert RuleSet((MOVED, other)).get("TEST-LLV-001") is other


def test_an_alias_names_one_rule():
    other = rule(id="TEST-LLV-002", name="other", aliases=("TEST-LLV-001",))
    said = [p.message for p in duplicates([rule(), other, rule(id="TEST-LLV-003", name="x", aliases=("x",))])]
    assert [m.partition(" is taken")[0] for m in said] == ["the alias TEST-LLV-001", "the alias x"]


def test_a_deprecated_rule_leads_to_one_that_stays():
    heir = rule(id="TEST-LLV-002", name="heir")
    gone = {"status": "deprecated", "replaced_by": "heir"}
    assert list(lifecycle([rule(**gone), heir])) == []
    said = [
        [p.message for p in lifecycle([r, heir])]
        for r in (
            rule(status="deprecated"),
            rule(replaced_by="heir"),
            rule(status="deprecated", replaced_by="nobody"),
            rule(status="deprecated", replaced_by="stale-key"),
        )
    ]
    assert said == [
        ["the rule is deprecated and names no successor"],
        ["the rule names a successor and is stable"],
        ["there is no rule nobody"],
        ["TEST-LLV-001 is no successor: it is deprecated itself"],
    ]


def test_the_page_tells_the_life_and_the_precision():
    page = rule_page(rule(status="deprecated", replaced_by="heir", aliases=("old",), measured=Measured(40, 38, "acme")))
    assert "Deprecated since 0.1.0: it still runs, and goes with the next major version. Use heir instead." in page
    assert "also know it as old." in page
    assert "38 of 40 findings were right (95 %), gone through by hand on acme." in page


def test_a_page_has_an_address_where_the_documentation_has_one(monkeypatch):
    class Entries:
        def get_all(self, _):
            return ["Homepage, https://example.com", "Documentation, https://example.com/docs/"]

    monkeypatch.setattr("importlib.metadata.metadata", lambda _: Entries())
    assert page_address(rule(shipped=True)) == "https://example.com/docs/rules/TEST-LLV-001.md"
    assert page_address(rule()) == "https://example.com/rotation"
    monkeypatch.setattr(pages, "_home", lambda: None)
    assert page_address(rule(shipped=True)) == "https://example.com/rotation"
    assert page_address(rule(references=())) is None


def kinds(old, new):
    return [(c.kind, c.rule.id, c.weight) for c in changes(RuleSet(tuple(old)), RuleSet(tuple(new)))]


def test_a_rule_is_new_gone_renamed_or_taken_in():
    assert kinds([], [rule()]) == [("new", "TEST-LLV-001", Weight.MINOR)]
    assert kinds([rule()], []) == [("gone", "TEST-LLV-001", Weight.MAJOR)]
    assert kinds([rule(status="preview")], []) == [("gone", "TEST-LLV-001", Weight.MINOR)]
    assert kinds([rule()], [MOVED]) == [("renamed", "TEST-LLV-009", Weight.MINOR)]
    taken_in = [rule(), rule(id="TEST-LLV-009", name="stale-access-key")]
    assert kinds(taken_in, [MOVED]) == [
        ("gone", "TEST-LLV-001", Weight.MINOR), ("changed", "TEST-LLV-009", Weight.MINOR),
    ]  # fmt: skip
    assert kinds([rule()], [rule()]) == []


STEPS = [
    ({"severity": Severity.LOW}, Weight.MAJOR, "severity"),
    ({"fails_when": "state = 'expired'"}, Weight.MAJOR, "fails_when"),
    ({"name": "other"}, Weight.MAJOR, "name"),
    ({"severity_when": {}}, Weight.MAJOR, "severity_when.high"),
    ({"message": "x"}, Weight.MINOR, "message"),
    ({"cwe": ()}, Weight.MINOR, "cwe"),
]


@pytest.mark.parametrize(("change", "weight", "key"), STEPS)
def test_each_change_asks_for_a_step_of_the_version(change, weight, key):
    (found,) = changes(RuleSet((rule(),)), RuleSet((rule(**change),)))
    assert (found.weight, found.details[0].key) == (weight, key)
    (preview,) = changes(RuleSet((rule(status="preview"),)), RuleSet((rule(status="preview", **change),)))
    assert preview.weight is Weight.MINOR
    assert needed([found, preview]) is weight


def test_words_alone_are_a_patch_and_white_space_is_nothing():
    (found,) = changes(RuleSet((rule(),)), RuleSet((rule(why="Because."),)))
    assert (found.weight, found.texts, found.details) == (Weight.PATCH, ("why",), ())
    spaced = rule(fails_when=f"  {rule().fails_when}\n")
    assert changes(RuleSet((rule(),)), RuleSet((spaced,))) == []
    assert needed([]) is None


def key(ident, days, state=CredentialState.ACTIVE):
    from datetime import timedelta

    return Credential(
        id=ident, scope_id="s", source="t", provider="aws", kind=CredentialKind.ACCESS_KEY, name=ident, state=state,
        issued_at=AS_OF - timedelta(days=days),
    )  # fmt: skip


def test_a_run_tells_which_findings_come_and_go():
    strict = rule(fails_when="date_diff('day', issued_at, $as_of) > $rotation_days", severity=Severity.LOW)
    broken = rule(id="TEST-LLV-005", name="broken", fails_when="nobody")
    found = changes(RuleSet((rule(),)), RuleSet((strict, broken)))
    with Inventory.memory() as inventory:
        inventory.add([key("old", 100), key("off", 100, CredentialState.INACTIVE), key("new", 1)])
        done = effect(inventory, found, AS_OF, {})
        back = effect(inventory, changes(RuleSet((strict,)), RuleSet((rule(),))), AS_OF, {})
        later = effect(inventory, found, AS_OF, {"TEST-LLV-001": {"rotation_days": 300}})
    assert [v.subject_id for v in done.appear] == ["off"]
    assert done.disappear == ()
    assert [(o.severity, n.severity) for o, n in done.moved] == [("medium", "low")]
    assert [name for name, _ in done.broken] == ["TEST-LLV-005"]
    assert [v.subject_id for v in back.disappear] == ["off"]
    assert (later.appear, later.moved) == ((), ())


def test_a_new_rule_is_whole_and_the_next_one_has_the_next_number(tmp_path):
    folder = tmp_path / "nhiscan-rules"
    assert next_id(folder, "TEAM", "LLV") == "TEAM-LLV-001"
    path, schema = write(folder, "TEAM-LLV-001", "key-too-old")
    assert path.read_text(encoding="utf-8").startswith("# yaml-language-server: $schema=./rule.schema.json\n")
    assert schema.is_file()
    assert next_id(folder, "TEAM", "LLV") == "TEAM-LLV-002"
    assert [r.title for r in load([folder])] == ["Key too old"]
    before = path.read_text(encoding="utf-8")
    with pytest.raises(FileExistsError):
        write(folder, "TEAM-LLV-001", "other")
    assert path.read_text(encoding="utf-8") == before
