"""What starts a tool server: the launcher, the package it fetches and how exactly that is fixed.

Nothing is resolved or started; everything is read off the command line.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nhiscan.plugin import Pin

if TYPE_CHECKING:
    from collections.abc import Sequence

_EXACT = re.compile(r"v?\d+\.\d+\.\d+(?:[-+.][\w.+-]+)?")
_RANGE = re.compile(r"[\^~<>=*]|\d+(?:\.\d+)?(?:\.[x*])?$|[x*]$|\|\|")
_DIGEST = re.compile(r"@sha256:[0-9a-f]{64}$")
_COMMIT = re.compile(r"[@#][0-9a-f]{40}\b")
_URL = re.compile(r"(?:git\+)?[A-Za-z][\w+.-]*://|git\+|(?:github|gitlab|bitbucket):")
_FILE = re.compile(r"\.{1,2}$|\.{0,2}/|~/|[A-Za-z]:[\\/]|file:")
_SUFFIX = re.compile(r"\.(?:cmd|exe|bat|ps1)$", re.IGNORECASE)
_INTERPRETERS = re.compile(
    r"(?:python|python3|py|node|deno|bun|tsx|ts-node|ruby|php|java|go|cargo|dotnet|npm|yarn|pnpm|make)(?:[\d.]*)"
)
_PLAIN = re.compile(r"[^\s\"'\\#]*(?:\s+[^\s\"'\\#]+)*\s*")  # nothing that a shell would read otherwise
_LONGEST_LINE = 8_000
_SHELLS = frozenset({"sh", "bash", "zsh", "cmd", "powershell", "pwsh", "env", "wsl", "sudo", "dotenv", "nohup"})
_NODE_VALUED = frozenset({"-p", "--package", "-c", "--call", "--registry", "--prefix", "--cache", "--userconfig"})
_UV_VALUED = frozenset(
    {
        *("--from", "--with", "--with-editable", "--python", "-p", "--directory", "--project", "--spec", "-w"),
        *("--index", "--index-url", "--default-index", "--extra-index-url", "--extra", "--refresh-package"),
        *("--env-file", "--pip-args", "--cache-dir"),
    }
)
_DOCKER_BARE = frozenset(
    {
        *("-i", "-t", "-it", "-ti", "-d", "-q", "--rm", "--init", "--interactive", "--tty", "--detach"),
        *("--privileged", "--read-only"),
    }
)


@dataclass(frozen=True, slots=True)
class Launch:
    """How a server starts: `pin` is None where nothing is launched or the command cannot be read."""

    launcher: str | None = None
    package: str | None = None
    pin: Pin | None = None
    proxied: bool = False


def split_command(command: str) -> list[str]:
    """A command as written into its words; a path with blanks stays one word."""
    if " " not in command.strip() or _SUFFIX.search(command.strip()):
        return [command.strip()] if command.strip() else []
    return shell_words(command)


def shell_words(text: str) -> list[str]:
    """The words of a shell line; by blanks where the quotes do not close or it is longer than any real one."""
    if len(text) > _LONGEST_LINE:
        return text[:_LONGEST_LINE].split()
    if _PLAIN.fullmatch(text):
        return text.split()
    try:
        return shlex.split(text)
    except ValueError:
        return text.split()


def read_launch(argv: Sequence[str]) -> Launch:
    """The launch a command line describes."""
    words = _unwrap(list(argv))
    if not words:
        return Launch()
    name, rest = base_name(words[0]), words[1:]
    runner, rest = _runner(name, rest)
    match runner:
        case "npm":
            return _npm(name, rest)
        case "python":
            return _python(name, rest)
        case "container":
            return _container(name, rest)
        case _:
            return _local(name, rest)


def base_name(command: str) -> str:
    """The launcher's name without folder and Windows suffix, in lower case."""
    return _SUFFIX.sub("", command.replace("\\", "/").rsplit("/", 1)[-1]).lower()


def _unwrap(words: list[str]) -> list[str]:
    """The command inside `cmd /c …`, `sh -c "…"`, `env A=b …`."""
    for _ in range(4):
        if not words or base_name(words[0]) not in _SHELLS:
            break
        rest = words[1:]
        while rest and (
            rest[0].startswith(("-", "/c", "/C", "/s", "/d")) or re.match(r"\w+=", rest[0]) or rest[0] == "--"
        ):
            rest = rest[1:]
        if len(rest) == 1 and " " in rest[0]:
            rest = shell_words(rest[0])
            while rest and (rest[0] in {"exec", "cd"} or re.match(r"\w+=", rest[0])):
                rest = rest[1:] if rest[0] != "cd" else rest[rest.index("&&") + 1 :] if "&&" in rest else []
        if not rest:
            break
        words = rest
    return words


