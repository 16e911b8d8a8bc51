"""How manifests are read, found by name, and judged."""

from __future__ import annotations

import base64
import random
from datetime import UTC, datetime
from pathlib import Path

import pytest

from nhiscan.collect.protocol import Context, Target, TargetKind
from nhiscan.collectors.repo import kubernetes
from nhiscan.collectors.repo._config.nodes import MalformedError
from nhiscan.collectors.repo._kubernetes import manifests
from nhiscan.collectors.repo._kubernetes.kept import span
from nhiscan.sensitive import FingerprintKey

# Invented, and put together here so that no file holds anything shaped like a secret.
VALUE, OTHER = "Zq83kfPw0s" + "LmT4xY9aBc", "Yw72jgOx1r" + "KnU5zX8bCd"
SAID = {
    "VALUE": VALUE,
    "OTHER": OTHER,
    "PACKED": base64.b64encode(VALUE.encode()).decode(),
    "LOGIN": base64.b64encode(f"bot:{VALUE}".encode()).decode(),
}
ROOT = Path(__file__).resolve().parents[3] / "fixtures" / "collectors" / "repo.kubernetes"
MARK, END = manifests.MARK, "\N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK}"
SA = "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: NAME, namespace: shop}\n"
POD = """\
apiVersion: v1
kind: Pod
metadata: {name: p, namespace: shop}
spec:
"""


@pytest.fixture
def records(tmp_path):
    def run(files: dict[str, str]) -> list:
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            for word, value in SAID.items():
                text = text.replace(word, value)  # noqa: PLW2901 - the text with its values
            path.write_text(text, encoding="utf-8")
        ctx = Context(as_of=datetime(2026, 11, 1, tzinfo=UTC), key=FingerprintKey(b"k" * 32))
        target = Target(str(tmp_path), TargetKind.PATH, str(tmp_path))
        collector = kubernetes.COLLECTOR
        return [r for unit in collector.units(target, ctx) for r in collector.collect(unit, ctx)]

    return run


def of(found: list, table: str) -> list:
    return [r for r in found if r.table == table]


def short(record_id: str) -> str:
    return record_id.partition("#k8s:")[2]


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("name: {{ .Values.x }}", f"name: {MARK}.Values.x{END}"),
        ('name: {{ include "a.b" . | quote }}-c', f"name: {MARK}a.b{END}-c"),
        ("{{- if .x }}\na: 1\n{{- end }}\n", "\na: 1\n\n"),
        ("labels:\n  {{- toYaml .x | nindent 2 }}\n", "labels:\n  \n"),
        ("{{/* a\nb */}}\na: 1", "\n\na: 1"),
        ("{% if x %}a: {{ y }}{% endif %}", f"a: {MARK}y{END}"),
        ("a: {{ never closed", "a: {{ never closed"),
        ("{{- $x := 1 }}a: 1", "a: 1"),
    ],
)
def test_a_template_becomes_plain_yaml_with_the_same_lines(text, plain):
    found = manifests.without_expressions(text)
    assert found == plain
    assert found.count("\n") == text.count("\n")


def test_lines_are_those_of_the_file_even_behind_a_broken_document():
    text = f"# first\n{SA}---\nkind: Pod\n a: [\n---\n{SA}"
    read = manifests.read_yaml(text)
    assert [r.at("kind").line for r in read.roots] == [3, 10]
    assert read.error is not None


def test_schemas_are_not_parsed():
    text = "apiVersion: v1\nkind: CustomResourceDefinition\nspec: [\n---\n" + SA
    assert manifests.read_yaml(text).error is None


@pytest.mark.parametrize(
    ("text", "seconds"), [("2160h", 7_776_000), ("1h30m", 5400), ("90", None), ("", None), ("1.5h", 5400), ("5d", None)]
)
def test_a_duration(text, seconds):
    assert span(text) == seconds


