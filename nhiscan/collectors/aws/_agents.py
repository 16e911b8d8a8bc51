"""What the collectors of agent services share: many answers at once, roles, secrets and hand-overs of a consumer."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

from nhiscan.collectors._common import tags as _tags
from nhiscan.collectors._common.errors import RefusedError
from nhiscan.collectors._common.values import listing, mapping, text
from nhiscan.collectors.aws._seen import seen
from nhiscan.collectors.aws._workloads import vault
from nhiscan.plugin import Auth, Form, Hop, Use, UseHow

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence

    from nhiscan.collectors._common.values import Json
    from nhiscan.collectors.aws._ask import Ask
    from nhiscan.plugin import Gap, Record

    Request = tuple[str, Json]  # the record it is about, and the parameters

_Answer = TypeVar("_Answer")
_FUNCTION = re.compile(r"(arn:aws[\w-]*:lambda:[\w-]+:\d{12}:function:[\w-]+)(?::.+)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """How things of one kind are listed, described one by one, and tagged.

    `entries` is the list in the answer of `list_all`, called with `params`; `arn` and `number` name what an entry is
    called by, or `arn` is a pattern such as `bedrock:agent/{}` of its number; `describe` takes the number as
    `parameter`, with `extra`, and answers with the facts, in `member` where they are not the answer itself; `tags`
    takes the ARN as `tagged`.
    """

    list_all: str
    entries: str
    arn: str
    number: str
    describe: str
    parameter: str
    tags: str
    member: str = ""
    tagged: str = "resourceArn"
    params: Mapping[str, object] = field(default_factory=dict)
    extra: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Thing:
    """One thing with what the list says of it (`entry`), its description (empty when refused) and its tags."""

    arn: str
    number: str
    entry: Json
    detail: Json
    tags: Mapping[str, str]


def things(ask: Ask, kind: Kind) -> Generator[Record, None, list[Thing]]:
    """Everything of a kind; gaps of descriptions and tags that were refused are yielded.

    Raises RefusedError when the list itself was refused.
    """
    listed: dict[str, tuple[str, Json]] = {}
    for entry in (yield from entries(ask, kind.list_all, kind.entries, **kind.params)):
        number = text(entry.get(kind.number))
        if number is not None and (arn := _arn(ask, kind.arn, entry, number)):
            listed[arn] = (number, entry)
    wanted = [(arn, {kind.parameter: number, **kind.extra}) for arn, (number, _) in listed.items()]
    answers = yield from fetch(ask, kind.describe, wanted)
    details = {arn: mapping(answer.get(kind.member)) if kind.member else answer for arn, _, answer in answers}
    tags = yield from tags_of(ask, kind.tags, listed, kind.tagged)
    return [Thing(arn, number, e, details.get(arn, {}), tags.get(arn, {})) for arn, (number, e) in listed.items()]


def entries(ask: Ask, operation: str, key: str, /, **params: object) -> Generator[Record, None, list[Json]]:
    """All entries of a list; when a later page is refused, those before it, and a gap is yielded.

    Raises RefusedError when the first page is.
    """
    found: list[Json] = []
    try:
        found.extend(ask.items(operation, key, **params))
    except RefusedError as e:
        if not found:
            raise
        yield ask.refused(e)
    return found


def _arn(ask: Ask, name: str, entry: Json, number: str) -> str | None:
    service, _, rest = name.partition(":")
    return ask.arn(service, rest.format(number)) if rest else text(entry.get(name))


def fetch(
    ask: Ask, operation: str, requests: Iterable[Request]
) -> Generator[Record, None, list[tuple[str, Json, Json]]]:
    """The answers as (subject, request, answer), in order; gaps for what was refused are yielded.

    A refusal of everything is one gap of all that the operation covers; of single things, one for each.
    """
    asked = list(requests)
    return (yield from _told(ask, asked, ask.each(operation, (request for _, request in asked))))


def fetch_items(
    ask: Ask, operation: str, key: str, requests: Iterable[Request]
) -> Generator[Record, None, list[tuple[str, Json, list[Json]]]]:
    """The same for operations that answer with a list in pages."""
    asked = list(requests)
    return (yield from _told(ask, asked, ask.each_items(operation, key, (request for _, request in asked))))


def _told(
    ask: Ask, asked: Sequence[Request], answers: Iterable[tuple[Json, _Answer | RefusedError]]
) -> Generator[Record, None, list[tuple[str, Json, _Answer]]]:
    found: list[tuple[str, Json, _Answer]] = []
    gaps: list[Gap] = []
    try:
        for (subject, request), (_, answer) in zip(asked, answers, strict=True):
            if not isinstance(answer, RefusedError):
                found.append((subject, request, answer))
            elif not answer.missing:
                gaps.append(ask.refused(answer, subject_id=subject))
    except RefusedError as e:
        if not e.missing:
            gaps = [*(gaps if found else ()), ask.refused(e)]
    yield from gaps
    return found


def once(records: Iterable[Record]) -> Iterator[Record]:
    """The records without those whose id came before: several versions of a thing often say the same."""
    known = set()
    for record in records:
        if record.id not in known:
            known.add(record.id)
            yield record


def tags_of(
    ask: Ask, operation: str, arns: Iterable[str], parameter: str = "resourceArn"
) -> Generator[Record, None, dict[str, dict[str, str]]]:
    """The tags of each thing by ARN, as `ListTagsForResource` of its service tells them."""
    found = yield from fetch(ask, operation, [(arn, {parameter: arn}) for arn in arns])
    return {arn: _tags.read(answer.get("tags")) for arn, _, answer in found}


def runs_as(ask: Ask, consumer_id: str, role: object, name: str = "role") -> Iterator[Use]:
    """The identity a consumer acts as, a role or a workload identity; nothing when the answer names none."""
    arn = text(role)
    if arn is not None and arn.startswith("arn:"):
        yield Use(
            **seen(ask, f"{consumer_id}#runs_as/{arn}", consumer_id), consumer_id=consumer_id, identity_id=arn,
            how=UseHow.RUNS_AS, name=name,
        )  # fmt: skip


def reads(ask: Ask, consumer_id: str, secret: object, name: str) -> Iterator[Use]:
    """A secret that a consumer refers to; `place` is the ARN of its store."""
    store = vault(ask, text(secret) or "")
    if store is not None:
        yield Use(
            **seen(ask, f"{consumer_id}#reads/{name}/{store}", consumer_id), consumer_id=consumer_id,
            how=UseHow.CONFIGURED, form=Form.VAULT, name=name, place=store, uri=consumer_id,
        )  # fmt: skip


def presents(ask: Ask, consumer_id: str, provider: object, name: str) -> Iterator[Use]:
    """A credential that a consumer obtains from a credential provider of AgentCore, by the provider's ARN."""
    arn = text(provider)
    if arn is not None and arn.startswith("arn:"):
        yield Use(
            **seen(ask, f"{consumer_id}#presents/{arn}", consumer_id), consumer_id=consumer_id, credential_id=arn,
            how=UseHow.CONFIGURED, form=Form.VAULT, name=name, uri=consumer_id,
        )  # fmt: skip


