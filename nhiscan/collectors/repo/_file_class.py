"""What a file is for, told by its path alone: string tests only, because it is asked once for every exposure.

Names are those that the tools' own manuals give (as of November 2026).  Where two fit, what says that a value is
invented wins (tests, then examples), then what tells most about how a value spreads.
"""

from __future__ import annotations

import re
from itertools import pairwise

from nhiscan.detect.paths import VENDORED
from nhiscan.plugin import FileClass


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


_TEST_DIRS = _set(
    "test tests testing testdata test-data test_data testutil testutils testing-data __tests__ __mocks__ __fixtures__ "
    "spec specs e2e fixture fixtures mock mocks cypress androidtest"
)
_TEST_FILE = re.compile(
    r"(?:test_[^/]*|conftest|[^/]*(?:[_.-](?:tests?|spec|e2e|mock)(?:[_.-][^/]*)?|[a-z]Tests?))\.(?:py|go|[cm]?[jt]sx?|rb|rs|java|kt|cs|"
    r"php|swift|scala|exs?|dart|cc|cpp|c)"
)
_DOC_DIRS = _set("docs doc documentation example examples sample samples demo demos tutorial tutorials")
_EXAMPLE = re.compile(r"(?:^|[._-])(?:examples?|samples?|dist|skel)(?:[._-]|$)")
_TEMPLATE = re.compile(r"[._-](?:template|tmpl|tpl)(?:[._-]|$)")
_INTERFACE = re.compile(r"(?:[^/]*[._-])?(?:swagger|openapi)(?:[._-][^/]*)?\.(?:ya?ml|json)")
_DOC_SUFFIXES = (".md", ".mdx", ".rst", ".adoc", ".asciidoc", ".org", ".textile")
_DOC_STEMS = _set("readme changelog changes contributing license licence copying notice authors security history")

_PIPELINE_NAMES = _set(
    ".gitlab-ci.yml .gitlab-ci.yaml azure-pipelines.yml azure-pipelines.yaml azure-pipeline.yml "
    "bitbucket-pipelines.yml bitbucket-pipelines.yaml jenkinsfile .travis.yml .drone.yml .drone.yaml .drone.jsonnet "
    ".drone.star appveyor.yml .appveyor.yml cloudbuild.yaml cloudbuild.yml cloudbuild.json buildspec.yml "
    "buildspec.yaml codefresh.yml wercker.yml .cirrus.yml .cirrus.star codemagic.yaml bitrise.yml .woodpecker.yml "
    ".woodpecker.yaml .semaphore.yml skaffold.yaml action.yml action.yaml jenkins.yaml jenkins.yml casc.yaml "
    "casc.yml screwdriver.yaml .vsts-ci.yml earthfile .earthfile .buildkite.yml .goreleaser.yml .goreleaser.yaml "
    ".build.yml shippable.yml"
)
_PIPELINE_PAIRS = _set(
    ".github/workflows .github/actions .gitea/workflows .forgejo/workflows .gitlab/ci .gitlab/agents"
)
_PIPELINE_DIRS = _set(
    ".circleci .buildkite .woodpecker .semaphore .azure-pipelines azure-pipelines .azuredevops .tekton .harness "
    ".teamcity .drone .gitlab-ci .argo .cirrus"
)

_AGENT_NAMES = _set(
    ".mcp.json mcp.json mcp_config.json mcp-config.json mcp_settings.json cline_mcp_settings.json "
    "claude_desktop_config.json .claude.json managed-mcp.json managed-settings.json opencode.json opencode.jsonc "
    "gemini-extension.json librechat.yaml librechat.yml langgraph.json .bedrock_agentcore.yaml .bedrock_agentcore.yml "
    ".aider.conf.yml .aider.conf.yaml mcp_servers.json agent-card.json agent_card.json ai-plugin.json "
    "declarativeagent.json smithery.yaml smithery.yml .continuerc.json .goosehints.json"
)
_AGENT_DIRS = _set(
    ".claude .cursor .codex .gemini .windsurf .roo .kiro .continue .zed .amp .amazonq .qwen .junie .trae .opencode "
    ".copilot .claude-plugin .codeium .tabnine .void .lmstudio .goose goose"
)
_AGENT_SUFFIXES = (".json", ".jsonc", ".toml", ".yaml", ".yml")
_AGENT_PAIRS = {
    ".vscode": _set("mcp.json settings.json"),
    ".idea": _set("mcp.json"),
    ".devcontainer": _set("devcontainer.json"),
    "mcpservers": frozenset[str](),
}

