"""Whether an answer could be Google's: its names and types against the discovery documents of google-api-python-client.

A property that the document does not have, or a value of another type, is a fault.  `Struct`s (what an asset holds) are
checked against the document of the service they come from.
"""

from __future__ import annotations

import json
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_TYPES = {"string": str, "boolean": bool, "integer": int, "number": (int, float), "array": list, "object": dict}
INSIDE = {
    "iam.googleapis.com/ServiceAccount": ("iam.v1", "ServiceAccount"),
    "iam.googleapis.com/ServiceAccountKey": ("iam.v1", "ServiceAccountKey"),
    "iam.googleapis.com/Role": ("iam.v1", "Role"),
    "iam.googleapis.com/WorkloadIdentityPool": ("iam.v1", "WorkloadIdentityPool"),
    "iam.googleapis.com/WorkloadIdentityPoolProvider": ("iam.v1", "WorkloadIdentityPoolProvider"),
    "iam.googleapis.com/OauthClient": ("iam.v1", "OauthClient"),
    "iam.googleapis.com/PolicyV2": ("iam.v2", "GoogleIamV2Policy"),
    "apikeys.googleapis.com/Key": ("apikeys.v2", "V2Key"),
    "cloudresourcemanager.googleapis.com/Project": ("cloudresourcemanager.v1", "Project"),
    "secretmanager.googleapis.com/Secret": ("secretmanager.v1", "Secret"),
    "secretmanager.googleapis.com/SecretVersion": ("secretmanager.v1", "SecretVersion"),
    "cloudkms.googleapis.com/CryptoKey": ("cloudkms.v1", "CryptoKey"),
    "aiplatform.googleapis.com/ReasoningEngine": ("aiplatform.v1", "GoogleCloudAiplatformV1ReasoningEngine"),
    "aiplatform.googleapis.com/CustomJob": ("aiplatform.v1", "GoogleCloudAiplatformV1CustomJob"),
    "aiplatform.googleapis.com/PipelineJob": ("aiplatform.v1", "GoogleCloudAiplatformV1PipelineJob"),
    "aiplatform.googleapis.com/Endpoint": ("aiplatform.v1", "GoogleCloudAiplatformV1Endpoint"),
    "compute.googleapis.com/Instance": ("compute.v1", "Instance"),
    "container.googleapis.com/Cluster": ("container.v1", "Cluster"),
    "run.googleapis.com/Service": ("run.v1", "Service"),
    "run.googleapis.com/Job": ("run.v1", "Job"),
    "run.googleapis.com/WorkerPool": ("run.v2", "GoogleCloudRunV2WorkerPool"),
    "cloudfunctions.googleapis.com/CloudFunction": ("cloudfunctions.v1", "CloudFunction"),
    "cloudfunctions.googleapis.com/Function": ("cloudfunctions.v2", "Function"),
    "appengine.googleapis.com/Version": ("appengine.v1", "Version"),
    "composer.googleapis.com/Environment": ("composer.v1", "Environment"),
    "dataflow.googleapis.com/Job": ("dataflow.v1b3", "Job"),
    "dataproc.googleapis.com/Cluster": ("dataproc.v1", "Cluster"),
    "notebooks.googleapis.com/Instance": ("notebooks.v2", "Instance"),
    "cloudbuild.googleapis.com/BuildTrigger": ("cloudbuild.v1", "BuildTrigger"),
    "workflows.googleapis.com/Workflow": ("workflows.v1", "Workflow"),
    "cloudscheduler.googleapis.com/Job": ("cloudscheduler.v1", "Job"),
}
"""The document and schema of what assets of a type hold."""


@cache
def document(api: str) -> dict:
    """A discovery document (`iam.v1`)."""
    place = resources.files("googleapiclient") / "discovery_cache" / "documents" / f"{api}.json"
    return json.loads(place.read_text(encoding="utf-8"))


@cache
def method(api: str, name: str) -> dict:
    """A method of a document (`projects.serviceAccounts.list`)."""
    found: dict = document(api)
    *path, last = name.split(".")
    for part in path:
        found = found["resources"][part]
    return found["methods"][last]


def queries(api: str, name: str) -> set[str]:
    """The query names that a method knows."""
    common = {"alt", "fields", "prettyPrint"}
    return {n for n, p in method(api, name).get("parameters", {}).items() if p["location"] == "query"} | common


def faults(api: str, name: str, answer: object) -> Iterator[str]:
    """What of an answer the method could not have sent."""
    yield from _of(api, method(api, name)["response"]["$ref"], answer, name)


def _of(api: str, schema: str, value: object, where: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{where}: no object"
        return
    known = document(api)["schemas"][schema].get("properties", {})
    for name, held in value.items():
        if name not in known:
            yield f"{where}.{name}: {schema} has no such property"
        else:
            yield from _value(api, known[name], held, f"{where}.{name}")
    resource = value.get("resource")
    if schema == "Asset" and isinstance(resource, dict) and value.get("assetType") in INSIDE:
        inner = INSIDE[value["assetType"]]
        yield from _of(*inner, resource.get("data"), f"{where}.resource.data")


def _value(api: str, spec: dict, value: object, where: str) -> Iterator[str]:
    if "$ref" in spec:
        yield from _of(api, spec["$ref"], value, where)
        return
    type_ = spec.get("type", "any")
    if type_ == "any" or value is None:
        return
    if not isinstance(value, _TYPES[type_]) or (type_ == "integer" and isinstance(value, bool)):
        yield f"{where}: {type(value).__name__} for {type_}"
    elif type_ == "array":
        for n, each in enumerate(value):
            yield from _value(api, spec["items"], each, f"{where}[{n}]")
    elif type_ == "object" and spec.get("additionalProperties"):
        for key, each in value.items():
            yield from _value(api, spec["additionalProperties"], each, f"{where}.{key}")
    elif "enum" in spec and value not in spec["enum"]:
        yield f"{where}: {value!r} is no word of its list"
