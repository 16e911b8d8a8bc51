"""Which accounts a target means, and how each is entered: as the caller itself, or as a role that is assumed there."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from nhiscan.collectors._common.errors import RefusedError
from nhiscan.collectors._common.values import listing, mapping, text
from nhiscan.collectors.aws._operations import permission
from nhiscan.collectors.aws._session import Session
from nhiscan.collectors.aws._source import Account, account_of_arn
from nhiscan.plugin import GapReason, TargetError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from nhiscan.plugin import Context, Target

ORGANISATION = "org"
DEFAULT_ROLE = "nhiscan-audit"
CALLER = "sts:GetCallerIdentity"
ACCOUNTS = "organizations:ListAccounts"
_EXCLUDED = "!"
_AT_ONCE = 16
_HOMES = {
    "aws": "us-east-1", "aws-cn": "cn-north-1", "aws-us-gov": "us-gov-west-1", "aws-iso": "us-iso-east-1",
    "aws-iso-b": "us-isob-east-1", "aws-iso-e": "eu-isoe-west-1", "aws-iso-f": "us-isof-south-1",
    "aws-eusc": "eusc-de-east-1",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Entry:
    """One account and the way in: `caller` is who asks there; `role` is assumed, "" for the profile itself.

    `home` marks the caller's own account; `refused` says why there is no way in.
    """

    account: Account
    caller: str
    profile: str
    role: str = ""
    name: str = ""
    home: bool = False
    refused: RefusedError | None = None


def entries(target: Target, ctx: Context) -> tuple[Entry, ...]:
    """The accounts of a target, the caller's own first.  Raises TargetError when nobody answers or none is left."""
    organisation, profile = parse(target.value)
    session = Session(profile, {CALLER, ACCOUNTS}, ctx.calls)
    home = _home(session, profile, ctx)
    own = home.account.number
    chosen = {a for a in ctx.accounts if a.isdigit()}  # others are subscriptions and projects of other clouds
    excluded = {a.removeprefix(_EXCLUDED) for a in ctx.accounts} - chosen
    if organisation:
        names = _members(session)
        missing = chosen - names.keys()
        numbers = sorted((chosen or set(names)) - excluded)
    else:
        names, missing = {}, set()
        fixed = _fixed(ctx.role)
        numbers = sorted((chosen or {fixed or own}) - excluded)
    if not numbers:
        message = "no account is left to audit"
        raise TargetError(message, "name others with --accounts, or leave it out")
    if len(set(numbers) - {own}) > 1 and _fixed(ctx.role):
        message = "--role names a role of one account"
        raise TargetError(message, "give its name alone, or write {account} where its number stands")
    found = [_entry(home, n, names.get(n, ""), ctx, named=organisation or bool(chosen)) for n in numbers]
    counts: list[dict[str, int]] = [{} for _ in found]  # threads count apart
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        entered = list(pool.map(lambda e, n: _unlisted(e, missing) or _entered(e, ctx, n), found, counts))
    add(ctx.calls, counts)
    return tuple(sorted(entered, key=lambda e: (not e.home, e.account.number)))


def parse(value: str) -> tuple[bool, str]:
    """Whether a target means the organisation, and the profile it names: `org/audit` -> (True, "audit")."""
    first, _, rest = value.partition("/")
    return (True, rest) if first == ORGANISATION else (False, value)


def home_region(partition: str) -> str:
    """The region that global services of a partition are asked from."""
    return _HOMES.get(partition, _HOMES["aws"])


def _home(session: Session, profile: str, ctx: Context) -> Entry:
    try:
        answer = session.probe(CALLER)
    except RefusedError as e:
        raise e.as_target_error() from None
    caller = text(answer.get("Arn"))
    account = account_of_arn(caller)
    if caller is None or account is None:
        message = "the answer to sts:GetCallerIdentity names no account"
        raise TargetError(message, "check that AWS_ENDPOINT_URL and HTTPS_PROXY lead to AWS")
    if ctx.expect_account not in {None, account.number}:
        message = f"this is account {account.number}, not {ctx.expect_account} as expected"
        raise TargetError(message, "choose another profile (aws:PROFILE) or another --expect-account")
    return Entry(account, caller, profile, home=True)


def _members(session: Session) -> dict[str, str]:
    """The names of the organisation's active accounts by number."""
    found: dict[str, str] = {}
    try:
        for page in session.pages(ACCOUNTS):
            for entry in map(mapping, listing(page.get("Accounts"))):
                number = text(entry.get("Id"))
                # State has replaced Status; older endpoints give only the latter.
                if number and (entry.get("State") or entry.get("Status")) == "ACTIVE":
                    found[number] = text(entry.get("Name")) or ""
    except RefusedError as e:
        remedy = e.remedy
        if e.reason is GapReason.DENIED:
            remedy = (
                f"allow {permission(ACCOUNTS)} to the caller, in the management account or one that is delegated "
                "administrator of some service, or name the accounts: aws --accounts ID,ID"
            )
        elif e.code == "AWSOrganizationsNotInUseException":
            remedy = "this account is in no organisation: audit aws, or name the accounts: aws --accounts ID,ID"
        raise TargetError(e.detail, remedy) from None
    return found


def _fixed(role: str | None) -> str:
    """The account that a role given as a whole ARN is in, "" for a name or an ARN for any account."""
    return role.split(":")[4] if role and role.startswith("arn:") and "{account}" not in role else ""


def _entry(home: Entry, number: str, name: str, ctx: Context, *, named: bool) -> Entry:
    own = number == home.account.number
    # The caller's own account is read as the caller, unless a role is all that was asked for.
    if own and (named or ctx.role is None):
        return replace(home, name=name)
    partition = home.account.partition
    role = ctx.role or DEFAULT_ROLE
    if not role.startswith("arn:"):
        role = f"arn:{partition}:iam::{number}:role/{role.removeprefix('/')}"
    return replace(
        home, account=Account(number, partition), role=role.replace("{account}", number), name=name, home=own
    )


def add(calls: dict[str, int], counts: Iterable[Mapping[str, int]]) -> None:
    """Add what several threads counted."""
    for count in counts:
        for operation, number in count.items():
            calls[operation] = calls.get(operation, 0) + number


def _entered(entry: Entry, ctx: Context, calls: dict[str, int]) -> Entry:
    if not entry.role:
        return entry
    session = Session(entry.profile, (), calls, role=entry.role, external_id=ctx.external_id)
    try:
        return replace(entry, caller=session.sign_in() or entry.caller)
    except RefusedError as e:
        return replace(entry, refused=e)


def _unlisted(entry: Entry, missing: Collection[str]) -> Entry | None:
    if entry.account.number not in missing:
        return None
    detail = f"account {entry.account.number} is no active account of this organisation"
    return replace(entry, refused=RefusedError(GapReason.FAILED, ACCOUNTS, detail, "correct --accounts"))


def params_of(entry: Entry) -> Mapping[str, str]:
    """What a unit needs to come here again."""
    return {
        "account": entry.account.number, "partition": entry.account.partition, "caller": entry.caller,
        "profile": entry.profile, "role": entry.role, "name": entry.name,
    }  # fmt: skip
