from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from nhiscan.analysis.clusters import join
from nhiscan.model import (
    Confidence,
    Credential,
    CredentialKind,
    CredentialState,
    Exposure,
    ExposurePart,
    Form,
    Owner,
    OwnerBasis,
    OwnerKind,
    Use,
    UseHow,
)

REPO = "repo:host/acme/app"
KEY = "AKIA" + "EXAMPLE000000001"
PUBLIC = f"aws:access_key/{KEY}"
ISSUED = datetime(2025, 1, 1, tzinfo=UTC)


def cred(ident, **more):
    return Credential(id=ident, scope_id=more.pop("scope_id", REPO), source=more.pop("source", "repo.secrets"), **more)


def seen(credential, uri, line=1, **more):
    ident = more.pop("id", f"{credential}@{uri}:{line}:{more.get('detector', '')}:{more.get('part', '')}")
    return Exposure(
        id=ident, scope_id=REPO, source="repo.secrets", credential_id=credential, uri=uri, line=line, **more
    )


def used(credential, uri, consumer="c", **more):
    ident = f"{consumer}>{credential}@{uri}"
    return Use(
        id=ident,
        scope_id=REPO,
        source="repo.agents",
        consumer_id=consumer,
        credential_id=credential,
        how=UseHow.ENV,
        uri=uri,
        **more,
    )


def owner(subject, name="ann", basis=OwnerBasis.BLAME):
    return Owner(
        id=f"{subject}:{name}",
        scope_id=REPO,
        source="t",
        subject_id=subject,
        name=name,
        kind=OwnerKind.PERSON,
        basis=basis,
        confidence=Confidence.LOW,
    )


def issuer(**more):
    facts = {
        "identity_id": "arn:u",
        "state": CredentialState.ACTIVE,
        "issued_at": ISSUED,
        "kind": CredentialKind.ACCESS_KEY,
    } | more
    return cred(PUBLIC, source="aws.iam", scope_id="aws:1", provider="aws", key_id=KEY, **facts)


def test_a_key_in_the_repository_meets_the_live_key_of_the_account():
    found = cred(f"{REPO}#.env:AWS_KEY:1", provider="aws", key_id=KEY, fingerprint="f1", format="aws-key")
    result = join([found, issuer()], [seen(found.id, ".env")], [used(found.id, ".mcp.json")], [owner(found.id)])
    (one,) = result.credentials
    assert (one.id, one.state, one.identity_id, one.issued_at) == (PUBLIC, "active", "arn:u", ISSUED)
    assert (one.fingerprint, one.format, one.source, one.scope_id) == ("f1", "aws-key", "aws.iam", "aws:1")
    assert {x.credential_id for x in (*result.exposures, *result.uses)} == {PUBLIC}
    assert [o.subject_id for o in result.owners] == [PUBLIC]
    assert [(c.credential_id, c.member_id, c.basis) for c in result.clusters] == [(PUBLIC, found.id, "key_id")]


def test_a_secret_alone_joins_the_pair_that_has_the_same_value():
    alone = cred(f"{REPO}#a.env:SECRET:1", fingerprint="f1")
    pair = cred(PUBLIC, provider="aws", key_id=KEY, fingerprint="f1")
    result = join([alone, pair], [], [], [])
    assert [c.id for c in result.credentials] == [PUBLIC]
    assert [(c.member_id, c.basis) for c in result.clusters] == [(alone.id, "fingerprint")]


def test_one_id_from_two_collectors_is_one_credential_with_the_issuers_facts():
    repo = cred(PUBLIC, provider="aws", key_id=KEY, fingerprint="f1", issued_at=datetime(2001, 1, 1, tzinfo=UTC))
    result = join([repo, issuer()], [], [], [])
    (one,) = result.credentials
    assert (one.issued_at, one.fingerprint) == (ISSUED, "f1")
    assert [(c.member_id, c.basis) for c in result.clusters] == [(PUBLIC, "id")]


def test_the_smallest_place_names_a_credential_without_public_id():
    rows = [
        cred(f"{REPO}#{p}:TOKEN:1", fingerprint="f", confidence=c)
        for p, c in (("b", Confidence.HIGH), ("a", Confidence.LOW))
    ]
    (one,) = join(rows, [], [], []).credentials
    assert (one.id, one.confidence) == (f"{REPO}#a:TOKEN:1", Confidence.HIGH)


