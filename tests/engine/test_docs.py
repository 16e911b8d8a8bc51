from dataclasses import replace

from nhiscan.engine.docs import cell, rule_page, rules_readme
from nhiscan.engine.frameworks import load_frameworks
from nhiscan.engine.rule import RuleSet, load, shipped_rules_dir

from .frameworks_sample import frameworks
from .sample import rule

PAGE = """\
# TEST-LLV-001 stale-key

**An access key is stale.**

severity medium · confidence high · stable since 0.1.0 · about: credential · family: secret hygiene

## Why it matters

The longer a key lives the more places it lies in.

## What to do

Replace the key.

- aws: Create a second key and delete the first.

## When it fails

Over the rows of `credential`:

```sql
-- applies when
kind = 'access_key'
-- fails when
state = 'active' AND date_diff('day', issued_at, $as_of) > $rotation_days
-- is high when
environment = 'production'
```

## Thresholds

- `rotation_days` = 90, at least 1, at most 400 (a rotation guide)

## False positives

- a key that is rotated in place

## When it is not assessed

- the issuer does not tell when
- the issue date is not known: list the keys of the account
- a gap hides one of: credential

## Frameworks

- owasp-nhi-2025: NHI7
- cwe: CWE-522

## References

- https://example.com/rotation
"""


def test_the_page_of_a_rule_has_fixed_headings():
    assert rule_page(rule()) == PAGE


def test_empty_sections_are_left_out():
    bare = rule(
        fix={"default": "Do it."}, params={}, false_positives=(), references=(), cwe=(), maps={}, unknown=None,
        not_assessable_when=(), applies_when=None, severity_when={}, from_=None, query="SELECT 1",
    )  # fmt: skip
    page = rule_page(bare)
    assert "## What to do\n\nDo it.\n\n## When it fails\n\nOver the rows of its query:" in page
    for heading in ("Thresholds", "False positives", "Frameworks", "References"):
        assert f"## {heading}" not in page


def test_a_level_that_is_not_direct_is_said():
    page = rule_page(rule(maps={"owasp-asi-2026": {"ASI03": "blast_radius", "ASI01": "direct"}}))
    assert "- owasp-asi-2026: ASI03 (blast radius), ASI01\n" in page


def test_the_readme_lists_every_rule_by_area(tmp_path):
    other = replace(
        rule(), id="NS-LEK-001", name="leaked", title="A | B\nC", maps={"owasp-asi-2026": {"ASI03": "partial"}}, cwe=(),
        path="rules/lek/NS-LEK-001.yaml",
    )  # fmt: skip
    unnamed = replace(rule(), id="NS-XYZ-001", name="x", maps={"cis-x": {"1.1": "direct"}})
    text = rules_readme(RuleSet((other, rule(), unnamed)), frameworks(tmp_path))
    assert "3 rules in 3 areas, with 21 cases of their own." in text
    assert text.index("## LEK: leaked secrets") < text.index("## LLV: long-lived") < text.index("## XYZ: other")
    assert "| [NS-LEK-001](lek/NS-LEK-001.yaml) | `leaked` | A \\| B C | medium | stable | [ASI03] |" in text
    assert "| owasp-nhi-2025 | [Non-Human Identities Top 10](https://example.com) | 2025 | 1 |" in text
    assert "| cwe | Weaknesses | 4.14 | 2 |" in text
    assert "`date_diff`" in text.partition("## Writing a rule")[2]


def test_a_cell_stays_a_cell():
    assert cell("a\n|b") == "a \\|b"


def test_every_shipped_rule_is_in_the_readme_and_has_a_page():
    directory = shipped_rules_dir()
    rules = load([directory])
    readme = rules_readme(rules, load_frameworks(directory / "frameworks"))
    for item in rules:
        assert f"[{item.id}](" in readme
        assert rule_page(item).startswith(f"# {item.id} {item.name}\n")
    assert ": other" not in readme
