"""Workflow files: expressions, permissions, triggers, third parties, scripts and agents, each by itself."""

from __future__ import annotations

import random
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from nhiscan.collect.protocol import Context, Target, TargetKind
from nhiscan.collectors.repo import workflows
from nhiscan.collectors.repo._config.nodes import Document, Node
from nhiscan.collectors.repo._config.yamlc import parse_yaml
from nhiscan.collectors.repo._workflows import (
    cloud,
    expressions,
    parties,
    permissions,
    purposes,
    robots,
    runners,
    scripts,
    shape,
    triggers,
)
from nhiscan.collectors.repo._workflows.estate import _known_as
from nhiscan.model import Approval, Form, Pin, Purpose, Trigger
from nhiscan.sensitive import FingerprintKey

FIXTURES = Path(__file__).resolve().parents[3] / "fixtures" / "collectors" / "repo.workflows"


def collected(folder: Path) -> list:
    ctx = Context(as_of=datetime(2026, 11, 1, tzinfo=UTC), key=FingerprintKey(b"k" * 32))
    target = Target(str(folder), TargetKind.PATH, str(folder))
    return [r for u in workflows.COLLECTOR.units(target, ctx) for r in workflows.COLLECTOR.collect(u, ctx)]


def records(tmp_path: Path, text: str, name: str = "ci.yml", **more: str) -> list:
    for path, content in {f".github/workflows/{name}": text, **more}.items():
        place = tmp_path / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(content, encoding="utf-8")
    return collected(tmp_path)


def job_of(text: str) -> shape.Job:
    document = Document(".github/workflows/ci.yml", parse_yaml(text)[0], None)
    return next(shape.workflow(document).jobs)


def step_of(text: str) -> shape.Step:
    return shape.Step(parse_yaml(text)[0], "1", Document("x", Node({}, 1, 1), None), {})


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("secrets.API_KEY", [("API_KEY", False)]),
        ("secrets['api-key']", [("API-KEY", False)]),
        ("github.event_name == 'push' && secrets.A || secrets.B", [("A", False), ("B", False)]),
        ("toJSON(secrets)", [(None, False)]),
        ("secrets[format('K_{0}', matrix.x)]", [(None, False)]),
        ("secrets[matrix.name]", [(None, False)]),
        ("fromJSON(secrets.DB).password", [("DB", True)]),
        ("fromJSON(secrets.DB)", [("DB", False)]),
        ("'secrets.A'", []),
        ("env.secrets_a", []),
        ("needs.secrets.outputs.x", []),
        ("steps.secrets.outputs.x", []),
    ],
)
def test_secrets_of_an_expression(body, expected):
    assert [(s.name, s.parsed) for s in expressions.secrets(body)] == expected


@pytest.mark.parametrize(
    ("body", "outside"),
    [
        ("github.event.issue.title", True),
        ("github.event.comment.body", True),
        ("github.head_ref", True),
        ("github.event.pull_request.head.ref", True),
        ("github.event.commits[0].message", True),
        ("github.event.pull_request.number", False),
        ("github.event.pull_request.head.sha", False),
        ("github.sha", False),
    ],
)
def test_what_outsiders_choose(body, outside):
    assert expressions.from_outside(body) is outside


def test_expressions_end_where_one_is_not_closed():
    assert [e.body for e in expressions.expressions("${{ a }} ${{ b")] == [" a "]
    assert len(list(expressions.expressions("${{a}}" * 10_000))) == 500


@pytest.mark.parametrize(
    ("top", "own", "scopes", "basis"),
    [
        ("", "", None, "default"),
        ("permissions: {contents: write}", "", ("contents: write",), "workflow"),
        ("permissions: {contents: write}", "permissions: {issues: read}", ("issues: read",), "job"),
        ("permissions: write-all", "permissions: {}", (), "job"),
        ("permissions: {contents: none}", "", (), "workflow"),
        ("permissions: odd", "", None, "workflow"),
    ],
)
def test_effective_permissions(top, own, scopes, basis):
    found = permissions.effective(job_of(f"on: push\n{top}\njobs:\n  a:\n    runs-on: x\n    {own}\n"))
    assert (found.scopes, found.basis) == (scopes, basis)


