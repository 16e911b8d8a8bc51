"""What a permission pattern lets an agent do: its class, and whether it has any bound at all."""

from __future__ import annotations

import re

from nhiscan.collectors.repo._config.launch import base_name, shell_words
from nhiscan.collectors.repo._config.words import words
from nhiscan.plugin import ToolClass

_PATTERN = re.compile(r"\s*(?P<tool>[A-Za-z_*][\w.*-]*)\s*(?:\((?P<body>.*)\))?\s*", re.DOTALL)
_SHELL_TOOLS = frozenset({"bash", "shell", "run_shell_command", "shelltool", "execute_bash", "powershell", "terminal"})
_BUILT_IN = {
    ToolClass.READ: (
        "read glob grep ls notebookread read_file list_directory search_file_content read_many_files fs_read"
    ),
    ToolClass.WRITE: "edit write multiedit notebookedit write_file replace writefile fs_write apply_patch",
    ToolClass.EXTERNAL: "webfetch websearch web_fetch google_web_search fetch",
}
_CLASS_OF = {name: class_ for class_, names in _BUILT_IN.items() for name in names.split()}
# From the most to the least powerful: the first that fits a command or a tool's name wins.
_ORDER = (
    ToolClass.PAYMENT, ToolClass.IDENTITY, ToolClass.DEPLOY, ToolClass.DESTRUCTIVE, ToolClass.EXEC, ToolClass.EXTERNAL,
    ToolClass.WRITE, ToolClass.READ,
)  # fmt: skip
_VERBS = {
    ToolClass.PAYMENT: "pay payment charge refund invoice transfer payout purchase",
    ToolClass.IDENTITY: "grant revoke permission permissions role iam invite credential credentials secret secrets",
    ToolClass.DEPLOY: "deploy apply publish release rollout merge promote",
    ToolClass.DESTRUCTIVE: "delete remove drop destroy truncate purge wipe kill terminate",
    ToolClass.EXEC: "exec execute run eval shell bash command script sql evaluate",
    ToolClass.EXTERNAL: "send post fetch browse navigate email message upload request crawl scrape click",
    ToolClass.WRITE: "write create update insert edit set add put modify move rename commit push save",
    ToolClass.READ: "read get list search find show describe view resolve think status count sequentialthinking",
}
# Behind a reading verb these are only what is read: `get_secret`, `list_roles`.
_NOUNS = frozenset(_VERBS[ToolClass.IDENTITY].split()) | {
    "payment", "charge", "invoice", "release", "command", "script", "email", "message", "request",
    "post", "set", "commit", "transfer", "purchase"
}  # fmt: skip
_COMMANDS = (
    (
        ToolClass.IDENTITY,
        (
            r"(?:aws|gcloud|az|gh) \*|aws (?:iam|sts)|gcloud (?:iam|projects add-iam)|az (?:ad|role)|gh (?:auth|secret)"
            r"|vault |kubectl create (?:secret|token)"
        ),
    ),
    (
        ToolClass.DEPLOY,
        (
            r"git (?:push|\*)|(?:npm|pnpm|yarn|cargo|uv|poetry) publish|(?:docker|podman) push|twine"
            r"|(?:terraform|tofu) (?:apply|destroy|\*)|kubectl (?:apply|delete|exec|\*|$)|helm (?:install|upgrade|\*)"
            r"|(?:npx |pnpm )?(?:vercel|netlify|wrangler|sst|firebase|flyctl|fly|railway|serverless|cdk|pulumi)"
            r" ?(?:deploy|up|publish|launch|\*|$)|gh (?:pr merge|release|workflow run)|gcloud \S+ deploy"
        ),
    ),
    (
        ToolClass.DESTRUCTIVE,
        r"rm|rmdir|shred|dd|mkfs|git (?:reset --hard|clean)|dropdb|kill|pkill|killall|docker (?:rm|rmi|system prune)",
    ),
    (ToolClass.EXTERNAL, r"curl|wget|ssh|scp|rsync|nc|ncat|ftp|sftp|gh|aws|gcloud|az|http"),
    (
        ToolClass.READ,
        (
            r"ls|cat|head|tail|grep|rg|wc|pwd|which|whoami|date|echo|tree|stat|file|du|df|sort|uniq|diff|ps|printenv|jq|cd"
            r"|git (?:status|log|diff|show|branch|blame|remote|rev-parse|ls-files|fetch)"
            r"|(?:npm|pip|pip3) (?:list|ls|show|view|outdated)|(?:docker|kubectl) (?:ps|logs|get|describe|images)"
            r"|docker compose (?:ps|logs)|claude mcp list|(?:npx )?tsc --noEmit|\S+ (?:--version|--help|-v)"
        ),
    ),
    (
        ToolClass.WRITE,
        (
            r"mkdir|touch|cp|mv|tee|chmod|chown|ln|sed|pytest|jest|vitest|ruff|mypy|eslint|prettier|cmake|tsc|uv sync"
            r"|git (?:add|commit|checkout|switch|merge|rebase|stash|restore|pull|tag|mv|rm|worktree)|make [\w-]+"
            r"|(?:npm|pnpm|yarn|bun|composer|bundle) (?:install|ci|add|test|start|run [\w:-]+|i|t)|pip3? install"
            r"|(?:pnpm|yarn|bun) (?:test|build|lint|--filter \S+ \S+)|npx (?:vite|vitest|jest|eslint|prettier|tsc)"
            r"|(?:cargo|go|dotnet|mvn|gradle|\./gradlew|\./mvnw) (?:build|test|check|fmt|vet|clippy|compile)"
            r"|(?:docker )?compose (?:up|build|down)|docker build"
        ),
    ),
)
_COMMAND_CLASSES = tuple((c, re.compile(rf"(?:{p})(?=[\s*:]|$)")) for c, p in _COMMANDS)
# Given free arguments, these run whatever the agent writes.
_INTERPRETER_NAMES = (
    "bash sh zsh fish dash python python3 py node deno bun ruby perl php lua pwsh powershell eval exec xargs env sudo "
    "npx uvx bunx pnpx npm pnpm yarn uv cargo go tsx ts-node osascript make docker podman find awk parallel nohup time "
    "timeout"
)
_INTERPRETERS = frozenset(_INTERPRETER_NAMES.split())
_RUNS_CODE = re.compile(
    r"uv run|(?:npm|pnpm|yarn) (?:exec|dlx|run)|pipx run|(?:go|cargo|poetry|bun|conda) run|docker (?:run|exec)"
    r"|kubectl exec"
)
_LONGEST_PATTERN = 8_000
_FIND_RUNS = re.compile(r"-exec|-delete|\*")


