"""Pipelines of other systems than GitHub's: what their jobs hold, who starts them, whose code they run."""

import random
import time
from datetime import UTC, datetime

import pytest

from nhiscan.collect.protocol import Context, Target, TargetKind
from nhiscan.collectors.repo._config.nodes import MalformedError
from nhiscan.collectors.repo._pipelines import groovy, shell
from nhiscan.collectors.repo._pipelines.parts import Home, git_pin, image_pin, least_trusted
from nhiscan.collectors.repo._pipelines.purposes import is_printed, purpose_of
from nhiscan.collectors.repo._pipelines.systems import JCASC, JENKINSFILE, system_of
from nhiscan.collectors.repo.pipelines import COLLECTOR
from nhiscan.plugin import Pin, Purpose, Trigger
from nhiscan.sensitive import FingerprintKey
from tests.conftest import ROOT

CTX = Context(as_of=datetime(2026, 11, 1, tzinfo=UTC), key=FingerprintKey(b"k" * 32))


@pytest.fixture
def collect(tmp_path):
    def run(path, text):
        place = tmp_path / "shop" / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")
        target = Target("shop", TargetKind.PATH, str(tmp_path / "shop"))
        return [r for u in COLLECTOR.units(target, CTX) for r in COLLECTOR.collect(u, CTX)]

    return run


def job(records, name=None):
    return next(r for r in records if r.table == "consumer" and r.kind == "pipeline" and name in {None, r.name})


def uses(records):
    return {(u.name, u.place, u.purpose.value if u.purpose else None) for u in records if u.table == "use"}


@pytest.mark.parametrize(
    ("path", "system"),
    [
        (".gitlab-ci.yml", "gitlab_ci"), ("ci/base.gitlab-ci.yml", "gitlab_ci"), (".circleci/config.yml", "circleci"),
        ("bitbucket-pipelines.yml", "bitbucket_pipelines"), (".buildkite/deploy.yml", "buildkite"),
        (".drone.yml", "drone"), (".woodpecker/test.yaml", "drone"), ("api/buildspec-test.yml", "codebuild"),
        ("azure-pipelines.yml", "azure_pipelines"), (".azure-pipelines/steps/build.yml", "azure_pipelines"),
        ("docker-compose.yml", None), (".gitlab-ci.yml.md", None), (".github/workflows/ci.yml", None),
    ],
)  # fmt: skip
def test_a_path_tells_the_system(path, system):
    found = system_of(path)
    assert (found.name if found else None) == system


@pytest.mark.parametrize(
    ("path", "pattern", "yes"),
    [
        ("Jenkinsfile", JENKINSFILE, True), ("ci/Jenkinsfile.release", JENKINSFILE, True),
        ("deploy.jenkinsfile", JENKINSFILE, True), ("docs/jenkins.md", JENKINSFILE, False),
        ("ci/jenkins.yaml", JCASC, True), ("casc_configs/a.yml", JCASC, True), ("values.yaml", JCASC, False),
    ],
)  # fmt: skip
def test_files_of_jenkins_are_known_by_path(path, pattern, yes):
    assert bool(pattern.fullmatch(path)) is yes


@pytest.mark.parametrize(
    ("rules", "trigger", "triggers", "gated"),
    [
        ("", Trigger.EVENT, ("push",), False),
        ("  when: manual\n", Trigger.MANUAL, ("push",), True),
        ("  only: [schedules]\n", Trigger.SCHEDULE, ("schedule",), False),
        ("  only: [merge_requests, tags]\n", Trigger.EVENT, ("merge_request_event", "push"), False),
        ("  rules: [{if: '$CI_PIPELINE_SOURCE == \"schedule\"'}]\n", Trigger.SCHEDULE, ("schedule",), False),
        ("  rules: [{if: $CI_COMMIT_TAG, when: manual}, {when: never}]\n", Trigger.MANUAL, ("push",), True),
        ("  rules: [{if: $CI_COMMIT_TAG, when: manual}, {if: $A}]\n", Trigger.EVENT, ("push",), None),
        ("  rules: [{if: $CI_MERGE_REQUEST_IID}]\n", Trigger.EVENT, ("merge_request_event",), False),
        ("  environment: prod\n", Trigger.EVENT, ("push",), None),
    ],
)
def test_gitlab_rules_tell_who_starts_a_job(collect, rules, trigger, triggers, gated):
    found = job(collect(".gitlab-ci.yml", f"deploy:\n{rules}  script: [make]\n"))
    assert (found.trigger, found.triggers, found.gated) == (trigger, triggers, gated)