def test_different_values_stay_apart_and_so_do_different_providers_with_one_key_id():
    rows = [
        cred("a", fingerprint="f1"),
        cred("b", fingerprint="f2"),
        cred("c"),
        cred("d", provider="x", key_id="1"),
        cred("e", provider="y", key_id="1"),
    ]
    assert len(join(rows, [], [], []).credentials) == 5


def test_one_value_beside_two_key_ids_does_not_weld_the_keys_together():
    rows = [
        cred("aws:access_key/A", provider="aws", key_id="A", fingerprint="f"),
        cred("aws:access_key/B", provider="aws", key_id="B", fingerprint="f"),
        cred("z", fingerprint="f"),
    ]
    result = join(rows, [], [], [])
    assert [c.id for c in result.credentials] == ["aws:access_key/A", "aws:access_key/B"]
    assert [(c.credential_id, c.member_id) for c in result.clusters] == [("aws:access_key/A", "z")]


def test_one_place_seen_by_two_detectors_is_one_exposure_that_keeps_the_configuration():
    rows = [
        seen("k", ".mcp.json", 9, detector="format", author="ann"),
        seen("k", ".mcp.json", 9, detector="repo.agents", config="claude-code"),
        seen("k", ".mcp.json", 9, part=ExposurePart.KEY_ID),
        seen("k", ".mcp.json", 12),
        seen("k", ".mcp.json", 9, commit="4f2c1a", id="h", at_head=False),
    ]
    found = join([cred("k")], rows, [], []).exposures
    assert len(found) == 4
    (kept,) = [e for e in found if e.config]
    assert (kept.author, kept.detector, kept.config) == ("ann", "repo.agents", "claude-code")


def test_the_same_use_after_the_join_is_one():
    rows = [cred("a", fingerprint="f"), cred("b", fingerprint="f")]
    result = join(rows, [], [used("a", "x"), used("b", "x")], [owner("a"), owner("b")])
    assert len(result.uses) == 1
    assert len(result.owners) == 1


def reference(name="TOKEN"):
    return cred(f"{REPO}#env:{name}")


def literal(uri, fingerprint="f", name="TOKEN"):
    c = cred(f"{REPO}#{uri}:{name}:1", fingerprint=fingerprint)
    return c, seen(c.id, uri, key_name=name)


def follow(literals, uses, ref=None):
    ref = ref or reference()
    rows = [literal(*x) if isinstance(x, tuple) else literal(x) for x in literals]
    return join(
        [ref, *(c for c, _ in rows)], [e for _, e in rows], [used(ref.id, u, form=Form.REFERENCE) for u in uses], []
    )


def test_a_reference_is_the_literal_of_the_nearest_env_file():
    result = follow([(".env", "f1"), ("svc/.env.local", "f2")], ["svc/deep/.mcp.json"])
    assert [u.credential_id for u in result.uses] == [f"{REPO}#svc/.env.local:TOKEN:1"]
    assert [u.form for u in result.uses] == ["reference"]
    assert f"{REPO}#env:TOKEN" not in {c.id for c in result.credentials}
    assert [(c.member_id, c.basis) for c in result.clusters] == [(f"{REPO}#env:TOKEN", "reference")]


def test_a_reference_resolves_in_each_place_by_itself():
    result = follow([("a/.env", "f1"), ("b/.env", "f2")], ["a/.mcp.json", "b/.mcp.json"])
    assert {u.credential_id for u in result.uses} == {f"{REPO}#a/.env:TOKEN:1", f"{REPO}#b/.env:TOKEN:1"}
    assert len(result.clusters) == 2


def test_two_values_in_the_nearest_directory_leave_a_reference_open():
    result = follow([(".env", "f1"), (".env.prod", "f2")], [".mcp.json"])
    assert [u.credential_id for u in result.uses] == [f"{REPO}#env:TOKEN"]
    assert result.clusters == ()


def test_one_value_in_two_env_files_resolves():
    result = follow([(".env", "f1"), (".env.prod", "f1")], [".mcp.json"])
    assert [u.credential_id for u in result.uses] == [f"{REPO}#.env.prod:TOKEN:1"]


def test_a_literal_below_or_in_another_kind_of_file_does_not_resolve():
    assert follow(["sub/.env"], [".mcp.json"]).clusters == ()
    assert follow(["config.py"], [".mcp.json"]).clusters == ()


def test_a_reference_that_is_open_in_one_place_keeps_its_record():
    result = follow([("a/.env", "f1")], ["a/.mcp.json", "b/.mcp.json"])
    assert {u.credential_id for u in result.uses} == {f"{REPO}#a/.env:TOKEN:1", f"{REPO}#env:TOKEN"}
    assert f"{REPO}#env:TOKEN" in {c.id for c in result.credentials}


