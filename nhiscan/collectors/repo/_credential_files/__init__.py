"""Readers of credential files, one per format; the collector is `credential_files.py` beside this package."""