def test_write_all_federates_and_read_all_does_not():
    everything = permissions.effective(job_of("on: push\npermissions: write-all\njobs: {a: {}, b: {x: y}}"))
    reading = permissions.effective(job_of("on: push\npermissions: read-all\njobs: {b: {x: y}}"))
    assert everything.federates
    assert everything.writes
    assert "models: read" not in everything.scopes
    assert not reading.federates
    assert not reading.writes
    assert "id-token: read" not in reading.scopes


@pytest.mark.parametrize(
    ("names", "condition", "trigger", "privileged"),
    [
        (["push"], "", Trigger.EVENT, ()),
        (["schedule"], "", Trigger.SCHEDULE, ()),
        (["schedule", "workflow_dispatch"], "", Trigger.SCHEDULE, ()),
        (["workflow_dispatch"], "", Trigger.MANUAL, ()),
        (["workflow_call"], "", None, ()),
        (["pull_request"], "", Trigger.UNTRUSTED, ()),
        (["push", "issue_comment"], "", Trigger.UNTRUSTED, ("issue_comment",)),
        (["push", "issues"], "github.event_name == 'push'", Trigger.EVENT, ()),
        (["push", "issues"], "github.event_name != 'issues'", Trigger.EVENT, ()),
        (["push", "issues"], "github.event_name == 'push' || always()", Trigger.UNTRUSTED, ("issues",)),
        (["pull_request"], "github.event.pull_request.head.repo.full_name == github.repository", Trigger.EVENT, ()),
        (["issue_comment"], "github.actor == 'alice'", Trigger.EVENT, ()),
        (["issue_comment"], "github.actor == 'alice' || true", Trigger.UNTRUSTED, ("issue_comment",)),
        (["pull_request_target"], "github.actor == 'dependabot[bot]'", Trigger.UNTRUSTED, ("pull_request_target",)),
        (["issues"], "github.event.issue.author_association == 'MEMBER'", Trigger.EVENT, ()),
        (["issues"], "github.event.issue.author_association != 'NONE'", Trigger.UNTRUSTED, ("issues",)),
        (
            ["issues"],
            "(github.event.issue.author_association == 'OWNER' || github.event.issue.author_association == 'MEMBER') && (a || b)",
            Trigger.EVENT,
            (),
        ),
    ],
)
def test_what_sets_a_job_to_work(names, condition, trigger, privileged):
    found = triggers.cause(names, condition)
    assert (found.trigger, found.privileged) == (trigger, privileged)


@pytest.mark.parametrize(
    ("on", "expected"),
    [
        ("push: {branches: [main, 'release/**']}", ["ref:refs/heads/main", "ref:refs/heads/release/*"]),
        ("push: {tags: ['v[0-9]+']}", ["ref:refs/tags/v*"]),
        ("push: {branches-ignore: [x]}", ["ref:refs/heads/*"]),
        ("push:", ["ref:refs/heads/*", "ref:refs/tags/*"]),
        ("push: {branches: main}\n  pull_request:", ["pull_request", "ref:refs/heads/main"]),
        ("workflow_call:", ["*"]),
        ("schedule: []", ["ref:refs/heads/*"]),
        ("pull_request_target:", ["pull_request", "ref:refs/heads/*"]),
        ("release:", ["ref:refs/heads/*", "ref:refs/tags/*"]),
    ],
)
def test_subjects_of_the_token(on, expected):
    job = job_of(f"on:\n  {on}\njobs: {{a: {{x: y}}}}")
    assert triggers.subjects(job, "acme/shop") == tuple(f"repo:acme/shop:{e}" for e in expected)


def test_an_environment_is_the_subject_and_a_computed_one_is_open():
    named, computed = (job_of(f"on: push\njobs: {{a: {{environment: '{e}'}}}}") for e in ("prod", "${{ inputs.e }}"))
    assert triggers.subjects(named, "a/b") == ("repo:a/b:environment:prod",)
    assert triggers.subjects(computed, "a/b") == ("repo:a/b:environment:*",)


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        ("repo:github.com/acme/shop", ("acme/shop", "token.actions.githubusercontent.com")),
        ("repo:gitlab.com/acme/shop", ("*/*", "token.actions.githubusercontent.com")),
        ("repo:git.acme.test/acme/shop", ("acme/shop", "git.acme.test/_services/token")),
        ("dir:shop", ("*/*", "token.actions.githubusercontent.com")),
    ],
)
def test_who_signs_for_whom(scope, expected):
    assert _known_as(scope) == expected