@pytest.mark.parametrize(
    ("rules", "refs"),
    [
        ("", ["ref_type:*:ref:*"]),
        ("  only: [main]\n", ["ref_type:*:ref:main"]),
        ("  only: [tags]\n", ["ref_type:tag:ref:*"]),
        ("  rules: [{if: '$CI_COMMIT_BRANCH == \"main\"'}]\n", ["ref_type:branch:ref:main"]),
        ("  rules: [{if: '$CI_COMMIT_TAG == \"v1\"'}]\n", ["ref_type:tag:ref:v1"]),
        ("  rules: [{if: $CI_COMMIT_TAG}]\n", ["ref_type:tag:ref:*"]),
        ("  rules: [{if: $CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH}]\n", ["ref_type:branch:ref:*"]),
        ("  rules: [{if: '$CI_COMMIT_TAG || $A'}]\n", ["ref_type:*:ref:*"]),
    ],
)
def test_gitlab_rules_narrow_the_subject(collect, rules, refs):
    text = f"d:\n{rules}  id_tokens: {{T: {{aud: x}}}}\n  script: [make]\n"
    assert list(job(collect(".gitlab-ci.yml", text)).subjects) == [f"project_path:*:{r}" for r in refs]


def test_a_gitlab_job_reads_references_and_what_it_extends(collect):
    text = (
        ".b: {before_script: ['echo $B_TOKEN'], variables: {X: '1'}}\n"
        ".a: {extends: .b, script: ['curl $A_TOKEN']}\n"
        "j:\n  extends: [.a]\n  variables: {Y: $Y_SECRET}\n  after_script: [!reference [.a, script]]\n"
    )
    assert uses(collect(".gitlab-ci.yml", text)) == {
        ("B_TOKEN", "log", "exposed"), ("A_TOKEN", "env", None), ("Y", "env", None),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("echo $NPM_TOKEN", {("NPM_TOKEN", "log", "exposed")}),
        ("echo $NPM_TOKEN | docker login --password-stdin", {("NPM_TOKEN", "env", "registry")}),
        ("echo $NPM_TOKEN > ~/.npmrc", {("NPM_TOKEN", "env", "publish")}),
        ("TOKEN=$(make-token)\ncurl $TOKEN", set()),
        ("export API_TOKEN=$API_TOKEN; gh pr list", {("API_TOKEN", "env", None)}),
        ("set -x\ncurl -H $API_TOKEN", {("API_TOKEN", "env", None), ("set -x", "log", "exposed")}),
        ("printenv", {("printenv", "log", "exposed")}),
        ("env FOO=1 make", set()),
        ("echo \\$NPM_TOKEN $MAX_TOKENS $HOME", set()),
        ("git clone https://x:${GIT_PASSWORD}@h/r", {("GIT_PASSWORD", "env", "source")}),
        ("# echo $NPM_TOKEN", set()),
        ("aws s3 ls \\\n  --token $S_TOKEN", {("S_TOKEN", "env", "cloud")}),
    ],
)
def test_commands_tell_what_becomes_of_a_secret(text, told):
    found = shell.held_in([(text, 1)], shell.Names())
    assert {(h.name, h.place, h.purpose.value if h.purpose else None) for h in found} == told


@pytest.mark.parametrize(
    ("name", "command", "purpose"),
    [
        ("OPENAI_API_KEY", "aws x", Purpose.MODEL), ("X_TOKEN", "npm publish", Purpose.PUBLISH),
        ("X", "twine upload d", Purpose.PUBLISH), ("AWS_SECRET_ACCESS_KEY", "", Purpose.CLOUD),
        ("DATABASE_PASSWORD", "", Purpose.DATA), ("X_TOKEN", "./laws.sh", None),
    ],
)  # fmt: skip
def test_command_and_name_tell_the_purpose(name, command, purpose):
    assert purpose_of(name, command) is purpose


def test_only_what_goes_nowhere_else_is_printed():
    assert is_printed("echo x")
    assert is_printed("echo x >&2")
    assert not is_printed("echo x | y")
    assert not is_printed("curl x")


@pytest.mark.parametrize(
    ("ref", "pin"),
    [
        ("a" * 40, Pin.DIGEST),
        ("v1.2.3", Pin.EXACT),
        ("v1", Pin.TAG),
        ("main", Pin.NONE),
        (None, Pin.NONE),
        ("$R", None),
    ],
)
def test_refs_of_git_are_pins(ref, pin):
    assert git_pin(ref) is pin


