"""The role that audits every account of an AWS organisation, as a CloudFormation template and as a Terraform module.

Both hold the exact policy and nothing that changes anything; the template is what a stack set puts into every account.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from nhiscan.collect.permissions import aws_policies, caller_policy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nhiscan.collect.protocol import Collector

ROLE = "nhiscan-audit"
_AUDITOR = "ARN of the user or role that audits (or of an account, to let its own policies decide)."
_EXTERNAL_ID = "What the auditor must send as external id (--external-id); empty for none."

_MODULE = """\
# The read-only role of nhiscan. Printed by `nhiscan permissions aws --terraform`.
# Apply it in the management account with the ids of roots or organizational units to reach all of their accounts, then:
#   nhiscan audit aws:org --role <role_name> [--external-id <external_id>]

terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.0"
    }
  }
}

variable "auditor_arn" {
  description = "%(auditor)s"
  type        = string
}

variable "external_id" {
  description = "%(external_id)s"
  type        = string
  default     = ""
}

variable "role_name" {
  description = "Name of the role, the same in every account."
  type        = string
  default     = "%(role)s"
}

variable "organizational_unit_ids" {
  description = "Roots and units (r-…, ou-…) whose accounts get the role too; empty for this account only."
  type        = list(string)
  default     = []
}

locals {
  policies = %(policies)s

  template = jsonencode(%(template)s)
}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "AWS"
      identifiers = [var.auditor_arn]
    }

    dynamic "condition" {
      for_each = var.external_id == "" ? [] : [var.external_id]

      content {
        test     = "StringEquals"
        variable = "sts:ExternalId"
        values   = [condition.value]
      }
    }
  }
}

resource "aws_iam_role" "nhiscan" {
  name               = var.role_name
  description        = "Read-only inventory of machine identities"
  assume_role_policy = data.aws_iam_policy_document.trust.json
}

resource "aws_iam_policy" "nhiscan" {
  count  = length(local.policies)
  name   = "${var.role_name}-${count.index + 1}"
  policy = jsonencode(local.policies[count.index])
}

resource "aws_iam_role_policy_attachment" "nhiscan" {
  count      = length(local.policies)
  role       = aws_iam_role.nhiscan.name
  policy_arn = aws_iam_policy.nhiscan[count.index].arn
}

resource "aws_cloudformation_stack_set" "nhiscan" {
  count            = length(var.organizational_unit_ids) > 0 ? 1 : 0
  name             = var.role_name
  permission_model = "SERVICE_MANAGED"
  capabilities     = ["CAPABILITY_NAMED_IAM"]
  template_body    = local.template

  parameters = {
    AuditorArn = var.auditor_arn
    ExternalId = var.external_id
    RoleName   = var.role_name
  }

  auto_deployment {
    enabled                          = true
    retain_stacks_on_account_removal = false
  }

  lifecycle {
    ignore_changes = [administration_role_arn]
  }
}

resource "aws_cloudformation_stack_set_instance" "nhiscan" {
  count          = length(var.organizational_unit_ids) > 0 ? 1 : 0
  stack_set_name = aws_cloudformation_stack_set.nhiscan[0].name

  deployment_targets {
    organizational_unit_ids = var.organizational_unit_ids
  }
}

output "role_arn" {
  description = "The role in this account."
  value       = aws_iam_role.nhiscan.arn
}

output "auditor_policy" {
  description = "What the auditor itself needs."
  value = jsonencode(%(caller)s)
}
"""


def cloudformation(collectors: Sequence[Collector], options: Sequence[str] = ()) -> str:
    """A template in YAML for one account, or as a stack set for all accounts below roots and organizational units."""
    import yaml

    head = (
        "# The read-only role of nhiscan. Printed by `nhiscan permissions aws --cloudformation`.\n"
        "# As a service-managed stack set it reaches every member account; the management account takes a stack of\n"
        "# its own. One region is enough: roles are global. Then: nhiscan audit aws:org --role <RoleName>\n"
    )
    return head + yaml.safe_dump(template(collectors, options), sort_keys=False, width=120, allow_unicode=True)


def terraform(collectors: Sequence[Collector], options: Sequence[str] = ()) -> str:
    """A module for one account that, given roots or organizational units, puts the role into all of their accounts."""
    return _MODULE % {
        "auditor": _AUDITOR,
        "external_id": _EXTERNAL_ID,
        "role": ROLE,
        "policies": _nested(aws_policies(collectors, options)),
        "template": _nested(template(collectors, options)),
        "caller": _nested(caller_policy(f"arn:aws:iam::*:role/{ROLE}")).replace(
            f"role/{ROLE}", "role/${var.role_name}"
        ),
    }


def template(collectors: Sequence[Collector], options: Sequence[str] = ()) -> dict[str, object]:
    """The CloudFormation template: the role, and its policy in as many managed policies as it takes."""
    policies = aws_policies(collectors, options)
    names = [f"Reading{number}" for number in range(1, len(policies) + 1)]
    demanded = {"StringEquals": {"sts:ExternalId": {"Ref": "ExternalId"}}}
    trust = {
        "Effect": "Allow",
        "Principal": {"AWS": {"Ref": "AuditorArn"}},
        "Action": "sts:AssumeRole",
        "Condition": {"Fn::If": ["ExternalIdGiven", demanded, {"Ref": "AWS::NoValue"}]},
    }
    role = {
        "RoleName": {"Ref": "RoleName"},
        "Description": "Read-only inventory of machine identities",
        "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [trust]},
        "ManagedPolicyArns": [{"Ref": name} for name in names],
    }
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "The read-only role of nhiscan",
        "Parameters": {
            "AuditorArn": {"Type": "String", "Description": _AUDITOR, "AllowedPattern": "arn:aws[a-z-]*:(iam|sts)::.+"},
            "ExternalId": {"Type": "String", "Description": _EXTERNAL_ID, "Default": ""},
            "RoleName": {"Type": "String", "Description": "The same in every account.", "Default": ROLE},
        },
        "Conditions": {"ExternalIdGiven": {"Fn::Not": [{"Fn::Equals": [{"Ref": "ExternalId"}, ""]}]}},
        "Resources": {
            **{
                name: {"Type": "AWS::IAM::ManagedPolicy", "Properties": {"PolicyDocument": policy}}
                for name, policy in zip(names, policies, strict=True)
            },
            "Role": {"Type": "AWS::IAM::Role", "Properties": role},
        },
        "Outputs": {"RoleArn": {"Value": {"Fn::GetAtt": ["Role", "Arn"]}}},
    }


def _nested(value: object) -> str:
    """JSON, which is an expression of Terraform too, indented to stand inside a block."""
    return json.dumps(value, indent=2, separators=(",", " : ")).replace("\n", "\n  ")
