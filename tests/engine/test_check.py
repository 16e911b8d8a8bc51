import pytest

from nhiscan.engine.check import check_dirs

from .frameworks_sample import frameworks
from .sample import TEXT, broken, line_of

NEAR_MISS = """\
  - name: an old key that is switched off
    given: {credential: [{kind: access_key, state: inactive, issued_at: -900d}]}
    expect: pass
"""
SAME_NAME = """\
  - name: a key of 91 days
    given: {credential: [{kind: access_key, state: active, issued_at: -90d}]}
"""
UNKNOWN = """\
  - name: a key without a date
    given: {credential: [{kind: access_key, state: active}]}
    expect: not_assessed
"""
FAILS = "fails_when: state = 'active' AND date_diff('day', issued_at, $as_of) > $rotation_days"


def problems(tmp_path, text=TEXT, place="llv/TEST-LLV-001.yaml"):
    path = tmp_path / "rules" / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    (tmp_path / "frameworks").mkdir(exist_ok=True)
    return check_dirs([tmp_path / "rules"], frameworks(tmp_path / "frameworks"))


def test_a_whole_rule_has_no_problem(tmp_path):
    assert problems(tmp_path) == []


def test_a_rule_at_the_top_of_a_directory_needs_no_folder(tmp_path):
    assert problems(tmp_path, place="TEST-LLV-001.yaml") == []


BROKEN = [
    # shape, told by the loader
    ("severity: medium\n", "severity: awful\n", "severity: awful", "`awful` is no value"),
    # SQL
    (FAILS, "fails_when: state = ", "fails_when", "not SQL"),
    (FAILS, "fails_when: now() > issued_at", "fails_when", "the function now is not allowed"),
    (FAILS, "fails_when: \"id IN (SELECT * FROM read_csv('x'))\"", "fails_when", "READ_CSV('x') is no table"),
    ("from: credential", "from: nobody", "from:", "`nobody` is no table or view"),
    ("from: credential", "query: DROP TABLE credential", "query:", "not exactly one SELECT"),
    ("from: credential", "query: SELECT id, scope_id FROM credential WHERE", "query:", "not SQL"),
    ("from: credential", "query: SELECT id, scope_id, nobody FROM credential", "query:", "the query does not run"),
    (FAILS, "fails_when: nobody > $rotation_days", "fails_when", "the query does not run"),
    ("applies_when: kind =", "applies_when: sort =", "applies_when", "the query does not run"),
    ("environment = 'prod", "nobody = 'prod", "severity_when", "the query does not run"),
    ("\"confidence = 'low'\"", '"issued_at + name"', "confidence_when", "the query does not run"),
    # columns, message, parameters
    ("from: credential", "query: SELECT scope_id, kind, state, issued_at, environment, confidence, name FROM credential",
     "query:", "the rows have no column id"),
    ("from: credential", "query: SELECT id, kind, state, issued_at, environment, confidence, name FROM credential",
     "query:", "the rows have no column scope_id"),
    ('message: "{name} was', 'message: "{label} was', "message:", "the message names label"),
    ('message: "{name} was', 'message: "{name.x} was', "message:", "the message is no plain format"),
    ('message: "{name} was', 'message: "{name was', "message:", "the message is no plain format"),
    (FAILS, FAILS.replace("$rotation_days", "$days"), "fails_when", "the parameter $days is not declared"),
    ("params:\n", "params:\n  spare: {default: 1, source: x}\n", "  spare", "the parameter `spare` is not used"),
    ("    expect: pass\n", "    params: {spare: 1}\n    expect: pass\n", "    params: {spare", "no parameter is called"),
    # needs
    ("needs: [credential]", "needs: [identity]", "needs:", "the verdict rests on credential"),
    (FAILS, f"{FAILS} AND id NOT IN (SELECT credential_id FROM exposure)", "needs:", "the verdict rests on exposure"),
    # frameworks
    ("owasp-nhi-2025: [NHI7]", "owasp-nhi: [NHI7]", "  owasp-nhi", "no framework is called owasp-nhi"),
    ("owasp-nhi-2025: [NHI7]", "owasp-nhi-2025: [NHI7, NHI8]", "  owasp-nhi", "owasp-nhi-2025 has no NHI8"),
    ("owasp-nhi-2025: [NHI7]", "owasp-asi-2026: {ASI3: telemetry}", "  owasp-asi", "owasp-asi-2026 has no ASI3"),
    ("owasp-nhi-2025: [NHI7]", "owasp-asi-2026: {ASI03: direct}", "  owasp-asi", "the rule claims owasp-asi-2026"),
    ("cwe: [CWE-522]", "cwe: [CWE-1]", "cwe:", "no weakness is called CWE-1"),
    # cases
    (NEAR_MISS, "", "tests:", "no second case passes"),
    (UNKNOWN, "", "tests:", "no case is not assessed"),
    ("name: a key of 90 days", "name: a key of 91 days", SAME_NAME, "two cases are named"),
    ("id: TEST-LLV-001", "id: TEST-LLV-002", "id:", "the file is named TEST-LLV-001.yaml"),
    ("id: TEST-LLV-001", "id: TEST-LEK-001", "id:", "the file lies in llv/"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "place", "message"), BROKEN)
