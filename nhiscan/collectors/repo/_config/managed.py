"""Policies that AWS and SAM provide by name, as far as their documents are short and settled.

Documents: AWS Managed Policy Reference Guide and SAM policy template list (November 2026).  A policy that is not here
is known by its ARN alone; an audit of an account reads the real one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_LOGS = ("logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents")
_INTERFACES = (
    "ec2:CreateNetworkInterface", "ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets", "ec2:DeleteNetworkInterface",
    "ec2:AssignPrivateIpAddresses", "ec2:UnassignPrivateIpAddresses",
)  # fmt: skip
_POWER_USER: tuple[Mapping[str, object], ...] = (
    {"Effect": "Allow", "NotAction": ["iam:*", "organizations:*", "account:*"], "Resource": "*"},
    {
        "Effect": "Allow",
        "Action": [
            "account:GetAccountInformation", "account:GetPrimaryEmail", "account:ListRegions",
            "iam:CreateServiceLinkedRole", "iam:DeleteServiceLinkedRole", "iam:ListRoles",
            "organizations:DescribeEffectivePolicy", "organizations:DescribeOrganization",
        ],
        "Resource": "*",
    },
)  # fmt: skip
_ALLOWED: Mapping[str, tuple[str, ...]] = {
    "AdministratorAccess": ("*",),
    "IAMFullAccess": (
        "iam:*", "organizations:DescribeAccount", "organizations:DescribeOrganization",
        "organizations:DescribeOrganizationalUnit", "organizations:DescribePolicy", "organizations:ListChildren",
        "organizations:ListParents", "organizations:ListPoliciesForTarget", "organizations:ListRoots",
        "organizations:ListPolicies", "organizations:ListTargetsForPolicy",
    ),
    "AmazonS3FullAccess": ("s3:*", "s3-object-lambda:*"),
    "AmazonS3ReadOnlyAccess": (
        "s3:Get*", "s3:List*", "s3:Describe*", "s3-object-lambda:Get*", "s3-object-lambda:List*",
    ),
    "AmazonSQSFullAccess": ("sqs:*",),
    "AmazonSNSFullAccess": ("sns:*",),
    "service-role/AWSLambdaBasicExecutionRole": _LOGS,
    "service-role/AWSLambdaVPCAccessExecutionRole": (*_LOGS, *_INTERFACES),
    "service-role/AmazonECSTaskExecutionRolePolicy": (
        "ecr:GetAuthorizationToken", "ecr:BatchCheckLayerAvailability", "ecr:GetDownloadUrlForLayer",
        "ecr:BatchGetImage", "logs:CreateLogStream", "logs:PutLogEvents",
    ),
    "AWSXRayDaemonWriteAccess": (
        "xray:PutTraceSegments", "xray:PutTelemetryRecords", "xray:GetSamplingRules", "xray:GetSamplingTargets",
        "xray:GetSamplingStatisticSummaries",
    ),
}  # fmt: skip
_BUCKET = "arn:${AWS::Partition}:s3:::"
_HERE = "${AWS::Region}:${AWS::AccountId}"
_TABLE = f"arn:${{AWS::Partition}}:dynamodb:{_HERE}:table/"
_CRUD = (
    "dynamodb:GetItem", "dynamodb:DeleteItem", "dynamodb:PutItem", "dynamodb:Scan", "dynamodb:Query",
    "dynamodb:UpdateItem", "dynamodb:BatchWriteItem", "dynamodb:BatchGetItem", "dynamodb:DescribeTable",
    "dynamodb:ConditionCheckItem",
)  # fmt: skip
# The name of a SAM policy template: its actions, the parameter that names the resource, what stands before its value.
_SAM: Mapping[str, tuple[tuple[str, ...], str, str]] = {
    "AWSSecretsManagerGetSecretValuePolicy": (("secretsmanager:GetSecretValue",), "SecretArn", ""),
    "SSMParameterReadPolicy": (
        ("ssm:DescribeParameters", "ssm:GetParameters", "ssm:GetParameter", "ssm:GetParametersByPath"),
        "ParameterName", f"arn:${{AWS::Partition}}:ssm:{_HERE}:parameter/",
    ),
    "KMSDecryptPolicy": (("kms:Decrypt",), "KeyId", f"arn:${{AWS::Partition}}:kms:{_HERE}:key/"),
    "KMSEncryptPolicy": (("kms:Encrypt",), "KeyId", f"arn:${{AWS::Partition}}:kms:{_HERE}:key/"),
    "LambdaInvokePolicy": (
        ("lambda:InvokeFunction",), "FunctionName", f"arn:${{AWS::Partition}}:lambda:{_HERE}:function:",
    ),
    "StepFunctionsExecutionPolicy": (
        ("states:StartExecution",), "StateMachineName", f"arn:${{AWS::Partition}}:states:{_HERE}:stateMachine:",
    ),
    "SQSSendMessagePolicy": (("sqs:SendMessage*",), "QueueName", f"arn:${{AWS::Partition}}:sqs:{_HERE}:"),
    "SQSPollerPolicy": (
        (
            "sqs:ChangeMessageVisibility", "sqs:ChangeMessageVisibilityBatch", "sqs:DeleteMessage",
            "sqs:DeleteMessageBatch", "sqs:GetQueueAttributes", "sqs:ReceiveMessage",
        ),
        "QueueName", f"arn:${{AWS::Partition}}:sqs:{_HERE}:",
    ),
    "SNSPublishMessagePolicy": (("sns:Publish",), "TopicName", f"arn:${{AWS::Partition}}:sns:{_HERE}:"),
    "DynamoDBCrudPolicy": (_CRUD, "TableName", _TABLE),
    "DynamoDBReadPolicy": (
        ("dynamodb:GetItem", "dynamodb:Scan", "dynamodb:Query", "dynamodb:BatchGetItem", "dynamodb:DescribeTable"),
        "TableName", _TABLE,
    ),
    "S3ReadPolicy": (
        ("s3:GetObject", "s3:ListBucket", "s3:GetBucketLocation", "s3:GetObjectVersion",
            "s3:GetLifecycleConfiguration"),
        "BucketName", _BUCKET,
    ),
    "S3WritePolicy": (("s3:PutObject", "s3:PutObjectAcl", "s3:PutLifecycleConfiguration"), "BucketName", _BUCKET),
    "S3CrudPolicy": (
        (
            "s3:GetObject", "s3:ListBucket", "s3:GetBucketLocation", "s3:GetObjectVersion", "s3:PutObject",
            "s3:PutObjectAcl", "s3:GetLifecycleConfiguration", "s3:PutLifecycleConfiguration", "s3:DeleteObject",
        ),
        "BucketName", _BUCKET,
    ),
}  # fmt: skip


def provided(arn: str) -> Mapping[str, object] | None:
    """The document of a policy that AWS provides, by its ARN; None where it is not known here."""
    name = arn.rpartition(":aws:policy/")[2]
    if name == "PowerUserAccess":
        return {"Version": "2012-10-17", "Statement": list(_POWER_USER)}
    return _allow(_ALLOWED[name], ["*"]) if name in _ALLOWED else None


def policy_arn(text: str) -> str:
    """The ARN of a managed policy whatever partition the template leaves open; bare names are AWS's own, as in SAM."""
    if not text.startswith("arn:"):
        bare = text.rpartition("/")[2]
        known = next((n for n in _ALLOWED if n.rpartition("/")[2] == bare), text)
        return f"arn:aws:iam::aws:policy/{known}"
    head, _, rest = text.partition(":iam::")
    return f"arn:aws:iam::{rest}" if head == "arn:${AWS::Partition}" and rest else text


def from_sam(name: str, parameters: Mapping[str, object]) -> Mapping[str, object] | None:
    """The document of a SAM policy template; None where the template is not known here or lacks its parameter."""
    if name not in _SAM:
        return None
    actions, parameter, head = _SAM[name]
    value = parameters.get(parameter)
    if not isinstance(value, str):
        return None
    resource = f"{head}{value.lstrip('/') if head.endswith('/') else value}"
    return _allow(actions, [resource, f"{resource}/*"] if head == _BUCKET else [resource])


def _allow(actions: tuple[str, ...], resources: list[str]) -> Mapping[str, object]:
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": list(actions), "Resource": resources}]}
