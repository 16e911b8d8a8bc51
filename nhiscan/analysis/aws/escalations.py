"""The catalogue of one-step escalations of privilege in AWS, as data.

Each entry is a set of actions that together hand a principal more than it has, and the kind of target it needs to be
real.  The actions are those the provider documents for the operation (Service Authorization Reference); that a role is
handed to a service with `iam:PassRole` and to which service principal is in each service's own guide (IAM User Guide,
id_roles_use_passrole and reference_aws-services-that-work-with-iam).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

IAM_GUIDE = "https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_manage.html"
HANDING_GUIDE = "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html"
ACTIONS_GUIDE = "https://docs.aws.amazon.com/service-authorization/latest/reference/"


class Need(Enum):
    """What an escalation needs to exist before it works; `targets.py` looks for it."""

    POLICY_VERSION = "a customer-managed policy that bears on the principal"
    POLICY_HISTORY = "an older, wider version of a customer-managed policy that bears on the principal"
    USER_POLICY = "a user whose policies can be changed"
    ROLE_POLICY = "a role whose policies can be changed"
    GROUP_POLICY = "a group with a member"
    GROUP_SEAT = "a more powerful group"
    ACCESS_KEY = "a more powerful user"
    NEW_PASSWORD = "a more powerful user without a console password"  # noqa: S105 - words, not a password
    OLD_PASSWORD = "a more powerful user with a console password"  # noqa: S105 - words, not a password
    ROLE_TRUST = "a more powerful role whose trust can be changed"
    OWN_BOUNDARY = "a boundary that alone keeps the principal from being administrator"
    NOTHING = "nothing: what is needed is made on the way"
    PASSED_ROLE = "a more powerful role that trusts the service"
    PROFILED_ROLE = "a more powerful role that an instance profile hands to EC2"
    LIVE_ROLE = "a running workload with a more powerful role"
    SAML_ROLE = "a more powerful role that trusts a SAML provider"
    OIDC_ROLE = "a more powerful role that trusts an OIDC provider"


@dataclass(frozen=True, slots=True)
class Escalation:
    """One entry.  `targeted` are the actions asked about the target itself; the others need any resource of theirs.

    `service` is the service principal that must be trusted by the target role.
    """

    id: str
    need: Need
    actions: tuple[str, ...]
    targeted: tuple[str, ...] = ()
    service: str | None = None
    source: str = ACTIONS_GUIDE


_PASS = "iam:PassRole"  # noqa: S105 - an action


def _iam(need: Need, *actions: str, others: str = "") -> Escalation:
    targeted = tuple(f"iam:{a}" for a in actions)
    every = (*targeted, *others.split())
    return Escalation("+".join(every), need, every, targeted, None, IAM_GUIDE)


def _handing(need: Need, service: str, line: str) -> Escalation:
    actions = (_PASS, *line.split())
    return Escalation("+".join(actions), need, actions, (_PASS,), f"{service}.amazonaws.com", HANDING_GUIDE)


def _live(service: str, line: str) -> Escalation:
    actions = tuple(line.split())
    return Escalation("+".join(actions), Need.LIVE_ROLE, actions, (), f"{service}.amazonaws.com")


_IAM = (
    _iam(Need.POLICY_VERSION, "CreatePolicyVersion"),
    _iam(Need.POLICY_HISTORY, "SetDefaultPolicyVersion"),
    _iam(Need.USER_POLICY, "AttachUserPolicy"),
    _iam(Need.USER_POLICY, "PutUserPolicy"),
    _iam(Need.ROLE_POLICY, "AttachRolePolicy"),
    _iam(Need.ROLE_POLICY, "PutRolePolicy"),
    _iam(Need.GROUP_POLICY, "AttachGroupPolicy"),
    _iam(Need.GROUP_POLICY, "PutGroupPolicy"),
    _iam(Need.GROUP_SEAT, "AddUserToGroup"),
    _iam(Need.ACCESS_KEY, "CreateAccessKey"),
    _iam(Need.NEW_PASSWORD, "CreateLoginProfile"),
    _iam(Need.OLD_PASSWORD, "UpdateLoginProfile"),
    _iam(Need.OLD_PASSWORD, "DeleteLoginProfile", "CreateLoginProfile"),
    _iam(Need.ROLE_TRUST, "UpdateAssumeRolePolicy"),
    _iam(Need.OWN_BOUNDARY, "DeleteUserPermissionsBoundary"),
    _iam(Need.OWN_BOUNDARY, "DeleteRolePermissionsBoundary"),
    _iam(Need.OWN_BOUNDARY, "PutUserPermissionsBoundary"),
    _iam(Need.OWN_BOUNDARY, "PutRolePermissionsBoundary"),
    _iam(Need.NOTHING, others="iam:CreateRole iam:AttachRolePolicy"),
    _iam(Need.NOTHING, others="iam:CreateRole iam:PutRolePolicy"),
    _iam(Need.NOTHING, others="iam:CreateUser iam:AttachUserPolicy iam:CreateAccessKey"),
    _iam(Need.NOTHING, others="iam:CreateUser iam:PutUserPolicy iam:CreateAccessKey"),
    _iam(Need.NOTHING, others="iam:CreateUser iam:AttachUserPolicy iam:CreateLoginProfile"),
    _iam(Need.NOTHING, others="iam:CreateUser iam:PutUserPolicy iam:CreateLoginProfile"),
    _iam(Need.NOTHING, others="iam:CreateGroup iam:AttachGroupPolicy iam:AddUserToGroup"),
    _iam(Need.NOTHING, others="iam:CreateGroup iam:PutGroupPolicy iam:AddUserToGroup"),
    _iam(Need.GROUP_SEAT, "AddUserToGroup", others="iam:CreateUser iam:CreateAccessKey"),
    _iam(Need.SAML_ROLE, others="iam:UpdateSAMLProvider"),
    _iam(Need.OIDC_ROLE, others="iam:UpdateOpenIDConnectProviderThumbprint"),
    _iam(Need.OIDC_ROLE, others="iam:AddClientIDToOpenIDConnectProvider"),
)

_CODE_INTERPRETER = (
    "bedrock-agentcore:CreateCodeInterpreter bedrock-agentcore:StartCodeInterpreterSession "
    "bedrock-agentcore:InvokeCodeInterpreter"
)
_LIFECYCLE = (
    "sagemaker:CreateNotebookInstanceLifecycleConfig sagemaker:UpdateNotebookInstance sagemaker:StartNotebookInstance"
)

_PASSED = tuple(
    _handing(Need.PASSED_ROLE, service, line)
    for service, line in (
        ("lambda", "lambda:CreateFunction lambda:InvokeFunction"),
        ("lambda", "lambda:CreateFunction lambda:CreateEventSourceMapping"),
        ("lambda", "lambda:CreateFunction lambda:AddPermission"),
        ("lambda", "lambda:CreateFunction lambda:CreateFunctionUrlConfig"),
        ("lambda", "lambda:UpdateFunctionCode lambda:UpdateFunctionConfiguration"),
        ("glue", "glue:CreateDevEndpoint"),
        ("glue", "glue:CreateJob glue:StartJobRun"),
        ("glue", "glue:CreateJob glue:CreateTrigger"),
        ("glue", "glue:UpdateJob glue:StartJobRun"),
        ("glue", "glue:UpdateJob glue:CreateTrigger"),
        ("glue", "glue:CreateSession glue:RunStatement"),
        ("cloudformation", "cloudformation:CreateStack"),
        ("cloudformation", "cloudformation:UpdateStack"),
        ("cloudformation", "cloudformation:CreateChangeSet cloudformation:ExecuteChangeSet"),
        ("cloudformation", "cloudformation:CreateStackSet cloudformation:CreateStackInstances"),
        ("cloudformation", "cloudformation:UpdateStackSet"),
        ("ecs-tasks", "ecs:RegisterTaskDefinition ecs:RunTask"),
        ("ecs-tasks", "ecs:RegisterTaskDefinition ecs:StartTask"),
        ("ecs-tasks", "ecs:RegisterTaskDefinition ecs:CreateService"),
        ("ecs-tasks", "ecs:RegisterTaskDefinition ecs:UpdateService"),
        ("codebuild", "codebuild:CreateProject codebuild:StartBuild"),
        ("codebuild", "codebuild:CreateProject codebuild:StartBuildBatch"),
        ("codebuild", "codebuild:UpdateProject codebuild:StartBuild"),
        ("codebuild", "codebuild:UpdateProject codebuild:StartBuildBatch"),
        ("codepipeline", "codepipeline:CreatePipeline"),
        ("codepipeline", "codepipeline:UpdatePipeline codepipeline:StartPipelineExecution"),
        ("codedeploy", "codedeploy:CreateDeploymentGroup codedeploy:CreateDeployment"),
        ("sagemaker", "sagemaker:CreateNotebookInstance sagemaker:CreatePresignedNotebookInstanceUrl"),
        ("sagemaker", "sagemaker:CreateNotebookInstanceLifecycleConfig sagemaker:CreateNotebookInstance"),
        ("sagemaker", "sagemaker:CreateTrainingJob"),
        ("sagemaker", "sagemaker:CreateProcessingJob"),
        ("sagemaker", "sagemaker:CreateModel sagemaker:CreateTransformJob"),
        ("sagemaker", "sagemaker:CreateModel sagemaker:CreateEndpointConfig sagemaker:CreateEndpoint"),
        ("sagemaker", "sagemaker:CreateUserProfile sagemaker:CreatePresignedDomainUrl"),
        ("sagemaker", "sagemaker:CreatePipeline sagemaker:StartPipelineExecution"),
        (
            "datapipeline",
            "datapipeline:CreatePipeline datapipeline:PutPipelineDefinition datapipeline:ActivatePipeline",
        ),
        ("ssm", "ssm:StartAutomationExecution"),
        ("ssm", "ssm:CreateDocument ssm:StartAutomationExecution"),
        ("states", "states:CreateStateMachine states:StartExecution"),
        ("states", "states:UpdateStateMachine states:StartExecution"),
        ("scheduler", "scheduler:CreateSchedule"),
        ("scheduler", "scheduler:UpdateSchedule"),
        ("events", "events:PutRule events:PutTargets"),
        ("ecs-tasks", "batch:RegisterJobDefinition batch:SubmitJob"),
        ("tasks.apprunner", "apprunner:CreateService"),
        ("tasks.apprunner", "apprunner:UpdateService"),
        ("bedrock-agentcore", "bedrock-agentcore:CreateAgentRuntime bedrock-agentcore:InvokeAgentRuntime"),
        ("bedrock-agentcore", _CODE_INTERPRETER),
        ("bedrock", "bedrock:CreateAgent bedrock:PrepareAgent bedrock:InvokeAgent"),
        ("emr-serverless", "emr-serverless:CreateApplication emr-serverless:StartJobRun"),
        ("gamelift", "gamelift:CreateFleet"),
        ("kinesisanalytics", "kinesisanalytics:CreateApplication kinesisanalytics:StartApplication"),
        ("airflow-env", "airflow:CreateEnvironment"),
        ("amplify", "amplify:CreateApp amplify:StartJob"),
        ("lambda", "synthetics:CreateCanary synthetics:StartCanary"),
        ("elasticbeanstalk", "elasticbeanstalk:CreateEnvironment"),
        ("pods.eks", "eks:CreatePodIdentityAssociation"),
        ("rolesanywhere", "rolesanywhere:CreateTrustAnchor rolesanywhere:CreateProfile"),
        ("databrew", "databrew:CreateRecipeJob databrew:StartJobRun"),
        ("imagebuilder", "imagebuilder:CreateImagePipeline imagebuilder:StartImagePipelineExecution"),
        ("iot", "iot:CreateTopicRule"),
        ("credentials.iot", "iot:CreateRoleAlias iot:CreatePolicy iot:CreateKeysAndCertificate"),
        ("cognito-identity", "cognito-identity:SetIdentityPoolRoles"),
    )
)

_PROFILED = tuple(
    _handing(Need.PROFILED_ROLE, "ec2", line)
    for line in (
        "ec2:RunInstances",
        "ec2:RequestSpotInstances",
        "ec2:RequestSpotFleet",
        "ec2:AssociateIamInstanceProfile",
        "ec2:ReplaceIamInstanceProfileAssociation",
        "ec2:CreateLaunchTemplate ec2:CreateFleet",
        "ec2:CreateLaunchTemplateVersion ec2:ModifyLaunchTemplate",
        "ec2:CreateLaunchTemplate autoscaling:CreateAutoScalingGroup",
        "autoscaling:CreateLaunchConfiguration autoscaling:CreateAutoScalingGroup",
        "elasticmapreduce:RunJobFlow",
    )
)
_PROFILING = tuple(
    _handing(Need.PASSED_ROLE, "ec2", f"iam:CreateInstanceProfile iam:AddRoleToInstanceProfile {action}")
    for action in ("ec2:RunInstances", "ec2:AssociateIamInstanceProfile")
)

_RUNNING = tuple(
    _live(service, line)
    for service, line in (
        ("lambda", "lambda:UpdateFunctionCode"),
        ("lambda", "lambda:UpdateFunctionConfiguration lambda:PublishLayerVersion"),
        ("glue", "glue:UpdateDevEndpoint"),
        ("glue", "glue:UpdateJob glue:StartJobRun"),
        ("glue", "glue:RunStatement"),
        ("cloudformation", "cloudformation:UpdateStack"),
        ("cloudformation", "cloudformation:CreateChangeSet cloudformation:ExecuteChangeSet"),
        ("ec2", "ssm:SendCommand"),
        ("ec2", "ssm:StartSession"),
        ("ec2", "ssm:CreateAssociation"),
        ("ec2", "ec2-instance-connect:SendSSHPublicKey"),
        ("ec2", "ec2-instance-connect:SendSerialConsoleSSHPublicKey"),
        ("ec2", "ec2:ModifyInstanceAttribute ec2:StopInstances ec2:StartInstances"),
        ("ec2", "ec2:CreateLaunchTemplateVersion ec2:ModifyLaunchTemplate"),
        ("ecs-tasks", "ecs:ExecuteCommand"),
        ("sagemaker", "sagemaker:CreatePresignedNotebookInstanceUrl"),
        ("sagemaker", "sagemaker:CreatePresignedDomainUrl"),
        ("sagemaker", _LIFECYCLE),
        ("codebuild", "codebuild:StartBuild"),
        ("codebuild", "codebuild:StartBuildBatch"),
        ("codebuild", "codebuild:UpdateProject codebuild:StartBuild"),
        ("codepipeline", "codepipeline:UpdatePipeline"),
        ("states", "states:UpdateStateMachine states:StartExecution"),
        ("states", "states:TestState"),
        ("bedrock-agentcore", "bedrock-agentcore:InvokeCodeInterpreter"),
        ("bedrock-agentcore", "bedrock-agentcore:UpdateAgentRuntime bedrock-agentcore:InvokeAgentRuntime"),
        ("tasks.apprunner", "apprunner:UpdateService"),
        ("elasticmapreduce", "elasticmapreduce:AddJobFlowSteps"),
        ("cloud9", "cloud9:CreateEnvironmentMembership"),
    )
)

CATALOGUE: tuple[Escalation, ...] = (*_IAM, *_PASSED, *_PROFILED, *_PROFILING, *_RUNNING)
"""Every escalation; ids are unique."""

# The resource types an action is asked about when they are not of its own service.
RESOURCES: dict[str, tuple[str, ...]] = {
    "ssm:SendCommand": ("arn:*:ec2:*:*:instance/*", "arn:*:ssm:*:*:document/*"),
    "ssm:StartSession": ("arn:*:ec2:*:*:instance/*",),
    "ssm:CreateAssociation": ("arn:*:ec2:*:*:instance/*",),
    "ec2-instance-connect:SendSSHPublicKey": ("arn:*:ec2:*:*:instance/*",),
    "ec2-instance-connect:SendSerialConsoleSSHPublicKey": ("arn:*:ec2:*:*:instance/*",),
    "lambda:InvokeFunction": ("arn:*:lambda:*:*:function:*",),
    "lambda:CreateFunction": ("arn:*:lambda:*:*:function:*",),
    "lambda:UpdateFunctionCode": ("arn:*:lambda:*:*:function:*",),
    "iam:CreateRole": ("arn:*:iam::*:role/*",),
    "iam:AttachRolePolicy": ("arn:*:iam::*:role/*",),
    "iam:PutRolePolicy": ("arn:*:iam::*:role/*",),
    "iam:CreateUser": ("arn:*:iam::*:user/*",),
    "iam:AttachUserPolicy": ("arn:*:iam::*:user/*",),
    "iam:PutUserPolicy": ("arn:*:iam::*:user/*",),
    "iam:CreateAccessKey": ("arn:*:iam::*:user/*",),
    "iam:CreateLoginProfile": ("arn:*:iam::*:user/*",),
    "iam:CreateGroup": ("arn:*:iam::*:group/*",),
    "iam:AttachGroupPolicy": ("arn:*:iam::*:group/*",),
    "iam:PutGroupPolicy": ("arn:*:iam::*:group/*",),
    "iam:AddUserToGroup": ("arn:*:iam::*:group/*",),
    "iam:UpdateSAMLProvider": ("arn:*:iam::*:saml-provider/*",),
    "iam:UpdateOpenIDConnectProviderThumbprint": ("arn:*:iam::*:oidc-provider/*",),
    "iam:AddClientIDToOpenIDConnectProvider": ("arn:*:iam::*:oidc-provider/*",),
}
"""An action not listed is asked about `arn:*:<its service>:*`."""


def resources_of(action: str, account: str) -> tuple[str, ...]:
    """Patterns of what an action works on; those of IAM lie in the principal's own account."""
    service = action.partition(":")[0]
    patterns = RESOURCES.get(action, (f"arn:*:{service}:*",))
    return tuple(p.replace(":iam::*:", f":iam::{account}:") for p in patterns)
