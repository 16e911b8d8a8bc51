"""Agents written in Python, read by `ast` and never imported."""
