"""What the subject of a token tells of its other claims, by issuer.

GitHub: docs.github.com, "OpenID Connect reference" (subject `repo:OWNER/NAME:CONTEXT`, since 2026 also with the ids of
owner and repository behind `@`; claims `repository`, `repository_owner`, `ref`, `environment`).  GitLab:
docs.gitlab.com, "OpenID Connect (OIDC) authentication using ID tokens".  HCP Terraform: developer.hashicorp.com,
"Workload identity tokens".  Buildkite: buildkite.com/docs, "OpenID Connect (OIDC) with Buildkite".  CircleCI:
circleci.com/docs, "Using OpenID Connect tokens in jobs".  Kubernetes: kubernetes.io/docs, "Managing Service Accounts".
"""

from __future__ import annotations

import re

GITHUB = "token.actions.githubusercontent.com"
_GITHUB = re.compile(r"repo:([^/:]+)/([^:]+?)(?::(.*))?", re.DOTALL)
_NUMBERED = re.compile(r"(.+)@(\d+)")
_GITLAB = re.compile(r"project_path:(.+?):ref_type:([^:]+):ref:(.+)", re.DOTALL)
_ACCOUNT = re.compile(r"system:serviceaccount:([^:]+):([^:]+)")
_TERRAFORM = re.compile(r"organization:([^:]+):project:([^:]+):workspace:([^:]+):run_phase:([^:]+)")
_TERRAFORM_NAMES = ("organization_name", "project_name", "workspace_name", "run_phase")
_BUILDKITE_NAMES = ("organization_slug", "pipeline_slug", "ref", "build_commit", "step_key")
_BUILDKITE = re.compile(r"organization:([^:]+):pipeline:([^:]+):ref:(.+?):commit:(.+?):step:(.+)")
_CIRCLECI = re.compile(r"org/([^/]+)/project/([^/]+)/user/[^/]+(?:/vcs-origin/(.+)/vcs-ref/(.+))?")


def issuer_of(text: str) -> str:
    """An issuer as trusts name it: without scheme and trailing slash."""
    return text.removeprefix("https://").removeprefix("http://").rstrip("/")


def claims_of(issuer: str, subject: str) -> dict[str, str]:
    """The claims of a token by name, as patterns; only those that follow from issuer and subject."""
    found = {"sub": subject, "iss": f"https://{issuer_of(issuer)}"}
    if subject.startswith("repo:"):
        found.update(_github(subject))
    elif match := _GITLAB.fullmatch(subject):
        path, kind, ref = match.groups()
        found |= {"project_path": path, "namespace_path": path.rpartition("/")[0] or "*", "ref_type": kind, "ref": ref}
    elif match := _ACCOUNT.fullmatch(subject):
        found |= {"kubernetes.io.namespace": match[1], "kubernetes.io.serviceaccount.name": match[2]}
    elif match := _TERRAFORM.fullmatch(subject):
        found |= {f"terraform_{n}": v for n, v in zip(_TERRAFORM_NAMES, match.groups(), strict=True)}
    elif match := _BUILDKITE.fullmatch(subject):
        found |= dict(zip(_BUILDKITE_NAMES, match.groups(), strict=True))
    elif match := _CIRCLECI.fullmatch(subject):
        found |= {"oidc.circleci.com/org-id": match[1], "oidc.circleci.com/project-id": match[2]}
        if match[3]:
            found |= {"oidc.circleci.com/vcs-origin": match[3], "oidc.circleci.com/vcs-ref": match[4]}
    return found


def _github(subject: str) -> dict[str, str]:
    match = _GITHUB.fullmatch(subject)
    if match is None:
        return {}
    owner, name, context = match.groups()
    found: dict[str, str] = {}
    if (numbered := _NUMBERED.fullmatch(owner)) is not None:
        owner, found["repository_owner_id"] = numbered.groups()
    if (numbered := _NUMBERED.fullmatch(name)) is not None:
        name, found["repository_id"] = numbered.groups()
    found |= {"repository": f"{owner}/{name}", "repository_owner": owner}
    kind, _, value = (context or "").partition(":")
    if kind in {"ref", "environment"} and value:
        found[kind] = value
    elif context == "pull_request":
        found["event_name"] = "pull_request"
    return found
