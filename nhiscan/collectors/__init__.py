"""Collectors: one source, one file; modules whose name begins with `_` are helpers."""
