"""Which identity of one cloud or cluster may become which of another."""

import itertools
import json

import pytest

from nhiscan.analysis.crossings import crossings
from nhiscan.analysis.federation import SOURCE, federated
from nhiscan.analysis.namesakes import namesakes
from nhiscan.model import (
    Certainty,
    Consumer,
    ConsumerKind,
    Identity,
    IdentityClass,
    IdentityKind,
    IdentityState,
    PrincipalKind,
    Trust,
    TrustKind,
    Use,
    UseHow,
)

TENANT, OBJECT, CLIENT = (
    "3f1c7a52-9d0e-4b6a-8c21-5e7d90ab1c34", "00000201-5a1e-4c3b-9d2f-000000000201", "11111111-2222-4333-8444-555555555555",
)  # fmt: skip
GOOGLE, UNIQUE = "gcp:sa/etl@acme-data.iam.gserviceaccount.com", "101010101010101010101"
ENTRA = f"entra:{TENANT}/{OBJECT}"
ROLE, USER = "arn:aws:iam::123456789012:role/ci/deploy", "arn:aws:iam::123456789012:user/ops"
POD = "repo:github.com/acme/deploy#k8s:shop/ServiceAccount/api"


def identity(id_, kind, provider, native=None, **more):
    return Identity(
        id=id_, scope_id="s", source="t", provider=provider, kind=kind, name=id_, native_id=native, **more
    )  # fmt: skip


PEOPLE = [
    identity(GOOGLE, IdentityKind.SERVICE_ACCOUNT, "gcp", UNIQUE),
    identity(ENTRA, IdentityKind.APP, "azure", CLIENT),
    identity(ROLE, IdentityKind.ROLE, "aws"),
    identity(USER, IdentityKind.USER, "aws"),
    identity(POD, IdentityKind.SERVICE_ACCOUNT, "kubernetes"),
]
NUMBERS = itertools.count()


def trust(target, principal, *subjects, kind=PrincipalKind.OIDC, source="t", **more):
    return Trust(
        id=f"trust:{next(NUMBERS)}", scope_id="s", source=source, principal=principal, principal_kind=kind,
        target_id=target, kind=TrustKind.FEDERATE, subjects=subjects, **more,
    )  # fmt: skip


def crossed(*trusts, people=PEOPLE):
    rows = list(crossings(people, trusts))
    assert [r.id for r in rows] == sorted({r.id for r in rows})
    assert all(
        (r.kind, r.principal_kind, r.source) == (TrustKind.FEDERATE, PrincipalKind.IDENTITY, SOURCE) for r in rows
    )
    return {(r.principal, r.target_id): r.certainty.value for r in rows}


