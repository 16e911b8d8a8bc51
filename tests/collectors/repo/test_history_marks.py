"""Of many versions that hold the same few are looked into, and what is told is what all of them together tell."""

from __future__ import annotations

import random

import pytest

from nhiscan.collectors.repo import _survey
from nhiscan.collectors.repo._pack_detector import detector_of
from nhiscan.collectors.repo._pack_marks import marks_of
from nhiscan.collectors.repo._past import Past
from nhiscan.detect.scan import shipped
from tests.collectors.repo.past import Repo, run, token
from tests.collectors.repo.test_packs_detector import versions


@pytest.fixture(scope="module")
def detector():
    return detector_of(shipped())


def marks(detector, data):
    places = sorted(set(detector.places(data)), key=lambda place: place[1])
    hits, whole = detector.every(data, places)
    assert whole
    return marks_of(data, hits, detector.reach)


def grown(root, seed):
    """A packed repository whose files change a little in each of many commits, all of them full of secrets."""
    chance = random.Random(seed)
    texts = [[data for _, data in versions(seed * 10 + n, 40).objects.values()] for n in range(2)]
    repo = Repo(root / str(seed))
    stream = []
    for number in range(90):
        which = chance.randrange(2)
        data = chance.choice(texts[which]) if chance.random() < 0.1 else texts[which][number * 40 // 90]
        path = f"{'test/' if chance.random() < 0.1 else ''}f{which}.{'py' if seed % 2 else 'env'}"
        head = (
            f"commit refs/heads/main\ncommitter A <a@b> {10**9 + number // 2} +0000\ndata 1\nx\nM 644 inline {path}\n"
        )
        stream.append(b"%sdata %d\n%s\n" % (head.encode(), len(data), data))
    repo.git("fast-import", "--quiet", data=b"".join(stream))
    repo.git("reset", "-q", "--hard")
    repo.git("repack", "-adfq", "--depth=30")
    return repo


@pytest.mark.parametrize("seed", [1, 2])
def test_what_is_told_is_what_all_versions_tell(seed, tmp_path, monkeypatch):
    monkeypatch.setattr(_survey, "_WORTH", 0)
    repo = grown(tmp_path, seed)
    asked = []
    telling = Past.telling

    def noted(self, ids, marks):
        asked.append((len(ids), len(telling(self, ids, marks))))
        return telling(self, ids, marks)

    monkeypatch.setattr(Past, "telling", noted)
    few = run(repo.root)
    monkeypatch.setattr(Past, "telling", lambda _self, ids, _marks: list(ids))
    everything = run(repo.root)
    assert sorted(map(repr, few.records)) == sorted(map(repr, everything.records))
    assert few.exposures
    assert asked[0][1] < asked[0][0]


def test_a_mark_changes_with_what_stands_around_and_not_with_what_is_far(detector):
    far = b"word here\n" * 80
    line = f"token = {token('a')}\n".encode()
    (mark,) = marks(detector, far + line + far)
    assert marks(detector, b"more\n" + far + line + far + b"more\n") == (mark,)
    assert marks(detector, far[:-10] + b"word hers\n" + line + far) != (mark,)
    assert marks(detector, far + line + b"# " + far) != (mark,)
    assert marks(detector, far + line.replace(b"token", b"tokem") + far) != (mark,)


def test_what_lies_far_apart_is_told_apart_and_what_lies_near_is_not(detector):
    far = b"word here\n" * 80
    one, two = (f"token = {token(seed)}\n".encode() for seed in "ab")
    first, second = marks(detector, far + one + far + two + far)
    assert marks(detector, far + two + far + one + far) == (second, first)
    assert len(marks(detector, far + one + two + far)) == 1
    assert len(marks(detector, far + one + far[:150] + two + far)) == 1


def test_what_depends_on_the_whole_file_has_no_mark(detector):
    reach = detector.reach
    assert marks_of(b"x" * 100, [(reach.joint, 5)], reach) == ()
    assert marks_of(b"x" * 100, [], reach) == ()
    many = b"".join(f"token = {token(str(n))}\n".encode() + b"word here\n" * 80 for n in range(101))
    assert marks(detector, many) == ()
