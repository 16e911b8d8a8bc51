from dataclasses import replace

from nhiscan.analysis import run
from nhiscan.model import (
    RECORDS,
    Cluster,
    Confidence,
    Consumer,
    ConsumerKind,
    Credential,
    CredentialKind,
    CredentialState,
    Effective,
    Exposure,
    Gap,
    Grant,
    Identity,
    Owner,
    OwnerBasis,
    OwnerKind,
    Reach,
    Trust,
    Use,
    UseHow,
)
from nhiscan.store.inventory import Inventory
from tests.analysis.aws.sample import EVERYTHING, NOW, Account, trusting

KEY = "AKIA" + "EXAMPLE000000001"
REPO = "repo:host/acme/app"


def story(inventory: Inventory) -> Account:
    """The sentence of the design: a key in an agent's file that is live and reaches administrator."""
    account = Account()
    etl = account.user("etl", interactive=False)
    account.role("deploy", EVERYTHING, trust=[trusting(etl)])
    account.user("broken")
    bad = account.managed("bad", EVERYTHING)
    account.policies[bad] = replace(account.policies[bad], document="{")
    tables = (account.scopes, account.identities, account.policies.values(), account.attachments, account.members)
    for rows in tables:
        inventory.add(rows)
    inventory.add(
        [
            Credential(
                id=f"aws:access_key/{KEY}", scope_id="aws:111122223333", source="aws.iam", provider="aws", key_id=KEY, identity_id=etl,
                kind=CredentialKind.ACCESS_KEY, state=CredentialState.ACTIVE,
            ),
            Credential(id=f"{REPO}#.mcp.json:AWS:1", scope_id=REPO, source="repo.agents", provider="aws", key_id=KEY, fingerprint="f"),
            Exposure(id="e1", scope_id=REPO, source="repo.agents", credential_id=f"{REPO}#.mcp.json:AWS:1", uri=".mcp.json", line=9),
            Consumer(id="a", scope_id=REPO, source="repo.agents", kind=ConsumerKind.AGENT, name="a", uri=".mcp.json"),
            Use(id="u", scope_id=REPO, source="repo.agents", consumer_id="a", credential_id=f"{REPO}#.mcp.json:AWS:1", how=UseHow.ENV),
            Owner(
                id="o", scope_id="aws:111122223333", source="aws.iam", subject_id=etl, name="data", kind=OwnerKind.TEAM,
                basis=OwnerBasis.TAG, confidence=Confidence.HIGH,
            ),
            Gap(id="g", scope_id=REPO, source="repo.agents", covers=("exposure",), reason="skipped", remedy="none"),
        ]
    )  # fmt: skip
    return account


def test_a_key_in_a_file_is_followed_to_administrator():
    with Inventory.memory() as inventory:
        story(inventory)
        run(inventory, NOW)
        (credential,) = inventory.rows(Credential)
        (exposure,) = inventory.rows(Exposure)
        (use,) = inventory.rows(Use)
        assert {credential.id, exposure.credential_id, use.credential_id} == {f"aws:access_key/{KEY}"}
        assert credential.state == "active"
        assert [(r.identity_id, r.target_id) for r in inventory.rows(Reach)] == [
            ("arn:aws:iam::111122223333:user/etl", "arn:aws:iam::111122223333:role/deploy")
        ]
        assert {(e.identity_id, e.capability.value) for e in inventory.rows(Effective)} >= {
            ("arn:aws:iam::111122223333:role/deploy", "admin")
        }
        assert [c.basis for c in inventory.rows(Cluster)] == ["key_id"]
        assert len(inventory.rows(Grant)) == 1
        assert len(inventory.rows(Trust)) == 1
        classes = {i.name: i.class_ for i in inventory.rows(Identity)}
        assert classes["etl"] == "agent"
        assert {o.subject_id for o in inventory.rows(Owner)} >= {credential.id}
        assert {g.reason.value for g in inventory.rows(Gap)} == {"skipped", "malformed"}


def test_running_twice_gives_the_same_inventory():
    def tables(inventory):
        return {name: inventory.rows(record) for name, record in RECORDS.items()}

    with Inventory.memory() as inventory:
        story(inventory)
        run(inventory, NOW)
        once = tables(inventory)
        run(inventory, NOW)
        assert tables(inventory) == once


def test_an_empty_inventory_is_analysed_to_nothing():
    with Inventory.memory() as inventory:
        run(inventory, NOW)
        assert not any(inventory.rows(record) for record in RECORDS.values())
