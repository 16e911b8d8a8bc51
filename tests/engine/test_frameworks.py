import pytest

from nhiscan.engine.frameworks import AmbiguousLabelError, Resolved, load_frameworks
from nhiscan.engine.yamlfile import RuleFileError

from .frameworks_sample import CIS, NHI, frameworks, written


def test_a_framework_has_its_edition_and_its_items_in_order(tmp_path):
    known = frameworks(tmp_path)
    nhi = known.get("owasp-nhi-2025")
    assert (nhi.edition, list(nhi.items)) == ("2025", ["NHI3", "NHI7"])
    assert [f.id for f in known] == ["cis-x", "cis-y", "cwe", "owasp-asi-2026", "owasp-nhi-2025"]
    assert known.get("nobody") is None
    assert {"owasp-nhi-2025", "NHI7", "NHI-03"} <= set(known.labels())


@pytest.mark.parametrize(
    ("label", "framework", "item"),
    [
        ("owasp-nhi-2025", "owasp-nhi-2025", None),
        ("OWASP-NHI-2025", "owasp-nhi-2025", None),
        ("NHI7", "owasp-nhi-2025", "NHI7"),
        ("nhi-07", "owasp-nhi-2025", "NHI7"),
        ("NHI7:2025", "owasp-nhi-2025", "NHI7"),
        ("ASI-3", "owasp-asi-2026", "ASI03"),
        ("asi03", "owasp-asi-2026", "ASI03"),
        ("owasp-asi-2026:ASI03", "owasp-asi-2026", "ASI03"),
        ("cis-x:1.1", "cis-x", "1.1"),
        ("CWE-522", "cwe", "CWE-522"),
        ("1.2", "cis-y", "1.2"),
    ],
)
def test_a_label_is_understood(tmp_path, label, framework, item):
    assert frameworks(tmp_path).resolve(label) == Resolved(framework, item)


def test_a_seed_label_is_understood_with_its_warning(tmp_path):
    assert frameworks(tmp_path).resolve("nhi-03") == Resolved("owasp-nhi-2025", "NHI3", "some pages mean NHI7")
    assert frameworks(tmp_path).resolve("A1") == Resolved("owasp-asi-2026", "ASI01", None)


@pytest.mark.parametrize("label", ["nobody", "NHI99", "owasp-nhi-2025:ASI03", "NHI7:2024", ""])
def test_a_label_nobody_knows_means_nothing(tmp_path, label):
    assert frameworks(tmp_path).resolve(label) is None


def test_a_number_that_two_frameworks_have_must_name_one(tmp_path):
    with pytest.raises(AmbiguousLabelError, match=r"cis-x:1\.1, cis-y:1\.1"):
        frameworks(tmp_path).resolve("1.1")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("edition: '2025'", "year: 2025", "the key `year` is unknown"),
        ("edition: '2025'\n", "", "`edition` is missing"),
        ("title: Non-Human", "title: [x]\n#", "`title` is missing or not a text"),
        ("id: NHI7", "id: NHI3", "the id NHI3 occurs twice"),
        ("{id: NHI7, title: Long-Lived Secrets}", "NHI7", "`id` is missing"),
        ("label: NHI-03, id: NHI3", "label: NHI-03, id: NHI4", "the alias NHI-03 points to NHI4"),
        ("aliases:\n", "aliases: none\n#", "`aliases` is not a list"),
        ("Long-Lived Secrets}", "Long-Lived Secrets, color: red}", "the key `color` is unknown"),
        ("Long-Lived Secrets}", "Long-Lived Secrets, rules: LEK}", "`rules` is not a list"),
        ("Long-Lived Secrets}", "Long-Lived Secrets, related: {cwe: 1}}", "`related` is no mapping of lists"),
        ("edition:", "covers: people\nedition:", "`covers` cannot be `people`"),
        ("id: owasp-nhi-2025", "id: other", "the id other does not match the file"),
    ],
)
def test_a_broken_framework_file_is_refused_with_its_line(tmp_path, old, new, message):
    assert old in NHI
    text = NHI.replace(old, new, 1)
    if "none" in new:
        text = text.partition("  - {label")[0]
    written(tmp_path, "owasp-nhi-2025", text)
    with pytest.raises(RuleFileError) as refused:
        load_frameworks(tmp_path)
    assert refused.value.message.startswith(message)
    assert refused.value.path == "rules/frameworks/owasp-nhi-2025.yaml"


def test_a_file_must_be_named_after_its_framework(tmp_path):
    written(tmp_path, "other", CIS.format("cis-x"))
    with pytest.raises(RuleFileError, match="does not match the file"):
        load_frameworks(tmp_path)
