"""Readers of credential files, one per format; the collector is `credential_files.py` beside this package."""

SOURCE = "repo.credential_files"
COVERS = ("credential", "exposure")
