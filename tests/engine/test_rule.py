from pathlib import Path

import pytest

from nhiscan.engine import rule as rule_module
from nhiscan.engine.rule import RuleFileError, load, rule_files, shipped_rules_dir
from nhiscan.engine.shape import build
from nhiscan.engine.yamlfile import parse
from nhiscan.model import Confidence, Severity

from .sample import TEXT, broken, line_of, rule


def write(directory: Path, text: str, name: str = "TEST-LLV-001") -> Path:
    path = directory / "llv" / f"{name}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_a_rule_file_becomes_a_rule():
    made = rule()
    assert (made.id, made.name, made.area) == ("TEST-LLV-001", "stale-key", "LLV")
    assert (made.severity, made.confidence) == (Severity.MEDIUM, Confidence.HIGH)
    assert made.maps == {"owasp-nhi-2025": {"NHI7": "direct"}}
    assert made.frameworks == {"owasp-nhi-2025": ("NHI7",)}
    assert made.params["rotation_days"].default == 90
    assert made.unknown is not None
    assert made.unknown.remedy == "list the keys of the account"
    assert made.from_ == "credential"
    assert made.tests[0].line == line_of(TEXT, "- name: a key of 91")
    assert not made.shipped


def test_the_fix_is_that_of_the_provider_or_the_default():
    assert rule().fix_for("aws") == "Create a second key and delete the first."
    assert rule().fix_for("gcp") == rule().fix_for(None) == "Replace the key."


def test_levels_of_a_mapping_are_kept():
    text = broken("owasp-nhi-2025: [NHI7]", "owasp-asi-2026: {ASI03: blast_radius}")
    assert rule(text).maps == {"owasp-asi-2026": {"ASI03": "blast_radius"}}


def test_a_plain_true_is_sql(tmp_path):
    text = broken("applies_when: kind = 'access_key'", "applies_when: true")
    assert rule(text).applies_when == "TRUE"


def test_allowed_mutants_are_read():
    text = TEXT + "mutants_allowed:\n  - {mutation: drop applies_when, reason: the view has no others}\n"
    assert rule(text).mutants_allowed == {"drop applies_when": "the view has no others"}


BROKEN = [
    ("status: stable", "status: stable\ncolour: red", "colour: red", "the key `colour` is unknown"),
    ("why: The longer a key lives the more places it lies in.\n", "", "id:", "the key `why` is missing"),
    ("severity: medium\n", "severity: awful\n", "severity: awful", "`awful` is no value of `severity`"),
    ("confidence: high\n", "confidence: sure\n", "confidence: sure", "`sure` is no value of `confidence`"),
    ("status: stable", "status: new", "status: new", "`new` is no value of `status`"),
    ("family: secret_hygiene", "family: x", "family: x", "`x` is no value of `family`"),
    ("subject: credential", "subject: asset", "subject: asset", "`asset` is no value of `subject`"),
    ("needs: [credential]", "needs: [credential, asset]", "needs:", "`asset` is no table"),
    ("needs: [credential]", "needs: []", "needs:", "`needs` is empty"),
    ("needs: [credential]", "needs: credential", "needs:", "`needs` is not a list"),
    ("needs: [credential]", "needs: [credential]\nabsence: [nobody]", "absence:", "`nobody` is no table"),
    ("id: TEST-LLV-001", "id: LLV1", "id:", "`LLV1` is no rule id"),
    ("name: stale-key", "name: Stale_Key", "name:", "`Stale_Key` is no rule name"),
    ('since: "0.1.0"', "since: 0.1", "since:", "`since` is not a text"),
    ("from: credential\n", "", "id:", "a rule has either `from` or `query`"),
    ("from: credential", "from: credential\nquery: SELECT 1", "query:", "a rule has either `from` or `query`"),
    ("  owasp-nhi-2025: [NHI7]", "  owasp-nhi-2025: {NHI7: some}", "  owasp-nhi", "`some` is no value of `NHI7`"),
    ("  owasp-nhi-2025: [NHI7]", "  owasp-nhi-2025: NHI7", "  owasp-nhi", "`owasp-nhi-2025` is not a mapping"),
    ("default: 90, ", "", "rotation_days:", "parameter `rotation_days` has no default"),
    (", source: a rotation guide", "", "rotation_days:", "parameter `rotation_days` names no source"),
    ("min: 1,", "min: few,", "rotation_days:", "`min` is not a number"),
    ("min: 1,", "min: 100,", "rotation_days:", "the default of `rotation_days` is below 100"),
    ("max: 400,", "max: 80,", "rotation_days:", "the default of `rotation_days` is above 80"),
    ("max: 400,", "much: 80,", "rotation_days:", "the key `much` is unknown"),
    ("severity_when: {high:", "severity_when: {worse:", "severity_when:", "`worse` is no value of `worse`"),
    ("confidence_when: {low:", "confidence_when: {certain:", "confidence_when:", "`certain` is no value of `certain`"),
    ("fails_when: state", "fails_when: []\n#", "fails_when:", "`fails_when` is not a text"),
    ("{default: Replace the key., ", "{", "fix:", "`fix` has no `default`"),
    (
        "{default: Replace the key., aws: Create a second key and delete the first.}",
        '""',
        "fix:",
        "`fix` is not a text",
    ),
    (", remedy: list the keys of the account", "", "unknown:", "`remedy` is not a text"),
    ("    expect: fail\n", "    expect: fails\n", "    expect: fails", "`fails` is no value of `expect`"),
    ("    severity: high\n", "    gravity: high\n", "    gravity: high", "the key `gravity` is unknown"),
    ("    confidence: low\n", "    confidence: none\n", "    confidence: none", "`none` is no value of `confidence`"),
    ("given: {credential: [", "given: {keys: [", "    given: {keys", "`keys` is no table"),
    ("given: {credential: [{kind", "given: {credential: [{sort", "    given: {credential: [{sort", "the key `sort`"),
    (
        "given: {credential: [{kind: access_key, state: active}]}",
        "given: {credential: {kind: access_key}}",
        "    given: {credential: {kind",
        "the rows of `credential` are not a list",
    ),
    ("false_positives: [", "mutants_allowed: none\nfalse_positives: [", "mutants_allowed", "`mutants_allowed` is not"),
    (
        "false_positives: [",
        "mutants_allowed: [{mutation: x}]\nfalse_positives: [",
        "mutants_allowed",
        "`reason` is not a text",
    ),
    ("references: [", "references: [7, ", "references:", "`0` is not a text"),
]