@pytest.mark.parametrize(
    ("uses", "pin"),
    [
        ("a/b@" + "0123456789" * 4, Pin.DIGEST),
        ("a/b@v1.2.3", Pin.EXACT),
        ("a/b@v4", Pin.TAG),
        ("a/b@refs/tags/v4", Pin.TAG),
        ("a/b@main", Pin.NONE),
        ("a/b@refs/heads/v4", Pin.NONE),
        ("a/b@release/v1", Pin.NONE),
        ("a/b@latest", Pin.LATEST),
        ("a/b", Pin.NONE),
        ("a/b@${{ x }}", None),
        ("docker://img@sha256:" + "a" * 64, Pin.DIGEST),
        ("docker://img:1", Pin.TAG),
        ("docker://reg:5000/img", Pin.NONE),
        ("docker://img:latest", Pin.LATEST),
        ("docker://img:${{ x }}", None),
    ],
)
def test_how_exactly_an_action_is_fixed(uses, pin):
    assert parties.action(uses).pin is pin


def test_code_of_the_repository_is_no_third_party_and_the_loosest_pin_counts():
    assert [parties.action(u) for u in ("./x", "", "${{ x }}@v1", "alone@v1")] == [None] * 4
    assert parties.looser(Pin.DIGEST, Pin.TAG) is Pin.TAG
    assert parties.looser(None, Pin.TAG) is None


@pytest.mark.parametrize(
    ("runs_on", "expected"),
    [
        ("ubuntu-latest", False),
        ("[self-hosted, x64]", True),
        ("{labels: self-hosted}", True),
        ("{group: big, labels: ubuntu-latest}", None),
        ("${{ inputs.runner }}", None),
        ("${{ x && 'self-hosted' || 'ubuntu-latest' }}", True),
        ("${{ matrix.os }}", True),
        ("${{ matrix.hosted }}", False),
        ("${{ matrix.nested.os }}", False),
        ("${{ matrix.other }}", None),
        ("big-box", None),
    ],
)
def test_whose_machine_it_runs_on(runs_on, expected):
    matrix = "{os: [ubuntu-latest], hosted: [windows-2022], nested: [{os: macos-14}], include: [{os: self-hosted}]}"
    job = job_of(f"on: push\njobs:\n  a:\n    runs-on: {runs_on}\n    strategy: {{matrix: {matrix}}}")
    assert runners.is_self_hosted(job) is expected


@pytest.mark.parametrize(
    ("line", "printed"),
    [
        ("echo $KEY", True),
        ("printf '%s' $KEY", True),
        ("echo $KEY | docker login", False),
        ("echo $KEY > file", False),
        ("echo ::add-mask::$KEY", False),
        ("./run $KEY", False),
    ],
)
def test_what_goes_to_the_log(line, printed):
    assert bool(list(scripts.printed(f"true\n{line}\n"))) is printed


HEAD = "{uses: actions/checkout@v4, with: {ref: '${{ github.head_ref }}'}}"


@pytest.mark.parametrize(
    ("steps", "on", "taken"),
    [
        (["{uses: actions/checkout@v4}", "{run: make}"], ("pull_request",), "checkout"),
        (["{uses: actions/checkout@v4}", "{run: make}"], ("pull_request_target",), None),
        ([HEAD, "{run: make}"], ("pull_request_target",), "checkout"),
        ([HEAD, "{uses: ./local}"], ("pull_request_target",), "checkout"),
        ([HEAD, "{uses: docker/build-push-action@v6}"], ("pull_request_target",), "checkout"),
        # A checkout that nothing follows runs nothing, nor does what ran before it.
        ([HEAD], ("pull_request_target",), None),
        (["{run: make}", HEAD], ("pull_request_target",), None),
        ([HEAD, "{uses: actions/setup-node@v4}", "{uses: actions/labeler@v5}"], ("pull_request_target",), None),
        (["{uses: actions/checkout@v4, with: {ref: main}}", "{run: make}"], ("pull_request", "issues"), None),
        (["{run: 'gh pr checkout 1'}"], ("issue_comment",), "checkout"),
        (["{run: 'git checkout ${{ github.event.pull_request.head.sha }}'}"], ("pull_request_target",), "checkout"),
        (["{run: 'echo ${{ github.event.issue.title }}'}"], ("issues",), "script"),
        ([HEAD, "{run: 'echo ${{ github.event.issue.title }}'}"], ("issues",), "script"),
        (["{run: 'echo ${{ github.event.issue.number }}'}"], ("issues",), None),
        (["{run: 'gh run download'}"], ("workflow_run",), "artifact"),
        (["{run: 'gh run download'}"], ("issues",), None),
        (["{uses: dawidd6/action-download-artifact@v3}", "{run: ./out/x}"], ("workflow_run",), "artifact"),
        (["{uses: dawidd6/action-download-artifact@v3}"], ("workflow_run",), None),
        (["{uses: actions/download-artifact@v4}", "{run: ls}"], ("workflow_run",), None),
        (
            ["{uses: actions/github-script@v7, with: {script: '${{ github.event.comment.body }}'}}"],
            ("issues",),
            "script",
        ),
    ],
)
def test_what_a_job_takes_in_from_outside(steps, on, taken):
    read = [step_of(s) for s in steps]
    named = [parties.action(s.uses) for s in read]
    assert scripts.takes_in(read, {i: p.action for i, p in enumerate(named) if p}, on) == taken


