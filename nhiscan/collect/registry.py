"""Which collectors exist: every module under `nhiscan/collectors/<provider>/` and the entry points of plugins.

Modules are listed without importing them; only the ones asked for are loaded.
"""

from __future__ import annotations

import pkgutil
from contextlib import suppress
from functools import cache
from importlib import import_module, metadata
from importlib.util import find_spec
from pathlib import Path

from nhiscan.collect.protocol import Collector, TargetKind

GROUP = "nhiscan.collectors"
_PACKAGE = "nhiscan.collectors"


class MissingExtraError(Exception):
    """A target needs an optional part of nhiscan; `remedy` is the command that installs it."""

    def __init__(self, collector: str, extra: str, module: str) -> None:
        super().__init__(f"{collector} needs {module}, which is not installed")
        self.remedy = f"pip install 'nhiscan[{extra}]'"


class PluginError(Exception):
    """A third-party collector cannot be loaded; the message names it."""


@cache
def names() -> tuple[str, ...]:
    """The names of all collectors, shipped ones first, each group in alphabetical order."""
    return (*sorted(_shipped()), *sorted(_plugins()))


def names_for(kind: str) -> tuple[str, ...]:
    """The collectors that may answer to a kind of target, without loading any: those of paths lie in `repo`.

    Snapshots may be of everything, and plugins are always asked.
    """
    if kind == TargetKind.SNAPSHOT:
        return names()
    paths = kind == TargetKind.PATH
    return tuple(n for n in names() if not is_shipped(n) or n.startswith("repo.") == paths)


def load(name: str) -> Collector:
    """The collector of that name.  Raises PluginError when a plugin does not import or is no collector."""
    where = _shipped().get(name)
    if where is not None:
        found: object = import_module(where).COLLECTOR
    else:
        try:
            found = _plugins()[name].load()
        except Exception as e:  # noqa: BLE001 - foreign code may raise anything
            msg = f"collector plugin {name} cannot be loaded ({type(e).__name__}); uninstall or repair it"
            raise PluginError(msg) from None
    if not isinstance(found, Collector):
        msg = f"{name} is not a collector; it needs name, title, requires, units() and collect()"
        raise PluginError(msg)
    return found


def is_shipped(name: str) -> bool:
    """Whether a collector is part of nhiscan, and not of a plugin."""
    return name in _shipped()


def require_extra(collector: Collector) -> None:
    """Raise MissingExtraError when a package the collector declares under `modules` is not installed."""
    for module in getattr(collector, "modules", ()):
        try:
            found = find_spec(module)
        except (ImportError, ValueError):
            found = None
        if found is None:
            raise MissingExtraError(collector.name, getattr(collector, "extra", "all"), module)


@cache
def schemes() -> tuple[str, ...]:
    """The target schemes that collectors answer to, sorted; a plugin that cannot be loaded answers to none here."""
    found: set[str] = set()
    for name in names():
        with suppress(PluginError):
            found.update(getattr(load(name), "schemes", ()))
    return tuple(sorted(found))


@cache
def _shipped() -> dict[str, str]:
    package = import_module(_PACKAGE)
    root = Path(next(iter(package.__path__)))
    found = {}
    for provider in pkgutil.iter_modules([str(root)]):
        if provider.ispkg and not provider.name.startswith("_"):
            for module in pkgutil.iter_modules([str(root / provider.name)]):
                if not module.name.startswith("_"):
                    found[f"{provider.name}.{module.name}"] = f"{_PACKAGE}.{provider.name}.{module.name}"
    return found


@cache
def _plugins() -> dict[str, metadata.EntryPoint]:
    return {point.name: point for point in metadata.entry_points(group=GROUP)}
