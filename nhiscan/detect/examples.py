"""Examples of formats, assembled at run time so that no file of this project holds a value that looks live.

`{kind:length}` stands for that many invented characters: `an` letters and digits, `let` letters, `low` lower case and
digits, `up` upper case and digits, `b32`, `b64`, `hex`, `num`; `{crc}` for a GitHub-style body with its checksum,
`{uuid}`, `{jwt}` and `{basic}` for what their names say.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import string
import zlib

from nhiscan.detect.checksum import base62

_SETS = {
    "an": string.ascii_letters + string.digits,
    "let": string.ascii_letters,
    "low": string.ascii_lowercase + string.digits,
    "up": string.ascii_uppercase + string.digits,
    "b32": string.ascii_uppercase + "234567",
    "b64": string.ascii_letters + string.digits + "+/",
    "hex": "0123456789abcdef",
    "num": string.digits,
}
_HOLE = re.compile(r"\{(an|let|low|up|b32|b64|hex|num):(\d+)\}|\{(crc|uuid|jwt|basic)\}")


def assemble(template: str, seed: str = "nhiscan") -> str:
    """The template with every hole filled; the same template and seed give the same text."""
    count = 0

    def fill(match: re.Match[str]) -> str:
        nonlocal count
        count += 1
        where = f"{seed}:{template}:{count}"
        return _special(match[3], where) if match[3] else _characters(_SETS[match[1]], int(match[2]), where)

    return _HOLE.sub(fill, template)


def _characters(alphabet: str, length: int, seed: str) -> str:
    stream = hashlib.shake_256(seed.encode()).digest(2 * length)
    return "".join(alphabet[(stream[i] << 8 | stream[i + 1]) % len(alphabet)] for i in range(0, 2 * length, 2))


def _special(name: str, seed: str) -> str:
    match name:
        case "crc":
            body = _characters(_SETS["an"], 30, seed)
            return body + base62(zlib.crc32(body.encode()), 6)
        case "uuid":
            text = _characters(_SETS["hex"], 32, seed)
            return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))
        case "jwt":
            parts = [{"alg": "HS256", "typ": "JWT"}, {"sub": "etl", "iss": "acme", "exp": 1_893_456_000}]
            head = ".".join(base64.urlsafe_b64encode(json.dumps(p).encode()).decode().rstrip("=") for p in parts)
            return f"{head}.{_characters(_SETS['an'], 43, seed)}"
        case _:
            return base64.b64encode(f"deploy:{_characters(_SETS['an'], 20, seed)}".encode()).decode()
