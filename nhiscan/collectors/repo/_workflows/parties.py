"""Code of somebody else that runs inside a job: actions, images, reusable workflows; how exactly each is fixed."""

from __future__ import annotations

import re
from dataclasses import dataclass

from nhiscan.plugin import Pin

_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_EXACT = re.compile(r"v?\d+\.\d+\.\d+(?:[-+.][\w.+-]+)?")
_TAG = re.compile(r"[vV]?\d+(?:\.\d+)*(?:[-.]\w+)*|[\w.-]*[vV]?\d+\.\d+[\w.-]*")
_DIGEST = re.compile(r"@sha256:[0-9a-f]{64}$")
# As long as git takes a name of a branch.
_LONGEST = 250
# From the loosest: an action used twice is as fixed as its loosest use.
_LOOSEST = (Pin.NONE, Pin.LATEST, Pin.TAG, Pin.EXACT, Pin.DIGEST, Pin.LOCAL)


@dataclass(frozen=True, slots=True)
class Party:
    """What runs: `launcher` is action, image or workflow; `pin` is None where the version is computed."""

    launcher: str
    package: str
    pin: Pin | None
    ref: str = ""

    @property
    def action(self) -> str:
        """The action's name in lower case, as GitHub compares it; empty for an image."""
        return self.package.lower() if self.launcher == "action" else ""


def action(uses: str) -> Party | None:
    """What a step's `uses:` runs; None for code of the repository itself or what cannot be read."""
    uses = uses.strip()
    if uses.startswith("docker://"):
        return image(uses[len("docker://") :])
    if not uses or uses.startswith((".", "/")) or "${{" in uses.partition("@")[0]:
        return None
    package, _, ref = uses.partition("@")
    return Party("action", package, _ref_pin(ref), ref) if "/" in package else None


def workflow(uses: str) -> Party | None:
    """The reusable workflow of another repository that a job calls, or None."""
    package, _, ref = uses.strip().partition("@")
    return None if package.startswith(".") or "/" not in package else Party("workflow", package, _ref_pin(ref), ref)


def image(text: str) -> Party | None:
    """A container image, or None where it is computed or empty."""
    text = text.strip()
    if not text or text.startswith("${{"):
        return None
    if _DIGEST.search(text):
        return Party("image", text.partition("@")[0], Pin.DIGEST)
    name, _, tag = text.rpartition("/")[2].partition(":")
    package = f"{text.rpartition('/')[0]}/{name}".lstrip("/")
    if "${{" in text:
        return Party("image", package.partition("${{")[0] or text, None, tag)
    return Party("image", package, Pin.NONE if not tag else Pin.LATEST if tag == "latest" else Pin.TAG, tag)


def looser(one: Pin | None, other: Pin | None) -> Pin | None:
    """The looser of two pins; None, which is not known, is the loosest."""
    if one is None or other is None:
        return None
    return min(one, other, key=_LOOSEST.index)


def _ref_pin(ref: str) -> Pin | None:
    if "${{" in ref:
        return None
    if not ref or len(ref) > _LONGEST or ref.startswith("refs/heads/"):
        return Pin.NONE
    if _COMMIT.fullmatch(ref):
        return Pin.DIGEST
    ref = ref.removeprefix("refs/tags/")
    if ref == "latest":
        return Pin.LATEST
    if _EXACT.fullmatch(ref):
        return Pin.EXACT
    return Pin.TAG if _TAG.fullmatch(ref) else Pin.NONE
