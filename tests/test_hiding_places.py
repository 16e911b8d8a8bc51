"""Nineteen places where a token hides from scanners that read files and diffs: one audit of a repository finds all."""

import base64
import gzip
import io
import json
import zipfile
from urllib.parse import quote

import pytest

from nhiscan.collectors.repo import secrets
from nhiscan.plugin import Credential, Target, TargetKind
from tests.collectors.repo.past import Repo, context, fingerprint, run, token

FILES = {
    "utf-16": ("notes.txt", lambda t: f"token = {t}\r\n".encode("utf-16")),
    "gz": ("dump.sql.gz", lambda t: gzip.compress(f"-- token = {t}\n".encode())),
    "base64": ("blob.txt", lambda t: base64.b64encode(f"token = {t}".encode())),
    "double base64": ("blob2.txt", lambda t: base64.b64encode(base64.b64encode(f"token = {t}".encode()))),
    "Kubernetes Secret": ("secret.yaml", lambda t: manifest(t).encode()),
    "notebook cell": ("eda.ipynb", lambda t: notebook(t).encode()),
    "4 MB line": ("bundle.js", lambda t: ("x=1;" * 500_000 + f'a="{t}";' + "y=2;" * 500_000).encode()),
    "URL-encoded": ("calls.log", lambda t: quote(f"auth={t} next=%", safe="").replace("_", "%5F").encode()),
    "two lines": ("deploy.sh", lambda t: f'export TOKEN="{t[:20]}\\\n{t[20:]}"\n'.encode()),
}
PAST = (
    "merge", "tag alone", "stash", "commit message", "tag message", "note", "unreachable", "zip in history", "deleted file",
    "renamed file",
)  # fmt: skip


def manifest(value: str) -> str:
    held = base64.b64encode(value.encode()).decode()
    return f"apiVersion: v1\nkind: Secret\nmetadata:\n  name: ci\ndata:\n  token: {held}\n"


def notebook(value: str) -> str:
    cell = {"cell_type": "code", "source": ["import os\n", f"TOKEN = '{value}'\n"], "outputs": []}
    return json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


def zipped(text: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("settings.ini", text)
    return out.getvalue()


def named(seed: str) -> str:
    return f"token = {token(seed)}\n"


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """The keyed fingerprints of everything that is found in a repository with a token in each place."""
    repo = Repo(tmp_path_factory.mktemp("hiding") / "shop")
    for place, (name, make) in FILES.items():
        repo.write(name, make(token(place)))
    repo.commit("first", app_py="pass\n")
    past(repo)
    target = Target(str(repo.root), TargetKind.PATH, str(repo.root))
    ctx = context()
    here = [r for unit in secrets.COLLECTOR.units(target, ctx) for r in secrets.COLLECTOR.collect(unit, ctx)]
    return {r.fingerprint for r in (*here, *run(repo.root).records) if isinstance(r, Credential)}


def past(repo: Repo) -> None:
    """What only the past of the repository holds, each in an object that nothing else names."""
    repo.commit("add", archive_zip=zipped(named("zip in history")), old_ini=named("deleted file"))
    repo.commit("rename", before_ini=named("renamed file"))
    repo.git("mv", "before.ini", "after.ini")
    repo.commit("renamed")
    repo.git("rm", "-q", "archive.zip", "old.ini", "after.ini")
    repo.commit(f"remove, was {token('commit message')}")
    repo.git("tag", "-a", "v1", "-m", f"release with {token('tag message')}")
    repo.git("notes", "add", "-m", f"reviewed with {token('note')}")
    repo.git("checkout", "-q", "-b", "side")
    repo.commit("side", side_txt="one\n")
    repo.git("checkout", "-q", "main")
    repo.commit("main", main_txt="two\n")
    repo.git("merge", "-q", "--no-commit", "--no-ff", "side")
    repo.commit("merge", evil_ini=named("merge"))
    repo.git("rm", "-q", "evil.ini")
    repo.commit("gone")
    repo.git("checkout", "-q", "--detach")
    repo.commit("tagged", tagged_ini=named("tag alone"))
    repo.git("tag", "v0-hotfix")
    repo.git("checkout", "-q", "main")
    repo.commit("lost", lost_ini=named("unreachable"))
    repo.git("reset", "-q", "--hard", "HEAD~1")
    repo.git("reflog", "expire", "--expire=now", "--all")
    repo.write("app.py", named("stash"))
    repo.git("stash", "-q")


@pytest.mark.parametrize("place", [*FILES, *PAST])
def test_a_token_is_found_wherever_it_hides(found, place):
    assert fingerprint(place) in found


def test_a_place_that_holds_none_gives_none(found):
    assert fingerprint("nowhere") not in found
    assert len([*FILES, *PAST]) == 19
