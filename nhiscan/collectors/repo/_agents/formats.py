"""What a value says of itself: vendor prefixes, JWT claims, connection strings.  Offline, and only public facts."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from nhiscan.plugin import CredentialKind, Lifetime

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """The public facts of a value; `human` only where the format proves it."""

    kind: CredentialKind
    provider: str | None = None
    format: str | None = None
    human: bool | None = None
    public: bool | None = None
    lifetime: Lifetime = Lifetime.STATIC
    issued_at: datetime | None = None
    expires_at: datetime | None = None
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Format:
    name: str
    provider: str
    pattern: str
    kind: CredentialKind = CredentialKind.TOKEN
    human: bool | None = None
    lifetime: Lifetime = Lifetime.STATIC


_KEY, _HOOK, _SHORT = CredentialKind.API_KEY, CredentialKind.WEBHOOK, Lifetime.SHORT_LIVED
# Prefixes as each vendor documents them; the order decides where one prefix begins another.
_FORMATS = (
    _Format("github-classic-pat", "github", r"ghp_[A-Za-z0-9]{30,}", human=True),
    _Format("github-fine-grained-pat", "github", r"github_pat_[A-Za-z0-9_]{40,}", human=True),
    _Format("github-oauth", "github", r"gho_[A-Za-z0-9]{30,}", human=True),
    _Format("github-app-user", "github", r"ghu_[A-Za-z0-9]{30,}", human=True, lifetime=_SHORT),
    _Format("github-app-installation", "github", r"ghs_[A-Za-z0-9]{30,}", human=False, lifetime=_SHORT),
    _Format("github-refresh", "github", r"ghr_[A-Za-z0-9]{30,}"),
    _Format("gitlab-pat", "gitlab", r"glpat-[A-Za-z0-9_.-]{20,}"),
    _Format("gitlab-deploy", "gitlab", r"gldt-[A-Za-z0-9_.-]{20,}", human=False),
    _Format("anthropic-oauth", "anthropic", r"sk-ant-oat\d\d-[A-Za-z0-9_-]{20,}", human=True),
    _Format("anthropic-admin-key", "anthropic", r"sk-ant-admin\d\d-[A-Za-z0-9_-]{20,}", _KEY),
    _Format("anthropic-api-key", "anthropic", r"sk-ant-[A-Za-z0-9_-]{20,}", _KEY),
    _Format("openrouter-api-key", "openrouter", r"sk-or-(?:v1-)?[A-Za-z0-9]{20,}", _KEY),
    _Format("openai-service-account-key", "openai", r"sk-svcacct-[A-Za-z0-9_-]{20,}", _KEY, human=False),
    _Format("openai-admin-key", "openai", r"sk-admin-[A-Za-z0-9_-]{20,}", _KEY),
    _Format("openai-api-key", "openai", r"sk-(?:proj-)?[A-Za-z0-9][A-Za-z0-9_-]{18,}[A-Za-z0-9]", _KEY),
    _Format("slack-bot-token", "slack", r"xoxb-[A-Za-z0-9-]{10,}", human=False),
    _Format("slack-user-token", "slack", r"xoxp-[A-Za-z0-9-]{10,}", human=True),
    _Format("slack-app-token", "slack", r"xapp-[A-Za-z0-9-]{10,}", human=False),
    _Format("slack-webhook", "slack", r"https://hooks\.slack\.com/services/[A-Za-z0-9/]{20,}", _HOOK, human=False),
    _Format("discord-webhook", "discord", r"https://discord(?:app)?\.com/api/webhooks/\d+/[\w-]{20,}", _HOOK),
    _Format("google-api-key", "google", r"AIza[A-Za-z0-9_-]{30,}", _KEY),
    _Format("google-oauth-secret", "google", r"GOCSPX-[A-Za-z0-9_-]{20,}", CredentialKind.CLIENT_SECRET, human=False),
    _Format("npm-token", "npm", r"npm_[A-Za-z0-9]{30,}"),
    _Format("pypi-token", "pypi", r"pypi-[A-Za-z0-9_-]{30,}"),
    _Format("huggingface-token", "huggingface", r"hf_[A-Za-z0-9]{30,}"),
    _Format("stripe-key", "stripe", r"[rs]k_(?:live|test)_[A-Za-z0-9]{16,}", _KEY, human=False),
    _Format("supabase-access-token", "supabase", r"sbp_[a-f0-9]{32,}", human=True),
    _Format("supabase-secret-key", "supabase", r"sb_secret_[A-Za-z0-9_-]{20,}", _KEY, human=False),
    _Format("notion-token", "notion", r"(?:ntn|secret)_[A-Za-z0-9]{40,}"),
    _Format("linear-api-key", "linear", r"lin_api_[A-Za-z0-9]{30,}", _KEY, human=True),
    _Format("figma-token", "figma", r"figd_[A-Za-z0-9_-]{30,}", human=True),
    _Format("atlassian-api-token", "atlassian", r"ATATT3[A-Za-z0-9_=-]{40,}"),
    _Format("sentry-user-token", "sentry", r"sntryu_[a-f0-9]{40,}", human=True),
    _Format("sentry-org-token", "sentry", r"sntrys_[A-Za-z0-9+/=_-]{40,}", human=False),
    _Format("databricks-token", "databricks", r"dapi[a-f0-9]{32}(?:-\d)?"),
    _Format("digitalocean-token", "digitalocean", r"do[opr]_v1_[a-f0-9]{60,}"),
    _Format("sendgrid-api-key", "sendgrid", r"SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{30,}", _KEY, human=False),
    _Format("vault-token", "vault", r"hv[sb]\.[A-Za-z0-9_-]{20,}"),
    _Format("brave-api-key", "brave", r"BSA[A-Za-z0-9_-]{24,}", _KEY),
    _Format("tavily-api-key", "tavily", r"tvly-(?:dev-|prod-)?[A-Za-z0-9]{20,}", _KEY),
    _Format("firecrawl-api-key", "firecrawl", r"fc-[a-f0-9]{32}", _KEY),
    _Format("groq-api-key", "groq", r"gsk_[A-Za-z0-9]{40,}", _KEY),
    _Format("perplexity-api-key", "perplexity", r"pplx-[A-Za-z0-9]{40,}", _KEY),
    _Format("replicate-token", "replicate", r"r8_[A-Za-z0-9]{30,}"),
    _Format("airtable-pat", "airtable", r"pat[A-Za-z0-9]{14}\.[a-f0-9]{60,}", human=True),
    _Format("postman-api-key", "postman", r"PMAK-[a-f0-9]{20,}-[a-f0-9]{30,}", _KEY, human=True),
    _Format("private-key", "", r"-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]{20,}", CredentialKind.PRIVATE_KEY),
)  # fmt: skip
_BY_GROUP = {f"f{i}": f for i, f in enumerate(_FORMATS)}
_KNOWN = re.compile("|".join(f"(?P<{g}>{f.pattern})" for g, f in _BY_GROUP.items()))
_ANYWHERE = re.compile(rf"(?<![A-Za-z0-9_]){_KNOWN.pattern}")
_JWT = re.compile(r"eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{4,}\.[A-Za-z0-9_-]*")
AWS_KEY_ID = re.compile(r"A[KS]IA[A-Z0-9]{16}")
_CLAIMS = ("iss", "role", "ref", "kid")
_DAY = 86_400


def recognise(value: str) -> Traits | None:
    """The traits of a value that is, as a whole, in a format a vendor documents or a JWT; else None."""
    if known := _KNOWN.fullmatch(value):
        return _traits(_BY_GROUP[known.lastgroup or ""])
    return jwt_traits(value) if _JWT.fullmatch(value) else None


def known_values(text: str) -> list[str]:
    """Every stretch of a text that is in a vendor's format, a JWT or an AWS key id: what must never be shown."""
    return [m.group() for p in (_ANYWHERE, _JWT) for m in p.finditer(text)]


