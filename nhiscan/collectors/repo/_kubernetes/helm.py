"""Values of a Helm chart: credentials written into them, and the service account that the chart makes by them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._config import words
from nhiscan.collectors.repo._config.judge import Spot
from nhiscan.collectors.repo._config.nodes import clean
from nhiscan.collectors.repo._config.records import Holder, holdings
from nhiscan.collectors.repo._kubernetes.accounts import account, federate
from nhiscan.collectors.repo._kubernetes.manifests import Thing, is_known, known
from nhiscan.plugin import Consumer, ConsumerKind, Form, UseHow

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.collectors.repo._config.nodes import Document, Node
    from nhiscan.collectors.repo._kubernetes.desk import Desk
    from nhiscan.plugin import Record

_DEEPEST = 20
_MOST = 5_000
# In a chart these say which Secret, or which of its keys, holds the value.
_POINTERS = frozenset({"existing", "ref", "name", "names", "class", "store"})
_OBJECT_NAME = re.compile(r"[a-z][a-z.-]*(?:-[a-z0-9]{1,4})?")
_KEY_OF = re.compile(r"(?:secret|password|token|user|username|api)s?_?-?key$|secrets?$", re.IGNORECASE)


def chart(desk: Desk, directory: str, documents: list[Document]) -> Iterator[Record]:
    """One consumer for a chart whose values hold something, with its uses; `documents` are its values files."""
    consumer_id = f"{desk.scope_id}#k8s:chart:{directory or '.'}"
    records: list[Record] = []
    for document in documents:
        found = [f for f in desk.judged(_spots("", document.root, 0)) if f.form in {Form.LITERAL, Form.VAULT}]
        records += holdings(found, Holder(consumer_id, "helm"), document, desk.book)
        records += _accounts(desk, consumer_id, directory, document)
    if not records:
        return
    first = documents[0]
    yield Consumer(
        id=consumer_id,
        scope_id=desk.scope_id,
        source=desk.source,
        locator=first.path,
        kind=ConsumerKind.APPLICATION,
        name=desk.book.scrub(directory.rpartition("/")[2] or "chart"),
        framework="helm",
        uri=first.path,
        visibility=first.visibility,
        platform="kubernetes",
    )
    yield from records


def _spots(name: str, node: Node, depth: int) -> Iterator[Spot]:
    if depth > _DEEPEST:
        return
    variable = node.text_at("name")
    if variable and node.text_at("value") is not None:
        # A list of variables, as the `env` of a container.
        value = node.at("value")
        if value is not None and value.text and _may_hold(variable, value.text):
            yield Spot("key", variable, value.text, value.line)
        return
    for key, member in list(node.map.items())[:_MOST]:
        if member.text is None:
            yield from _spots(key, member, depth + 1)
        elif is_known(member.text) and _may_hold(key, member.text):
            yield Spot("key", key, member.text, member.line)
    for item in node.list[:_MOST]:
        yield from _spots(name, item, depth + 1)


def _may_hold(key: str, text: str) -> bool:
    """Whether the value is not merely the name of a Secret or of a key in one."""
    if not _POINTERS.isdisjoint(words.words(key)):
        return False
    return not (_KEY_OF.search(key) and _OBJECT_NAME.fullmatch(text))


def _accounts(desk: Desk, consumer_id: str, directory: str, document: Document) -> Iterator[Record]:
    for node in _account_nodes(document.root, 0):
        name = known(node.text_at("name"))
        annotations = node.at("annotations")
        create = node.at("create")
        if not name and not (annotations and annotations.map):
            continue
        # Without a name the chart makes one of the release's.
        shown = name or f"{directory.rpartition('/')[2] or 'chart'}"
        thing = Thing("ServiceAccount", "", None, clean(shown), node, document, directory)
        made = [i for i, t in desk.cluster.of("ServiceAccount") if t.realm == directory and not is_known(t.name)]
        # The chart's own template makes it, under a name that only rendering tells.
        account_id = made[0] if len(made) == 1 else desk.cluster.refer("ServiceAccount", None, shown, directory)
        if create is None or create.value is not False:
            yield account(desk, account_id, thing, annotations)
            yield from federate(desk, account_id, thing, annotations)
            yield desk.use(consumer_id, thing, node.key_line, UseHow.RUNS_AS, identity_id=account_id)


def _account_nodes(node: Node, depth: int) -> Iterator[Node]:
    for key, member in list(node.map.items())[:_MOST]:
        if key == "serviceAccount" and member.map:
            yield member
        elif member.map and depth < 4:
            yield from _account_nodes(member, depth + 1)
