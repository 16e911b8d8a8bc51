"""Archives are read as streams: every text in them is seen, and what is not read says why."""

from __future__ import annotations

import bz2
import functools
import gzip
import io
import lzma
import stat
import struct
import sys
import tarfile
import tracemalloc
import zipfile
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nhiscan.detect import streams, tarball, wide, zipped
from nhiscan.detect.containers import REMEDIES, Limits, Member, Reason, is_container, members
from nhiscan.detect.wide import encoding_of, is_binary, recoded

TEXT = b"password = one\nand more\n"


def zipped_of(files, method=zipfile.ZIP_DEFLATED):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


def tar_of(files, mode="w", fmt=tarfile.PAX_FORMAT):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode, format=fmt) as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def read(name, data, **limits):
    return {m.path: m.data if m.reason is None else m.reason for m in members(name, data, Limits(**limits))}


FILES = {"a.txt": TEXT, "deep/b.env": b"X=1\n", "empty": b""}
INSIDE = {f"x!/{name}": data for name, data in FILES.items()}


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2])
def test_a_zip_gives_its_texts(method):
    data = zipped_of(FILES | {"dir/": b"", "logo.png": b"\x89PNG\r\n", "lib.so": b"\x7fELF\0"}, method)
    assert is_container(data[:512], "x")
    assert read("x", data) == INSIDE


@pytest.mark.parametrize("fmt", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT])
@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_a_tar_gives_its_texts_however_it_is_compressed(mode, fmt):
    data = tar_of(FILES, mode, fmt)
    assert is_container(data[:512])
    assert read("x", data) == INSIDE


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_a_compressed_file_is_one_text(pack):
    ending = {gzip.compress: ".gz", bz2.compress: ".bz2", lzma.compress: ".xz"}[pack]
    assert read(f"d/log.txt{ending}", pack(TEXT)) == {f"d/log.txt{ending}!/log.txt": TEXT}
    assert read("log", pack(TEXT)) == {"log": TEXT}
    assert read("log", pack(TEXT) + pack(b"more") + b"\0\0") == {"log": TEXT + b"more"}
    assert read("log", pack(b"")) == {"log": b""}


def test_zstandard_is_read_where_python_can():
    head = b"\x28\xb5\x2f\xfd" + bytes(20)
    assert is_container(head)
    assert set(read("x.zst", head).values()) <= {Reason.UNSUPPORTED, Reason.BROKEN}
    if sys.version_info >= (3, 14):
        from compression import zstd

        assert read("x.zst", zstd.compress(TEXT)) == {"x.zst!/x": TEXT}


