"""GitLab CI: `.gitlab-ci.yml` and the files of the same repository that it includes.

Facts (docs.gitlab.com, read 2026-11): a job's id token has the issuer of its instance and the subject
`project_path:{group}/{project}:ref_type:{branch|tag}:ref:{name}` unless the project's API setting
`ci_id_token_sub_claim_components` has it otherwise (ci/secrets/id_token_authentication); a merge request from a fork
runs in the fork, with the fork's variables, unless a member starts it in the parent project
(ci/pipelines/merge_request_pipelines), so `merge_request_event` is an event of members; a job without rules runs in
branch pipelines (ci/yaml#rules); runners of GitLab.com carry tags that begin with `saas-` (ci/runners/hosted_runners).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._config.judge import Spot
from nhiscan.collectors.repo._config.nodes import Node
from nhiscan.collectors.repo._pipelines import gitlab_rules, shell
from nhiscan.collectors.repo._pipelines.gitlab_includes import Source, merged
from nhiscan.collectors.repo._pipelines.parts import (
    OWN,
    VAULT,
    Call,
    Held,
    Job,
    Part,
    Pipeline,
    Ref,
    Shared,
    image_part,
    named,
    texts,
)
from nhiscan.collectors.repo._pipelines.purposes import purpose_of
from nhiscan.plugin import CredentialKind, Form, Lifetime, UseHow

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from nhiscan.collectors.repo._config.nodes import Document
    from nhiscan.collectors.repo._pipelines.parts import Home, Load

PLATFORM = "gitlab_ci"
_RESERVED = frozenset(
    [
        "default",
        "include",
        "stages",
        "variables",
        "workflow",
        "image",
        "services",
        "before_script",
        "after_script",
        "cache",
        "spec",
        "types",
    ]
)
_WORK = ("script", "trigger", "run", "extends", "before_script")
_SCRIPTS = ("before_script", "script", "after_script")
_HOSTED = re.compile(r"saas-|gitlab-org|shared-windows|windows-1809$|docker$|linux$|ruby$|postgres$|mongo$|git-annex$")
_MOST_JOBS = 2_000
_DEEPEST = 10
_JOB = Ref(
    OWN, "CI_JOB_TOKEN", CredentialKind.TOKEN, "gitlab", Lifetime.SHORT_LIVED, facts=(("basis", "every job has one"),)
)
_DEFINED = {"CI_JOB_TOKEN": _JOB, "CI_BUILD_TOKEN": _JOB, "CI_REGISTRY_PASSWORD": _JOB, "CI_JOB_JWT": _JOB}
_PREDEFINED = re.compile(
    r"(?:CI|GITLAB|FF|TRIGGER|RUNNER)_(?!DEPLOY_PASSWORD|.*(?:API|PRIVATE|ACCESS|PUSH)_?TOKEN|TOKEN)\w+"
)


def reads(root: Node) -> bool:
    """Whether a document is a pipeline of GitLab: a job with a script, or an include."""
    if "include" in root.map or "stages" in root.map:
        return True
    return any(k not in _RESERVED and any(w in n.map for w in _WORK) for k, n in root.map.items())


def pipeline(document: Document, load: Load, home: Home) -> Pipeline:
    """The jobs of one file and of the local files that it includes."""
    found = merged(document, load)
    made = Pipeline(document, PLATFORM, parts=found.parts, read=found.read)
    plain: set[str] = set()
    for source in found.sources:
        variables = source.root.at("variables")
        plain.update(variables.map if variables else ())
    for source in found.sources:
        made.shared.append(_shared(source, plain))
    first = found.roots
    around = _Around(first, frozenset(plain), found.jobs, home)
    for name, job in found.jobs.items():
        if len(made.jobs) >= _MOST_JOBS:
            break
        entry = _inherited(name, found.jobs, 0)
        if name.startswith(".") or name in _RESERVED or not any(k in entry for k in ("script", "trigger", "run")):
            continue
        made.jobs.append(_job(name, job, _with_defaults(entry, first), around))
    return made


def _shared(source: Source, plain: set[str]) -> Shared:
    names = shell.Names(frozenset(plain), _DEFINED, _is_secret)
    spots, held = _variables(source.root.at("variables"), names)
    return Shared(source.document, tuple(spots), tuple(held))


def _variables(node: Node | None, names: shell.Names) -> tuple[list[Spot], list[Held]]:
    spots: list[Spot] = []
    held: list[Held] = []
    for name, member in (node.map if node else {}).items():
        value = member if member.text is not None else member.at("value")
        if value is None or value.text is None:
            continue
        spots.append(Spot("env", name, value.text, value.line))
        held += shell.value_refs(name, value, names)
    return spots, held


def _is_secret(name: str) -> bool:
    from nhiscan.collectors.repo._config import words

    return words.names_credential(name) and not _PREDEFINED.fullmatch(name)


def _inherited(name: str, jobs: Mapping[str, Source], depth: int) -> dict[str, Node]:
    """A job with what it extends: mappings are joined, anything else is replaced (ci/yaml#extends)."""
    entry = dict(jobs[name].root.map)
    if depth >= _DEEPEST:
        return entry
    result: dict[str, Node] = {}
    for base, _ in texts(entry.get("extends")):
        if base in jobs and base != name:
            result = _joined(result, _inherited(base, jobs, depth + 1))
    return _joined(result, entry)


def _joined(base: dict[str, Node], over: Mapping[str, Node]) -> dict[str, Node]:
    result = dict(base)
    for key, node in over.items():
        below = result.get(key)
        if below is not None and below.map and node.map:
            result[key] = Node({**below.map, **node.map}, node.line, node.key_line)
        else:
            result[key] = node
    return result


def _with_defaults(entry: dict[str, Node], first: Mapping[str, Node]) -> dict[str, Node]:
    keep = entry.get("inherit")
    if keep is not None and (said := keep.at("default")) is not None and said.value is False:
        return entry
    default = first.get("default")
    common = {k: n for k, n in first.items() if k in {"image", "services", "before_script", "after_script"}}
    return {**common, **(default.map if default else {}), **entry}


@dataclass(frozen=True, slots=True, repr=False)
class _Around:
    """What is the same for all jobs of a pipeline."""

    first: Mapping[str, Node]
    plain: frozenset[str]
    jobs: Mapping[str, Source]
    home: Home


def _job(name: str, source: Source, entry: Mapping[str, Node], around: _Around) -> Job:
    first, plain, home, jobs = around.first, around.plain, around.home, around.jobs
    job = Job(source.document, name, source.root.key_line)
    own = entry.get("variables")
    known = {**_DEFINED, **_tokens(entry, job, home), **_fetched(entry, job)}
    names = shell.Names(plain | frozenset(own.map if own else ()), known, _is_secret)
    job.environment = named(entry.get("environment"), "name")
    gitlab_rules.stand(job, entry, first, home)
    job.self_hosted = _self_hosted(entry, home)
    spots, held = _variables(own, names)
    job.spots += spots
    job.held += held
    lines = [line for key in _SCRIPTS for line in _lines(entry.get(key), jobs, 0)]
    job.held += shell.held_in(lines, names)
    job.spots += shell.spots_in(lines)
    if job.issuer or job.subjects:
        globals_ = [
            m for n in (first.get("variables"), own) for k, m in (n.map if n else {}).items() if "ROLE" in k.upper()
        ]
        job.held += shell.roles([*((n.text, n.line) for n in globals_ if n.text), *lines])
    job.parts += _images(entry)
    job.calls += _calls(entry)
    return job


def _tokens(entry: Mapping[str, Node], job: Job, home: Home) -> dict[str, Ref]:
    node = entry.get("id_tokens")
    found: dict[str, Ref] = {}
    for name, token in (node.map if node else {}).items():
        audiences = ",".join(t for t, _ in texts(token.at("aud")))
        facts = (("aud", audiences),) if audiences else ()
        ref = Ref(OWN, name, CredentialKind.JWT, "gitlab", Lifetime.SHORT_LIVED, facts=facts)
        found[name] = ref
        job.held.append(Held(ref, token.key_line, name, "oidc", purpose_of(name), UseHow.ENV, Form.FEDERATED))
    if found:
        job.issuer = home.host if home.host not in {"github.com", "bitbucket.org"} else None
        job.subjects = gitlab_rules.subjects(entry, home)
    return found


def _fetched(entry: Mapping[str, Node], job: Job) -> dict[str, Ref]:
    """Secrets that the runner fetches from a vault for the job (ci/yaml#secrets)."""
    node = entry.get("secrets")
    found: dict[str, Ref] = {}
    for name, secret in (node.map if node else {}).items():
        path, provider = _vault_path(secret)
        if path:
            ref = found[name] = Ref(VAULT, path, provider=provider)
            job.held.append(Held(ref, secret.key_line, name, "env", purpose_of(name), UseHow.ENV, Form.VAULT))
    return found


def _vault_path(secret: Node) -> tuple[str | None, str | None]:
    for key, provider in (
        ("vault", "vault"), ("azure_key_vault", "azure"), ("gcp_secret_manager", "gcp"),
        ("aws_secrets_manager", "aws"), ("akeyless", "akeyless"), ("gitlab_secrets_manager", "gitlab"),
    ):  # fmt: skip
        node = secret.at(key)
        if node is None:
            continue
        if node.text is not None:
            return node.text, provider
        mount = node.text_at("engine", "path")
        name = node.text_at("path") or node.text_at("name") or node.text_at("secret_id")
        return (f"{mount}/{name}" if mount and name else name), provider
    return None, None


def _lines(node: Node | None, jobs: Mapping[str, Source], depth: int) -> Iterator[tuple[str, int]]:
    """The lines of a script; a list of two names inside it is a `!reference` to another job's."""
    if node is None or depth > _DEEPEST:
        return
    if node.text is not None:
        yield node.text, node.line
    items = [n.text for n in node.list]
    if len(items) > 1 and (base := items[0]) in jobs and all(items):
        yield from _lines(jobs[base or ""].root.at(*(i or "" for i in items[1:])), jobs, depth + 1)
        return
    for item in node.list:
        yield from _lines(item, jobs, depth + 1)


def _images(entry: Mapping[str, Node]) -> Iterator[Part]:
    for key in ("image", "services"):
        node = entry.get(key)
        for item in [node, *(node.list if node else ())]:
            if item is not None:
                yield from image_part(named(item, "name"), item.line)


def _self_hosted(entry: Mapping[str, Node], home: Home) -> bool | None:
    tags = [t for t, _ in texts(entry.get("tags"))]
    if not tags or any("$" in t for t in tags):
        return None
    if home.host not in {None, "gitlab.com"}:
        return True
    return not all(_HOSTED.match(t) for t in tags)


def _calls(entry: Mapping[str, Node]) -> Iterator[Call]:
    node = entry.get("trigger")
    target = named(node, "project")
    if node is None or not target:
        return
    forward = node.at("forward", "pipeline_variables")
    yield Call(target, "trigger", node.line, forward.value if forward and isinstance(forward.value, bool) else None)
