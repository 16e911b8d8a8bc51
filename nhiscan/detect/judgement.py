"""From name, syntax, place and rarity to a confidence: evidence in bits against a threshold in bits."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass

from nhiscan.detect import noise
from nhiscan.detect.assignments import Form
from nhiscan.detect.names import Role, role, says_invented
from nhiscan.detect.paths import Setting, holds_settings, setting, trial
from nhiscan.detect.rarity import surplus
from nhiscan.model import Confidence


@dataclass(frozen=True, slots=True)
class Verdict:
    """How sure it is, and why."""

    confidence: Confidence
    basis: str


# Bits of rarity a value needs before its name is believed, and the fewest and most characters.
_NEEDED = {Role.PASSWORD: (3.0, 5, 128), Role.SECRET: (8.0, 8, 4_096), Role.KEY: (18.0, 14, 4_096)}
_DOUBT = {Form.ARGUMENT: 4.0, Form.LISTED: 6.0, Form.WORD: 6.0, Form.COMPARED: 4.0}
_VARIABLE = 6.0  # without quotes a value in code is a variable more often than not
_BOUND = frozenset({Form.ASSIGNED, Form.ELEMENT, Form.OPTION, Form.ADDRESS})
_SIGNS = re.compile(r"[!#%^&*+=?~]|[a-z]\$[a-z]")
_AS_NAMED = re.compile(r"[^a-z]")
_WORDS = re.compile(r"[A-Za-z_-]+")
_USER = re.compile(rb"user|login")
_HOST = re.compile(rb"host|server")
_REPEATS = 3
_ENCODED = re.compile(r"[A-Za-z0-9+/_-]{7,}={0,2}")
_ENOUGH = 200  # characters that are weighed
_MASHED = frozenset("asdfghjkl;")  # the middle row of a keyboard


def judge(value: str, name: str, promise: Role, form: Form, path: str, *, quoted: bool = True) -> Verdict | None:
    """How sure it is that the value is a secret; None when it is not believed at all."""
    needed, least, most = _NEEDED[promise]
    if not least <= len(value) <= most or not value.isascii() or value.count(value[:6]) > _REPEATS:
        return None
    if promise is Role.KEY and not any(map(str.isdigit, value)):
        return None
    needed += _DOUBT.get(form, 0.0) + (_VARIABLE if not quoted and setting(path) is Setting.CODE else 0.0)
    uuid = noise.is_uuid(value)
    bits = surplus(value.replace("-", "") if uuid else value[:_ENOUGH])
    if bits < needed:
        return _memorable(value, path) if promise is Role.PASSWORD and form in _BOUND else None
    if _is_noise(value, bits) or (uuid and promise is not Role.SECRET) or _is_name(value):
        return None
    return Verdict(_level(value, name, bits - needed, form, path), f"{form.value} + rarity")


def _level(value: str, name: str, spare: float, form: Form, path: str) -> Confidence:
    if trial(path) or says_invented(name):
        return Confidence.LOW
    return Confidence.HIGH if len(value) >= 16 and spare >= 20 and form in _BOUND else Confidence.MEDIUM


def _memorable(value: str, path: str) -> Verdict | None:
    """A password that a person could remember, in settings or notes: a word with digits or signs."""
    if not 6 <= len(value) <= 40 or not value.isprintable() or " " in value:
        return None
    if not holds_settings(path) and (trial(path) or "/" in value or setting(path) is not Setting.PROSE):
        return None
    classes = (any(map(str.isalpha, value)), any(map(str.isdigit, value)), not value.isalnum())
    if sum(classes) < 2 or not classes[0] or not (classes[1] or _SIGNS.search(value)):
        return None
    if noise.is_placeholder(value) or noise.is_code(value) or noise.is_uuid(value):
        return None
    return Verdict(Confidence.MEDIUM, "password in settings")


def remembered(value: str, name: str, path: str, around: bytes) -> Verdict | None:
    """A password of words alone, believed with doubt where the settings around it name a user and a host."""
    if not 6 <= len(value) <= 40 or not holds_settings(path) or _AS_NAMED.sub("", value.lower()) in name.lower():
        return None
    text = around.lower()
    if not (_USER.search(text) and _HOST.search(text)) or _WORDS.fullmatch(value) is None:
        return None
    if noise.is_placeholder(value) or noise.is_code(value):
        return None
    return Verdict(Confidence.LOW, "password in settings")


def _is_noise(value: str, bits: float) -> bool:
    """Whether the value is something else than a secret; where it is very rare, brackets in it mean nothing."""
    if noise.is_digest(value) or noise.is_encrypted(value) or value.endswith(("...", "\\u2026")):
        return True
    if "example" in value.lower():  # which chance does not write
        return True
    length = len(value)
    if " " in value and (bits < 1.2 * length or length < 16):
        return True
    if _ENCODED.fullmatch(value) is not None and _encodes_words(value):
        return True
    if length >= 16 and bits > 1.3 * length:
        return False
    return noise.is_placeholder(value) or noise.is_code(value) or _mashed(value)


def _is_name(value: str) -> bool:
    """Whether the value is what a secret is called elsewhere: `oauth2_jwt_secret`, `searchApiKey`."""
    return noise.is_parameter(value) or ("_" in value and role(value) is not Role.NONE and noise.is_identifier(value))


def _encodes_words(value: str) -> bool:
    """Whether the value is base 64 of a text that a person wrote: drawn bytes never are printable throughout."""
    try:
        text = base64.b64decode(value + "=" * (-len(value) % 4), altchars=b"-_" if {"-", "_"} & set(value) else None)
    except ValueError:
        return False
    return text.isascii() and text.decode("ascii").isprintable() and surplus(text.decode("ascii")[:_ENOUGH]) < 0


def _mashed(value: str) -> bool:
    return len(value) > 7 and sum(c in _MASHED for c in value.lower()) * 4 > 3 * len(value)