@pytest.mark.parametrize(
    ("uses", "keeps"), [("a@v4", True), ("a@v6", False), ("a@v5.0.1", True), ("a@main", True), ("a@v10", False)]
)
def test_a_checkout_leaves_its_token_behind_until_version_six(uses, keeps):
    assert scripts.keeps_token(step_of(f"{{uses: {uses}}}")) is keeps
    assert not scripts.keeps_token(step_of(f"{{uses: {uses}, with: {{persist-credentials: false}}}}"))


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        (("actions/checkout", "token", "GH_PAT"), Purpose.SOURCE),
        (("docker/login-action", "password", "X"), Purpose.REGISTRY),
        (("anthropics/claude-code-action", "github_token", "GH_TOKEN"), Purpose.SOURCE),
        (("anthropics/claude-code-action", "anthropic_api_key", "K"), Purpose.MODEL),
        (("pypa/gh-action-pypi-publish", "password", "X"), Purpose.PUBLISH),
        (("acme/x", "a", "DATABASE_URL"), Purpose.DATA),
        (("acme/x", "a", "THING"), None),
    ],
)
def test_what_a_secret_is_for(args, expected):
    assert purposes.of_action(*args) is expected


@pytest.mark.parametrize(
    ("script", "secret", "expected"),
    [
        ("npm publish", "MY_TOKEN", Purpose.PUBLISH),
        ("docker login ghcr.io", "MY_TOKEN", Purpose.REGISTRY),
        ("make", "MY_TOKEN", None),
        ("npm publish", "AWS_SECRET_ACCESS_KEY", Purpose.CLOUD),
    ],
)
def test_what_a_secret_in_a_script_is_for(script, secret, expected):
    assert purposes.of_script(script, "X", secret) is expected


@pytest.mark.parametrize(
    ("script", "publishes"),
    [
        ("npm publish", True),
        ("npm --workspace x publish", True),
        ("npm run publish:docs", False),
        ("npm publish --dry-run", False),
        ("# npm publish", False),
        ("echo go && cargo publish", True),
        ("python -m twine upload dist/*", True),
        ("docker push", False),
    ],
)
def test_which_scripts_publish(script, publishes):
    assert bool(purposes.PUBLISHES.search(script)) is publishes


@pytest.mark.parametrize(
    ("step", "scopes", "owner", "repositories", "revoked"),
    [
        ("{with: {}}", ("*",), None, None, True),
        ("{with: {owner: acme}}", ("*",), "acme", "*", True),
        ("{with: {owner: acme, repositories: shop}}", ("*",), "acme", "shop", True),
        ("{with: {permission-contents: read, skip-token-revoke: true}}", ("contents: read",), None, None, False),
        ("""{with: {permissions: '{"issues": "write"}'}}""", ("issues: write",), None, None, True),
        ("{with: {permissions: 'contents:read, issues:write'}}", ("contents: read", "issues: write"), None, None, True),
        ("{with: {permissions: '{broken'}}", ("*",), None, None, True),
    ],
)
def test_what_an_app_token_may_do(step, scopes, owner, repositories, revoked):
    found = cloud.app_token(step_of(step), "tibdex/github-app-token")
    assert (found.scopes, found.owner, found.repositories, found.revoked) == (scopes, owner, repositories, revoked)
    assert cloud.app_token(step_of(step), "actions/checkout") is None


