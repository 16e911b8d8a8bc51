"""Packs read directly: what a scan of each whole object finds, and nothing read that is not understood."""

from __future__ import annotations

import os
import random
import subprocess
from functools import partial

import pytest

from nhiscan.collectors.repo import _pack_scan
from nhiscan.collectors.repo._pack_index import Unusual, read_index
from nhiscan.collectors.repo._packs import scan_packs
from tests.collectors.repo.packing import Pack, Toy, header, held, oid_of
from tests.collectors.repo.test_packs_delta import edits, text


def scanned(*packs, skip=None, jobs=1, detector=Toy):
    return list(scan_packs(packs, detector, skip, jobs))


def split(ids):
    return {ids[at : at + 20] for at in range(0, len(ids), 20)}


def forest(seed, objects):
    """A pack of trees of deltas: chains, families, deltas of deltas by name and by offset, messages among them."""
    chance, pack = random.Random(seed), Pack()
    blobs = [pack.add(text(chance, 3_000)) for _ in range(max(1, objects // 40))]
    while len(pack.objects) < objects:
        base = blobs[-1] if chance.random() < 0.6 else chance.choice(blobs)
        data = pack.objects[base][1]
        if len(data) < 500 or len(data) > 20_000:
            blobs.append(pack.add(text(chance, 4_000)))
            continue
        blobs.append(pack.change(base, edits(chance, data), named=chance.random() < 0.2))
        if chance.random() < 0.1:
            pack.add(b"tree 0\nauthor A\n\n" + text(chance, 200), "commit")
            pack.add(b"100644 tok_0123abcdef01\0" + bytes(20), "tree")
    return pack


@pytest.mark.parametrize("seed", range(12))
def test_what_is_held_is_what_whole_objects_hold(seed, tmp_path):
    pack = forest(seed, 400)
    (read,) = scanned(pack.write(tmp_path, large=seed % 2 == 0))
    wanted = held(Toy(), pack.objects)
    assert 0 < len(wanted) < len(pack.objects)
    assert set(read.held) == wanted
    assert len(read.held) == len(wanted)
    assert split(read.clean) == {oid for oid, (kind, _) in pack.objects.items() if kind != "tree"} - wanted
    assert read.clean == b"".join(sorted(split(read.clean)))
    assert (read.left, read.reason) == ((), None)
    assert read.scanned < read.inflated


def test_processes_find_what_one_finds(tmp_path, monkeypatch):
    monkeypatch.setattr("nhiscan.collectors.repo._packs._PART", 20_000)
    packs = [forest(seed, 300).write(tmp_path) for seed in (100, 101)]
    alone, together = scanned(*packs), scanned(*packs, jobs=2)
    assert [(set(r.held), r.clean, r.left, r.scanned) for r in alone] == [
        (set(r.held), r.clean, r.left, r.scanned) for r in together
    ]


class Mortal(Toy):
    """Ends its process when it meets one object."""

    def __init__(self, parent):
        super().__init__()
        self._parent = parent

    def places(self, data):
        if b"poison" in bytes(data) and os.getpid() != self._parent:
            os._exit(3)
        return super().places(data)


def test_what_a_dead_process_had_in_hand_is_left(tmp_path, monkeypatch):
    monkeypatch.setattr("nhiscan.collectors.repo._packs._PART", 1)
    pack = Pack()
    good = [pack.add(b"tok_0123abcdef01 %d" % n) for n in range(6)]
    bad = pack.add(b"poison")
    (read,) = scanned(pack.write(tmp_path), jobs=2, detector=partial(Mortal, os.getpid()))
    assert set(read.held) == set(good)
    assert read.left == (bad,)
    assert read.clean == b""


def test_what_need_not_be_seen_is_only_built_upon(tmp_path):
    pack = forest(7, 200)
    wanted = held(Toy(), pack.objects)
    some = {oid for oid in pack.objects if oid[0] % 3}
    (read,) = scanned(pack.write(tmp_path), skip=some.__contains__)
    assert set(read.held) == wanted - some
    assert not split(read.clean) & some
    (nothing,) = scanned(pack.write(tmp_path), skip=lambda _: True)
    assert (nothing.held, nothing.clean, nothing.left, nothing.inflated) == ((), b"", (), 0)


def test_messages_are_read_as_messages(tmp_path):
    pack = Pack()
    pack.add(b"tree tok_0123abcdef01\n\nnothing", "commit")
    hit = pack.add(b"tree 0\n\ntok_0123abcdef01", "commit")
    grown = pack.change(hit, [(0, 8), b"tok_0123abcd0000"])
    tag = pack.add(b"object 0\n\nsecret: 0a1b2c3d4e", "tag")
    (read,) = scanned(pack.write(tmp_path))
    assert set(read.held) == {hit, grown, tag}


def test_archives_other_encodings_and_binaries_are_left(tmp_path):
    pack = Pack()
    wide = pack.add("tok_0123abcdef01".encode("utf-16"))
    archive = pack.add(b"PK\3\4" + bytes(60))
    plain = pack.change(wide, [b"tok_0123abcdef01"])
    again = pack.change(archive, [(0, 30), b"more"])
    (read,) = scanned(pack.write(tmp_path))
    assert set(read.left) == {wide, archive, again}
    assert read.held == (plain,)


def test_an_empty_object_is_a_base_like_any_other(tmp_path):
    pack = Pack()
    empty = pack.add(b"")
    grown = pack.change(empty, [b"tok_0123abcdef01"])
    (read,) = scanned(pack.write(tmp_path))
    assert (read.held, read.clean) == ((grown,), empty)


def test_a_pack_of_nothing_is_read(tmp_path):
    (read,) = scanned(Pack().write(tmp_path))
    assert (read.held, read.clean, read.left, read.reason) == ((), b"", (), None)


def test_large_objects_and_what_grows_from_them_are_left(tmp_path, monkeypatch):
    monkeypatch.setattr(_pack_scan, "LARGEST", 4_000)
    pack = Pack()
    large = pack.add(b"large " * 1_000)
    small = pack.change(large, [(0, 50)])
    base = pack.add(b"word " * 100)
    grown = pack.change(base, [(0, 500)] * 10)
    (read,) = scanned(pack.write(tmp_path))
    assert set(read.left) == {large, small, grown}
    assert read.clean == base


def test_bases_that_wait_are_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(_pack_scan, "_HELD", 10_000)
    chance, pack = random.Random(3), Pack()
    row = [pack.add(text(chance, 4_000))]
    for _ in range(40):
        row.append(pack.change(row[-1], [(0, 3_990), b"%d" % len(row)]))
    (read,) = scanned(pack.write(tmp_path))
    assert read.left == ()  # a chain keeps one base, however long it is
    wide = Pack()
    tops = [wide.add(text(chance, 6_000))]
    for _ in range(6):
        tops.append(wide.change(tops[-1], [(0, 5_900), b"%d" % len(tops)]))
        wide.change(tops[-2], [(0, 5_800), b"leaf %d" % len(tops)])
    (read,) = scanned(wide.write(tmp_path))
    assert {*read.held, *split(read.clean), *read.left} == set(wide.objects)
    wanted = held(Toy(), wide.objects)
    assert set(read.held) == wanted - set(read.left)


def damaged(pack, folder, change):
    """The pack after `change` of its bytes; the index still fits."""
    place = pack.write(folder)
    body = bytearray(place.read_bytes())
    change(body)
    place.write_bytes(body)
    return place


def test_a_damaged_entry_is_left_with_all_that_grows_from_it(tmp_path):
    pack = Pack()
    first, other = pack.add(b"word " * 200), pack.add(b"tok_0123abcdef01")
    child = pack.change(first, [(0, 500), b"x"])
    grandchild = pack.change(child, [(0, 400), b"y"])

    def flip(body):
        body[30] ^= 1

    (read,) = scanned(damaged(pack, tmp_path, flip))
    assert set(read.left) == {first, child, grandchild}
    assert read.held == (other,)


def test_a_delta_that_does_not_fit_is_left(tmp_path):
    pack = Pack()
    base = pack.add(b"word " * 200)
    wrong = b"\x05\x05\x05abcde"
    import zlib

    back = pack.size - 12
    raw = header(6, len(wrong)) + (bytes([back]) if back < 128 else b"") + zlib.compress(wrong)
    oid = oid_of("blob", b"abcde")
    pack.raw(oid, raw)
    (read,) = scanned(pack.write(tmp_path))
    assert (read.left, read.clean) == ((oid,), base)


def test_a_base_that_is_not_in_the_pack_leaves_the_object(tmp_path):
    import zlib

    elsewhere = Pack()
    missing = elsewhere.add(b"word " * 50)
    pack = Pack()
    there = pack.add(b"tok_0123abcdef01")
    content = b"\xfa\x01\x05\x05abcde"
    lost = pack.raw(oid_of("blob", b"abcde"), header(7, len(content)) + missing + zlib.compress(content))
    next_ = pack.raw(oid_of("blob", b"next"), header(7, len(content)) + lost + zlib.compress(content))
    (read,) = scanned(pack.write(tmp_path))
    assert set(read.left) == {lost, next_}
    assert read.held == (there,)
    (skipped,) = scanned(pack.write(tmp_path), skip={lost}.__contains__)
    assert skipped.left == (next_,)


def test_a_ring_of_bases_ends(tmp_path):
    import zlib

    pack = Pack()
    pack.add(b"word")
    content = b"\x05\x05\x05abcde"
    one, two = oid_of("blob", b"one"), oid_of("blob", b"two")
    pack.raw(one, header(7, len(content)) + two + zlib.compress(content))
    pack.raw(two, header(7, len(content)) + one + zlib.compress(content))
    (read,) = scanned(pack.write(tmp_path))
    assert set(read.left) == {one, two}


def shorter(body):
    del body[-200:]


def other_version(body):
    body[7] = 9


def other_count(body):
    body[11] += 1


def other_sum(body):
    body[-1] ^= 1


@pytest.mark.parametrize("change", [shorter, other_version, other_count, other_sum])
def test_a_pack_that_is_not_as_its_index_says_is_left(tmp_path, change):
    place = damaged(forest(1, 40), tmp_path, change)
    (read,) = scanned(place)
    assert (read.held, read.clean, read.left) == ((), b"", ())
    assert read.reason
    assert str(tmp_path) not in read.reason


def old_index(raw):
    return raw[8:]


def longer_index(raw):
    return raw + bytes(12)


def far_index(raw):
    return raw[:-48] + b"\xff" * 8 + raw[-40:]


def below_index(raw):
    return raw[:-48] + bytes(8) + raw[-40:]


@pytest.mark.parametrize(
    "change", [old_index, longer_index, far_index, below_index, lambda _: b"", lambda raw: raw[:500]]
)
def test_an_index_of_another_form_is_unusual(tmp_path, change):
    place = forest(1, 40).write(tmp_path, large=True)
    index = place.with_suffix(".idx")
    index.write_bytes(change(index.read_bytes()))
    with pytest.raises(Unusual):
        read_index(place)


def test_a_number_beyond_the_table_is_unusual(tmp_path):
    place = forest(1, 40).write(tmp_path)
    index = place.with_suffix(".idx")
    raw = bytearray(index.read_bytes())
    at = len(raw) - 40 - 4
    raw[at : at + 4] = b"\x80\0\0\x05"
    index.write_bytes(raw)
    with pytest.raises(Unusual):
        read_index(place)


def test_a_pack_without_an_index_or_a_link_in_its_place_is_left(tmp_path):
    place = forest(1, 40).write(tmp_path)
    link = tmp_path / "pack-link.pack"
    link.symlink_to(place)
    link.with_suffix(".idx").write_bytes(place.with_suffix(".idx").read_bytes())
    assert [bool(r.reason) for r in scanned(place, link)] == [False, True]
    place.with_suffix(".idx").unlink()
    assert scanned(place)[0].reason
    assert scanned(tmp_path / "none.pack")[0].reason


def test_a_pack_that_vanishes_meanwhile_is_left(tmp_path):
    place = forest(1, 40).write(tmp_path)
    index = read_index(place)

    def gone(oid):
        place.unlink(missing_ok=True)
        return False

    (read,) = scanned(place, skip=gone)
    assert len(read.left) == int((index.kind != 0).sum() - (index.kind == 2).sum())


@pytest.mark.parametrize("seed", range(100))
def test_damage_anywhere_leaves_and_never_raises(seed, tmp_path):
    chance = random.Random(seed)
    pack = forest(1, 60)
    place = pack.write(tmp_path)
    target = chance.choice([place, place.with_suffix(".idx")])
    raw = bytearray(target.read_bytes())
    for _ in range(chance.randrange(1, 4)):
        raw[chance.randrange(len(raw))] = chance.randrange(256)
    target.write_bytes(raw)
    (read,) = scanned(place)
    if read.reason is None and target == place:
        wanted = held(Toy(), pack.objects)
        assert set(read.held) <= wanted
        assert set(read.held) | set(read.left) >= wanted


def test_packs_that_git_makes_are_read(tmp_path):
    """Thousands of commits' worth of edits through the real git, with both ways to name a base, and an old index."""
    root, chance = tmp_path / "repo", random.Random(5)

    def git(*arguments, **more):
        return subprocess.run(["git", "-C", root, *arguments], check=True, capture_output=True, **more).stdout

    root.mkdir()
    git("init", "-q")
    stream, data = [], [text(chance, 8_000) for _ in range(4)]
    for n in range(400):
        which = chance.randrange(4)
        old = data[which]
        data[which] = b"".join(s if isinstance(s, bytes) else old[s[0] : sum(s)] for s in edits(chance, old)) or old
        data[which] = data[which][:30_000]
        stream.append(
            b"commit refs/heads/main\ncommitter A <a@b> %d +0000\ndata 1\nx\nM 644 inline f%d\ndata %d\n%s\n"
            % (n, which, len(data[which]), data[which])
        )
    git("fast-import", "--quiet", input=b"".join(stream))
    git("repack", "-adfq", "--depth=60", "--window=20")
    (place,) = root.glob(".git/objects/pack/*.pack")
    listed = git("cat-file", "--batch-all-objects", "--batch-check=%(objectname) %(objecttype)").decode().split()
    objects = {
        bytes.fromhex(oid): (kind, git("cat-file", kind, oid))
        for oid, kind in zip(listed[::2], listed[1::2], strict=True)
        if kind == "blob" and oid[0] in "0123"
    }
    (read,) = scanned(place)
    wanted = held(Toy(), objects)
    assert wanted == {oid for oid in read.held if oid in objects}
    assert split(read.clean) | set(read.held) == {
        bytes.fromhex(oid) for oid, kind in zip(listed[::2], listed[1::2], strict=True) if kind != "tree"
    }
    assert read.scanned < read.inflated / 2
    place.with_suffix(".idx").unlink()
    git("index-pack", "--index-version=1", str(place))
    assert scanned(place)[0].reason
