"""Report files: which format it is, and what is said of one that is broken."""

from __future__ import annotations

import codecs
import json

import pytest

from nhiscan.triage.ingest import load
from nhiscan.triage.ingest.load import parse
from nhiscan.triage.ingest.sighting import IngestError
from tests.triage.ingest import samples


@pytest.mark.parametrize("data", [b"", b" \n", b"[]", b"[]\n", codecs.BOM_UTF8])
def test_a_report_without_findings_is_empty(data):
    report = parse(data, "r.json")
    assert (report.format, report.sightings) == ("empty", ())


@pytest.mark.parametrize(
    ("text", "format_"),
    [
        ('{"findings": [], "metadata": {"kingfisher_version": "2.14.0"}}', "kingfisher JSON"),
        ('{"audit": {"run_id": "1"}}\n', "kingfisher JSON"),
        ('{"passed": 0, "failed": 0, "checkov_version": "3.2.0"}', "checkov JSON"),
        ('{"version": "2.1.0", "runs": []}', "SARIF 2.1.0"),
    ],
)
def test_a_tool_that_found_nothing_is_known_by_its_envelope(text, format_):
    report = parse(text.encode(), "r.json")
    assert (report.format, report.sightings) == (format_, ())


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le"])
def test_encodings_that_shells_write_are_read(encoding):
    assert len(parse(samples.gitleaks().encode(encoding), "r").sightings) == 1


def test_a_summary_behind_the_report_does_no_harm():
    assert len(parse((samples.kingfisher() + '\n{"findings":2,"kingfisher":{}}\n').encode(), "r").sightings) == 1


@pytest.mark.parametrize(
    ("data", "message", "remedy"),
    [
        (b'[\n{"RuleID": "a",\n', "r.json:3: is not JSON from column 1", "cut off"),
        (b'{"DetectorName": "a"}\n\nlog line\n', "r.json:3: is not JSON from column 1", "again"),
        (b"not json", "r.json:1: is not JSON", "again"),
        (b"\n\n\xff\xfe\xfd broken \xff", "r.json:3: is not text", "again"),
        (b"[" * 100_000, "r.json:1: is nested too deeply", "again"),
        (b"9" * 10_000, "r.json:1: is nested too deeply, or holds a number", "again"),
        (b'{"vulnerabilities": []}', "r.json: is in no format", "gitleaks JSON"),
        (b'[{"name": "x"}]', "r.json: is in no format", "SARIF 2.1.0"),
        (b'"text"', "r.json: is in no format", "SARIF 2.1.0"),
        (b'{"version": "2.0.0", "runs": []}', "r.json: is SARIF of 2.0.0", "SARIF 2.1.0"),
        (b'{"$schema": "x", "runs": []}', "r.json: is SARIF of an unknown version", "SARIF 2.1.0"),
    ],
)
def test_a_broken_report_names_the_file_the_line_and_the_way_out(data, message, remedy):
    with pytest.raises(IngestError) as e:
        parse(data, "r.json")
    assert str(e.value).startswith(message)
    assert remedy in e.value.remedy


def test_an_error_quotes_nothing(tokens):
    value = tokens.password("ingest-error")
    with pytest.raises(IngestError) as e:
        parse(f'[{{"Secret": "{value}", oops}}]'.encode(), "r.json")
    assert value not in str(e.value) + repr(e.value.__cause__) + str(
        e.value.__context__ and e.value.__suppress_context__
    )


def test_size_count_and_number_of_values_are_bounded(monkeypatch):
    text = json.dumps(json.loads(samples.gitleaks()) * 4).encode()
    for name, limit, message in (
        ("MAX_BYTES", 100, "larger than"), ("MAX_FINDINGS", 3, "more than 3 findings"), ("_MOST_PARTS", 9, "too many"),
        ("_MOST_LISTS", 2, "too many"),
    ):  # fmt: skip
        with monkeypatch.context() as m:
            m.setattr(load, name, limit)
            with pytest.raises(IngestError, match=message):
                parse(text, "r.json")
    assert len(parse(text, "r.json").sightings) == 4


def test_a_file_is_called_as_the_user_wrote_it_and_never_by_an_absolute_path(tmp_path, monkeypatch):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "r.json").write_text("[]")
    monkeypatch.chdir(tmp_path)
    assert load.load(tmp_path / "out" / "r.json").name == "r.json"
    assert load.load((tmp_path / "out" / "r.json").relative_to(tmp_path)).name == "out/r.json"
    with pytest.raises(IngestError, match=r"^gone.json: cannot be read: No such file"):
        load.load(tmp_path / "gone.json")
    with pytest.raises(IngestError, match=r"^out: cannot be read"):
        load.load(tmp_path / "out")


@pytest.mark.parametrize("name", ["gitleaks", "trufflehog", "kingfisher", "sarif"])
def test_a_value_is_dropped_while_the_file_is_parsed(name, tokens):
    """`Secret`, `Match`, `Raw`, `snippet` and the like never stand in the tree that readers are given."""
    value = tokens.password(f"ingest-parsed-{name}")
    document = samples.SECRETS[name](value=value).replace(f'"title": "{value}"', '"title": ""')
    document = document.replace(f'"description": {{"text": "{value}"}}', '"description": {}')
    document = document.replace(f'"name": "{value}"', '"name": ""').replace(
        f'"fullyQualifiedName": "{value}"', '"x": ""'
    )
    assert value in document
    assert value not in repr(list(load._documents(document, "r.json")))
