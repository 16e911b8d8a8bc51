"""What frameworks about agents speak of: agents, tool servers, and what one of them uses."""

from datetime import UTC, datetime

import pytest

from nhiscan.engine.agentic import agentic, source
from nhiscan.engine.evaluate import judge
from nhiscan.model import (
    Consumer,
    ConsumerKind,
    Credential,
    CredentialKind,
    Exposure,
    FileClass,
    Identity,
    IdentityKind,
    Trust,
    TrustKind,
    Use,
)
from nhiscan.model import PrincipalKind as Kind
from nhiscan.store.inventory import Inventory

from .sample import rule

HOME = {"scope_id": "aws:1", "source": "test"}


def consumer(name, kind, parent=None):
    return Consumer(id=name, name=name, kind=kind, parent_id=parent, **HOME)


def credential(name, identity=None):
    return Credential(id=name, name=name, kind=CredentialKind.ACCESS_KEY, identity_id=identity, **HOME)


def trust(name, target):
    return Trust(
        id=name, principal="p", principal_kind=Kind.ACCOUNT, target_id=target, kind=TrustKind.ASSUME, **HOME
    )  # fmt: skip


@pytest.fixture
def estate():
    with Inventory.memory() as inventory:
        inventory.add(
            [
                consumer("agent", ConsumerKind.AGENT, "job"),
                consumer("job", ConsumerKind.PIPELINE),
                consumer("server", ConsumerKind.TOOL_SERVER, "agent"),
                consumer("lambda", ConsumerKind.FUNCTION),
                *(
                    Identity(id=i, name=i, provider="aws", kind=IdentityKind.ROLE, **HOME)
                    for i in ("helper", "deployer", "owner-of-key", "plain")
                ),
                credential("server-key", "owner-of-key"),
                credential("in-memory"),
                credential("plain-key", "plain"),
                Use(id="u1", how="env", consumer_id="agent", identity_id="helper", **HOME),
                Use(id="u2", how="env", consumer_id="server", credential_id="server-key", **HOME),
                Use(id="u3", how="env", consumer_id="job", identity_id="deployer", **HOME),
                Use(id="u4", how="env", consumer_id="lambda", identity_id="plain", **HOME),
                Exposure(
                    id="e", credential_id="in-memory", uri="CLAUDE.md", file_class=FileClass.AGENT_CONTEXT, **HOME
                ),
                trust("into-helper", "helper"),
                trust("into-plain", "plain"),
            ]
        )
        inventory.lock()
        yield inventory


def test_agents_and_what_they_use_are_concerned_and_nothing_else(estate):
    every = [
        "agent", "job", "server", "lambda", "helper", "deployer", "owner-of-key", "plain", "server-key", "in-memory",
        "plain-key", "into-helper", "into-plain",
    ]  # fmt: skip
    assert set(every) - agentic(estate, every) == {"lambda", "plain", "plain-key", "into-plain"}
    assert agentic(estate, []) == frozenset()


def test_a_rule_can_be_judged_over_these_alone(estate):
    looked = rule(applies_when=None, fails_when="kind = 'access_key'", severity_when={}, confidence_when={}, params={})
    verdicts, _ = judge(estate, looked, datetime(2026, 11, 1, tzinfo=UTC), {}, (), source(looked))
    assert [v.subject_id for v in verdicts] == ["in-memory", "server-key"]
