"""Credential files of lines: environments, `.netrc`, `.npmrc`, password files, and the INI files of tools."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from nhiscan.collectors.repo._config.judge import Found, Judge
from nhiscan.collectors.repo._config.nodes import MalformedError, Node
from nhiscan.collectors.repo._config.spots import env_spots
from nhiscan.collectors.repo._credential_files.entry import Entry, taken
from nhiscan.collectors.repo._credential_files.lines import assignments
from nhiscan.collectors.repo._file_class import file_class
from nhiscan.detect import pairs
from nhiscan.plugin import CredentialKind, FileClass, Form

if TYPE_CHECKING:
    from collections.abc import Iterator

_WORD = re.compile(r'"((?:[^"\\\n]|\\.)*)"|(\S+)')
_NPM = re.compile(r"\s*(//[^\s=]{1,400}/?):(_authToken|_password|_auth|username|email)\s*=\s*(.*)")
_NPM_BARE = re.compile(r"\s*(_authToken|_password|_auth)\s*=\s*(.*)")
_FIELD = re.compile(r"((?:[^:\\\n]|\\.)*)(?::|$)")
_BLOCK = re.compile(r'\s*credentials\s+"([^"\n]{1,300})"\s*\{')
_TOKEN = re.compile(r'(?:\s*|.*[\s{])token\s*=\s*"([^"\n]{0,5000})".*')
_HELPER = re.compile(r'\s*credentials_helper\s+"([^"\n]{1,300})"')
_HASHES = (
    (("$2y$", "$2a$", "$2b$"), "bcrypt"), (("$apr1$",), "apr1"), (("{SHA}",), "sha1"), (("$5$",), "sha256"),
    (("$6$",), "sha512"), (("$1$",), "md5"), (("$argon2",), "argon2"), (("$y$",), "yescrypt"),
)  # fmt: skip
_MOST = 5_000  # entries of one file
_LONGEST = 4_000  # characters of a line of a password file


def read_env(text: str, path: str) -> Iterator[Entry]:
    """The credentials of a `.env` file; one that is an example gives only values in a known format."""
    quiet = file_class(path) is FileClass.DOCUMENTATION
    found: list[Found] = []
    for count, (name, value, line) in enumerate(assignments(text)):
        if count == _MOST:
            what = f"more than {_MOST} variables"
            raise MalformedError(what, line)
        for spot in env_spots(Node({name: Node(value, line, line)}, line, line)):
            found += [spot] if isinstance(spot, Found) else Judge().spot(spot)
    parts = {pairs.KEY_ID, pairs.SECRET, pairs.SESSION}
    aws = tuple(f for f in found if f.literal and f.literal.format in parts)
    if aws:
        yield Entry("aws", aws[0].line, aws, kind=CredentialKind.ACCESS_KEY, provider="aws")
    for item in found:
        if item not in aws and not (quiet and item.literal and item.literal.format is None):
            yield Entry(item.name, item.line, (item,))


def read_netrc(text: str, _path: str) -> Iterator[Entry]:
    """Machine, login and password (The GNU C Library manual of `.netrc`, "netrc(5)")."""
    machine, login, account = "default", None, None
    for word, value, line in _netrc_pairs(text):
        if word == "machine":
            machine, login = value, None
        elif word == "login":
            login = value
        elif word == "account":
            account = value
        else:
            shown = f"machine {machine}"
            facts = {"host": machine, "user": login, "account": account}
            kind = CredentialKind.PASSWORD
            yield Entry(shown, line, taken("password", value, line, shown), kind=kind, facts=facts)


def _netrc_pairs(text: str) -> Iterator[tuple[str, str, int]]:
    wanted: str | None = None
    macro = False
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            macro = False
        if macro or line.lstrip().startswith("#"):
            continue
        for match in _WORD.finditer(line):
            word = match[1] if match[1] is not None else match[2]
            if wanted is not None:
                yield wanted, word, number
                wanted = None
            elif word == "macdef":
                macro = True
                break
            elif word == "default":
                yield "machine", "default", number
            elif word in {"machine", "login", "password", "account"}:
                wanted = word


def read_npmrc(text: str, _path: str) -> Iterator[Entry]:
    """Tokens and passwords by registry (npm documentation, "npmrc", "Auth related configuration")."""
    users: dict[str, str] = {}
    for number, line in enumerate(text.split("\n"), 1):
        match = _NPM.fullmatch(line.rstrip("\r")) or None
        bare = _NPM_BARE.fullmatch(line.rstrip("\r")) if match is None else None
        if match and match[2] in {"username", "email"}:
            users.setdefault(match[1], match[3].strip())
        elif match or bare:
            registry, key, value = (
                (match[1], match[2], match[3]) if match else ("", *bare.groups()) if bare else ("",) * 3
            )
            value = value.strip().strip("\"'")
            shown = f"{registry}:{key}" if registry else key
            host = registry.lstrip("/").partition("/")[0] or "registry.npmjs.org"
            facts = {"registry": registry.strip("/") or host, "user": users.get(registry), "scope": None}
            kind = CredentialKind.TOKEN if key == "_authToken" else CredentialKind.PASSWORD
            known = {"npm.pkg.github.com": "github", "registry.npmjs.org": "npm"}.get(host)
            yield Entry(shown, number, taken(key.lstrip("_"), value, number, shown), None, kind, known, facts)


def read_git(text: str, _path: str) -> Iterator[Entry]:
    """The lines of `git credential-store` (git-credential-store(1), "STORAGE FORMAT")."""
    for number, line in enumerate(text.split("\n")[:_MOST], 1):
        try:
            parts = urlsplit(line.strip())
            host, user, password = parts.hostname, parts.username, parts.password
        except ValueError:
            continue
        if parts.scheme in {"https", "http", "smtp", "smtps", "imaps"} and host and (password or user):
            value = unquote(password or user or "")
            facts = {"host": host, "user": unquote(user) if user and password else None}
            provider = {"github.com": "github", "gitlab.com": "gitlab", "bitbucket.org": "bitbucket"}.get(host)
            found = taken("password", value, number, f"{parts.scheme}://{host}")
            yield Entry(host, number, found, None, CredentialKind.PASSWORD, provider, facts)


def read_pgpass(text: str, _path: str) -> Iterator[Entry]:
    """`host:port:database:user:password` (PostgreSQL documentation, "The Password File")."""
    for number, line in enumerate(text.split("\n")[:_MOST], 1):
        if line.lstrip().startswith("#") or line.count(":") < 4 or len(line) > _LONGEST:
            continue
        fields = [re.sub(r"\\(.)", r"\1", f) for f in _FIELD.findall(line.rstrip("\r"))]
        if len(fields) < 5:  # colons that are escaped part nothing
            continue
        host, port, database, user = fields[:4]
        password = ":".join(fields[4:]).rstrip(":") if len(fields) > 5 else fields[4]
        if not (port == "*" or port.isdigit()):
            continue
        facts = {"host": host, "database": database, "user": user}
        found = taken("password", password, number, f"{user}@{host}")
        yield Entry(f"{user}@{host}", number, found, None, CredentialKind.PASSWORD, "postgres", facts)


def read_terraformrc(text: str, _path: str) -> Iterator[Entry]:
    """`credentials` blocks and helpers (Terraform documentation, "CLI configuration file")."""
    host = None
    for number, line in enumerate(text.split("\n")[:_MOST], 1):
        if line.lstrip().startswith(("#", "//")):
            continue
        if block := _BLOCK.match(line):
            host = block[1]
        if helper := _HELPER.match(line):
            yield Entry(
                f"credentials_helper {helper[1]}", number, form=Form.HELPER_COMMAND, facts={"helper": helper[1]}
            )
        if host and (token := _TOKEN.fullmatch(line.rstrip("\r"))):
            yield terraform_token(host, token[1], number)


def terraform_token(host: str, token: str, line: int) -> Entry:
    """The token for one host of Terraform's CLI."""
    provider = "hashicorp" if host.endswith("terraform.io") else None
    found = taken("token", token, line, f"credentials {host}")
    return Entry(host, line, found, None, CredentialKind.TOKEN, provider, {"host": host})


def read_vault_token(text: str, _path: str) -> Iterator[Entry]:
    """The token that `vault login` keeps (Vault documentation, "Token helpers"); nothing for several words."""
    token = text.strip()
    if token and not any(c.isspace() for c in token):
        line = text[: len(text) - len(text.lstrip())].count("\n") + 1
        found = taken("vault_token", token, line)
        yield Entry("vault_token", line, found, None, CredentialKind.TOKEN, "hashicorp")


def read_htpasswd(text: str, _path: str) -> Iterator[Entry]:
    """Users with a hashed password: no value lies there, so none is exposed (Apache httpd, "Password Formats")."""
    for number, line in enumerate(text.split("\n")[:_MOST], 1):
        user, colon, rest = line.strip().partition(":")
        hashed = next((name for marks, name in _HASHES if rest.startswith(marks)), None)
        if colon and user and hashed and not user.startswith("#"):
            facts = {"user": user, "hash": hashed, "form": "hashed"}
            yield Entry(f"user {user}", number, form=Form.LITERAL, kind=CredentialKind.PASSWORD, facts=facts)
