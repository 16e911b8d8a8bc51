"""Reading what runs in containers: compose files, Dockerfiles and development containers."""
