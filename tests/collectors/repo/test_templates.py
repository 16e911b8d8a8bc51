from __future__ import annotations

import contextlib
import json
import random
from pathlib import Path

import pytest

from nhiscan.collectors.repo._config.azure_roles import GUID, ROLES
from nhiscan.collectors.repo._config.managed import from_sam, policy_arn, provided
from nhiscan.collectors.repo._config.nodes import Document, MalformedError, Node
from nhiscan.collectors.repo._config.records import Book
from nhiscan.collectors.repo._templates import arm, readers
from nhiscan.collectors.repo._templates.bicep import parse_bicep
from nhiscan.collectors.repo._templates.cfn import NOTHING, Resolver, is_template, parse_template, target, template_of
from nhiscan.collectors.repo._templates.iam import aliases
from nhiscan.model import Attachment, Consumer, Credential, Hop, Identity, Member, Policy, Resource, Store, Trust, Use
from nhiscan.plugin import Visibility
from nhiscan.sensitive import FingerprintKey

HEAD = "Parameters:\n  Env: {Type: String, Default: prod}\n  Names: {Type: CommaDelimitedList, Default: 'a,b'}\n"
CASES = Path(__file__).resolve().parents[3] / "fixtures" / "collectors" / "repo.templates"


def document(root: Node, path: str = "t.yaml") -> Document:
    return Document(path, root, Visibility.TRACKED)


def told(kind: str, text: str, path: str = "t.yaml") -> list:
    parse, tell = readers.READERS[kind]
    return list(tell(document(parse(text), path), Book("dir:x", "repo.templates", FingerprintKey(b"k" * 32))))


def only(records: list, kind: type) -> list:
    return [r for r in records if isinstance(r, kind)]


def cfn(resources: str, head: str = HEAD) -> list:
    return told("cloudformation", f"{head}Resources:\n{resources}")


def resolved(expression: str) -> object:
    root = parse_template(f"{HEAD}Resources:\n  R: {{Type: 'AWS::IAM::Role'}}\nX: {expression}\n")
    template = template_of(document(root), "dir:x#t.yaml")
    aliases(template)
    return Resolver(template).value(root.map["X"])


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("!Ref Env", "prod"),
        ("!Ref Names", ["a", "b"]),
        ("!Ref AWS::AccountId", "${AWS::AccountId}"),
        ("!Ref AWS::NoValue", NOTHING),
        ("!GetAtt R.Arn", "dir:x#t.yaml:R"),
        ("{Fn::GetAtt: [R, Arn]}", "dir:x#t.yaml:R"),
        ("!GetAtt B.Arn", "${B.Arn}"),
        ("!Sub 'x-${Env}-${!Env}-${Other}'", "x-prod-${Env}-${Other}"),
        ("!Sub ['${A}/${Env}', {A: !Ref Env}]", "prod/prod"),
        ("!Sub '${R.Arn}'", "dir:x#t.yaml:R"),
        ("!Join ['-', [a, !Ref Env]]", "a-prod"),
        ("!Join ['-', !Ref Unknown]", "${Join}"),
        ("[!If [C, a, !Ref AWS::NoValue], b]", ["a", "b"]),
        ("[!If [C, [a, c], d]]", ["a", "c", "d"]),
        ("!If [C, same, same]", "same"),
        ("!Select [1, !Ref Names]", "b"),
        ("!Select [7, !Ref Names]", "${Select}"),
        ("!Split [',', 'a,b']", ["a", "b"]),
        ("!Base64 text", "text"),
        ("!ImportValue other", "${ImportValue}"),
        ("012345671234", "012345671234"),
        ("{A: !Ref AWS::NoValue, B: 1}", {"B": "1"}),
        ("!Unknown text", "text"),
        ("!Sub", "${Sub}"),
    ],
)
def test_functions_come_to_what_the_template_alone_tells(expression, value):
    assert resolved(expression) == value


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("!Ref R", ("R", "")),
        ("!GetAtt R.Arn", ("R", "Arn")),
        ("!GetAtt R.Outputs.X", ("R", "Outputs.X")),
        ("!Sub '${R}'", ("R", "")),
        ("!Sub 'a${R}'", None),
        ("plain", None),
        ("{A: 1}", None),
    ],
)
def test_a_plain_reference_is_told_from_a_text_around_one(text, found):
    assert target(parse_template(f"X: {text}").map["X"]) == found


