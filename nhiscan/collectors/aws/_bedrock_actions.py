"""The action groups of a Bedrock agent as actions, each with what it can do and whether its user is asked first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nhiscan.collectors._common.values import listing, mapping, text
from nhiscan.collectors.aws._actions import Action, approval_of, by_name, of_schema
from nhiscan.plugin import Approval, ToolClass

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.collectors._common.values import Json

_BUILT_IN = {
    "AMAZON.UserInput": (ToolClass.READ, Approval.AUTO),
    "AMAZON.CodeInterpreter": (ToolClass.EXEC, Approval.AUTO),
    # Handed back to the application that called the agent, which may or may not ask.
    "ANTHROPIC.Computer": (ToolClass.EXEC, None),
    "ANTHROPIC.Bash": (ToolClass.EXEC, None),
    "ANTHROPIC.TextEditor": (ToolClass.WRITE, None),
}


def actions_of(group: Json) -> Iterator[Action]:
    """The actions of one answer of GetAgentActionGroup; a schema that lies in S3 is one action nobody knows."""
    name = text(group.get("actionGroupName")) or text(group.get("actionGroupId"))
    if name is None:
        return
    built_in = text(group.get("parentActionSignature"))
    if built_in is not None:
        class_, approval = _BUILT_IN.get(built_in, (None, None))
        yield Action(built_in, class_, approval)
        return
    handed_back = mapping(group.get("actionGroupExecutor")).get("customControl") == "RETURN_CONTROL"
    for action in _own(name, group):
        # What is handed back runs in the application that called the agent: only a confirmation is certain.
        unknown = handed_back and action.approval is not Approval.ASK
        yield Action(action.name, action.class_, None, explicit=False) if unknown else action


def _own(name: str, group: Json) -> Iterator[Action]:
    functions = listing(mapping(group.get("functionSchema")).get("functions"))
    for function in map(mapping, functions):
        if called := text(function.get("name")):
            approval, explicit = approval_of(function.get("requireConfirmation"))
            yield Action(f"{name}.{called}", by_name(called), approval, explicit)
    if functions:
        return
    schema = of_schema(mapping(group.get("apiSchema")).get("payload"))
    if schema is None:
        yield Action(name, None)
        return
    for action in schema:
        yield Action(f"{name}.{action.name}", action.class_, action.approval, action.explicit)
