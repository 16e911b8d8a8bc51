"""What looks like a secret and is none: placeholders, references, code, paths, words, digests.

Written from observation of source trees; nothing here knows a project, a file or a value by name.
"""

from __future__ import annotations

import functools
import math
import re
from collections import Counter
from itertools import groupby, pairwise

_REFERENCE = re.compile(
    r"\$\{|\$\(|\{\{|\}\}|<%|%>|#\{|%\([A-Za-z_]|\$\[|\[\[|^%[\w.-]+%$|^\$[A-Za-z_]|^@[A-Za-z_][\w.]*[({]|^\{[\w.\[\]]*\}$"
    r"|^<[^>]*>?$|\{[a-z_][\w.]*\}|^\{\d*\}$|(?<![^\w\s/:@.=,(-])%[sdr]\b|^%v$"
    r"|^(?:env|vault|op|ssm|keyring|secretsmanager|file|ref|kms|awskms|gcpkms|arn|urn|sops|secret)://?"
    r"|^(?:arn|urn|env|file|ref|secret|vault|valueFrom|resolve):|^projects/[^/]+/secrets/"
    # a YAML alias; a role of reStructuredText
    r"|^\*[A-Za-z_]\w*$|^:[\w-]+:$",
    re.IGNORECASE,
)
# Of SOPS, dotenvx, Ansible, Vault's transit engine, KMS (AQICAH), age, PGP and `openssl enc` ("Salted__" in base 64).
_ENCRYPTED = re.compile(
    r"(?:ENC|NACL)[\[(]|encrypted:|\$ANSIBLE_VAULT|!vault|vault:v\d|AQICAH|age1|-----BEGIN (?:AGE|PGP M)|U2FsdGVkX1",
    re.IGNORECASE,
)
_PLACEHOLDER = re.compile(
    r"\b(?:your?|my|some|an?|the|insert|enter|put|paste|add|replace|change|set|use|provide|fill|todo|fixme)[ _.-]*"
    r"(?:your|own|real|actual|with|this|me|in|here|it|secret|api|access|auth|private|client|bot|app|openai|github|aws"
    r"|token|key|password|passwd|pass|value|id|account)"
    r"|(?:^|[^A-Za-z])(?:your|paste|insert|replace|enter)(?![A-Za-z])|[_ -]here$|^here[_ -]"
    r"|^(?:foo|bar|mock)(?:[_ -]|$)|^[<\[{(%].*[>\]})%]$|^<|^(.)\1*$"
    r"|example|sample|dummy|place[ _-]?holder|change[ _-]?(?:me|it|this)|goes[ _-]?here|foo[ _-]?ba[rz]|lorem|fake"
    r"|redacted|masked|removed|scrubbed|sanitized|obfuscated"
    r"|not[ _-]?(?:a[ _-]?)?(?:real|secret|set|valid|used|needed|required)"
    r"|x{4,}|\*{3,}|\.{3,}|…|_{4,}|-{6,}|={4,}|#{3,}|0{8,}"
    r"|^(?:test|testing|secret|token|password|passwd|pass|pwd|none|null|nil|undefined|unset|empty|string|str|text|bytes"
    r"|na|n/a|tbd|required|optional|hidden|changeit|bearer|api[_-]?key|key|access[_-]token|blank|prompt|ask|value\d?)$"
    r"|^(?:test|mock|demo|temp)[ _.-]?(?:password|passwd|pass|pwd|secret|token|key|api[ _-]?key)[ _.-]?\d{0,4}$",
    re.IGNORECASE,
)
# What fingers type without thought, and words that stand for nothing in particular.
_DRILL = re.compile(
    r"abcdefg|qwerty|asdfgh|1234567890|0123456789|deadbeef|cafebabe|badcafe"
    r"|^(?:true|false|yes|no|on|off|default|unknown|disabled|enabled|public|private|user|username|admin|root|guest"
    r"|localhost|basic|any|all|auto)$",
    re.IGNORECASE,
)
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
_HEX = re.compile(r"(?:0x)?[0-9a-f]+", re.IGNORECASE)
# Digests: subresource integrity, crypt(5), LDAP, Django, MySQL and PostgreSQL; a public SSH key says its type first.
_DIGEST = re.compile(
    r"^(?:sha(?:1|224|256|384|512)|md5|h1|blake2b)[-:=]|^(?:SCRAM-)?SHA-?\d{1,3}$|^\$(?:\d[a-z]?|[a-z][\w-]{1,14})\$"
    r"|^(?:pbkdf2|bcrypt|scrypt|argon2|crypt|sha\d|md5)\w*\$|^\{(?:S?SHA\d*|S?MD5|CRYPT)\}|^\*[0-9A-F]{40}$|^md5[0-9a-f]{32}$"
    r"|^(?:(?:ssh|ecdsa|sk)-[\w@.-]{3,40} )?AAAA(?:B3NzaC1|C3NzaC1|E2VjZHNh|Gnss|InNr)"
    # PEM of certificates and public keys (RFC 7468) in base 64
    r"|^LS0tLS1CRUdJTi(?:BDRVJU|BQVUJM)"
    # SubjectPublicKeyInfo of RSA and EC keys, certificates (RFC 5280), in base 64
    r"|^MI(?:GfMA0GCSqGSIb3DQEB|IBIjANBgkqhkiG9w0B|ICIjANBgkqhkiG9w0B)|^MFkwEwYHKoZIzj0C|^MII[A-Z][A-Za-z0-9]{2}CCA",
    re.IGNORECASE,
)
_DATE = re.compile(r"\d{4}[-/]\d\d?[-/]\d\d?(?:[T ].*)?|[\d.:_/-]+")
_DOTTED = re.compile(r"[A-Za-z_]\w*(?:(?:\.|::|->|\?\.)[A-Za-z_]\w*)+")
_CALL = re.compile(r"[A-Za-z_][\w.:>-]*(?:\(|\[)|\[[A-Za-z.]+\]::")
_ADDRESS = re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+|[a-z][a-z0-9+.-]*://|//|www\.", re.IGNORECASE)
_PATH = re.compile(
    r"[~.]{0,2}/|[A-Za-z]:[\\/]|[\w.@-]+(?:/[\w.@-]+)+\.[a-z]{1,5}$"
    r"|.*\.(?:pem|key|crt|json|ya?ml|txt|env|py|js|ts|go|md|conf|cfg)$"
)
_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_IDENTIFIER = re.compile(r"[A-Za-z_$@][\w$.:/ -]*")
_PARAMETER = re.compile(r"[A-Za-z]{2,80}(?:Token|Key|Secret|Id|Name|Arn)")
_LONG_RUN = re.compile(r"[a-z]{6,}")
_LETTERS = re.compile(r"[a-z]+")
# Frequent letter pairs of English, written one after the other.
_PAIRS = (
    "thheinerreanonatndoresentetiofedisitalarsttontngsehaasouiolevecomedehiriroicneearacelichllbemasiomur"
    "caeltalansdifohopeecprnoctusacotiltrlyncetutsssorsunlowageiewheewiemadolrtpowenaulnitsmoowpaimmiaish"
    "irsuidosiviaamficivipligtuevkeckeyswwordappiauabopagayupdogrexbrblclcrdrfrgigagoifobokubudumodog"
)
_COMMON = frozenset(_PAIRS[i : i + 2] for i in range(0, len(_PAIRS), 2))
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "/": "/", '"': '"', "'": "'", "\\": "\\"}
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|(.))", re.DOTALL)


