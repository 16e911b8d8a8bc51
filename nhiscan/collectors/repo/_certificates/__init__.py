"""Readers of keys and certificates; the collector is `certificates.py` beside this package."""

SOURCE = "repo.certificates"
COVERS = ("credential", "exposure")
