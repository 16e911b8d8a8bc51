"""The facts of an account from the live API, with as few calls as it takes."""

from __future__ import annotations

import itertools
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from nhiscan.collectors._common.errors import RefusedError
from nhiscan.collectors._common.values import listing, mapping, moment, text
from nhiscan.collectors.aws._source import Keys
from nhiscan.plugin import GapReason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from nhiscan.collectors._common.values import Json
    from nhiscan.collectors.aws._session import Session

_PAGE = 1000  # the most that GetAccountAuthorizationDetails takes (IAM API reference, MaxItems)
_WAITS_S = (1, 2, 3, 5, 8, 13, 13, 15)  # one minute in all; a report takes seconds, in large accounts a minute
_NOT_YET = frozenset({"ReportInProgress", "CredentialReportNotReadyException"})
_WORKERS = 8
_CHUNK = 64
_ENOUGH_REFUSED = 5


class LiveSource:
    """`Source` over a session; `wait` is what passes the seconds until a report is ready."""

    def __init__(self, session: Session, wait: Callable[[float], None] = time.sleep) -> None:
        self._session = session
        self._wait = wait
        self._generated: datetime | None = None

    def pages(self) -> Iterator[Json]:
        """Pages of up to 1,000 entries; raises RefusedError after the pages that could be read."""
        yield from self._paged("iam:GetAccountAuthorizationDetails", MaxItems=_PAGE)

    def report(self) -> str:
        """The report as text, generated when there is none of the last four hours.

        Without the right to generate one, a report that somebody else had made is still read.
        """
        refused: RefusedError | None = None
        try:
            self._session.call("iam:GenerateCredentialReport")
        except RefusedError as e:
            refused = e
        try:
            return self._ready_report()
        except RefusedError as e:
            if refused is None or e.reason is not GapReason.DENIED:
                raise refused or e from None
            if refused.reason is GapReason.DENIED:
                e.remedy = f"allow {refused.operation} and {e.operation}"
            raise

    def generated(self) -> datetime | None:
        """Up to four hours ago: AWS makes no new report before that."""
        return self._generated

    def _ready_report(self) -> str:
        operation = "iam:GetCredentialReport"
        for seconds in (*_WAITS_S, None):
            try:
                answer = self._session.call(operation)
            except RefusedError as e:
                if e.code not in _NOT_YET:
                    raise
                if seconds is not None:
                    self._wait(seconds)
            else:
                self._generated = moment(answer.get("GeneratedTime"))
                content = answer.get("Content")
                return content.decode("utf-8", "replace") if isinstance(content, bytes) else str(content)
        detail = "the credential report was not ready within a minute"
        raise RefusedError(GapReason.FAILED, operation, detail, "run again in a few minutes")

    def keys(self, users: Sequence[str]) -> Iterator[Keys]:
        """One call per user, several at a time.

        Gives up when a sample of the users is refused to the last, or when no further call can succeed.
        """
        yield from self._of_users("iam:ListAccessKeys", "AccessKeyMetadata", users)

    def signing_certificates(self, users: Sequence[str]) -> Iterator[Keys]:
        """The same for signing certificates."""
        yield from self._of_users("iam:ListSigningCertificates", "Certificates", users)

    def ssh_keys(self, users: Sequence[str]) -> Iterator[Keys]:
        """The same for SSH public keys."""
        yield from self._of_users("iam:ListSSHPublicKeys", "SSHPublicKeys", users)

    def _of_users(self, operation: str, key: str, users: Sequence[str]) -> Iterator[Keys]:
        # From all over the list: a policy may well spare one path, or one prefix of names.
        sample = users[:: -(-len(users) // _ENOUGH_REFUSED) or 1]
        asked = set(sample)
        rest = (user for user in users if user not in asked)

        def one(user: str) -> Keys:
            return self._of_user(operation, key, user)

        with ThreadPoolExecutor(_WORKERS) as pool:
            first = list(pool.map(one, sample))
            refused = [k.refused for k in first if k.refused and not k.refused.missing]
            if refused and len(refused) == len(first):
                raise refused[0]
            chunks = iter(lambda: list(itertools.islice(rest, _CHUNK)), [])
            answers = (pool.map(one, chunk) for chunk in chunks)
            for keys in itertools.chain(first, itertools.chain.from_iterable(answers)):
                if keys.refused and keys.refused.fatal:
                    raise keys.refused
                yield keys

    def _of_user(self, operation: str, key: str, user: str) -> Keys:
        found: list[Json] = []
        try:
            for page in self._paged(operation, UserName=user):
                found += [mapping(entry) for entry in listing(page.get(key))]
        except RefusedError as e:
            return Keys(user, found, e)
        return Keys(user, found)

    def service_credentials(self) -> Iterator[Json]:
        """One call for all users, and one for those of Bedrock.

        The API reference says both that no service name means all services and that `AllUsers` returns those of "the
        specified service"; the long-term keys of Bedrock are the ones not to miss.
        """
        for more in ({}, {"ServiceName": "bedrock.amazonaws.com"}):
            for page in self._paged("iam:ListServiceSpecificCredentials", AllUsers=True, MaxItems=_PAGE, **more):
                yield from (mapping(entry) for entry in listing(page.get("ServiceSpecificCredentials")))

    def server_certificates(self) -> Iterator[Json]:
        """One call per 1,000."""
        for page in self._paged("iam:ListServerCertificates", MaxItems=_PAGE):
            yield from (mapping(entry) for entry in listing(page.get("ServerCertificateMetadataList")))

    def policy(self, arn: str) -> object:
        """Two calls; only for policies whose document the pages did not hold."""
        policy = mapping(self._session.call("iam:GetPolicy", PolicyArn=arn).get("Policy"))
        version = text(policy.get("DefaultVersionId")) or "v1"
        answer = self._session.call("iam:GetPolicyVersion", PolicyArn=arn, VersionId=version)
        return mapping(answer.get("PolicyVersion")).get("Document")

    def oidc_providers(self) -> Iterator[tuple[str, Json | RefusedError]]:
        """One call for the list and one for each provider."""
        answer = self._session.call("iam:ListOpenIDConnectProviders")
        for entry in listing(answer.get("OpenIDConnectProviderList")):
            arn = text(mapping(entry).get("Arn"))
            if arn is not None:
                yield arn, self._oidc_provider(arn)

    def _oidc_provider(self, arn: str) -> Json | RefusedError:
        try:
            return self._session.call("iam:GetOpenIDConnectProvider", OpenIDConnectProviderArn=arn)
        except RefusedError as e:
            return e

    def saml_providers(self) -> Iterator[Json]:
        """One call."""
        answer = self._session.call("iam:ListSAMLProviders")
        yield from (mapping(entry) for entry in listing(answer.get("SAMLProviderList")))

    def saml_tags(self, arn: str) -> object:
        """One call."""
        return self._session.call("iam:ListSAMLProviderTags", SAMLProviderArn=arn).get("Tags")

    def _paged(self, operation: str, **params: object) -> Iterator[Json]:
        marker: str | None = None
        while True:
            page = self._session.call(operation, **params, **({"Marker": marker} if marker else {}))
            yield page
            following = page.get("Marker") if page.get("IsTruncated") else None
            # A server that answers with the marker it was given would be asked for ever.
            if not isinstance(following, str) or following == marker:
                return
            marker = following