_CONTEXT_NAMES = _set(
    "claude.md claude.local.md agents.md agents.override.md agent.md gemini.md qwen.md codex.md warp.md convention.md "
    "conventions.md skill.md .cursorrules .windsurfrules .clinerules .roorules .roomodes .goosehints llms.txt "
    "llms-full.txt copilot-instructions.md"
)
_CONTEXT_PAIRS = _set(
    ".cursor/rules .github/instructions .github/prompts .github/chatmodes .github/agents .windsurf/rules "
    ".windsurf/workflows .roo/rules .claude/agents .claude/commands .claude/skills .claude/projects .junie/guidelines "
    ".kiro/steering .kiro/specs .amazonq/rules .continue/rules .continue/prompts .trae/rules .opencode/agent "
    ".opencode/command .codex/prompts .codex/sessions .gemini/commands .augment/rules .zencoder/rules .qwen/agents"
)
_CONTEXT_DIRS = _set("prompts memory-bank memory_bank .specstory .clinerules .cline .promptx .ruler")

_STATE = re.compile(r"[^/]*\.tfstate(?:\.backup|\.\d+\.backup|\.lock\.info)?")

_CREDENTIAL_NAMES = _set(
    ".npmrc npmrc .yarnrc .yarnrc.yml .pypirc pypirc .netrc netrc _netrc .dockercfg .git-credentials git-credentials "
    ".terraformrc terraform.rc credentials.tfrc.json .pgpass pgpass .my.cnf .mylogin.cnf rclone.conf .s3cfg .boto "
    ".vault-token vault-token htpasswd .htpasswd .htdigest kubeconfig kubeconfig.yaml kubeconfig.yml .kubeconfig "
    "credentials.json service-account.json serviceaccount.json application_default_credentials.json client_secret.json "
    "client_secrets.json nuget.config settings-security.xml .databrickscfg databrickscfg .dockerconfigjson auth.json "
    ".envrc secrets.env .passwd-s3fs .passwd .secrets .credentials .htaccess-users access_tokens.db accesstokens.json "
    "msal_token_cache.json pip.conf pip.ini .sentryclirc .ossutilconfig .doctl .fog .jfrog-cli.conf .gitcookies "
    "credentials.toml credentials.xml credentials.yml credentials.yaml secrets.yml.key master.key"
)
_CREDENTIAL_PAIRS = {
    "aws": _set("credentials config"),
    "docker": _set("config.json"),
    "kube": _set("config"),
    "gem": _set("credentials"),
    "cargo": _set("credentials credentials.toml"),
    "m2": _set("settings.xml"),
    "gh": _set("hosts.yml hosts.yaml"),
    "glab": _set("config.yml"),
    "hub": _set("hub"),
    "rclone": _set("rclone.conf"),
    "gcloud": _set("credentials.db legacy_credentials"),
    "terraform.d": _set("credentials.tfrc.json"),
}
_ENV = re.compile(r"\.env(?:[._-].*)?|[^/]*\.env(?:\.(?:local|dev|development|prod|production|staging|stage|secret))?")
_KEY_JSON = re.compile(r"(?:[^/]*[._-])?(?:service[._-]?account|sa|gcp|gcloud|google)[^/]*key[^/]*\.json")

