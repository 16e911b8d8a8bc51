"""Each format: what is read of it, what is left out, and that no value comes along."""

from __future__ import annotations

import dataclasses
import json
import random

import pytest

from nhiscan.triage.ingest.load import FORMATS, parse
from nhiscan.triage.ingest.sighting import About, IngestError, Spot, say
from tests.triage.ingest import samples


def read(text, name="report"):
    return parse(text.encode(), name)


def one(text):
    (found,) = read(text).sightings
    return found


@pytest.mark.parametrize(
    ("text", "format_", "tool", "rule"),
    [
        (samples.gitleaks(), "gitleaks JSON", "gitleaks", "aws-access-token"),
        (samples.kingfisher(), "kingfisher JSON", "kingfisher", "kingfisher.aws.1"),
        (samples.kingfisher_lines(), "kingfisher JSON", "kingfisher", "kingfisher.aws.1"),
        (samples.trufflehog(), "TruffleHog JSONL", "trufflehog", "AWS"),
        (samples.sarif(), "SARIF 2.1.0", "gitleaks", "aws-access-token"),
    ],
)
def test_a_report_of_secrets_gives_rule_place_and_the_text_of_its_rule(text, format_, tool, rule):
    report = read(text)
    (found,) = report.sightings
    assert (report.format, found.tool, found.rule, found.about) == (format_, tool, rule, About.SECRET)
    assert found.spots == (Spot(("app/.env",), 3, None),)
    assert "AWS" in found.message


def test_checkov_gives_the_failed_checks_and_every_path_it_knows_of_the_file():
    found = one(samples.checkov())
    assert (found.tool, found.rule, found.about) == ("checkov", "CKV_AWS_40", About.ANYTHING)
    assert found.spots == (Spot(("/builds/shop/infra/main.tf", "infra/main.tf", "main.tf"), 3, 9),)
    assert one(samples.checkov(rule="CKV_SECRET_2")).about is About.SECRET


def test_zizmor_counts_rows_from_zero_and_its_main_place_comes_first():
    found = one(samples.zizmor(line=7))
    assert (found.tool, found.rule, found.about) == ("zizmor", "excessive-permissions", About.WORKFLOW)
    assert [s.first for s in found.spots] == [7, 91]
    assert read(samples.zizmor(ignored=True)).sightings == ()


def test_zizmor_is_the_same_in_sarif():
    found = one(samples.sarif(tool="zizmor", rule="zizmor/excessive-permissions"))
    assert (found.tool, found.rule, found.about) == ("zizmor", "excessive-permissions", About.WORKFLOW)


def test_prowler_gives_what_failed_by_the_id_of_the_resource():
    found = one(samples.prowler())
    assert (found.tool, found.rule, found.about) == ("prowler", "iam_rotate_access_key_90_days", About.CLOUD)
    assert found.resources == ("arn:aws:iam::123456789012:user/etl",)
    assert read(samples.prowler(code="PASS")).sightings == ()
    assert read(samples.prowler(status="Suppressed")).sightings == ()


@pytest.mark.parametrize(
    ("text", "verified"),
    [
        (samples.kingfisher(), True),
        (samples.kingfisher_lines(), False),
        (samples.kingfisher(status="Not Attempted"), None),
        (samples.trufflehog(), True),
        (samples.trufflehog(verified=False), None),
        (samples.gitleaks(), None),
    ],
)
def test_only_what_the_tool_says_of_the_issuer_is_verified(text, verified):
    assert one(text).verified is verified


@pytest.mark.parametrize("source", ["Filesystem", "Git", "Github", "Gitlab"])
def test_trufflehog_names_files_in_every_kind_of_source(source):
    assert one(samples.trufflehog(source=source)).spots[0].paths == ("app/.env",)


def test_trufflehog_without_a_file_has_no_place():
    assert one(samples.trufflehog(source="Slack")).spots == ()


@pytest.mark.parametrize(
    "result",
    [
        {"kind": "pass"},
        {"kind": "notApplicable"},
        {"baselineState": "absent"},
        {"suppressions": [{"kind": "inSource"}]},
        {"suppressions": [{"kind": "external", "status": "accepted"}]},
    ],
)
def test_a_sarif_result_that_is_none_is_left_out(result):
    assert read(samples.sarif(**result)).sightings == ()


@pytest.mark.parametrize("result", [{"kind": "review"}, {"suppressions": [{"kind": "inSource", "status": "rejected"}]}])
def test_a_sarif_result_that_is_open_counts(result):
    assert len(read(samples.sarif(**result)).sightings) == 1