def test_images_and_triggers_and_homes():
    assert image_pin("python:3") is Pin.TAG
    assert image_pin("$IMAGE") is None
    assert least_trusted([Trigger.MANUAL, Trigger.UNTRUSTED]) is Trigger.UNTRUSTED
    assert least_trusted([]) is None
    assert Home.of("repo:gitlab.com/a/b") == Home("gitlab.com", "a/b")
    assert Home.of("repo:git-1234") == Home.of("dir:x") == Home()


@pytest.mark.parametrize(
    ("head", "trigger", "hosted"),
    [
        ("trigger: [main]\npool: {vmImage: x}\n", Trigger.EVENT, False),
        ("trigger: none\npool: own\n", Trigger.MANUAL, True),
        ("trigger: none\npr: [main]\n", Trigger.UNTRUSTED, None),
        ("pr: none\npool: Azure Pipelines\n", Trigger.EVENT, False),
        ("trigger: none\nschedules: [{cron: x}]\n", Trigger.SCHEDULE, None),
        ("parameters: [{name: a}]\n", None, None),
    ],
)
def test_azure_says_who_starts_it_and_where(collect, head, trigger, hosted):
    found = job(collect("azure-pipelines.yml", head + "steps:\n- script: make\n"))
    assert (found.trigger, found.self_hosted) == (trigger, hosted)


@pytest.mark.parametrize(
    "condition",
    ["ne(variables['Build.Reason'], 'PullRequest')", "eq(variables['Build.SourceBranch'], 'refs/heads/main')"],
)
def test_a_condition_of_azure_keeps_pull_requests_out(collect, condition):
    text = f"pr: [main]\njobs:\n- job: a\n  condition: {condition}\n  steps: [{{script: x}}]\n"
    found = job(collect("azure-pipelines.yml", text))
    assert (found.trigger, found.runs_untrusted) == (Trigger.EVENT, False)


def test_conditional_steps_of_azure_are_read(collect):
    text = (
        "jobs:\n- ${{ if eq(1, 1) }}:\n  - job: a\n    variables: [{name: K, value: $(API_TOKEN)}]\n    steps:\n"
        "    - ${{ if x }}:\n      - task: acme.ext.deploy@1\n        inputs: {token: $(D_TOKEN), azureSubscription: $(s)}\n"
        "    - task: ManualValidation@0\n    - task: AzureKeyVault@2\n      inputs: {KeyVaultName: kv}\n"
    )
    records = collect("azure-pipelines.yml", text)
    assert job(records).gated is True
    assert uses(records) == {
        ("K", "env", None), ("token", "input", None), ("azureSubscription", "input", "cloud"), ("kv", "all_secrets", None),
    }  # fmt: skip


def test_circleci_expands_commands_and_tells_the_token(collect):
    text = (
        "version: 2.1\nexecutors: {e: {docker: [{image: 'a:1'}], resource_class: large}}\n"
        "commands: {c: {steps: [{run: {command: 'use $CIRCLE_OIDC_TOKEN --role-arn $ROLE', environment: {K: $K_TOKEN}}}]}}\n"
        "jobs: {j: {executor: e, steps: [{when: {steps: [c]}}, add_ssh_keys]}}\n"
        "workflows: {w: {triggers: [{schedule: {cron: x}}], jobs: [j]}}\n"
    )
    records = collect(".circleci/config.yml", text)
    found = job(records)
    assert (found.trigger, found.subjects, found.self_hosted) == (Trigger.SCHEDULE, ("org/*/project/*/user/*",), False)
    assert ("ROLE", "oidc", "cloud") in uses(records)
    assert ("add_ssh_keys", "all_secrets", "source") in uses(records)
    assert ("K", "env", None) in uses(records)


def test_a_job_of_an_orb_is_a_job(collect):
    text = "version: 2.1\norbs: {n: acme/node@1.2.3}\nworkflows: {w: {jobs: [n/publish: {npm_token: NPM_TOKEN}]}}\n"
    records = collect(".circleci/config.yml", text)
    assert job(records).name == "n/publish"
    assert uses(records) == {("npm_token", "input", "publish")}


@pytest.mark.parametrize(("block", "gated"), [("block: x", True), ("block: x, if: build.a", None), ("label: x", False)])
def test_a_block_of_buildkite_stands_before_what_follows(collect, block, gated):
    records = collect(".buildkite/pipeline.yml", f"steps:\n- {{{block}}}\n- {{label: d, command: make}}\n")
    assert job(records, "d").gated is gated


