"""What Kubernetes manifests declare: accounts, rights, secrets, workloads and agents."""

SOURCE = "repo.kubernetes"
COVERS = ("identity", "policy", "attachment", "member", "consumer", "use", "credential", "exposure", "trust")
SUFFIXES = (".yaml", ".yml", ".json")
