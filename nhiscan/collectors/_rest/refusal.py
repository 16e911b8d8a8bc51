"""What a refused call means, from its status and the codes in it; the words of servers are never repeated.

Shapes of errors: Microsoft Graph `{"error": {"code", "message", "innerError"}}`, Resource Manager the same or without
`error` ("Common API details", `ErrorResponse`), Google `{"error": {"code", "status", "errors": [{"reason"}], "details":
[{"@type": …ErrorInfo, "reason"}]}}` (google.rpc.Status, AIP-193).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from nhiscan.collectors._common.errors import RefusedError, everywhere, fatal, malformed, missing
from nhiscan.collectors._common.values import mapping, objects
from nhiscan.plugin import GapReason

if TYPE_CHECKING:
    from nhiscan.collectors._rest.operation import Operation
    from nhiscan.collectors._rest.wire import Answer

_CODE = re.compile(r"[A-Za-z0-9_.-]{1,60}")
_SIGN_IN = re.compile(r"\bAADSTS\d{4,9}\b")
_INFO = "type.googleapis.com/google.rpc.ErrorInfo"
_AGAIN = frozenset({408, 429, 500, 502, 503, 504})
# Google's older APIs answer 403 to those who ask too often.
_TOO_OFTEN = frozenset({
    "rateLimitExceeded", "userRateLimitExceeded", "quotaExceeded", "RATE_LIMIT_EXCEEDED", "TooManyRequests",
    "RateLimiting",
})  # fmt: skip
# The service was never switched on, so nothing of it can exist (Service Usage, "error messages"; ARM, "Resolve errors
# for resource provider registration").
_NOT_ENABLED = frozenset({"SERVICE_DISABLED", "accessNotConfigured", "MissingSubscriptionRegistration"})
_NO_BILLING = frozenset({"BILLING_DISABLED", "billingNotEnabled", "UREQ_PROJECT_BILLING_NOT_FOUND"})
# Reports of Microsoft Entra that only come with a licence (Graph, "Authentication_…NonPremiumTenant…").
_NO_LICENCE = re.compile(
    r"Authentication_RequestFromNonPremiumTenantOrB2CTenant|\w*LicenseRequired\w*|AadPremiumLicense\w*"
)
_UNKNOWN = frozenset({
    "InvalidApiVersionParameter", "NoRegisteredProviderFound", "InvalidResourceType", "UnsupportedApiVersion",
    "Request_UnsupportedQuery", "InvalidApiVersion", "MissingApiVersionParameter", "METHOD_NOT_SUPPORTED",
})  # fmt: skip
_LATER = "run again later, or save the run (--save) and continue it"


def temporary(answer: Answer) -> bool:
    """Whether the same call may work in a while."""
    return answer.status in _AGAIN or (answer.status == 403 and code_of(answer) in _TOO_OFTEN)


def code_of(answer: Answer) -> str:
    """The provider's own code for what went wrong, the most precise one; "" when it gives none that is one."""
    first = answer.body[0] if isinstance(answer.body, list) and answer.body else answer.body
    error = mapping(mapping(first).get("error")) or mapping(first)
    info = [detail for detail in objects(error.get("details")) if detail.get("@type") == _INFO]
    reasons = [entry.get("reason") for entry in (*info, *objects(error.get("errors")))]
    for found in (*reasons, error.get("status"), error.get("code")):
        if isinstance(found, str) and _CODE.fullmatch(found):
            return found
    return ""


def sign_in_code(message: object) -> str:
    """The number of a failed sign-in (`AADSTS700016`) in a text, else ""."""
    match = _SIGN_IN.search(message) if isinstance(message, str) else None
    return match[0] if match else ""


def refusal(answer: Answer, operation: Operation, *, of_one: bool) -> RefusedError:
    """Why an answer that is no success is none; `of_one` says that the call was about one thing that was listed.

    What was listed and is gone is `missing`; a list that is not there was not read.
    """
    found = _refusal(answer, operation, code_of(answer), of_one=of_one)
    found.code, found.status = code_of(answer), answer.status
    return found


def _refusal(answer: Answer, operation: Operation, code: str, *, of_one: bool) -> RefusedError:
    name, status = operation.name, answer.status
    said = f"{f'{code}, ' if code else ''}HTTP {status}"
    if 300 <= status < 400:
        found = fatal(malformed(name, f"is a redirect (HTTP {status}), which is not followed"))
    elif status == 401:
        remedy = "sign in again, and check that the endpoints are those of the cloud the credentials are for"
        found = everywhere(RefusedError(GapReason.FAILED, name, f"the token was refused ({said})", remedy))
    elif status == 429 or (status == 403 and code in _TOO_OFTEN):
        detail = f"{name} was throttled after all retries ({said})"
        found = RefusedError(GapReason.THROTTLED, name, detail, _LATER)
    elif status in {404, 410} and of_one:
        found = missing(RefusedError(GapReason.FAILED, name, f"{name}: it is gone ({said})", "nothing to do"))
    elif status in {400, 403, 404, 409} and (known := _by_code(operation, code)):
        found = known
    elif status == 403:
        found = _denied(operation, code)
    elif status in {404, 405, 410, 501} or code in _UNKNOWN:
        remedy = "check the endpoint and the id; if both are right, audit an export of it (snapshot:DIR)"
        found = RefusedError(GapReason.UNSUPPORTED, name, f"{name} is not known there ({said})", remedy)
    else:
        remedy = f"run again; if it stays, call {operation.method} {operation.path} by hand"
        found = RefusedError(GapReason.FAILED, name, f"{name} failed ({said})", remedy)
    return found


def _by_code(operation: Operation, code: str) -> RefusedError | None:
    """What is no matter of permissions although its status may say so."""
    name = operation.name
    if code in _NOT_ENABLED:
        detail = f"the service of {name} is not enabled there ({code})"
        remedy = "nothing to do: nothing of it can exist there"
        return missing(RefusedError(GapReason.UNSUPPORTED, name, detail, remedy))
    if code in _NO_BILLING:
        remedy = "link a billing account, or leave the project out (--accounts '!ID')"
        return RefusedError(GapReason.FAILED, name, f"{name} wants billing, which is off there ({code})", remedy)
    if _NO_LICENCE.fullmatch(code):
        remedy = "none without a Microsoft Entra ID P1 or P2 licence"
        return RefusedError(GapReason.UNSUPPORTED, name, f"the tenant has no licence for {name} ({code})", remedy)
    return None


def _denied(operation: Operation, code: str) -> RefusedError:
    remedy = f"grant {', '.join(operation.permissions)}" if operation.permissions else "grant the caller to read it"
    detail = f"{operation.name} was denied" + (f" ({code})" if code else "")
    return RefusedError(GapReason.DENIED, operation.name, detail, remedy)
