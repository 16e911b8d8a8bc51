import pytest

from nhiscan.analysis.classify import Evidence, classify, strangers
from nhiscan.model import (
    Consumer,
    ConsumerKind,
    Credential,
    CredentialKind,
    CredentialState,
    Declared,
    Identity,
    IdentityClass,
    IdentityKind,
    PrincipalKind,
    Scope,
    ScopeKind,
    Trust,
    TrustKind,
    Use,
    UseHow,
)

BASE = {"scope_id": "s", "source": "t"}


def identity(name="x", kind=IdentityKind.USER, **more):
    return Identity(id=f"arn:{name}", **BASE, provider="aws", kind=kind, name=name, **more)


def key(name="x", state=CredentialState.ACTIVE):
    return Credential(id=f"key:{name}", **BASE, kind=CredentialKind.ACCESS_KEY, identity_id=f"arn:{name}", state=state)


def trust(kind, principal, name="x"):
    how = TrustKind.FEDERATE if kind in {PrincipalKind.OIDC, PrincipalKind.SAML} else TrustKind.ASSUME
    return Trust(
        id=f"{name}{principal}", **BASE, principal=principal, principal_kind=kind, target_id=f"arn:{name}", kind=how
    )


def consumer(kind):
    return Consumer(id="c", **BASE, kind=kind, name="c")


def use(credential=None, identity_id=None):
    return Use(id="u", **BASE, consumer_id="c", credential_id=credential, identity_id=identity_id, how=UseHow.ENV)


def class_of(ident, **tables):
    (found,) = classify([ident], Evidence(**tables))
    return found.class_


ROLE = IdentityKind.ROLE


@pytest.mark.parametrize(
    ("ident", "tables", "expected"),
    [
        (identity(interactive=True), {}, "human"),
        (identity(interactive=True), {"credentials": [key()]}, None),
        (identity(interactive=True), {"credentials": [key(state=CredentialState.INACTIVE)]}, "human"),
        (identity("ann@acme.example", interactive=True), {"credentials": [key("ann@acme.example")]}, "human"),
        (identity("ann@acme.example", interactive=False), {"credentials": [key("ann@acme.example")]}, "workload"),
        (identity(interactive=False), {"credentials": [key()]}, "workload"),
        (identity(interactive=None), {"credentials": [key()]}, None),
        (identity(interactive=False), {}, None),
        (identity(kind=ROLE), {}, None),
        (identity(kind=ROLE), {"trusts": [trust(PrincipalKind.SERVICE, "ec2.amazonaws.com")]}, "workload"),
        (identity(kind=ROLE), {"trusts": [trust(PrincipalKind.OIDC, "gitlab.com")]}, "workload"),
        (identity(kind=ROLE), {"trusts": [trust(PrincipalKind.SAML, "arn:p")]}, "human"),
        (identity(kind=ROLE), {"trusts": [trust(PrincipalKind.ACCOUNT, "1")]}, None),
        (identity(kind=ROLE), {"trusts": [trust(PrincipalKind.SERVICE, "bedrock-agentcore.amazonaws.com")]}, "agent"),
        (identity(kind=ROLE), {"trusts": [trust(PrincipalKind.SERVICE, "bedrock.amazonaws.com")]}, "agent"),
        (identity(kind=IdentityKind.GROUP), {}, None),
        (identity(kind=IdentityKind.APP), {}, "workload"),
        (identity(kind=IdentityKind.MANAGED_IDENTITY), {}, "workload"),
        (identity(kind=IdentityKind.SERVICE_ACCOUNT), {}, "workload"),
        (identity(kind=IdentityKind.AGENT_IDENTITY), {}, "agent"),
        (identity(kind=IdentityKind.AGENT_BLUEPRINT), {}, "agent"),
        (identity(kind=IdentityKind.IDENTITY_POOL), {}, None),
    ],
)
def test_signs_of_a_class(ident, tables, expected):
    assert class_of(ident, **tables) == expected


@pytest.mark.parametrize("kind", [ConsumerKind.AGENT, ConsumerKind.TOOL_SERVER])
def test_what_an_agent_uses_is_an_agent(kind):
    tables = {"consumers": [consumer(kind)], "credentials": [key()]}
    assert class_of(identity(interactive=False), uses=[use("key:x")], **tables) == "agent"
    assert class_of(identity(kind=ROLE), uses=[use(identity_id="arn:x")], **tables) == "agent"
    assert class_of(identity(interactive=False), uses=[use("other")], **tables) == "workload"


