"""From verdicts to findings: stable fingerprints, baseline, suppressions, and the exit code."""
