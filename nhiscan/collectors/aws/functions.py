"""AWS Lambda: functions, the role each runs as, who may call it, and whether the internet can."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nhiscan.collectors._common.errors import RefusedError
from nhiscan.collectors._common.values import listing, mapping, text
from nhiscan.collectors.aws._environment import Values
from nhiscan.collectors.aws._group import Group, Part
from nhiscan.collectors.aws._openness import anybody
from nhiscan.collectors.aws._seen import policy_on
from nhiscan.collectors.aws._tagged import GET_RESOURCES, Tagged
from nhiscan.collectors.aws._workloads import TAGS_COVER, Workload, acts_as, consumer, from_vault, named_pairs, vault
from nhiscan.plugin import Auth, ConsumerKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nhiscan.collectors._common.values import Json
    from nhiscan.collectors.aws._ask import Ask
    from nhiscan.plugin import Record

_LIST, _POLICY, _URLS = "lambda:ListFunctions", "lambda:GetPolicy", "lambda:ListFunctionUrlConfigs"
_MAPPINGS = "lambda:ListEventSourceMappings"
# What a call by a URL without sign-in always meets.
_BY_URL = frozenset({"lambda:functionurlauthtype", "lambda:invokedviafunctionurl"})
_STATES = {"Active": True, "Inactive": True, "Failed": False}  # an inactive one wakes up with its next call


def _functions(ask: Ask) -> Iterator[Record]:
    found = [f for f in ask.items(_LIST, "Functions", MaxItems=50) if text(f.get("FunctionArn"))]
    if not found:
        return
    arns = [str(f["FunctionArn"]) for f in found]
    tagged, values, access = Tagged(), Values(ask, "function"), _Access(ask)
    yield from tagged.read(ask, "lambda:function", covers=TAGS_COVER)
    yield from access.read(arns)
    for entry in found:
        arn = str(entry["FunctionArn"])
        url, auth = access.urls.get(arn, (None, None))
        workload = Workload(
            arn=arn, name=text(entry.get("FunctionName")) or arn.rsplit(":", 1)[-1], platform="aws_lambda",
            kind=ConsumerKind.FUNCTION, enabled=_STATES.get(text(entry.get("State")) or ""), public=access.public(arn),
            url=url, auth=auth, tags=tagged.of(arn),
        )  # fmt: skip
        yield from consumer(ask, workload)
        yield from acts_as(ask, arn, ("role", entry.get("Role")))
        yield from policy_on(ask, arn, access.policies.get(arn))
        yield from values.variables(arn, named_pairs(mapping(entry.get("Environment")).get("Variables")))
    yield from values.told()


class _Access:
    """The policies of functions, and the URLs of those whose policy speaks of one.

    A URL without sign-in answers only when the policy lets everybody call it (Lambda Developer Guide, "Control access
    to Lambda function URLs"), so functions without such a policy need no second call.
    """

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._unread: set[str] = set()
        self.policies: dict[str, object] = {}
        self.urls: dict[str, tuple[str | None, Auth | None]] = {}

    def read(self, arns: Sequence[str]) -> Iterator[Record]:
        """Ask for both; yields gaps."""
        self._unread = set(arns)
        try:
            for request, answer in self._ask.each(_POLICY, ({"FunctionName": arn} for arn in arns)):
                arn = str(request["FunctionName"])
                if not isinstance(answer, RefusedError):
                    self.policies[arn] = answer.get("Policy")
                elif not answer.missing:
                    yield self._ask.refused(answer, subject_id=arn)
                    continue
                self._unread.discard(arn)
        except RefusedError as e:
            yield self._ask.refused(e)
        speaking = [arn for arn, raw in self.policies.items() if "FunctionUrl" in str(raw)]
        self._unread |= set(speaking)
        try:
            requests = ({"FunctionName": arn} for arn in speaking)
            for request, configs in self._ask.each_items(_URLS, "FunctionUrlConfigs", requests):
                arn = str(request["FunctionName"])
                if isinstance(configs, RefusedError):
                    if configs.missing:
                        self._unread.discard(arn)
                    else:
                        yield self._ask.refused(configs, subject_id=arn)
                    continue
                self._unread.discard(arn)
                self._keep(arn, configs)
        except RefusedError as e:
            yield self._ask.refused(e)

    def _keep(self, arn: str, configs: Sequence[Json]) -> None:
        # A function may have one URL for itself and one for each alias; the most open one speaks.
        for config in configs:
            auth = {"NONE": Auth.NONE, "AWS_IAM": Auth.IAM}.get(text(config.get("AuthType")) or "")
            if arn not in self.urls or auth is Auth.NONE:
                self.urls[arn] = text(config.get("FunctionUrl")), auth

    def public(self, arn: str) -> bool | None:
        """Whether anybody on the internet can call the function by a URL of its own; None when that was not read."""
        if arn in self._unread:
            return None
        _, auth = self.urls.get(arn, (None, None))
        return anybody(self.policies.get(arn), met=_BY_URL) if auth is Auth.NONE else False


def _event_sources(ask: Ask) -> Iterator[Record]:
    """Secrets that event source mappings sign in with, to Kafka or a message broker for instance."""
    for entry in ask.items(_MAPPINGS, "EventSourceMappings", MaxItems=100):
        arn, uuid = text(entry.get("FunctionArn")), text(entry.get("UUID"))
        for access in map(mapping, listing(entry.get("SourceAccessConfigurations"))):
            kind, uri = text(access.get("Type")), text(access.get("URI"))
            store = vault(ask, uri) if uri else None
            if arn and uuid and kind and store:
                base = ":".join(arn.split(":")[:7])  # without version or alias
                yield from_vault(ask, base, kind.lower(), store, place=f"event_source/{uuid}")


COLLECTOR = Group(
    name="aws.functions",
    title="AWS Lambda functions: roles, who may call them, URLs, secrets in variables",
    parts=(
        Part(
            name="functions",
            kind="Lambda function",
            facts=("role", "who may call it", "public URL", "variables", "owner"),
            calls={
                _LIST: "consumer, use",
                _POLICY: "policy.kind, attachment.kind, consumer.public",
                _URLS: "consumer.public, consumer.url, consumer.auth",
                GET_RESOURCES: ", ".join(TAGS_COVER),
            },
            read=_functions,
        ),
        Part(
            name="event-sources",
            kind="Lambda event source mapping",
            facts=("secret it signs in with",),
            calls={_MAPPINGS: "use.place"},
            read=_event_sources,
        ),
    ),
)