@pytest.mark.parametrize(
    ("text", "yes"),
    [
        ("Resources: {A: {Type: 'AWS::S3::Bucket'}}", True),
        ("Resources: {A: {Type: 'Custom::Thing'}}", True),
        ("Resources: {A: {Type: string}}", False),
        ("Resources: [AWS::S3::Bucket]", False),
        ("a: b", False),
    ],
)
def test_content_decides_what_is_a_template(text, yes):
    assert is_template(parse_template(text)) is yes


def test_the_arn_of_a_role_of_the_template_becomes_its_id_in_every_notation():
    trust = (
        "[!Sub 'arn:${AWS::Partition}:iam::${AWS::AccountId}:role/team/named', 'arn:aws:iam::111122223333:role/named',"
        " !Sub 'arn:aws:iam::${AWS::AccountId}:role/${A}', !Sub 'arn:aws:sts::${AWS::AccountId}:assumed-role/named/x']"
    )
    records = cfn(
        "  A: {Type: 'AWS::IAM::Role', Properties: {RoleName: named}}\n"
        "  B: {Type: 'AWS::IAM::Role', Properties: {AssumeRolePolicyDocument: {Statement: [{Effect: Allow, "
        f"Action: 'sts:AssumeRole', Principal: {{AWS: {trust}}}}}]}}}}}}\n"
    )
    (policy,) = only(records, Policy)
    mine = "dir:x#t.yaml:A"
    assert json.loads(policy.document)["Statement"][0]["Principal"]["AWS"] == [
        mine, "arn:aws:iam::111122223333:role/named", mine, mine,
    ]  # fmt: skip


def test_the_attribute_of_a_thing_of_the_template_is_no_value():
    records = cfn(
        "  Caller: {Type: 'AWS::IAM::Role'}\n"
        "  M: {Type: 'AWS::ApiGateway::Method', Properties: {Integration: {Credentials: !GetAtt Caller.Arn}}}\n"
        "  I: {Type: 'AWS::ApiGatewayV2::Integration', Properties: {CredentialsArn: !Sub '${Caller.Arn}'}}\n"
        "  J: {Type: 'AWS::ApiGatewayV2::Integration', Properties: {Credentials: !Sub "
        "'arn:aws:iam::${AWS::AccountId}:role/x'}}\n"
        "  P: {Type: 'AWS::Cognito::UserPool', Properties: {TemporaryPasswordValidityDays: 21, ApiKey: sk1-zq0v7w3k9x}}\n"
    )
    assert [c.name for c in only(records, Credential)] == ["ApiKey"]


def test_a_policy_written_as_text_is_kept_as_text():
    (policy,) = only(
        cfn("  P: {Type: 'AWS::IAM::ManagedPolicy', Properties: {PolicyDocument: !Sub '{\"a\": 1}'}}\n"), Policy
    )
    assert policy.document == '{"a": 1}'


def test_a_policy_that_only_deployment_knows_is_a_gap():
    records = cfn("  P: {Type: 'AWS::IAM::ManagedPolicy', Properties: {PolicyDocument: !ImportValue x}}\n")
    assert only(records, Policy)[0].document is None
    assert [r.subject_id for r in records if r.table == "gap"] == ["dir:x#t.yaml:P"]


def test_groups_profiles_and_additions_are_members():
    records = cfn(
        "  U: {Type: 'AWS::IAM::User', Properties: {LoginProfile: {Password: !Ref Env}}}\n"
        "  G: {Type: 'AWS::IAM::Group'}\n"
        "  Add: {Type: 'AWS::IAM::UserToGroupAddition', Properties: {GroupName: !Ref G, Users: [!Ref U, elsewhere]}}\n"
        "  R: {Type: 'AWS::IAM::RolePolicy', Properties: {RoleName: !Ref G, PolicyName: p, PolicyDocument: {}}}\n"
    )
    assert [(m.identity_id, m.group_id) for m in only(records, Member)] == [("dir:x#t.yaml:U", "dir:x#t.yaml:G")]
    assert only(records, Attachment)[0].principal_id == "dir:x#t.yaml:G"
    assert next(i for i in only(records, Identity) if i.kind == "user").interactive is True


