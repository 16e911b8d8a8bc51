"""The one place that knows the order of the stages: collect, ingest, declare, analyse, lock, judge, triage."""

from nhiscan.api.audit import audit, gaps_of, open_run
from nhiscan.api.gather import Gathered, Progress, gather
from nhiscan.api.options import Options
from nhiscan.api.policy import Policy, PolicyError, load_policy

__all__ = [
    "Gathered", "Options", "Policy", "PolicyError", "Progress", "audit", "gaps_of", "gather", "load_policy", "open_run",
]  # fmt: skip
