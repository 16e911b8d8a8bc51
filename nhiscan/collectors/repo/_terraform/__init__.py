"""Terraform: modules as they are written, planned and kept as state, read to one set of declarations."""