def test_each_kind_of_broken_rule_is_refused_with_file_line_and_remedy(tmp_path, old, new, place, message):
    text = broken(old, new)
    found = problems(tmp_path, text)
    chosen = [p for p in found if p.message.startswith(message)]
    assert chosen, found
    assert chosen[0].line == line_of(text, place)
    assert chosen[0].path.endswith("rules/llv/TEST-LLV-001.yaml")
    assert chosen[0].remedy


def test_a_rule_needs_failing_and_passing_cases_and_four_of_them(tmp_path):
    text = TEXT.partition("tests:\n")[0] + "tests:\n" + UNKNOWN
    assert [p.message for p in problems(tmp_path, text)] == [
        "no case fails",
        "no case passes",
        "no second case passes: a near miss",
        "the rule has 1 cases",
    ]


def test_blast_radius_on_agents_needs_no_agent_tables(tmp_path):
    text = broken("owasp-nhi-2025: [NHI7]", "owasp-asi-2026: {ASI03: blast_radius}")
    assert problems(tmp_path, text) == []


def test_two_files_with_one_id_and_files_that_are_no_yaml_are_named(tmp_path):
    (tmp_path / "rules" / "llv").mkdir(parents=True)
    (tmp_path / "rules" / "llv" / "TEST-LLV-002.yaml").write_text(TEXT, encoding="utf-8")
    (tmp_path / "rules" / "llv" / "broken.yaml").write_text("a: [", encoding="utf-8")
    found = problems(tmp_path)
    messages = "\n".join(p.message for p in found)
    assert "the id TEST-LLV-001 is taken by" in messages
    assert "not YAML" in messages
    assert found == sorted(found, key=lambda p: (p.path, p.line, p.message))


def test_a_missing_directory_is_a_problem(tmp_path):
    (tmp_path / "frameworks").mkdir()
    (problem,) = check_dirs([tmp_path / "nowhere"], frameworks(tmp_path / "frameworks"))
    assert problem.message == "the rules directory does not exist"


def test_without_a_list_of_weaknesses_none_is_refused(tmp_path):
    path = tmp_path / "rules" / "TEST-LLV-001.yaml"
    path.parent.mkdir()
    path.write_text(broken("cwe: [CWE-522]", "cwe: [CWE-1]"), encoding="utf-8")
    (tmp_path / "frameworks").mkdir()
    frameworks(tmp_path / "frameworks")
    (tmp_path / "frameworks" / "cwe.yaml").unlink()
    from nhiscan.engine.frameworks import load_frameworks

    assert check_dirs([tmp_path / "rules"], load_frameworks(tmp_path / "frameworks")) == []
