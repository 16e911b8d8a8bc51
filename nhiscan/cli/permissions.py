"""`nhiscan permissions`: the exact read-only policy a target needs, and the role that carries it."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from nhiscan.cli import common
from nhiscan.cli.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nhiscan.collect.protocol import Collector

PROVIDERS = ("aws", "azure", "gcp")


def permissions(
    provider: Annotated[str, typer.Argument(metavar="PROVIDER", help="aws, azure or gcp.")],
    explain: Annotated[bool, typer.Option("--explain", help="Say what is not seen without each permission.")] = False,
    terraform: Annotated[
        bool, typer.Option("--terraform", help="The role for a whole organisation or tenant, as a Terraform module.")
    ] = False,
    cloudformation: Annotated[
        bool,
        typer.Option("--cloudformation", help="The same as a CloudFormation template (aws), also for a stack set."),
    ] = False,
    deep: common.Deep = False,
    read_config_values: common.ReadConfigValues = False,
) -> int:
    """Print the read-only policy or role a target needs."""
    from nhiscan.collect import registry

    if provider not in PROVIDERS:
        msg = f"no permissions are known for {provider!r}"
        raise UsageError(msg, f"use one of {', '.join(PROVIDERS)}")
    if explain + terraform + cloudformation > 1:
        msg = "--explain, --terraform and --cloudformation cannot be combined"
        raise UsageError(msg, "give one of them")
    if cloudformation and provider != "aws":
        msg = f"--cloudformation makes nothing for {provider}"
        raise UsageError(msg, "use --terraform")
    collectors = [registry.load(name) for name in registry.names() if name.startswith(f"{provider}.")]
    options = [name for name, wanted in (("deep", deep), ("read-config-values", read_config_values)) if wanted]
    if explain:
        sys.stdout.write(_explained(provider, options))
    elif provider == "aws":
        _aws(collectors, options, terraform=terraform, cloudformation=cloudformation)
    else:
        sys.stdout.write(_role(provider, collectors, options, terraform=terraform))
    return 0


def _aws(collectors: Sequence[Collector], options: list[str], *, terraform: bool, cloudformation: bool) -> None:
    from nhiscan.collect import audit_role
    from nhiscan.collect.permissions import LONGEST_POLICY, aws_policy, size

    if terraform:
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


def _role(provider: str, collectors: Sequence[Collector], options: list[str], *, terraform: bool) -> str:
    from nhiscan.collect import custom_role

    make = {
        ("azure", False): custom_role.azure,
        ("azure", True): custom_role.azure_terraform,
        ("gcp", False): custom_role.google,
        ("gcp", True): custom_role.google_terraform,
    }[provider, terraform]
    return make(collectors, options)


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
    for collector in (c for c in collectors if c.name.startswith(f"{provider}.")):
        for permission, why in getattr(collector, "writes", {}).items():
            lines.append(f"{permission} is no plain read: {why}\n")
    return "".join(dict.fromkeys(lines))