def test_a_managed_policy_of_an_account_or_import_is_a_gap_of_its_bearer():
    records = cfn(
        "  R: {Type: 'AWS::IAM::Role', Properties: {ManagedPolicyArns: [!ImportValue shared, "
        "'arn:aws:iam::111122223333:policy/own'], PermissionsBoundary: 'arn:aws:iam::aws:policy/PowerUserAccess'}}\n"
    )
    assert [r.subject_id for r in records if r.table == "gap"] == ["dir:x#t.yaml:R"] * 2
    assert {a.kind for a in only(records, Attachment)} == {"grants", "boundary"}


def test_rates_and_days_of_rotation_are_days():
    store = "  S: {Type: 'AWS::SecretsManager::Secret', Properties: {Name: db, KmsKeyId: !GetAtt K.Arn}}\n"
    tied = (
        "  T: {Type: 'AWS::SecretsManager::SecretTargetAttachment', Properties: {SecretId: !Ref S}}\n"
        "  K: {Type: 'AWS::KMS::Key', Properties: {EnableKeyRotation: true}}\n"
        "  O: {Type: 'AWS::SecretsManager::RotationSchedule', Properties: {SecretId: !Ref T, RotationRules: "
    )
    for rules, days in (
        ("{ScheduleExpression: rate(10 days)}", 10),
        ("{ScheduleExpression: rate(4 hours)}", 1),
        ("{}", None),
    ):
        found = only(cfn(f"{store}{tied}{rules}}}}}\n"), Store)
        secret = next(s for s in found if s.kind == "secret")
        assert (secret.rotation, secret.rotation_days, secret.encrypted_with) == (True, days, "dir:x#t.yaml:K")
        assert next(s for s in found if s.kind == "kms_key").rotation is True
    assert only(cfn(store), Store)[0].rotation is None


def test_a_template_of_instances_says_whether_metadata_asks_for_a_token():
    data = "{IamInstanceProfile: {Name: !Ref P}, MetadataOptions: {HttpTokens: required, HttpPutResponseHopLimit: 2}}"
    records = cfn(
        "  R: {Type: 'AWS::IAM::Role'}\n  P: {Type: 'AWS::IAM::InstanceProfile', Properties: {Roles: [!Ref R]}}\n"
        f"  L: {{Type: 'AWS::EC2::LaunchTemplate', Properties: {{LaunchTemplateData: {data}}}}}\n"
    )
    (machine,) = only(records, Consumer)
    assert (machine.metadata_v1, machine.metadata_hops) == (False, 2)
    assert [u.identity_id for u in only(records, Use)] == ["dir:x#t.yaml:R"]


def test_containers_of_a_task_and_variables_of_a_build_tell_values_from_stores():
    records = cfn(
        "  T: {Type: 'AWS::ECS::TaskDefinition', Properties: {TaskRoleArn: 'arn:aws:iam::111122223333:role/t', "
        "ContainerDefinitions: [{Environment: [{Name: API_TOKEN, Value: changeme}], Command: [run, --verbose], "
        "Secrets: [{Name: DB_PASSWORD, ValueFrom: 'arn:aws:ssm:x'}]}]}}\n"
        "  B: {Type: 'AWS::CodeBuild::Project', Properties: {Environment: {EnvironmentVariables: ["
        "{Name: NPM_TOKEN, Type: SECRETS_MANAGER, Value: npm}, {Name: STAGE, Value: prod}]}}}\n"
    )
    assert {(u.name, str(u.form)) for u in only(records, Use) if u.form} == {
        ("API_TOKEN", "placeholder"), ("DB_PASSWORD", "vault"), ("NPM_TOKEN", "vault"),
    }  # fmt: skip
    assert next(u for u in only(records, Use) if u.how == "runs_as").name == "task_role"


