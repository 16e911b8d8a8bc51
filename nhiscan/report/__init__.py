"""Report formats: one module of this package is one format, and its name is the name of the format."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from typing import TYPE_CHECKING, cast

from nhiscan.report._options import Reporter, ReporterError, ReportOptions

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["ReportOptions", "Reporter", "ReporterError", "available", "for_suffix", "formats", "load"]

GROUP = "nhiscan.reporters"


@cache
def formats() -> tuple[str, ...]:
    """The names of the formats shipped here, sorted; third-party ones are found by `load` and `for_suffix` alone."""
    return tuple(sorted(m.name for m in pkgutil.iter_modules(__path__) if not m.ispkg and m.name[0] != "_"))


def available() -> tuple[str, ...]:
    """The names of all formats, shipped and third-party, sorted.  Raises ReporterError."""
    return tuple(sorted({*formats(), *_others()}))


def load(name: str) -> Reporter:
    """The reporter of a format, shipped or from the entry-point group `nhiscan.reporters`.  Raises ReporterError."""
    if name in formats():
        return cast("Reporter", importlib.import_module(f"{__name__}.{name}"))
    others = _others()
    if name not in others:
        known = ", ".join(sorted({*formats(), *others}))
        message = f"there is no report format {name[:40]!r}"
        raise ReporterError(message, f"choose one of: {known}")
    return others[name]


def for_suffix(path: Path) -> str | None:
    """The format whose suffix a file name has (the longest wins), shipped ones first; None when nobody claims it."""
    shipped = ((name, load(name)) for name in formats())
    return _claimed(path.name.lower(), dict(shipped)) or _claimed(path.name.lower(), _others())


def _claimed(name: str, reporters: dict[str, Reporter]) -> str | None:
    claims = [(len(s), key) for key, r in reporters.items() for s in r.SUFFIXES if name.endswith(s.lower())]
    return max(claims)[1] if claims else None


@cache
def _others() -> dict[str, Reporter]:
    """Third-party reporters by name; one that cannot be imported is an error, not a silent absence."""
    from importlib.metadata import entry_points

    found: dict[str, Reporter] = {}
    for point in entry_points(group=GROUP):
        if point.name in formats():
            continue
        try:
            found[point.name] = point.load()
        except Exception as e:  # noqa: BLE001 - foreign code may raise anything
            message = f"the report format {point.name!r} of {point.value} cannot be loaded: {type(e).__name__}"
            raise ReporterError(message, "upgrade or uninstall the package that brings it") from None
    return found