def hands_to(ask: Ask, from_id: str, to_id: str | None, via: str, auth: Auth | None = Auth.IAM) -> Iterator[Hop]:
    """A consumer that calls another one."""
    if to_id is not None and to_id != from_id:
        hop_id = f"{from_id}#hop/{via}/{to_id}"
        yield Hop(**seen(ask, hop_id, from_id), from_id=from_id, to_id=to_id, via=via, auth=auth)


def function_arn(value: object) -> str | None:
    """The ARN of a Lambda function without version or alias, as its own collector names it."""
    match = _FUNCTION.fullmatch(text(value) or "")
    return match.group(1) if match else None


def address(value: object) -> tuple[str | None, bool | None]:
    """Where an endpoint is, and whether it is reached over TLS.

    Query, login and whatever in the path looks like a secret are left out: hosted tool servers put keys there.
    """
    try:
        parts = urlsplit(text(value) or "")
        host, port = parts.hostname, parts.port
    except ValueError:
        return None, None
    if not host or parts.scheme not in {"http", "https", "ws", "wss"}:
        return None, None
    path = "/".join("***" if _tags.looks_secret(part) else part for part in parts.path.split("/"))
    return f"{parts.scheme}://{host}{f':{port}' if port else ''}{path}", parts.scheme in {"https", "wss"}


def inbound(authorizer: object) -> Auth:
    """How callers of an AgentCore endpoint prove themselves: a token of an issuer, else IAM."""
    return Auth.OAUTH if mapping(authorizer).get("customJWTAuthorizer") else Auth.IAM


def texts(value: object) -> list[str]:
    """The texts of a list."""
    return [found for found in map(text, listing(value)) if found]