_KEY_SUFFIXES = (
    ".pem", ".key", ".p12", ".pfx", ".pkcs12", ".jks", ".jceks", ".keystore", ".truststore", ".bks", ".ppk", ".p8",
    ".pk8", ".crt", ".cer", ".cert", ".der", ".p7b", ".p7c", ".pub", ".asc", ".gpg", ".pgp", ".kdbx", ".jwk", ".jwks",
    ".ovpn", ".age", ".agekey",
)  # fmt: skip
_KEY_NAME = re.compile(
    r"id_(?:rsa|dsa|ecdsa|ed25519)(?:_sk)?(?:[._-].*)?|ssh_host_\w+_key|authorized_keys2?|known_hosts|[\w.-]*private[_-]?key"
    r"|[\w.-]*deploy[_-]?key|jwks?\.json|identity"
)

_INFRA_SUFFIXES = (
    ".tf", ".tfvars", ".tf.json", ".tfvars.json", ".tofu", ".hcl", ".bicep", ".bicepparam", ".template.json",
    ".template.yaml", ".template.yml", ".template", ".tfplan", ".nomad", ".dockerfile",
)  # fmt: skip
_INFRA_NAMES = _set(
    "pulumi.yaml pulumi.yml chart.yaml chart.lock kustomization.yaml kustomization.yml kustomization helmfile.yaml "
    "helmfile.yml serverless.yml serverless.yaml serverless.ts template.yaml template.yml template.json samconfig.toml "
    "cdk.json azuredeploy.json azuredeploy.parameters.json maintemplate.json cloudformation.yaml cloudformation.yml "
    "cloudformation.json vagrantfile app.yaml fly.toml render.yaml procfile docker-stack.yml docker-stack.yaml "
    "containerfile ansible.cfg hosts.ini inventory.ini site.yml user-data cloud-init.yaml cloud-init.yml"
)
_INFRA_FILE = re.compile(
    r"(?:docker-)?compose[^/]*\.ya?ml|(?:docker|container)file(?:[._-].*)?|values[^/]*\.ya?ml|[^/]*values\.ya?ml"
    r"|(?:[^/]*-)?(?:deployment|service|serviceaccount|rbac|configmap|secret|role|rolebinding|clusterrole|ingress|cronjob)s?\.ya?ml"
    r"|pulumi\.[^/]+\.ya?ml|azuredeploy[^/]*\.json|[^/]*\.parameters\.json|[^/]*terraform[^/]*\.json"
)
_INFRA_DIRS = _set(
    "k8s kubernetes kube manifests helm charts chart kustomize cloudformation cfn terraform tf infra infrastructure "
    "deploy deployment deployments iac arm bicep pulumi ansible group_vars host_vars argocd gitops flux clusters"
)
_INFRA_DATA = (".yaml", ".yml", ".json", ".tpl", ".j2", ".jinja2", ".ini", ".toml", ".env", ".sh")


_CODE = (
    ".py", ".go", ".js", ".jsx", ".ts", ".tsx", ".mjs", ".cjs", ".mts", ".cts", ".rb", ".rs", ".java", ".kt", ".cs",
    ".php", ".swift", ".scala", ".ex", ".exs", ".dart", ".cc", ".cpp", ".c",
)  # fmt: skip


def file_class(path: str) -> FileClass:
    """The class of a file by its path relative to the checkout, `source` where nothing says more."""
    *folders, base = path.lower().split("/")
    if _is_test(path, base, folders):
        return FileClass.TEST
    pairs = {f"{a}/{b}" for a, b in pairwise(folders)} if len(folders) > 1 else set[str]()
    if _is_context(base, folders, pairs):
        return FileClass.AGENT_CONTEXT
    held = _is_credential(base, folders)
    if _is_example(base, folders, held=held):
        return FileClass.DOCUMENTATION
    if base in _PIPELINE_NAMES or not _PIPELINE_PAIRS.isdisjoint(pairs) or not _PIPELINE_DIRS.isdisjoint(folders):
        return FileClass.PIPELINE
    if _is_agent(base, folders):
        return FileClass.AGENT_CONFIG
    return _by_content(base, folders, held=held)


