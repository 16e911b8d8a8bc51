"""The one place that knows the order of the stages: collect, ingest, declare, analyse, lock, judge, triage."""

from nhiscan.api.audit import audit, gaps_of, open_run
from nhiscan.api.diff import Diff, diff
from nhiscan.api.gather import Gathered, Progress, gather
from nhiscan.api.options import Cloud, Options
from nhiscan.api.paths import Proof, Way, proof, stops
from nhiscan.api.policy import Policy, PolicyError, load_policy

__all__ = [
    "Cloud", "Diff", "Gathered", "Options", "Policy", "PolicyError", "Progress", "Proof", "Way", "audit", "diff",
    "gaps_of", "gather", "load_policy", "open_run", "proof", "stops",
]  # fmt: skip
