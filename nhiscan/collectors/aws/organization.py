"""AWS Organizations: the tree of accounts, and the policies that limit what anybody in them can do.

Only the management account, and accounts that are delegated administrator of some service, may ask for more than the
organisation's name; every other account costs two calls and leaves a gap of its own guardrails.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from nhiscan.collectors._common import tags as _tags
from nhiscan.collectors._common.errors import RefusedError
from nhiscan.collectors._common.values import mapping, text
from nhiscan.collectors.aws._documents import document
from nhiscan.collectors.aws._group import Group, Part
from nhiscan.plugin import Attachment, AttachmentKind, GapReason, Policy, PolicyKind, Scope, ScopeKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.collectors._common.values import Json
    from nhiscan.collectors.aws._ask import Ask
    from nhiscan.plugin import Gap, Record

_NO_ORGANISATION = "AWSOrganizationsNotInUseException"
_CONTROLS = {
    "SERVICE_CONTROL_POLICY": PolicyKind.SERVICE_CONTROL,
    "RESOURCE_CONTROL_POLICY": PolicyKind.RESOURCE_CONTROL,
}
_TREE = {
    "organizations:DescribeOrganization": "scope",
    "organizations:ListRoots": "scope, scope.parent_id",
    "organizations:ListOrganizationalUnitsForParent": "scope, scope.parent_id",
    "organizations:ListAccountsForParent": "scope, scope.parent_id",
    "organizations:ListTagsForResource": "scope.environment, owner",
    "organizations:ListDelegatedAdministrators": "scope.delegated",
    "organizations:ListDelegatedServicesForAccount": "scope.delegated",
}
_POLICIES = {
    "organizations:ListPolicies": "policy, attachment",
    "organizations:DescribePolicy": "policy.document",
    "organizations:ListTargetsForPolicy": "attachment",
    "organizations:DescribeResourcePolicy": "policy, attachment",
}
_UNITS_DEEP = 5  # quotas: organizational units nest five levels below a root


def _organisation(ask: Ask) -> Iterator[Record]:
    try:
        yield from _read(ask)
    except RefusedError as e:
        yield _narrow(ask, e, covers=_limits(ask))


def _read(ask: Ask) -> Iterator[Record]:
    """All in order, as each answer says whether the next can be asked for."""
    try:
        found = mapping(ask.call("organizations:DescribeOrganization").get("Organization"))
    except RefusedError as e:
        if e.code != _NO_ORGANISATION:
            yield _narrow(ask, e)
        return
    name = text(found.get("Id"))
    if name is None:
        yield ask.gap(
            "organization", _limits(ask), "the answer names no organisation", "run again", subject_id=ask.scope_id
        )
        return
    organisation = f"aws:{name}"
    management = text(found.get("MasterAccountId"))
    yield _scope(ask, organisation, ScopeKind.ORGANIZATION, name)
    try:
        roots = list(ask.items("organizations:ListRoots", "Roots"))
    except RefusedError as e:
        yield _account(ask, ask.account.number, None, ask.account.number, management)
        yield _narrow(ask, e, management)
        return
    yield from _tree(ask, organisation, roots, management)
    # With consolidated billing alone, policies exist nowhere in the organisation.
    if found.get("FeatureSet") != "CONSOLIDATED_BILLING":
        yield from _policies(ask, organisation)
        yield from _delegation(ask, organisation)


def _tree(ask: Ask, organisation: str, roots: list[Json], management: str | None) -> Iterator[Record]:
    level: list[str] = []
    for root in roots:
        number = text(root.get("Id"))
        if number:
            level.append(number)
            label = text(root.get("Name")) or number
            yield _scope(ask, f"aws:{number}", ScopeKind.ORGANIZATIONAL_UNIT, label, organisation)
    accounts: dict[str, tuple[str, str]] = {}  # number -> its name and the unit it lies in
    for _ in range(_UNITS_DEEP + 1):
        if not level:
            break
        yield from _accounts_below(ask, level, accounts)
        below: list[str] = []
        operation = "organizations:ListOrganizationalUnitsForParent"
        for request, units in ask.each_items(operation, "OrganizationalUnits", [{"ParentId": p} for p in level]):
            parent = str(request["ParentId"])
            if isinstance(units, RefusedError):
                yield ask.refused(units, subject_id=f"aws:{parent}")
                continue
            for unit in units:
                number = text(unit.get("Id"))
                if number:
                    below.append(number)
                    label = text(unit.get("Name")) or number
                    yield _scope(ask, f"aws:{number}", ScopeKind.ORGANIZATIONAL_UNIT, label, f"aws:{parent}")
        level = below
    yield from _described(ask, accounts, management)


def _accounts_below(ask: Ask, level: list[str], accounts: dict[str, tuple[str, str]]) -> Iterator[Record]:
    operation = "organizations:ListAccountsForParent"
    for request, found in ask.each_items(operation, "Accounts", [{"ParentId": p} for p in level]):
        parent = str(request["ParentId"])
        if isinstance(found, RefusedError):
            yield ask.refused(found, subject_id=f"aws:{parent}")
            continue
        for account in found:
            number = text(account.get("Id"))
            if number:
                accounts[number] = (text(account.get("Name")) or number, f"aws:{parent}")


def _described(ask: Ask, accounts: dict[str, tuple[str, str]], management: str | None) -> Iterator[Record]:
    """The accounts with what their tags say and what they administer for the organisation."""
    administered: dict[str, tuple[str, ...]] = {}
    try:
        admins = ask.items("organizations:ListDelegatedAdministrators", "DelegatedAdministrators")
        requests: list[Json] = [{"AccountId": number} for a in admins if (number := text(a.get("Id")))]
        operation = "organizations:ListDelegatedServicesForAccount"
        for request, services in ask.each_items(operation, "DelegatedServices", requests):
            number = str(request["AccountId"])
            if isinstance(services, RefusedError):
                yield ask.refused(services, subject_id=f"aws:{number}")
            else:
                names = (text(s.get("ServicePrincipal")) for s in services)
                administered[number] = tuple(sorted({name for name in names if name}))
    except RefusedError as e:
        yield ask.refused(e, covers=("scope.delegated",), subject_id=ask.scope_id)
    tags: dict[str, dict[str, str]] = {}
    requests = [{"ResourceId": number} for number in accounts]
    try:
        for request, found in ask.each_items("organizations:ListTagsForResource", "Tags", requests):
            if not isinstance(found, RefusedError):
                tags[str(request["ResourceId"])] = _tags.read(found)
    except RefusedError as e:
        yield ask.refused(e)
    for number, (name, parent) in sorted(accounts.items()):
        known = tags.get(number, {})
        account = _account(ask, number, parent, name, management)
        yield replace(account, environment=_tags.environment(known), delegated=administered.get(number, ()))
        scope = f"aws:{number}"
        yield from _tags.owners(known, subject_id=scope, scope_id=scope, source=ask.source)


def _policies(ask: Ask, organisation: str) -> Iterator[Record]:
    for filter_, kind in _CONTROLS.items():
        try:
            listed = list(ask.items("organizations:ListPolicies", "Policies", Filter=filter_))
        except RefusedError as e:
            if e.code != "PolicyTypeNotAvailableForOrganizationException":
                yield _narrow(ask, e, covers=("policy", "attachment"))
            continue
        known = {number: p for p in listed if (number := text(p.get("Id")))}
        arns = {number: text(p.get("Arn")) or f"{organisation}/policy/{number}" for number, p in known.items()}
        try:
            yield from _documents(ask, organisation, kind, known, arns)
            yield from _targets(ask, organisation, arns)
        except RefusedError as e:
            yield _narrow(ask, e, covers=("policy", "attachment"))


def _documents(
    ask: Ask, organisation: str, kind: PolicyKind, known: dict[str, Json], arns: dict[str, str]
) -> Iterator[Record]:
    requests = [{"PolicyId": number} for number in known]
    for request, answer in ask.each("organizations:DescribePolicy", requests):
        number = str(request["PolicyId"])
        content: object = None
        if isinstance(answer, RefusedError):
            if answer.missing:
                continue
            yield ask.refused(answer, subject_id=arns[number])
        else:
            content = mapping(answer.get("Policy")).get("Content")
        yield Policy(
            id=arns[number], scope_id=organisation, source=ask.source, locator=arns[number], provider="aws", kind=kind,
            name=text(known[number].get("Name")) or number, document=document(content),
        )  # fmt: skip


def _targets(ask: Ask, organisation: str, arns: dict[str, str]) -> Iterator[Record]:
    requests = [{"PolicyId": number} for number in arns]
    for request, targets in ask.each_items("organizations:ListTargetsForPolicy", "Targets", requests):
        arn = arns[str(request["PolicyId"])]
        if isinstance(targets, RefusedError):
            if not targets.missing:
                yield ask.refused(targets, subject_id=arn)
            continue
        for target in targets:
            number = text(target.get("TargetId"))
            if number:
                yield Attachment(
                    id=f"{arn}#control/{number}", scope_id=organisation, source=ask.source, locator=arn, policy_id=arn,
                    principal_id=f"aws:{number}", kind=AttachmentKind.CONTROL,
                )  # fmt: skip


def _delegation(ask: Ask, organisation: str) -> Iterator[Record]:
    """The policy by which the management account lets members manage parts of the organisation."""
    try:
        answer = ask.call("organizations:DescribeResourcePolicy")
    except RefusedError as e:
        if not e.missing:
            yield _narrow(ask, e, covers=("policy", "attachment"))
        return
    policy = mapping(answer.get("ResourcePolicy"))
    arn = text(mapping(policy.get("ResourcePolicySummary")).get("Arn"))
    if arn is None:
        return
    yield Policy(
        id=arn, scope_id=organisation, source=ask.source, locator=arn, provider="aws", kind=PolicyKind.RESOURCE,
        name="delegation policy", document=document(policy.get("Content")),
    )  # fmt: skip
    yield Attachment(
        id=f"{arn}#resource", scope_id=organisation, source=ask.source, locator=arn, policy_id=arn,
        principal_id=organisation, kind=AttachmentKind.RESOURCE,
    )  # fmt: skip


def _scope(ask: Ask, scope_id: str, kind: ScopeKind, name: str, parent: str | None = None) -> Scope:
    return Scope(
        id=scope_id, scope_id=scope_id, source=ask.source, locator=scope_id.removeprefix("aws:"), provider="aws",
        kind=kind, name=name, parent_id=parent,
    )  # fmt: skip


def _account(ask: Ask, number: str, parent: str | None, name: str, management: str | None) -> Scope:
    whole = _scope(ask, f"aws:{number}", ScopeKind.ACCOUNT, name, parent)
    return replace(whole, management=number == management if management else None)


def _limits(ask: Ask) -> tuple[str, ...]:
    return tuple(dict.fromkeys(word for words in ask.covers.values() for word in words))


def _narrow(ask: Ask, error: RefusedError, management: str | None = None, covers: tuple[str, ...] | None = None) -> Gap:
    """A gap of the account's guardrails.  They only take rights away, so no verdict on anything else hangs on them."""
    if error.reason is GapReason.DENIED and management and management != ask.account.number:
        error.remedy = f"audit the management account {management} as well (aws:org), or a delegated administrator"
    return ask.refused(error, covers=covers or ("policy", "scope"), subject_id=ask.scope_id)


COLLECTOR = Group(
    name="aws.organization",
    title="AWS Organizations: accounts, units, and the policies that limit them",
    regional=False,
    once=True,
    parts=(
        Part(
            name="organization",
            kind="organisation, unit, account, service and resource control policy",
            facts=("tree", "management", "delegated administrators", "policies and targets", "environment", "owner"),
            calls={**_TREE, **_POLICIES},
            read=_organisation,
        ),
    ),
)
