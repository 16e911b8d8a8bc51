"""Options of commands that may read a cloud, and what may stand in them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from nhiscan.cli.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nhiscan.api import Cloud

ReadConfigValues = Annotated[
    bool,
    typer.Option(
        "--read-config-values", help="Read values of environments and user data; only the detector sees them."
    ),
]
Deep = Annotated[bool, typer.Option("--deep", help="Ask for last use of services and events too; many slow calls.")]

# An account of AWS, a subscription of Azure, a project of Google Cloud.
_ACCOUNT = re.compile(
    r"!?(\d{12}|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|([a-z][a-z0-9.-]{1,60}:)?[a-z][a-z0-9-]{4,28}[a-z0-9])"
)
_ACCOUNTS = "write ID,ID or !ID: account numbers of 12 digits, ids of subscriptions, ids of projects"
_REGION = re.compile(r"all|[a-z]{2,4}(-[a-z]+)+-\d{1,2}")
_ROLE = re.compile(r"arn:aws[a-z-]*:iam::(\d{12}|\{account\}):role/[\w+=,.@/-]{1,512}|[\w+=,.@/-]{1,512}")
_EXTERNAL_ID = re.compile(r"[\w+=,.@:/-]{2,1224}")  # STS API reference, AssumeRole


@dataclass(frozen=True, slots=True)
class CloudSettings:
    """Options of every command that may read a cloud."""

    accounts: Annotated[
        list[str] | None,
        typer.Option(
            "--accounts", metavar="ID,ID", help="Cloud accounts, subscriptions, projects; !ID leaves one out."
        ),
    ] = None
    regions: Annotated[
        list[str] | None,
        typer.Option("--regions", metavar="NAME,NAME", help="Regions to audit, or all. [default: those in use]"),
    ] = None
    role: Annotated[
        str | None,
        typer.Option(
            "--role", metavar="NAME", help="Role to assume in other accounts (name or ARN). [default: nhiscan-audit]"
        ),
    ] = None
    external_id: Annotated[
        str | None, typer.Option("--external-id", metavar="TEXT", help="External id that the role asks for.")
    ] = None
    expect_account: Annotated[
        str | None,
        typer.Option("--expect-account", metavar="ID", help="Stop when a cloud answers with another account."),
    ] = None
    endpoint: Annotated[
        list[str] | None,
        typer.Option(
            "--endpoint",
            metavar="NAME=URL",
            help="Another address for azure-authority, azure-arm, azure-graph, gcp or gcp-SERVICE, or azure=CLOUD.",
        ),
    ] = None
    deep: Deep = False
    read_config_values: ReadConfigValues = False

    def parsed(self) -> Cloud:
        """The same as the api takes it.  Raises UsageError for a value that cannot be one."""
        from nhiscan.api import Cloud

        return Cloud(
            expect_account=self.expect_account,
            accounts=_listed(self.accounts, _ACCOUNT, "--accounts", _ACCOUNTS),
            regions=_regions(self.regions),
            role=_fitting(self.role, _ROLE, "--role", "write a role's name, or its ARN with {account} as the number"),
            external_id=_fitting(
                self.external_id, _EXTERNAL_ID, "--external-id", "it has 2 to 1224 letters, digits or +=,.@:/-"
            ),
            endpoints=_endpoints(self.endpoint),
            deep=self.deep,
            read_config_values=self.read_config_values,
        )


CLOUD_DEFAULTS = CloudSettings()


def _listed(values: Sequence[str] | None, form: re.Pattern[str], option: str, remedy: str) -> tuple[str, ...]:
    parts = [part.strip() for value in values or () for part in value.split(",") if part.strip()]
    return tuple(dict.fromkeys(_fitting(part, form, option, remedy) or "" for part in parts))


def _regions(values: Sequence[str] | None) -> tuple[str, ...]:
    found = _listed(values, _REGION, "--regions", "write region names (us-east-1,eu-west-1) or all")
    return ("all",) if "all" in found else found


def _endpoints(values: Sequence[str] | None) -> dict[str, str]:
    """Addresses by name.  What a name means is the provider's matter; that no token travels in the clear is ours."""
    from nhiscan.collect import registry
    from nhiscan.collect.endpoints import NAME, base_of

    found = {}
    for value in values or ():
        name, equals, address = (part.strip() for part in value.partition("="))
        known = NAME.fullmatch(name) and name.partition("-")[0] in registry.schemes()
        if not equals or not known or not (base_of(address) or re.fullmatch(r"\w{1,40}", address)):
            # Not the value: an address may hold a password.
            msg = f"--endpoint does not understand what is given for {name if known else 'a name'}"
            raise UsageError(msg, "write azure-arm=https://HOST, gcp-iam=https://HOST or azure=AzureUSGovernment")
        found[name] = address
    return found


def _fitting(value: str | None, form: re.Pattern[str], option: str, remedy: str) -> str | None:
    if value is not None and not form.fullmatch(value):
        msg = f"{option} does not understand {value!r}"
        raise UsageError(msg, remedy)
    return value
