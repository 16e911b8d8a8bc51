"""The SDK's clients: made once in a process and shared by its units, as making them is most of what a small unit costs.

A client is bound to a profile, a service and a region; on whose behalf it sends is decided by the session that is
calling at that moment in that thread, and without one it sends nothing.
"""

from __future__ import annotations

import os
import re
import threading
from collections import OrderedDict
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol

import nhiscan
from nhiscan.collectors.aws._guard import guard, quiet

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from botocore.credentials import Credentials
    from botocore.session import Session as Botocore

# What may happen to obtain credentials; it changes nothing.
SIGN_IN = frozenset({
    "sts:AssumeRole", "sts:AssumeRoleWithWebIdentity", "sso:GetRoleCredentials", "sso-oidc:CreateToken",
    "signin:CreateOAuth2Token",
})  # fmt: skip

_DEFAULT_REGION = "us-east-1"  # IAM is global; STS needs some region of the partition
_KEPT_CLIENTS = 64  # 0.3 MB each, 2 to 8 ms to make once their service's model is loaded
_CONNECTIONS = 32  # parts of a group that run at once, times the calls that each has under way
_SETTINGS = re.compile(r"AWS_.*|BOTO.*|HOME|USERPROFILE|.*_PROXY", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long an answer is waited for: tries in all, seconds until connected, seconds between two bytes."""

    attempts: int
    connect_s: float
    read_s: float


class Caller(Protocol):
    """Who is calling: what it may send, and what it is told was sent."""

    def permitted(self, operation: str) -> bool:
        """Whether an operation may leave this process."""
        ...

    def sent(self, operation: str) -> None:
        """Called for each request that goes out, retries included."""
        ...


_calling: ContextVar[tuple[Caller, Role | None] | None] = ContextVar("calling", default=None)


@contextmanager
def on_behalf_of(caller: Caller, role: Role | None) -> Iterator[None]:
    """Within the block, clients used by this thread send for this caller and sign as this role."""
    token = _calling.set((caller, role))
    try:
        yield
    finally:
        _calling.reset(token)


class Role:
    """A role's temporary credentials, fetched when first needed and again before they expire; safe between threads.

    `fetch` gives the answer of sts:AssumeRole; `arn` is who it turned out to be, "" before the first fetch.
    """

    def __init__(self, fetch: Callable[[], dict[str, Any]]) -> None:
        from botocore.credentials import DeferredRefreshableCredentials

        self._fetch = fetch
        self.arn = ""
        self.credentials: Credentials = DeferredRefreshableCredentials(self._refresh, "assume-role")

    def _refresh(self) -> dict[str, object]:
        answer = self._fetch()
        found = answer.get("Credentials") or {}
        self.arn = str((answer.get("AssumedRoleUser") or {}).get("Arn") or "")
        expires = found.get("Expiration")
        return {
            "access_key": found.get("AccessKeyId"), "secret_key": found.get("SecretAccessKey"),
            "token": found.get("SessionToken"),
            "expiry_time": expires.isoformat() if expires else "1970-01-01T00:00:00Z",
        }  # fmt: skip


class Clients:
    """The clients of one profile; use `clients()` to get the ones this process has already."""

    def __init__(self, profile: str) -> None:
        from botocore.session import Session as Botocore

        quiet()
        self._lock = threading.Lock()
        self._made: OrderedDict[tuple[str, str, Patience], object] = OrderedDict()
        self._names: dict[str, str] = {}
        self._roles: dict[tuple[str, str | None], Role] = {}
        self._base = Botocore(profile=profile or None)
        self._base.register_component("data_loader", _loader(self._base.get_config_variable("data_path")))
        # Signing in (a profile that assumes a role) uses clients of its own, which are guarded alike.
        guard(self._base.get_component("event_emitter"), self._permitted, self._sent)
        self._signing = _signing(self._base, profile)
        guard(self._signing.get_component("event_emitter"), self._permitted, self._sent)

    @property
    def home(self) -> str:
        """The region of the profile, us-east-1 where it names none."""
        return str(self._base.get_config_variable("region") or _DEFAULT_REGION)

    @property
    def elsewhere(self) -> bool:
        """Whether another endpoint than AWS's own is configured (a laboratory, a proxy that forwards)."""
        return bool(os.environ.get("AWS_ENDPOINT_URL") or self._base.get_scoped_config().get("endpoint_url"))

    def regions(self, service: str, partition: str = "aws") -> tuple[str, ...]:
        """The regions that the SDK knows a service in; empty when it does not say."""
        return tuple(self._base.get_available_regions(service, partition_name=partition))

    @property
    def proxied(self) -> bool:
        """Whether requests go through a proxy, which then resolves host names."""
        return any(os.environ.get(name) for name in ("HTTPS_PROXY", "https_proxy"))

    def offered(self, service: str, region: str) -> bool | None:
        """Whether the SDK's data name the service in a region; None when they do not know the service or the region."""
        from botocore.exceptions import UnknownRegionError

        try:
            partition = self._base.get_partition_for_region(region)
        except UnknownRegionError:
            return None
        known = self.regions(service, partition)
        return region in known if known and region in self.regions("ec2", partition) else None

    def client(self, service: str, region: str, patience: Patience) -> Any:  # noqa: ANN401 - botocore makes the class
        """The client of a service in a region, made on first use."""
        key = (service, region, patience)
        with self._lock:
            if key not in self._made:
                self._made[key] = self._new(service, region, patience)
            self._made.move_to_end(key)
            while len(self._made) > _KEPT_CLIENTS:
                self._made.popitem(last=False)
            return self._made[key]

    def role(self, arn: str, external_id: str | None, fetch: Callable[[], dict[str, Any]]) -> Role:
        """The credentials of a role, which units of one process share."""
        with self._lock:
            return self._roles.setdefault((arn, external_id), Role(fetch))

    def _new(self, service: str, region: str, patience: Patience) -> object:
        from botocore.config import Config

        config = Config(
            retries={"mode": "adaptive", "total_max_attempts": patience.attempts},
            connect_timeout=patience.connect_s,
            read_timeout=patience.read_s,
            max_pool_connections=_CONNECTIONS,
            account_id_endpoint_mode="disabled",
            inject_host_prefix=False if self.elsewhere else None,  # a laboratory has one name for all
            user_agent_extra=f"nhiscan/{nhiscan.__version__}",
        )
        client = self._signing.create_client(service, region_name=region or self.home, config=config)
        # Events name a service by its id (secrets-manager), everything else by its client (secretsmanager).
        self._names[client.meta.service_model.service_id.hyphenize()] = service
        return client

    def _permitted(self, event: str) -> bool:
        calling = _calling.get()
        return calling is not None and (event in SIGN_IN or calling[0].permitted(self._named(event)))

    def _named(self, event: str) -> str:
        service, _, name = event.partition(":")
        return f"{self._names.get(service, service)}:{name}"

    def _sent(self, event: str) -> None:
        calling = _calling.get()
        if calling is not None:
            calling[0].sent(self._named(event))


def clients(profile: str) -> Clients:
    """The clients of a profile that this process has, as long as its environment says the same."""
    return _clients(profile, tuple(sorted((k, v) for k, v in os.environ.items() if _SETTINGS.fullmatch(k))))


@lru_cache(maxsize=8)
def _clients(profile: str, _environment: tuple[tuple[str, str], ...]) -> Clients:
    return Clients(profile)


@lru_cache(maxsize=2)
def _loader(search: str | None) -> object:
    """One loader of service models for all profiles: it keeps what it parsed."""
    from botocore.loaders import create_loader

    return create_loader(search)


def _signing(base: Botocore, profile: str) -> Botocore:
    """A session whose clients sign as whoever is calling."""
    from botocore.credentials import Credentials
    from botocore.exceptions import NoCredentialsError
    from botocore.session import Session as Botocore

    class AsCaller(Credentials):  # type: ignore[misc]  # botocore is not typed
        def get_frozen_credentials(self) -> object:
            calling = _calling.get()
            role = calling[1] if calling else None
            found = role.credentials if role else base.get_credentials()
            if found is None:
                raise NoCredentialsError
            return found.get_frozen_credentials()

    class Resolver:
        def load_credentials(self) -> object:
            return AsCaller("by call", "by call")

    session = Botocore(profile=profile or None)
    session.register_component("data_loader", base.get_component("data_loader"))
    session.register_component("credential_provider", Resolver())
    # A bearer token in the environment (AWS_BEARER_TOKEN_BEDROCK) is a found credential, not the auditor's.
    session.get_auth_token = lambda **_: None
    return session
