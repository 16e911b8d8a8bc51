from __future__ import annotations

import pytest

from nhiscan.collectors.repo._file_class import file_class
from nhiscan.plugin import FileClass

PATHS = {
    FileClass.PIPELINE: """
        .github/workflows/ci.yml sub/.github/workflows/release.yaml .github/actions/build/action.yml .gitlab-ci.yml
        azure-pipelines.yml .circleci/config.yml bitbucket-pipelines.yml Jenkinsfile ci/Jenkinsfile .buildkite/pipeline.yml
        .tekton/push.yaml .travis.yml cloudbuild.yaml .github/workflows/test.yml .gitlab/ci/deploy.yml""",
    FileClass.INFRASTRUCTURE: """
        main.tf infra/prod.tfvars modules/db/variables.tf main.bicep azuredeploy.json template.yaml stack.template.json
        charts/web/values.yaml charts/web/templates/deployment.yaml k8s/api.yaml Pulumi.prod.yaml Dockerfile
        api/Dockerfile.prod docker-compose.yml compose.override.yaml kustomization.yaml serverless.yml helmfile.yaml
        ansible/group_vars/all.yml values-prod.yaml app/deployment.yaml""",
    FileClass.STATE: "terraform.tfstate env/prod.tfstate terraform.tfstate.backup terraform.tfstate.1700000000.backup",
    FileClass.AGENT_CONFIG: """
        .mcp.json .cursor/mcp.json .vscode/mcp.json .vscode/settings.json .claude/settings.json .claude/settings.local.json
        .codex/config.toml opencode.json .gemini/settings.json .roo/mcp.json claude_desktop_config.json .zed/settings.json
        .amazonq/cli-agents/dev.json .kiro/settings/mcp.json .continue/config.yaml librechat.yaml langgraph.json
        .well-known/agent-card.json .bedrock_agentcore.yaml .devcontainer/devcontainer.json .junie/mcp/mcp.json""",
    FileClass.AGENT_CONTEXT: """
        CLAUDE.md pkg/AGENTS.md GEMINI.md .cursorrules .cursor/rules/style.mdc .github/copilot-instructions.md
        .github/instructions/api.instructions.md .windsurfrules .clinerules .clinerules/base.md .roo/rules/a.md
        .roo/rules-code/b.md .junie/guidelines.md .goosehints prompts/system.md app/prompts/support.txt fix.prompt.md
        memory-bank/progress.md .claude/projects/x/session.jsonl .specstory/history/2026.md docs/CLAUDE.md
        .claude/agents/deployer.md""",
    FileClass.CREDENTIAL_FILE: """
        .env .env.production app/.env.local prod.env .npmrc .pypirc .netrc .aws/credentials aws/credentials
        dot_aws/credentials home/.docker/config.json .git-credentials .kube/config kubeconfig .pgpass .my.cnf rclone.conf
        gh/hosts.yml .vault-token .htpasswd NuGet.config .m2/settings.xml .terraformrc .gem/credentials
        .cargo/credentials.toml credentials.json service-account-prod.json acme-firebase-adminsdk-x1.json .envrc""",
    FileClass.KEY_FILE: """
        server.pem tls/server.key client.p12 app.jks release.keystore id_rsa .ssh/id_ed25519 .ssh/config deploy_key
        certs/ca.crt key.ppk AuthKey_X.p8 id_rsa.pub authorized_keys ssh_host_rsa_key jwks.json vpn.ovpn""",
    FileClass.TEST: """
        tests/server.key src/__tests__/a.ts fixtures/.env test/.github/workflows/ci.yml pkg/auth_test.go src/login.spec.ts
        test_keys.py src/KeyTest.java testdata/id_rsa e2e/.mcp.json spec/support/key.pem vendor/pgp/keys_test_data.go
        pkg/verify_test_dsa.go src/login.spec.helpers.ts""",
    FileClass.VENDORED: """
        vendor/github.com/acme/tls/keys.go third_party/ssl/server.pem vendor/composer/autoload.php""",
    FileClass.DOCUMENTATION: """
        .env.example .env.sample .env.template app/.env.dist README.md docs/setup.py examples/agent/.env docs/key.pem
        values.example.yaml CHANGELOG LICENSE guide.rst config/settings.sample.json mcp.example.json .npmrc.example
        api/swagger.yaml openapi.json petstore-openapi.v3.yml vendor/acme/README.md""",
    FileClass.SOURCE: """
        src/app.py main.go lib/latest.py config/settings.yaml package.json src/environment.ts requirements.txt
        templates/email.html src/example.py data/users.csv src/keystore.py contest.go specification.py src/vendor.py
        src/openapi.py latest_tester.py""",
}


@pytest.mark.parametrize(("expected", "path"), [(c, p) for c, paths in PATHS.items() for p in paths.split()])
def test_the_path_tells_what_a_file_is_for(expected, path):
    assert file_class(path) is expected


@pytest.mark.parametrize(
    "path", ["", "/", "//", ".", "a" * 100_000, "/".join("a" * 5_000), "�\n", "-" * 50_000 + ".json"]
)
def test_any_path_has_a_class(path):
    assert isinstance(file_class(path), FileClass)
