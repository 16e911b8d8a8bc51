"""Tokens a job is given in exchange for its own proof: cloud federation, trusted publishing, GitHub Apps.

Input names from each action's README (read 2026-11): aws-actions/configure-aws-credentials, azure/login,
google-github-actions/auth, actions/create-github-app-token, tibdex/github-app-token, hashicorp/vault-action,
pypa/gh-action-pypi-publish.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._config.jsonc import parse_json
from nhiscan.collectors.repo._config.nodes import MalformedError
from nhiscan.collectors.repo._config.yamlc import parse_yaml
from nhiscan.collectors.repo._workflows.purposes import PUBLISHES
from nhiscan.collectors.repo._workflows.scripts import scalar_of
from nhiscan.collectors.repo._workflows.shape import scalar
from nhiscan.plugin import Purpose

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from nhiscan.collectors.repo._config.nodes import Node
    from nhiscan.collectors.repo._workflows.permissions import Permissions
    from nhiscan.collectors.repo._workflows.shape import Step

_APPS = frozenset(
    {
        *("actions/create-github-app-token", "tibdex/github-app-token", "getsentry/action-github-app-token"),
        *("peter-murray/workflow-application-token-action", "navikt/github-app-token-generator"),
    }
)
_TOKEN = re.compile(r"npm_|node_auth|yarn_|pypi|twine|uv_publish|poetry|hatch|cargo|crates|gem_host|rubygems|nuget")
_MOST_COMMANDS = 20
_REGISTRIES = (
    ("npm", re.compile(r"npm|yarn|bun|npx|lerna|changeset|semantic-release")),
    ("pypi", re.compile(r"twine|uv|poetry|hatch|pdm|flit|rye")),
    ("crates.io", re.compile(r"cargo")),
    ("rubygems", re.compile(r"gem push")),
    ("nuget", re.compile(r"nuget")),
)
_ACTIONS = {
    "rust-lang/crates-io-auth-action": ("crates.io", Purpose.PUBLISH),
    "nuget/login": ("nuget", Purpose.PUBLISH),
    "rubygems/configure-rubygems-credentials": ("rubygems", Purpose.PUBLISH),
    "rubygems/release-gem": ("rubygems", Purpose.PUBLISH),
    "sigstore/cosign-installer": ("sigstore", None),
    "sigstore/gh-action-sigstore-python": ("sigstore", None),
}


@dataclass(frozen=True, slots=True)
class Federation:
    """One exchange: `node` names the role, account or client that is assumed (None for a publisher that needs none).

    `static`: a key was given too, so the role is assumed with that and nothing is federated.
    """

    name: str
    node: Node | None
    provider: str
    purpose: Purpose | None
    static: bool = False


@dataclass(frozen=True, slots=True)
class Publication:
    """A step that publishes to a registry which also takes the job's own proof; where its command stands."""

    registry: str
    federated: bool
    offset: int
    text: str


@dataclass(frozen=True, slots=True)
class AppToken:
    """A token of a GitHub App: `scopes` as asked for, `*` where nothing is asked and all it has is given.

    `owner` and `repositories` are as written, `*` where all of an owner's are meant, None where only this repository.
    """

    scopes: tuple[str, ...]
    owner: str | None
    repositories: str | None
    revoked: bool


def federation(step: Step, action: str) -> Federation | None:
    """The exchange that an action makes, or None."""
    given = step.inputs
    found: Federation | None = None
    match action:
        case "aws-actions/configure-aws-credentials":
            static = "aws-access-key-id" in given and scalar_of(step, "role-chaining") != "true"
            role = _named(step, "role-to-assume", "aws", Purpose.CLOUD)
            found = replace(role, static=static) if role else None
        case "google-github-actions/auth" if "workload_identity_provider" in given:
            found = _named(step, "service_account", "gcp", Purpose.CLOUD) or Federation(
                "workload_identity_provider", None, "gcp", Purpose.CLOUD
            )
        case "azure/login" if "creds" not in given and "client-secret" not in given:
            found = _named(step, "client-id", "azure", Purpose.CLOUD)
        case "hashicorp/vault-action" if step.text("method") == "jwt":
            found = Federation("role", None, "vault", Purpose.CLOUD)
        case "pypa/gh-action-pypi-publish" if not step.text("password") and not step.text("user"):
            found = Federation("pypi", None, "pypi", Purpose.PUBLISH)
        case "rubygems/release-gem" if scalar_of(step, "setup-trusted-publisher") == "false":
            pass
        case _ if action in _ACTIONS and not any(k in given for k in ("api-token", "token")):
            provider, purpose = _ACTIONS[action]
            found = Federation(provider, None, provider, purpose)
    return found


def publications(step: Step, action: str, permissions: Permissions, env: Mapping[str, Node]) -> Iterator[Publication]:
    """What a step publishes by itself; federated where the job may prove itself and no token is handed over.

    Source for npm: https://docs.npmjs.com/trusted-publishers (read 2026-11).
    """
    if action == "rubygems/release-gem" and scalar_of(step, "setup-trusted-publisher") == "false":
        yield Publication("rubygems", federated=False, offset=0, text=step.uses)
    script = step.run[:100_000]
    for match in islice(PUBLISHES.finditer(script), _MOST_COMMANDS) if script else ():
        registry = next((r for r, pattern in _REGISTRIES if pattern.search(match["command"])), None)
        if registry:
            tokens = any(_TOKEN.search(n.lower()) and scalar(v) for n, v in env.items())
            federated = permissions.federates and not tokens
            yield Publication(registry, federated, match.start("command"), match["command"])


def app_token(step: Step, action: str) -> AppToken | None:
    """The token of a GitHub App that an action makes, or None."""
    if action not in _APPS:
        return None
    owner, repositories = (
        _first(step, "owner", "organization", "repo"),
        _first(step, "repositories", "repository", "repo"),
    )
    if repositories is None and owner is not None:
        repositories = "*"
    return AppToken(_scopes(step), owner, repositories, scalar_of(step, "skip-token-revoke") not in {"true", "1"})


def _scopes(step: Step) -> tuple[str, ...]:
    found = {n[len("permission-") :]: scalar(v) for n, v in step.inputs.items() if n.startswith("permission-")}
    if text := step.text("permissions"):
        found |= _written(text)
    return tuple(sorted(f"{n}: {v}" for n, v in found.items() if v)) or ("*",)


def _written(text: str) -> dict[str, str]:
    """The permissions of a `{"contents": "write"}` or `contents:write, issues:read`."""
    try:
        root = (
            parse_json(text) if text.lstrip().startswith("{") else next(iter(parse_yaml(text.replace(",", "\n"))), None)
        )
    except MalformedError:
        root = None
    if root is not None and root.map:
        return {n: scalar(v) for n, v in root.map.items()}
    return {n.strip(): v.strip() for n, c, v in (p.partition(":") for p in text.split(",")) if c}


def _first(step: Step, *names: str) -> str | None:
    return next((t for n in names if (t := step.text(n).strip())), None)


def _named(step: Step, name: str, provider: str, purpose: Purpose) -> Federation | None:
    node = step.inputs.get(name)
    return Federation(name, node, provider, purpose) if node is not None and scalar(node) else None