def test_a_function_url_without_sign_in_is_public_only_when_everybody_may_call_it():
    function = "  F: {Type: 'AWS::Lambda::Function'}\n"
    url = "  U: {Type: 'AWS::Lambda::Url', Properties: {TargetFunctionArn: !Ref F, AuthType: NONE}}\n"
    may = "  P: {Type: 'AWS::Lambda::Permission', Properties: {FunctionName: !Ref F, Principal: '*'}}\n"
    assert [only(cfn(t), Consumer)[0].public for t in (function, function + url, function + url + may)] == [
        None,
        False,
        True,
    ]


def test_collaborators_hand_over_through_their_alias():
    records = cfn(
        "  A: {Type: 'AWS::Bedrock::Agent', Properties: {AgentCollaborators: [{AgentDescriptor: {AliasArn: !GetAtt "
        "Alias.AgentAliasArn}}]}}\n  B: {Type: 'AWS::Bedrock::Agent'}\n"
        "  Alias: {Type: 'AWS::Bedrock::AgentAlias', Properties: {AgentId: !Ref B}}\n"
        "  K: {Type: 'AWS::BedrockAgentCore::ApiKeyCredentialProvider', Properties: {Name: exa}}\n"
        "  O: {Type: 'AWS::BedrockAgentCore::OAuth2CredentialProvider', Properties: {CredentialProviderVendor: GithubOauth2}}\n"
        "  C: {Type: 'AWS::BedrockAgentCore::CodeInterpreterCustom'}\n"
    )
    assert [(h.from_id[-1], h.to_id[-1], h.via) for h in only(records, Hop)] == [("A", "B", "collaboration")]
    assert [(c.kind, c.provider) for c in only(records, Credential)] == [("api_key", None), ("client_secret", "github")]
    assert only(records, Consumer)[-1].framework == "code_interpreter"


@pytest.mark.parametrize(
    ("text", "arn"),
    [
        ("AdministratorAccess", "arn:aws:iam::aws:policy/AdministratorAccess"),
        ("AWSLambdaBasicExecutionRole", "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"),
        ("arn:${AWS::Partition}:iam::aws:policy/X", "arn:aws:iam::aws:policy/X"),
        ("arn:aws-cn:iam::aws:policy/X", "arn:aws-cn:iam::aws:policy/X"),
    ],
)
def test_names_of_managed_policies_become_arns(text, arn):
    assert policy_arn(text) == arn


def test_documents_that_are_not_known_are_none():
    assert provided("arn:aws:iam::aws:policy/Unheard") is None
    assert provided("arn:aws:iam::aws:policy/PowerUserAccess")["Statement"][0]["NotAction"][0] == "iam:*"
    assert from_sam("UnheardPolicy", {}) is None
    assert from_sam("S3ReadPolicy", {}) is None
    assert from_sam("KMSDecryptPolicy", {"KeyId": "k"})["Statement"][0]["Resource"][0].endswith(":key/k")


def test_a_service_whose_statements_lie_elsewhere_leaves_its_policy_open():
    text = (
        "provider: {name: aws, iamRoleStatements: '${file(iam.yml)}', rolePermissionsBoundary: 'arn:aws:iam::aws:policy/X'}\n"
        "functions: [{a: {handler: a.b, events: [schedule]}}]\ncustom: {token: '${env:TOKEN}'}\n"
    )
    records = told("serverless", text)
    assert [p.document for p in only(records, Policy) if p.kind == "inline"] == [None]
    assert only(records, Consumer)[-1].triggers == ("schedule",)
    assert [c.id for c in only(records, Credential)] == ["dir:x#env:TOKEN"]


def test_a_service_with_a_role_of_its_own_makes_none():
    text = "provider: {name: aws, iam: {role: 'arn:aws:iam::111122223333:role/own'}}\nfunctions: {a: {handler: a.b}}\n"
    records = told("serverless", text)
    assert only(records, Identity) == []
    assert [u.identity_id for u in only(records, Use)] == ["arn:aws:iam::111122223333:role/own"]


