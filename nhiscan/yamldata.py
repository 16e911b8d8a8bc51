"""YAML as plain data, by the fast loader where it is built; and the data files that lie beside modules."""

from __future__ import annotations

import functools
import json
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

from nhiscan import __version__, cache


@functools.cache
def loader() -> Any:  # noqa: ANN401 - two classes without a common typed base
    """The safe loader of PyYAML: the one in C where it is built, 10 times as fast."""
    import yaml

    return getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def parse(text: str) -> Any:  # noqa: ANN401 - what YAML holds is checked by who reads it
    """The one document of the text as plain data.  Raises yaml.YAMLError."""
    import yaml

    return yaml.load(text, Loader=loader())  # noqa: S506 - a safe one


def shipped(package: str | None, name: str) -> Any:  # noqa: ANN401 - as above
    """The data file `name` that lies beside the modules of a package of ours (`__package__`).

    Kept in the cache as JSON where that says the same: loading YAML's reader takes longer than reading most files.
    """
    path = Path(next(iter(import_module(package or "").__path__))) / name
    family = f"data-{package}.{path.stem}-"
    kept = f"{family}{cache.stamp(__version__, str(path), files=[path])}.json"
    if (found := cache.load(kept)) is not None:
        return json.loads(found)
    data = parse(path.read_text(encoding="utf-8"))
    with suppress(TypeError):
        text = json.dumps(data)
        if json.loads(text) == data:
            cache.store(family, kept, text.encode())
    return data