def test_what_a_pipeline_uses_is_no_agent():
    tables = {"consumers": [consumer(ConsumerKind.PIPELINE)], "credentials": [key()], "uses": [use("key:x")]}
    assert class_of(identity(interactive=False), **tables) == "workload"


def test_a_person_whose_key_an_agent_holds_stays_a_person():
    name = "ann@acme.example"
    tables = {"consumers": [consumer(ConsumerKind.AGENT)], "credentials": [key(name)], "uses": [use(f"key:{name}")]}
    assert class_of(identity(name, interactive=True), **tables) == "human"


@pytest.mark.parametrize("pattern", ["x", "arn:*", "arn:x"])
def test_a_declared_break_glass_identity_is_one_whatever_else_it_is(pattern):
    declared = [Declared(id="d", **BASE, kind="break_glass", value=pattern)]
    assert class_of(identity(interactive=True), declared=declared) == "break_glass"


def test_another_declaration_says_nothing():
    assert class_of(identity(), declared=[Declared(id="d", **BASE, kind="trusted_account", value="x")]) is None


def test_what_a_collector_knew_is_kept():
    managed = identity(kind=ROLE, class_=IdentityClass.PROVIDER_MANAGED)
    assert class_of(managed, trusts=[trust(PrincipalKind.SERVICE, "ec2.amazonaws.com")]) == "provider_managed"


def test_a_managed_identity_that_an_agent_runs_as_is_an_agent():
    tables = {"consumers": [consumer(ConsumerKind.AGENT)], "uses": [use(identity_id="arn:x")]}
    assert class_of(identity(kind=IdentityKind.MANAGED_IDENTITY), **tables) == "agent"


TENANT, OTHER = "11111111-2222-4333-8444-555555555555", "99999999-2222-4333-8444-555555555555"


def scope(scope_id, provider, kind=ScopeKind.ORGANIZATION):
    return Scope(id=scope_id, scope_id=scope_id, source="t", provider=provider, kind=kind, name=scope_id)


def outside(account, *, declared=(), named=(), kind=PrincipalKind.ACCOUNT, external=None):
    app = Identity(
        id="entra:a", scope_id=f"azure:tenant/{TENANT}", source="t", provider="azure", kind=IdentityKind.APP, name="a"
    )
    one = Trust(
        id="t", **BASE, principal=account, principal_kind=kind, target_id="entra:a", kind=TrustKind.IMPERSONATE,
        account_id=account, external=external,
    )  # fmt: skip
    scopes = [scope(f"azure:tenant/{TENANT}", "azure"), *named]
    known = [Declared(id="d", **BASE, kind="trusted_account", value=v) for v in declared]
    (found,) = strangers([one], scopes, [app], known)
    return found.external


def test_a_tenant_that_was_not_audited_is_a_stranger():
    assert outside(OTHER) is True
    assert outside(OTHER.upper()) is True
    assert outside(TENANT) is False
    assert outside(TENANT.upper()) is False


def test_a_tenant_that_an_inventory_merely_names_is_a_stranger_and_a_declared_one_is_none():
    assert outside(OTHER, named=[scope(f"azure:tenant/{OTHER}", "azure")]) is True
    assert outside(OTHER, declared=[OTHER.upper()]) is False


def test_an_account_of_aws_is_known_by_its_number():
    account = scope("aws:123456789012", "aws", ScopeKind.ACCOUNT)
    role = Identity(id="r", scope_id="aws:123456789012", source="t", provider="aws", kind=ROLE, name="r")
    one = Trust(
        id="t", **BASE, principal="123456789012", principal_kind=PrincipalKind.ACCOUNT, target_id="s",
        kind=TrustKind.FEDERATE, account_id="123456789012",
    )  # fmt: skip
    assert [t.external for t in strangers([one], [account], [role], [])] == [False]
    assert [t.external for t in strangers([one], [account], [], [])] == [True]


def test_what_is_decided_already_and_what_is_no_account_is_left_alone():
    assert outside(OTHER, external=False) is False
    assert outside(OTHER, kind=PrincipalKind.IDENTITY) is None
