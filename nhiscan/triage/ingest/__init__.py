"""Findings of other scanners as evidence: their reports are read, and what they say of our places is laid beside it."""
