"""Signing in to Azure by whatever azure-identity knows, and the session of a unit."""

from __future__ import annotations

import os
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol

from nhiscan.collectors._common.errors import RefusedError, everywhere
from nhiscan.collectors._rest import wire
from nhiscan.collectors._rest.refusal import sign_in_code
from nhiscan.collectors._rest.session import Session
from nhiscan.collectors.azure._clouds import Cloud, cloud_of
from nhiscan.plugin import GapReason

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from nhiscan.collectors._rest.operation import Operation
    from nhiscan.plugin import Context

BUDGET_S = 900.0
"""Seconds that a unit of a subscription may take before it makes no further call."""
WIDE_BUDGET_S = 3600.0
"""The same for a unit of a tenant or of all subscriptions."""
# What decides who signs in; another value of any of them is another credential.
_DECIDES = (
    "AZURE_CLIENT_ID", "AZURE_TENANT_ID", "AZURE_CLIENT_SECRET", "AZURE_CLIENT_CERTIFICATE_PATH",
    "AZURE_FEDERATED_TOKEN_FILE", "AZURE_TOKEN_CREDENTIALS", "AZURE_CONFIG_DIR", "IDENTITY_ENDPOINT", "AZURE_USERNAME",
)  # fmt: skip
_REMEDIES = {
    "AADSTS7000215": "the client secret is wrong: give its value, not its id",
    "AADSTS7000222": "the client secret has expired: add a new one to the application",
    "AADSTS700016": "no such application in this tenant: check AZURE_CLIENT_ID and AZURE_TENANT_ID",
    "AADSTS90002": "no such tenant: check AZURE_TENANT_ID, and the cloud (--endpoint azure=CLOUD)",
    "AADSTS53003": "a Conditional Access policy forbids it: sign in from where it allows, or as a service principal",
    "AADSTS50076": "it wants a second factor: sign in anew (az login), or as a service principal",
}
"""By the codes of learn.microsoft.com/entra/identity-platform/reference-error-codes."""
_REMEDY = (
    "sign in (az login, azd auth login, Connect-AzAccount), or set AZURE_TENANT_ID, AZURE_CLIENT_ID and a secret, "
    "certificate or federated token of a service principal"
)


class _Maker(Protocol):
    """What every credential of azure-identity is."""

    def get_token(self, *scopes: str) -> Any:  # noqa: ANN401 - azure.core's named tuple
        """A token for these scopes, with `token` and `expires_on`."""
        ...


class Identity:
    """Tokens of one credential; see `_rest.session.Access`."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self._maker: _Maker | None = None

    def base(self, service: str) -> str:
        """The address of Resource Manager or Graph."""
        found = self.cloud.base(service)
        if found is None:
            detail = f"there is no Azure service {service}"
            raise RefusedError(GapReason.FAILED, None, detail, "report it as a bug of nhiscan")
        return found

    def headers(self, service: str, *, renew: bool) -> Mapping[str, str]:
        """The bearer token, which azure-identity keeps until shortly before it expires; `renew` forgets it first."""
        return {"Authorization": f"Bearer {self.token(service, renew=renew)}"}

    def token(self, service: str, *, renew: bool = False) -> str:
        """The token alone.  Raises RefusedError when nobody is signed in."""
        wire.quiet()
        try:
            if renew:
                self._maker = _made(self.cloud)
            maker = self._maker or _shared(self.cloud, tuple(map(os.environ.get, _DECIDES)), os.getpid())
            return str(maker.get_token(self.cloud.scope(service)).token)
        except Exception as e:  # noqa: BLE001 - its many libraries raise what they like; none may end the run
            raise _refused(e) from None


def session_of(params: Mapping[str, str], operations: Collection[Operation], ctx: Context) -> Session:
    """The session of a unit, which may make these calls and no others.  Raises TargetError for unusable endpoints."""
    budget_s = BUDGET_S if "subscription" in params else WIDE_BUDGET_S
    return Session(
        Identity(cloud_of(ctx.endpoints)), operations, ctx.calls, home=params, budget_s=budget_s, probe=ctx.probe
    )


@lru_cache(maxsize=8)
def _shared(cloud: Cloud, who: tuple[str | None, ...], process: int) -> _Maker:  # noqa: ARG001 - tell credentials apart
    """One credential for all units of a process, so that each need not sign in; never one of a parent process."""
    return _made(cloud)


def _made(cloud: Cloud) -> _Maker:
    """The credential the environment means, in the order of DefaultAzureCredential; it never opens a browser."""
    from azure.identity import ChainedTokenCredential, DefaultAzureCredential, WorkloadIdentityCredential

    more: dict[str, Any] = {
        "authority": cloud.authority, "disable_instance_discovery": cloud.private, "connection_timeout": 10,
        "read_timeout": 60, "logging_enable": False,
    }  # fmt: skip
    if (bundle := wire.bundle()) is not None:
        more["connection_verify"] = bundle
    usual = DefaultAzureCredential(exclude_interactive_browser_credential=True, **more)
    if not _is_workload():
        return usual
    # Within the default one it would sign in at the public authority, whatever the endpoint.
    return ChainedTokenCredential(WorkloadIdentityCredential(**more), usual)


def _is_workload() -> bool:
    named = all(map(os.environ.get, ("AZURE_FEDERATED_TOKEN_FILE", "AZURE_CLIENT_ID", "AZURE_TENANT_ID")))
    other = ("AZURE_CLIENT_SECRET", "AZURE_CLIENT_CERTIFICATE_PATH", "AZURE_TOKEN_CREDENTIALS")
    return named and not any(map(os.environ.get, other))


def _refused(error: Exception) -> RefusedError:
    """Why nobody could sign in; of the error only its type and its AADSTS number are repeated."""
    code = sign_in_code(str(error))
    detail = f"no usable Azure credentials ({code or type(error).__name__})"
    if isinstance(error, RefusedError):
        return everywhere(error)
    return everywhere(RefusedError(GapReason.FAILED, None, detail, _REMEDIES.get(code, _REMEDY), code=code))
