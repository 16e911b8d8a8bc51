"""Which secrets a value hands on, also through the environment and through the inputs of a local action."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._workflows import expressions

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from nhiscan.collectors.repo._config.nodes import Node

_DEEPEST = 3


@dataclass(frozen=True, slots=True)
class Handed:
    """One secret in one value; `name` is None where all secrets are meant, `own` says that it is the job's token.

    `offset` and `text` are the expression in the value; `parsed` as of expressions.Secret; `direct`: named right here.
    """

    name: str | None
    own: bool
    offset: int
    text: str
    parsed: bool = False
    direct: bool = True


@dataclass(frozen=True, slots=True, repr=False)
class Names:
    """What `env.X` and `inputs.x` stand for where a value is read (names in lower case)."""

    env: Mapping[str, Node]
    inputs: Mapping[str, Node]

    def of(self, path: str) -> Node | None:
        """The node that a context path stands for, or None."""
        root, _, name = path.partition(".")
        return self.env.get(name) if root == "env" else self.inputs.get(name) if root == "inputs" else None


NO_NAMES = Names({}, {})


def lowered(*levels: Mapping[str, Node]) -> dict[str, Node]:
    """The mappings as one, later ones winning, names in lower case."""
    return {name.lower(): node for level in levels for name, node in level.items()}


def handed(node: Node, names: Names = NO_NAMES, *, bare: bool = False) -> Iterator[Handed]:
    """The secrets in a value; with `bare` the whole text is an expression, as an `if:` may be."""
    text = node.text
    if not text or not (bare or "${{" in text):
        return
    found = list(expressions.expressions(text))
    if not found and bare:
        found = [expressions.Expression(text[:4_000], 0, 0)]
    for expression in found:
        shown = text[expression.start : expression.end]
        for item in _in(expression.body, names, 0):
            yield Handed(item.name, item.own, expression.start, shown, item.parsed, item.direct)


def _in(body: str, names: Names, depth: int) -> Iterator[Handed]:
    if expressions.names_token(body):
        yield Handed("GITHUB_TOKEN", own=True, offset=0, text="", direct=depth == 0)
    for secret in expressions.secrets(body):
        if secret.name != "GITHUB_TOKEN":
            yield Handed(secret.name, own=False, offset=0, text="", parsed=secret.parsed, direct=depth == 0)
    if depth >= _DEEPEST:
        return
    for path in sorted(set(expressions.contexts(body))):
        if (behind := names.of(path)) is not None and behind.text:
            for expression in expressions.expressions(behind.text):
                # What the caller of an action named is not known inside it under the same names.
                yield from _in(expression.body, Names(names.env, {}) if path.startswith("inputs") else names, depth + 1)
