"""What is shipped: the rules once, the version bounds for every dependency, and a make that explains itself."""

import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    out = tmp_path_factory.mktemp("wheel")
    build = ["wheel", "--quiet", "--no-index", "--no-build-isolation", "--no-deps", "--wheel-dir", str(out), str(ROOT)]
    subprocess.run(
        [sys.executable, "-m", "pip", "--disable-pip-version-check", *build], check=True, capture_output=True
    )
    (path,) = out.iterdir()
    with zipfile.ZipFile(path) as archive:
        yield archive


def _name(requirement):
    return re.sub(r"[-_.]+", "-", re.match(r"[\w.-]+", requirement)[0]).lower()


def _bounds():
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return dict(line.split("<=") for line in lines if line and not line.startswith("#"))


def test_the_wheel_holds_every_rule_file_once(wheel):
    shipped = [name for name in wheel.namelist() if "rules/" in name]
    sources = {
        path.relative_to(ROOT / "rules").as_posix(): path for path in (ROOT / "rules").rglob("*") if path.is_file()
    }
    assert sources
    assert sorted(shipped) == sorted(f"nhiscan/_rules/{name}" for name in sources)
    assert all(wheel.read(f"nhiscan/_rules/{name}") == path.read_bytes() for name, path in sources.items())


def test_the_wheel_holds_the_package_and_nothing_beside_it(wheel):
    tops = {name.split("/")[0] for name in wheel.namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"nhiscan"}
    data = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "nhiscan").rglob("*")
        if path.suffix in {".sql", ".json", ".typed"}
    }
    assert data <= set(wheel.namelist())
    assert not [name for name in wheel.namelist() if "__pycache__" in name]


def test_the_wheel_carries_the_licence(wheel):
    (licence,) = [name for name in wheel.namelist() if name.endswith("/licenses/LICENSE")]
    assert "Apache License" in wheel.read(licence).decode()


def test_every_declared_dependency_has_an_upper_bound_in_the_constraints():
    extras = PROJECT["project"]["optional-dependencies"]
    declared = [
        *PROJECT["project"]["dependencies"], *extras["azure"], *extras["gcp"], *PROJECT["dependency-groups"]["dev"],
        *PROJECT["build-system"]["requires"], "pip",
    ]  # fmt: skip
    assert {_name(requirement) for requirement in declared} <= set(_bounds())
    assert all(re.fullmatch(r"\d[\w.]*", bound) for bound in _bounds().values())


def test_no_constraint_contradicts_the_declared_range():
    for requirement in PROJECT["project"]["dependencies"]:
        least = re.search(r">=([\d.]+)", requirement)[1]
        bound = _bounds()[_name(requirement)]
        assert [int(n) for n in least.split(".")] <= [int(n) for n in bound.split(".")], requirement


def test_a_new_version_is_named_in_the_changelog():
    version = re.search(r'__version__ = "([^"]+)"', (ROOT / "nhiscan" / "__init__.py").read_text(encoding="utf-8"))[1]
    assert f"## [{version}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_make_help_explains_every_target():
    targets = set(re.search(r"^\.PHONY: (.+)$", MAKEFILE, re.MULTILINE)[1].split())
    explained = set(re.findall(r"^([a-z-]+):.*## \S", MAKEFILE, re.MULTILINE))
    assert explained == targets
    assert {"help", "audit", "test", "check", "lint", "types", "arch", "rules", "mutate", "docs", "bench"} <= targets


def test_ci_runs_what_make_check_runs():
    assert "make check\n" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "bash .ci/run" in (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make, which Windows runners lack")
def test_an_old_python_is_refused_with_the_remedy(tmp_path):
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path / name)
    done = subprocess.run(["make", "PYTHON=false", "test"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.splitlines()[:2] == [
        "nhiscan needs Python 3.11 or later, and none was found.",
        "Install it, or name it: make PYTHON=/path/to/python3.12",
    ]
    assert not (tmp_path / ".venv").exists()
