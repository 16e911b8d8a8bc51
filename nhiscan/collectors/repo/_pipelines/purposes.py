"""What a credential is used for, told by the command it stands in and by its name."""

from __future__ import annotations

import re

from nhiscan.collectors.repo._config import words
from nhiscan.plugin import Purpose

_COMMANDS = tuple(
    (re.compile(rf"(?:^|[\s;&|(/]){pattern}\b", re.IGNORECASE), purpose)
    for pattern, purpose in (
        (r"(?:docker|podman|nerdctl|skopeo|crane|buildah|oras)\s+(?:auth\s+)?login", Purpose.REGISTRY),
        (r"helm\s+registry\s+login", Purpose.REGISTRY),
        (
            r"(?:npm|pnpm|yarn(?:\s+npm)?|lerna|cargo|poetry|uv|flit|hatch|vsce|ovsx|bun|(?:dart|flutter)\s+pub)\s+publish",
            Purpose.PUBLISH,
        ),
        (r"(?:twine\s+upload|gem\s+push|(?:dotnet\s+)?nuget\s+push|pod\s+trunk\s+push)", Purpose.PUBLISH),
        (r"(?:goreleaser|semantic-release|jreleaser)", Purpose.PUBLISH),
        (r"(?:mvn|mvnw|gradle|gradlew)\s[^\n]*(?:deploy|publish)", Purpose.PUBLISH),
        (r"(?:git\s+(?:clone|push|fetch|pull|remote|config|submodule|ls-remote)|gh|glab|hub)", Purpose.SOURCE),
        (
            r"(?:aws|gcloud|gsutil|bq|az|terraform|tofu|terragrunt|pulumi|kubectl|helm|eksctl|serverless|sls|cdk|sam)",
            Purpose.CLOUD,
        ),
        (
            r"(?:doctl|flyctl|heroku|vercel|netlify|wrangler|ibmcloud|oci|eb|argocd|oc)",
            Purpose.CLOUD,
        ),
        (
            r"(?:psql|pg_dump|pg_restore|mysql|mysqldump|mongo|mongosh|mongodump|redis-cli|sqlcmd|flyway|liquibase)",
            Purpose.DATA,
        ),
        (
            r"(?:alembic|snowsql|dbt|clickhouse-client)",
            Purpose.DATA,
        ),
    )
)
_PROVIDERS = {
    "aws": Purpose.CLOUD, "gcp": Purpose.CLOUD, "azure": Purpose.CLOUD, "cloudflare": Purpose.CLOUD,
    "openai": Purpose.MODEL, "anthropic": Purpose.MODEL, "huggingface": Purpose.MODEL, "perplexity": Purpose.MODEL,
    "replicate": Purpose.MODEL,
    "npm": Purpose.PUBLISH, "github": Purpose.SOURCE, "gitlab": Purpose.SOURCE,
    "postgres": Purpose.DATA, "mysql": Purpose.DATA, "mongodb": Purpose.DATA, "redis": Purpose.DATA,
    "snowflake": Purpose.DATA, "databricks": Purpose.DATA, "supabase": Purpose.DATA,
}  # fmt: skip
_WORDS = {
    word: purpose
    for purpose, named in (
        (Purpose.MODEL, "llm gemini mistral cohere groq"),
        (Purpose.PUBLISH, "pypi twine nuget rubygems crates cargo sonatype ossrh maven ovsx vsce"),
        (Purpose.REGISTRY, "docker dockerhub registry quay ghcr ecr gcr acr harbor artifactory"),
        (Purpose.CLOUD, "kubeconfig kube kubernetes arm gcloud google terraform tfe vault digitalocean"),
        (Purpose.SOURCE, "git ssh bitbucket"),
        (Purpose.DATA, "database db pg mongo sql"),
    )
    for word in named.split()
}
_PRINTED = re.compile(r"\s*(?:echo|printf|Write-Host|Write-Output|cat\s+<<<)\s", re.IGNORECASE)


def purpose_of(name: str, command: str = "") -> Purpose | None:
    """What a credential of this name is for in this command; None where neither says it."""
    by_name = _by_name(name)
    if by_name is Purpose.MODEL:
        return by_name
    return next((purpose for pattern, purpose in _COMMANDS if pattern.search(command)), by_name)


def is_printed(command: str) -> bool:
    """Whether a shell command writes its arguments to the log and to nothing else."""
    return bool(_PRINTED.match(command)) and "|" not in command and ">" not in command.replace(">&2", "")


def _by_name(name: str) -> Purpose | None:
    provider = words.provider_of(name)
    if provider in _PROVIDERS:
        return _PROVIDERS[provider]
    return next((_WORDS[w] for w in words.words(name) if w in _WORDS), None)
