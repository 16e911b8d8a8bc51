"""One question about permissions, answered over what was collected; nothing is judged by rules."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from nhiscan.analysis.aws.question import Answer, Question, QuestionError, World
from nhiscan.api.gather import Gathered, Progress, gather
from nhiscan.api.policy import load_policy
from nhiscan.model import (
    Attachment,
    Consumer,
    Gap,
    Identity,
    IdentityKind,
    IdentityState,
    Member,
    Policy,
    Record,
    Resource,
    Scope,
    Store,
)
from nhiscan.store.inventory import Inventory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from nhiscan.api.options import Options

TABLES: tuple[type[Record], ...] = (Identity, Policy, Attachment, Member, Scope, Resource, Store, Consumer, Gap)
"""What an answer rests on."""

_ACTORS = frozenset({IdentityKind.USER, IdentityKind.ROLE, IdentityKind.ROOT})
_NO_AWS = "name an account with --target: aws, aws:PROFILE or snapshot:DIR"


@dataclass(frozen=True, slots=True)
class Said:
    """The question as it was understood, its answer, and what became of the targets."""

    question: Question
    answer: Answer
    gathered: Gathered


def can(options: Options, question: Question, on_progress: Callable[[Progress], None] = lambda _: None) -> Said:
    """Collect the targets and answer; principal and resource may be names that occur once.

    Raises QuestionError for a question that cannot be asked, and what `audit` raises for targets and configuration.
    """
    policy = load_policy(options)
    with gather(policy.options, on_progress) as gathered, Inventory.memory() as inventory:
        inventory.ingest(gathered.units)
        inventory.add(gathered.gaps)
        records = [record for table in TABLES for record in inventory.rows(table)]
        whole = named(question, records)
        return Said(whole, World.of(records).answer(whole, policy.options.as_of), gathered)


def named(question: Question, records: Sequence[Record]) -> Question:
    """The question with names turned into ids.  Raises QuestionError for a name that is not there or not alone."""
    actors = [
        r
        for r in records
        if isinstance(r, Identity)
        and r.provider == "aws"
        and r.kind in _ACTORS
        and r.state is not IdentityState.DECLARED
    ]
    if not actors:
        msg = "no AWS account was read"
        raise QuestionError(msg, _NO_AWS)
    things = [r for r in records if isinstance(r, (Identity, Resource, Store, Consumer))]
    principal = question.principal
    if not _is_whole(principal) and "." not in principal:
        principal = _one(principal, actors, "principal")
    resource = question.resource
    return replace(
        question,
        principal=principal,
        resource=resource if _is_whole(resource) else _one(resource, things, "resource"),
    )


def _is_whole(text: str) -> bool:
    return text == "*" or text.startswith("arn:")


def _one(text: str, found: Iterable[Identity | Resource | Store | Consumer], what: str) -> str:
    """The id of the record of this name, or of the end of its ARN (`role/deploy`)."""
    known = list(found)
    ids = sorted({r.id for r in known if r.name == text or r.id.endswith((f":{text}", f"/{text}"))})
    if len(ids) == 1:
        return ids[0]
    if ids:
        msg = f"{text!r} names {len(ids)} of what was collected: {', '.join(ids[:5])}"
        raise QuestionError(msg, "name it by its ARN")
    near = difflib.get_close_matches(text, [r.name for r in known], 3)
    msg = f"no {what} {text!r} was collected"
    raise QuestionError(msg, f"did you mean {', '.join(dict.fromkeys(near))}?" if near else "name it by its ARN")
