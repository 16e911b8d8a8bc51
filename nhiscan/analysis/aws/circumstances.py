"""The condition keys of one request that follow from who asks and from what lies where.

What is in a request by itself, and for whom: IAM User Guide, reference_policies_condition-keys (availability of each
key) and reference_policies_variables (principal key values).  A request is made now; that it comes directly, and not
through a service on somebody's behalf, is known where the whole context was given or it was said.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nhiscan.analysis.aws.askers import Asker, AskerKind
from nhiscan.analysis.aws.conditions import Fact, Facts
from nhiscan.analysis.aws.estate import facts_of, target_facts
from nhiscan.model import Identity

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from nhiscan.analysis.aws.organisation import Organisation
    from nhiscan.analysis.aws.standing import Standing

    Known = dict[str, tuple[str, ...] | Fact]

_TYPES = {
    AskerKind.USER: "User",
    AskerKind.ROLE: "AssumedRole",
    AskerKind.SESSION: "AssumedRole",
    AskerKind.FEDERATED_USER: "FederatedUser",
    AskerKind.ROOT: "Account",
    AskerKind.ANYONE: "Anonymous",
}
_OF_SERVICES = (
    "aws:sourceaccount", "aws:sourcearn", "aws:sourceorgid", "aws:sourceorgpaths", "aws:principalservicename",
    "aws:principalservicenameslist",
)  # fmt: skip
_ON_BEHALF = ("aws:calledvia", "aws:calledviafirst", "aws:calledvialast", "kms:viaservice")
_GLOBAL = frozenset({"iam", "organizations", "account", "sso-directory", "cloudfront", "route53"})


def circumstances(
    who: Asker,
    *,
    identity: Identity | None,
    action: str,
    standing: Standing,
    above: Organisation,
    given: Mapping[str, tuple[str, ...]],
    closed: bool,
    as_of: datetime,
) -> Facts:
    """All that is known of a request; what was given wins, and an empty tuple means that the key is absent."""
    known: Known = {
        "aws:currenttime": (as_of.isoformat(),),
        "aws:epochtime": (str(int(as_of.timestamp())),),
        **_of_asker(who, identity, above, as_of),
        **_of_resource(action, standing, above),
    }
    named = {key.lower(): values or Fact.ABSENT for key, values in given.items()}
    via = named.get("aws:viaawsservice", ("false",) if closed else Fact.UNKNOWN)
    known["aws:viaawsservice"] = via
    known.update(dict.fromkeys(_ON_BEHALF, Fact.ABSENT if via == ("false",) else Fact.UNKNOWN))
    return Facts(as_of, {**known, **named}, chooses=False, closed=closed)


def _of_asker(who: Asker, identity: Identity | None, above: Organisation, as_of: datetime) -> Known:
    if who.kind is AskerKind.SERVICE:
        return {
            "aws:principalisawsservice": ("true",),
            "aws:principalservicename": (who.name,),
            "aws:principalservicenameslist": (who.name,),
            **dict.fromkeys(("aws:principalarn", "aws:principalorgid", "aws:principalorgpaths"), Fact.ABSENT),
            **dict.fromkeys(("aws:username", "aws:principaltag/"), Fact.ABSENT),
        }
    known: Known = dict.fromkeys(_OF_SERVICES, Fact.ABSENT)
    known["aws:principalisawsservice"] = ("false",)
    if who.kind in _TYPES:
        known["aws:principaltype"] = (_TYPES[who.kind],)
    if who.account is None:
        return known | _of_stranger(who)
    if identity is not None and who.kind is not AskerKind.FEDERATED_USER:
        known.update(facts_of(identity, as_of, above).known)
    else:
        known.update(_of_account(who, above))
    known["kms:calleraccount"] = (who.account,)
    if who.session is not None:
        known["aws:principaltype"] = ("AssumedRole",)
    return known | ({"aws:userid": (who.user_id,)} if who.user_id else {})


def _of_stranger(who: Asker) -> Known:
    """Somebody without an account: nobody, or a person whom an identity provider vouches for."""
    absent = ("aws:principalarn", "aws:principalorgid", "aws:principalorgpaths", "aws:username", "aws:principaltag/")
    known: Known = dict.fromkeys(absent, Fact.ABSENT)
    if who.kind is AskerKind.ANYONE:
        known |= {"aws:principalaccount": ("anonymous",), "aws:userid": ("anonymous",)}
        known["aws:principalisawsservice"] = Fact.ABSENT
    return known


def _of_account(who: Asker, above: Organisation) -> Known:
    """A principal that no record describes, known by its ARN only."""
    account = who.account or ""
    session = who.kind in {AskerKind.ROLE, AskerKind.SESSION}
    known: Known = {
        "aws:principalarn": (who.identity if session and who.identity else who.arn,),
        "aws:principalaccount": (account,),
        "aws:username": (who.name,) if who.kind is AskerKind.USER else Fact.ABSENT,
    }
    if who.kind is AskerKind.ROOT:
        known["aws:principaltag/"] = Fact.ABSENT
    if org := above.org_id(account):
        known["aws:principalorgid"] = (org,)
        known["aws:principalorgpaths"] = (above.org_path(account) or "",)
    return known


def _of_resource(action: str, standing: Standing, above: Organisation) -> Known:
    service = action.partition(":")[0].lower()
    known: Known = {}
    region = standing.resource.split(":", 5)[3] if standing.resource.count(":") >= 5 else ""
    if service in _GLOBAL:
        known["aws:requestedregion"] = ("us-east-1",)
    elif region and "*" not in region:
        known["aws:requestedregion"] = (region,)
    if standing.account:
        known["aws:resourceaccount"] = (standing.account,)
        known[f"{service}:resourceaccount"] = (standing.account,)
        if org := above.org_id(standing.account):
            known["aws:resourceorgid"] = (org,)
            known["aws:resourceorgpaths"] = (above.org_path(standing.account) or "",)
    return known | _tags(service, standing)


def _tags(service: str, standing: Standing) -> Known:
    """The tags of the resource; where a record has some, it has no others."""
    thing = standing.thing
    if thing is None:
        return {}
    if isinstance(thing, Identity):
        return target_facts(thing)
    known: Known = {}
    for prefix in ("aws:resourcetag/", f"{service}:resourcetag/") if thing.tags else ():
        known[prefix] = Fact.ABSENT
        known.update({f"{prefix}{key.lower()}": (value,) for key, value in thing.tags.items()})
    return known