SURE, MAYBE = "certain", "conditional"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        # AWS role that takes tokens of a Google service account by its unique id.
        (trust(ROLE, "accounts.google.com", UNIQUE), {(GOOGLE, ROLE): SURE}),
        (trust(ROLE, "accounts.google.com", audiences=(UNIQUE,)), {(GOOGLE, ROLE): SURE}),
        (trust(ROLE, "accounts.google.com", UNIQUE, audiences=("a-client-of-a-website",)), {}),
        (trust(ROLE, "accounts.google.com", "999"), {}),
        (trust(ROLE, "accounts.google.com", "1010*"), {(GOOGLE, ROLE): SURE}),
        (trust(ROLE, "accounts.google.com", UNIQUE, certainty=Certainty.CONDITIONAL), {(GOOGLE, ROLE): MAYBE}),
        # Federated credential of an application of Entra.
        (trust(ENTRA, "https://accounts.google.com", UNIQUE, audiences=("api://AzureADTokenExchange",)), {(GOOGLE, ENTRA): SURE}),
        # An account does not federate with itself.
        (trust(GOOGLE, "accounts.google.com", UNIQUE), {}),
        # Tokens of Entra: by object id, by client id, of another tenant, of nobody in particular.
        (trust(ROLE, f"sts.windows.net/{TENANT}/", OBJECT), {(ENTRA, ROLE): SURE}),
        (trust(GOOGLE, f"login.microsoftonline.com/{TENANT}/v2.0", OBJECT), {(ENTRA, GOOGLE): SURE}),
        (trust(GOOGLE, f"https://sts.windows.net/{TENANT}", claims=(f"appid={CLIENT}",)), {(ENTRA, GOOGLE): SURE}),
        (trust(GOOGLE, f"https://sts.windows.net/{TENANT}", claims=("appid=00000000-0000-0000-0000-000000000000",)), {}),
        (trust(GOOGLE, f"https://sts.windows.net/{TENANT}", claims=("roles=deployer",)), {(ENTRA, GOOGLE): MAYBE}),
        (trust(GOOGLE, f"https://sts.windows.net/{OBJECT}", OBJECT), {}),
        (
            trust(GOOGLE, f"https://sts.windows.net/{TENANT}", condition=f"assertion.appid == '{CLIENT}'"),
            {(ENTRA, GOOGLE): SURE},
        ),
        (trust(GOOGLE, f"https://sts.windows.net/{TENANT}", condition="assertion.appid == 'other'"), {}),
        (trust(GOOGLE, f"https://sts.windows.net/{TENANT}", condition="assertion.x > 1"), {(ENTRA, GOOGLE): MAYBE}),
        # Roles of an AWS account through a pool.
        (
            trust(GOOGLE, "123456789012", kind=PrincipalKind.ACCOUNT, account_id="123456789012"),
            {(ROLE, GOOGLE): SURE, (USER, GOOGLE): SURE},
        ),
        (
            trust(
                GOOGLE, "123456789012", kind=PrincipalKind.ACCOUNT,
                claims=("aws_role=arn:aws:sts::123456789012:assumed-role/deploy",),
            ),
            {(ROLE, GOOGLE): SURE},
        ),
        (trust(GOOGLE, "123456789012", kind=PrincipalKind.ACCOUNT, claims=("aws_role=deploy",)), {(ROLE, GOOGLE): SURE}),
        (trust(GOOGLE, "123456789012", kind=PrincipalKind.ACCOUNT, claims=("aws_role=other",)), {}),
        (
            trust(GOOGLE, "123456789012", "arn:aws:sts::123456789012:assumed-role/deploy/i-0abc", kind=PrincipalKind.ACCOUNT),
            {(ROLE, GOOGLE): MAYBE},
        ),
        (trust(GOOGLE, "999999999999", kind=PrincipalKind.ACCOUNT), {}),
        # The account's own issuer.
        (trust(ENTRA, f"https://{OBJECT}.tokens.sts.global.api.aws", ROLE), {(ROLE, ENTRA): SURE}),
        (trust(ENTRA, f"https://{OBJECT}.tokens.sts.global.api.aws"), {}),
        # Service accounts of clusters: files do not say of which.
        (trust(ENTRA, "https://westeurope.oic.prod-aks.azure.com/x/y/", "system:serviceaccount:shop:api"), {(POD, ENTRA): MAYBE}),
        (trust(ROLE, "oidc.eks.eu-west-1.amazonaws.com/id/A", "system:serviceaccount:shop:*"), {(POD, ROLE): MAYBE}),
        (trust(ROLE, "oidc.eks.eu-west-1.amazonaws.com/id/A", "system:serviceaccount:other:api"), {}),
        (trust(GOOGLE, "acme-shop.svc.id.goog", "system:serviceaccount:shop:api"), {(POD, GOOGLE): MAYBE}),
        (trust(ROLE, "oidc.eks.eu-west-1.amazonaws.com/id/A"), {}),
        # Pipelines are joined elsewhere, people not at all.
        (trust(ROLE, "token.actions.githubusercontent.com", "repo:acme/shop:ref:refs/heads/main"), {}),
        (trust(ROLE, "saml", kind=PrincipalKind.SAML), {}),
    ],
)  # fmt: skip
def test_a_trust_is_traced_to_who_may_use_it(given, expected):
    assert crossed(given) == expected


def test_an_account_of_a_cluster_that_names_the_identity_itself_is_sure():
    placeholder = "gcp:service_account/etl@acme-data.iam.gserviceaccount.com"
    people = [
        *PEOPLE,
        identity(placeholder, IdentityKind.SERVICE_ACCOUNT, "gcp", "etl@acme-data.iam.gserviceaccount.com"),
    ]
    annotated = trust(placeholder, POD, kind=PrincipalKind.IDENTITY)
    accepted = trust(GOOGLE, "acme-data.svc.id.goog", "system:serviceaccount:shop:api")
    assert crossed(annotated, accepted, people=people) == {(POD, GOOGLE): SURE}


