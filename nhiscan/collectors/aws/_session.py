"""One AWS session that can only make declared, read-only calls, counts them, and never logs what it sends."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Any, Protocol, cast

import nhiscan
from nhiscan.collectors.aws._errors import RefusedError, explain

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from nhiscan.collectors.aws._values import Json

# What a profile may do to obtain its credentials; the SDK makes these calls by itself and they change nothing.
SIGN_IN = frozenset({
    "sts:AssumeRole", "sts:AssumeRoleWithWebIdentity", "sso:GetRoleCredentials", "sso-oidc:CreateToken",
    "signin:CreateOAuth2Token",
})  # fmt: skip

_DEFAULT_REGION = "us-east-1"  # IAM is global; STS needs some region of the partition
_ATTEMPTS = 8
_PROBE_ATTEMPTS = 3  # a wrong endpoint should be told in seconds, not after eight back-offs
_CONNECT_S = 10
_READ_S = 60
_LOGGERS = ("boto3", "botocore", "urllib3", "s3transfer")


class _Emitter(Protocol):
    def register(self, event_name: str, handler: Callable[..., object]) -> None: ...


class UndeclaredCallError(RuntimeError):
    """Something tried to make a call that no collector declared; nothing was sent."""


class Session:
    """Clients of one account, made on first use and safe to use from several threads.

    `allowed` are the only operations that leave this process (`iam:ListAccessKeys`), besides signing in; `calls`
    counts what was really sent by operation, retries included.
    """

    def __init__(self, profile: str, allowed: Collection[str], calls: dict[str, int] | None = None) -> None:
        self.calls: dict[str, int] = {} if calls is None else calls
        self._profile = profile
        self._allowed = frozenset(allowed)
        self._lock = threading.Lock()
        self._counting = threading.Lock()
        self._boto: object = None
        self._clients: dict[tuple[str, int], object] = {}
        self._broken: RefusedError | None = None

    def call(self, operation: str, /, **params: object) -> Json:
        """The answer of an operation, as boto3 decodes it.  Raises RefusedError; after a fatal one always the same."""
        return self._invoke(operation, _ATTEMPTS, params)

    def probe(self, operation: str, /) -> Json:
        """The same for the call that tells whether AWS can be reached at all: it gives up sooner."""
        return self._invoke(operation, _PROBE_ATTEMPTS, {})

    def _invoke(self, operation: str, attempts: int, params: Mapping[str, object]) -> Json:
        from botocore.exceptions import BotoCoreError, ClientError
        from botocore.parsers import ResponseParserError

        if operation not in self._allowed:
            raise _undeclared(operation)
        if self._broken is not None:
            raise self._again(self._broken, operation)
        service, name = operation.split(":")
        try:
            client = self._client(service, attempts)
            return cast("Json", getattr(client, _method(name))(**params))
        except (BotoCoreError, ClientError, ResponseParserError, ValueError, OSError) as e:
            refused = explain(e, operation)
        if refused.fatal:
            self._broken = refused
        raise refused

    @staticmethod
    def _again(broken: RefusedError, operation: str) -> RefusedError:
        again = RefusedError(broken.reason, operation, broken.detail, broken.remedy)
        again.fatal = True
        return again

    def _client(self, service: str, attempts: int) -> object:
        with self._lock:
            if (service, attempts) not in self._clients:
                self._clients[service, attempts] = self._new_client(service, attempts)
            return self._clients[service, attempts]

    def _new_client(self, service: str, attempts: int) -> object:
        import boto3
        from botocore.config import Config

        quiet()
        if self._boto is None:
            self._boto = boto3.Session(profile_name=self._profile or None)
            guard(cast("_Emitter", cast("Any", self._boto).events), self._allowed | SIGN_IN, self._sent)
        session = cast("boto3.Session", self._boto)
        config = Config(
            retries={"mode": "adaptive", "total_max_attempts": attempts},
            connect_timeout=_CONNECT_S,
            read_timeout=_READ_S,
            user_agent_extra=f"nhiscan/{nhiscan.__version__}",
        )
        make = cast("Callable[..., object]", session.client)
        return make(service, region_name=session.region_name or _DEFAULT_REGION, config=config)

    def _sent(self, operation: str) -> None:
        with self._counting:
            self.calls[operation] = self.calls.get(operation, 0) + 1


def guard(events: _Emitter, allowed: Collection[str], sent: Callable[[str], None]) -> None:
    """Refuse every operation that is not allowed before it is signed, and report each request that goes out.

    The emitter is copied into every client made from the session, those that sign in included.
    """

    def refuse(event_name: str, **_: object) -> None:
        operation = _operation(event_name)
        if operation not in allowed:
            raise _undeclared(operation)

    def count(event_name: str, **_: object) -> None:
        sent(_operation(event_name))

    events.register("before-call", refuse)
    events.register("before-send", count)


def quiet() -> None:
    """Keep the SDK's own logs off at every verbosity: at DEBUG they print requests with their signatures."""
    for name in _LOGGERS:
        logger = logging.getLogger(name)
        logger.setLevel(max(logger.level, logging.WARNING))
        logger.propagate = False
        if not logger.handlers:
            logger.addHandler(logging.NullHandler())


def _operation(event_name: str) -> str:
    _, service, name = event_name.split(".", 2)
    return f"{service}:{name}"


def _undeclared(operation: str) -> UndeclaredCallError:
    return UndeclaredCallError(f"{operation} was not declared by the collector and was not sent")


def _method(operation: str) -> str:
    from botocore import xform_name

    return str(xform_name(operation))
