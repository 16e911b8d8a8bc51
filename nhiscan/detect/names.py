"""What a name promises: a password, a secret, perhaps a key, or something that only speaks of one.

A name is read as words (`cookieValidationKey` is cookie, validation, key).  The last word that names a secret decides,
and what follows it must not turn it into something else: a `secret_name` is a name and a `token_url` an address.
"""

from __future__ import annotations

import functools
import re
from enum import IntEnum


class Role(IntEnum):
    """What a name promises, in ascending order."""

    NONE = 0
    KEY = 1
    SECRET = 2
    PASSWORD = 3


def _all(text: str) -> frozenset[str]:
    return frozenset(text.split())


_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")
_PASSWORDS = _all("password passwd passwort pass passphrase pwd pw passcode pswd psw pword requirepass")
_PASSWORD_ENDS = ("password", "passwd", "passphrase", "userpwd", "dbpwd", "dbpass", "userpass", "sshpass", "mypass")
_SECRETS = _all("secret token bearer authorization authtok oauth jwt credential cred creds")
_SECRET_ENDS = (
    "secret", "token", "apikey", "secretkey", "accesskey", "authkey", "privatekey", "signingkey", "encryptionkey",
    "masterkey", "appkey", "seckey",
)  # fmt: skip
_KEYS = _all("key auth pin signature sign sid salt session cookie code otp license verifier passkey webhook")
_PLURALS = _all("passwords secrets tokens keys credentials passphrases apikeys")
# Words before `key` that make it one that opens something.
_OPENS = _all(
    "api auth secret access private priv encryption encrypt decrypt signing sign master account storage license app"
    " client bot cookie jwt aes hmac shared webhook deploy ingest subscription integration consumer server crypto"
    " cipher secure security service admin application project write merchant partner developer validation"
    " authorization function functions rsa ecdsa dsa"
)
# Words before any of them that make it public or another's proof.
_NEVER = _all(
    "public pub authorized encrypted wrapped hashed hash checksum digest fingerprint sha md integrity known csrf xsrf"
    " authenticity antiforgery websocket socket"
)
# Words before a key or a token that make it an index, a sign of a language, or a thing of the user interface.
_INDEX = _all(
    "foreign primary sort partition index cache range routing object bucket row column map dict group next page"
    " pagination continuation cursor change sync watch press host lexer parser syntax operator stop start end special"
    " eos bos pad unk mask cls sep color theme i18n translation lang sub tag dedup idempotency message event metric"
    " label feature settings request config option translate locale join order filter shortcut keyboard hot arrow"
    " modifier enter escape shift ctrl unique composite natural surrogate lookup"
)
# Words after them that leave the role as it is.
_NEUTRAL = _all(
    "value val v str string text plain raw clear cleartext plaintext b64 base64 base hex enc prod production dev"
    " development stage staging test testing live sandbox local default new old current first second primary"
    " secondary one two env override backup alt main remote in for of the to and or bytes is ro rw admin root"
    " github gitlab google aws azure slack stripe twilio heroku openai facebook twitter linkedin"
    " db database mysql postgres redis smtp mail ldap ftp ssh web app"
)
_INVENTED = _all("non not invalid wrong bad incorrect dummy example sample placeholder")
_LOOKALIKE = _all("monkey turkey donkey hockey jockey whiskey hotkey keyboard")
_INDEXED = _all("key keys token tokens")
_LOOSE = _all("code cookie session sign")  # more often a name of something else when they stand alone


@functools.lru_cache(maxsize=4096)
def role(name: str) -> Role:
    """What the name promises."""
    if len(name) > 100:
        return Role.NONE
    words = [w.lower() for w in _WORDS.findall(name.replace("$", ""))]
    for place in range(len(words) - 1, -1, -1):
        word = words[place]
        if (found := _of(word)) is not Role.NONE:
            return _sure(words, place, found)
        if not (word in _NEUTRAL or word.isdigit() or len(word) == 1):
            return Role.NONE
    return Role.NONE


@functools.lru_cache(maxsize=4096)
def says_invented(name: str) -> bool:
    """Whether the name itself says that its value is none: `nonMatchingToken`, `DUMMY_SECRET`."""
    return any(w.lower() in _INVENTED for w in _WORDS.findall(name))


def _of(word: str) -> Role:
    """What one word promises."""
    if word in _PLURALS:
        word = word[:-1]
    if word in _PASSWORDS or word.endswith(_PASSWORD_ENDS):
        return Role.PASSWORD
    if word in _SECRETS or word.endswith(_SECRET_ENDS):
        return Role.SECRET
    return Role.KEY if word in _KEYS or (word.endswith("key") and word not in _LOOKALIKE) else Role.NONE


def _sure(words: list[str], place: int, found: Role) -> Role:
    """What the word at `place` promises after the words before it."""
    before = words[max(0, place - 2) : place]
    if any(word in _NEVER for word in before) or (words[place] in _LOOSE and not before):
        return Role.NONE
    if words[place] in _INDEXED and any(word in _INDEX for word in before):
        return Role.NONE
    if words[place] == "key" and any(word in _OPENS for word in before):
        return Role.SECRET
    return found
