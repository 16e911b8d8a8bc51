"""Reading the configuration: a closed set of keys, every mistake told with its line."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

from nhiscan.config.context import Context, read_context
from nhiscan.config.profile import profiles
from nhiscan.config.reader import ConfigError, Reader
from nhiscan.detect.conceal import conceal
from nhiscan.engine.yamlfile import RuleFileError
from nhiscan.engine.yamlfile import parse as parse_yaml
from nhiscan.model import Confidence, Severity
from nhiscan.triage.suppress import Suppression

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FILE_NAME = "nhiscan.yaml"
VERSION = 1
MAX_BYTES = 1_000_000

_KEYS = {
    "version", "profile", "fail_on", "min_confidence", "select", "ignore", "params", "baseline", "suppressions",
    "context",
}  # fmt: skip
_TRUSTED_KEYS = {"targets", "rules", "output", "save", "redact"}


@dataclass(frozen=True, slots=True)
class Config:
    """What a configuration file says; everything is optional and the command line wins.

    `fail_on` is a severity, `"none"`, or None when the file is silent; `params` is rule id or name -> parameter ->
    value; `targets`, `rules`, `output`, `save` and `redact` are only ever set from a `--config` file.
    """

    path: str | None = None
    profile: str | None = None
    fail_on: str | None = None
    min_confidence: str | None = None
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    params: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    param_lines: Mapping[str, int] = field(default_factory=dict)
    baseline: str | None = None
    suppressions: tuple[Suppression, ...] = ()
    context: Context = field(default_factory=Context)
    targets: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    output: tuple[str, ...] = ()
    save: str | None = None
    redact: tuple[str, ...] = ()

    def error(self, rule: str, message: str, remedy: str) -> ConfigError:
        """What is wrong with the parameters of a rule."""
        return ConfigError(self.path or FILE_NAME, self.param_lines.get(rule, 1), message, remedy)


def load(path: Path, *, trusted: bool, shown: str | None = None) -> Config:
    """The configuration in a file.  Raises ConfigError naming file, line and remedy."""
    name = shown or path.name
    try:
        with path.open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
    except OSError as e:
        raise ConfigError(name, 1, f"cannot be read ({e.strerror})", "check the path given with --config") from None
    return parse(raw, name, trusted=trusted)


def parse(raw: bytes, name: str, *, trusted: bool) -> Config:
    """The configuration in a text (a file, or its state at a git ref).  Raises ConfigError."""
    if len(raw) > MAX_BYTES:
        raise ConfigError(name, 1, "is larger than 1 MB", "keep only what a team maintains by hand in it")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as e:
        line = raw.count(b"\n", 0, e.start) + 1
        raise ConfigError(name, line, "is not UTF-8", "save it as UTF-8") from None
    if not text.strip():
        return Config(path=name)
    try:
        document = parse_yaml(text, name)
    except RuleFileError as e:
        raise ConfigError(name, e.line, e.message, e.remedy) from None
    reader = Reader(document)
    _check_keys(reader, trusted=trusted)
    return _build(reader, name)


def _check_keys(reader: Reader, *, trusted: bool) -> None:
    for key in reader.data:
        if key in _TRUSTED_KEYS and not trusted:
            message = f"`{key}` is not allowed in a configuration found in what is scanned"
            raise reader.error((key,), message, "move it to a file given with --config")
        if key not in _KEYS | _TRUSTED_KEYS:
            known = ", ".join(sorted(_KEYS | (_TRUSTED_KEYS if trusted else set())))
            raise reader.error((key,), f"unknown key `{key}`", f"use one of {known}")
    if reader.data.get("version", VERSION) != VERSION:
        raise reader.error(("version",), "this nhiscan reads version 1", "set `version: 1` or upgrade nhiscan")


def _build(reader: Reader, name: str) -> Config:
    return Config(
        path=name,
        profile=reader.choice(("profile",), tuple(profiles())),
        fail_on=reader.choice(("fail_on",), (*Severity, "none")),
        min_confidence=reader.choice(("min_confidence",), tuple(Confidence)),
        select=reader.texts(("select",)),
        ignore=reader.texts(("ignore",)),
        params=_params(reader),
        param_lines={rule: reader.line(("params", rule)) for rule in reader.mapping(("params",))},
        baseline=reader.text(("baseline",)),
        suppressions=_suppressions(reader),
        context=read_context(reader),
        targets=reader.texts(("targets",)),
        rules=reader.texts(("rules",)),
        output=reader.texts(("output",)),
        save=reader.text(("save",)),
        redact=reader.texts(("redact",)),
    )


def _params(reader: Reader) -> dict[str, dict[str, Any]]:
    found = {}
    for rule in reader.mapping(("params",)):
        values = reader.mapping(("params", rule))
        for name, value in values.items():
            if isinstance(value, dict):
                raise reader.error(("params", rule, name), f"`{name}` must be a value or a list", "write `name: 30`")
        found[rule] = {k: tuple(map(str, v)) if isinstance(v, list) else v for k, v in values.items()}
    return found


def _suppressions(reader: Reader) -> tuple[Suppression, ...]:
    found = []
    for n, _ in enumerate(reader.items(("suppressions",))):
        where = ("suppressions", n)
        reader.only(where, {"rule", "subject", "path", "owner", "reason", "expires"})
        rule = reader.text((*where, "rule"))
        if not rule:
            raise reader.error(where, "a suppression needs `rule`", "name one rule id")
        found.append(
            Suppression(
                rules=(rule,),
                subject=reader.text((*where, "subject")),
                path=reader.text((*where, "path")),
                owner=reader.text((*where, "owner")),
                # Reports repeat it, and people paste what they suppress.
                reason=conceal(reader.text((*where, "reason")) or "") or None,
                expires=_date(reader, (*where, "expires")),
                origin=f"{reader.name}:{reader.line(where)}",
            )
        )
    return tuple(found)


def _date(reader: Reader, where: tuple[str | int, ...]) -> date | None:
    text = reader.text(where)
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise reader.error(where, f"`{text}` is no date", "write expires: YYYY-MM-DD") from None