def entropy(text: str) -> float:
    """Shannon entropy in bits per character (Shannon 1948); 0 for the empty text."""
    total = len(text)
    return -sum(n / total * math.log2(n / total) for n in Counter(text).values()) if total else 0.0


@functools.lru_cache(maxsize=4_096)
def is_placeholder(text: str) -> bool:
    """Whether the value was written to be replaced: a template, a sample, a mask, one character over and over."""
    return is_reference(text) or says_placeholder(text) or _DRILL.search(text[:2_000]) is not None or _monotonous(text)


@functools.lru_cache(maxsize=4_096)
def says_placeholder(text: str) -> bool:
    """Whether the value says in words or signs that a secret goes here: enough where a name promises a secret."""
    return _PLACEHOLDER.search(text[:2_000]) is not None


@functools.lru_cache(maxsize=4_096)
def is_drill(text: str) -> bool:
    """Whether the value is what fingers type to fill a shape: ascending letters and digits, no words, no template."""
    if says_placeholder(text) or is_reference(text):
        return False
    return _monotonous(text) or (any(map(str.isdigit, text)) and _DRILL.search(text[:2_000]) is not None)


@functools.lru_cache(maxsize=4_096)
def is_reference(text: str) -> bool:
    """Whether the value points elsewhere (variable, vault, template) or is encrypted."""
    return is_encrypted(text) or _REFERENCE.search(text[:2_000]) is not None


def is_encrypted(text: str) -> bool:
    """Whether the value is cipher text of a known tool (SOPS, dotenvx, Ansible, KMS), which is no secret."""
    return _ENCRYPTED.match(text) is not None


def is_code(text: str) -> bool:
    """Whether the value is an expression, a path, an address, a date, a number or a digest rather than a value."""
    return (
        _ADDRESS.match(text) is not None
        or _CALL.match(text) is not None
        or (_DOTTED.fullmatch(text) is not None and (words(text) or max(map(len, text.split("."))) < 20))
        or _PATH.match(text) is not None
        or _DATE.fullmatch(text) is not None
        or is_digest(text)
    )


def is_digest(text: str) -> bool:
    """Whether the value says that it is a digest, a hash of a password or a public key, by how it begins."""
    return _DIGEST.match(text) is not None


def is_uuid(text: str) -> bool:
    """Whether the value is a UUID, which is an identifier far more often than a secret."""
    return _UUID.fullmatch(text) is not None


def is_hex(text: str) -> bool:
    """Whether the value consists of hexadecimal digits."""
    return _HEX.fullmatch(text) is not None


