"""`nhiscan.yaml`: gate, rule parameters, suppressions and declared facts, checked with file and line.

A configuration that lies in what is scanned is untrusted: it cannot name targets, rule directories or outputs.  Only
a file given with `--config` may.
"""

from nhiscan.config.context import Context, declared_records
from nhiscan.config.load import Config, load, parse
from nhiscan.config.reader import ConfigError

__all__ = ["Config", "ConfigError", "Context", "declared_records", "load", "parse"]
