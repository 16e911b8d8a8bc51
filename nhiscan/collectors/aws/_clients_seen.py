"""The client behind a CloudTrail event: its family and the kind of network it called from; nothing that names a person.

Custom user agents may hold anything, so one that is not of a known family is only "another client"; of addresses it is
only said whether they are AWS's, private or of the internet.  Source: CloudTrail User Guide, "CloudTrail record
contents".
"""

from __future__ import annotations

import ipaddress
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nhiscan.collectors._common.values import mapping, text

if TYPE_CHECKING:
    from collections.abc import Mapping

_LONGEST_EVENT = 300_000  # CloudTrail keeps at most 256 KB
# The first that fits wins: a tool names itself before the SDK it is built on.
_FAMILIES: tuple[tuple[str, str], ...] = (
    ("nhiscan/", "nhiscan"),
    ("opentofu", "opentofu"),
    ("terraform", "terraform"),
    ("pulumi", "pulumi"),
    ("aws-cdk", "aws-cdk"),
    ("ansible", "ansible"),
    ("configure-aws-credentials", "github-actions"),
    ("github-actions", "github-actions"),
    ("gitlab", "gitlab"),
    ("jenkins", "jenkins"),
    ("cloud-custodian", "cloud-custodian"),
    ("c7n/", "cloud-custodian"),
    ("prowler", "prowler"),
    ("steampipe", "steampipe"),
    ("trufflehog", "trufflehog"),
    ("mcp", "mcp server"),
    ("langchain", "langchain"),
    ("litellm", "litellm"),
    ("strands", "strands"),
    ("rclone", "rclone"),
    ("s3cmd", "s3cmd"),
    ("hadoop", "hadoop"),
    ("spark", "spark"),
    ("grafana", "grafana"),
    ("datadog", "datadog"),
    ("cyberduck", "cyberduck"),
    ("winscp", "winscp"),
    ("aws-cli", "aws-cli"),
    ("boto3", "boto3"),
    ("botocore", "botocore"),
    ("aws-sdk-go", "aws-sdk-go"),
    ("aws-sdk-java", "aws-sdk-java"),
    ("aws-sdk-js", "aws-sdk-js"),
    ("aws-sdk-nodejs", "aws-sdk-js"),
    ("aws-sdk-php", "aws-sdk-php"),
    ("aws-sdk-ruby", "aws-sdk-ruby"),
    ("aws-sdk-rust", "aws-sdk-rust"),
    ("aws-sdk-dotnet", "aws-sdk-dotnet"),
    ("aws-sdk-cpp", "aws-sdk-cpp"),
    ("aws-sdk-swift", "aws-sdk-swift"),
    ("aws-sdk-kotlin", "aws-sdk-kotlin"),
    ("powershell", "aws-tools-for-powershell"),
    ("console", "console"),
    ("mozilla", "browser"),
    ("curl", "curl"),
)
# What an SDK says of the place it runs in (`exec-env/AWS_Lambda_python3.12`).
_PLACES = {"aws_lambda": "aws_lambda", "aws_ecs": "aws_ecs"}
_PLACE = re.compile(r"exec-env/(aws_lambda|aws_ecs)", re.IGNORECASE)
_SERVICE = re.compile(r"[a-z0-9.-]+\.amazonaws\.com(?:\.cn)?")


@dataclass(frozen=True, slots=True)
class Client:
    """One kind of client and network; `machine` when it certainly is software that runs in AWS."""

    name: str
    platform: str | None = None
    machine: bool = False


def client_of(raw: object) -> Client | None:
    """The client of an event's JSON text; None when it is none, or when it is this program itself."""
    event = _event(raw)
    source, agent = text(event.get("sourceIPAddress")), text(event.get("userAgent"))
    if source is None and agent is None:
        return None
    service = next((word for word in (source, agent) if word and _SERVICE.fullmatch(word)), None)
    if service is not None or source == "AWS Internal":
        return Client(service or "an AWS service", None, machine=True)
    family = _family(agent or "")
    if family == "nhiscan":
        return None
    place = _PLACE.search(agent or "")
    platform = _PLACES[place.group(1).lower()] if place else None
    return Client(f"{family} from {_network(source, event)}", platform, machine=platform is not None)


def _family(agent: str) -> str:
    plain = agent.lower()
    return next((name for word, name in _FAMILIES if word in plain), "another client")


def _network(source: str | None, event: Mapping[str, object]) -> str:
    if text(event.get("vpcEndpointId")):
        return "a VPC endpoint"
    try:
        address = ipaddress.ip_address(source or "")
    except ValueError:
        return "an unknown network"
    return "the internet" if address.is_global else "a private network"


def _event(raw: object) -> Mapping[str, object]:
    if not isinstance(raw, str) or len(raw) > _LONGEST_EVENT:
        return {}
    try:
        return mapping(json.loads(raw))
    except (ValueError, RecursionError):
        return {}
