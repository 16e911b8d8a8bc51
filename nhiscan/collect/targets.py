"""Target syntax: a path, `snapshot:DIR`, or what a collector answers to.

`aws`, `aws:PROFILE`, `aws:org`, `aws:org/PROFILE`; `azure:all`, `azure:mg/ID`, `azure:sub/ID`; `gcp:PROJECT`,
`gcp:folder/N`, `gcp:org/N`, `gcp:all`.
"""

from __future__ import annotations

import re
from pathlib import Path

from nhiscan.collect import registry
from nhiscan.collect.protocol import Target, TargetKind

_SCHEME = re.compile(r"[a-z][a-z0-9]{1,15}")


class TargetSyntaxError(Exception):
    """A target the user named does not exist or is not understood; `remedy` says what would be."""

    remedy = (
        "name an existing path, aws[:PROFILE], aws:org[/PROFILE], azure:all, azure:mg/ID, azure:sub/ID, gcp:PROJECT, "
        "gcp:folder/ID, gcp:org/ID, gcp:all or snapshot:DIR"
    )


def parse(text: str) -> Target:
    """The target a user named.  A path that exists wins over a scheme of the same spelling (`./aws` is always a path).

    Raises TargetSyntaxError for an unknown scheme and for a path that does not exist.
    """
    scheme, colon, rest = text.partition(":")
    # Collectors are only asked for their schemes when the text looks like one: loading them all takes a while.
    if _SCHEME.fullmatch(scheme) and (colon or not _exists(text)) and scheme in registry.schemes():
        return Target(text, scheme, rest)
    if scheme == "snapshot" and colon:
        return Target(text, TargetKind.SNAPSHOT, _existing(rest, text))
    if colon and _SCHEME.fullmatch(scheme) and not _exists(text):
        msg = f"unknown target {text!r}"
        raise TargetSyntaxError(msg)
    path = Path(_existing(text, text))
    saved = (path / "run.json").is_file() and (path / "units").is_dir()
    return Target(text, TargetKind.SNAPSHOT if saved else TargetKind.PATH, str(path))


def _exists(path: str) -> bool:
    try:
        return Path(path).exists()
    except (OSError, ValueError):
        return False


def _existing(path: str, text: str) -> str:
    try:
        return str(Path(path).resolve(strict=True))
    except (OSError, RuntimeError, ValueError):
        msg = f"target {text!r} does not exist"
        raise TargetSyntaxError(msg) from None
