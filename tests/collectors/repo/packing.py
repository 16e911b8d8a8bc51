"""Packs written by hand, so that a test decides which object is a delta of which, and how (gitformat-pack(5))."""

from __future__ import annotations

import hashlib
import zlib
from dataclasses import dataclass, field

from nhiscan.collectors.repo._pack_places import EVERYTHING, Reach, ordered
from nhiscan.detect.stage import Expression, matcher_kind

KINDS = {"commit": 1, "tree": 2, "blob": 3, "tag": 4}


def number(value, bits=7):
    """Seven bits a byte, lowest first, a set bit where more follow."""
    out = bytearray()
    while value >= 1 << bits:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def copy(start, length):
    code, fields = 128, b""
    for place in range(4):
        if byte := start >> 8 * place & 255:
            code |= 1 << place
            fields += bytes([byte])
    for place in range(3):
        if length != 0x10000 and (byte := length >> 8 * place & 255):
            code |= 16 << place
            fields += bytes([byte])
    return bytes([code]) + fields


def insert(text):
    return b"".join(bytes([len(text[i : i + 127])]) + text[i : i + 127] for i in range(0, len(text), 127))


def made(base, steps):
    """What the steps, pieces of bytes and (start, length) of the base, make of it."""
    return b"".join(step if isinstance(step, bytes) else base[step[0] : step[0] + step[1]] for step in steps)


def delta(base, steps):
    """The steps as a delta."""
    body = b"".join(insert(step) if isinstance(step, bytes) else copy(*step) for step in steps)
    return number(len(base)) + number(len(made(base, steps))) + body


def oid_of(kind, data):
    return hashlib.sha1(b"%s %d\0" % (kind.encode(), len(data)) + data).digest()


@dataclass
class Pack:
    """Entries in the order in which they are added; `objects` holds (kind, data) by id."""

    objects: dict = field(default_factory=dict)
    entries: list = field(default_factory=list)  # (id, offset, raw)
    size: int = 12

    def add(self, data, kind="blob"):
        return self._entry(kind, data, KINDS[kind], data)

    def change(self, base, steps, named=False):
        """A delta of an object that was added, by its offset or by its name."""
        kind, old = self.objects[base]
        if named:
            return self._entry(kind, made(old, steps), 7, delta(old, steps), base)
        place = next(offset for oid, offset, _ in self.entries if oid == base)
        back, lead = self.size - place, b""
        while True:
            lead = bytes([back & 127 | (128 if lead else 0)]) + lead
            back >>= 7
            if not back:
                break
            back -= 1
        return self._entry(kind, made(old, steps), 6, delta(old, steps), lead)

    def _entry(self, kind, data, code, content, lead=b""):
        oid = oid_of(kind, data)
        if oid not in self.objects:
            self.objects[oid] = (kind, data)
            self.raw(oid, header(code, len(content)) + lead + zlib.compress(content))
        return oid

    def raw(self, oid, raw):
        self.entries.append((oid, self.size, raw))
        self.size += len(raw)
        return oid

    def write(self, folder, large=False):
        """The pack and its index in the folder; with `large` the offsets stand in the table of long ones."""
        folder.mkdir(parents=True, exist_ok=True)
        body = b"PACK" + (2).to_bytes(4, "big") + len(self.entries).to_bytes(4, "big")
        body += b"".join(raw for *_, raw in self.entries)
        body += hashlib.sha1(body).digest()
        rows = sorted(self.entries)
        firsts = [oid[0] for oid, *_ in rows]
        index = b"\xfftOc" + (2).to_bytes(4, "big")
        index += b"".join(sum(f <= n for f in firsts).to_bytes(4, "big") for n in range(256))
        index += b"".join(oid for oid, *_ in rows)
        index += b"".join(zlib.crc32(raw).to_bytes(4, "big") for *_, raw in rows)
        if large:
            index += b"".join((1 << 31 | n).to_bytes(4, "big") for n in range(len(rows)))
            index += b"".join(offset.to_bytes(8, "big") for _, offset, _ in rows)
        else:
            index += b"".join(offset.to_bytes(4, "big") for _, offset, _ in rows)
        index += body[-20:]
        index += hashlib.sha1(index).digest()
        place = folder / f"pack-{body[-20:].hex()}.pack"
        place.write_bytes(body)
        place.with_suffix(".idx").write_bytes(index)
        return place


def header(code, size):
    low = size & 15
    rest = size >> 4
    return bytes([code << 4 | low | (128 if rest else 0)]) + (number(rest) if rest else b"")


PLAIN = Expression(rb"tok_[0-9a-f]{8}", 12)
NAMED = Expression(rb"(?i:secret|key)[\x00-\xff]{0,40}[^0-9A-Za-z][0-9a-f]{10}", 10)
NEAR = Expression(rb"\bid-[0-9]{4}\b", 7)
BLOCK = Expression(rb"-----BEGIN", 10)


class Toy:
    """A detector of four formats: one that stands alone, one behind a name, one near another word, and a long block."""

    reach = Reach(54, 14, (40, 80, 230, EVERYTHING), (b"", b"", b"", b""), 9, 0, bool, 9)

    def __init__(self):
        self._matcher = matcher_kind().of((PLAIN, NAMED, NEAR, BLOCK))

    def places(self, data):
        return self._matcher.places(data)

    def every(self, data, places):
        return [place for place in places if self._judge(data, *place)], True

    def _judge(self, data, expression, place):
        if expression == 0:
            return data[place + 12 : place + 16].strip(b"0123456789abcdef") == b""
        if expression == 1:
            return b"#" not in data[max(0, place - 60) : place] and data[place + 10 : place + 11] != b"g"
        if expression == 2:
            return b"pair" in data[max(0, place - 200) : place + 200]
        end = data.find(b"-----END", place)
        return end > 0 and b"..." not in data[place:end]


def held(detector, objects):
    """The ids of the objects that hold something, by a scan of each as a whole."""
    from nhiscan.collectors.repo._texts import message

    texts = {oid: data if kind == "blob" else message(data) for oid, (kind, data) in objects.items() if kind != "tree"}
    return {oid for oid, data in texts.items() if data and detector.every(data, ordered(detector.places(data)))[0]}
