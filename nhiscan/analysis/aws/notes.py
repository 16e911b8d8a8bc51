"""What an answer does not rest on: said beside it, so that nobody takes it for more than it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nhiscan.analysis.aws import actions
from nhiscan.analysis.aws.askers import AskerKind
from nhiscan.analysis.aws.conditions import Truth
from nhiscan.analysis.aws.evaluate import concerns
from nhiscan.analysis.aws.patterns import shown
from nhiscan.analysis.aws.standing import Word

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.analysis.aws.organisation import Organisation
    from nhiscan.analysis.aws.request import Clause, Outcome, Request, Rights
    from nhiscan.analysis.aws.standing import Standing

_FEW = 3


def notes(request: Request, rights: Rights, standing: Standing, outcome: Outcome, above: Organisation) -> Iterator[str]:
    """Sentences, the weightiest first."""
    keys = sorted({key for c in _deciding(outcome) for key in c.keys}, key=str.lower)
    if keys:
        yield f"give a value with --context for what decides: {', '.join(keys)}"
    if request.resource == "*" and outcome.granted is Truth.FALSE:
        yield from _elsewhere(request, rights)
    yield from _unseen(request, rights, standing)
    yield from _organisation(request, above)
    table = actions.table()
    if not table.knows(request.action):
        yield f"the action {request.action} is unknown to the table of {table.date}, and is taken literally"
    if request.asker.kind in {AskerKind.ROLE, AskerKind.SESSION} and _speaks_of_tags(outcome):
        yield "session tags are not considered: the tags of the role stand for those of its sessions"
    yield "policies of VPC endpoints are not considered"


def _deciding(outcome: Outcome) -> Iterator[Clause]:
    yield from (c for c in outcome.denies if c.truth is Truth.UNKNOWN)
    yield from (c for g in outcome.gates if g.truth is Truth.UNKNOWN for c in g.clauses)


def _elsewhere(request: Request, rights: Rights) -> Iterator[str]:
    """What the caller may do to some resource, when none was named."""
    found = [b for b in rights.identity if b.statement.allow and concerns(b.statement, request.action)]
    for bound in found[:_FEW]:
        places = ", ".join(map(shown, bound.statement.resources)) or "all but some resources"
        yield f"{bound.policy} statement {bound.statement.number} allows it on {places}: name the resource"


def _speaks_of_tags(outcome: Outcome) -> bool:
    clauses = (*outcome.denies, *(c for g in outcome.gates for c in g.clauses))
    keys = (key.lower() for c in clauses for _, key, _ in c.bound.statement.conditions)
    return any(key.startswith("aws:principaltag/") for key in keys)


def _unseen(request: Request, rights: Rights, standing: Standing) -> Iterator[str]:
    if rights.unread:
        yield f"not everything that bears on {request.asker.words} was collected or could be read"
    if not standing.seen and standing.word is not Word.NONE:
        yield f"the policy of {standing.name} was not collected"
    if standing.word is not Word.NONE and standing.account is None and request.asker.account is not None:
        yield f"whose {standing.name} is was not collected; it is taken for one of account {request.asker.account}"


def _organisation(request: Request, above: Organisation) -> Iterator[str]:
    account = request.asker.account
    if account is None or above.exempt(account):
        return
    if not above.controlled:
        yield "service control policies were not collected, and are not considered"
    elif above.org_id(account) is None:
        yield f"where account {account} stands in the organisation is not known; its policies are not considered"
    else:
        bare = [node.name for node in above.path(account) if node.bare]
        if bare:
            yield f"no service control policy was seen at {', '.join(bare)}, though AWS keeps one everywhere"