def test_bicep_is_read_with_its_odd_corners():
    root = parse_bicep(
        "using './x'\n/* long\ncomment */ @minLength(3)\n@secure()\nparam p string\nparam list array = [\n  'a', 'b'\n  3\n]\n"
        "var v = cond\n  ? 'a'\n  : 'b'\nvar w = '''raw ${x}\ntext'''\nvar e = '\\'q\\n$x'\nvar n = null\nvar neg = -5\n"
        "type t = { a: string }\nfunc f() string => 'x'\nresource a 'A.B/c@1' existing = {\n  name: 'a'\n}\n"
        "resource many 'A.B/d@1' = [for x in list: {\n  name: 'd-${x}'\n  'odd key': true\n}]\n"
        "resource alone 'A.B/e@1' = if (x == 'y') { name: '[literal' }\nmodule m './m.bicep' = { name: 'm', params: { k: p } }\n"
        "var plain = [for x in list: x]\nresource broken\noutput o object = { a: f('x, y') }\n"
    )
    kinds = {n.text_at("symbol"): n for n in root.map["resources"].list}
    assert list(kinds) == ["a", "many", "alone", "m"]
    assert kinds["a"].is_true("existing")
    assert kinds["many"].map["name"].text == "['d-${x}']"
    assert kinds["many"].is_true("odd key")
    assert arm.literal(kinds["alone"].map["name"]) == "[literal"
    values = {k: n.at("defaultValue").value for k, n in root.map["variables"].map.items()}
    assert (values["w"], values["e"], values["n"], values["neg"]) == ("raw ${x}\ntext", "'q\n$x", None, -5)
    assert values["v"].startswith("[cond")
    assert root.at("parameters", "p").text_at("type") == "securestring"
    assert [n.value for n in root.at("parameters", "list", "defaultValue").list] == ["a", "b", 3]
    assert root.at("outputs", "o", "value", "a").text == "[f('x, y')]"


@pytest.mark.parametrize("text", ["resource a 'b/c@1' = {", "var a = [", "var a = ", "var a = " + "[" * 99])
def test_bicep_that_ends_too_early_or_too_deep_is_malformed(text):
    with pytest.raises(MalformedError):
        parse_bicep(text)


def test_a_federated_credential_finds_its_identity_by_parent_name_or_what_it_waits_for():
    for where in ("parent: id", "name: 'known/x'", "name: '${v}/x'\n dependsOn: [ id ]"):
        records = told(
            "bicep",
            "resource id 'Microsoft.ManagedIdentity/userAssignedIdentities@1' = {\n name: 'known'\n}\n"
            "resource f 'Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials@1' = {\n "
            f"{where}\n properties: {{ issuer: 'https://gitlab.com', subject: s }}\n}}\n",
        )
        (trust,) = only(records, Trust)
        assert (trust.principal, trust.target_id, trust.subjects) == ("gitlab.com", "dir:x#t.yaml:id", ("${subject}",))


@pytest.mark.parametrize(
    ("kind", "properties", "local"),
    [
        ("Microsoft.Storage/storageAccounts", "", True),
        ("Microsoft.Storage/storageAccounts", "allowSharedKeyAccess: false", False),
        ("Microsoft.Storage/storageAccounts", "allowSharedKeyAccess: choice", None),
        ("Microsoft.CognitiveServices/accounts", "disableLocalAuth: true", False),
        ("Microsoft.CognitiveServices/accounts", "disableLocalAuth: false", True),
        ("Microsoft.ContainerRegistry/registries", "", False),
    ],
)
def test_sign_in_by_key_follows_the_property_or_the_default_of_its_provider(kind, properties, local):
    records = told("bicep", f"resource r '{kind}@1' = {{\n name: 'r'\n properties: {{ {properties} }}\n}}\n")
    assert only(records, Resource)[0].local_auth is local


def test_assignments_to_what_is_not_declared_here_are_left_out():
    role = "subscriptionResourceId('x', '8e3af657-a8ff-443c-a75c-2fe8c4bcb635')"
    for principal in ("principalId", "other.identity.principalId", "old.properties.principalId"):
        text = (
            "resource old 'Microsoft.ManagedIdentity/userAssignedIdentities@1' existing = {\n name: 'old'\n}\n"
            "resource other 'Microsoft.Web/sites@1' = {\n name: 'o'\n}\n"
            "resource r 'Microsoft.Authorization/roleAssignments@1' = {\n properties: {\n  "
            f"roleDefinitionId: {role}\n  principalId: {principal}\n }}\n}}\n"
        )
        assert only(told("bicep", text), Attachment) == []