def is_test(path: str) -> bool:
    """Whether the class of a file is `test`."""
    *folders, base = path.lower().split("/")
    return _is_test(path, base, folders)


def _by_content(base: str, folders: list[str], *, held: bool) -> FileClass:
    found = FileClass.SOURCE
    if ".tfstate" in base and _STATE.fullmatch(base):
        found = FileClass.STATE
    elif held:
        found = FileClass.CREDENTIAL_FILE
    elif base.endswith(_KEY_SUFFIXES) or ".ssh" in folders or _KEY_NAME.fullmatch(base):
        found = FileClass.KEY_FILE
    elif _is_infrastructure(base, folders):
        found = FileClass.INFRASTRUCTURE
    elif base.endswith(_DOC_SUFFIXES) or base.partition(".")[0] in _DOC_STEMS or _INTERFACE.fullmatch(base):
        found = FileClass.DOCUMENTATION
    if found in {FileClass.SOURCE, FileClass.KEY_FILE} and not VENDORED.isdisjoint(folders):
        return FileClass.VENDORED
    return found


def _is_test(path: str, base: str, folders: list[str]) -> bool:
    if not _TEST_DIRS.isdisjoint(folders):
        return True
    # `KeyTest.java`, but not `latest.py`: this one asks for the case of the letters.
    return base.endswith(_CODE) and _TEST_FILE.fullmatch(path.rpartition("/")[2]) is not None


def _is_example(base: str, folders: list[str], *, held: bool) -> bool:
    if not _DOC_DIRS.isdisjoint(folders):
        return True
    if base.endswith(_CODE):
        return False
    return _EXAMPLE.search(base) is not None or (held and _TEMPLATE.search(base) is not None)


def _is_context(base: str, folders: list[str], pairs: set[str]) -> bool:
    if base in _CONTEXT_NAMES or not _CONTEXT_PAIRS.isdisjoint(pairs):
        return True
    prose = base.endswith((".md", ".mdc", ".txt", ".prompt", ".xml", ".jinja", ".j2", ".yaml", ".yml", ".json"))
    if base == "guidelines.md" and folders[-1:] == [".junie"]:
        return True
    if base.endswith((".prompt", ".prompt.md", ".prompt.txt", ".instructions.md", ".chatmode.md", ".agent.md", ".mdc")):
        return True
    if prose and not _CONTEXT_DIRS.isdisjoint(folders):
        return True
    if ".claude" in folders and base.endswith((".jsonl", ".md")):
        return True
    return bool(folders) and folders[-1].startswith("rules-") and ".roo" in folders


def _is_agent(base: str, folders: list[str]) -> bool:
    if base in _AGENT_NAMES or base.startswith((".mcp.", "mcp.json")):
        return True
    if folders and (names := _AGENT_PAIRS.get(folders[-1])) is not None and (not names or base in names):
        return True
    if base.startswith(("mcp-server", "mcp_server", "mcp-config")) and base.endswith(".json"):
        return True
    return base.endswith(_AGENT_SUFFIXES) and not _AGENT_DIRS.isdisjoint(folders)


def _is_credential(base: str, folders: list[str]) -> bool:
    if base in _CREDENTIAL_NAMES or (".env" in base and _ENV.fullmatch(base)):
        return True
    if folders and base in _CREDENTIAL_PAIRS.get(folders[-1].lstrip(".").removeprefix("dot_"), ()):
        return True
    return base.endswith(".json") and (
        base.startswith(("client_secret_", "service-account", "service_account", "gcp-sa"))
        or "firebase-adminsdk" in base
        or _KEY_JSON.fullmatch(base) is not None
    )


def _is_infrastructure(base: str, folders: list[str]) -> bool:
    if base in _INFRA_NAMES or base.endswith(_INFRA_SUFFIXES) or _INFRA_FILE.fullmatch(base):
        return True
    return base.endswith(_INFRA_DATA) and not _INFRA_DIRS.isdisjoint(folders)
