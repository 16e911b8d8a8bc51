"""Reading what runs in containers: compose files, Dockerfiles and development containers."""

SOURCE = "repo.containers"
COVERS = ("consumer", "use", "credential", "exposure")
