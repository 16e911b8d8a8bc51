"""What tasks of Azure Pipelines take: service connections, secrets, and the scripts they run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nhiscan.collectors.repo._config import words
from nhiscan.collectors.repo._config.judge import Spot
from nhiscan.collectors.repo._pipelines import shell
from nhiscan.collectors.repo._pipelines.parts import OWN, VAULT, Held, Ref
from nhiscan.collectors.repo._pipelines.purposes import purpose_of
from nhiscan.plugin import CredentialKind, Form, Lifetime, Purpose, UseHow

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nhiscan.collectors.repo._config.nodes import Node

_TOKEN = Ref(OWN, "System.AccessToken", CredentialKind.TOKEN, "azure_devops", Lifetime.SHORT_LIVED)
SYSTEM: Mapping[str, Ref] = {"System.AccessToken": _TOKEN, "SYSTEM_ACCESSTOKEN": _TOKEN}
_SCRIPTS = ("script", "inlineScript", "Inline", "inline", "arguments", "customCommand", "bashEnvValue")
# Endings of the names of inputs that take a service connection, and what such a one is for.
_CONNECTIONS = (
    ("azuresubscription", Purpose.CLOUD), ("connectedservicename", Purpose.CLOUD),
    ("connectedservicenamearm", Purpose.CLOUD), ("awscredentials", Purpose.CLOUD),
    ("azureresourcemanagerconnection", Purpose.CLOUD), ("backendservicearm", Purpose.CLOUD),
    ("environmentservicename", Purpose.CLOUD), ("environmentservicenameazurerm", Purpose.CLOUD),
    ("environmentservicenameaws", Purpose.CLOUD), ("environmentservicenamegcp", Purpose.CLOUD),
    ("kubernetesserviceconnection", Purpose.CLOUD), ("kubernetesserviceendpoint", Purpose.CLOUD),
    ("azuresubscriptionendpoint", Purpose.CLOUD), ("azuresubscriptionforacr", Purpose.REGISTRY),
    ("containerregistry", Purpose.REGISTRY), ("dockerregistryendpoint", Purpose.REGISTRY),
    ("dockerregistryserviceconnection", Purpose.REGISTRY), ("dockerregistryconnection", Purpose.REGISTRY),
    ("publishendpoint", Purpose.PUBLISH), ("publishfeedcredentials", Purpose.PUBLISH),
    ("pythonuploadserviceconnection", Purpose.PUBLISH), ("nugetserviceconnections", Purpose.REGISTRY),
    ("customendpoint", Purpose.REGISTRY), ("externalendpoint", Purpose.PUBLISH),
    ("externalendpoints", Purpose.REGISTRY), ("githubconnection", Purpose.SOURCE), ("sshendpoint", None),
    ("serviceconnection", None), ("serviceendpoint", None), ("connectedserver", None), ("sonarqube", None),
    ("sonarcloud", None),
)  # fmt: skip
_BY_NAME = dict(_CONNECTIONS)


def is_foreign(task: str) -> bool:
    """Whether a task is named with its publisher (`publisher.extension.task@1`): one out of the box never is."""
    return task.partition("@")[0].count(".") >= 2


def inputs_of(
    task: str, inputs: Node | None, names: shell.Names, by: str | None
) -> tuple[list[Held], list[Spot], list[tuple[str, int]]]:
    """What a task is given: uses, places of literals, and lines of scripts."""
    held: list[Held] = []
    spots: list[Spot] = []
    scripts: list[tuple[str, int]] = []
    for name, node in (inputs.map if inputs else {}).items():
        if node.text is None:
            continue
        if name in _SCRIPTS:
            scripts.append((node.text, node.line))
        elif name.lower() in _BY_NAME and node.text:
            held += _connections(name, node, by)
        else:
            found = list(shell.value_refs(name, node, names, place="input", by=by))
            held += found
            if not found and words.names_credential(name):
                spots.append(Spot("input", name, node.text, node.line))
    if task.lower().startswith("azurekeyvault@") and inputs:
        held += _key_vault(inputs)
    if inputs and inputs.is_true("addSpnToEnvironment"):
        held += [
            Held(h.ref, h.line, "addSpnToEnvironment", "env", Purpose.CLOUD)
            for h in held if h.ref and h.ref.space == "service_connection"
        ]  # fmt: skip
    return held, spots, scripts


def _connections(name: str, node: Node, by: str | None) -> list[Held]:
    purpose = _BY_NAME[name.lower()]
    provider = (
        "aws" if "aws" in name.lower() else "azure" if purpose is Purpose.CLOUD and "kube" not in name.lower() else None
    )
    found = []
    for each in (node.text or "").split(","):
        text = each.strip()
        ref = Ref("service_connection", text, provider=provider) if text and "$" not in text else None
        found.append(Held(ref, node.line, name, "input", purpose, UseHow.CONFIGURED, by=by))
    return found


def _key_vault(inputs: Node) -> list[Held]:
    vault = inputs.text_at("KeyVaultName") or inputs.text_at("keyVaultName")
    wanted = inputs.text_at("SecretsFilter") or inputs.text_at("secretsFilter") or "*"
    if not vault or "$" in vault:
        return []
    if wanted.strip() == "*":
        ref = Ref(VAULT, vault, CredentialKind.UNKNOWN, "azure")
        return [Held(ref, inputs.line, vault, "all_secrets", None, UseHow.ENV, Form.VAULT)]
    names = [name for each in wanted.split(",") if (name := each.strip())]
    refs = [(name, Ref(VAULT, f"{vault}/{name}", provider="azure")) for name in names]
    return [Held(r, inputs.line, n, "env", purpose_of(n), UseHow.ENV, Form.VAULT) for n, r in refs]
