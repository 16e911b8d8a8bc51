"""Credential files of a checkout: `.aws`, key files of clouds, kubeconfig, registries, `.env`, and those of tools.

A credential for each value, with what the format says of it as facts: `profile`, `role_arn`, `registry`, `host`,
`user`, `client_email`, `server`, `tls_verified`.  What is declared without a value (a helper, a keyring, a federation,
a role that is taken) is a credential whose fact `form` says so, and no exposure.  A profile of AWS has the id
`<scope>#aws_profile:<name>`, by which agents refer to it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nhiscan.collectors.repo._config.nodes import Document, MalformedError, Node
from nhiscan.collectors.repo._config.reading import Files
from nhiscan.collectors.repo._config.records import Book
from nhiscan.collectors.repo._credential_files import COVERS, SOURCE, entry, formats
from nhiscan.collectors.repo._file_class import file_class
from nhiscan.plugin import FileClass, Gap, Record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.collectors.repo._credential_files.entry import Entry
    from nhiscan.collectors.repo._credential_files.formats import Format
    from nhiscan.collectors.repo._tree import Checkout, SourceFile
    from nhiscan.plugin import Context

_MOST = 300  # credentials of one file; what is shown is compared with each of them
# Classes that say more of a file than that it holds credentials.
_KEPT = frozenset({FileClass.TEST, FileClass.DOCUMENTATION, FileClass.AGENT_CONFIG, FileClass.PIPELINE})


def records(checkout: Checkout, ctx: Context) -> Iterator[Record]:
    """Credentials and exposures; a file that looks like one of these and cannot be read is a gap."""
    files = Files(checkout, SOURCE, COVERS)
    for file in checkout.files():
        if possible := formats.candidates(file.path):
            yield from _file(files, file, possible, Book(checkout.scope.id, SOURCE, ctx.key))


def _file(files: Files, file: SourceFile, possible: tuple[Format, ...], book: Book) -> Iterator[Record]:
    text = files.text(file)
    if isinstance(text, Gap):
        yield text
    if not isinstance(text, str) or (form := formats.chosen(possible, text)) is None:
        return
    document = Document(file.path, Node(None, 1, 1), file.visibility, files.checkout.at_head(file.visibility))
    told = file_class(file.path)
    entries, broken = read(form, text, file.path)
    yield from entry.records(entries, document, book, told if told in _KEPT else FileClass.CREDENTIAL_FILE)
    if broken is not None:
        yield files.malformed(file.path, broken)


def read(form: Format, text: str, path: str) -> tuple[list[Entry], MalformedError | None]:
    """What the reader gives, and why it gave no more."""
    found: list[Entry] = []
    try:
        for one in form.read(text, path):
            if len(found) == _MOST:
                what = f"more than {_MOST} credentials; the rest was not read"
                return found, MalformedError(what, one.line)
            found.append(one)
    except MalformedError as e:
        return found, e
    return found, None
