"""Plans and states as Terraform writes them, read to the same declarations as the HCL they came from.

Formats: Terraform documentation, "JSON Output Format" (`format_version`, `planned_values`, `configuration`, `values`)
and the state format version 4 (`resources`, `instances`, `attributes`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, cast

from nhiscan.collectors.repo._config.nodes import MalformedError
from nhiscan.collectors.repo._terraform import documents, lookup
from nhiscan.collectors.repo._terraform.functions import jsonencode
from nhiscan.collectors.repo._terraform.values import Ref, Thing, Unknown, Value

if TYPE_CHECKING:
    from collections.abc import Iterator

LARGEST = 64_000_000
"""Bytes; a plan of a large estate has some tens of millions."""

_INDEX = re.compile(r'\[(?:"(?:[^"\\]|\\.)*"|\d+)\]')
_MOST_RESOURCES = 100_000
_DEEPEST = 30
_NOT_JSON = "not a plan or state in JSON"


def is_candidate(head: bytes) -> bool:
    """Whether the beginning or the whole of a file could be a plan or a state, by the bytes alone."""
    return b'"terraform_version"' in head and (
        b'"format_version"' in head or b'"serial"' in head or b'"lineage"' in head
    )


def read(text: str, root: str, path: str) -> list[Thing] | None:
    """What a plan or state in the directory `root` declares; None for JSON that is neither.

    Raises MalformedError for what is not JSON.
    """
    try:
        body = json.loads(text)
    except (ValueError, RecursionError) as e:
        raise MalformedError(_NOT_JSON, getattr(e, "lineno", 1)) from None
    if not isinstance(body, dict):
        return None
    try:
        if isinstance(body.get("planned_values"), dict):
            return list(_Plan(body, root, path).things())
        if isinstance(body.get("values"), dict) and "terraform_version" in body:
            top = _map(_map(body["values"]).get("root_module"))
            return [t for t, _ in _resources(top, root, path, "state", 0)]
        if isinstance(body.get("resources"), list) and "terraform_version" in body:
            return list(_state(body, root, path))
    except RecursionError:
        raise MalformedError(_NOT_JSON, 1) from None
    return None


def _map(value: object) -> Mapping[str, Value]:
    return cast("Mapping[str, Value]", value) if isinstance(value, dict) else {}


def _list(value: object) -> list[Value]:
    return value if isinstance(value, list) else []


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def bare(address: str) -> str:
    """The address without indexes."""
    return _INDEX.sub("", address)


def _state(body: Mapping[str, Value], root: str, path: str) -> Iterator[Thing]:
    """State of version 4."""
    for entry in _list(body.get("resources"))[:_MOST_RESOURCES]:
        resource = _map(entry)
        kind, label, data = _text(resource.get("type")), _text(resource.get("name")), resource.get("mode") == "data"
        if not kind or not label:
            continue
        module = bare(_text(resource.get("module")))
        address = f"{module}.{kind}.{label}" if module and not data else f"{kind}.{label}"
        if data:
            address = f"{module}.data.{kind}.{label}" if module else f"data.{kind}.{label}"
        for made in _list(resource.get("instances")):
            instance = _map(made)
            if "deposed" in instance:
                continue
            yield Thing(
                kind=kind, label=label, address=address, root=root, values=_map(instance.get("attributes")), path=path,
                data=data, instance="index_key" in instance, form="state",
            )  # fmt: skip


def _resources(
    module: Mapping[str, Value], root: str, path: str, form: str, depth: int
) -> Iterator[tuple[Thing, Mapping[str, Value]]]:
    """The resources of a module and those below it, each with its entry."""
    for entry in _list(module.get("resources"))[:_MOST_RESOURCES]:
        resource = _map(entry)
        kind, label, address = (_text(resource.get(k)) for k in ("type", "name", "address"))
        if kind and label and address:
            yield Thing(
                kind=kind, label=label, address=bare(address), root=root, values=_map(resource.get("values")),
                path=path, data=resource.get("mode") == "data", instance="index" in resource, form=form,
            ), resource  # fmt: skip
    for child in _list(module.get("child_modules")) if depth < _DEEPEST else []:
        yield from _resources(_map(child), root, path, form, depth + 1)


class _Plan:
    """A plan: what is known comes from the planned values, what refers to something from the configuration."""

    def __init__(self, body: Mapping[str, Value], root: str, path: str) -> None:
        self.root, self.path = root, path
        self.planned = _map(_map(body.get("planned_values")).get("root_module"))
        prior = _map(_map(_map(body.get("prior_state")).get("values")).get("root_module"))
        # Data that could be read while planning stands in the state before.
        self.data = {t.address: t for t, _ in _resources(prior, root, path, "plan", 0) if t.data}
        self.configured: dict[str, Mapping[str, Value]] = {}
        self.modules: dict[str, Mapping[str, Value]] = {}
        self.calls: dict[str, Mapping[str, Value]] = {}
        self.made = {t.address: t for t, _ in _resources(self.planned, root, path, "plan", 0)}
        self._configure(_map(_map(body.get("configuration")).get("root_module")), "", 0)

    def things(self) -> Iterator[Thing]:
        """Resources, and data sources as far as they are known."""
        for thing, _ in _resources(self.planned, self.root, self.path, "plan", 0):
            prefix = thing.address[: -len(f"{thing.kind}.{thing.label}")].removesuffix("data.")
            written = self._values(_map(self.configured.get(thing.address, {}).get("expressions")), prefix, 0)
            values = {**written, **{k: v for k, v in thing.values.items() if v is not None or k not in written}}
            yield self._with(thing, _merged(written, values))
        for thing in self.data.values():
            yield thing

    def _with(self, thing: Thing, values: Mapping[str, Value]) -> Thing:
        return Thing(
            kind=thing.kind, label=thing.label, address=thing.address, root=self.root, values=values, path=self.path,
            data=thing.data, instance=thing.instance, form="plan",
        )  # fmt: skip

    def _configure(self, module: Mapping[str, Value], prefix: str, depth: int) -> None:
        self.modules[prefix] = module
        for entry in _list(module.get("resources")):
            resource = _map(entry)
            if address := _text(resource.get("address")):
                self.configured[f"{prefix}{address}"] = resource
        for name, call in _map(module.get("module_calls")).items() if depth < _DEEPEST else ():
            inner = f"{prefix}module.{name}."
            self.calls[inner] = _map(_map(call).get("expressions"))
            self._configure(_map(_map(call).get("module")), inner, depth + 1)

    def _values(self, expressions: Mapping[str, Value], prefix: str, depth: int) -> dict[str, Value]:
        return {k: self._value(e, prefix, depth + 1) for k, e in expressions.items()}

    def _value(self, expression: Value, prefix: str, depth: int) -> Value:
        if depth > _DEEPEST:
            return Unknown("too deep")
        if isinstance(expression, list):
            return [self._value(e, prefix, depth + 1) for e in expression]
        entry = _map(expression)
        if "constant_value" in entry:
            return entry["constant_value"]
        if "references" in entry:
            return self._reference([r for r in _list(entry["references"]) if isinstance(r, str)], prefix, depth)
        return self._values(entry, prefix, depth + 1) if entry else None

    def _reference(self, names: list[str], prefix: str, depth: int) -> Value:
        """One reference as what it names; several as unknown, for how they go together is not told."""
        whole = [n for n in names if not any(other != n and other.startswith((f"{n}.", f"{n}[")) for other in names)]
        if len(whole) != 1 or depth > _DEEPEST:
            return Unknown(", ".join(whole[:3]))
        steps = bare(whole[0]).split(".")
        match steps:
            case ["var", name, *_] if prefix:
                above = prefix.removesuffix(".").rpartition("module.")[0]
                return self._value(self.calls.get(prefix, {}).get(name), above, depth + 1)
            case ["module", name, output, *_]:
                inner = f"{prefix}module.{name}."
                outputs = _map(self.modules.get(inner, {}).get("outputs"))
                return self._value(_map(outputs.get(output)).get("expression"), inner, depth + 1)
            case ["data", kind, label, *rest]:
                return self._data(f"{prefix}data.{kind}.{label}", kind, rest, prefix, depth)
            case [kind, label, *rest] if (
                address := f"{prefix}{kind}.{label}"
            ) in self.made or address in self.configured:
                return self._made(address, kind, rest[0] if rest else "")
        return Unknown(whole[0])

    def _made(self, address: str, kind: str, attribute: str) -> Ref:
        thing = self.made.get(address)
        if thing is None or thing.instance:
            return Ref(address, attribute)
        own = {k: t for k in ("name", "bucket", "url", "arn") if (t := thing.text(k)) is not None}
        return Ref(address, attribute, thing.text(attribute) or lookup.computed(kind, attribute, own, data=False))

    def _data(self, address: str, kind: str, rest: list[str], prefix: str, depth: int) -> Value:
        read = self.data.get(address)
        attribute = rest[0] if rest else ""
        if read is not None and attribute in read.values:
            return read.values[attribute]
        expressions = _map(self.configured.get(address, {}).get("expressions"))
        if kind == lookup.DOCUMENT and attribute in {"json", "minified_json"} and expressions:
            return jsonencode([documents.from_data(self._values(expressions, prefix, depth + 1))])
        return Ref(address, attribute)


def _merged(written: Mapping[str, Value], values: Mapping[str, Value]) -> dict[str, Value]:
    """Planned values, with the members that are not known yet taken from what is written."""
    found: dict[str, Value] = {}
    for key, value in values.items():
        said = written.get(key)
        if isinstance(value, list) and isinstance(said, list) and len(value) == len(said):
            found[key] = [
                _merged(s, {**s, **v}) if isinstance(v, Mapping) and isinstance(s, Mapping) else v
                for v, s in zip(value, said, strict=True)
            ]
        else:
            found[key] = value
    return found
