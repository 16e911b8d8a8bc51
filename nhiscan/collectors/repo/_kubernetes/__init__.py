"""What Kubernetes manifests declare: accounts, rights, secrets, workloads and agents."""
