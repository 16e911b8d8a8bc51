"""What principals of Google Cloud may do and whom they can become, from allow and deny policies alone."""
