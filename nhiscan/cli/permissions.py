"""`nhiscan permissions`: the exact read-only policy a target needs, and the role that carries it."""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer

from nhiscan.cli import common
from nhiscan.cli.errors import UsageError

PROVIDERS = ("aws",)


def permissions(
    provider: Annotated[str, typer.Argument(metavar="PROVIDER", help="aws.")],
    explain: Annotated[bool, typer.Option("--explain", help="Say what is not seen without each permission.")] = False,
    terraform: Annotated[
        bool, typer.Option("--terraform", help="The role for a whole organisation, as a Terraform module.")
    ] = False,
    cloudformation: Annotated[
        bool, typer.Option("--cloudformation", help="The same as a CloudFormation template, also for a stack set.")
    ] = False,
    deep: common.Deep = False,
    read_config_values: common.ReadConfigValues = False,
) -> int:
    """Print the read-only policy a target needs, or the role that carries it."""
    from nhiscan.collect import audit_role, registry
    from nhiscan.collect.permissions import LONGEST_POLICY, aws_policy, size

    if provider not in PROVIDERS:
        msg = f"no permissions are known for {provider!r}"
        raise UsageError(msg, f"use one of {', '.join(PROVIDERS)}")
    if explain + terraform + cloudformation > 1:
        msg = "--explain, --terraform and --cloudformation cannot be combined"
        raise UsageError(msg, "give one of them")
    collectors = [registry.load(name) for name in registry.names() if name.startswith(f"{provider}.")]
    options = [name for name, wanted in (("deep", deep), ("read-config-values", read_config_values)) if wanted]
    if explain:
        sys.stdout.write(_explained(provider, options))
    elif terraform:
        sys.stdout.write(audit_role.terraform(collectors, options))
    elif cloudformation:
        sys.stdout.write(audit_role.cloudformation(collectors, options))
    else:
        policy = aws_policy(collectors, options)
        sys.stdout.write(json.dumps(policy, indent=2) + "\n")
        if size(policy) > LONGEST_POLICY:
            sys.stderr.write(
                f"note: {size(policy)} characters, a managed policy takes {LONGEST_POLICY}: "
                "--cloudformation and --terraform split it\n"
            )
    return 0


def _explained(provider: str, options: list[str]) -> str:
    from nhiscan.collect import registry
    from nhiscan.collect.permissions import required

    collectors = [registry.load(name) for name in registry.names()]
    plain = required(collectors, provider)
    lines = [f"{permission}: without it {covers} is not seen\n" for permission, covers in plain.items()]
    for option in options:
        for permission, covers in required(collectors, provider, (option,)).items():
            if permission not in plain:
                lines.append(f"{permission}: for --{option}; without it {covers} is not seen\n")
    for collector in collectors:
        for permission, why in getattr(collector, "writes", {}).items():
            lines.append(f"{permission} is no plain read: {why}\n")
    return "".join(dict.fromkeys(lines))
