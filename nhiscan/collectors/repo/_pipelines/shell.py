"""What the commands of a job tell: which of the platform's secrets they name, what they print, which role they take.

Nothing is run and no shell is imitated: commands are cut at `;`, `&&`, `||` and line ends, and looked through.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._config import words
from nhiscan.collectors.repo._config.launch import shell_words
from nhiscan.collectors.repo._config.spots import arg_spots
from nhiscan.collectors.repo._pipelines.parts import SECRET, Held, Ref
from nhiscan.collectors.repo._pipelines.purposes import is_printed, purpose_of
from nhiscan.plugin import Form, Purpose, UseHow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from nhiscan.collectors.repo._config.judge import Found, Spot
    from nhiscan.collectors.repo._config.nodes import Node

_VARIABLE = re.compile(
    r"(?<!\\)\$+(?:\{(?P<braced>[A-Za-z_]\w*)[^}\n]{0,200}\}|env:(?P<powershell>[A-Za-z_]\w*)"
    r"|\((?P<macro>[A-Za-z_][\w.-]*)\)|(?P<bare>[A-Za-z_]\w*))"
)
_ASSIGNED = re.compile(
    r"(?:^|[\s;&(])(?:export\s+|local\s+|readonly\s+|for\s+|read\s+(?:-\w+\s+)*)?([A-Za-z_]\w*)(?:=|\s+in\s)"
)
_SELF = re.compile(r"""=["']?\$\{?([A-Za-z_]\w*)""")
_CUT = re.compile(r"&&|\|\||;|\n")
_DUMP = re.compile(
    r"\s*(?:printenv|env|export(?:\s+-p)?|set|Get-ChildItem\s+env:|dir\s+env:|gci\s+env:)\s*", re.IGNORECASE
)
_TRACED = re.compile(r"(?:^|[\s;&])set\s+-[a-wyz]*x")
ROLE = re.compile(r"arn:aws[\w-]{0,10}:iam::\d{12}:role/[\w+=,.@/-]{1,512}")
_ROLE_REFERENCE = re.compile(r"""role[-_]arn["']?[\s=:"']{1,4}\$\{?([A-Za-z_]\w*)""", re.IGNORECASE)
# Longer lines are data.
_LONGEST = 8_000
_MOST_COMMANDS = 5_000


@dataclass(frozen=True, slots=True)
class Names:
    """Which variables are no secrets of the platform: `plain` are defined in the file, `known` stand for something.

    `space` is where any other one comes from; `macros` says that `$(name)` is a variable and no command.
    """

    plain: frozenset[str] = frozenset()
    known: Mapping[str, Ref] | None = None
    secret: Callable[[str], bool] = words.names_credential
    space: str = SECRET
    macros: bool = False

    def ref(self, name: str) -> Ref | None:
        """What a variable stands for; None for what is no credential, or none of the platform's."""
        if self.known and name in self.known:
            return self.known[name]
        return Ref(self.space, name) if name not in self.plain and self.secret(name) else None


def commands(lines: Iterable[tuple[str, int]]) -> Iterator[tuple[str, int]]:
    """Single commands with their lines; a line that ends in a backslash goes on in the next."""
    count = 0
    for text, line in lines:
        at, held, start = line, "", line
        for row in text.split("\n"):
            start = start if held else at
            held += row.rstrip()
            at += 1
            if held.endswith("\\") and len(held) < _LONGEST:
                held = f"{held[:-1]} "
                continue
            for piece in _CUT.split(held[:_LONGEST]):
                if piece.strip() and not piece.lstrip().startswith("#"):
                    yield piece, start
                    count += 1
            held = ""
            if count > _MOST_COMMANDS:
                return
        if held.strip():
            yield held[:_LONGEST], start


def held_in(lines: Iterable[tuple[str, int]], names: Names, by: str | None = None) -> Iterator[Held]:
    """The secrets that commands name, and what is printed to the log."""
    cut = list(commands(lines))
    made = {n for command, _ in cut for n in _made(command)}
    any_secret = False
    traced: int | None = None
    for command, line in cut:
        if _DUMP.fullmatch(command):
            yield Held(None, line, command.split()[0], "log", Purpose.EXPOSED, by=by)
        if _TRACED.search(command):
            traced = line
        for name in variables(command, macros=names.macros):
            ref = names.ref(name)
            if ref is None or (name in made and not (names.known and name in names.known)):
                continue
            any_secret = True
            if is_printed(command):
                yield Held(ref, line, name, "log", Purpose.EXPOSED, by=by)
            else:
                yield Held(ref, line, name, "env", purpose_of(name, command), by=by)
    if traced is not None and any_secret:
        yield Held(None, traced, "set -x", "log", Purpose.EXPOSED, by=by)


def variables(text: str, *, macros: bool = False) -> list[str]:
    """The names of the variables a text refers to, each once, in order."""
    return list(
        dict.fromkeys(
            m[m.lastgroup]
            for m in _VARIABLE.finditer(text[:_LONGEST])
            if m.lastgroup and (macros or m.lastgroup != "macro")
        )
    )


def value_refs(name: str, node: Node, names: Names, *, place: str = "env", by: str | None = None) -> Iterator[Held]:
    """The secrets that the value of a setting refers to, under the name of that setting."""
    text, line = node.text or "", node.line
    for variable in variables(text, macros=names.macros):
        ref = names.ref(variable)
        if (
            ref is None
            and words.names_credential(name)
            and variable not in names.plain
            and text.strip(" \"'${}()") == variable
        ):
            ref = Ref(names.space, variable)
        if ref is not None:
            how = UseHow.ENV if place == "env" else UseHow.CONFIGURED
            purpose = purpose_of(variable) or purpose_of(name)
            yield Held(ref, line, name or variable, place, purpose, how, by=by)


def spots_in(lines: Iterable[tuple[str, int]]) -> Iterator[Spot | Found]:
    """Where commands may hold a literal; what they refer to is told by `held_in`."""
    for command, line in commands(lines):
        if len(command) < _LONGEST and any(c in command for c in "=-:@"):
            for spot in arg_spots([(w, line) for w in shell_words(command)]):
                if getattr(spot, "value", None):
                    yield spot


def roles(texts: Iterable[tuple[str, int]], *, by: str | None = None) -> Iterator[Held]:
    """The roles that a job with a federated token takes: ARNs, or where none is written the variable that holds one."""
    login = Held(None, 0, "role", "oidc", Purpose.CLOUD, UseHow.FEDERATED, Form.FEDERATED, by=by)
    seen: set[str] = set()
    lines = list(texts)
    for text, line in lines:
        for match in ROLE.finditer(text):
            if match[0] not in seen:
                seen.add(match[0])
                yield replace(login, line=line, identity_id=match[0].rstrip(".,"))
    if seen:
        return
    for text, line in lines:
        for match in _ROLE_REFERENCE.finditer(text):
            if match[1] not in seen:
                seen.add(match[1])
                yield replace(login, line=line, name=match[1])


def _made(command: str) -> Iterator[str]:
    """Variables that a command sets itself, unless to themselves (`export TOKEN=$TOKEN`)."""
    own = set(_SELF.findall(command))
    for name in _ASSIGNED.findall(command):
        if name not in own:
            yield name
