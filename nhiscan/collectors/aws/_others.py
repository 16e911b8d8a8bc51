"""The lists of `_held`: which are asked for, of whom, and the gap that each leaves when it is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nhiscan.collectors._common.errors import RefusedError
from nhiscan.collectors.aws import _held, _keys
from nhiscan.plugin import GapReason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from nhiscan.collectors._common.values import Json
    from nhiscan.collectors.aws._held import Observer
    from nhiscan.collectors.aws._records import Maker
    from nhiscan.collectors.aws._report import Row
    from nhiscan.collectors.aws._source import Account, Keys, Source
    from nhiscan.plugin import Credential, Record

_HIDDEN = ("credential",)


def records(
    make: Maker, source: Source, rows: Mapping[str, Row], users: Mapping[str, str], seen: Observer
) -> Iterator[Record]:
    """Everything users hold besides access keys; `rows` are of the credential report, `users` ARNs by name."""
    codecommit: set[str] = seen.codecommit_users()
    try:
        for entry in source.service_credentials():
            found = _held.service_credential(make.account, users, entry)
            if found is not None:
                yield found
                codecommit |= (
                    {found.identity_id or ""} if found.facts.get("service", "").startswith("codecommit") else set()
                )
    except RefusedError as e:
        yield make.refused(e, _HIDDEN, subject_id=make.account.arn("service-specific-credential/*"))
    yield from _signing_certificates(make, source, rows, users)
    asked = [name for name, arn in users.items() if arn in codecommit]
    yield from _ssh_keys(make, source, users, asked)
    try:
        for entry in source.server_certificates():
            certificate = _held.server_certificate(make.account, entry)
            if certificate is not None:
                yield certificate
    except RefusedError as e:
        yield make.refused(e, _HIDDEN, subject_id=make.account.arn("server-certificate/*"))


def _signing_certificates(
    make: Maker, source: Source, rows: Mapping[str, Row], users: Mapping[str, str]
) -> Iterator[Record]:
    """Of users whose report says that one is active; of the others, and where it is refused, what the report says."""
    active = {arn for arn, row in rows.items() if any(slot.active for slot in row.certificates)}
    asked = [name for name, arn in users.items() if arn in active]
    listed: set[str] = set()
    try:
        for keys in source.signing_certificates(asked) if asked else ():
            arn = users[keys.user]
            if keys.refused is None:
                listed.add(arn)
            yield from _of(make, arn, keys, _held.signing_certificate, ("credential.expires_at",))
    except RefusedError as e:
        yield make.refused(e, ("credential.expires_at",), subject_id=make.account.arn("signing-certificate/*"))
    for arn, row in rows.items():
        if arn not in listed:
            yield from _keys.certificates(make.account, arn, row)


def _ssh_keys(make: Maker, source: Source, users: Mapping[str, str], asked: list[str]) -> Iterator[Record]:
    """Of users who may use CodeCommit, the one service that takes these keys."""
    pattern = make.account.arn("ssh-public-key/*")
    try:
        for keys in source.ssh_keys(asked) if asked else ():
            yield from _of(make, users[keys.user], keys, _held.ssh_key, _HIDDEN)
    except RefusedError as e:
        yield make.refused(e, _HIDDEN, subject_id=pattern)
    if asked and len(asked) < len(users):
        detail = f"SSH keys of {len(users) - len(asked)} users were not listed: no policy of theirs names CodeCommit"
        remedy = "aws iam list-ssh-public-keys --user-name USER"
        yield make.gap("ssh-keys", _HIDDEN, GapReason.SKIPPED, detail, remedy, subject_id=pattern)


def _of(
    make: Maker, arn: str, keys: Keys, read: Callable[[Account, str, Json], Credential | None], covers: tuple[str, ...]
) -> Iterator[Record]:
    yield from (record for entry in keys.found if (record := read(make.account, arn, entry)))
    if keys.refused is not None and not keys.refused.missing:
        yield make.refused(keys.refused, covers, subject_id=arn)
