import pytest

from nhiscan.engine.yamlfile import MAX_BYTES, RuleFileError, parse, read


def test_values_keep_their_plain_types():
    document = parse(
        "a: 1\nb: 1.5\nc: yes\nd: null\ne: 2026-11-01T00:00:00Z\nf: 'x'\ng: [1, {h: off}]\ni: 0x1F\nj: 1_000\n",
        "x.yaml",
    )
    assert document.data == {
        "a": 1,
        "b": 1.5,
        "c": True,
        "d": None,
        "e": "2026-11-01T00:00:00Z",
        "f": "x",
        "g": [1, {"h": False}],
        "i": "0x1F",
        "j": 1000,
    }


def test_every_place_has_its_line():
    document = parse("a: 1\nb:\n  - x\n  - c: 2\n", "x.yaml")
    assert document.line("a") == 1
    assert document.line("b", 1, "c") == 4
    assert document.line("b", 0, "missing", 7) == 3
    assert document.line("missing") == 1


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("a: 1\nb: [1\n", 3, "not YAML"),
        ("a: 1\na: 2\n", 2, "the key `a` occurs twice"),
        ("a: &x 1\n", 1, "anchors and aliases"),
        ("a: 1\nb: *x\n", 2, "anchors and aliases"),
        ("a: !!python/object:os.system 1\n", 1, "the tag"),
        ("a: !!binary aGk=\n", 1, "the tag"),
        ("a: 1\n? [x]\n: 2\n", 2, "a key is not a plain word"),
        ("- a\n", 1, "the file is not a mapping"),
        ("", 1, "the file is not a mapping"),
        ("a: 1\n--- \nb: 1\n", 2, "not YAML"),
        ("a: " + "[" * 40 + "]" * 40, 1, "nested deeper"),
        ("a: \x07\n", 1, "not YAML"),
    ],
)
def test_what_is_not_plain_data_is_refused_with_its_line(text, line, message):
    with pytest.raises(RuleFileError) as refused:
        parse(text, "x.yaml")
    error = refused.value
    assert (error.path, error.line) == ("x.yaml", line)
    assert error.message.startswith(message)
    assert error.remedy
    assert str(error) == f"x.yaml:{line}: {error.message}; {error.remedy}"


def test_a_billion_laughs_is_refused_before_it_is_expanded():
    text = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"{chr(98 + n)}: &{chr(98 + n)} [" + ",".join([f"*{chr(97 + n)}"] * 9) + "]\n" for n in range(9)
    )
    with pytest.raises(RuleFileError, match="anchors and aliases"):
        parse(text, "bomb.yaml")


def test_a_file_that_is_not_utf8_is_refused_with_the_line(tmp_path):
    path = tmp_path / "x.yaml"
    path.write_bytes(b"a: 1\nb: \xff\n")
    with pytest.raises(RuleFileError, match=r"x.yaml:2: the file is not UTF-8"):
        read(path, "x.yaml")


def test_a_big_file_is_refused(tmp_path):
    path = tmp_path / "x.yaml"
    path.write_bytes(b"a" * (MAX_BYTES + 1))
    with pytest.raises(RuleFileError, match="larger than 512 KiB"):
        read(path, "x.yaml")


def test_a_file_that_cannot_be_read_is_refused(tmp_path):
    with pytest.raises(RuleFileError, match="cannot be read"):
        read(tmp_path / "missing.yaml", "missing.yaml")


def test_a_readable_file_is_read(tmp_path):
    path = tmp_path / "x.yaml"
    path.write_text("id: x\n", encoding="utf-8")
    assert read(path, "x.yaml").data == {"id": "x"}


def test_without_the_c_loader_the_python_one_reads(monkeypatch):
    import yaml

    from nhiscan import yamldata

    monkeypatch.delattr(yaml, "CSafeLoader", raising=False)
    yamldata.loader.cache_clear()
    assert parse("a: [1]\n", "x.yaml").data == {"a": [1]}
    with pytest.raises(RuleFileError, match="not YAML"):
        parse("a: \x07\n", "x.yaml")
    yamldata.loader.cache_clear()