def test_what_is_told_already_is_not_told_again_and_a_second_run_changes_nothing():
    given = trust(ROLE, "accounts.google.com", UNIQUE)
    assert crossed(given, trust(ROLE, GOOGLE, kind=PrincipalKind.IDENTITY)) == {}
    first = list(crossings(PEOPLE, [given]))
    assert list(crossings(PEOPLE, [given, *first])) == first
    assert list(crossings(PEOPLE[::-1], [given, *first])) == first


def test_of_two_trusts_the_surer_one_speaks():
    sure = trust(ROLE, "accounts.google.com", UNIQUE)
    weak = trust(ROLE, "accounts.google.com", UNIQUE, certainty=Certainty.CONDITIONAL)
    for given in ([sure, weak], [weak, sure]):
        (row,) = crossings(PEOPLE, given)
        assert (row.certainty, row.locator) == (Certainty.CERTAIN, sure.id)


def test_applications_of_microsoft_itself_are_left_out():
    microsoft = identity(ENTRA, IdentityKind.APP, "azure", CLIENT, class_=IdentityClass.PROVIDER_MANAGED)
    assert crossed(trust(ROLE, f"sts.windows.net/{TENANT}", OBJECT), people=[microsoft]) == {}


def test_names_in_files_lead_to_the_identity_that_is_meant():
    managed = identity(
        f"entra:{TENANT}/{CLIENT}",
        IdentityKind.MANAGED_IDENTITY,
        "azure",
        "/subscriptions/x/mi",
        tags={"client_id": "c-1"},
    )
    named = [
        identity("gcp:service_account/ETL@acme-data.iam.gserviceaccount.com", IdentityKind.SERVICE_ACCOUNT, "gcp", "ETL@acme-data.iam.gserviceaccount.com"),
        identity("azure:application/x", IdentityKind.APP, "azure", CLIENT.upper()),
        identity("azure:client/c-1", IdentityKind.WORKLOAD_IDENTITY, "azure", "c-1"),
        identity("azure:client/nobody", IdentityKind.WORKLOAD_IDENTITY, "azure", "nobody"),
        identity("tf#sa", IdentityKind.SERVICE_ACCOUNT, "gcp", "etl@acme-data.iam.gserviceaccount.com", state=IdentityState.DECLARED),
        identity("aws-thing", IdentityKind.ROLE, "aws", ROLE),
    ]  # fmt: skip
    assert namesakes([*PEOPLE, managed, *named]) == {
        "gcp:service_account/ETL@acme-data.iam.gserviceaccount.com": GOOGLE,
        "azure:application/x": ENTRA,
        "azure:client/c-1": managed.id,
        "tf#sa": GOOGLE,
    }


def test_a_client_id_of_two_directories_means_neither():
    twin = identity(f"entra:{OBJECT}/{OBJECT}", IdentityKind.APP, "azure", CLIENT)
    named = identity("azure:application/x", IdentityKind.APP, "azure", CLIENT)
    assert namesakes([*PEOPLE, twin, named]) == {}


def job(*subjects, issuer="token.actions.githubusercontent.com"):
    return Consumer(
        id="job", scope_id="s", source="t", kind=ConsumerKind.PIPELINE, name="ci", issuer=issuer, subjects=subjects
    )  # fmt: skip


def test_a_use_that_names_a_cloud_identity_is_told_of_the_identity_itself():
    named = identity(
        "gcp:service_account/x", IdentityKind.SERVICE_ACCOUNT, "gcp", "etl@acme-data.iam.gserviceaccount.com"
    )
    said = Use(
        id="u", scope_id="s", source="repo.workflows", consumer_id="job", identity_id=named.id, how=UseHow.FEDERATED
    )
    pool = trust(GOOGLE, "token.actions.githubusercontent.com", claims=("repository=acme/shop",))
    (use,) = federated([job("repo:acme/shop:ref:refs/heads/main")], [pool], [said], [*PEOPLE, named])
    assert (use.identity_id, use.how, use.source) == (GOOGLE, UseHow.FEDERATED, SOURCE)