@pytest.mark.parametrize(
    ("run", "framework", "bypass"),
    [
        ("claude -p 'x' --dangerously-skip-permissions", "claude-code", "--dangerously-skip-permissions"),
        ("npx -y @anthropic-ai/claude-code -p x", "claude-code", None),
        ("echo x | claude -p", None, None),
        ("gemini -y -p x", "gemini-cli", "-y"),
        ("codex exec --full-auto x", "codex", "--full-auto"),
        ("aider --yes --message x", "aider", "--yes"),
        ("cursor-agent -f -p x", "cursor", "-f"),
        ("copilot -p x --allow-all-tools", "copilot-cli", "--allow-all-tools"),
        ("q chat --trust-all-tools x", "amazon-q", "--trust-all-tools"),
        ("npm install -g @anthropic-ai/claude-code", None, None),
        ("claude --version", None, None),
        ("echo gemini", None, None),
    ],
)
def test_which_agent_a_script_starts(run, framework, bypass):
    found = robots.robot(step_of(f"run: |\n  {run}"), "")
    if run.startswith("echo x |"):
        framework = "claude-code"
    assert (found.framework if found else None, found.bypass if found else None) == (framework, bypass)


def test_patterns_with_commas_inside_stay_whole():
    found = robots.robot(
        step_of("""{uses: x, with: {claude_args: '--allowedTools "Bash(git log:*, x),Edit" Read --model m'}}"""),
        "anthropics/claude-code-action",
    )
    assert found.allowed == ("Bash(git log:*, x)", "Edit", "Read")
    assert found.approval is Approval.DENY


def test_a_secret_reaches_an_action_through_the_environment_and_a_local_action(tmp_path):
    found = records(
        tmp_path,
        "on: push\njobs:\n  a:\n    env: {T: '${{ secrets.ONE }}'}\n    steps:\n"
        "      - {uses: acme/x@v1, with: {token: '${{ env.T }}'}}\n"
        "      - {uses: ./act, with: {t: '${{ secrets.TWO }}'}}\n",
        **{"act/action.yml": "runs:\n  steps:\n    - {uses: acme/y@v1, with: {k: '${{ inputs.t }}'}}\n"},
    )
    used = {(r.consumer_id.split("#")[1], r.credential_id.split("#")[1]) for r in found if r.table == "use"}
    assert (".github/workflows/ci.yml:a:action:acme/x", "secret:ONE") in used
    assert (".github/workflows/ci.yml:a:action:acme/y", "secret:TWO") in used


def test_a_reusable_workflow_is_as_trusted_as_its_callers(tmp_path):
    found = records(
        tmp_path,
        "on: pull_request_target\njobs:\n  a: {uses: ./.github/workflows/called.yml}\n",
        **{".github/workflows/called.yml": "on: workflow_call\njobs:\n  b: {steps: [{run: x}]}\n"},
    )
    called = next(r for r in found if r.table == "consumer" and r.id.endswith("called.yml:b"))
    assert called.trigger is Trigger.UNTRUSTED


def test_a_literal_is_an_exposure_and_its_value_is_nowhere(tmp_path):
    value = "Xk29" + "fjw8Lq0z" * 2
    found = records(tmp_path, f"on: push\njobs:\n  a:\n    env: {{API_TOKEN: {value}, CACHE_KEY: v1}}\n    steps: []\n")
    assert [r.uri for r in found if r.table == "exposure"] == [".github/workflows/ci.yml"]
    assert [r.form for r in found if r.table == "use" and r.name == "API_TOKEN"] == [Form.LITERAL]
    assert not any(value in repr(r) for r in found)


def test_a_broken_file_keeps_what_stands_before_the_error(tmp_path):
    found = records(tmp_path, "on: push\njobs:\n  a:\n    steps: []\n  b: [unclosed\n  c: }\n")
    assert [r.table for r in found if r.table in {"gap", "consumer"}] == ["gap", "consumer"]


def test_a_compiled_agentic_workflow_is_read_once_from_its_source(tmp_path):
    lock = "on: push\njobs:\n  a: {steps: []}\n"
    source = "---\non: push\nengine: codex\n---\n"
    alone = records(tmp_path / "alone", lock, "t.lock.yml")
    both = records(tmp_path / "both", lock, "t.lock.yml", **{".github/workflows/t.md": source})
    assert [r.name for r in alone if r.table == "consumer"] == ["t.lock / a"]
    assert [r.name for r in both if r.table == "consumer"] == ["t / agent", "codex"]


