"""Paths of other tools: wherever they ran, the same file of ours or none."""

from __future__ import annotations

import pytest

from nhiscan.triage.ingest.load import Report
from nhiscan.triage.ingest.paths import Ground, Resolver, shown
from nhiscan.triage.ingest.sighting import About, Sighting, Spot

REPO, OTHER = "repo:github.com/acme/shop", "repo:github.com/acme/tools"
FILES = {"app/.env": {REPO}, ".env": {REPO}, "infra/main.tf": {REPO}, "old/gone.py": {REPO}, "both.py": {REPO, OTHER}}


def resolve(*paths, roots=(), base="/elsewhere", files=FILES):
    spots = tuple(Spot((p,), 1) for p in paths)
    report = Report("r", "x", tuple(Sighting("t", "r", About.SECRET, (s,)) for s in spots))
    ground = Ground({k: frozenset(v) for k, v in files.items()}, tuple(roots), base)
    resolver = Resolver(report, ground)
    return [found and found[1] for found in (resolver.file((p,)) for p in paths)]


@pytest.fixture
def checkout(tmp_path):
    root = tmp_path / "work" / "checkout"
    for name in ("app/.env", ".env", "infra/main.tf", "app/b.py"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("x")
    return root.as_posix()


@pytest.mark.parametrize("path", ["app/.env", "./app/.env", "app//.env", "app\\.env", "infra/../app/.env"])
def test_a_path_from_the_root_is_taken_as_it_is(path):
    assert resolve(path) == ["app/.env"]


def test_an_absolute_path_below_the_target_is_made_relative(checkout):
    assert resolve(f"{checkout}/app/.env", roots=[(REPO, checkout)]) == ["app/.env"]
    assert resolve(f"{checkout}/never/seen.py", roots=[(REPO, checkout)]) == ["never/seen.py"]
    assert resolve(f"{checkout}-two/x.py", f"{checkout}/../x.py", roots=[(REPO, checkout)]) == [None, None]


def test_a_path_from_the_working_directory_is_found_below_the_root(checkout):
    base = checkout.rsplit("/", 1)[0]
    assert resolve("checkout/app/b.py", roots=[(REPO, checkout)], base=base) == ["app/b.py"]


def test_paths_of_another_machine_are_matched_by_what_they_have_in_common():
    found = resolve("/builds/shop/app/.env", "/builds/shop/infra/main.tf", "/builds/shop/new.py")
    assert found == ["app/.env", "infra/main.tf", None]
    assert resolve("C:\\ci\\shop\\app\\.env") == ["app/.env"]


def test_a_file_of_another_tree_is_not_taken_for_one_of_the_same_name():
    assert resolve("/ci/shop/app/.env", "/ci/shop/infra/main.tf", "/ci/other/.env") == [
        "app/.env",
        "infra/main.tf",
        None,
    ]


def test_what_fits_two_ways_alike_fits_none():
    assert resolve("/ci/a/.env", "/ci/b/.env") == [None, None]
    assert resolve("/ci/shop/both.py") == [None]
    assert resolve("both.py") == [None]


def test_a_tool_that_ran_in_a_directory_below_leaves_its_name_out():
    assert resolve("main.tf") == ["infra/main.tf"]
    assert resolve("gone.py", "main.tf") == [None, None]


def test_one_path_that_fits_keeps_the_others_from_being_guessed():
    assert resolve("app/.env", "vendor/.env") == ["app/.env", None]


def test_the_name_of_the_checkout_may_stand_before_some_paths(checkout):
    assert resolve("infra/main.tf", "checkout/app/.env", "shop/.env", roots=[(REPO, checkout)]) in (
        ["infra/main.tf", "app/.env", None],
        ["infra/main.tf", None, ".env"],
    )
    assert resolve("infra/main.tf", "checkout/app/.env", roots=[(REPO, checkout)]) == ["infra/main.tf", "app/.env"]


@pytest.mark.parametrize("path", ["", "/", "..", "../../etc/passwd", "a\x00b", "\ud800", "a/" * 500, "~/x", "//"])
def test_a_path_that_is_none_is_no_file(path, checkout):
    assert resolve(path, roots=[(REPO, checkout)]) == [None]


def test_links_out_of_the_checkout_are_not_followed(checkout, tmp_path):
    (tmp_path / "secret").write_text("x")
    (tmp_path / "work" / "checkout" / "link").symlink_to(tmp_path / "secret")
    assert resolve("link", roots=[(REPO, checkout)]) == [None]


@pytest.mark.parametrize(
    ("path", "text"),
    [("/home/dana/x", None), ("C:/x", None), ("~/x", None), ("../x", None), ("./a/x", "a/x"), ("", None)],
)
def test_only_relative_paths_are_ever_shown(path, text):
    assert shown(path) == text


def test_many_paths_and_namesakes_are_resolved_in_bounded_time(checkout):
    files = {f"d{n}/a.py": {REPO} for n in range(3_000)}
    assert set(resolve(*(f"x{n}/y/a.py" for n in range(2_000)), roots=[(REPO, checkout)], files=files)) == {None}