@pytest.mark.parametrize(
    ("account", "pod", "mounted"),
    [
        ("", "", True),
        ("automountServiceAccountToken: false\n", "", False),
        ("automountServiceAccountToken: false\n", "  automountServiceAccountToken: true\n", True),
        ("automountServiceAccountToken: true\n", "  automountServiceAccountToken: false\n", False),
    ],
)
def test_the_pod_decides_over_its_account_whether_a_token_is_mounted(records, account, pod, mounted):
    # kubernetes.io/docs/tasks/configure-pod-container/configure-service-account
    text = f"{SA.replace('NAME', 'robot')}{account}---\n{POD}  serviceAccountName: robot\n{pod}"
    (consumer,) = of(records({"a.yaml": text}), "consumer")
    assert consumer.automount is mounted


def test_an_account_declared_elsewhere_leaves_mounting_unknown(records):
    (consumer,) = of(records({"a.yaml": f"{POD}  serviceAccountName: robot\n"}), "consumer")
    assert consumer.automount is None


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/var/run/docker.sock", "docker_socket"),
        ("/run/containerd/containerd.sock", "docker_socket"),
        ("/etc/kubernetes/admin.conf", "kubeconfig"),
        ("/var/lib/kubelet", "kubelet"),
        ("/root/.aws", "cloud_profile"),
        ("/home/ci", "home"),
        ("/", "host_root"),
        ("/var/log/app", None),
        ("/var/lib/postgres", None),
    ],
)
def test_what_a_pod_takes_of_its_machine(records, path, name):
    text = f"{POD}  volumes:\n    - name: v\n      hostPath: {{path: {path}}}\n"
    assert [u.name for u in of(records({"a.yaml": text}), "use") if u.place == "host"] == ([name] if name else [])


def test_two_environments_are_two_realms_and_equal_copies_are_one(records):
    admin = "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: r}\nrules: %s\n"
    found = records(
        {
            "envs/a/r.yaml": admin % "[]",
            "envs/b/r.yaml": admin % "[{apiGroups: [''], resources: [pods], verbs: [get]}]",
            "one/sa.yaml": SA,
            "two/sa.yaml": SA,
        }
    )
    assert sorted(short(p.id) for p in of(found, "policy")) == ["envs/a:-/ClusterRole/r", "envs/b:-/ClusterRole/r"]
    assert [short(i.id) for i in of(found, "identity")] == ["shop/ServiceAccount/NAME"]


def test_a_subject_without_a_namespace_anywhere_means_the_one_account_of_that_name(records):
    text = SA.replace(", namespace: shop", "") + (
        "---\napiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {name: b, namespace: shop}\n"
        "roleRef: {kind: ClusterRole, name: edit}\nsubjects: [{kind: ServiceAccount, name: NAME, namespace: shop}]\n"
    )
    found = records({"a.yaml": text})
    assert [short(a.principal_id) for a in of(found, "attachment")] == ["-/ServiceAccount/NAME"]


def test_an_unknown_system_role_is_known_to_exist_only(records):
    text = (
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata: {name: b}\n"
        "roleRef: {kind: ClusterRole, name: 'system:controller:job-controller'}\n"
        "subjects: [{kind: Group, name: 'system:unauthenticated'}]\n"
    )
    (policy,) = of(records({"a.yaml": text}), "policy")
    assert (policy.kind, policy.document) == ("provider", None)


