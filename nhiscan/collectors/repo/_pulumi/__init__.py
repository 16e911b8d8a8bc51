"""Pulumi: programs in YAML as declarations, and the configuration of stacks."""

SOURCE = "repo.pulumi"
COVERS = (
    "identity", "credential", "exposure", "policy", "attachment", "member", "trust", "consumer", "use", "store",
    "resource",
)  # fmt: skip
