"""Who can become whom in Google Cloud, up to five hops, with each hop proven."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from nhiscan.analysis.gcp.effective import certainty, why
from nhiscan.analysis.gcp.estate import SOURCE
from nhiscan.model import Reach

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.analysis.gcp.conditions import Answer
    from nhiscan.analysis.gcp.estate import Estate
    from nhiscan.analysis.gcp.power import Power

MAX_PLAIN = 20
"""Of the one-hop targets that hold no capability, an identity keeps this many: a project has thousands of accounts."""


def reach(estate: Estate, power: Power) -> Iterator[Reach]:
    """Rows of all paths to targets worth reaching, ordered by target, and then of single hops, ordered by start."""
    ends = {target: why(estate, target, fact) for target, fact in power.worth.items()}
    for path in power.paths:
        yield _row(estate, path.ids, path.answer, (*power.walked(estate, path.ids), *ends[path.ids[-1]]))
    for start in sorted(power.edges.asked.keys() & estate.identities.keys()):
        plain = ((t, w) for t, w in power.edges.targets(start) if t in estate.identities and t not in power.worth)
        for target, way in islice(plain, MAX_PLAIN):
            yield _row(estate, (start, target), way.answer, way.steps(estate, target))


def _row(estate: Estate, path: tuple[str, ...], answer: Answer, steps: tuple[str, ...]) -> Reach:
    return Reach(
        id=f"{path[0]}>{path[-1]}",
        scope_id=estate.identities[path[0]].scope_id,
        source=SOURCE,
        identity_id=path[0],
        target_id=path[-1],
        hops=len(path) - 1,
        path=path,
        certainty=certainty(answer),
        steps=steps,
    )
