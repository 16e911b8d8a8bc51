"""One CloudFormation template as records; the stack itself holds what belongs to nothing in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nhiscan.collectors.repo._templates import bedrock, sam, things
from nhiscan.collectors.repo._templates.cfn import Resolver, template_of
from nhiscan.collectors.repo._templates.compute import workloads
from nhiscan.collectors.repo._templates.iam import Iam, aliases
from nhiscan.collectors.repo._templates.maker import Maker
from nhiscan.collectors.repo._templates.values import Values
from nhiscan.plugin import Consumer, ConsumerKind, Form, Use

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from nhiscan.collectors.repo._config.nodes import Document, Node
    from nhiscan.collectors.repo._config.records import Book
    from nhiscan.plugin import Record


def stack(document: Document, book: Book, root: Node | None = None) -> Iterator[Record]:
    """The records of a template; `root` is the part of the document that is one, where it is not all of it."""
    iam = iam_of(document, book, root)
    template, stack_id = iam.template, f"{iam.template.base}:(stack)"
    top = root or document.root
    outputs = top.at("Outputs")
    own: list[Record] = []
    for name in template.parameters:
        own += iam.values.parameter(stack_id, name)
    own += handed_down(things.loose(iam, stack_id))
    for name, node in outputs.map.items() if outputs else ():
        own += iam.values.output(stack_id, name, node)
    if any(isinstance(r, Use) for r in own):
        yield holder(iam.maker, stack_id, "cloudformation", document.root.line)
    # Everything that runs comes before what merely refers to it, and values before names.
    running = [*workloads(iam), *bedrock.agents(iam)]
    yield from own
    yield from running
    yield from iam.records()
    yield from sam.functions(iam, top.at("Globals", "Function"))
    yield from things.things(iam)


def handed_down(records: Iterable[Record]) -> Iterator[Record]:
    """The records without uses of a parameter by the deployment: it sets a password somewhere, and does not sign in."""
    for record in records:
        if not (isinstance(record, Use) and record.form is Form.REFERENCE and record.purpose is None):
            yield record


def iam_of(document: Document, book: Book, root: Node | None = None) -> Iam:
    """What reads the identities of a template."""
    template = template_of(document, f"{book.scope_id}#{document.path}", root)
    aliases(template)
    resolver, maker = Resolver(template), Maker(document, book, "aws")
    return Iam(resolver, maker, Values(resolver, maker, "cloudformation"))


def holder(maker: Maker, consumer_id: str, framework: str, line: int) -> Consumer:
    """The deployment of a template, as what holds its parameters."""
    return Consumer(
        **maker.seen(consumer_id, line), kind=ConsumerKind.APPLICATION, name=maker.document.path.rsplit("/", 1)[-1],
        framework=framework, uri=maker.document.path, line=line, visibility=maker.document.visibility,
    )  # fmt: skip
