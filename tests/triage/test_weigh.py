"""Circumstances move a finding by one level, never beyond what a rule proves, and are named in it."""

import pytest

from nhiscan.engine.guard import select
from nhiscan.model import (
    Capability,
    Certainty,
    Consumer,
    ConsumerKind,
    Credential,
    CredentialKind,
    CredentialState,
    Effective,
    Gap,
    GapReason,
    Grant,
    Identity,
    IdentityKind,
    Scope,
    ScopeKind,
    Severity,
    Tool,
    Trigger,
    Use,
)
from nhiscan.store.inventory import Inventory
from nhiscan.triage.assemble import triage
from nhiscan.triage.weigh import scale
from tests.triage.build import AS_OF, evaluation, rule, verdict

HOME = {"scope_id": "aws:1", "source": "test"}


def identity(name, environment):
    return Identity(id=name, name=name, provider="aws", kind=IdentityKind.ROLE, environment=environment, **HOME)


def power(name, certainty=Certainty.CERTAIN):
    return Effective(
        id=f"{name}!", identity_id=name, capability=Capability.ADMIN, certainty=certainty, method="m", **HOME
    )  # fmt: skip


def granted(name):
    return Grant(id=f"{name}#g", identity_id=name, policy_id="p", statement="0", effect="Allow", **HOME)


ESTATE = [
    Scope(id="aws:1", name="one", provider="aws", kind=ScopeKind.ACCOUNT, **HOME),
    identity("prod-admin", "prod-eu"),
    power("prod-admin"),
    identity("prod-maybe", "production"),
    power("prod-maybe", Certainty.CONDITIONAL),
    identity("somewhere-admin", None),
    power("somewhere-admin"),
    identity("test-plain", "sandbox"),
    granted("test-plain"),
    identity("test-admin", "sandbox"),
    granted("test-admin"),
    power("test-admin"),
    identity("test-unread", "sandbox"),
    Credential(id="prod-key", identity_id="prod-admin", kind=CredentialKind.ACCESS_KEY, **HOME),
    Credential(id="gone-key", kind=CredentialKind.ACCESS_KEY, state=CredentialState.DELETED, **HOME),
    Credential(id="led-key", kind=CredentialKind.ACCESS_KEY, **HOME),
    Consumer(id="web", name="web", kind=ConsumerKind.FUNCTION, public=True, **HOME),
    Consumer(id="guarded", name="g", kind=ConsumerKind.PIPELINE, trigger=Trigger.UNTRUSTED, gated=True, **HOME),
    Consumer(id="reader", name="reader", kind=ConsumerKind.AGENT, **HOME),
    Consumer(id="server", name="server", kind=ConsumerKind.TOOL_SERVER, parent_id="reader", **HOME),
    Tool(id="t", name="fetch", consumer_id="reader", reads_untrusted=True, **HOME),
    Use(id="u", how="env", consumer_id="server", credential_id="led-key", **HOME),
]


def found(subject, severity=Severity.MEDIUM, estate=ESTATE, **changes):
    one = rule(changes.pop("id", "NS-LIF-001"), **changes)
    with Inventory.memory() as inventory:
        inventory.add(estate)
        inventory.lock()
        said = evaluation(verdict(one.id, subject, severity=severity, scope_id="aws:1", subject_table="identity"))
        ((finding,), _) = triage(inventory, said, [one], None, (), AS_OF)
    return finding.severity.value, finding.base and finding.base.value, finding.modifiers


@pytest.mark.parametrize(
    ("subject", "severity", "modifiers"),
    [
        ("prod-admin", "high", ("production",)),
        ("prod-key", "high", ("production",)),
        ("web", "high", ("internet-exposed",)),
        ("led-key", "high", ("agent-consumed",)),
        ("test-plain", "low", ("test-only",)),
        ("gone-key", "info", ("gone",)),
    ],
)
def test_a_circumstance_moves_a_finding_by_one_level_and_is_named(subject, severity, modifiers):
    assert found(subject) == (severity, "medium", modifiers)


@pytest.mark.parametrize(
    "subject", ["prod-maybe", "somewhere-admin", "test-admin", "test-unread", "guarded", "reader", "nobody"]
)
def test_what_is_unknown_or_only_possible_moves_nothing(subject):
    assert found(subject) == ("medium", None, ())


def test_a_hidden_grant_keeps_a_test_identity_as_bad_as_it_is():
    gap = Gap(id="g", covers=("policy",), reason=GapReason.DENIED, remedy="allow it", **HOME)
    assert found("test-plain", estate=[*ESTATE, gap]) == ("medium", None, ())


def test_two_that_raise_move_one_level_and_opposite_ones_cancel():
    both = [*ESTATE, Use(id="v", how="env", consumer_id="server", credential_id="prod-key", **HOME)]
    assert found("prod-key", estate=both) == ("high", "medium", ("production", "agent-consumed"))
    against = [*ESTATE, Use(id="w", how="env", consumer_id="web", identity_id="test-plain", **HOME)]
    assert found("test-plain", estate=against) == ("medium", None, ())


def test_never_above_the_ceiling_nor_below_the_floor():
    assert found("prod-admin", Severity.HIGH) == ("high", None, ())
    assert found("prod-admin", Severity.CRITICAL) == ("critical", None, ())
    assert found("test-plain", Severity.LOW) == ("low", None, ())
    assert found("gone-key", Severity.INFO) == ("info", None, ())


def test_a_rule_that_weighs_its_subject_itself_is_left_alone_but_for_what_is_gone():
    ladder = {"severity_when": {"high": "environment = 'production'"}}
    assert found("prod-admin", **ladder) == ("medium", None, ())
    assert found("gone-key", **ladder) == ("info", "medium", ("gone",))


@pytest.mark.parametrize(("id_", "family"), [("NS-TOX-001", "combination"), ("NS-ENV-002", "authorisation")])
def test_a_rule_about_the_circumstance_is_not_weighed_by_it(id_, family):
    assert found("prod-admin", id=id_, family=family) == ("medium", None, ())


def test_the_shipped_modifiers_are_single_selects_with_a_reason():
    known = scale()
    assert [m.name for m in known.modifiers] == [
        "production",
        "internet-exposed",
        "agent-consumed",
        "test-only",
        "gone",
    ]
    for modifier in known.modifiers:
        select(modifier.subjects)
        assert modifier.why
        assert (modifier.step is None) != (modifier.to is None)