def is_unrestricted(pattern: str) -> bool:
    """Whether the pattern names every tool, every tool of a server, or a shell with any argument."""
    if pattern.startswith("mcp__"):
        return pattern.split("__", 2)[2:] in ([], [""], ["*"])
    match = _PATTERN.fullmatch(pattern)
    if match is None:
        return False
    tool, body = match["tool"], match["body"]
    open_body = body is None or body.strip() in {"", "*", ":*", "**", "*:*"}
    return tool == "*" or (tool.lower() in _SHELL_TOOLS and open_body)


def classify(pattern: str) -> ToolClass | None:
    """The most powerful thing the pattern allows; None where its name does not tell."""
    if len(pattern) > _LONGEST_PATTERN:
        return None
    if pattern.startswith("mcp__"):
        return _by_verb("".join(pattern.split("__", 2)[2:]))
    match = _PATTERN.fullmatch(pattern)
    if match is None:
        return None
    tool, body = match["tool"], (match["body"] or "").strip()
    if tool == "*":
        return ToolClass.EXEC
    if tool.lower() in _SHELL_TOOLS:
        return ToolClass.EXEC if is_unrestricted(pattern) else _command_line(body)
    return _CLASS_OF.get(tool.lower())


def _by_verb(name: str) -> ToolClass | None:
    parts = words(name)
    said = set(parts)
    if parts and parts[0] in _VERBS[ToolClass.READ].split():
        said -= _NOUNS
    return next((c for c in _ORDER if said.intersection(_VERBS[c].split())), None)


def _command_line(body: str) -> ToolClass | None:
    """The class of a shell pattern; of a chain, that of its most powerful command."""
    classes = [_command(part.strip()) for part in re.split(r"&&|\|\|?|;", body) if part.strip()]
    return next((c for c in _ORDER if c in classes), None)


def _command(text: str) -> ToolClass | None:
    free = text.endswith("*")
    # Some clients take a regular expression.
    text = text.removeprefix("^")
    line = " ".join(_without_assignments(shell_words(text.replace(":*", " *").replace('"', " "))))
    first = base_name(line.split(" ", 1)[0]) if line else ""
    rest = line.partition(" ")[2]
    if first == "find":
        return ToolClass.EXEC if _FIND_RUNS.search(rest) else ToolClass.READ
    if free and (rest == "*" or re.fullmatch(r"-\w+\s.*\*", rest)) and first in _INTERPRETERS:
        return ToolClass.EXEC
    if free and _RUNS_CODE.match(line) and not re.match(r"(?:npm|pnpm|yarn) run \w", line):
        return ToolClass.EXEC
    if first in {"xargs", "sudo", "env"} and rest:
        return _command(rest)
    return next((c for c, known in _COMMAND_CLASSES if known.match(line)), None)


def _without_assignments(parts: list[str]) -> list[str]:
    while parts and re.match(r"[A-Za-z_]\w*=", parts[0]):
        parts = parts[1:]
    return parts
