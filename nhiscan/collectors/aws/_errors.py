"""What goes wrong between us and AWS, said in one line each and without quoting foreign text.

Messages of botocore and of servers may quote addresses with passwords or request parameters, so only error codes and
host names are taken from them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from nhiscan.collectors._common.errors import RefusedError, everywhere, fatal, malformed, missing
from nhiscan.collectors._common.values import mapping, text
from nhiscan.collectors.aws._operations import permission
from nhiscan.plugin import GapReason

if TYPE_CHECKING:
    from collections.abc import Callable

_DENIED = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "NotAuthorized", "AuthorizationError")
_THROTTLED = (
    "Throttling", "ThrottlingException", "ThrottledException", "RequestThrottled", "RequestThrottledException",
    "TooManyRequestsException", "RequestLimitExceeded", "LimitExceededException", "SlowDown", "BandwidthLimitExceeded",
    "PriorRequestNotComplete",
)  # fmt: skip
_NO_SESSION = (
    "ExpiredToken", "ExpiredTokenException", "RequestExpired", "InvalidClientTokenId", "UnrecognizedClientException",
    "SignatureDoesNotMatch", "IncompleteSignature", "AuthFailure", "InvalidAccessKeyId", "InvalidToken",
    "MissingAuthenticationToken",
)  # fmt: skip
_NOT_SIGNED_UP = ("OptInRequired", "NotSignedUp", "SubscriptionRequiredException")
_UNSUPPORTED = ("InvalidAction", "UnknownOperationException", "NotImplemented", "501", "404")
_RENEW = "renew the credentials (aws sso login, aws sts get-caller-identity) and run again"
_CREDENTIAL_TYPES = frozenset({
    "NoCredentialsError", "PartialCredentialsError", "CredentialRetrievalError", "InvalidConfigError",
    "UnauthorizedSSOTokenError", "SSOTokenLoadError", "SSOError", "TokenRetrievalError", "NoAuthTokenError",
    "MetadataRetrievalError", "RefreshWithMFAUnsupportedError", "InfiniteLoopConfigError", "UnknownCredentialError",
    "LoginError", "LoginTokenLoadError", "LoginRefreshTokenExpired", "LoginInsufficientPermissions",
})  # fmt: skip
_MISSING = re.compile(r"NoSuch\w*|\w*(?:NotFound|DoesNotExist)(?:Exception|Fault)?")
_BY_ORGANISATION = "explicit deny in a service control policy"
_WHY_DENIED = re.compile(r"(explicit deny in an? [a-z -]{3,60}policy|no [a-z -]{3,60}policy allows)")


def explain(error: Exception, operation: str) -> RefusedError:
    """What a failed call means.  Never raises, never quotes the error's own text."""
    from botocore.exceptions import ClientError

    if isinstance(error, ClientError):
        return _from_answer(mapping(error.response), operation)
    name = type(error).__name__
    for matches, make in _KINDS:
        if matches(name):
            return make(error, operation)
    detail = f"{operation} failed in the AWS SDK ({name})"
    return RefusedError(GapReason.FAILED, operation, detail, "run again; if it stays, report it as a bug of nhiscan")


def _from_answer(response: object, operation: str) -> RefusedError:
    answer = mapping(mapping(response).get("Error"))
    code = re.sub(r"[^\w.:-]", "", text(answer.get("Code")) or "")[:60] or "no code"
    plain = code.rsplit(":", 1)[-1]
    status = mapping(mapping(response).get("ResponseMetadata")).get("HTTPStatusCode")
    if plain in _DENIED or (status == 403 and plain not in (*_NO_SESSION, *_THROTTLED, *_NOT_SIGNED_UP)):
        why = _WHY_DENIED.search(text(answer.get("Message")) or "")
        detail = f"{operation} was denied" + (f" ({why.group(1)})" if why else "")
        found = RefusedError(GapReason.DENIED, operation, detail, f"allow {permission(operation)}")
    elif plain in _THROTTLED:
        remedy = "run again later, or save the run (--save) and continue it"
        found = RefusedError(GapReason.THROTTLED, operation, f"{operation} was throttled after all retries", remedy)
    elif plain in _NO_SESSION:
        found = everywhere(RefusedError(GapReason.FAILED, operation, f"AWS refused the credentials ({code})", _RENEW))
    elif plain in _NOT_SIGNED_UP:
        found = absent(operation, f"the account has not signed up for the service of {operation} ({code})")
    elif plain in _UNSUPPORTED:
        remedy = "use an endpoint that implements it, or a snapshot: of the account"
        found = RefusedError(GapReason.UNSUPPORTED, operation, f"{operation} is not known there ({code})", remedy)
    else:
        detail = f"{operation} failed ({code}{f', HTTP {status}' if isinstance(status, int) else ''})"
        found = RefusedError(GapReason.FAILED, operation, detail, f"run again; if it stays, call {operation} by hand")
    found.missing |= found.reason is GapReason.FAILED and _MISSING.search(plain) is not None
    found.code = plain
    return found


