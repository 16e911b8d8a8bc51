"""`nhiscan permissions`: the exact read-only policy a target needs."""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer

from nhiscan.cli.errors import UsageError

PROVIDERS = ("aws",)


def permissions(
    provider: Annotated[str, typer.Argument(metavar="PROVIDER", help="aws.")],
    explain: Annotated[bool, typer.Option("--explain", help="Say what is not seen without each permission.")] = False,
) -> int:
    """Print the read-only policy a target needs."""
    from nhiscan.collect import registry
    from nhiscan.collect.permissions import aws_policy, required

    if provider not in PROVIDERS:
        msg = f"no permissions are known for {provider!r}"
        raise UsageError(msg, f"use one of {', '.join(PROVIDERS)}")
    collectors = [registry.load(name) for name in registry.names()]
    if explain:
        for permission, covers in required(collectors, provider).items():
            sys.stdout.write(f"{permission}: without it {covers} is not seen\n")
    else:
        sys.stdout.write(json.dumps(aws_policy(collectors), indent=2) + "\n")
    return 0
