"""Reads HCL to a small tree of our own.

Syntax: HCL Native Syntax Specification (hashicorp/hcl, hclsyntax/spec.md).  Nothing is evaluated here.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._config.nodes import MalformedError
from nhiscan.collectors.repo._terraform.tree import (
    Access,
    Block,
    Body,
    Call,
    Choice,
    Expr,
    Items,
    Lit,
    Members,
    Opaque,
    Operation,
    Path,
    Source,
    Template,
)

if TYPE_CHECKING:
    from tree_sitter import Node

# Deeper than any real configuration, shallower than Python's stack.
_DEEPEST = 60
_MOST_STEPS = 20_000
# Steps of the parser, in its own units; HCL takes one for every fifty bytes.
_PATIENCE = 5_000
_PART = 65_536
_NOT_HCL = "not HCL"
_ESCAPE = re.compile(r'\\(?:([nrt"\\])|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8}))|(\$\$|%%)(?=\{)')
_PLAIN = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\"}


def parse_hcl(text: str) -> Source:
    """The tree of one file; what cannot be parsed is left out and its line told.

    Raises MalformedError for text on which looking for mistakes takes longer than any HCL takes to parse.
    """
    import tree_sitter
    import tree_sitter_hcl

    data = text.encode()
    left = _PATIENCE + len(data)

    def tired(*_: object) -> bool:
        nonlocal left
        left -= 1
        return left < 0

    def part(at: int, _: object) -> bytes:
        return data[at : at + _PART]

    parser = tree_sitter.Parser(tree_sitter.Language(tree_sitter_hcl.language()))
    tree = parser.parse(part, progress_callback=tired)
    if left < 0:
        raise MalformedError(_NOT_HCL, 1)
    root = tree.root_node
    broken = _mistake(root) if root.has_error else None
    body = next((c for c in root.named_children if c.type == "body"), None)
    return Source(_body(body, 0) if body is not None else Body(), broken)


def _mistake(root: Node) -> int:
    """The line of the first mistake."""
    node = root
    for _ in range(_MOST_STEPS):
        if node.is_error or node.is_missing:
            break
        wrong = next((c for c in node.children if c.has_error or c.is_missing), None)
        if wrong is None:
            break
        node = wrong
    return node.start_point[0] + 1


def _line(node: Node) -> int:
    return node.start_point[0] + 1


def _text(node: Node) -> str:
    return (node.text or b"").decode("utf-8", "replace")


def _body(node: Node, depth: int) -> Body:
    body = Body()
    if depth > _DEEPEST:
        return body
    for child in node.named_children:
        if child.type == "attribute":
            name, value = child.named_children[:1], child.named_children[1:]
            if name and name[0].type == "identifier" and value and not child.has_error:
                body.attributes[_text(name[0])] = (expression(value[-1], depth + 1), _line(child))
            elif name and name[0].type == "identifier":
                body.attributes[_text(name[0])] = (Opaque(_line(child)), _line(child))
        elif child.type == "block":
            body.blocks.append(_block(child, depth))
    return body


def _block(node: Node, depth: int) -> Block:
    kind, labels, body = "", list[str](), Body()
    for child in node.named_children:
        match child.type:
            case "identifier" if not kind:
                kind = _text(child)
            case "identifier":
                labels.append(_text(child))
            case "string_lit":
                labels.append(_string(child))
            case "body":
                body = _body(child, depth + 1)
    return Block(kind, tuple(labels), body, _line(node))


def expression(node: Node, depth: int) -> Expr:  # noqa: C901, PLR0911, PLR0912 - one for each kind of node
    """The expression of a node; Opaque for what is not understood."""
    line = _line(node)
    if depth > _DEEPEST or node.is_error:
        return Opaque(line)
    children = [c for c in node.named_children if c.type != "comment"]
    match node.type:
        case "expression" | "collection_value" | "operation" | "template_expr" | "literal_value" | "body":
            if len(children) == 1:
                return expression(children[0], depth + 1)
            return _path(node, children, depth) if children else Opaque(line)
        case "string_lit":
            return Lit(_string(node), line)
        case "numeric_lit":
            return Lit(_number(_text(node)), line)
        case "bool_lit":
            return Lit(_text(node) == "true", line)
        case "null_lit":
            return Lit(None, line)
        case "quoted_template" | "heredoc_template":
            return _template(node, depth)
        case "variable_expr":
            return Path(_text(node), (), line)
        case "function_call":
            return _call(node, children, depth)
        case "tuple":
            items = [c for c in children if c.type == "expression"]
            return Items(tuple(expression(c, depth + 1) for c in items), line)
        case "object":
            return _object(children, line, depth)
        case "conditional" if len(children) == 3:
            test, yes, no = (expression(c, depth + 1) for c in children)
            return Choice(test, yes, no, line)
        case "unary_operation" | "binary_operation":
            return _operation(node, depth)
    return Opaque(line)


def _path(node: Node, children: list[Node], depth: int) -> Expr:
    """`root.a.b[0]`, or steps into what is no name."""
    line = _line(node)
    steps: list[str | int | Expr] = []
    for child in children[1:]:
        match child.type:
            case "get_attr":
                steps.append(_text(child).lstrip(". \t\n"))
            case "index":
                steps.append(_index(child, depth))
            case "splat":
                steps.append("*")
                inner = child.named_children[0] if child.named_children else child
                steps += [_text(c).lstrip(". \t\n") for c in inner.named_children if c.type == "get_attr"]
            case _:
                return Opaque(line)
    if children[0].type != "variable_expr":
        return Access(expression(children[0], depth + 1), tuple(steps), line)
    return Path(_text(children[0]), tuple(steps), line)


def _operation(node: Node, depth: int) -> Operation:
    """The operands stand unwrapped on both sides of the operator, each perhaps with steps behind it."""
    operator = ""
    sides: list[list[Node]] = [[]]
    for child in node.children:
        if child.type == "comment":
            continue
        if not child.is_named:
            operator = _text(child)
            sides.append([])
        else:
            sides[-1].append(child)
    operands = (expression(s[0], depth + 1) if len(s) == 1 else _path(node, s, depth) for s in sides if s)
    return Operation(operator, tuple(operands), _line(node))


def _index(node: Node, depth: int) -> str | int | Expr:
    inner = node.named_children[0] if node.named_children else node
    if inner.type == "legacy_index":
        digits = _text(inner).lstrip(". ")
        return int(digits) if digits.isdecimal() and len(digits) < 9 else "*"
    found = next((c for c in inner.named_children if c.type == "expression"), None)
    key = expression(found, depth + 1) if found is not None else Opaque(_line(node))
    if isinstance(key, Lit) and isinstance(key.value, str | int):
        return key.value
    return key


def _call(node: Node, children: list[Node], depth: int) -> Expr:
    name = next((_text(c) for c in children if c.type == "identifier"), "")
    arguments = next((c for c in children if c.type == "function_arguments"), None)
    found = arguments.named_children if arguments is not None else []
    if any(c.type == "ellipsis" for c in found):
        return Opaque(_line(node))
    return Call(name, tuple(expression(c, depth + 1) for c in found if c.type == "expression"), _line(node))


def _object(children: list[Node], line: int, depth: int) -> Members:
    pairs: list[tuple[Expr, Expr]] = []
    for element in children:
        sides = [c for c in element.named_children if c.type == "expression"]
        if element.type != "object_elem" or len(sides) != 2:
            continue
        key = expression(sides[0], depth + 1)
        if isinstance(key, Path) and not key.steps and not _text(sides[0]).startswith("("):
            key = Lit(key.root, key.line)
        pairs.append((key, expression(sides[1], depth + 1)))
    return Members(tuple(pairs), line)


def _template(node: Node, depth: int) -> Expr:
    quoted = node.type == "quoted_template"
    parts: list[Expr] = []
    for child in node.named_children:
        if child.type == "template_literal":
            text = _text(child)
            parts.append(
                Lit(unescape(text) if quoted else text.replace("$${", "${").replace("%%{", "%{"), _line(child))
            )
        elif child.type == "template_interpolation":
            inner = next((c for c in child.named_children if c.type == "expression"), None)
            parts.append(expression(inner, depth + 1) if inner is not None else Opaque(_line(child)))
        elif child.type == "template_directive":
            parts.append(Opaque(_line(child)))
    line = _line(node)
    if all(isinstance(p, Lit) for p in parts):
        return Lit("".join(str(p.value) for p in parts if isinstance(p, Lit)), line)
    return Template(tuple(parts), line)


def _string(node: Node) -> str:
    return unescape("".join(_text(c) for c in node.named_children if c.type == "template_literal"))


def unescape(text: str) -> str:
    """The text that a quoted literal stands for."""
    if "\\" not in text and "{" not in text:
        return text
    return _ESCAPE.sub(_escaped, text)


def _escaped(match: re.Match[str]) -> str:
    if match[1]:
        return _PLAIN[match[1]]
    if match[4]:
        return match[4][0]
    number = int(match[2] or match[3], 16)
    return chr(number) if number < 0x110000 and not 0xD800 <= number < 0xE000 else "\N{REPLACEMENT CHARACTER}"


def _number(text: str) -> int | float | str:
    if len(text) > 40:
        return text
    try:
        return int(text)
    except ValueError:
        try:
            return float(text)
        except ValueError:
            return text
