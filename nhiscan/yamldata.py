"""YAML as plain data, by the fast loader where it is built; and the data files that lie beside modules."""

from __future__ import annotations

import functools
from importlib import resources
from typing import Any


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
    """The data file `name` that lies beside the modules of a package of ours (`__package__`)."""
    return parse(resources.files(package or "").joinpath(name).read_text(encoding="utf-8"))
