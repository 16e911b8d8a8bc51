"""What the parts of the AgentCore collector share: operation names, and what a state means."""

from __future__ import annotations

CLIENT = "bedrock-agentcore-control"
TAGS, POLICY = f"{CLIENT}:ListTagsForResource", f"{CLIENT}:GetResourcePolicy"
# One text for all parts: a gap of the tags is one gap, whichever part met it first.
TAGGED = (
    "consumer.tags, consumer.environment, resource.tags, resource.environment, identity.tags, identity.environment, "
    "credential.environment, owner"
)
# Whether a runtime, harness, gateway or target answers; a failed change leaves the earlier version in service.
SERVES = {
    "READY": True, "UPDATING": True, "UPDATE_FAILED": True, "UPDATE_UNSUCCESSFUL": True, "UPDATE_PENDING_AUTH": True,
    "SYNCHRONIZING": True, "SYNCHRONIZE_UNSUCCESSFUL": True, "SYNCHRONIZE_PENDING_AUTH": True, "DELETE_FAILED": True,
    "CREATING": False, "CREATE_FAILED": False, "CREATE_PENDING_AUTH": False, "DELETING": False, "FAILED": False,
}  # fmt: skip
