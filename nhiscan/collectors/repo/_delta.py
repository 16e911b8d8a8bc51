"""A delta of a pack: the object it makes of its base, and which stretches of it are the base's own bytes.

Format: gitformat-pack(5), "Deltified representation".  Opcodes are read one by one: finding their places
first and reading their fields by columns was measured; it is not faster below a thousand opcodes, and few deltas have
more.
"""

from __future__ import annotations

from struct import Struct, error
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_WHOLE_COPY = 0x10000  # what a copy of no size means


class DeltaError(ValueError):
    """The delta does not fit its base, or makes more than it says or than is allowed."""


def _tables() -> tuple[list[Callable[[bytes, int], tuple[int, ...]] | None], list[int], list[int], list[int]]:
    """By opcode: a reader of the two usual fields, the bytes it takes, and mask and shift of an offset from bit 0 on.

    The step is 0 for an opcode whose fields have gaps.
    """
    readers: list[Callable[[bytes, int], tuple[int, ...]] | None] = [None] * 256
    for code, form in {0x91: "<BB", 0x93: "<HB", 0xB1: "<BH", 0xB3: "<HH"}.items():
        readers[code] = Struct(form).unpack_from
    steps, masks, shifts = [0] * 256, [0] * 256, [0] * 256
    for offset in range(5):
        for size in range(1, 4):
            code = 0x80 | ((1 << offset) - 1) | ((1 << size) - 1) << 4
            steps[code], masks[code], shifts[code] = 1 + offset + size, (1 << 8 * offset) - 1, 8 * offset
    return readers, steps, masks, shifts


_READERS, _STEPS, _MASKS, _SHIFTS = _tables()


def sizes(delta: bytes) -> tuple[int, int, int]:
    """The sizes of base and object that a delta names, and where its opcodes begin.  Raises DeltaError."""
    base, place = _size(delta, 0)
    size, place = _size(delta, place)
    return base, size, place


def _size(delta: bytes, place: int) -> tuple[int, int]:
    size = shift = 0
    for byte in delta[place : place + 9]:
        place += 1
        size |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return size, place
    raise DeltaError


def apply(delta: bytes, base: bytes, most: int, least: int = 0) -> tuple[bytes, list[tuple[int, int, int]]]:
    """The object, and its copies as (place in the object, place in the base, length) in the object's order.

    Copies of less than `least` bytes are not told.  Raises DeltaError, also when the object has more than `most` bytes.
    """
    size_of_base, size, place = sizes(delta)
    if size_of_base != len(base) or size > most:
        raise DeltaError
    try:
        parts, copies = _parts(delta, place, base, size, least)
    except (IndexError, error):  # the fields of the last opcode are cut off
        raise DeltaError from None
    data = b"".join(parts)
    if len(data) != size:
        raise DeltaError
    return data, copies


def _parts(
    delta: bytes, place: int, base: bytes, size: int, least: int
) -> tuple[list[bytes], list[tuple[int, int, int]]]:
    parts: list[bytes] = []
    copies: list[tuple[int, int, int]] = []
    add, readers, steps = parts.append, _READERS, _STEPS
    made, stop = 0, len(delta)
    while place < stop:
        code = delta[place]
        if code < 128:
            place += 1
            if not code:
                raise DeltaError
            add(delta[place : place + code])
            place += code
            made += code
            continue
        reader = readers[code]
        if reader is not None:
            start, length = reader(delta, place + 1)
            place += steps[code]
        elif step := steps[code]:
            fields = int.from_bytes(delta[place + 1 : place + step], "little")
            start, length = fields & _MASKS[code], fields >> _SHIFTS[code]
            place += step
        else:
            start, length, place = _fields(delta, place + 1, code)
        if not length:
            length = _WHOLE_COPY
        add(base[start : start + length])
        if length >= least:
            copies.append((made, start, length))
        made += length
        if made > size:
            raise DeltaError
    if place != stop or made != size:
        raise DeltaError
    return parts, copies


def _fields(delta: bytes, place: int, code: int) -> tuple[int, int, int]:
    """Offset and size of a copy some of whose bytes are left out, and the place after them."""
    start = length = 0
    for number in range(4):
        if code & 1 << number:
            start |= delta[place] << 8 * number
            place += 1
    for number in range(3):
        if code & 16 << number:
            length |= delta[place] << 8 * number
            place += 1
    return start, length, place
