"""Workloads and resources read from a loopback AWS over HTTP, for the services that it implements."""

import io
import json
import zipfile
from dataclasses import replace

import boto3
import pytest

from nhiscan.plugin import Target
from tests.collectors.aws.consumers import WITH_VALUES, Tables, group

REGION = "us-east-1"
ACCOUNT = "123456789012"
TRUST = json.dumps(
    {"Statement": [{"Effect": "Allow", "Principal": {"Service": "x.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
)


@pytest.fixture
def cloud(lab):
    """Clients of an empty account; a service is emptied when it is first used."""
    from moto.backends import get_backend

    session = boto3.Session(aws_access_key_id="testing", aws_secret_access_key="testing", region_name=REGION)
    made = {"iam": lab.iam}

    def client(name):
        if name not in made:
            accounts = get_backend(name)
            for region in accounts[ACCOUNT].values() if ACCOUNT in accounts else ():
                region.reset()
            made[name] = session.client(name, endpoint_url=lab.url)
        return made[name]

    return client


@pytest.fixture
def role(cloud):
    def make(name):
        return cloud("iam").create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]

    return make


@pytest.fixture
def collect(environment):
    def run(name, *parts, ctx=WITH_VALUES):
        """Only the parts that the lab can answer: each call it does not know costs many retries."""
        whole, target = group(name), Target("aws", "aws", "")
        collector = replace(whole, parts=tuple(p for p in whole.parts if p.name in parts))
        fresh = replace(ctx, calls={}, memo={}, regions=(REGION,))
        found = Tables(r for unit in collector.units(target, fresh) for r in collector.collect(unit, fresh))
        found.calls = fresh.calls
        return found

    return run


def archive():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as packed:
        packed.writestr("f.py", "def h(e, c): pass")
    return out.getvalue()


def runs_as(found):
    return {(u.consumer_id.rsplit(":", 1)[-1], u.identity_id.rsplit("/", 1)[-1], u.name)
            for u in found.use.values() if u.identity_id}  # fmt: skip


def test_functions_with_their_role_policy_tags_and_a_planted_token(cloud, role, collect, tokens):
    token = tokens.github_pat("live")
    cloud("lambda").create_function(
        FunctionName="etl", Runtime="python3.12", Role=role("etl"), Handler="f.h", Code={"ZipFile": archive()},
        Environment={"Variables": {"GH_TOKEN": token, "MODE": "x"}}, Tags={"owner": "data"},
    )  # fmt: skip
    cloud("lambda").create_function(
        FunctionName="bare", Runtime="python3.12", Role=role("bare"), Handler="f.h", Code={"ZipFile": archive()}
    )
    cloud("lambda").add_permission(
        FunctionName="etl", StatementId="s", Action="lambda:InvokeFunction", Principal="s3.amazonaws.com"
    )
    found = collect("functions", "functions", "event-sources")
    assert runs_as(found) == {("etl", "etl", "role"), ("bare", "bare", "role")}
    assert [p.kind for p in found.policy.values()] == ["resource"]
    assert {o.name for o in found.owner.values()} == {"data"}
    (credential,) = found.credential.values()
    assert credential.id.endswith(":function:etl#env:GH_TOKEN:1")
    assert token not in repr(list(found))
    assert found.gap == {}
    assert found.calls["lambda:GetPolicy"] == 2
    assert "lambda:ListFunctionUrlConfigs" not in found.calls


def test_machines_with_their_profile_metadata_and_user_data(cloud, role, collect, tokens):
    token = tokens.npm("live")
    cloud("iam").create_instance_profile(InstanceProfileName="web")
    role("web-role")
    cloud("iam").add_role_to_instance_profile(InstanceProfileName="web", RoleName="web-role")
    image = cloud("ec2").describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
    cloud("ec2").create_launch_template(
        LaunchTemplateName="t", LaunchTemplateData={"ImageId": image, "MetadataOptions": {"HttpTokens": "required"}}
    )
    (instance,) = cloud("ec2").run_instances(
        ImageId=image, MinCount=1, MaxCount=1, UserData=f"#!/bin/sh\nexport NPM_TOKEN={token}\n",
        IamInstanceProfile={"Name": "web"}, MetadataOptions={"HttpTokens": "optional", "HttpEndpoint": "enabled"},
    )["Instances"]  # fmt: skip
    found = collect("compute", "machines")
    arn = f"arn:aws:ec2:{REGION}:{ACCOUNT}:instance/{instance['InstanceId']}"
    assert ("web-role", "instance_profile") in {(b, c) for _, b, c in runs_as(found)}
    assert found.consumer[arn].enabled is True
    assert {e.uri for e in found.exposure.values()} == {arn}
    assert token not in repr(list(found))
    assert found.gap == {}


def test_tasks_and_services(cloud, role, collect):
    task, execution = role("task"), role("execution")
    for family in ("api", "nightly"):
        cloud("ecs").register_task_definition(
            family=family, taskRoleArn=task, executionRoleArn=execution,
            containerDefinitions=[{"name": "app", "image": "x", "memory": 64, "secrets": [{"name": "DB", "valueFrom": "/prod/db"}]}],
        )  # fmt: skip
    cloud("ecs").create_cluster(clusterName="prod")
    cloud("ecs").create_service(cluster="prod", serviceName="api", taskDefinition="api", desiredCount=2)
    found = collect("containers", "ecs")
    families = {k.rsplit("/", 1)[-1]: c for k, c in found.consumer.items()}
    assert families.keys() == {"api", "nightly"}
    assert {n for _, n, _ in runs_as(found)} >= {"task", "execution"}
    service = next(c for c in found.consumer.values() if ":service/" in c.id)
    assert found.consumer[service.parent_id].name == "api"
    assert {u.place for u in found.use.values() if u.name == "DB"} == {
        f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/prod/db"
    }


def test_builds_and_state_machines(cloud, role, collect):
    cloud("codebuild").create_project(
        name="deploy", source={"type": "S3", "location": "b/k"}, artifacts={"type": "NO_ARTIFACTS"},
        environment={"type": "LINUX_CONTAINER", "image": "x", "computeType": "BUILD_GENERAL1_SMALL"},
        serviceRole=role("build"),
    )  # fmt: skip
    cloud("stepfunctions").create_state_machine(name="flow", definition="{}", roleArn=role("flow"))
    cloud("scheduler").create_schedule(
        Name="n", ScheduleExpression="rate(1 day)", FlexibleTimeWindow={"Mode": "OFF"},
        Target={"Arn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:q", "RoleArn": role("clock")},
    )  # fmt: skip
    found = collect("pipelines", "builds", "state-machines", "schedules")
    assert {(b, c) for _, b, c in runs_as(found)} == {("build", "role"), ("flow", "role"), ("clock", "role")}


def test_glue_and_sagemaker(cloud, role, collect):
    role("loader")
    cloud("glue").create_job(Name="load", Role="loader", Command={"Name": "glueetl", "ScriptLocation": "s3://b/k"})
    cloud("sagemaker").create_notebook_instance(
        NotebookInstanceName="lab", InstanceType="ml.t2.medium", RoleArn=role("lab")
    )
    cloud("sagemaker").create_model(
        ModelName="m", ExecutionRoleArn=role("model"), PrimaryContainer={"Image": "i", "Environment": {"A": "b"}}
    )
    found = collect("data_jobs", "glue", "sagemaker")
    assert {b for _, b, _ in runs_as(found)} == {"loader", "lab", "model"}


def test_resources_and_their_policies(cloud, collect):
    queue = cloud("sqs").create_queue(QueueName="q")["QueueUrl"]
    arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:q"
    policy = {"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "sqs:*", "Resource": arn}]}
    cloud("sqs").set_queue_attributes(QueueUrl=queue, Attributes={"Policy": json.dumps(policy)})
    cloud("sns").create_topic(Name="t")
    cloud("ecr").create_repository(repositoryName="app")
    found = collect("resources", "queues", "topics", "image-repositories")
    by_name = {r.name: r for r in found.resource.values()}
    assert (by_name["q"].public, by_name["q"].id) == (True, arn)
    assert by_name["app"].public is False
    assert by_name["t"].public is not True, "the default policy names the owner in a condition"
    assert found.attachment[f"{arn}#resource/{arn}#policy"].principal_id == arn


def test_buckets(cloud, collect):
    for name in ("open", "closed"):
        cloud("s3").create_bucket(Bucket=name)
    policy = {
        "Statement": [
            {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::open/*"}
        ]
    }
    cloud("s3").put_bucket_policy(Bucket="open", Policy=json.dumps(policy))
    cloud("s3").put_public_access_block(
        Bucket="closed",
        PublicAccessBlockConfiguration=dict.fromkeys(
            ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True
        ),
    )
    found = collect("buckets", "buckets")
    # The account's block is asked of a host named after the account, which loopback does not have: so that `open` is open
    # cannot be known, and that is told.
    assert [g.operation for g in found.gap.values()] == ["s3control:GetPublicAccessBlock"]
    assert {r.name: r.public for r in found.resource.values()} == {"open": None, "closed": False}
    assert len(found.policy) == 1