def words(text: str) -> bool:
    """Whether the letters of the value read like words: most of their pairs are among the common ones of English."""
    pairs = common = 0
    for run in _LETTERS.findall(" ".join(_WORDS.findall(text)).lower()):
        if len(run) > 2:
            pairs += len(run) - 1
            common += sum(run[i : i + 2] in _COMMON for i in range(len(run) - 1))
    letters = sum(c.isalpha() for c in text)
    return pairs >= 2 and letters * 3 >= len(text) * 2 and common * 100 >= pairs * 55


def is_identifier(text: str) -> bool:
    """Whether the value is one or more names of a program: letters, separators, few digits, readable."""
    digits = sum(c.isdigit() for c in text)
    return _IDENTIFIER.fullmatch(text) is not None and digits * 6 <= len(text) and (words(text) or text.isupper())


def is_parameter(text: str) -> bool:
    """Whether the value is what code calls a secret or a thing: `nextPageToken`, `searchApiKey`, `RoleArn`."""
    return _PARAMETER.fullmatch(text) is not None


def random_looking(text: str) -> bool:
    """Whether the value is as mixed as a generated one, and its letters and digits do not stand in runs."""
    return mixed(text) and not is_chunky(text)


def mixed(text: str) -> bool:
    """Whether the value has many different characters, more than one class, and no words."""
    classes = sum((any(c.islower() for c in text), any(c.isupper() for c in text), any(c.isdigit() for c in text)))
    enough = 3.0 if is_hex(text) else min(4.2, 0.72 * math.log2(max(len(text), 2)) + 0.45)
    return classes >= 2 and entropy(text) >= enough and not words(text)


def is_sample_jwt(facts: dict[str, str]) -> bool:
    """Whether the claims are those of the token that documentation copies (subject 1234567890)."""
    return facts.get("sub") in {"1234567890", "123"} or ("iss" in facts and is_placeholder(facts["iss"]))


def is_key_body(pem: str) -> bool:
    """Whether a PEM block holds a key rather than a few letters: 40 or more base64 characters, well mixed."""
    body = "".join(line for line in squeeze(pem).split("\n") if "-----" not in line and ":" not in line)
    clean = re.sub(r"\s", "", body)
    return len(clean) >= 40 and entropy(clean) > 3.5 and re.fullmatch(r"[A-Za-z0-9+/=\\]+", clean) is not None


def unescape(text: str) -> str:
    """The text with the escapes of a quoted string resolved, so that one value has one fingerprint everywhere."""
    return _ESCAPE.sub(_unescaped, text) if "\\" in text else text


def squeeze(pem: str) -> str:
    """A PEM block with one line break between lines and no indentation or quoting."""
    return "\n".join(line for raw in pem.splitlines() if (line := raw.strip(" \t\"'+,;")))


def is_prose(text: str) -> bool:
    """Whether the value holds letters outside ASCII, which people write and no generator of secrets does."""
    return any(c.isalpha() for c in text if not c.isascii())


def is_chunky(text: str) -> bool:
    """Whether letters and digits stand in readable runs, as in `input_l1_voltage`: one neighbour in five changes class.

    Of base-62 neighbours 44 % do so, of base-36 and hexadecimal ones 40 % and more; a capital before a small letter is
    no change, for names are written so.
    """
    runs = [(a, b) for a, b in pairwise(text) if a.isalnum() and b.isalnum()]
    changes = sum(_class(a) != _class(b) and not (a.isupper() and b.islower()) for a, b in runs)
    return (
        changes * 5 <= len(runs) and re.search(r"\d{5}", text) is None and all(map(_readable, _LONG_RUN.findall(text)))
    )


def _readable(run: str) -> bool:
    pairs = [run[i : i + 2] for i in range(len(run) - 1)]
    return sum(pair in _COMMON for pair in pairs) * 100 >= len(pairs) * 35


def _class(character: str) -> int:
    return 0 if character.isdigit() else 1 if character.isupper() else 2


def _unescaped(match: re.Match[str]) -> str:
    code = match[1] or match[2]
    if code is None:
        return _ESCAPES.get(match[3], match[0])
    # Half of a surrogate pair is no character of its own and cannot be encoded.
    return chr(int(code, 16)) if not 0xD800 <= int(code, 16) <= 0xDFFF else match[0]


def _monotonous(text: str) -> bool:
    if len(text) < 3:
        return True
    core = text[4:] if len(text) > 12 else text
    if len(set(core.lower())) <= max(2, min(4, len(core) // 6)):
        return True
    core = core.lower()
    doubled = "".join(k for k, _ in groupby(core))
    return any(_steps(part) * 2 > len(part) for part in (core, doubled, core[::-1])) or _interleaved(core)


def _steps(text: str) -> int:
    return sum(ord(b) - ord(a) == 1 for a, b in pairwise(text))


def _interleaved(text: str) -> bool:
    """Whether two ascending rows alternate, as in `a1b2c3d4`."""
    return len(text) > 7 and (_steps(text[::2]) + _steps(text[1::2])) * 4 > len(text) * 3
