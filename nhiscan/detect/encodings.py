"""Base64, hexadecimal and percent-encoding: which words betray a stretch of them, and what the stretch says.

Base64 (RFC 4648) cuts text into groups of six bits, so a word has three encodings, by the place it begins at modulo
three; where a group is shared with a neighbour the character is one of a few.  The top bit of ASCII is zero, which
narrows the last one.  Standard and URL-safe alphabets, padded or not, in one line or wrapped (RFC 2045) are read alike.
"""

from __future__ import annotations

import functools
import re
import zlib
from binascii import a2b_base64, b2a_base64
from functools import partial
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote_to_bytes

from nhiscan.detect.layer import Layer
from nhiscan.detect.stage import Expression

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    Reader = Callable[[bytes, int, int], Layer | None]

SHORTEST = 3
"""A word of fewer bytes has encodings that stand in any text."""

_ENOUGH = 7  # bytes of a word, more of which say nothing new
_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_RUN = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_"
_BACK, _AHEAD = 64 << 10, 256 << 10  # bytes read around a place; what is longer is read in several layers
_ONE_LINE = re.compile(rb"[A-Za-z0-9+/_-]*")
_NEXT_LINE = re.compile(rb"(?:\r?\n|(?:\\r)?\\n)[ \t]{0,32}([A-Za-z0-9+/_-]++)(?=={0,2}[ \t]*(?:[\r\n\\\"'`<]|\Z))")
_LINE_END = re.compile(rb"(?:\r?\n|(?:\\r)?\\n)[ \t]{0,32}\Z")
_WRAPPED = 32  # bytes in a line that is taken for part of a wrapped block
_STANDARD = bytes.maketrans(b"-_", b"+/")
_PLAIN = bytes(range(0x20, 0x7F)) + b"\t\n\r"
_HEX = b"0123456789abcdefABCDEF"
_HEX_RUN = re.compile(rb"(?:[0-9a-fA-F]{2})*")
_URL = bytes(sorted(set(range(0x21, 0x7F)) - set(b"\"'<>`\\")))
_URL_RUN = re.compile(rb"[!#-&(-;=?-\[\]-_a-~]*")
_LEAST = 8  # readable bytes around the word, without which the match is chance
_MOST_INFLATED = 1 << 20
_DER = (b"0\x81", b"0\x82", b"0\x83")  # a SEQUENCE of ASN.1, longer than 127 bytes
# Four characters that stand for ASCII: the second, the third and, before padding, the last are each one of few.
_QUAD = "[C-DI-Za-f][A-HQ-Xg-nw-z0-3][ABEFIJMNQRUVYZcdghklopstwx014589][A-Za-z0-9+/_-]"


def readers(words: Iterable[bytes], often: Iterable[bytes]) -> list[tuple[Expression, Reader]]:
    """Expressions and their readers for the encodings of the words; those met often are looked for in more of them."""
    words, often = _cut(words), _cut(often)
    gzip = (Expression(rb"H4sI[A-Za-z0-9+/_-]{12}", 16), gzip_layer)
    return [*_in_base64(words, often), *_in_hex(words), *_padded(), *_percent(), gzip]


def _cut(words: Iterable[bytes]) -> list[bytes]:
    return sorted({word[:_ENOUGH] for word in words if len(word) >= SHORTEST})


def _in_base64(words: Iterable[bytes], often: Iterable[bytes]) -> Iterator[tuple[Expression, Reader]]:
    """Words in base64; those met often also twice encoded, and as UTF-16 in base64, which PowerShell takes."""
    found = {seen for word in words for seen in sextets(word)}
    for word in often:
        found.update(seen for first in sextets(word) for seen in sextets(first.sure))
        found.update(sextets(word[:5].decode("latin-1").encode("utf-16-le")))
    by_phase = [partial(base64_layer, phase) for phase in range(3)]
    for text, phase, length in sorted({(seen.text, seen.phase, seen.length) for seen in found}):
        yield Expression(text, length), by_phase[phase]


def _in_hex(words: Iterable[bytes]) -> Iterator[tuple[Expression, Reader]]:
    for text in sorted({word[:6].hex() for word in words if len(word) > SHORTEST}):
        yield Expression(text.encode(), len(text), caseless=True), hex_layer


def _padded() -> Iterator[tuple[Expression, Reader]]:
    """The end of any text in base64 whose length is no multiple of three, and of one that was encoded twice."""
    lead = f"{_QUAD * 2}[C-DI-Za-f]"
    last = "[A-HQ-Xg-nw-z0-3][AEIMQUYcgkosw048]="
    end = "[\\r\\n\"' ,<]"
    yield Expression(f"{lead}[AQgw]==".encode(), 12), partial(base64_layer, 0)
    yield Expression(f"{lead}{last}{end}".encode(), 13), partial(base64_layer, 0)
    yield Expression(f"{lead}[DTjz]09{end}".encode(), 13), partial(base64_layer, 0)


