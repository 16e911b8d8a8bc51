"""An account from exported files (`snapshot:DIR`): no credentials, no network."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from nhiscan.collectors._common.errors import RefusedError
from nhiscan.collectors._common.values import listing, mapping, text
from nhiscan.collectors.aws import _account, _files
from nhiscan.collectors.aws._files import Document, Kind
from nhiscan.collectors.aws._records import Maker
from nhiscan.collectors.aws._source import Account, Keys
from nhiscan.plugin import GapReason, Record, Target, TargetError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from nhiscan.collectors._common.values import Json

_COMMANDS = {
    "iam:GetAccountAuthorizationDetails": "aws iam get-account-authorization-details",
    "iam:GetCredentialReport": "aws iam get-credential-report",
    "iam:ListAccessKeys": "aws iam list-access-keys --user-name USER, for each user",
    "iam:GetPolicyVersion": "aws iam get-policy-version --policy-arn ARN --version-id VERSION",
    "iam:ListOpenIDConnectProviders": "aws iam list-open-id-connect-providers",
    "iam:GetOpenIDConnectProvider": "aws iam get-open-id-connect-provider --open-id-connect-provider-arn ARN",
    "iam:ListSAMLProviders": "aws iam list-saml-providers",
    "iam:ListServiceSpecificCredentials": "aws iam list-service-specific-credentials --all-users",
    "iam:ListServerCertificates": "aws iam list-server-certificates",
    "iam:ListSigningCertificates": "aws iam list-signing-certificates --user-name USER, for each user",
    "iam:ListSSHPublicKeys": "aws iam list-ssh-public-keys --user-name USER, for each user",
}


@dataclass(frozen=True, slots=True)
class Export:
    """The documents of one account; `digest` identifies their content."""

    account: Account
    documents: tuple[Document, ...]

    @property
    def digest(self) -> str:
        """The first 12 hex digits of a SHA-256 over paths and contents."""
        parts = sorted({f"{d.path}\0{d.digest}" for d in self.documents})
        return sha256("\n".join(parts).encode()).hexdigest()[:12]


def exports(target: Target) -> list[Export]:
    """The accounts exported below a snapshot directory, by number; empty when it holds nothing of AWS.

    Raises TargetError when there are AWS answers and none says which account it is of.
    """
    found = list(_files.documents(Path(target.value)))
    known: dict[str, Account] = {d.account.number: d.account for d in found if d.account}
    if not known:
        known = {n: Account(n) for d in found if d.kind is Kind.KEYS and (n := _files.key_account(d))}
    if found and not known:
        first = next((d for d in found if d.kind is Kind.BROKEN), found[0])
        message = f"{first.path} {first.problem or 'does not say which account it is of'}"
        raise TargetError(message, "export it again: aws iam get-account-authorization-details > details.json")
    return [
        Export(account, tuple(d for d in found if _belongs(d, account, found, known)))
        for _, account in sorted(known.items())
    ]


def records(account: Account, target: Target) -> Iterator[Record]:
    """The records of one account of a snapshot.  Raises TargetError when its files have gone."""
    export = next((e for e in exports(target) if e.account.number == account.number), None)
    if export is None:
        message = f"it no longer holds an export of account {account.number}"
        raise TargetError(message, "put the files back and run again")
    yield from _account.records(account, SnapshotSource(export))
    for number, document in enumerate(d for d in export.documents if d.kind is Kind.BROKEN):
        yield Maker(account).gap(
            f"file/{number}/{document.path}",
            (*_account.IN_DETAILS, "credential"),
            GapReason.MALFORMED,
            f"{document.path} {document.problem}",
            "export it again as JSON with the AWS CLI",
        )


def _belongs(document: Document, account: Account, found: Sequence[Document], known: dict[str, Account]) -> bool:
    if document.account is not None or len(known) == 1:
        return document.account in {None, account}
    folder = PurePosixPath(document.path).parent
    beside = {d.account.number for d in found if d.account and PurePosixPath(d.path).parent == folder}
    if len(beside) == 1:
        return account.number in beside
    owner = _files.key_account(document) if document.kind is Kind.KEYS else None
    # What fits no account in particular is a doubt about each of them, except for keys that say otherwise.
    return owner == account.number if owner in known else document.kind is Kind.BROKEN


class SnapshotSource:
    """`Source` over the documents of one account."""

    def __init__(self, export: Export) -> None:
        self._account = export.account
        self._documents = export.documents

    def _of(self, kind: Kind, operation: str) -> list[Json]:
        found = [mapping(d.body) for d in self._documents if d.kind is kind]
        if not found:
            raise _absent(operation)
        return found

    def pages(self) -> Iterator[Json]:
        """All pages found; raises RefusedError after them when every one says that more follow."""
        operation = "iam:GetAccountAuthorizationDetails"
        pages = self._of(Kind.DETAILS, operation)
        yield from pages
        if all(page.get("IsTruncated") is True or page.get("NextToken") for page in pages):
            raise RefusedError(
                GapReason.SKIPPED,
                operation,
                "the last page of the export is not there",
                f"add it: {_COMMANDS[operation]}",
            )

    def report(self) -> str:
        """The report's text; of several the last by path."""
        operation = "iam:GetCredentialReport"
        found = [d.body for d in self._documents if d.kind is Kind.REPORT and isinstance(d.body, str)]
        if not found:
            raise _absent(operation)
        return found[-1]

    def generated(self) -> datetime | None:
        """Never known: the CSV file does not say."""
        return None

    def keys(self, users: Sequence[str]) -> Iterator[Keys]:
        """The keys of each user; refused for a user whose keys were not exported."""
        yield from self._of_users(Kind.KEYS, "iam:ListAccessKeys", "AccessKeyMetadata", users)

    def signing_certificates(self, users: Sequence[str]) -> Iterator[Keys]:
        """The same for signing certificates."""
        yield from self._of_users(Kind.SIGNING, "iam:ListSigningCertificates", "Certificates", users)

    def ssh_keys(self, users: Sequence[str]) -> Iterator[Keys]:
        """The same for SSH public keys."""
        yield from self._of_users(Kind.SSH, "iam:ListSSHPublicKeys", "SSHPublicKeys", users)

    def _of_users(self, kind: Kind, operation: str, key: str, users: Sequence[str]) -> Iterator[Keys]:
        by_user: dict[str, list[Json]] = {}
        for page in self._of(kind, operation) if users else ():
            for item in listing(page.get(key)):
                by_user.setdefault(text(mapping(item).get("UserName")) or "", []).append(mapping(item))
        for user in users:
            if user in by_user:
                yield Keys(user, by_user[user])
            else:
                yield Keys(user, (), _absent(operation))

    def service_credentials(self) -> Iterator[Json]:
        """The entries of all exported lists."""
        for page in self._of(Kind.SERVICE_CREDENTIALS, "iam:ListServiceSpecificCredentials"):
            yield from (mapping(entry) for entry in listing(page.get("ServiceSpecificCredentials")))

    def server_certificates(self) -> Iterator[Json]:
        """The entries of the exported list."""
        for page in self._of(Kind.SERVER_CERTIFICATES, "iam:ListServerCertificates"):
            yield from (mapping(entry) for entry in listing(page.get("ServerCertificateMetadataList")))

    def saml_tags(self, arn: str) -> object:  # noqa: ARG002 - the interface names it
        """None: the exported answer does not say whose tags it holds, and no rule asks who owns a SAML provider."""
        return None

    def policy(self, arn: str) -> object:  # noqa: ARG002 - the interface names it
        """Never there: exports hold policies in the pages."""
        operation = "iam:GetPolicyVersion"
        raise _absent(operation)

    def oidc_providers(self) -> Iterator[tuple[str, Json | RefusedError]]:
        """Listed providers with the details exported for them, and those of which there are only details."""
        details = {}
        for document in self._documents:
            if document.kind is Kind.OIDC:
                url = (text(mapping(document.body).get("Url")) or "").removeprefix("https://")
                details[self._account.arn(f"oidc-provider/{url}")] = mapping(document.body)
        try:
            lists = self._of(Kind.OIDC_LIST, "iam:ListOpenIDConnectProviders")
        except RefusedError:
            yield from details.items()
            raise
        arns = [text(mapping(e).get("Arn")) for page in lists for e in listing(page.get("OpenIDConnectProviderList"))]
        for arn in dict.fromkeys([*(a for a in arns if a), *details]):
            yield arn, details.get(arn, _absent("iam:GetOpenIDConnectProvider"))

    def saml_providers(self) -> Iterator[Json]:
        """The entries of the exported list."""
        for page in self._of(Kind.SAML_LIST, "iam:ListSAMLProviders"):
            yield from (mapping(entry) for entry in listing(page.get("SAMLProviderList")))


def _absent(operation: str) -> RefusedError:
    detail = f"the snapshot holds no answer of {operation}"
    return RefusedError(GapReason.SKIPPED, operation, detail, f"add the output of: {_COMMANDS[operation]}")
