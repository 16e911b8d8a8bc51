"""Credential files in XML: NuGet and Maven.  A document type is refused, so nothing expands or is fetched."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NoReturn

from nhiscan.collectors.repo._config.nodes import MalformedError
from nhiscan.collectors.repo._credential_files.entry import Entry, taken
from nhiscan.plugin import CredentialKind, Form

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_DEEPEST = 64
_MOST = 100_000


@dataclass(slots=True, repr=False)
class Element:
    """An element: its local name, attributes, text and line."""

    name: str
    line: int
    attributes: Mapping[str, str] = field(default_factory=dict)
    parts: list[str] = field(default_factory=list)
    children: list[Element] = field(default_factory=list)

    @property
    def text(self) -> str:
        """The text directly in it."""
        return "".join(self.parts)

    def all(self, name: str) -> Iterator[Element]:
        """Every element of this name below it, in order."""
        for child in self.children:
            if child.name == name:
                yield child
            yield from child.all(name)

    def child(self, name: str) -> Element | None:
        """The first child of this name."""
        return next((c for c in self.children if c.name == name), None)


class _Builder:
    """Handlers of the parser, which count and refuse."""

    def __init__(self, blank: int) -> None:
        from xml.parsers import expat

        self.root = Element("", 1)
        self._stack = [self.root]
        self._blank = blank
        self._count = 0
        self.parser = expat.ParserCreate("utf-8")
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self.start
        self.parser.EndElementHandler = self.end
        self.parser.CharacterDataHandler = self.data
        self.parser.StartDoctypeDeclHandler = self.refuse
        self.parser.EntityDeclHandler = self.refuse

    @property
    def line(self) -> int:
        return self.parser.CurrentLineNumber + self._blank

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._count += 1
        if len(self._stack) > _DEEPEST or self._count > _MOST:
            what = "nested too deeply, or too large"
            raise MalformedError(what, self.line)
        element = Element(name.rpartition(":")[2], self.line, attributes)
        self._stack[-1].children.append(element)
        self._stack.append(element)

    def end(self, _name: str) -> None:
        self._stack.pop()

    def data(self, text: str) -> None:
        self._stack[-1].parts.append(text)

    def refuse(self, *_: object) -> NoReturn:
        what = "a document type is declared, which is not read"
        raise MalformedError(what, self.line)


def parse(text: str) -> Element:
    """The document as a tree.  Raises MalformedError with the line where it stops making sense."""
    from xml.parsers import expat

    body = text.lstrip()
    builder = _Builder(text[: len(text) - len(body)].count("\n"))
    try:
        builder.parser.Parse(body.encode("utf-8", "replace"), True)  # noqa: FBT003 - the end of the text
    except expat.ExpatError as e:
        what = "not well-formed XML"
        raise MalformedError(what, e.lineno + text[: len(text) - len(body)].count("\n")) from None
    return builder.root


def read_nuget(text: str, _path: str) -> Iterator[Entry]:
    """Logins of package sources and API keys (NuGet documentation, "nuget.config reference")."""
    root = parse(text)
    for group in root.all("packageSourceCredentials"):
        for source in group.children:
            values = {a.attributes.get("key", ""): a for a in source.all("add")}
            user = values["Username"].attributes.get("value") if "Username" in values else None
            facts = {"registry": source.name.replace("_x0020_", " "), "user": user}
            if clear := values.get("ClearTextPassword"):
                yield _nuget(f"{source.name} ClearTextPassword", clear, facts)
            elif hidden := values.get("Password"):  # encrypted for one user of one machine
                yield Entry(source.name, hidden.line, form=Form.KEYRING, kind=CredentialKind.PASSWORD, facts=facts)
    for group in root.all("apikeys"):
        for key in group.all("add"):
            facts = {"registry": key.attributes.get("key")}
            yield Entry(f"apikeys {facts['registry']}", key.line, form=Form.KEYRING, kind=CredentialKind.API_KEY,
                        provider="nuget", facts=facts)  # fmt: skip


def _nuget(shown: str, element: Element, facts: dict[str, str | None]) -> Entry:
    value = element.attributes.get("value")
    found = taken("password", value, element.line, shown)
    return Entry(shown, element.line, found, None, CredentialKind.PASSWORD, None, facts)


def read_maven(text: str, _path: str) -> Iterator[Entry]:
    """Servers and proxies (Maven documentation, "Settings Reference", "Password Encryption")."""
    root = parse(text)
    for server in (*root.all("server"), *root.all("proxy")):
        user, named = server.child("username"), server.child("id")
        label = named.text.strip() if named else "server"
        facts = {"registry": label, "user": user.text.strip() if user else None}
        for name in ("password", "passphrase"):
            if (element := server.child(name)) is None:
                continue
            value, shown = element.text.strip(), f"{label} {name}"
            if value.startswith("{") and value.endswith("}"):
                yield Entry(shown, element.line, form=Form.VAULT, kind=CredentialKind.PASSWORD, facts=facts)
            else:
                found = taken(name, value.replace("${env.", "${"), element.line, shown)
                yield Entry(shown, element.line, found, None, CredentialKind.PASSWORD, None, facts)
