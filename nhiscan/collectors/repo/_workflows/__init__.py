"""GitHub Actions workflows: what each job holds, what it may do, and to whose code it hands that."""

SOURCE = "repo.workflows"
COVERS = ("consumer", "use", "credential", "exposure", "hop", "tool", "identity")
