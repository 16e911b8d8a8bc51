"""Pulumi: programs in YAML as declarations, and the configuration of stacks."""