def jwt_traits(value: str) -> Traits | None:
    """The claims of a JWT that are no secret (RFC 7519), unverified; None when it does not decode.

    A Supabase key with role `anon` is public by design; `service_role` passes every row policy.
    """
    claims = _claims(value)
    if claims is None:
        return None
    facts = {k: str(claims[k])[:100] for k in _CLAIMS if isinstance(claims.get(k), str)}
    role = facts.get("role")
    issued, expires = _time(claims.get("iat")), _time(claims.get("exp"))
    short = issued and expires and (expires - issued).total_seconds() <= _DAY
    return Traits(
        kind=CredentialKind.JWT,
        provider="supabase" if facts.get("iss") == "supabase" or role in {"anon", "service_role"} else None,
        format="jwt",
        human=False if role in {"anon", "service_role"} else None,
        public=None if role is None else role == "anon",
        lifetime=Lifetime.SHORT_LIVED if short else Lifetime.STATIC,
        issued_at=issued,
        expires_at=expires,
        facts=facts,
    )


def _traits(known: _Format) -> Traits:
    return Traits(
        kind=known.kind,
        provider=known.provider or None,
        format=known.name,
        human=known.human,
        lifetime=known.lifetime,
    )


def _claims(value: str) -> Mapping[str, object] | None:
    head, body, _ = value.split(".", 2)
    merged: dict[str, object] = {}
    for part in (head, body):
        try:
            data = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
        except (ValueError, RecursionError):
            return None
        if not isinstance(data, dict):
            return None
        merged |= data
    return merged


def _time(claim: object) -> datetime | None:
    if isinstance(claim, bool) or not isinstance(claim, int | float):
        return None
    try:
        return datetime.fromtimestamp(claim, UTC)
    except (OverflowError, OSError, ValueError):
        return None
