import json

import jsonschema
import pytest

from nhiscan.engine import shape
from nhiscan.engine.rule import rule_files, shipped_rules_dir
from nhiscan.engine.yamlfile import parse, read
from nhiscan.model import RECORDS, Confidence, Severity

from .sample import TEXT, broken

SCHEMA = json.loads((shipped_rules_dir() / "rule.schema.json").read_text(encoding="utf-8"))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def test_the_schema_is_one():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_the_schema_knows_the_keys_and_words_of_the_loader():
    properties = SCHEMA["properties"]
    assert set(properties) == {*shape.MANDATORY, *shape.OPTIONAL}
    assert set(SCHEMA["required"]) == set(shape.MANDATORY)
    case = properties["tests"]["items"]["properties"]
    assert set(case) == set(shape.TEST_KEYS)
    words = {
        "severity": Severity,
        "confidence": Confidence,
        "status": shape.STATUSES,
        "family": shape.FAMILIES,
        "subject": RECORDS,
    }
    assert {key: properties[key]["enum"] for key in words} == {key: list(value) for key, value in words.items()}
    assert case["expect"]["enum"] == list(shape.EXPECTATIONS)
    assert properties["needs"]["items"]["enum"] == list(RECORDS)
    assert properties["id"]["pattern"] == f"^{shape.ID.pattern}$"


def test_the_sample_is_valid_and_a_broken_one_is_not():
    assert not list(VALIDATOR.iter_errors(parse(TEXT, "x").data))
    assert list(VALIDATOR.iter_errors(parse(broken("severity: medium", "severity: awful"), "x").data))


@pytest.mark.parametrize("path", list(rule_files(shipped_rules_dir())), ids=lambda path: path.stem)
def test_every_shipped_rule_is_valid(path):
    errors = [f"{e.json_path}: {e.message}" for e in VALIDATOR.iter_errors(read(path, path.name).data)]
    assert errors == []