@pytest.mark.parametrize(
    ("subject", "more", "how"),
    [
        ("repo:acme/shop:ref:refs/heads/main", {"claims": ("repository=acme/shop",)}, "exact"),
        ("repo:acme/shop:ref:refs/heads/main", {"claims": ("repository=acme/*",)}, "exact"),
        ("repo:acme/shop:ref:refs/heads/main", {"claims": ("repository=acme/api",)}, None),
        ("repo:acme/shop:ref:refs/heads/main", {"claims": ("repository=acme/api", "repository=acme/shop")}, "exact"),
        ("repo:acme@12/shop@34:ref:refs/heads/main", {"claims": ("repository=acme/shop", "repository_id=34")}, "exact"),
        ("repo:acme/shop:ref:refs/heads/*", {"claims": ("ref=refs/heads/main",)}, "possible"),
        ("repo:acme/shop:pull_request", {"claims": ("event_name=pull_request",)}, "exact"),
        ("repo:acme/shop:environment:prod", {"claims": ("environment=prod",)}, "exact"),
        ("repo:acme/shop:environment:prod", {"claims": ("environment=dev",)}, None),
        ("repo:acme/shop:ref:refs/heads/main", {"condition": "assertion.repository_owner == 'acme'"}, "exact"),
        ("repo:acme/shop:ref:refs/heads/main", {"condition": "assertion.repository_owner == 'other'"}, None),
        ("repo:acme/shop:ref:refs/heads/main", {"condition": "assertion.actor == 'me'"}, "possible"),
        ("repo:acme/shop:ref:refs/heads/main", {"condition": "attribute.repository == 'acme/api'"}, "possible"),
        (
            "repo:acme/shop:ref:refs/heads/main",
            {"condition": json.dumps({"expression": "attribute.r == 'acme/api'", "attributeMapping": {"attribute.r": "assertion.repository", "google.subject": "a.b + 1"}})},
            None,
        ),
        ("repo:acme/shop:ref:refs/heads/main", {"condition": '{"claimsMatchingExpression":"claims[\'sub\'] matches \'repo:acme/*\'"}'}, "exact"),
        ("repo:acme/shop:ref:refs/heads/main", {"condition": '{"claimsMatchingExpression":{"value":"claims[\'sub\'] eq \'repo:acme/x\' and claims[\'sub\'] matches \'*\'"}}'}, None),
        ("repo:acme/shop:ref:refs/heads/main", {"condition": '{"claimsMatchingExpression":"claims[\'job_workflow_ref\'] matches \'x\'"}'}, "possible"),
        ("repo:acme/shop:ref:refs/heads/main", {"condition": '{"claimsMatchingExpression":"something new"}'}, "possible"),
        ("repo:acme/shop:ref:refs/heads/main", {"condition": '{"StringEquals":{"x":"y"}}'}, "exact"),
        ("repo:acme/shop:ref:refs/heads/main", {"condition": "{broken"}, "possible"),
        ("nothing:known", {"claims": ("repository=acme/shop",)}, "possible"),
        ("repo:no-slash", {"claims": ("repository=acme/shop",)}, "possible"),
    ],
)  # fmt: skip
def test_a_job_meets_pools_and_federated_credentials_by_what_its_subject_tells(subject, more, how):
    found = federated([job(subject)], [trust(GOOGLE, "https://token.actions.githubusercontent.com/", **more)], [])
    assert [u.name for u in found] == ([how] if how else [])


@pytest.mark.parametrize(
    ("issuer", "subject", "claims"),
    [
        ("gitlab.com", "project_path:acme/web/shop:ref_type:branch:ref:main", ("project_path=acme/web/shop", "namespace_path=acme/web", "ref=main", "ref_type=branch")),
        ("app.terraform.io", "organization:acme:project:core:workspace:prod:run_phase:apply", ("terraform_workspace_name=prod", "terraform_organization_name=acme")),
        ("agent.buildkite.com", "organization:acme:pipeline:ship:ref:refs/heads/main:commit:*:step:deploy", ("pipeline_slug=ship", "step_key=deploy")),
        ("oidc.circleci.com/org/5e3c", "org/5e3c/project/77/user/*/vcs-origin/github.com/acme/shop/vcs-ref/refs/heads/main", ("oidc.circleci.com/project-id=77", "oidc.circleci.com/vcs-ref=refs/heads/main")),
        ("kubernetes.acme.example", "system:serviceaccount:shop:api", ("kubernetes.io.namespace=shop",)),
    ],
)  # fmt: skip
def test_other_issuers_tell_their_claims_too(issuer, subject, claims):
    ours = job(subject, issuer=issuer)
    assert [u.name for u in federated([ours], [trust(GOOGLE, issuer, claims=claims)], [])] == ["exact"]
    wrong = (f"{claims[0]}-not", *claims[1:])
    assert list(federated([ours], [trust(GOOGLE, issuer, claims=wrong)], [])) == []