def test_buildkite_vaults_groups_and_logins(collect):
    text = (
        "steps:\n- group: g\n  steps:\n  - key: k\n    command: buildkite-agent oidc request-token\n    plugins:\n"
        "      aws-sm#v1: {env: {A: {secret-id: prod/a}}}\n      docker-login#v2.1.0: {password-env: LOGIN_PASSWORD}\n"
        "      ./own: {}\n  - key: l\n    secrets: {B: B_TOKEN}\n    command: x\n    plugins: [cache, 'm#v1.0.0']\n"
    )
    records = collect(".buildkite/pipeline.yml", text)
    assert {("A", "env", None), ("password-env", "input", None), ("B", "env", None)} <= uses(records)
    assert job(records, "k").issuer == "agent.buildkite.com"


SCRIPTED = """
node('linux') {
  withCredentials([[$class: 'AmazonWebServicesCredentialsBinding', credentialsId: 'aws-prod', secretKeyVariable: 'SK']]) {
    stage("Deploy") { sh \"\"\"aws s3 ls ${SK}\"\"\" }
    parallel(a: { stage('Two') { docker.withRegistry('https://r', 'registry-login') { echo 'x' } } })
  }
  sh 'curl $API_TOKEN' /* never closed
"""


def test_a_scripted_pipeline_hands_credentials_down(collect):
    records = collect("Jenkinsfile", SCRIPTED)
    assert {r.name for r in records if r.table == "consumer"} == {"Deploy", "Two", "pipeline"}
    assert {("SK", "env", "cloud"), ("SK", "log", "exposed"), ("withRegistry", "env", "registry")} <= uses(records)
    ids = {r.id.partition("#")[2] for r in records if r.table == "credential"}
    assert ids == {"secret:aws-prod", "secret:registry-login", "env:API_TOKEN"}


def test_tokens_of_groovy_keep_their_lines():
    found = list(groovy.tokens("a\n/* b\n */ 'c' // d\n'''e\nf''' g"))
    assert [(t.text, t.line) for t in found if t.text.strip()] == [("a", 1), ("c", 3), ("e\nf", 4), ("g", 5)]


def test_password_parameters_and_dynamic_ids(collect, tokens):
    value = tokens.password("jenkins-parameter")
    text = f"pipeline {{ parameters {{ password(name: 'PW', defaultValue: '{value}') }}\n stages {{ stage('a') {{ steps {{\n git url: u, credentialsId: params.CRED\n }} }} }} }}"
    records = collect("Jenkinsfile", text)
    assert [r.key_name for r in records if r.table == "exposure"] == ["PW"]
    assert ("credentialsId", "input", "source") in uses(records)
    assert value not in repr(records)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (".gitlab-ci.yml", "title: x\n"), ("azure-pipelines.yml", "steps: [a]\n"), (".drone.yml", "image: x\n"),
        (".circleci/config.yml", "version: 2\n"), ("Jenkinsfile", "notes on node\n"), ("jenkins.yaml", "jenkins: {a: b}\n"),
        ("buildspec.yml", "phases: {}\n"), (".buildkite/pipeline.yml", "steps: {a: 1}\n"),
    ],
)  # fmt: skip
def test_a_name_alone_makes_no_pipeline(collect, path, text):
    assert [r.table for r in collect(path, text)] == ["scope"]


def test_hostile_yaml_leaves_a_gap(collect):
    bomb = "a: &a [x]\n" + "".join(f"k{i}: &k{i} [*a, *a, *a]\n" for i in range(3)) + "script: " + "[" * 900
    assert [r.reason for r in collect(".gitlab-ci.yml", bomb) if r.table == "gap"] == ["malformed"]


INPUTS = sorted(p for p in (ROOT / "fixtures/collectors/repo.pipelines").glob("*/input/**/*") if p.is_file())


def test_mutated_files_end_in_records_or_gaps(collect):
    chance = random.Random(5)
    for number in range(120):
        source = INPUTS[number % len(INPUTS)]
        text = list(source.read_text(encoding="utf-8").replace("@@", "x"))
        for _ in range(chance.randint(1, 12)):
            at = chance.randrange(len(text))
            text[at : at + chance.randint(0, 9)] = chance.choice(
                ["{", "}", "[", ":", "\n", "- ", "'", '"', "$", "&a *a", ""]
            )
        name = source.name.replace("dot_", ".")
        path = (
            f".buildkite/{name}"
            if "buildkite" in str(source)
            else f".circleci/{name}"
            if "circleci" in str(source)
            else name
        )
        began = time.monotonic()
        try:
            collect(path, "".join(text))
        except MalformedError as e:
            pytest.fail(f"{source.name} #{number}: {e.what}")
        assert time.monotonic() - began < 5
