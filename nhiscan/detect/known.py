"""Values that a team has written down in a baseline of detect-secrets, recognised by the digest it keeps of them.

The baseline's form and digest are that package's own; it is imported only where a `.secrets.baseline` lies.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from nhiscan.sensitive import Sensitive

FILE_NAME = ".secrets.baseline"

_LARGEST = 32 << 20


class KnownError(Exception):
    """The baseline cannot be read; the message says why in a few words."""


def known_values(path: Path) -> Mapping[str, frozenset[str]]:
    """Digests by file, without those that somebody has audited and called real; empty without a baseline.

    Raises KnownError.
    """
    if not path.is_file():
        return {}
    from detect_secrets.core import baseline
    from detect_secrets.exceptions import UnableToReadBaselineError

    if path.stat().st_size > _LARGEST:
        msg = "is larger than 32 MB"
        raise KnownError(msg)
    try:
        content = baseline.load_from_file(str(path))
        results = content["results"]
        return {
            str(name).removeprefix("./").replace("\\", "/"): frozenset(
                str(item["hashed_secret"]) for item in items if item.get("is_secret") is not True
            )
            for name, items in results.items()
        }
    except UnableToReadBaselineError:
        msg = "is no JSON"
    except (UnicodeDecodeError, RecursionError, KeyError, TypeError, AttributeError):
        msg = "has not the form of a baseline"
    raise KnownError(msg)


def digest(value: Sensitive[str]) -> str:
    """The digest under which a baseline has the value.  It can be searched for, so it is compared and never kept."""
    from detect_secrets.core.potential_secret import PotentialSecret

    return str(PotentialSecret.hash_secret(value.reveal().encode("utf-8", "replace").decode("utf-8")))