def _percent() -> Iterator[tuple[Expression, Reader]]:
    yield Expression(rb"(?:%[2-7][0-9A-Fa-f]){3}", 9), percent_layer
    yield Expression(rb"%(?:22|25|3[AaDd]|40|5[Ff]|2[BbFf])[0-9A-Za-z._~-]{8}", 11), percent_layer


class Seen(NamedTuple):
    """How a word looks in base64: an expression for `length` characters, of which `sure` are always the same.

    The first stands `phase` characters after a multiple of four.
    """

    text: bytes
    phase: int
    length: int
    sure: bytes


def sextets(word: bytes) -> Iterator[Seen]:
    """The alignments of a word, three or, where fewer than three characters are sure in one, less."""
    for before in range(3):
        bits = before * 8 + len(word) * 8
        coded = b2a_base64(bytes(before) + word + b"\0", newline=False)
        first, last = before * 8 // 6, bits // 6
        sure = coded[first + (before > 0) : last]
        if len(sure) < SHORTEST:
            continue
        head = _classes(coded[first : first + 1], 64 >> (before * 8 % 6), 1) if before else b""
        low = coded[last : last + 1]  # behind the word comes ASCII, so the bit that follows is zero
        tail = _classes(low, 1, 1 << (5 - bits % 6)) if bits % 6 else b""
        yield Seen(head + _classed(sure) + tail, first, len(sure) + bool(head) + bool(tail), sure)


@functools.cache
def _classes(character: bytes, step: int, count: int) -> bytes:
    """The characters whose groups of bits are the character's or, by steps, follow it: `count` of them, or up to 64."""
    at = _ALPHABET.index(character)
    return _class(range(at, 64, step) if step > 1 else range(at, at + count))


def _class(fit: Iterable[int]) -> bytes:
    text = b"".join({62: b"+\\-", 63: b"/_"}.get(six, _ALPHABET[six : six + 1]) for six in fit)
    return text if len(text) == 1 else b"[" + text + b"]"


def _classed(sure: bytes) -> bytes:
    return sure.replace(b"/", b"[/_]").replace(b"+", b"[+\\-]")