def test_a_reference_nobody_uses_is_looked_up_at_the_root():
    assert len(follow([".env"], []).clusters) == 1


def test_a_reference_reaches_the_live_key_through_the_literal():
    lit = cred(f"{REPO}#.env:AWS:1", provider="aws", key_id=KEY, fingerprint="f")
    ref = reference("AWS_ACCESS_KEY_ID")
    places = [seen(lit.id, ".env", key_name="AWS_ACCESS_KEY_ID")]
    result = join([lit, ref, issuer()], places, [used(ref.id, ".mcp.json")], [owner(ref.id)])
    assert [c.id for c in result.credentials] == [PUBLIC]
    assert [u.credential_id for u in result.uses] == [PUBLIC]
    assert [o.subject_id for o in result.owners] == [PUBLIC]
    assert sorted(c.basis for c in result.clusters) == ["key_id", "reference"]
    assert {c.scope_id for c in result.clusters} == {"aws:1"}


CREDS = st.lists(
    st.builds(
        lambda n, f, k, i: cred(f"id{n}", fingerprint=f, key_id=k, provider="aws", identity_id=i),
        st.integers(0, 5),
        st.sampled_from([None, "f1", "f2"]),
        st.sampled_from([None, None, "K1", "K2"]),
        st.sampled_from([None, None, "arn:x"]),
    ),
    max_size=7,
    unique_by=lambda c: c.id,
)


@settings(max_examples=80, deadline=None)
@given(CREDS, st.randoms())
def test_the_join_does_not_depend_on_the_order_of_records(rows, random):
    places = [seen(c.id, f"f{n % 2}", n) for n, c in enumerate(rows)]
    uses = [used(c.id, "x") for c in rows]
    shuffled = [random.sample(x, len(x)) for x in (rows, places, uses)]
    assert join(rows, places, uses, []) == join(*shuffled, [])


@settings(max_examples=80, deadline=None)
@given(CREDS)
def test_joining_again_changes_nothing(rows):
    once = join(rows, [seen(c.id, "f") for c in rows], [used(c.id, "x") for c in rows], [])
    again = join(once.credentials, once.exposures, once.uses, once.owners)
    assert (again.credentials, again.exposures, again.uses) == (once.credentials, once.exposures, once.uses)


def test_a_place_that_takes_a_value_for_an_example_does_not_silence_the_others():
    rows = [
        cred(f"{REPO}#a:TOKEN:1", fingerprint="f", sample=True, public=True),
        cred(f"{REPO}#b:TOKEN:1", fingerprint="f"),
    ]
    (one,) = join(rows, [], [], []).credentials
    assert (one.sample, one.public) == (None, None)
    (one,) = join([replace(r, sample=True, public=True) for r in rows], [], [], []).credentials
    assert (one.sample, one.public) == (True, True)


def told(first, second, *, line=53):
    """One entry of a file as two collectors saw it."""
    return [
        seen(first, "deployment.yaml", 53, key_name="webhookKey"),
        replace(seen(second, "deployment.yaml", line, key_name="webhookKey"), source="repo.kubernetes"),
    ]


def test_one_entry_as_written_and_as_decoded_is_one_credential():
    rows = [
        cred("a", kind=CredentialKind.WEBHOOK, fingerprint="1"),
        cred("b", kind=CredentialKind.API_KEY, fingerprint="2"),
    ]
    done = join(rows, told("a", "b"), [], [])
    assert [c.id for c in done.credentials] == ["a"]
    assert len(done.exposures) == 1
    assert [(c.member_id, c.basis) for c in done.clusters] == [("b", "place")]


def test_values_that_a_format_tells_apart_stay_apart_at_one_place():
    rows = [cred("a", format="github-pat", fingerprint="1"), cred("b", fingerprint="2")]
    assert len(join(rows, told("a", "b"), [], []).credentials) == 2


def test_two_values_of_one_collector_under_one_name_stay_apart():
    rows = [cred(i, fingerprint=i) for i in "abc"]
    both = seen("c", "deployment.yaml", 53, key_name="webhookKey")
    assert len(join(rows, [*told("a", "b"), both], [], []).credentials) == 3


def test_entries_on_two_lines_stay_apart():
    rows = [cred("a", fingerprint="1"), cred("b", fingerprint="2")]
    assert len(join(rows, told("a", "b", line=54), [], []).credentials) == 2
