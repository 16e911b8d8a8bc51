"""Which IAM permission an operation needs: nearly always its own name under the service's prefix.

Operations are written `client:Operation` with the SDK's client name (`bedrock-agent:ListAgents`).  Source: the Service
Authorization Reference, "Actions defined by …".
"""

from __future__ import annotations

_PREFIX = {
    "accessanalyzer": "access-analyzer", "amp": "aps", "apigatewayv2": "apigateway", "bedrock-agent": "bedrock",
    "bedrock-agentcore-control": "bedrock-agentcore", "dms": "dms", "emr": "elasticmapreduce", "mwaa": "airflow",
    "opensearch": "es", "resourcegroupstaggingapi": "tag", "s3control": "s3", "sesv2": "ses", "sso-admin": "sso",
    "stepfunctions": "states",
}  # fmt: skip
_NAMED = {
    "accessanalyzer:GetFindingV2": "access-analyzer:GetFinding",
    "accessanalyzer:ListFindingsV2": "access-analyzer:ListFindings",
    "apigateway": "apigateway:GET",
    "apigatewayv2": "apigateway:GET",
    "lambda:GetFunctionConfiguration": "lambda:GetFunctionConfiguration",
    "s3:GetPublicAccessBlock": "s3:GetBucketPublicAccessBlock",
    "s3:ListBuckets": "s3:ListAllMyBuckets",
    "s3control:GetPublicAccessBlock": "s3:GetAccountPublicAccessBlock",
}


def permission(operation: str) -> str:
    """`bedrock-agent:ListAgents` -> `bedrock:ListAgents`."""
    client, _, name = operation.partition(":")
    special = _NAMED.get(operation) or _NAMED.get(client)
    return special or f"{_PREFIX.get(client, client)}:{name}"
