"""Signing in to Google Cloud by Application Default Credentials, and the session of a unit."""

from __future__ import annotations

import os
import re
import warnings
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from nhiscan.collect.endpoints import base_of
from nhiscan.collectors._common.errors import RefusedError, everywhere
from nhiscan.collectors._rest import wire
from nhiscan.collectors._rest.session import Session
from nhiscan.plugin import GapReason, TargetError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from nhiscan.collectors._rest.operation import Operation
    from nhiscan.plugin import Context

BUDGET_S = 900.0
"""Seconds that a unit of a project may take before it makes no further call."""
WIDE_BUDGET_S = 3600.0
"""The same for a unit of an organisation, a folder or all that a target names."""
# The IAM, Cloud Asset, Secret Manager and Policy Analyzer APIs take no narrower one (their discovery documents list
# `cloud-platform` alone for every read); what keeps the caller from writing is its role, and that only reads are sent.
SCOPE = "https://www.googleapis.com/auth/cloud-platform"
_ALL, _ONE = "gcp", "gcp-"
_OVERRIDE = "CLOUDSDK_API_ENDPOINT_OVERRIDES_"
_UNIVERSE = "googleapis.com"
_DECIDES = (
    "GOOGLE_APPLICATION_CREDENTIALS", "CLOUDSDK_CONFIG", "HOME", "GOOGLE_CLOUD_QUOTA_PROJECT", "GCE_METADATA_HOST",
    "GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES",
)  # fmt: skip
_REMEDY = (
    "sign in (gcloud auth application-default login), or set GOOGLE_APPLICATION_CREDENTIALS to the file of a service "
    "account or of a workload identity federation"
)


class Identity:
    """Tokens of one credential; see `_rest.session.Access`.

    `endpoints` are those of the run: `gcp-<service>` is the address of one service, `gcp` that of all of them, with
    `/<service>` appended; else CLOUDSDK_API_ENDPOINT_OVERRIDES_<SERVICE>, as gcloud takes it, else the public one.
    """

    def __init__(self, endpoints: Mapping[str, str]) -> None:
        self._given = checked(endpoints)
        self._maker: Any = None

    def base(self, service: str) -> str:
        """The address of a service (`iam`, `cloudasset`)."""
        found = self._given.get(f"{_ONE}{service}")
        if found is None and _ALL in self._given:
            found = f"{self._given[_ALL]}/{service}"
        return found or f"https://{service}.{self._universe()}"

    def headers(self, service: str, *, renew: bool) -> Mapping[str, str]:  # noqa: ARG002 - one token for all services
        """The bearer token, and the project whose quota is used where the credential names one."""
        wire.quiet()
        try:
            maker = self._credential()
            if renew or not maker.valid:
                maker.refresh(_transport())
        except Exception as e:  # noqa: BLE001 - its many libraries raise what they like; none may end the run
            raise _refused(e) from None
        found = {"Authorization": f"Bearer {maker.token}"}
        quota = getattr(maker, "quota_project_id", None)
        return {**found, "x-goog-user-project": str(quota)} if quota else found

    def google(self) -> Any:  # noqa: ANN401 - google-auth makes the class
        """The credential itself, for a client of Google's own.  Raises RefusedError when nobody is signed in."""
        try:
            return self._credential()
        except Exception as e:  # noqa: BLE001 - as above
            raise _refused(e) from None

    def caller(self) -> str:
        """Who is signed in, "" where the credential does not say (a person's does not)."""
        found = getattr(self._maker, "service_account_email", None)
        return found if isinstance(found, str) and "@" in found else ""

    def _credential(self) -> Any:  # noqa: ANN401 - google-auth makes the class
        if self._maker is None:
            self._maker = _shared(tuple(map(os.environ.get, _DECIDES)), os.getpid())
        return self._maker

    def _universe(self) -> str:
        found = os.environ.get("GOOGLE_CLOUD_UNIVERSE_DOMAIN") or getattr(self._maker, "_universe_domain", None)
        return found if isinstance(found, str) and re.fullmatch(r"[a-z0-9.-]{3,80}", found) else _UNIVERSE


def session_of(params: Mapping[str, str], operations: Collection[Operation], ctx: Context) -> Session:
    """The session of a unit, which may make these calls and no others.  Raises TargetError for unusable endpoints."""
    budget_s = BUDGET_S if "project" in params else WIDE_BUDGET_S
    return Session(Identity(ctx.endpoints), operations, ctx.calls, home=params, budget_s=budget_s, probe=ctx.probe)


def checked(endpoints: Mapping[str, str]) -> dict[str, str]:
    """The addresses of services by endpoint name.  Raises TargetError for one that cannot be used."""
    overrides = {
        f"{_ONE}{name.removeprefix(_OVERRIDE).lower()}": value
        for name, value in os.environ.items()
        if name.startswith(_OVERRIDE) and value
    }
    found = {}
    for name, address in {**overrides, **endpoints}.items():
        if name == _ALL or name.startswith(_ONE):
            base = base_of(address)
            if base is None:
                message = f"the address of {name} cannot be used"
                raise TargetError(message, "write https://HOST; plain http is taken for this machine alone")
            found[name] = base
    return found


@lru_cache(maxsize=8)
def _shared(who: tuple[str | None, ...], process: int) -> Any:  # noqa: ANN401, ARG001 - google-auth makes the class; tell credentials apart
    """One credential for all units of a process; never one of a parent process."""
    import google.auth

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that a person signed in, which is no matter for standard error
        return google.auth.default(scopes=[SCOPE], request=_transport())[0]


def _transport() -> Any:  # noqa: ANN401 - google-auth has no types
    import google.auth.transport.requests
    import requests

    session = requests.Session()
    if (bundle := wire.bundle()) is not None:
        session.verify = bundle
    return google.auth.transport.requests.Request(session)


def _refused(error: Exception) -> RefusedError:
    """Why nobody could sign in; of the error only its type is repeated."""
    detail = f"no usable Google Cloud credentials ({type(error).__name__})"
    return everywhere(RefusedError(GapReason.FAILED, None, detail, _REMEDY))
