"""Checkouts: files, agent configuration, secrets, owners."""
