"""What several tests of repositories share."""

from __future__ import annotations

import pytest

from nhiscan.collectors.repo import _survey
from tests.collectors.repo.past import Repo


@pytest.fixture
def repo(tmp_path):
    """A repository with a remote and nothing in it."""
    made = Repo(tmp_path / "shop")
    made.remote()
    return made


@pytest.fixture(params=["git", "packs"])
def way(request, monkeypatch):
    """Both ways of reading packs: by git, and directly."""
    monkeypatch.setattr(_survey, "_WORTH", 0 if request.param == "packs" else 1 << 40)
    return request.param
