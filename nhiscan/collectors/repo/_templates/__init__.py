"""Reading templates of clouds: CloudFormation, SAM, Serverless, Bicep and ARM."""

SOURCE = "repo.templates"
COVERS = (
    "identity", "credential", "exposure", "policy", "attachment", "member", "trust", "consumer", "tool", "use", "store",
    "resource",
)  # fmt: skip
SUFFIXES = (".yaml", ".yml", ".json", ".template", ".bicep", ".bicepparam")