@pytest.mark.parametrize(("old", "new", "place", "message"), BROKEN)
def test_a_broken_shape_is_refused_with_its_line(tmp_path, old, new, place, message):
    text = broken(old, new)
    write(tmp_path, text)
    with pytest.raises(RuleFileError) as refused:
        load([tmp_path])
    assert refused.value.message.startswith(message)
    assert refused.value.line == line_of(text, place)
    assert refused.value.path.endswith("llv/TEST-LLV-001.yaml")
    assert refused.value.remedy


def test_tests_must_be_a_list():
    head = TEXT.partition("tests:\n")[0]
    made, problems = build(parse(f"{head}tests: none\n", "x.yaml"))
    assert made is None
    assert problems[0].message == "`tests` is not a list"


def test_all_problems_of_a_file_are_found_at_once():
    text = broken("severity: medium", "severity: awful").replace("status: stable", "status: new", 1)
    _, problems = build(parse(text, "x.yaml"))
    assert [p.line for p in problems] == [line_of(text, "severity: awful"), line_of(text, "status: new")]


def test_rules_are_loaded_from_folders_in_the_order_of_their_ids(tmp_path):
    write(tmp_path, TEXT.replace("001", "002").replace("stale-key", "other-key"), "TEST-LLV-002")
    write(tmp_path, TEXT)
    (tmp_path / "credentials").mkdir()
    (tmp_path / "credentials" / "aws.yaml").write_text("id: no rule\n", encoding="utf-8")
    (tmp_path / ".hidden").mkdir()
    (tmp_path / ".hidden" / "x.yaml").write_text("id: no rule\n", encoding="utf-8")
    (tmp_path / "README.md").write_text("no rule", encoding="utf-8")
    ruleset = load([tmp_path])
    assert [r.id for r in ruleset] == ["TEST-LLV-001", "TEST-LLV-002"]
    assert len(ruleset) == 2
    assert ruleset.get("other-key") is ruleset.rules[1]
    assert ruleset.get("test-llv-001") is ruleset.rules[0]
    assert ruleset.get("nothing") is None


def test_a_loop_of_links_ends(tmp_path):
    write(tmp_path, TEXT)
    (tmp_path / "loop").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "dangling.yaml").symlink_to(tmp_path / "nowhere")
    assert len(list(rule_files(tmp_path))) == 1


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [("stale-key", "other-key", "the id TEST-LLV-001 is taken"), ("001", "002", "the name stale-key is taken")],
)
def test_an_added_rule_never_replaces_another(tmp_path, old, new, message):
    write(tmp_path / "a", TEXT)
    write(tmp_path / "b", TEXT.replace(old, new))
    with pytest.raises(RuleFileError, match=message):
        load([tmp_path / "a", tmp_path / "b"])


def test_a_missing_directory_is_named(tmp_path):
    with pytest.raises(RuleFileError, match="does not exist"):
        load([tmp_path / "nowhere"])


def test_rules_of_the_shipped_directory_are_marked(tmp_path, monkeypatch):
    write(tmp_path, TEXT)
    monkeypatch.setattr(rule_module, "shipped_rules_dir", lambda: tmp_path)
    (made,) = load([tmp_path])
    assert made.shipped
    assert made.path == "rules/llv/TEST-LLV-001.yaml"


def test_the_shipped_rules_lie_in_the_package_or_beside_it(tmp_path, monkeypatch):
    package = tmp_path / "nhiscan"
    (package / "engine").mkdir(parents=True)
    monkeypatch.setattr(rule_module, "__file__", str(package / "engine" / "rule.py"))
    assert shipped_rules_dir() == tmp_path / "rules"
    (package / "_rules").mkdir()
    assert shipped_rules_dir() == package / "_rules"


def test_a_place_without_a_line_has_that_of_the_place_above():
    assert rule().line("params", "rotation_days", "nothing") == line_of(TEXT, "rotation_days")
    assert rule(lines={}).line("id") == 1
