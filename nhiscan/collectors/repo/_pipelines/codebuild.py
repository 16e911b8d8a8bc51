"""AWS CodeBuild: `buildspec.yml`.

Facts (docs.aws.amazon.com/codebuild, build-spec-ref, read 2026-11): `env.parameter-store` and `env.secrets-manager`
name what the build fetches as the role of its project, `env.variables` are plain text; which role that is, and what
starts the build, stands in the project and not in the file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nhiscan.collectors.repo._config import words
from nhiscan.collectors.repo._config.judge import Spot
from nhiscan.collectors.repo._pipelines import shell
from nhiscan.collectors.repo._pipelines.parts import VAULT, Held, Job, Pipeline, Ref, texts
from nhiscan.collectors.repo._pipelines.purposes import purpose_of
from nhiscan.plugin import Form, UseHow

if TYPE_CHECKING:
    from nhiscan.collectors.repo._config.nodes import Document, Node
    from nhiscan.collectors.repo._pipelines.parts import Home, Load

PLATFORM = "codebuild"


def reads(root: Node) -> bool:
    """Whether a document is a buildspec."""
    return "phases" in root.map and "version" in root.map


def pipeline(document: Document, load: Load, home: Home) -> Pipeline:
    """The one build that a buildspec describes."""
    del load, home
    root = document.root
    made = Pipeline(document, PLATFORM, read={document.path})
    job = Job(document, "build", root.line, self_hosted=False)
    variables = root.at("env", "variables")
    plain = set(variables.map if variables else ())
    known: dict[str, Ref] = {}
    for section in ("parameter-store", "secrets-manager"):
        for variable, node in (n.map if (n := root.at("env", section)) else {}).items():
            # A parameter is often a setting; only the manager of secrets holds nothing else.
            if node.text and (section == "secrets-manager" or words.names_credential(variable)):
                ref = known[variable] = Ref(
                    VAULT, _secret_id(node.text) if section == "secrets-manager" else node.text, provider="aws"
                )
                job.held.append(Held(ref, node.line, variable, "env", purpose_of(variable), UseHow.ENV, Form.VAULT))
    for variable, node in (n.map if (n := root.at("env", "variables")) else {}).items():
        if node.text is not None and "$" not in node.text:
            job.spots.append(Spot("env", variable, node.text, node.line))
    names = shell.Names(frozenset(plain), known, words.names_credential)
    phases = root.at("phases")
    for phase in phases.map.values() if phases else ():
        lines = [line for key in ("commands", "finally") for line in texts(phase.at(key))]
        job.held += shell.held_in(lines, names)
        job.spots += shell.spots_in(lines)
    made.jobs.append(job)
    return made


def _secret_id(text: str) -> str:
    """The secret of `id:json-key:stage:version`; an ARN is kept whole but for what follows its seven parts."""
    parts = text.split(":")
    return ":".join(parts[:7]) if text.startswith("arn:") else parts[0]
