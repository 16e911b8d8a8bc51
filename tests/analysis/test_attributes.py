"""Attribute conditions of pools, judged over claims that are known in part."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nhiscan.analysis.attributes import Answer, judge, read

YES, NO, UNKNOWN = Answer.YES, Answer.NO, Answer.UNKNOWN
CLAIMS = {
    "assertion.repository": "acme/shop",
    "assertion.repository_owner": "acme",
    "assertion.ref": "refs/heads/*",
    "assertion.environment": "",
    "assertion.email_verified": "true",
    "google.subject": "repo:acme/shop:ref:refs/heads/*",
}


# Forms of Google's own examples: cloud.google.com/iam/docs, "Configure Workload Identity Federation with deployment
# pipelines", "Attribute conditions".
@pytest.mark.parametrize(
    ("expression", "answer"),
    [
        ("assertion.repository_owner == 'acme'", YES),
        ("'acme' == assertion.repository_owner", YES),
        ('assertion.repository_owner=="other"', NO),
        ("assertion['repository'] == 'acme/shop'", YES),
        ("assertion.repository != 'acme/shop'", NO),
        ("assertion.repository in ['acme/api', 'acme/shop']", YES),
        ("assertion.repository in ['acme/api']", NO),
        ("assertion.repository in []", NO),
        ("assertion.repository.startsWith('acme/')", YES),
        ("assertion.repository.startsWith('other/')", NO),
        ("assertion.repository.endsWith('/shop')", YES),
        ("assertion.repository.contains('e/s')", YES),
        ("assertion.ref == 'refs/heads/main'", UNKNOWN),
        ("assertion.ref == 'refs/tags/v1'", NO),
        ("assertion.ref.startsWith('refs/heads/')", YES),
        ("assertion.ref.startsWith('refs/heads/release')", UNKNOWN),
        ("assertion.ref in ['refs/heads/main', 'refs/heads/next']", UNKNOWN),
        ("assertion.repository_owner == 'acme' && assertion.ref == 'refs/tags/v1'", NO),
        ("assertion.repository_owner == 'acme' && assertion.actor == 'octocat'", UNKNOWN),
        ("assertion.repository_owner == 'other' && assertion.actor == 'octocat'", NO),
        ("assertion.repository_owner == 'other' || assertion.repository == 'acme/shop'", YES),
        ("!(assertion.repository_owner == 'other')", YES),
        ("assertion.repository.matches('^acme/.*$')", YES),
        ("assertion.repository.matches('acme')", YES),
        ("assertion.repository.matches('^acme$')", NO),
        ("assertion.repository.matches('^acme/[^/]+$')", UNKNOWN),
        ("assertion.repository.matches('^other/[^/]+$')", NO),
        ("assertion.repository.matches('^acme/(shop|api)$')", UNKNOWN),
        (r"assertion.repository.matches('^acme\\/shop$')", YES),
        ("assertion.repository.matches('^acme.shop$')", YES),
        ("assertion.repository.matches('(a+)+$')", UNKNOWN),
        ("assertion.repository.startsWith('ac*')", UNKNOWN),
        ("has(assertion.environment)", NO),
        ("has(assertion.ref)", YES),
        ("has(assertion.actor)", UNKNOWN),
        ("assertion.email_verified", YES),
        ("assertion.email_verified == true", YES),
        ("true", YES),
        ("false", NO),
        ("assertion.repository_id == 42", UNKNOWN),
        ("1 == 1", YES),
        ("'a' + 'b' == 'ab'", UNKNOWN),
        ("size(assertion.repository) > 3", UNKNOWN),
        ("assertion.ref == 'x' ? true : false", UNKNOWN),
        ("assertion.groups.exists(g, g == 'x')", UNKNOWN),
        ("'admins' in assertion.groups", UNKNOWN),
        ("assertion.arn.extract('a/{b}/') == 'deploy'", UNKNOWN),
        ("google.subject.startsWith('repo:acme/shop:')", YES),
        ("attribute.repository == 'acme/shop'", UNKNOWN),
        ("[1, 2]", UNKNOWN),
        ("not a language &&", UNKNOWN),
        ("", UNKNOWN),
        ("(" * 500, UNKNOWN),
    ],
)
def test_what_an_expression_says_of_known_claims(expression, answer):
    assert judge(read(expression), CLAIMS) is answer


WORDS = st.sampled_from(
    ["assertion.repository", "assertion.x", "'acme/shop'", "==", "&&", "||", "!", "(", ")", "in", ".", "["]
)


@given(st.lists(WORDS, max_size=12).map(" ".join))
@settings(max_examples=200, deadline=None)
def test_no_text_breaks_it(text):
    assert judge(read(text), CLAIMS) in Answer


@given(
    st.lists(
        st.sampled_from(["assertion.x == 'a'", "assertion.repository == 'acme/shop'", "true", "false"]), min_size=1
    )
)
@settings(max_examples=100, deadline=None)
def test_what_is_unknown_never_decides(parts):
    both, either = judge(read(" && ".join(parts)), CLAIMS), judge(read(" || ".join(parts)), CLAIMS)
    assert both <= either
    assert (both is YES) == all(judge(read(p), CLAIMS) is YES for p in parts)
    assert (either is NO) == all(judge(read(p), CLAIMS) is NO for p in parts)