def base64_layer(phase: int, data: bytes, place: int, floor: int = 0) -> Layer | None:
    """The text of the base64 around a place that stands `phase` characters after a multiple of four."""
    near, offset = _near(data, place - phase, floor)
    offset += phase
    wide = _is_wide(near, offset)
    if not wide and not _readable(near, offset):
        return None
    lines = _before(data, place, floor)
    before = sum(stop - begin for begin, stop in lines)
    start = lines[0][0]
    lines += _after(data, place)
    skipped = (before - phase) % 4
    raw = _decoded(b"".join(data[begin:stop] for begin, stop in lines)[skipped:])
    if raw[:2] in _DER:
        raw = b""  # a certificate or a key: its names and addresses are no settings
    if wide:
        odd = ((before - phase - skipped) * 3 // 4 + phase) % 2
        raw = raw[odd:].decode("utf-16-le", "replace").encode()
    return Layer(start, lines[-1][1], raw, "base64+utf-16" if wide else "base64", _marks(lines, skipped, len(raw)))


def _near(data: bytes, place: int, floor: int) -> tuple[bytes, int]:
    """What the characters on the line around the place say, and where in it the place is."""
    since = max(floor, place - 4 * _LEAST)
    since += (place - since) % 4
    behind = data[since:place]
    behind = behind[len(behind.rstrip(_RUN)) :]
    behind = behind[len(behind) % 4 :]
    ahead = _ONE_LINE.match(data, max(place, 0), max(place, 0) + 8 * _LEAST)
    return _decoded(behind + (ahead.group() if ahead else b"")), len(behind) * 3 // 4


def _decoded(text: bytes) -> bytes:
    """The bytes of base64 in either alphabet, without padding."""
    text = text.translate(_STANDARD)
    text = text[: len(text) - 1] if len(text) % 4 == 1 else text
    return a2b_base64(text + b"=" * (-len(text) % 4))


def gzip_layer(data: bytes, place: int, floor: int = 0) -> Layer | None:
    """The text of a gzip stream (RFC 1952) in base64 that begins at the place, up to a megabyte of it."""
    head = _ONE_LINE.match(data, place, place + 64)
    if place < floor or head is None or not _inflated(_decoded(head.group())):
        return None
    lines = _after(data, place)
    raw = _inflated(_decoded(b"".join(data[begin:stop] for begin, stop in lines)))
    return Layer(place, lines[-1][1], raw, "base64+gzip")


def _inflated(raw: bytes) -> bytes:
    """As much as comes out before the data end or break."""
    stream, out = zlib.decompressobj(31), bytearray()
    try:
        for begin in range(0, len(raw), 512):
            out += stream.decompress(raw[begin : begin + 512], _MOST_INFLATED)
            if len(out) >= _MOST_INFLATED or stream.eof:
                break
    except zlib.error:
        pass
    return bytes(out)


def _before(data: bytes, place: int, floor: int) -> list[tuple[int, int]]:
    """The stretches of the run before the place, one for each line, in order."""
    low = max(floor, place - _BACK)
    begin = _run_start(data, place, low)
    lines = [(begin, place)]
    width = len(_ONE_LINE.match(data, begin, begin + 4096).group())  # type: ignore[union-attr]  # matches anything
    while begin > low:
        gap = _LINE_END.search(data, max(low, begin - 36), begin)
        if gap is None or width < _LEAST:
            break
        stop = gap.start()
        begin = _run_start(data, stop, low)
        if stop - begin < max(_WRAPPED // 2, min(width, _WRAPPED)):
            break
        lines.append((begin, stop))
        width = stop - begin
    return lines[::-1]


def _run_start(data: bytes, place: int, low: int) -> int:
    """Where the run of base64 that ends at the place begins; an escaped line end before it is not part of it."""
    size = 128
    while True:
        since = max(low, place - size)
        start = since + len(data[since:place].rstrip(_RUN))
        if start > since or since == low:
            break
        size *= 8
    if start > low and data[start - 1 : start] == b"\\" and data[start : start + 1] in {b"n", b"r", b"t"}:
        start = min(place, start + 1)
    return start


def _after(data: bytes, place: int) -> list[tuple[int, int]]:
    """The stretches of the run from the place on: the rest of its line, and lines as long, up to a shorter one."""
    limit = min(len(data), place + _AHEAD)
    end = _ONE_LINE.match(data, place, limit).end()  # type: ignore[union-attr]  # matches anything
    lines = [(place, end)]
    width = 0
    while match := _NEXT_LINE.match(data, end, limit):
        begin, end = match.span(1)
        if width and end - begin > width:
            break
        lines.append((begin, end))
        if end - begin < max(width, _WRAPPED):
            break
        width = end - begin
    return lines


def _marks(lines: list[tuple[int, int]], skipped: int, size: int) -> tuple[tuple[int, int], ...]:
    total = max(1, sum(stop - begin for begin, stop in lines) - skipped)
    marks, count = [], -skipped
    for begin, stop in lines:
        marks.append((max(0, count) * size // total, begin + max(0, -count)))
        count += stop - begin
    return tuple(marks)


def _readable(raw: bytes, offset: int) -> bool:
    """Whether the bytes on both sides of the offset are text."""
    ahead, behind = raw[offset:], raw[:offset]
    return len(ahead) - len(ahead.lstrip(_PLAIN)) + len(behind) - len(behind.rstrip(_PLAIN)) >= _LEAST


def _is_wide(raw: bytes, offset: int) -> bool:
    """Whether the bytes from the offset on are ASCII as UTF-16 (little-endian)."""
    sample = raw[offset:]
    return len(sample) >= 2 * _LEAST and not sample[1::2].strip(b"\0") and not sample[::2].strip(_PLAIN)


def hex_layer(data: bytes, place: int, floor: int = 0) -> Layer | None:
    """The text of the hexadecimal digits around a place."""
    near = _HEX_RUN.match(data, place, place + 4 * _LEAST)
    if near is None or not _readable(bytes.fromhex(near.group().decode()), 0):
        return None
    low = max(floor, place - _BACK)
    since = low + len(data[low:place].rstrip(_HEX))
    start = since + (place - since) % 2
    end = _HEX_RUN.match(data, start, place + _AHEAD).end()  # type: ignore[union-attr]  # matches anything
    return Layer(start, end, bytes.fromhex(data[start:end].decode()), "hex")


def percent_layer(data: bytes, place: int, floor: int = 0) -> Layer | None:
    """The text of the percent-encoded bytes (RFC 3986) around a place, with the rest of the address they stand in."""
    low = max(floor, place - (_BACK >> 3))
    start = low + len(data[low:place].rstrip(_URL))
    end = _URL_RUN.match(data, start, place + _BACK).end()  # type: ignore[union-attr]  # matches anything
    return Layer(start, end, unquote_to_bytes(data[start:end]), "percent")
