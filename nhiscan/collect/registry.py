"""Which collectors exist: every module under `nhiscan/collectors/<provider>/` and the entry points of plugins.

Modules are listed without importing them; only the ones asked for are loaded.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from functools import cache
from importlib import import_module
from importlib.machinery import PathFinder
from importlib.util import find_spec
from typing import TYPE_CHECKING

from nhiscan.collect.protocol import Collector, TargetKind

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "nhiscan.collectors"
_PACKAGE = "nhiscan.collectors"
_CODE = (".py", ".pyc")


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
    root = next(iter(package.__path__))
    return {
        f"{provider}.{module}": f"{_PACKAGE}.{provider}.{module}"
        for provider in _public(root)
        if "." not in provider
        for module in sorted({m.partition(".")[0] for m in _public(f"{root}/{provider}") if m.endswith(_CODE)})
    }


def _public(folder: str) -> list[str]:
    """The entries of a folder that are no helpers.  `pkgutil` says the same, and takes 9 ms to."""
    return sorted(name for name in os.listdir(folder) if name[0] not in "_.")  # noqa: PTH208 - text is all that is needed


@cache
def _plugins() -> dict[str, EntryPoint]:
    if not _is_declared(GROUP):
        return {}
    from importlib import metadata

    return {point.name: point for point in metadata.entry_points(group=GROUP)}


def _is_declared(group: str) -> bool:
    """Whether an installed package may declare entry points of the group; True wherever a look cannot tell.

    Nearly everybody has none, and `importlib.metadata` takes as long to say so as to list a small checkout.  Where
    packages lie that it finds: packaging.python.org, "Recording installed projects".
    """
    if any(hasattr(finder, "find_distributions") for finder in sys.meta_path if finder is not PathFinder):
        return True
    for place in sys.path:
        try:
            with os.scandir(place or ".") as entries:
                found = [entry for entry in entries if entry.name.endswith((".dist-info", ".egg-info", ".egg"))]
        except FileNotFoundError:
            continue
        except OSError:
            return True  # an archive of packages, or what only importlib can read
        if place.endswith(".egg") or any(entry.name.endswith(".egg") or _names(entry.path, group) for entry in found):
            return True
    return False


def _names(package: str, group: str) -> bool:
    try:
        with open(f"{package}/entry_points.txt", "rb") as file:  # noqa: PTH123 - of a hundred packages at every start
            return group.encode() in file.read()
    except OSError:
        return False
