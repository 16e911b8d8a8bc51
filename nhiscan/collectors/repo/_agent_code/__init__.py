"""Agents written in Python, read by `ast` and never imported."""

SOURCE = "repo.agent_code"
COVERS = ("consumer", "tool", "hop", "use", "credential", "logging")