def _runner(name: str, rest: list[str]) -> tuple[str, list[str]]:
    match name, rest:
        case (("npx" | "bunx" | "pnpx"), _):
            return "npm", rest
        case "uvx", _:
            return "python", rest
        case ("npm", ["exec" | "x", *tail]) | (("pnpm" | "yarn"), ["dlx", *tail]) | ("bun", ["x", *tail]):
            return "npm", tail
        case ("uv", ["tool", "run", *tail]) | ("pipx", ["run", *tail]):
            return "python", tail
        case (("docker" | "podman" | "nerdctl"), ["run", *tail] | ["container", "run", *tail]):
            return "container", tail
    return "", rest


def _positional(rest: Sequence[str], valued: frozenset[str]) -> str | None:
    skip = False
    for word in rest:
        if skip:
            skip = False
        elif word.startswith("-"):
            skip = word in valued
        else:
            return word
    return None


def _option(rest: Sequence[str], *names: str) -> str | None:
    for i, word in enumerate(rest):
        for name in names:
            if word == name and i + 1 < len(rest):
                return rest[i + 1]
            if word.startswith(f"{name}="):
                return word[len(name) + 1 :]
    return None


def _npm(launcher: str, rest: list[str]) -> Launch:
    spec = _option(rest, "--package", "-p") or _positional(rest, _NODE_VALUED)
    if spec is None:
        return Launch(launcher)
    package, version = _at_version(spec)
    return Launch(launcher, spec, _npm_pin(spec, version), proxied=package == "mcp-remote")


def _at_version(spec: str) -> tuple[str, str]:
    at = spec.find("@", 1)
    return (spec, "") if at < 0 else (spec[:at], spec[at + 1 :])


def _npm_pin(spec: str, version: str) -> Pin | None:
    if "${" in spec or spec.startswith("$"):
        return None
    if _URL.match(spec):
        return Pin.DIGEST if _COMMIT.search(spec) else Pin.URL
    return Pin.LOCAL if _FILE.match(spec) else _version_pin(version.removeprefix("npm:"))


def _version_pin(version: str) -> Pin:
    if not version:
        return Pin.NONE
    if version == "latest":
        return Pin.LATEST
    if _EXACT.fullmatch(version):
        return Pin.EXACT
    return Pin.RANGE if _RANGE.search(version) else Pin.TAG


def _python(launcher: str, rest: list[str]) -> Launch:
    spec = _option(rest, "--from", "--spec") or _positional(rest, _UV_VALUED)
    if spec is None:
        return Launch(launcher)
    if _URL.match(spec):
        revision = re.search(r"@([^/@]+)$", spec.split("://", 1)[-1].partition("/")[2])
        pin = Pin.DIGEST if _COMMIT.search(spec) else Pin.TAG if revision else Pin.URL
        return Launch(launcher, spec, pin)
    if _FILE.match(spec) or spec.endswith((".whl", ".py")) or "${" in spec:
        return Launch(launcher, spec, None if "${" in spec else Pin.LOCAL)
    exact = re.search(r"===?\s*([^,;\s*]+)$", spec)
    if exact:
        return Launch(launcher, spec, Pin.EXACT)
    if re.search(r"[<>~!]|==", spec):
        return Launch(launcher, spec, Pin.RANGE)
    _, version = _at_version(spec)
    # uv takes `pkg@1.2` as exactly that release, unlike npm.
    return Launch(launcher, spec, Pin.EXACT if re.match(r"\d+(?:\.\d+)+$", version) else _version_pin(version))


def _container(launcher: str, rest: list[str]) -> Launch:
    image, skip = None, False
    for word in rest:
        if skip:
            skip = False
        elif word.startswith("-"):
            skip = "=" not in word and word not in _DOCKER_BARE and (word.startswith("--") or len(word) == 2)
        else:
            image = word
            break
    if image is None:
        return Launch(launcher)
    if "${" in image:
        return Launch(launcher, image)
    if _DIGEST.search(image):
        return Launch(launcher, image, Pin.DIGEST)
    tag = image.rsplit("/", 1)[-1].partition(":")[2]
    return Launch(launcher, image, Pin.NONE if not tag else Pin.LATEST if tag == "latest" else Pin.TAG)


def _local(launcher: str, rest: list[str]) -> Launch:
    first = _positional(rest, frozenset({"-m"}) | _UV_VALUED)
    if launcher == "deno" and (
        remote := next((w for w in rest if w.startswith(("https://", "http://", "npm:", "jsr:"))), None)
    ):
        if remote.startswith("http"):
            return Launch(launcher, remote, Pin.URL)
        return Launch(launcher, remote, _version_pin(_at_version(remote.split(":", 1)[1])[1]))
    if (
        launcher == "go"
        and first == "run"
        and (module := next((w for w in rest if "@" in w and not w.startswith("-")), None))
    ):
        return Launch(launcher, module, _version_pin(module.rpartition("@")[2]))
    if launcher in {"docker", "podman", "nerdctl"}:
        return Launch(launcher, " ".join(w for w in rest[:2] if not w.startswith("-")) or None)
    if _INTERPRETERS.fullmatch(launcher) or launcher == "uv":
        return Launch(launcher, _option(rest, "-m"), Pin.LOCAL)
    return Launch(launcher, None, Pin.LOCAL if launcher else None)