def test_rules_that_a_template_decides_are_partly_known(records):
    text = (
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: r}\n"
        "rules:\n  - {apiGroups: [''], resources: [pods], verbs: [get]}\n"
        "  - apiGroups: ['']\n    resources: [secrets]\n    verbs: {{ .Values.verbs }}\n"
    )
    (policy,) = of(records({"c/Chart.yaml": "name: c\n", "c/templates/r.yaml": text}), "policy")
    assert '"partial": true' in policy.document
    assert "secrets" not in policy.document


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ("db: {password: VALUE}", 1),
        ("db: {existingSecret: shop-db}", 0),
        ("db: {secretKey: password}", 0),
        ("db: {passwordSecret: shop-db}", 0),
        ("db: {password: ''}", 0),
        ("db: {password: changeme}", 0),
        ("db: {tokenTTL: 3600s}", 0),
        ("env: [{name: API_TOKEN, value: VALUE}]", 1),
        ("env: [{name: LOG_LEVEL, value: info}]", 0),
    ],
)
def test_literals_in_the_values_of_a_chart(records, values, found):
    rows = records({"c/Chart.yaml": "name: c\n", "c/values.yaml": f"{values}\n"})
    assert len(of(rows, "exposure")) == found
    assert len(of(rows, "consumer")) == found


def test_values_without_a_chart_are_somebody_elses(records):
    assert of(records({"values.yaml": "db: {password: VALUE}\n"}), "exposure") == []


def test_base64_is_taken_off(records):
    text = "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\ndata: {password: PACKED}\n"
    plain = "apiVersion: v1\nkind: Secret\nmetadata: {name: t}\nstringData: {password: VALUE}\n"
    prints = {c.fingerprint for c in of(records({"a.yaml": f"{text}---\n{plain}"}), "credential")}
    assert len(prints) == 1


def test_a_login_to_a_registry_is_found_in_its_configuration(records):
    text = (
        "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\ntype: kubernetes.io/dockerconfigjson\n"
        'stringData:\n  .dockerconfigjson: \'{"auths": {"r.acme.example": {"auth": "LOGIN"}}}\'\n'
    )
    (credential,) = of(records({"a.yaml": text}), "credential")
    assert credential.fingerprint
    assert credential.id.endswith("/Secret/s:.dockerconfigjson")


def test_an_environment_file_in_a_secret_is_read_by_line(records):
    text = (
        "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData:\n"
        "  app.env: |\n    LOG_LEVEL=info\n    DB_PASSWORD=VALUE\n    API_TOKEN=OTHER\n"
    )
    assert len({c.fingerprint for c in of(records({"a.yaml": text}), "credential")}) == 2


def test_a_reference_to_an_own_variable_is_no_credential(records):
    text = (
        f"{POD}  containers:\n    - name: c\n      env:\n        - {{name: DB_PASSWORD, valueFrom: {{secretKeyRef: "
        "{name: db, key: pw}}}\n        - {name: DSN, value: 'postgres://u:$(DB_PASSWORD)@db/x'}\n"
    )
    found = records({"a.yaml": text})
    assert [(u.name, u.form) for u in of(found, "use") if u.credential_id] == [("DB_PASSWORD", "reference")]


def test_json_and_lists_are_manifests_too(records):
    text = '{"apiVersion": "v1", "kind": "List", "items": [{"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "j"}}]}'
    assert [i.name for i in of(records({"a.json": text}), "identity")] == ["j"]


def test_a_name_cannot_leave_its_place_in_an_id(records):
    found = records({"a.yaml": SA.replace("NAME", '"a/b>c#d\\e[31m"')})
    (identity,) = of(found, "identity")
    assert short(identity.id).count("/") == 2
    assert identity.name.isprintable()


def test_a_driver_mirrors_its_objects_into_a_secret(records):
    text = (
        "apiVersion: secrets-store.csi.x-k8s.io/v1\nkind: SecretProviderClass\nmetadata: {name: c, namespace: shop}\n"
        "spec:\n  provider: azure\n  parameters:\n    objects: |\n      array:\n        - |\n          objectName: db-password\n"
        "          objectAlias: pw\n  secretObjects:\n    - secretName: db\n      data: [{objectName: pw, key: password}]\n"
        f"---\n{POD}  containers:\n    - name: c\n      env:\n        - {{name: PW, valueFrom: {{secretKeyRef: "
        "{name: db, key: password}}}\n"
    )
    uses = [u for u in of(records({"a.yaml": text}), "use") if u.credential_id]
    assert [(u.credential_id.partition("#")[2], u.form) for u in uses] == [("vault:db-password", "vault")]