def _credentials(error: Exception, operation: str) -> RefusedError:
    detail = f"no usable AWS credentials ({type(error).__name__})"
    remedy = "set AWS_PROFILE or name one as aws:PROFILE, and sign in (aws sso login) if it needs that"
    return everywhere(RefusedError(GapReason.FAILED, operation, detail, remedy))


def _profile(_error: Exception, operation: str) -> RefusedError:
    remedy = "name a profile that `aws configure list-profiles` prints, as aws:PROFILE"
    return everywhere(RefusedError(GapReason.FAILED, operation, "the AWS profile does not exist", remedy))


def _region(_error: Exception, operation: str) -> RefusedError:
    remedy = "set AWS_DEFAULT_REGION to a region name such as us-east-1"
    return everywhere(RefusedError(GapReason.FAILED, operation, "the configured AWS region is not valid", remedy))


def _config(_error: Exception, operation: str) -> RefusedError:
    remedy = "repair ~/.aws/config and ~/.aws/credentials (or the files AWS_CONFIG_FILE names)"
    return everywhere(RefusedError(GapReason.FAILED, operation, "the AWS configuration cannot be read", remedy))


def _connection(error: Exception, operation: str) -> RefusedError:
    host = host_of(getattr(error, "kwargs", {}).get("endpoint_url"))
    detail = f"cannot reach AWS{f' at {host}' if host else ''} ({type(error).__name__})"
    remedy = "check the network, AWS_ENDPOINT_URL, HTTPS_PROXY and AWS_CA_BUNDLE"
    found = fatal(RefusedError(GapReason.FAILED, operation, detail, remedy))
    found.unreachable = True
    return found


def _address(_error: Exception, operation: str) -> RefusedError:
    remedy = "check AWS_ENDPOINT_URL, AWS_DEFAULT_REGION and HTTPS_PROXY"
    return everywhere(RefusedError(GapReason.FAILED, operation, "the AWS address is not valid", remedy))


def _answer(_error: Exception, operation: str) -> RefusedError:
    return no_answer(operation)


def _service(_error: Exception, operation: str) -> RefusedError:
    return fatal(unknown(operation))


def no_answer(operation: str) -> RefusedError:
    """The refusal of an answer that is none."""
    return malformed(operation, "is not AWS's", "check that AWS_ENDPOINT_URL and HTTPS_PROXY lead to AWS")


def by_organisation(error: RefusedError) -> bool:
    """Whether a service control policy denies it in so many words, so that nobody in the account may do it."""
    return _BY_ORGANISATION in error.detail


def unknown(operation: str) -> RefusedError:
    """The refusal of an operation that the installed SDK does not have."""
    remedy = "install a newer one: pip install -U boto3"
    return RefusedError(GapReason.UNSUPPORTED, operation, f"the installed AWS SDK does not know {operation}", remedy)


def absent(operation: str, detail: str) -> RefusedError:
    """The refusal of a service that is not there at all: nothing of it can be missed, so it makes no gap."""
    remedy = "nothing to do: nothing of it can exist there"
    return missing(fatal(RefusedError(GapReason.UNSUPPORTED, operation, detail, remedy)))


def unresolved(error: Exception) -> bool:
    """Whether a connection failed because its host name has no address."""
    inner = getattr(error, "kwargs", {}).get("error")
    return type(error).__name__ == "EndpointConnectionError" and "NameResolution" in type(inner).__name__


def host_of(url: object) -> str | None:
    """Host and port of an address, else None."""
    # Host and port alone: a proxy or endpoint address may carry a password.
    try:
        parts = urlsplit(url) if isinstance(url, str) else None
        if parts is None or not parts.hostname:
            return None
        return parts.hostname + (f":{parts.port}" if parts.port else "")
    except ValueError:
        return None


_KINDS: tuple[tuple[Callable[[str], bool], Callable[[Exception, str], RefusedError]], ...] = (
    (_CREDENTIAL_TYPES.__contains__, _credentials),
    ({"ProfileNotFound"}.__contains__, _profile),
    ({"NoRegionError", "InvalidRegionError", "UnknownRegionError"}.__contains__, _region),
    ({"ConfigParseError", "ConfigNotFound", "InvalidSTSRegionalEndpointsConfigError"}.__contains__, _config),
    (
        frozenset({
            "EndpointConnectionError", "ConnectTimeoutError", "ReadTimeoutError", "ConnectionClosedError", "SSLError",
            "ProxyConnectionError", "HTTPClientError", "ConnectionError", "InvalidProxiesConfigError",
        }).__contains__,
        _connection,
    ),
    (frozenset({"ValueError", "UnknownEndpointError", "EndpointProviderError"}).__contains__, _address),
    ({"ResponseParserError"}.__contains__, _answer),
    ({"UnknownServiceError", "DataNotFoundError"}.__contains__, _service),
)  # fmt: skip
