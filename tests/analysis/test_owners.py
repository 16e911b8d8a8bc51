from itertools import permutations

from nhiscan.analysis.owners import Heirs, best, inherited
from nhiscan.model import (
    Confidence,
    Consumer,
    ConsumerKind,
    Credential,
    Exposure,
    Member,
    Owner,
    OwnerBasis,
    OwnerKind,
    Use,
    UseHow,
)

BASE = {"scope_id": "s", "source": "t"}


def owner(subject, name, basis, confidence=Confidence.HIGH):
    return Owner(
        id=f"{subject}:{name}",
        **BASE,
        subject_id=subject,
        name=name,
        kind=OwnerKind.TEAM,
        basis=basis,
        confidence=confidence,
    )


def credential(ident, identity=None):
    return Credential(id=ident, **BASE, identity_id=identity)


def agent(ident, uri=None, parent=None, kind=ConsumerKind.AGENT):
    return Consumer(id=ident, **BASE, kind=kind, name=ident, uri=uri, parent_id=parent)


def exposure(cred, uri):
    return Exposure(id=f"{cred}{uri}", **BASE, credential_id=cred, uri=uri)


def heirs(owners, **tables):
    return {(o.subject_id, o.name, o.basis.value) for o in inherited(owners, Heirs(**tables))}


def test_the_best_owner_does_not_depend_on_order():
    rows = [
        owner("x", "blamed", OwnerBasis.BLAME),
        owner("x", "tagged", OwnerBasis.TAG),
        owner("x", "said", OwnerBasis.DECLARED, Confidence.LOW),
    ]
    assert {best(p).name for p in permutations(rows)} == {"said"}
    assert best([]) is None
    assert best([owner("x", "b", OwnerBasis.TAG, Confidence.LOW), owner("x", "z", OwnerBasis.TAG)]).name == "z"


def test_a_credential_takes_the_owner_of_its_identity_over_that_of_its_file():
    rows = [owner("id", "team", OwnerBasis.TAG), owner("k", "ann", OwnerBasis.BLAME)]
    assert heirs(rows, credentials=[credential("k", "id"), credential("bare", "id")]) == {
        ("k", "team", "tag"),
        ("bare", "team", "tag"),
    }


def test_a_better_own_owner_is_left_alone():
    rows = [owner("id", "team", OwnerBasis.TAG), owner("k", "boss", OwnerBasis.DECLARED)]
    assert heirs(rows, credentials=[credential("k", "id")]) == set()


def test_who_committed_a_key_does_not_own_its_identity():
    assert heirs([owner("k", "ann", OwnerBasis.BLAME)], credentials=[credential("k", "id")]) == set()


def test_an_instance_profile_takes_the_owner_of_its_role():
    profile = "arn:aws:iam::1:instance-profile/p"
    members = [
        Member(id="m", **BASE, identity_id="role", group_id=profile),
        Member(id="n", **BASE, identity_id="role", group_id="arn:aws:iam::1:group/g"),
    ]
    assert heirs([owner("role", "team", OwnerBasis.TAG)], members=members) == {(profile, "team", "tag")}
    assert heirs([owner("role", "a", OwnerBasis.TAG), owner(profile, "b", OwnerBasis.TAG)], members=members) == set()


def test_a_consumer_takes_the_owner_of_its_file_and_passes_it_on():
    consumers = [
        agent("agent", ".mcp.json"),
        agent("server", parent="agent", kind=ConsumerKind.TOOL_SERVER),
        agent("elsewhere", "other.json"),
    ]
    rows = [owner("k", "team", OwnerBasis.CODEOWNERS)]
    found = heirs(rows, exposures=[exposure("k", ".mcp.json")], consumers=consumers)
    assert found == {("agent", "team", "codeowners"), ("server", "team", "codeowners")}


def test_an_agent_takes_the_owner_of_its_server():
    consumers = [agent("agent"), agent("server", ".mcp.json", "agent", ConsumerKind.TOOL_SERVER)]
    found = heirs([owner("server", "team", OwnerBasis.CODEOWNERS)], consumers=consumers)
    assert found == {("agent", "team", "codeowners")}


def test_a_credential_in_two_files_says_nothing_of_either():
    use = Use(id="u", **BASE, consumer_id="agent", credential_id="k", how=UseHow.ENV, uri=".mcp.json")
    rows = [owner("k", "team", OwnerBasis.CODEOWNERS)]
    assert heirs(rows, exposures=[exposure("k", ".env")], uses=[use], consumers=[agent("agent", ".mcp.json")]) == set()


def test_an_owner_by_tag_is_no_owner_of_the_file():
    rows = [owner("k", "team", OwnerBasis.TAG)]
    assert heirs(rows, exposures=[exposure("k", ".mcp.json")], consumers=[agent("agent", ".mcp.json")]) == set()
