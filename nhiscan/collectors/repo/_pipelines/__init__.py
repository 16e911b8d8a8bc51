"""Readers of pipeline definitions, one module per system; `systems` lists them."""

SOURCE = "repo.pipelines"
COVERS = ("consumer", "use", "credential", "hop", "exposure", "identity")
