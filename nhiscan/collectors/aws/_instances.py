"""EC2: instances, and the launch templates and configurations they come from.

Instances of one template are one workload in many copies, so the template (else the launch configuration of their
group) is their parent.  User data of instances is asked for once for each template version or group.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nhiscan.collectors._common import tags as _tags
from nhiscan.collectors._common.values import listing, mapping, moment, number, text
from nhiscan.collectors.aws._environment import Values
from nhiscan.collectors.aws._workloads import Profiles, Rows, Workload, consumer, gathered

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nhiscan.collectors._common.values import Json
    from nhiscan.collectors.aws._ask import Ask
    from nhiscan.plugin import Record

INSTANCES, USER_DATA = "ec2:DescribeInstances", "ec2:DescribeInstanceAttribute"
TEMPLATES, VERSIONS = "ec2:DescribeLaunchTemplates", "ec2:DescribeLaunchTemplateVersions"
GROUPS, CONFIGURATIONS = "autoscaling:DescribeAutoScalingGroups", "autoscaling:DescribeLaunchConfigurations"
PLATFORM = "aws_ec2"
_ENABLED = {"pending": True, "running": True, "stopping": False, "stopped": False}
# Tags that EC2 and Auto Scaling set by themselves.
_TEMPLATE_TAG, _VERSION_TAG = "aws:ec2launchtemplate:id", "aws:ec2launchtemplate:version"
_GROUP_TAG = "aws:autoscaling:groupName"


def metadata_v1(options: object) -> bool | None:
    """Whether instance metadata answers without a session token (IMDSv1); None when the options do not say."""
    found = mapping(options)
    if found.get("HttpEndpoint") == "disabled":
        return False
    return {"optional": True, "required": False}.get(text(found.get("HttpTokens")) or "")


class Machines:
    """One reading of a region: templates first, so that instances find their parents."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._profiles = Profiles()
        self._values = {kind: Values(ask, kind) for kind in ("launch template", "launch configuration", "instance")}
        self._templates: dict[str, str] = {}  # id -> ARN
        self._versions: set[str] = set()  # `lt-…/3`: whose user data came with the templates
        self._configurations: dict[str, str] = {}  # name -> ARN
        self._groups: dict[str, str] = {}  # name -> name of its configuration

    def read(self) -> Iterator[Record]:
        """The records of the region; each list that is refused is a gap, the others go on."""
        ask = self._ask
        templates = yield from gathered(ask, TEMPLATES, "LaunchTemplates", MaxResults=200)
        versions: list[Json] = []
        if templates:
            wanted = ["$Default", "$Latest"]
            versions = yield from gathered(ask, VERSIONS, "LaunchTemplateVersions", Versions=wanted, MaxResults=200)
        configurations = yield from gathered(ask, CONFIGURATIONS, "LaunchConfigurations", MaxRecords=100)
        reservations = yield from gathered(ask, INSTANCES, "Reservations", MaxResults=1000)
        if versions or configurations or reservations:
            yield from self._profiles.read(ask)
        for template in templates:
            yield from self._template(template, versions)
        for entry in configurations:
            yield from self._configuration(entry)
        if configurations:
            for group in (yield from gathered(ask, GROUPS, "AutoScalingGroups", MaxRecords=100)):
                name, configuration = (text(group.get(k)) for k in ("AutoScalingGroupName", "LaunchConfigurationName"))
                self._groups[name or ""] = configuration or ""
        yield from self._copies([mapping(i) for r in reservations for i in listing(r.get("Instances"))])
        for values in self._values.values():
            yield from values.told()

    def _template(self, template: Json, versions: Sequence[Json]) -> Iterator[Record]:
        key, name = text(template.get("LaunchTemplateId")), text(template.get("LaunchTemplateName"))
        if key is None:
            return
        arn = self._templates[key] = self._ask.arn("ec2", f"launch-template/{key}")
        own = [v for v in versions if v.get("LaunchTemplateId") == key]
        own.sort(key=lambda v: (v.get("DefaultVersion") is not True, number(v.get("VersionNumber")) or 0))
        data = [mapping(v.get("LaunchTemplateData")) for v in own]
        # What is launched without naming a version has the settings of the default one.
        yield from self._consumer(
            arn, name or key, data[0] if data else {}, template.get("CreateTime"), _tags.read(template.get("Tags"))
        )
        for version, each in zip(own, data, strict=True):
            yield from self._profiles.uses(self._ask, arn, each.get("IamInstanceProfile"))
            place = "user_data" if version is own[0] else "user_data/latest"
            yield from self._values["launch template"].script(arn, each.get("UserData"), place)
            self._versions.add(f"{key}/{version.get('VersionNumber')}")

    def _configuration(self, entry: Json) -> Iterator[Record]:
        arn, name = text(entry.get("LaunchConfigurationARN")), text(entry.get("LaunchConfigurationName"))
        if arn is None or name is None:
            return
        self._configurations[name] = arn
        yield from self._consumer(arn, name, entry, entry.get("CreatedTime"), {})
        yield from self._profiles.uses(self._ask, arn, entry.get("IamInstanceProfile"))
        yield from self._values["launch configuration"].script(arn, entry.get("UserData"))

    def _consumer(self, arn: str, name: str, settings: Json, created: object, tags: dict[str, str]) -> Iterator[Record]:
        options = mapping(settings.get("MetadataOptions"))
        yield from consumer(self._ask, Workload(
            arn=arn, name=name, platform=PLATFORM, created_at=moment(created), metadata_v1=metadata_v1(options),
            metadata_hops=number(options.get("HttpPutResponseHopLimit")), tags=tags,
        ))  # fmt: skip

    def _copies(self, instances: Sequence[Json]) -> Iterator[Record]:
        scripts: dict[str, str] = {}  # what the user data is shared by -> the instance to ask
        for entry in instances:
            key = text(entry.get("InstanceId"))
            state = text(mapping(entry.get("State")).get("Name"))
            if key is None or state in {"terminated", "shutting-down"}:
                continue
            arn = self._ask.arn("ec2", f"instance/{key}")
            tags = _tags.read(entry.get("Tags"))
            name, options = tags.get("Name"), mapping(entry.get("MetadataOptions"))
            yield from consumer(self._ask, Workload(
                arn=arn, name=name if name and name != _tags.MASKED else key, platform=PLATFORM,
                parent_id=self._parent(tags), created_at=moment(entry.get("LaunchTime")),
                enabled=_ENABLED.get(state or ""), metadata_v1=metadata_v1(options),
                metadata_hops=number(options.get("HttpPutResponseHopLimit")), tags=tags,
            ))  # fmt: skip
            yield from self._profiles.uses(self._ask, arn, entry.get("IamInstanceProfile"))
            shared = self._shared(tags)
            if shared is None or shared not in self._versions:
                scripts.setdefault(shared or key, key)
        yield from self._scripts(sorted(scripts.values()))

    def _parent(self, tags: dict[str, str]) -> str | None:
        template = self._templates.get(tags.get(_TEMPLATE_TAG, ""))
        return template or self._configurations.get(self._groups.get(tags.get(_GROUP_TAG, ""), ""))

    def _shared(self, tags: dict[str, str]) -> str | None:
        if _TEMPLATE_TAG in tags:
            return f"{tags[_TEMPLATE_TAG]}/{tags.get(_VERSION_TAG)}"
        return tags.get(_GROUP_TAG)

    def _scripts(self, instances: Sequence[str]) -> Iterator[Record]:
        values, rows = self._values["instance"], Rows(self._ask)
        arns = {self._ask.arn("ec2", f"instance/{key}"): key for key in instances}
        if not values.wanted:
            for arn in arns:
                values.unread(arn)
            return
        requests = {arn: {"InstanceId": key, "Attribute": "userData"} for arn, key in arns.items()}
        for arn, answer in rows.each(USER_DATA, requests):
            yield from values.script(arn, mapping(answer.get("UserData")).get("Value"))
        yield from rows.gaps
