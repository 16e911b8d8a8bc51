"""What a secret is for at one place: by the action and input it goes to, by the script it is in, by its name.

Input names are those of each action's own README or action.yml (read 2026-11).
"""

from __future__ import annotations

import re

from nhiscan.collectors.repo._config import words
from nhiscan.plugin import Purpose

_ACTIONS = (
    (
        Purpose.REGISTRY,
        (
            r"docker/login-action|azure/docker-login|azure/container-.*|redhat-actions/podman-login"
            r"|aws-actions/amazon-ecr-login|docker/build-push-action|elgohr/publish-docker-github-action"
        ),
    ),
    (
        Purpose.PUBLISH,
        (
            r"pypa/gh-action-pypi-publish|js-devtools/npm-publish|rubygems/(?:release-gem|configure-rubygems-credentials)"
            r"|katyo/publish-crates|rust-lang/crates-io-auth-action|nuget/login|nuget/setup-nuget|goreleaser/.*"
            r"|gradle/.*|cycjimmy/semantic-release-action|changesets/action|marketplace.*|haaleo/publish-vscode-extension"
        ),
    ),
    (
        Purpose.CLOUD,
        (
            r"aws-actions/.*|google-github-actions/(?!run-gemini-cli).*|azure/.*|hashicorp/(?:vault-action|setup-terraform)"
            r"|cloudflare/.*|amondnet/vercel-action|digitalocean/.*|databricks/.*|pulumi/.*|superfly/.*"
        ),
    ),
    (
        Purpose.SOURCE,
        (
            r"actions/(?:checkout|github-script|create-github-app-token|labeler|stale|create-release|upload-release-asset)"
            r"|peter-evans/.*|softprops/action-gh-release|peaceiris/actions-gh-pages|tibdex/github-app-token"
            r"|stefanzweifel/.*|ad-m/github-push-action|release-drafter/.*|peter-murray/.*|googleapis/release-please-action"
        ),
    ),
    (
        Purpose.MODEL,
        r"anthropics/.*|google-github-actions/run-gemini-cli|openai/.*|actions/ai-inference|sst/opencode.*|.*/opencode/github",
    ),
)
_ACTION_OF = tuple((p, re.compile(pattern, re.IGNORECASE)) for p, pattern in _ACTIONS)
_TOKEN_OF_SOURCE = re.compile(
    r"(?:GH|GITHUB|GITLAB|REPO|BOT)_?(?:.*_)?(?:TOKEN|PAT)$|(?:^|_)PAT(?:_|$)|SSH_(?:PRIVATE_)?KEY|DEPLOY_KEY"
)
_PUBLISHED = re.compile(
    r"NPM|NODE_AUTH|PYPI|TWINE|CARGO_REGISTRY|CRATES|NUGET|RUBYGEMS|GEM_HOST|OSSRH|SONATYPE|MAVEN|(?:^|_)JSR(?:_|$)|UV_PUBLISH|POETRY_PYPI"
    r"|VSCE|OPEN_?VSX|HATCH_INDEX|FLIT"
)
_REGISTRIES = re.compile(r"DOCKER|GHCR|QUAY|HARBOR|(?:^|_)[EA]CR(?:_|$)|REGISTRY")
_MODELS = re.compile(
    r"ANTHROPIC|CLAUDE|OPENAI|GEMINI|MISTRAL|COHERE|GROQ|OPENROUTER|DEEPSEEK|HUGGING|(?:^|_)HF_|REPLICATE|PERPLEXITY|(?:^|_)(?:XAI|LLM)(?:_|$)"
)
_CLOUDS = re.compile(
    r"(?:^|_)(?:AWS|AZURE|ARM|GCP|GCLOUD|GOOGLE|CLOUDFLARE|DIGITALOCEAN|VERCEL|NETLIFY|HEROKU|FLY|KUBE\w*)(?:_|$)"
)
_DATA = re.compile(r"DATABASE|(?:^|_)(?:DB|PG|POSTGRES\w*|MYSQL|MONGO\w*|REDIS|SUPABASE|SNOWFLAKE|DSN)(?:_|$)")
_BY_NAME = (
    (Purpose.MODEL, _MODELS), (Purpose.PUBLISH, _PUBLISHED), (Purpose.REGISTRY, _REGISTRIES),
    (Purpose.CLOUD, _CLOUDS), (Purpose.SOURCE, _TOKEN_OF_SOURCE), (Purpose.DATA, _DATA),
)  # fmt: skip
_PUBLISHERS = (
    ("npm", re.compile(r"(?:^|_)NPM|NODE_AUTH")),
    ("pypi", re.compile(r"PYPI|TWINE")),
    ("crates.io", re.compile(r"CARGO|CRATES")),
    ("rubygems", re.compile(r"RUBYGEMS|GEM_HOST")),
    ("nuget", re.compile(r"NUGET")),
)
PUBLISHES = re.compile(
    r"^[^#\n]*?(?<![\w./-])(?P<command>"
    r"(?:npm|pnpm|bun)(?: (?!pack |i |ci |install )[\w.=/-]+){0,4} publish(?![\w:-]|[^\n]*--dry)|yarn(?: npm)? publish"
    r"|npx? (?:semantic-release|lerna publish|changeset publish)|cargo(?: \+\w+)? publish"
    r"|(?:python3? -m )?twine upload|(?:uv|poetry|hatch|flit|pdm|rye) publish|gem push|(?:dotnet )?nuget push)",
    re.MULTILINE,
)
LOGS_IN = re.compile(
    r"^[^#\n]*\b(?:docker|podman|buildah|skopeo|oras|crane|nerdctl|helm registry)\b[^\n]*\blogin\b", re.MULTILINE
)


def of_action(action: str, name: str, secret: str) -> Purpose | None:
    """The purpose of a secret that the input or variable `name` hands to an action (`owner/repo`)."""
    found = next((p for p, pattern in _ACTION_OF if pattern.fullmatch(action)), None)
    named = by_name(secret) or by_name(name)
    if found is Purpose.MODEL and named is Purpose.SOURCE:
        return named
    if found in {Purpose.PUBLISH, Purpose.MODEL} and (named is Purpose.SOURCE or name.lower() == "github_token"):
        return Purpose.SOURCE
    return found or named


def of_script(script: str, name: str, secret: str) -> Purpose | None:
    """The purpose of a secret that a script is given."""
    named = by_name(secret) or by_name(name)
    if named in {Purpose.PUBLISH, Purpose.REGISTRY, None} and words.names_credential(secret):
        if PUBLISHES.search(script[:100_000]):
            return Purpose.PUBLISH if named is not Purpose.REGISTRY else named
        if LOGS_IN.search(script[:100_000]):
            return Purpose.REGISTRY
    return named


def by_name(name: str) -> Purpose | None:
    """The purpose that a name tells, or None."""
    upper = name.upper().replace("-", "_")
    return next((p for p, pattern in _BY_NAME if pattern.search(upper)), None)


def publisher(name: str) -> str | None:
    """The package registry that a secret's name tells, or None."""
    upper = name.upper()
    return next((p for p, pattern in _PUBLISHERS if pattern.search(upper)), None)
