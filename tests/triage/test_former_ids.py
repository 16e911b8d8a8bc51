"""A rule that has another id or name now is still the one that baselines, suppressions and comments know."""

from nhiscan.store.inventory import Inventory
from nhiscan.triage import baseline
from nhiscan.triage.assemble import triage
from nhiscan.triage.fingerprint import fingerprint
from nhiscan.triage.suppress import Suppression

from .build import AS_OF, KEY, REPO, estate, evaluation, rule, verdict

MOVED = rule("NS-LEK-001", aliases=("NS-OLD-007", "old-name"))


def judge(known=None, suppressions=()):
    with Inventory.memory() as store:
        store.add(estate())
        store.lock()
        ((found,), _) = triage(store, evaluation(verdict()), [MOVED], known, suppressions, AS_OF)
    return found


def test_a_baseline_of_the_former_id_still_matches():
    for subject in (KEY, f"{REPO}#.env:KEY:1"):
        former = fingerprint("NS-OLD-007", subject)
        assert former in judge().aliases
        assert judge(baseline.Baseline((baseline.Entry("NS-OLD-007", "x", former),))).state == "known"


def test_a_former_name_is_no_fingerprint():
    assert fingerprint("old-name", KEY) not in judge().aliases


def test_a_suppression_of_the_former_id_or_name_still_hides():
    for label in ("NS-OLD-007", "old-name", "NS-OLD-*"):
        assert judge(suppressions=(Suppression(rules=(label,), origin="x", reason="r"),)).state == "suppressed"
    assert judge(suppressions=(Suppression(rules=("NS-OLD-008",), origin="x", reason="r"),)).state != "suppressed"
