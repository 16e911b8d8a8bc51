"""The records of one account from any source: what each part refuses becomes a gap, and the next part goes on."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from nhiscan.collectors._common import tags as _tags
from nhiscan.collectors._common.errors import RefusedError
from nhiscan.collectors._common.values import moment, text
from nhiscan.collectors.aws import _held, _keys, _others, _report
from nhiscan.collectors.aws._blind import with_consequences
from nhiscan.collectors.aws._details import Details
from nhiscan.collectors.aws._records import Maker
from nhiscan.plugin import Credential, CredentialKind, GapReason, IdentityKind, IdentityState

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from nhiscan.collectors._common.values import Json
    from nhiscan.collectors.aws._report import Row
    from nhiscan.collectors.aws._source import Account, Keys, Source
    from nhiscan.plugin import Record

IN_DETAILS = ("identity", "policy", "attachment", "member", "owner")
IN_REPORT = (
    "identity.interactive", "identity.last_used", "identity.last_used_at", "credential.last_used",
    "credential.last_used_at",
)  # fmt: skip
IN_KEYS = ("credential.key_id",)
IN_PROVIDERS = ("identity",)


def records(account: Account, source: Source) -> Iterator[Record]:
    """Everything of an account: the scope first, then identities and policies, keys, identity providers."""
    make = Maker(account)
    yield make.scope()
    yield from with_consequences(_read(make, source), make)


def _read(make: Maker, source: Source) -> Iterator[Record]:
    run = _Run(make, source)
    yield from run.read_report()
    yield from run.details()
    yield from run.only_reported()
    yield from run.told(run.keys())
    yield from run.held()
    yield from run.oidc()
    yield from run.saml()


@dataclass(slots=True)
class _Run:
    make: Maker
    source: Source
    rows: dict[str, Row] = field(default_factory=dict)  # by ARN
    users: dict[str, str] = field(default_factory=dict)  # name -> ARN
    reported: bool = False
    complete: bool = False
    generated: datetime | None = None
    seen: _held.Observer = field(default_factory=_held.Observer)

    def read_report(self) -> Iterator[Record]:
        try:
            content = self.source.report()
            self.reported = True
            self.generated = self.source.generated()
            for row in _report.parse(content):
                self.rows[row.arn] = row
        except RefusedError as e:
            yield self.make.refused(e, ("credential", *IN_REPORT))
        except _report.ReportError as e:
            remedy = "export it again: aws iam get-credential-report --query Content --output text | base64 -d"
            yield self.make.gap(
                "credential-report", ("credential", *IN_REPORT), GapReason.MALFORMED, f"credential report: {e}", remedy
            )

    def details(self) -> Iterator[Record]:
        """What the authorization details tell; every record is seen by the observer."""
        for record in self._details():
            self.seen.see(record)
            yield record
        for user in self.seen.quarantined:
            yield from self.seen.signals(self.make.account, self.make.identity(IdentityKind.USER, user, ""))

    def _details(self) -> Iterator[Record]:
        details = Details(self.make, self.rows)
        self.users = details.users
        try:
            for page in self.source.pages():
                yield from details.page(page)
            self.complete = True
        except RefusedError as e:
            yield self.make.refused(e, IN_DETAILS)
        yield from details.rest()
        if details.skipped:
            detail = f"{details.skipped} entries have no name or ARN"
            remedy = "export it again: aws iam get-account-authorization-details"
            yield self.make.gap("details", IN_DETAILS, GapReason.MALFORMED, detail, remedy)
        yield from self._missing_policies(details.missing())

    def _missing_policies(self, arns: list[str]) -> Iterator[Record]:
        refused: RefusedError | None = None
        for arn in arns:
            raw: object = None
            if self.complete and (refused is None or refused.missing):
                try:
                    raw = self.source.policy(arn)
                except RefusedError as e:
                    refused = e
            yield from self.make.managed(arn, arn.rsplit("/", 1)[-1], raw)
            if refused is not None and raw is None:
                yield self.make.refused(refused, ("policy.document",), subject_id=arn)

    def only_reported(self) -> Iterator[Record]:
        """Root, and users that only the report knows: all of them without the details, else those gone since."""
        known = set(self.users.values())
        for arn, row in self.rows.items():
            if arn in known:
                continue
            root = row.name == _report.ROOT
            last_used, last_used_at = row.last_use
            yield self.make.identity(
                IdentityKind.ROOT if root else IdentityKind.USER,
                arn,
                "root" if root else row.name,
                state=IdentityState.ENABLED if root or not self.complete else None,
                created_at=row.created,
                last_used=last_used,
                last_used_at=last_used_at,
                interactive=row.password,
            )
            if not root:
                self.users[row.name] = arn

    def keys(self) -> Iterator[Record]:
        account = self.make.account
        for arn, row in self.rows.items():
            if row.name == _report.ROOT:
                yield from self._root_keys(arn, row)
        asked = [name for name, arn in self.users.items() if self._may_have_live_keys(arn)]
        answered: set[str] = set()
        try:
            for keys in self.source.keys(asked):
                answered.add(keys.user)
                yield from self._keys_of(self.users[keys.user], keys)
        except RefusedError as e:
            yield self.make.refused(e, IN_KEYS if self.reported else ("credential",))
        for name, arn in self.users.items():
            row_of = self.rows.get(arn)
            if name not in answered and row_of is not None:
                yield from _keys.unlisted(account, arn, row_of)

    def _may_have_live_keys(self, arn: str) -> bool:
        # Of users whose keys are all inactive nobody asks for the ids: whichever id it is, nobody can use it.
        return arn not in self.rows or any(slot.active for slot in self.rows[arn].keys)

    def told(self, records: Iterable[Record]) -> Iterator[Record]:
        """Access keys with the age of what the report says of them, and with what AWS itself reports of their user."""
        for record in records:
            if not isinstance(record, Credential):
                yield record
                continue
            dated = {"reported_at": self.generated.isoformat()} if self.generated and record.last_used else {}
            yield replace(record, facts={**record.facts, **dated})
            if record.kind is CredentialKind.ACCESS_KEY:
                yield from self.seen.signals(self.make.account, record)

    def held(self) -> Iterator[Record]:
        """Credentials of users besides access keys, and certificates of the account."""
        yield from _others.records(self.make, self.source, self.rows, self.users, self.seen)

    def _root_keys(self, arn: str, row: Row) -> Iterator[Record]:
        yield from _keys.unlisted(self.make.account, arn, row)
        if row.keys:
            detail = "no API tells the ids of root's access keys"
            remedy = "delete root's access keys; the root user sees their ids under Security credentials"
            yield self.make.gap("root-keys", IN_KEYS, GapReason.UNSUPPORTED, detail, remedy, subject_id=arn)

    def _keys_of(self, arn: str, keys: Keys) -> Iterator[Record]:
        row = self.rows.get(arn)
        if keys.refused is None:
            yield from _keys.listed(self.make.account, arn, _keys.read(keys.found), row)
            return
        if keys.refused.missing:
            yield self.make.identity(IdentityKind.USER, arn, keys.user, state=IdentityState.DELETED)
        else:
            yield self.make.refused(keys.refused, IN_KEYS if row else ("credential",), subject_id=arn)
        if row is not None:
            yield from _keys.unlisted(self.make.account, arn, row, gone=keys.refused.missing)

    def oidc(self) -> Iterator[Record]:
        try:
            for arn, found in self.source.oidc_providers():
                yield from self._oidc_provider(arn, found)
        except RefusedError as e:
            yield self.make.refused(e, IN_PROVIDERS, subject_id=self.make.account.scope_id)

    def _oidc_provider(self, arn: str, found: Json | RefusedError) -> Iterator[Record]:
        name = arn.partition(":oidc-provider/")[2] or arn
        if isinstance(found, RefusedError):
            yield self.make.identity(IdentityKind.OIDC_PROVIDER, arn, name)
            yield self.make.refused(found, ("identity.created_at", "identity.tags", "owner"), subject_id=arn)
            return
        tags = _tags.read(found.get("Tags"))
        created = moment(found.get("CreateDate"))
        yield self.make.identity(IdentityKind.OIDC_PROVIDER, arn, name, created_at=created, tags=tags)
        yield from self.make.owners(arn, tags)

    def saml(self) -> Iterator[Record]:
        try:
            for entry in self.source.saml_providers():
                arn = text(entry.get("Arn"))
                if arn is not None:
                    yield from self._saml_provider(arn, entry)
        except RefusedError as e:
            yield self.make.refused(e, IN_PROVIDERS, subject_id=self.make.account.scope_id)

    def _saml_provider(self, arn: str, entry: Json) -> Iterator[Record]:
        name = arn.partition(":saml-provider/")[2] or arn
        tags: dict[str, str] = {}
        try:
            tags = _tags.read(self.source.saml_tags(arn))
        except RefusedError as e:
            yield self.make.refused(e, ("identity.tags", "owner"), subject_id=arn)
        created = moment(entry.get("CreateDate"))
        yield self.make.identity(IdentityKind.SAML_PROVIDER, arn, name, created_at=created, tags=tags)
        yield from self.make.owners(arn, tags)
