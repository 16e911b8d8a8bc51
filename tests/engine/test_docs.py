from dataclasses import replace

from nhiscan.engine.docs import cell, filled, rule_page, rule_pages, rules_readme
from nhiscan.engine.frameworks import load_frameworks
from nhiscan.engine.rule import RuleSet, load, shipped_rules_dir
from nhiscan.engine.words import Entry, Word

from .frameworks_sample import frameworks
from .sample import rule

PAGE = """\
# TEST-LLV-001 stale-key

**An access key is stale.**

severity medium · confidence high · stable since 0.1.0 · about: credential · family: secret hygiene

## What it finds

A finding says: {name} was issued {issued_at}, more than {rotation_days} days ago

Over the rows of `credential`:

```sql
-- applies when
kind = 'access_key'
-- fails when
state = 'active' AND date_diff('day', issued_at, $as_of) > $rotation_days
-- is high when
environment = 'production'
-- is of low confidence when
confidence = 'low'
```

## Why it matters

The longer a key lives the more places it lies in.

## How to fix it

Replace the key.

- AWS: Create a second key and delete the first.

## False positives

- a key that is rotated in place

## What it cannot see

- the issuer does not tell when
- the issue date is not known: list the keys of the account
- a gap hides one of: credential

## Parameters

- `rotation_days` = 90, at least 1, at most 400 (source: a rotation guide)

## Frameworks

- owasp-nhi-2025: NHI7
- cwe: CWE-522

## Precision

Not measured yet.

## Status

Stable since 0.1.0: its verdicts stay the same within a major version.

## Examples

Fails: a key of 91 days.

```yaml
credential:
- {kind: access_key, state: active, issued_at: -91d, name: etl}
```

It says: etl was issued 2026-08-02, more than 90 days ago

Passes: a key of 90 days.

```yaml
credential:
- {kind: access_key, state: active, issued_at: -90d}
```

Is not assessed: a key without a date.

```yaml
credential:
- {kind: access_key, state: active}
```

## References

- https://example.com/rotation
"""
HEADINGS = [line for line in PAGE.splitlines() if line.startswith("## ")]


def test_the_page_of_a_rule_has_fixed_headings():
    assert rule_page(rule()) == PAGE


def test_every_page_has_the_same_headings():
    bare = rule(
        fix={"default": "Do it."}, params={}, false_positives=(), references=(), cwe=(), maps={}, unknown=None,
        not_assessable_when=(), applies_when=None, severity_when={}, from_=None, query="SELECT 1",
    )  # fmt: skip
    page = rule_page(bare)
    assert [line for line in page.splitlines() if line.startswith("## ")] == HEADINGS
    assert "## How to fix it\n\nDo it.\n\n## False positives\n\nNone are known.\n" in page
    assert "Over the rows of its own query:" in page
    assert "## Examples" not in rule_page(rule(tests=()))


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
    assert "| [NS-LEK-001](../docs/rules/NS-LEK-001.md) | `leaked` | A \\| B C | medium | stable | [ASI03] |" in text
    assert "| owasp-nhi-2025 | [Non-Human Identities Top 10](https://example.com) | 2025 | 1 |" in text
    assert "| cwe | Weaknesses | 4.14 | 2 |" in text
    assert "docs/custom-rules.md" in text.partition("## Writing a rule")[2]


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


def test_there_is_a_page_per_rule_and_a_list_of_them():
    pages = rule_pages(RuleSet((rule(), replace(rule(), id="NS-LEK-001", name="leaked"))))
    assert list(pages) == ["TEST-LLV-001.md", "NS-LEK-001.md", "README.md"]
    assert (
        "## LEK: leaked secrets\n\n- [NS-LEK-001](NS-LEK-001.md) An access key is stale (medium)" in pages["README.md"]
    )


def test_the_blocks_of_a_page_are_made_and_the_rest_is_left():
    page = filled("a\n<!-- made: families -->\nold\n<!-- end -->\nb\n<!-- made: functions -->\n<!-- end -->\n")
    assert page.startswith("a\n<!-- made: families -->\n`identity_lifecycle`, ")
    assert "<!-- end -->\nb\n<!-- made: functions -->\n`abs`, " in page
    assert filled(page) == page
    assert "id: TEAM-LLV-001" in filled("<!-- made: new rule -->\n<!-- end -->")


def test_the_words_are_tables_of_columns_without_what_every_row_has(monkeypatch):
    entry = Entry("thing", "a | b", is_view=True, columns=(Word("id", "text"), Word("kind", "a, b", "which | sort")))
    monkeypatch.setattr("nhiscan.engine.words.described", lambda: iter([entry]))
    page = filled("<!-- made: words -->\n<!-- end -->")
    assert "### `thing`\n\nView: a | b\n\n| column | type | meaning |" in page
    assert "| `kind` | a, b | which \\| sort |\n<!-- end -->" in page
    assert "`id`" not in page
