"""What a key's name promises, and what a value betrays: credential or setting, secret or stand-in."""

from __future__ import annotations

import re

from nhiscan.detect import noise
from nhiscan.plugin import CredentialKind

_SPLIT = re.compile(r"[^A-Za-z0-9]+|(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


_SECRET_WORDS = _set(
    "token secret password passwd passphrase pwd apikey accesskey secretkey privatekey authtoken accesstoken "
    "authorization credential credentials jwt bearer cookie dsn"
)
# These are too common as parts of other names to count anywhere but at the end.
_LAST_WORDS = frozenset({"auth", "pass", "pat", "cred", "creds"})
# People also write names in one word: `PGPASSWORD`, `bottoken`.
_FUSED = ("password", "passwd", "secret", "apikey", "token")
# With these behind it, a name speaks about a credential instead of holding one.
_TAILS = _set(
    "id ids url uri endpoint path file dir name names type kind ttl expiry expires expiration lifetime limit count "
    "length max min size header headers prefix suffix mode enabled disabled required region host port user username "
    "email provider issuer audience scope scopes algorithm alg version format timeout interval rotation policy usage "
    "budget method field column store backend manager cache strategy storage symbol address contract mint arn validity"
    " days hours minutes seconds unit units"
)
_KEY_BEFORE = _set(
    "public publishable primary foreign sort partition hash range cache hot shortcut index object host map mapping"
    " group memory attribute route tag"
)
_COUNTS = frozenset({"max", "min", "num", "total"})
_CONNECTION = re.compile(
    r"(?:database|db|redis|mongo(?:db)?|postgres(?:ql)?|mysql|amqp|connection)_?(?:url|uri|string)$"
)

_PATH = re.compile(
    r"(?:~|\.{1,2})?/[^\s]*|[A-Za-z]:[\\/].*|\$\{workspaceFolder\}.*"
    r"|[\w./-]+\.(?:json|pem|ya?ml|toml|txt|env|key|crt|p12|zip|jar|war|whl|tgz)"
)
# Reserved by RFC 2606: an address there says nothing of what stands in it.
_DOCUMENTED_HOST = re.compile(r"(?<=[/@.])example(?=\.(?:com|net|org)\b)")
_PLAIN_URL = re.compile(r"[A-Za-z][\w+.-]*://\S*")
_NAMES_THING = re.compile(
    r"[A-Z]{2,20}[A-Z0-9]{0,8}(?:_[A-Z]{1,20}[0-9]{0,2}){2,12}|(?:second|minute|hour|day)s?|[\w.@-]{1,60}(?:/[\w.@-]{1,80}){1,12}\.[a-z]{1,5}"
)
_HOST = re.compile(r"[a-z][a-z0-9.-]{0,100}:\d{2,5}")
_NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?")
_POINTERS = ("arn:", "urn:", "$.", "$$.")  # names of things, and paths into JSON
_BOOLEANS = _set("true false yes no on off enabled disabled")

PROVIDERS = {
    name: provider
    for provider, names in {
        "github": "github gh", "gitlab": "gitlab", "openai": "openai", "anthropic": "anthropic claude",
        "slack": "slack",
        "gcp": "google gemini gcp", "aws": "aws", "azure": "azure", "supabase": "supabase",
        "stripe": "stripe",
        "notion": "notion", "figma": "figma", "linear": "linear", "jira": "jira", "atlassian": "atlassian confluence",
        "sentry": "sentry", "brave": "brave", "tavily": "tavily", "firecrawl": "firecrawl", "exa": "exa",
        "neo4j": "neo4j",
        "huggingface": "huggingface hf", "npm": "npm", "postgres": "postgres postgresql pg", "mysql": "mysql",
        "mongodb": "mongodb mongo", "redis": "redis", "datadog": "datadog dd", "cloudflare": "cloudflare",
        "twilio": "twilio",
        "perplexity": "perplexity", "replicate": "replicate", "databricks": "databricks", "snowflake": "snowflake",
    }.items()
    for name in names.split()
}  # fmt: skip


def words(name: str) -> list[str]:
    """A name's words in lower case: `openaiApiKey`, `OPENAI_API_KEY` and `--openai-api-key` are the same three."""
    return [w.lower().rstrip("0123456789") or w for w in _SPLIT.split(name) if w]


def names_credential(name: str) -> bool:
    """Whether a value under this name is meant to be a credential (`MAX_TOKENS`, `KEYBOARD`, `KEY_ID` are not)."""
    parts = words(name)
    *before, last = parts or [""]
    if last == "key":
        return not (before and before[-1] in _KEY_BEFORE)
    if last in _LAST_WORDS or parts[-2:] == ["auth", "header"] or _CONNECTION.search("_".join(parts)):
        return True
    if last in _TAILS or _COUNTS.intersection(parts) or {"public", "publishable"}.intersection(parts):
        return False
    return not _SECRET_WORDS.isdisjoint(parts) or any(p.endswith(_FUSED) for p in parts)


def names_file(name: str) -> bool:
    """Whether the name stands for a file that holds a credential (`GOOGLE_APPLICATION_CREDENTIALS`, `KEY_FILE`)."""
    parts = words(name)
    held = {"credentials", "credential", "key", "token", "secret", "password", "kubeconfig"}
    return bool(parts) and (
        parts[-1] in {"credentials", "kubeconfig"} or (parts[-1] in {"file", "path"} and bool(held.intersection(parts)))
    )


def is_placeholder(value: str, name: str = "") -> bool:
    """Whether the value only says where a secret goes: `YOUR_KEY`, `<paste here>`, `changeme`, its own name."""
    return value.lower().strip("<>[]{}$%") == name.lower() or noise.says_placeholder(_DOCUMENTED_HOST.sub("", value))


def is_path(value: str) -> bool:
    """Whether the value is a file's path."""
    return bool(_PATH.fullmatch(value)) and (not value.startswith("/") or value.count("/") < 12)


def is_setting(value: str, name: str) -> bool:
    """Whether the value is a setting rather than a secret although its name sounds like one."""
    if value.lower() in _BOOLEANS or is_path(value) or _PLAIN_URL.fullmatch(value) or value.startswith(_POINTERS):
        return True
    if _NUMBER.fullmatch(value):
        return not {"password", "passwd", "pwd", "pass", "pin", "passphrase"}.intersection(words(name))
    if len(value) < 4 or any(c.isspace() for c in value):
        return True
    kind = kind_of(name)
    if kind is CredentialKind.CONNECTION_STRING and _HOST.fullmatch(value):
        return True  # and no password
    # The name of a variable or parameter, a unit, the key of an object in a bucket; people make up passwords alone so.
    named = _NAMES_THING.fullmatch(value) is not None or noise.is_parameter(value)
    return named and kind is not CredentialKind.PASSWORD


def kind_of(name: str) -> CredentialKind:
    """The kind of credential a name promises; UNKNOWN when it only says that it is one."""
    parts = words(name)
    joined = "_".join(parts)
    for kind, needles in (
        (CredentialKind.CONNECTION_STRING, ("dsn", "connection_string", "database_url", "database_uri")),
        (CredentialKind.CLIENT_SECRET, ("client_secret",)),
        (CredentialKind.PRIVATE_KEY, ("private_key", "privatekey")),
        (CredentialKind.PASSWORD, ("password", "passwd", "pwd", "passphrase")),
        (CredentialKind.TOKEN, ("token", "authorization", "bearer", "pat", "jwt", "cookie", "auth")),
        (CredentialKind.API_KEY, ("key", "apikey")),
        (CredentialKind.PRIVATE_KEY, ("pem", "pfx", "keystore")),
        (CredentialKind.WEBHOOK, ("webhook", "hook")),
    ):
        if any(n in parts or (len(n) > 4 and n in joined) for n in needles):
            return kind
    if name.lower().endswith("p12"):
        return CredentialKind.PRIVATE_KEY
    return CredentialKind.PASSWORD if "pass" in parts else CredentialKind.UNKNOWN


def provider_of(name: str) -> str | None:
    """The provider a name begins with or mentions (`GITHUB_TOKEN`), or None."""
    return next((PROVIDERS[w] for w in words(name) if w in PROVIDERS), None)
