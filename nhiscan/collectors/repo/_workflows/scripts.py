"""What the scripts of a job do with secrets and with what outsiders wrote.  Nothing is run."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._workflows.expressions import expressions, from_outside, of_head
from nhiscan.collectors.repo._workflows.shape import bounded, scalar

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nhiscan.collectors.repo._workflows.shape import Step

_LONGEST = 200_000
_PRINTS = re.compile(r"^\s*(?:sudo\s+)?(?:echo|printf|print|Write-(?:Host|Output)|cat\s*<<<)\b")
# Behind these the text goes into a file, another command or a mask, not into the log.
_ELSEWHERE = re.compile(r"\||>|::add-mask::|\btee\b")
_TRACE = re.compile(r"^[ \t]*set[ \t]+(?:-\w*x|-o[ \t]+xtrace)|^[ \t]*(?:ba)?sh[ \t]+-\w*x\b", re.MULTILINE)
_VARIABLE = re.compile(r"\$(?:\{(\w+)[^}\w]?|(\w+)|env:(\w+))")
_DUMPS = re.compile(r"^[ \t]*(?:env|printenv|export -p|set)[ \t]*(?:\|[ \t]*sort[ \t]*)?$", re.MULTILINE)
_FETCHES_HEAD = re.compile(
    r"\bgh\s+pr\s+checkout\b|\bgit\s+(?:fetch|pull|checkout|switch)\b[^\n]*(?:pull/|refs/pull|\$\{?(?:HEAD_REF|PR_(?:HEAD|BRANCH|REF)))"
)
_FETCHES_ARTIFACT = re.compile(r"\bgh\s+run\s+download\b|downloadArtifact\b|actions/artifacts/")
_ARTIFACT_ACTIONS = frozenset({"actions/download-artifact", "dawidd6/action-download-artifact"})
# Actions that run nothing of the work tree: they fetch, store, label, or install a tool by its own name.
_STILL = frozenset({
    "actions/checkout", "actions/upload-artifact", "actions/download-artifact", "actions/labeler", "actions/stale",
    "actions/first-interaction", "actions/add-to-project", "actions/create-github-app-token", "actions/setup-node",
    "actions/setup-python", "actions/setup-go", "actions/setup-java", "actions/setup-dotnet", "actions/cache",
    "actions/dependency-review-action", "github/codeql-action/upload-sarif", "step-security/harden-runner",
    "dorny/paths-filter", "tj-actions/changed-files", "dawidd6/action-download-artifact",
})  # fmt: skip
_WIDE = re.compile(r"^(?:\./?|\*\*?(?:/\*)?|\$\{\{\s*github\.workspace\s*\}\}/?(?:\*\*?)?)$")
_KEPT_SECRETS = re.compile(
    r"(?:^|/)(?:\.npmrc|\.pypirc|\.netrc|\.git-credentials|\.env(?:\.\w+)?|\.aws(?:/\w+)?|\.kube(?:/config)?|kubeconfig"
    r"|\.docker(?:/config\.json)?|\.git(?:/config)?|id_(?:rsa|ed25519|ecdsa)|[\w.-]+\.(?:pem|p12|pfx|key|jks|tfstate))$"
)


def printed(script: str) -> Iterator[tuple[int, str]]:
    """The lines (their offset and text) that write to the log and to nothing else."""
    at = 0
    for line in script[:_LONGEST].split("\n"):
        if _PRINTS.match(line) and not _ELSEWHERE.search(line):
            yield at, line
        at += len(line) + 1


def traces(script: str) -> bool:
    """Whether the shell writes every command with its arguments to the log."""
    return bool(_TRACE.search(script[:_LONGEST]))


def dumps(script: str) -> bool:
    """Whether the whole environment is written to the log."""
    return bool(_DUMPS.search(script[:_LONGEST]))


def variables(text: str) -> set[str]:
    """The variables that a line of shell reads."""
    return {name for m in _VARIABLE.finditer(text) if (name := next((g for g in m.groups() if g), None))}


def takes_in(steps: Sequence[Step], action_of: dict[int, str], triggers: tuple[str, ...]) -> str | None:
    """By which way a job that outsiders can set to work runs what they wrote: `script`, `checkout` or `artifact`.

    A checkout alone runs nothing: some step behind it must (docs.github.com/actions/reference/security/secure-use,
    "Understanding the risk of script injections" and "Mitigating the risks of untrusted code checkout").
    """
    ways = [_takes_in(step, action_of.get(i, ""), triggers) for i, step in enumerate(steps)]
    runs = [_runs(step, action_of.get(i, "")) for i, step in enumerate(steps)]
    for way in ("script", "checkout", "artifact"):
        first = next((i for i, w in enumerate(ways) if w == way), None)
        # What fetches by a script goes on in it.
        if first is not None and (way == "script" or any(runs[first:])):
            return way
    return None


def _runs(step: Step, action: str) -> bool:
    """Whether a step may run what lies in the work tree: a script, code of the tree, any action but a known few."""
    return bool(step.run) or bool(step.uses and action not in _STILL)


def _takes_in(step: Step, action: str, triggers: tuple[str, ...]) -> str | None:
    if action == "actions/checkout":
        chosen = step.text("ref") + step.text("repository")
        plain = {"pull_request", "pull_request_review", "pull_request_review_comment"} & set(triggers)
        head = any(of_head(e.body) for e in expressions(chosen)) or "refs/pull/" in chosen
        return "checkout" if (plain and not chosen) or head else None
    script = step.run or (bounded(step.text("script")) if action == "actions/github-script" else "")
    if any(from_outside(e.body) for e in expressions(script)):
        return "script"
    if script and (_FETCHES_HEAD.search(script[:_LONGEST]) or _checks_out(script)):
        return "checkout"
    if "workflow_run" not in triggers:
        return None
    other_run = action in _ARTIFACT_ACTIONS and (action != "actions/download-artifact" or bool(step.text("run-id")))
    return "artifact" if other_run or _FETCHES_ARTIFACT.search(script[:_LONGEST]) else None


def _checks_out(script: str) -> bool:
    return any(
        of_head(e.body)
        and re.search(r"\bgit\s+(?:checkout|fetch|switch|pull|merge)\b[^\n]*$", script[max(e.start - 400, 0) : e.start])
        for e in expressions(script[:_LONGEST])
    )


def keeps_token(step: Step) -> bool:
    """Whether a checkout leaves the job's token in `.git/config`, which is its default before version 6.

    Source: https://github.com/actions/checkout/releases/tag/v6.0.0 (2025-11: credentials under $RUNNER_TEMP).
    """
    version = re.search(r"@v?(\d+)(?:\.|$)", step.uses)
    moved = bool(version and len(version[1]) < 4 and int(version[1]) >= 6)
    return scalar_of(step, "persist-credentials") != "false" and not moved


def scalar_of(step: Step, name: str) -> str:
    """An input's text in lower case; empty where it is not set."""
    node = step.inputs.get(name)
    return scalar(node).strip().lower() if node else ""


def uploads(step: Step) -> tuple[bool, str | None]:
    """What an artifact carries out: whether the whole work tree, and the first path that holds credentials."""
    hidden = scalar_of(step, "include-hidden-files") == "true"
    version = re.search(r"@v?(\d+)", step.uses)
    old = bool(version and len(version[1]) < 4 and int(version[1]) < 4)
    paths = [p.strip() for p in step.text("path").split("\n")[:100]]
    kept = next((p for p in paths if not p.startswith("!") and _KEPT_SECRETS.search(p)), None)
    # Hidden files are left out by default since 4.4 (2024-09); a tag before that carries `.git` along.
    return (hidden or old) and any(_WIDE.match(p) for p in paths), kept
