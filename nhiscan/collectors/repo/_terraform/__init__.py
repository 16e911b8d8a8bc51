"""Terraform: modules as they are written, planned and kept as state, read to one set of declarations."""

SOURCE = "repo.terraform"
COVERS = (
    "identity", "credential", "exposure", "policy", "attachment", "member", "trust", "consumer", "use", "store",
    "resource",
)  # fmt: skip
