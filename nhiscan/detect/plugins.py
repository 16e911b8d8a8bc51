"""detect-secrets as a second opinion: its plugins on single lines that the cheap layers pointed at.

Only `analyze_line` of each plugin is called: neither its filters (one hides every secret passed as an argument) nor its
verification over the network ever run.  The package is imported on the first such line.
"""

from __future__ import annotations

import functools
from importlib import import_module
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

# Formats that rules/credentials does not spell out, then the keyword and entropy detectors with their own defaults.
_PLUGINS = (
    ("artifactory", "ArtifactoryDetector", None),
    ("cloudant", "CloudantDetector", None),
    ("ibm_cloud_iam", "IbmCloudIamDetector", None),
    ("ibm_cos_hmac", "IbmCosHmacDetector", None),
    ("softlayer", "SoftlayerDetector", None),
    ("keyword", "KeywordDetector", None),
    ("high_entropy_strings", "Base64HighEntropyString", 4.5),
    ("high_entropy_strings", "HexHighEntropyString", 3.0),
)
_LONGEST = 1_000  # its patterns are quadratic in long runs of blanks


class _Plugin(Protocol):
    secret_type: str

    def analyze_line(self, filename: str, line: str, line_number: int) -> Iterable[_Potential]: ...


class _Potential(Protocol):
    secret_value: str | None


def opinions(path: str, line: str) -> list[tuple[str, str]]:
    """Plugin and value for every value that a plugin takes for a secret; the file is not opened."""
    if len(line) > _LONGEST:
        return []
    found: dict[str, str] = {}
    for plugin in _load():
        for potential in plugin.analyze_line(filename=path, line=line, line_number=1):
            if potential.secret_value:
                found.setdefault(potential.secret_value, type(plugin).__name__)
    return sorted((name, value) for value, name in found.items())


@functools.cache
def _load() -> Sequence[_Plugin]:
    plugins: list[_Plugin] = []
    for module, name, limit in _PLUGINS:
        kind = getattr(import_module(f"detect_secrets.plugins.{module}"), name)
        plugins.append(kind() if limit is None else kind(limit=limit))
    return plugins
