"""Which files may be pipelines of which system, told by their path; the content decides afterwards."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._pipelines import azure, bitbucket, buildkite, circleci, codebuild, drone, gitlab

if TYPE_CHECKING:
    from collections.abc import Callable

    from nhiscan.collectors.repo._config.nodes import Document, Node
    from nhiscan.collectors.repo._pipelines.parts import Home, Load, Pipeline


@dataclass(frozen=True, slots=True)
class System:
    """One system: the paths of its files, a word that each of them holds, and its reader."""

    name: str
    paths: re.Pattern[str]
    marks: tuple[str, ...]
    reads: Callable[[Node], bool]
    pipeline: Callable[[Document, Load, Home], Pipeline]


def _system(paths: str, marks: tuple[str, ...], module: object) -> System:
    name, reads, pipeline = (getattr(module, n) for n in ("PLATFORM", "reads", "pipeline"))
    return System(name, re.compile(paths, re.IGNORECASE), marks, reads, pipeline)


_AZURE = (
    r"(?:.*/)?[\w.-]*azure[-_]?pipelines?[\w.-]*\.ya?ml|(?:.*/)?\.?(?:azure-?pipelines?|azuredevops|ado|vsts|pipelines)"
    r"/(?:.*/)?[\w.-]+\.ya?ml|(?:.*/)?\.vsts-ci\.ya?ml"
)
SYSTEMS = (
    _system(r"(?:.*/)?[\w.-]*\.gitlab-ci\.ya?ml", ("script", "include", "trigger"), gitlab),
    _system(r"(?:.*/)?\.circleci/[\w.-]+\.ya?ml", ("version",), circleci),
    _system(r"(?:.*/)?bitbucket-pipelines\.ya?ml", ("pipelines",), bitbucket),
    _system(
        r"(?:.*/)?(?:\.buildkite/(?:.*/)?[\w.-]+|buildkite[\w.-]*)\.ya?ml", ("steps", "command", "wait"), buildkite
    ),
    _system(
        r"(?:.*/)?(?:\.drone(?:\.[\w-]+)?|\.woodpecker|\.woodpecker/(?:.*/)?[\w.-]+)\.ya?ml", ("image", "kind"), drone
    ),
    _system(r"(?:.*/)?[\w.-]*buildspec[\w.-]*\.ya?ml", ("phases",), codebuild),
    _system(_AZURE, ("stages", "jobs", "steps", "extends"), azure),
)
JENKINSFILE = re.compile(
    r"(?:.*/)?(?:Jenkinsfile[\w.-]*|[\w.-]+\.(?:jenkinsfile|jenkins)|[\w.-]*Jenkinsfile)", re.IGNORECASE
)
JCASC = re.compile(
    r"(?:.*/)?(?:jenkins[\w.-]*|[\w.-]*j?casc[\w.-]*|j?casc[\w.-]*/(?:.*/)?[\w.-]+)\.ya?ml", re.IGNORECASE
)


def system_of(path: str) -> System | None:
    """The system whose file this may be, None for most files."""
    if not path.endswith((".yml", ".yaml", ".YML", ".YAML")):
        return None
    return next((s for s in SYSTEMS if s.paths.fullmatch(path)), None)
