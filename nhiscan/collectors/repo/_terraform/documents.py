"""Policy documents of AWS as trees of values: from `aws_iam_policy_document`, from JSON text, from an object.

Arguments: Terraform Registry, aws_iam_policy_document (statements, principals, conditions, source and override
documents; `&{` stands for `${` there).  The effect of a statement is `Allow` and the version 2012-10-17 by default.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._terraform.functions import jsondecode
from nhiscan.collectors.repo._terraform.values import Ref, Text, Unknown, Value, Writer, blocks, known_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from nhiscan.collectors.repo._terraform.values import Naming

_VERSION = "2012-10-17"
_OPEN = "unknown"
_LISTS = (
    ("Action", "actions"),
    ("NotAction", "not_actions"),
    ("Resource", "resources"),
    ("NotResource", "not_resources"),
)


def from_data(values: Mapping[str, Value]) -> Value:
    """The document that a data source of type `aws_iam_policy_document` renders, as a tree."""
    statements = [*_merged(values, ("source_policy_documents", "source_json"))]
    statements += [_statement(s) for s in blocks(values, "statement")]
    for override in _merged(values, ("override_policy_documents", "override_json")):
        sid = known_text(override.get("Sid")) if isinstance(override, Mapping) else None
        at = next((n for n, s in enumerate(statements) if sid and isinstance(s, Mapping) and s.get("Sid") == sid), None)
        if at is None:
            statements.append(override)
        else:
            statements[at] = override
    return {"Version": known_text(values.get("version")) or _VERSION, "Statement": statements}


def _merged(values: Mapping[str, Value], names: Iterable[str]) -> Iterator[Value]:
    for name in names:
        value = values.get(name)
        if value is None or value == "":
            continue
        if isinstance(value, Unknown):
            yield value
        for text in value if isinstance(value, (list, tuple)) else [value]:
            tree = jsondecode([text])
            if isinstance(tree, Unknown):
                yield tree
                continue
            found = tree.get("Statement") if isinstance(tree, Mapping) else None
            yield from found if isinstance(found, (list, tuple)) else [found] if found is not None else []


def _statement(block: Mapping[str, Value]) -> Value:
    found: dict[str, Value] = {"Effect": block.get("effect") or "Allow"}
    if sid := known_text(block.get("sid")):
        found["Sid"] = sid
    for name, attribute in _LISTS:
        value = block.get(attribute)
        if value is not None and value != []:
            found[name] = _variables(value)
    for name, attribute in (("Principal", "principals"), ("NotPrincipal", "not_principals")):
        if parties := blocks(block, attribute):
            found[name] = _principals(parties)
    conditions: dict[str, dict[str, Value]] = {}
    for condition in blocks(block, "condition"):
        test, variable = known_text(condition.get("test")), condition.get("variable")
        operator = conditions.setdefault(test or _OPEN, {})
        operator[_condition_key(variable)] = _variables(condition.get("values"))
    if conditions:
        found["Condition"] = conditions
    return found


def _condition_key(variable: Value) -> str:
    parts = variable.parts if isinstance(variable, Text) else (variable,)
    return "".join(known_text(p) or _OPEN for p in parts)


def _principals(parties: Iterable[Mapping[str, Value]]) -> Value:
    found: dict[str, list[Value]] = {}
    for party in parties:
        kind, names = known_text(party.get("type")) or _OPEN, party.get("identifiers")
        items = list(names) if isinstance(names, (list, tuple)) else [names]
        if kind == "*":
            return "*"
        found.setdefault(kind, []).extend(items)
    return found


def _variables(value: Value) -> Value:
    """`&{aws:username}` as the policy language writes it."""
    if isinstance(value, str):
        return value.replace("&{", "${")
    if isinstance(value, Text):
        return Text(tuple(p.replace("&{", "${") if isinstance(p, str) else p for p in value.parts))
    if isinstance(value, (list, tuple)):
        return [_variables(v) for v in value]
    return value


def tree_of(value: Value) -> Value:
    """A policy attribute (JSON text, or an object) as a tree; Unknown where it cannot be read."""
    return value if isinstance(value, Mapping) else jsondecode([value])


def render(tree: Value, name: Naming) -> tuple[str | None, str | None]:
    """JSON text of a document, and what in it could not be told (None where all could).

    What is unknown is kept under a name that no pattern matches, so that it widens nothing.  The text is None where
    the whole document, an effect or a condition is unknown: what is left would say more or less than is written.
    """
    if isinstance(tree, Unknown) or not isinstance(tree, Mapping):
        return None, tree.why if isinstance(tree, Unknown) else ""
    listed = tree.get("Statement")
    statements = list(listed) if isinstance(listed, (list, tuple)) else [listed]
    kept: list[Value] = []
    doubt: str | None = None
    for statement in statements:
        if not isinstance(statement, Mapping):
            doubt = statement.why if isinstance(statement, Unknown) else ""
            continue
        settled = _settled(statement, name)
        if settled is None:
            return None, "a condition or an effect"
        kept.append(settled)
        wild = [statement.get(k) for k in ("Action", "NotAction", "Principal")]
        doubt = next((_why(v) for v in wild if _why(v) is not None), doubt)
    if not kept:
        return None, doubt or ""
    return Writer(name).text({**tree, "Statement": kept}), doubt


def _why(value: Value) -> str | None:
    """What in an element is unknown as a whole."""
    if isinstance(value, Unknown):
        return value.why
    if isinstance(value, (list, tuple)):
        return next((w for v in value if (w := _why(v)) is not None), None)
    if isinstance(value, Mapping):
        return next((w for v in value.values() if (w := _why(v)) is not None), None)
    return None


def _settled(statement: Mapping[str, Value], name: Naming) -> Value | None:
    """The statement with condition keys of an unknown issuer named for its one issuer; None where that is open."""
    if known_text(statement.get("Effect")) is None:
        return None
    condition = statement.get("Condition")
    if condition is None:
        return statement
    if not isinstance(condition, Mapping) or _OPEN in condition:
        return None
    issuer = _issuer(statement, name)
    settled: dict[str, Value] = {}
    for operator, block in condition.items():
        if not isinstance(block, Mapping):
            return None
        pairs: dict[str, Value] = {}
        for key, values in block.items():
            head, colon, tail = key.rpartition(":")
            if _OPEN in head or key == _OPEN:
                if not issuer or not colon:
                    return None
                pairs[f"{issuer}:{tail}"] = values
            else:
                pairs[key] = values
        settled[operator] = pairs
    return {**statement, "Condition": settled}


def _issuer(statement: Mapping[str, Value], name: Naming) -> str | None:
    principal = statement.get("Principal")
    federated = principal.get("Federated") if isinstance(principal, Mapping) else None
    named = list(federated) if isinstance(federated, (list, tuple)) else [federated]
    if len(named) != 1 or named[0] is None:
        return None
    text = str(Writer(name).plain(named[0])) if isinstance(named[0], (str, Ref, Text, Unknown)) else ""
    return text.partition(":oidc-provider/")[2] or text or None