@pytest.mark.parametrize(
    ("step", "env", "registry", "federated"),
    [
        ("{run: npm publish}", "{}", "npm", True),
        ("{run: npm publish}", "{NODE_AUTH_TOKEN: x}", "npm", False),
        ("{run: npm publish}", "{SLACK_TOKEN: x}", "npm", True),
        ("{run: twine upload x}", "{TWINE_PASSWORD: x}", "pypi", False),
        ("{uses: rubygems/release-gem@v1, with: {setup-trusted-publisher: false}}", "{}", "rubygems", False),
    ],
)
def test_publishing_with_a_token_or_with_the_jobs_own_proof(step, env, registry, federated):
    may = permissions.effective(job_of("on: push\npermissions: {id-token: write}\njobs: {a: {x: y}}"))
    read = step_of(step)
    party = parties.action(read.uses)
    found = list(cloud.publications(read, party.action if party else "", may, parse_yaml(env)[0].map))
    assert [(p.registry, p.federated) for p in found] == [(registry, federated)]


@pytest.mark.parametrize(
    ("step", "name"),
    [
        ("{uses: google-github-actions/auth@v2, with: {workload_identity_provider: p}}", "workload_identity_provider"),
        ("{uses: hashicorp/vault-action@v3, with: {method: jwt}}", "role"),
        ("{uses: hashicorp/vault-action@v3, with: {token: x}}", None),
        ("{uses: azure/login@v2, with: {creds: x}}", None),
        ("{uses: rust-lang/crates-io-auth-action@v1}", "crates.io"),
        ("{uses: rubygems/configure-rubygems-credentials@v1, with: {api-token: x}}", None),
        ("{uses: aws-actions/configure-aws-credentials@v4}", None),
    ],
)
def test_what_is_had_for_the_jobs_own_proof(step, name):
    read = step_of(step)
    found = cloud.federation(read, parties.action(read.uses).action)
    assert (found.name if found else None) == name


@pytest.mark.parametrize("seed", range(60))
def test_no_mutation_of_a_workflow_ends_in_an_error(tmp_path, seed):
    chosen = random.Random(seed)
    sources = sorted(FIXTURES.glob("*/input/dot_github/**/*.*ml")) + sorted(FIXTURES.glob("*/input/dot_github/**/*.md"))
    for number in range(4):
        source = chosen.choice(sources)
        text = list(source.read_text(encoding="utf-8"))
        for _ in range(chosen.randint(1, 12)):
            at = chosen.randrange(len(text))
            match chosen.randrange(4):
                case 0:
                    del text[at : at + chosen.randint(1, 40)]
                case 1:
                    text.insert(
                        at, chosen.choice(["${{", "}}", "\n", "- ", ": ", "[", "{", "secrets", "\t", "&a *a", "'"])
                    )
                case 2:
                    text[at:at] = text[at // 2 : at // 2 + chosen.randint(1, 60)]
                case _:
                    text[at] = chr(chosen.choice([0, 9, 34, 39, 58, 91, 123, 0x2028, 0x1F600]))
            text = text or ["x"]
        place = tmp_path / ".github" / "workflows" / f"{number}{source.suffix}"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text("".join(text), encoding="utf-8")
    started = time.perf_counter()
    collected(tmp_path)
    assert time.perf_counter() - started < 10


@pytest.mark.parametrize(
    "pattern", ["\n", "npm ", "claude -x ", "$(", "git checkout ", "echo ", "${{ secrets.A }}", "(((("]
)
def test_a_hostile_script_costs_no_more_than_its_length(pattern):
    text = pattern * (200_000 // len(pattern))
    step = shape.Step(Node({"run": Node(text, 1, 1)}, 1, 1), "1", Document("x", Node({}, 1, 1), None), {})
    started = time.process_time()
    assert len(step.run) <= 50_000
    scripts.takes_in([step], {}, ("pull_request_target",))
    list(scripts.printed(step.run))
    scripts.traces(step.run)
    scripts.dumps(step.run)
    robots.robot(step, "")
    purposes.of_script(step.run, "A", "A_TOKEN")
    triggers.cause(["issues"], text)
    assert time.process_time() - started < 3
