"""Which collectors are asked for a path."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nhiscan.api.gather import _asked_of_files
from nhiscan.collect import registry
from nhiscan.plugin import Target, TargetKind
from tests.collectors.repo.past import Repo, context, token

NAMES = [*registry.names_for(TargetKind.PATH), "plugin.other"]


@pytest.fixture
def repo(tmp_path):
    made = Repo(tmp_path / "shop")
    made.commit(a_env=f"token = {token('a')}\n", b_py="x = 1\n")
    made.write("c.env", f"token = {token('c')}\n")
    made.git("add", "-A")
    return made


def target(path):
    return Target(str(path), TargetKind.PATH, str(path))


@pytest.mark.parametrize("how", ["staged", "since", "bare"])
def test_where_only_history_is_read_only_its_collector_and_plugins_are_asked(repo, how):
    ctx = context(history=False, staged=how == "staged", since="HEAD" if how == "since" else None)
    place = target(repo.root / ".git" if how == "bare" else repo.root)
    assert _asked_of_files(NAMES, place, ctx) == ["repo.history", "plugin.other"]
    left_out = [name for name in NAMES if name.startswith("repo.") and name != "repo.history"]
    assert len(left_out) > 10
    # None of the others would have had a unit.
    assert not [unit for name in left_out for unit in registry.load(name).units(place, ctx)]
    assert list(registry.load("repo.history").units(place, ctx))


def test_files_and_the_settings_of_a_person_are_read_by_all(repo):
    ctx = context(history=False)
    assert _asked_of_files(NAMES, target(repo.root), ctx) == NAMES
    assert _asked_of_files(NAMES, target(repo.root), replace(ctx, staged=True, user=True)) == NAMES
    assert _asked_of_files(NAMES, Target("aws", "aws", "aws"), replace(ctx, staged=True)) == NAMES
