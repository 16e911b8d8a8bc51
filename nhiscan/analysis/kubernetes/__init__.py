"""What identities of a Kubernetes cluster may do and whom they can become, from roles and bindings alone."""
