"""What goes wrong between us and a provider, said in one line each and without quoting foreign text.

Messages of servers may quote addresses, tokens or names, so only their codes are taken.
"""

from __future__ import annotations

from nhiscan.plugin import GapReason, TargetError


class UndeclaredCallError(RuntimeError):
    """Something tried to make a call that no collector declared; nothing was sent."""


class RefusedError(Exception):
    """A call that gave nothing: why, and what would change it.

    `fatal` says that further calls of the same service would fail alike, `everywhere` that those of all others would
    too; `missing` that the thing asked for does not exist, so that nothing was missed; `unreachable` that nobody
    answered; `code` is the provider's own and `status` that of HTTP (0 when there was no answer).
    """

    def __init__(
        self, reason: GapReason, operation: str | None, detail: str, remedy: str, *, code: str = "", status: int = 0
    ) -> None:
        super().__init__(detail)
        self.reason = reason
        self.operation = operation
        self.detail = detail
        self.remedy = remedy
        self.code = code
        self.status = status
        self.fatal = False
        self.everywhere = False
        self.missing = False
        self.unreachable = False

    def of(self, operation: str) -> RefusedError:
        """The same refusal of another operation, which need not be sent to know it."""
        again = RefusedError(self.reason, operation, self.detail, self.remedy, code=self.code, status=self.status)
        for name in ("fatal", "everywhere", "missing", "unreachable"):
            setattr(again, name, getattr(self, name))
        return again

    def as_target_error(self) -> TargetError:
        """The same for a target that cannot be read at all; whoever shows it names the target."""
        return TargetError(self.detail, self.remedy)


def fatal(error: RefusedError) -> RefusedError:
    """The same, for every further call of its service."""
    error.fatal = True
    return error


def everywhere(error: RefusedError) -> RefusedError:
    """The same, for every further call of the unit."""
    error.fatal = error.everywhere = True
    return error


def missing(error: RefusedError) -> RefusedError:
    """The same, of something that does not exist."""
    error.missing = True
    return error


def undeclared(operation: str) -> UndeclaredCallError:
    """The error for an operation that nobody declared."""
    return UndeclaredCallError(f"{operation} was not declared by the collector and was not sent")


def malformed(
    operation: str,
    why: str = "is no JSON object",
    remedy: str = "check that the endpoint and HTTPS_PROXY lead to the provider",
) -> RefusedError:
    """The refusal of an answer that is none."""
    return RefusedError(GapReason.MALFORMED, operation, f"the answer to {operation} {why}", remedy)
