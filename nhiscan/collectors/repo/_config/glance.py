"""The first look at a file, taken once for all collectors of a process: which of the words they look for it holds.

Four collectors want to see every YAML and JSON file of a checkout, and nine in ten of those files concern none of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nhiscan.collectors.repo._reading import Reader

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nhiscan.collectors.repo._tree import Checkout, Known, SourceFile

# A larger file is read by whoever wants it.
_LARGEST = 2_000_000
_YAML = (".yaml", ".yml")
KUBERNETES = b"apiVersion"
CLOUDFORMATION = b"AWS::"
ARM = (b"eploymentTemplate.json", b"eploymentParameters.json")
TERRAFORM = b'"terraform_version"'
# Of each format of manifests that no name announces one word without which no file is of it.
MANIFEST_YAML = (b"agent_class:", b"AgentConfig.json", b"config_path:")
MANIFEST_JSON = (b"declarative-agent/", b'"conversation_starters"', b'"runtimes"', b'"edges"', b'"connections"')
_KIND = b"kind: "
MANIFEST_KINDS = tuple(_KIND + k for k in (b"app", b"'app'", b"Prompt", b"prompt", b"hosted", b"Hosted", b"container"))
_Words = tuple[tuple[str, bytes], ...]
_IN_YAML: _Words = (
    ("kubernetes", KUBERNETES), ("cloudformation", CLOUDFORMATION), *(("manifest", w) for w in MANIFEST_YAML),
)  # fmt: skip
_IN_JSON: _Words = (
    ("kubernetes", KUBERNETES), ("cloudformation", CLOUDFORMATION), ("terraform", TERRAFORM),
    *(("arm", w) for w in ARM), *(("manifest", w) for w in MANIFEST_JSON),
)  # fmt: skip
_NOTHING: frozenset[str] = frozenset()


class Glances:
    """What was seen so far; one for each checkout and process."""

    def __init__(self, checkout: Checkout) -> None:
        self._reader = Reader(checkout.root)
        self._seen: dict[str, frozenset[str] | None] = {}
        self._same: dict[frozenset[str], frozenset[str]] = {}

    def may_be(self, file: SourceFile, kind: str) -> bool:
        """Whether a file may be of a kind (`kubernetes`, `cloudformation`, `arm`, `terraform`, `manifest`).

        True for what is neither YAML nor JSON, and for what could not be looked into.
        """
        path = file.path
        if path not in self._seen:
            self._seen[path] = self._look(file)
        seen = self._seen[path]
        return seen is None or kind in seen

    def any_of(self, file: SourceFile, words: Sequence[bytes]) -> bool:
        """Whether one of the words stands in a file; True for what could not be looked into.  Nothing is remembered."""
        looked = self._reader.look(file.name, _LARGEST)
        if looked is None:
            return True
        data, count = looked
        return any(data.find(w, 0, count) >= 0 for w in words)

    def _look(self, file: SourceFile) -> frozenset[str] | None:
        json = file.path.endswith(".json")
        looked = self._reader.look(file.name, _LARGEST) if json or file.path.endswith(_YAML) else None
        if looked is None:
            return None
        data, count = looked
        find = data.find
        found = [kind for kind, word in (_IN_JSON if json else _IN_YAML) if find(word, 0, count) >= 0]
        if not json and find(_KIND, 0, count) >= 0 and any(find(w, 0, count) >= 0 for w in MANIFEST_KINDS):
            found.append("manifest")
        return self._same.setdefault(frozenset(found), frozenset(found)) if found else _NOTHING


_LAST: list[tuple[Known, Glances]] = []  # of the run at hand: at most one


def glances(checkout: Checkout) -> Glances:
    """The looks of this run of this checkout; forked workers each take their own."""
    if not _LAST or _LAST[0][0] is not checkout.known:
        _LAST[:] = [(checkout.known, Glances(checkout))]
    return _LAST[0][1]