def test_parameters_repositories_and_queues_are_told_with_what_stands_on_them():
    records = cfn(
        "  A: {Type: 'AWS::SSM::Parameter', Properties: {Name: /shop/api-token, Type: String, Value: Zx9kQ2mVb7Lp4RtY}}\n"
        "  B: {Type: 'AWS::SSM::Parameter', Properties: {Name: /shop/region, Type: String, Value: eu-west-1}}\n"
        "  C: {Type: 'AWS::SecretsManager::Secret', Properties: {SecretString: Zx9kQ2mVb7Lp4RtY}}\n"
        "  D: {Type: 'AWS::ECR::Repository', Properties: {RepositoryPolicyText: {Statement: []}}}\n"
        "  E: {Type: 'AWS::SQS::Queue'}\n  F: {Type: 'AWS::SNS::Topic'}\n"
        "  G: {Type: 'AWS::SQS::QueuePolicy', Properties: {Queues: [!Ref E, 'https://other'], PolicyDocument: {A: b}}}\n"
        "  H: {Type: 'AWS::SecretsManager::ResourcePolicy', Properties: {SecretId: !Ref C, ResourcePolicy: {A: b}}}\n"
        "  I: {Type: 'AWS::Cognito::UserPoolClient', Properties: {ClientSecret: '${x}', Url: 'https://u:Zx9kQ2mVb7Lp4RtY@h.io'}}\n"
    )
    assert [(s.kind, s.name) for s in only(records, Store)] == [("plain_parameter", "/shop/api-token"), ("secret", "C")]
    assert [(r.kind, r.name) for r in only(records, Resource)] == [("image_repository", "D"), ("queue", "E")]
    assert sorted(p.id[-8:] for p in only(records, Policy)) == ["C#policy", "D#policy", "E#policy"]
    assert len(only(records, Credential)) == 3


def test_parameters_that_hold_no_credential_say_nothing():
    head = (
        "Parameters:\n  A: {Type: String, Default: x}\n  KeyPair: {Type: 'AWS::EC2::KeyPair::KeyName', NoEcho: true}\n"
        "  Db: {Type: 'AWS::SSM::Parameter::Value<String>', NoEcho: true, Default: /db}\n"
        "  ApiToken: {Type: String, Default: '{{resolve:ssm-secure:/x}}'}\n"
    )
    records = cfn(
        "  R: {Type: 'AWS::IAM::Role'}\nOutputs: {A: {Value: !Sub 'x-${Db}'}, B: {}, Token: {Value: changeme}}\n", head
    )
    assert {(u.name, str(u.form)) for u in only(records, Use)} == {
        ("Db", "vault"), ("A", "reference"), ("Token", "placeholder"),
    }  # fmt: skip


@pytest.mark.parametrize("kind", ["cloudformation", "arm", "bicep"])
def test_more_resources_than_can_be_deployed_are_malformed(kind):
    text = {
        "cloudformation": "Resources:\n" + "".join(f"  R{n}: {{Type: 'AWS::S3::Bucket'}}\n" for n in range(1001)),
        "arm": json.dumps({"resources": [{"type": "a/b"}] * 1001}),
        "bicep": "resource a 'b/c@1' = {}\n" * 1001,
    }[kind]
    with pytest.raises(MalformedError):
        told(kind, text)


def test_every_built_in_role_has_an_id_of_its_form():
    assert all(GUID.fullmatch(k) and k == k.lower() for k in ROLES)
    assert len(set(ROLES.values())) == len(ROLES)


def test_any_change_of_a_template_is_read_or_malformed():
    chance = random.Random(5)
    sources = [(p, p.read_text(encoding="utf-8")) for p in sorted(CASES.rglob("input/**/*")) if p.is_file()]
    for _ in range(200):
        path, text = chance.choice(sources)
        kind = {".bicep": "bicep"}.get(path.suffix, "arm" if "azure" in path.name else "cloudformation")
        kind = "serverless" if path.name == "serverless.yml" else kind
        for _ in range(3):
            at = chance.randrange(len(text) + 1)
            text = text[:at] + chance.choice(["{", "}", "'", "!Ref ", "\n", "[", ""]) + text[at + chance.randrange(9) :]
        with contextlib.suppress(MalformedError):
            told(kind, text)