@pytest.mark.parametrize(
    ("location", "run", "path"),
    [
        ({"uri": "a%20b/%C3%BC.env"}, {}, "a b/ü.env"),
        ({"uri": "file:///builds/a.env"}, {}, "/builds/a.env"),
        ({"uri": "a.env", "uriBaseId": "ROOT"}, {"originalUriBaseIds": {"ROOT": {"uri": "file:///w/r/"}}}, "/w/r/a.env"),
        (
            {"uri": "a.env", "uriBaseId": "IN"},
            {"originalUriBaseIds": {"IN": {"uri": "in/", "uriBaseId": "ROOT"}, "ROOT": {"uri": "file:///w/"}}},
            "/w/in/a.env",
        ),
        ({"uri": "a.env", "uriBaseId": "ROOT"}, {"originalUriBaseIds": {"ROOT": {"description": {"text": "d"}}}}, "a.env"),
        ({"uri": "a.env", "uriBaseId": "L"}, {"originalUriBaseIds": {"L": {"uri": "", "uriBaseId": "L"}}}, "a.env"),
        ({"index": 0}, {"artifacts": [{"location": {"uri": "b.env"}}]}, "b.env"),
        ({"index": 7}, {"artifacts": []}, None),
        ({"uri": "https://example.com/a"}, {}, None),
    ],
)  # fmt: skip
def test_places_in_sarif_are_resolved_by_their_bases(location, run, path):
    document = json.loads(samples.sarif())
    document["runs"][0] |= run
    document["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"] = location
    spots = one(json.dumps(document)).spots
    assert [s.paths for s in spots] == ([] if path is None else [(path,)])


def test_a_rule_may_be_named_by_its_index_or_in_an_extension():
    document = json.loads(samples.sarif())
    run = document["runs"][0]
    del run["results"][0]["ruleId"]
    assert one(json.dumps(document)).rule == "aws-access-token"
    run["tool"]["extensions"] = [{"rules": [{"id": "other", "fullDescription": {"text": "From a pack"}}]}]
    run["results"][0]["rule"] = {"id": "other"}
    del run["results"][0]["ruleIndex"]
    assert (one(json.dumps(document)).rule, one(json.dumps(document)).message) == ("other", "From a pack")


def test_a_cloud_resource_in_sarif_is_named_by_its_logical_location():
    assert one(samples.sarif(value="arn:aws:iam::123456789012:role/ci")).resources == (
        "arn:aws:iam::123456789012:role/ci",
    )


@pytest.mark.parametrize("name", samples.ALL)
def test_no_field_with_a_value_is_read(name, tokens):
    """Values of known and of unknown format, in every field that a tool fills freely."""
    for value in (tokens.github_pat(f"ingest-{name}"), tokens.password(f"ingest-{name}")):
        report = read(samples.ALL[name](value=value))
        assert report.sightings
        assert value not in json.dumps([dataclasses.asdict(s) for s in report.sightings])


@pytest.mark.parametrize("field", ["rule", "tool"])
def test_a_value_in_a_name_is_concealed(field, tokens):
    value = tokens.github_pat(f"ingest-{field}")
    found = one(samples.sarif(**{field: f"custom {value}"}))
    assert value not in repr(found)
    assert "***" in repr(found)


def test_paths_of_other_machines_show_in_no_repr():
    assert "/builds" not in repr(read(samples.checkov()))


def test_foreign_text_is_one_harmless_bounded_line(tokens):
    value = tokens.github_pat("ingest-parted")
    assert say(f"a\x1b[31m\u202eb\nc {value[:9]}\u200b{value[9:]}", 50) == "a[31mb c ***"
    assert say("x" * 5000, 20) == "x" * 19 + "…"
    assert say("\ud800\x00", 20) is None


@pytest.mark.parametrize(
    "bad", [None, 7, -3, 0, True, "3", 2**70, 1.5, [], {}, "", "\ud800", "a/../../b", ["x"], {"uri": 1}]
)
def test_a_field_of_another_type_is_no_error(bad):
    """Every value of every sample, replaced one at a time."""
    for sample in samples.ALL.values():
        for line in sample().splitlines() if sample in (samples.trufflehog, samples.kingfisher_lines) else [sample()]:
            for changed in _replaced(json.loads(line), bad):
                assert tried(json.dumps(changed).encode()).partition(":")[0] in {"", "report"}


def _replaced(value, bad):
    """The value with each part of it replaced, one at a time."""
    yield bad
    keys = value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        for inner in _replaced(value[key], bad):
            copy = value.copy()
            copy[key] = inner
            yield copy


def tried(data):
    """What is said of the report; nothing when it can be read.  Any other exception fails the test."""
    try:
        parse(data, "report")
    except IngestError as e:
        return str(e) if e.remedy else "no remedy"
    return ""


def test_mutated_reports_end_in_a_report_or_a_plain_error():
    seeds = [sample().encode() for sample in samples.ALL.values()]
    for seed in range(400):
        rng = random.Random(seed)
        data = bytearray(rng.choice(seeds))
        for _ in range(rng.randint(1, 6)):
            at = rng.randrange(len(data))
            match rng.randrange(4):
                case 0:
                    data[at] = rng.randrange(256)
                case 1:
                    del data[at : at + rng.randint(1, 30)]
                case 2:
                    data[at:at] = rng.choice(
                        [b"[" * 50, b'{"a":', b"}", b"\x00", b"\xff", b"\n", b"1e999", b"9" * 5000]
                    )
                case _:
                    data[at:at] = data[: rng.randint(1, 80)]
        assert tried(bytes(data)).partition(":")[0] in {"", "report"}


def test_every_format_is_named_once():
    assert len({f.name for f in FORMATS}) == len(FORMATS) == 7