def test_all_keys_of_an_external_entry_are_one_credential(records):
    text = (
        "apiVersion: external-secrets.io/v1\nkind: ExternalSecret\nmetadata: {name: db, namespace: shop}\n"
        "spec: {dataFrom: [{extract: {key: shop/db}}]}\n"
        f"---\n{POD}  containers: [{{name: c, envFrom: [{{secretRef: {{name: db}}}}]}}]\n"
    )
    uses = [u for u in of(records({"a.yaml": text}), "use") if u.credential_id]
    assert [(u.credential_id.partition("#")[2], u.form) for u in uses] == [("vault:shop/db", "vault")]


def test_a_certificate_lives_ninety_days_unless_written(records):
    text = "apiVersion: cert-manager.io/v1\nkind: Certificate\nmetadata: {name: c}\nspec: {secretName: tls}\n"
    (credential,) = of(records({"a.yaml": text}), "credential")
    assert credential.ttl == 90 * 86_400


def test_a_token_that_is_written_down_is_exposed(records):
    text = (
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: t\n  namespace: shop\n"
        "  annotations: {kubernetes.io/service-account.name: robot}\n"
        "type: kubernetes.io/service-account-token\ndata: {token: PACKED}\n"
    )
    found = records({"a.yaml": text})
    (credential,) = of(found, "credential")
    assert (short(credential.identity_id), credential.lifetime) == ("shop/ServiceAccount/robot", "static")
    assert [e.credential_id for e in of(found, "exposure")] == [credential.id]


def test_a_header_of_a_tool_server_says_how_it_is_reached(records):
    text = (
        "apiVersion: kagent.dev/v1alpha2\nkind: RemoteMCPServer\nmetadata: {name: r, namespace: shop}\nspec:\n"
        "  url: https://user:VALUE@mcp.acme.example/sse?x=1\n  protocol: SSE\n"
        "  headersFrom: [{name: X-Key, valueFrom: {type: Secret, name: s, key: k}}]\n"
    )
    found = records({"a.yaml": text})
    (server,) = of(found, "consumer")
    assert (server.auth, server.transport, server.url) == ("api_key", "sse", "https://mcp.acme.example/sse")
    assert VALUE not in repr(found)


def inputs() -> list[str]:
    return [p.read_text(encoding="utf-8") for p in sorted(ROOT.glob("*/input/**/*")) if p.is_file()]


def mutated(mix: random.Random, text: str, other: str) -> str:
    at, to = sorted((mix.randrange(len(text) + 1), mix.randrange(len(text) + 1)))
    match mix.randrange(6):
        case 0:
            return text[:at] + text[to:]
        case 1:
            return text[:at] + other[: to - at] + text[at:]
        case 2:
            return text[:at] + mix.choice("{}[]:-&*!|>'\"%@`\t\x00\ufeff\u2028") * mix.randrange(1, 40) + text[at:]
        case 3:
            return text.replace(mix.choice(text.split() or ["a"]), mix.choice(other.split() or ["b"]))
        case 4:
            return text[:at] + "{{" * mix.randrange(1, 9) + text[at:]
        case _:
            return "\n".join(mix.sample(lines := text.splitlines(), len(lines)))


def test_mutated_manifests_are_read_or_refused(records):
    mix, texts = random.Random(5), inputs()
    files = {f"m/{at}.yaml": mutated(mix, mix.choice(texts), mix.choice(texts)) for at in range(200)}
    for text in files.values():
        for read in (manifests.read_yaml, manifests.read_json):
            try:
                found = read(manifests.without_expressions(text))
            except MalformedError:
                continue
            assert all(n.line >= 1 for n in found.roots)
    assert of(records(files), "scope")