@pytest.mark.parametrize("fmt", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
def test_names_longer_than_a_header_and_foreign_letters_are_kept(fmt):
    long = "d/" * 90 + "größe.txt"
    assert read("x", tar_of({long: TEXT, "b": b"2"}, fmt=fmt)) == {f"x!/{long}": TEXT, "x!/b": b"2"}
    assert read("x", zipped_of({long: TEXT})) == {f"x!/{long}": TEXT}


def test_names_that_lead_elsewhere_are_labels_only(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    names = {"../../etc/passwd": TEXT, "/abs/file": b"1", "a\nb\x1b[31m": b"2"}
    for data in (zipped_of(names), tar_of(names)):
        assert list(read("x", data)) == ["x!/../../etc/passwd", "x!//abs/file", "x!/a\ufffdb\ufffd[31m"]
    assert sorted(tmp_path.rglob("*")) == before


def test_links_devices_and_directories_of_a_tar_hold_nothing():
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for kind in (
            tarfile.SYMTYPE,
            tarfile.LNKTYPE,
            tarfile.CHRTYPE,
            tarfile.BLKTYPE,
            tarfile.FIFOTYPE,
            tarfile.DIRTYPE,
        ):
            info = tarfile.TarInfo(f"special{kind!r}")
            info.type, info.linkname = kind, "/etc/passwd"
            archive.addfile(info)
        info = tarfile.TarInfo("file")
        info.size = len(TEXT)
        archive.addfile(info, io.BytesIO(TEXT))
    assert read("x", out.getvalue()) == {"x!/file": TEXT}


def test_a_symbolic_link_in_a_zip_is_the_text_of_its_target():
    info = zipfile.ZipInfo("link")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(info, "../secret")
    assert read("x", out.getvalue()) == {"x!/link": b"../secret"}


def test_archives_in_archives_are_read_to_the_third():
    inner = tar_of({"deepest": TEXT}, "w:gz")
    third = zipped_of({"a.tgz": inner, "plain": b"1"})
    assert read("x", tar_of({"b.zip": third})) == {"x!/b.zip!/a.tgz!/deepest": TEXT, "x!/b.zip!/plain": b"1"}
    fourth = read("x", zipped_of({"c.tar": tar_of({"b.zip": third}), "after": b"2"}))
    assert fourth == {"x!/c.tar!/b.zip!/a.tgz": Reason.TOO_DEEP, "x!/c.tar!/b.zip!/plain": b"1", "x!/after": b"2"}
    assert read("x.gz", functools.reduce(lambda d, _: gzip.compress(d), range(4), TEXT)) == {"x.gz": Reason.TOO_DEEP}


def test_an_inner_zip_too_large_for_memory_is_a_reason():
    inner = zipped_of({"a": bytes(range(32, 127)) * 100}, zipfile.ZIP_STORED)
    assert read("x", tar_of({"big.zip": inner, "b": TEXT}), max_file_bytes=4_000) == {
        "x!/big.zip": Reason.TOO_LARGE,
        "x!/b": TEXT,
    }


@pytest.mark.parametrize("make", [zipped_of, tar_of, lambda files: tar_of(files, "w:gz")])
def test_a_member_longer_than_is_held_comes_by_windows(make):
    text = b"".join(b"line %d\n" % i for i in range(200_000))
    seen = set()
    for member in members("x", make({"log": text, "b": b"2"}), Limits(max_file_bytes=300_000)):
        if member.window is None:
            assert member == Member("x!/b", b"2")
            continue
        window, data = member.window, member.data
        assert data == text[window.offset : window.offset + len(data)]
        assert window.lines_before == text.count(b"\n", 0, window.offset)
        owned = range(window.offset + window.first, window.offset + window.end)
        assert seen.isdisjoint(owned)
        seen.update(owned)
        assert len(data) <= 300_000
    assert seen == set(range(len(text)))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_wide_text_is_read_as_utf_8_with_or_without_a_mark(encoding):
    text = "token = ab\r\nwörter\n" * 2_000
    data = text.encode(encoding)
    assert read("x", zipped_of({"a": data}))["x!/a"] == text.encode()
    assert recoded(data, encoding_of(data[:4096])) == text.encode()
    pieces = list(members("x", zipped_of({"a": data}), Limits(max_file_bytes=9_000)))
    assert pieces[0].window is not None
    assert all(piece.data in text.encode() for piece in pieces)


def test_what_is_no_wide_text_is_told_apart():
    assert encoding_of(b"plain text, no zeros") is None
    assert encoding_of(b"a\0") is None
    assert encoding_of(b"\xfe\xff" + struct.pack(">200h", *range(-100, 100))) is None
    assert encoding_of(bytes(range(256)) * 4) is None
    assert encoding_of(struct.pack("<200H", *range(300, 500))) is None
    assert is_binary(struct.pack("<200I", *range(200)))
    assert is_binary(b"%PDF-1.7 text")
    assert not is_binary(b"\0" * 4096)
    assert not is_binary("token = x".encode("utf-16-le"))
    assert not is_binary("größe".encode())


def test_encrypted_members_are_reasons():
    data = bytearray(zipped_of({"a": TEXT, "b": TEXT}))
    data[data.index(b"PK\x01\x02") + 8] |= 1
    assert read("x", bytes(data)) == {"x!/a": Reason.ENCRYPTED, "x!/b": TEXT}


def test_methods_nobody_can_unpack_are_reasons():
    data = bytearray(zipped_of({"a": TEXT, "b": TEXT}))
    data[data.index(b"PK\x01\x02") + 10] = 97
    assert read("x", bytes(data)) == {"x!/a": Reason.UNSUPPORTED, "x!/b": TEXT}
    assert read("x", b"7z\xbc\xaf\x27\x1c" + bytes(50)) == {"x": Reason.UNSUPPORTED}
    assert read("x", b"text") == {"x": Reason.UNSUPPORTED}


@pytest.mark.parametrize("make", [zipped_of, tar_of, lambda f: tar_of(f, "w:gz"), lambda f: tar_of(f, "w:xz")])
def test_an_archive_that_breaks_off_gives_what_came_and_a_reason(make):
    noise = b"".join(b"%d-" % (i * 7919 % 10007) for i in range(30_000))
    data = make({"a": b"first\n", "b": noise, "c": b"third"})
    found = read("x", data[: len(data) // 2])
    assert Reason.BROKEN in found.values()
    assert make is zipped_of or found["x!/a"] == b"first\n"


def test_a_broken_member_keeps_what_came_before_the_fault():
    data = bytearray(gzip.compress(b"".join(b"%d-" % (i * 7919 % 10007) for i in range(60_000)), mtime=0))
    data[len(data) * 3 // 4] ^= 0xFF
    first, *rest = members("log.gz", bytes(data), Limits())
    assert first.data is not None
    assert first.data.startswith(b"0-7919-")
    assert [m.reason for m in rest] in ([Reason.BROKEN], [])


def test_a_zip_behind_other_bytes_is_found_by_its_end():
    data = zipped_of(FILES)
    budget = streams.Budget(Limits(), len(data))
    handle = io.BytesIO(b"#!/bin/sh\nexit\n" + data)
    names = {e.name: zipped.content(handle, e, budget).read(100) for e in zipped.entries(handle, budget)}
    assert names == FILES


def test_a_zip_of_64_bits_is_read():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive, archive.open(zipfile.ZipInfo("a"), "w", force_zip64=True) as member:
        member.write(TEXT)
    assert read("x", out.getvalue()) == {"x!/a": TEXT}
    assert read("x", _zip64(out.getvalue())) == {"x!/a": TEXT}


def _zip64(data):
    """The archive with its directory told, and its member placed, by 64-bit records only."""
    start, end = data.index(b"PK\x01\x02"), data.index(b"PK\x05\x06")
    entry = bytearray(data[start:end])
    extra = struct.pack("<2H3Q", 1, 24, len(TEXT), len(TEXT), 0)
    name_size = struct.unpack_from("<H", entry, 28)[0]
    struct.pack_into("<2L", entry, 20, 0xFFFFFFFF, 0xFFFFFFFF)
    struct.pack_into("<H", entry, 30, len(extra))
    struct.pack_into("<L", entry, 42, 0xFFFFFFFF)
    directory = bytes(entry[: 46 + name_size]) + extra
    record = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, 1, 1, len(directory), start)
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, start + len(directory), 1)
    tail = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    return data[:start] + directory + record + locator + tail


@pytest.mark.parametrize("cut", ["locator", "record"])
def test_a_zip_of_64_bits_without_its_records_is_broken(cut):
    out = io.BytesIO(zipped_of({"a": TEXT}, zipfile.ZIP_STORED))
    data = _zip64(out.getvalue())
    magic = b"PK\x06\x07" if cut == "locator" else b"PK\x06\x06"
    assert read("x", data.replace(magic, b"PK\0\0")) == {"x": Reason.BROKEN}


ZEROS = bytes(64 << 20)


@pytest.fixture(scope="module")
def bomb():
    return zlib_gzip(1 << 28)


def zlib_gzip(size):
    pack = zlib.compressobj(9, zlib.DEFLATED, 31)
    return b"".join(pack.compress(ZEROS[:step]) for step in [len(ZEROS)] * (size // len(ZEROS))) + pack.flush()


def peak_of(name, data, **limits):
    tracemalloc.start()
    found = {}
    for member in members(name, data, Limits(**limits)):
        found[member.path] = member.reason
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return found, peak


@pytest.mark.parametrize("around", ["gz", "zip", "tar", "zip in zip"])
def test_a_compression_bomb_ends_early_in_little_memory(bomb, around):
    data = {
        "gz": lambda: bomb,
        "zip": lambda: zipped_of({"a": ZEROS * 2}),
        "tar": lambda: tar_of({"a.gz": bomb}),
        "zip in zip": lambda: zipped_of({"a.zip": zipped_of({"b": ZEROS * 2})}),
    }[around]()
    found, peak = peak_of("x", data, max_file_bytes=1 << 20)
    assert found["x"] is Reason.BOMB
    assert peak < 12 << 20


def test_many_members_that_share_their_data_end_at_the_bound():
    """Overlapping members: a small file whose directory names the same stretch again and again."""
    one = zipped_of({"a": b"x" * (1 << 20)})
    start, end = one.index(b"PK\x01\x02"), one.index(b"PK\x05\x06")
    directory = one[start:end] * 2_000
    tail = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 2_000, 2_000, len(directory), start, 0)
    found, _ = peak_of("x", one[:start] + directory + tail)
    assert found["x"] is Reason.BOMB


def test_members_beyond_counting_end_at_the_bound_without_being_listed():
    entry = struct.pack("<4s4B4HL2L5H2L", b"PK\x01\x02", 20, 0, 20, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0) + b"d"
    directory = entry * 300_000
    tail = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 0xFFFE, 0xFFFE, len(directory), 0, 0)
    found, peak = peak_of("x", b"PK\x03\x04" + directory + tail, max_members=20_000)
    assert found["x"] is Reason.TOO_MANY
    assert peak < 20 << 20
    header = tar_of({"a": b""})[:512]
    found, _ = peak_of("x", header * 30_000, max_members=20_000)
    assert found["x"] is Reason.TOO_MANY


def test_the_total_is_bounded_whatever_the_ratio():
    text = bytes(range(32, 127)) * 1_000
    found = read("x", zipped_of({str(i): text for i in range(30)}, zipfile.ZIP_STORED), max_total_bytes=1_000_000)
    assert found["x"] is Reason.TOO_LARGE
    assert sum(isinstance(v, bytes) for v in found.values()) == 11  # ten, and the beginning of the next


def test_a_dictionary_too_large_for_memory_is_refused():
    assert read("x.xz", _xz())["x.xz"] is Reason.BROKEN


def _xz():
    """A stream that asks for a dictionary of half a gigabyte, its header sum made right."""
    data = bytearray(lzma.compress(TEXT))
    header = 12
    length = (data[header] + 1) * 4
    place = data.index(b"\x21\x01", header) + 2
    data[place] = 34
    struct.pack_into("<L", data, header + length - 4, zlib.crc32(data[header : header + length - 4]))
    return bytes(data)


def test_a_tar_header_that_lies_is_broken():
    good = tar_of({"a": TEXT})
    for place, value in ((124, b"99999999999\0"), (148, b"0000000\0"), (0, b"zzz")):
        bad = good[:place] + value + good[place + len(value) :]
        assert Reason.BROKEN in read("x", good[:1024] + bad).values()
    assert tarball.is_tar(good)
    assert not tarball.is_tar(good[:100])


def test_sizes_beyond_octal_and_sparse_files_are_understood():
    data = bytearray(tar_of({"a": TEXT}, fmt=tarfile.GNU_FORMAT))
    data[124:136] = b"\x80" + len(TEXT).to_bytes(11)
    assert read("x", _summed(data)) == {"x!/a": TEXT}
    data[156], data[482] = ord("S"), 1
    assert read("x", _summed(data[:512]) + bytes(512) + bytes(data[512:])) == {"x!/a": TEXT}


def _summed(data):
    header = bytearray(data[:512])
    header[148:156] = b" " * 8
    return bytes(header[:148]) + b"%06o\0 " % sum(header) + bytes(data[156:])


@given(
    st.sampled_from(["zip", "tar", "gz", "tgz", "xz"]),
    st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), max_size=6),
    st.floats(0, 1),
)
@settings(max_examples=200, deadline=None)
def test_no_damage_raises_anything(kind, changes, cut):
    data = bytearray(
        {
            "zip": lambda: zipped_of(FILES),
            "tar": lambda: tar_of(FILES),
            "gz": lambda: gzip.compress(TEXT, mtime=0),
            "tgz": lambda: tar_of(FILES, "w:gz"),
            "xz": lambda: lzma.compress(TEXT),
        }[kind]()
    )
    for place, value in changes:
        data[int(place * (len(data) - 1))] = value
    for member in members("x", bytes(data[: int(cut * len(data))]) if cut < 0.9 else bytes(data), Limits()):
        assert (member.data is None) == (member.reason is not None)


def test_a_file_that_is_open_is_read_in_place(tmp_path):
    (tmp_path / "a.zip").write_bytes(zipped_of(FILES))
    with (tmp_path / "a.zip").open("rb") as handle:
        assert {m.path: m.data for m in members("x", handle)} == INSIDE


def test_every_reason_has_the_act_that_fixes_it():
    assert set(REMEDIES) == set(Reason)
    assert not wide.is_binary(b"")
