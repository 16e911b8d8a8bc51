"""What several formats need: an address as it is shown, a tool's class and what is known of it by its name."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._config import words
from nhiscan.collectors.repo._config.judge import Spot
from nhiscan.collectors.repo._config.launch import Launch
from nhiscan.collectors.repo._config.nodes import Node
from nhiscan.collectors.repo._config.servers import Reached, reached
from nhiscan.collectors.repo._config.tools import classify
from nhiscan.plugin import ToolClass

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nhiscan.plugin import Consumer, Tool, Transport

_DEEPEST = 12
_SQUEEZE = re.compile(r"[^a-z0-9]+")
_TAIL = re.compile(r"(?:tool|toolkit|toolset|toolspec|node|run|results|api|plugin)+$")


@dataclass(frozen=True, slots=True)
class Traits:
    """What a tool that is known by its name does; None where the name does not tell."""

    class_: ToolClass | None = None
    reads_untrusted: bool | None = None
    reads_private: bool | None = None
    sends: bool | None = None


_SEARCH = Traits(ToolClass.EXTERNAL, reads_untrusted=True, reads_private=False)
_FETCH = Traits(ToolClass.EXTERNAL, reads_untrusted=True, sends=True)
_CODE = Traits(ToolClass.EXEC)
_SHELL = Traits(ToolClass.EXEC, reads_private=True, sends=True)
_DOCUMENTS = Traits(ToolClass.READ, reads_private=True, sends=False)
_MAIL = Traits(ToolClass.EXTERNAL, reads_untrusted=True, reads_private=True, sends=True)
_CHAT = Traits(ToolClass.EXTERNAL, reads_private=True, sends=True)
_DATABASE = Traits(ToolClass.WRITE, reads_private=True)
_FILES = Traits(ToolClass.READ, reads_private=True)
# By the names the frameworks themselves give their tools (class and function names of their documentation, 2026-11).
_NAMES = (
    (
        _SEARCH,
        """
        websearch googlesearch tavilysearch tavily serper serperdev duckduckgosearch duckduckgo ddgs bravesearch exa
        exasearch bingsearch binggrounding bingcustomsearch googleserper serpapi googlesearchretrieval wikipediaquery
        wikipedia arxiv youtubevideosearch websitesearch searxng enterprisewebsearch websearchpreview
        """,
    ),
    (
        _FETCH,
        """
        webfetch fetch scrapewebsite visitwebpage firecrawlscrapewebsite firecrawl browser playwrightbrowser httprequest
        requests requestsget requestspost computer computeruse loadwebpage urlcontext browserbaseload spider
        seleniumscraping openapi restapi webscraper urlreader
        """,
    ),
    (
        _CODE,
        """
        codeinterpreter pythonrepl pythoninterpreter pythonastrepl builtincodeexecution code customfunction
        codeexecution localcommandlinecodeexecutor dockercommandlinecodeexecutor e2bdatainterpreter codeexecutor
        unsafelocalcodeexecutor vertexaicodeexecutor containercodeexecutor
        """,
    ),
    (_SHELL, "shell bash terminal localshell editor executecommand ssh applypatch"),
    (
        _DOCUMENTS,
        """
        filesearch azureaisearch vertexaisearch vertexairagretrieval retriever knowledgebase sharepointgrounding
        onedriveandsharepoint graphconnectors people meetings dataverse llamaindexquery queryengine pdfsearch
        """,
    ),
    (_MAIL, "gmail email outlook microsoftoutlook emailreadimap imap gmailsearch"),
    (_CHAT, "slack teamsmessages teams microsoftteams discord telegram"),
    (_DATABASE, "sqldatabase sql querysqldatabase nl2sql mysql postgres postgresql mongodb snowflake bigquery redis"),
    (_FILES, "fileread filesystem directoryread readfile listdirectory googledrive"),
)
_KNOWN = {name: traits for traits, names in _NAMES for name in names.split()}


def items(node: Node, *path: str) -> Sequence[Node]:
    """The items of the list below these keys; none where there is no list."""
    found = node.at(*path)
    return found.list if found else ()


def traits_of(name: str) -> Traits:
    """What the tool of that name does: by the frameworks' own tools first, else its class by the verbs in its name."""
    squeezed = _SQUEEZE.sub("", name.lower().removeprefix("hosted"))
    if known := _KNOWN.get(squeezed) or _KNOWN.get(_TAIL.sub("", squeezed)):
        return known
    return Traits(classify(f"mcp__any__{name}"))


def with_traits(tool: Tool, traits: Traits) -> Tool:
    """The tool with what is known of it."""
    return replace(
        tool,
        class_=tool.class_ or traits.class_,
        reads_untrusted=traits.reads_untrusted,
        reads_private=traits.reads_private,
        sends=traits.sends,
    )


def address(url: str | None) -> Reached:
    """How a URL is shown and reached; nothing of one that is missing."""
    if not url:
        return Reached()
    return reached(Node({"url": Node(url, 1, 1)}, 1, 1), Launch(), [])


def at_address(consumer: Consumer, url: str | None, transport: Transport | None = None) -> Consumer:
    """The consumer with the address it answers at."""
    place = address(url)
    shown = consumer.url if place.url is None else place.url
    return replace(consumer, url=shown, tls=place.tls, loopback=place.loopback, transport=transport or place.transport)


def beside(path: str, relative: str) -> str | None:
    """The path, relative to the checkout, of a file named relative to `path`; None when it would lie outside."""
    if relative.startswith(("/", "~")) or ":" in relative[:3]:
        return None
    joined = posixpath.normpath(posixpath.join(posixpath.dirname(path), relative.replace("\\", "/")))
    return None if joined.startswith("..") else joined


def credential_spots(node: Node, place: str = "key", depth: int = 0) -> Iterator[Spot]:
    """Every text below the node whose key promises a credential."""
    if depth > _DEEPEST:
        return
    for name, member in node.map.items():
        if member.text is not None and words.names_credential(name):
            yield Spot(place, name, member.text, member.line)
        else:
            yield from credential_spots(member, place, depth + 1)
    for item in node.list:
        yield from credential_spots(item, place, depth + 1)
