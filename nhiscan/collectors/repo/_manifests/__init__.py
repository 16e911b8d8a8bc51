"""One small reader per format of manifest; adding one is a module with a `FORMATS` and a line in `formats.py`."""

SOURCE = "repo.manifests"
COVERS = ("consumer", "tool", "hop", "use", "credential")
