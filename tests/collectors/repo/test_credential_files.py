from __future__ import annotations

import base64
import contextlib
import json
import random
import time
from datetime import UTC, datetime
from hashlib import sha256

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from nhiscan.collectors.repo._config.nodes import MalformedError
from nhiscan.collectors.repo._credential_files import formats
from nhiscan.collectors.repo._credential_files.checkout import read
from nhiscan.collectors.repo._credential_files.lines import assignments, sections
from nhiscan.collectors.repo._credential_files.markup import parse
from nhiscan.collectors.repo.credential_files import COLLECTOR
from nhiscan.detect.examples import assemble
from nhiscan.detect.noise import squeeze
from nhiscan.model import Exposure, FileClass, Lifetime
from tests.collectors.repo.checkouts import collect, digest

PASSWORD = assemble("{an:24}")
OTHER = assemble("{an:24}", "other")
AWS_ID = "AKIA" + "RZPUZDIKNORQ" + "6KBK"
AWS_SECRET = "wJalrXUtnFEMI" + "K7MDENGbPxRfiCYzq9Lm2Tv8Qw4"
PEM = assemble("-----BEGIN PRIVATE" + " KEY-----\n{b64:64}\n{b64:64}\n-----END PRIVATE" + " KEY-----\n")


@pytest.fixture
def run(tmp_path):
    return lambda files: collect(COLLECTOR, tmp_path / "shop", files)


@pytest.mark.parametrize(
    ("path", "text", "line", "value", "facts"),
    [
        ("x/netrc", f"machine a.b login me\npassword {PASSWORD}\n", 2, PASSWORD, {"host": "a.b", "user": "me"}),
        (".netrc", f'machine a.b login me password "{PASSWORD}"', 1, PASSWORD, {"host": "a.b"}),
        (".netrc", f"default login me password {PASSWORD}", 1, PASSWORD, {"host": "default"}),
        ("_netrc", f"machine a.b\n\taccount x\n\tpassword {PASSWORD}", 3, PASSWORD, {"account": "x"}),
        (".npmrc", f"_authToken={PASSWORD}", 1, PASSWORD, {"registry": "registry.npmjs.org"}),
        (".npmrc", f"\r\n//r.b/npm/:_authToken = '{PASSWORD}'\r\n", 2, PASSWORD, {"registry": "r.b/npm"}),
        ("home/dot_git-credentials", f"\nhttps://me:{PASSWORD}@git.b/x", 2, PASSWORD, {"host": "git.b", "user": "me"}),
        (".git-credentials", f"https://{PASSWORD}@git.b", 1, PASSWORD, {"host": "git.b"}),
        (".pgpass", f"h\\:x:5432:*:me:{PASSWORD}", 1, PASSWORD, {"host": "h:x", "database": "*", "user": "me"}),
        (".terraformrc", f'credentials "tf.b" {{ token = "{PASSWORD}" }}', 1, PASSWORD, {"host": "tf.b"}),
        ("credentials.tfrc.json", json.dumps({"credentials": {"tf.b": {"token": PASSWORD}}}), 1, PASSWORD, {}),
        (".pypirc", f"[x]\nrepository: https://p.b\nusername: u\npassword: {PASSWORD}", 4, PASSWORD, {"user": "u"}),
        (".my.cnf", f"[client]\npassword='{PASSWORD}'", 2, PASSWORD, {}),
        ("rclone.conf", f"[r]\ntype = sftp\nhost = h\npass = {PASSWORD}", 4, PASSWORD, {"backend": "sftp", "host": "h"}),
        (".databrickscfg", f"[DEFAULT]\nhost = https://w.b\ntoken = {PASSWORD}", 3, PASSWORD, {"host": "https://w.b"}),
        (".sentryclirc", f"[auth]\ntoken={PASSWORD}", 2, PASSWORD, {}),
        ("pip.conf", f"[global]\nindex-url = https://u:{PASSWORD}@p.b/simple", 2, PASSWORD, {}),
        (".vault-token", PASSWORD, 1, PASSWORD, {}),
        (".cargo/credentials", f'[registry]\ntoken = "{PASSWORD}"', 2, PASSWORD, {"registry": "crates.io"}),
        ("gem/credentials", f"---\n:rubygems_api_key: {PASSWORD}", 2, PASSWORD, {}),
        ("hub", f"github.com:\n- user: me\n  oauth_token: {PASSWORD}", 3, PASSWORD, {"user": "me"}),
        ("settings.xml", f"\n<settings><servers><server>\n<password>{PASSWORD}</password></server></servers></settings>",
         3, PASSWORD, {"registry": "server"}),
        (".dockercfg", json.dumps({"r.b": {"username": "u", "password": PASSWORD}}), 1, PASSWORD, {"user": "u"}),
        (".docker/config.json", json.dumps({"auths": {"ghcr.io": {"identitytoken": PASSWORD}}}), 1, PASSWORD, {}),
        ("sp.json", json.dumps({"appId": "a", "password": PASSWORD, "tenant": "t"}), 1, PASSWORD, {"tenant_id": "t"}),
        ("kubeconfig", f"users:\n- name: u\n  user:\n    password: {PASSWORD}\nclusters: [1]", 4, PASSWORD, {"user": "u"}),
        ("kubeconfig.json", json.dumps({"kind": "Config", "users": [{"name": "u", "user": {"token": PASSWORD}}],
                                        "clusters": []}), 1, PASSWORD, {"user": "u"}),
        (".env.local", f"export A_TOKEN={PASSWORD} # it\n", 1, PASSWORD, {}),
        (".env", f'KEY_PEM="{PEM}"\nB=1', 1, squeeze(PEM), {}),
        ("dot_env", f'A_TOKEN="{PASSWORD}"', 1, PASSWORD, {}),
    ],
)  # fmt: skip
def test_a_value_is_found_on_its_line_with_what_the_file_says_of_it(run, path, text, line, value, facts):
    seen = run({path: text})
    (credential,) = seen.credentials
    (exposure,) = seen.exposures
    assert credential.fingerprint == digest(value)
    assert (exposure.uri, exposure.line, exposure.file_class) == (path, line, FileClass.CREDENTIAL_FILE)
    assert {k: credential.facts.get(k) for k in facts} == facts
    assert seen.gaps == []


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (".npmrc", "//r.b/:_authToken=\n//r.b/:_password=<your-token>\nregistry=https://r.b\n_authToken"),
        (".netrc", f"# machine a password {PASSWORD}\nmachine a login b\nmacdef x\npassword {PASSWORD}\n"),
        ("credentials", "Anna: 1\nBert: 2 of them\n\n"),
        ("app/config", "[core]\nname = x"),
        ("config.json", '{"auth": "basic", "auths": {"r.b": {}}}'),
        (".docker/config.json", json.dumps({"auths": {"r.b": {"auth": base64.b64encode(b"u:").decode()}}})),
        ("service-account.json", '{"type": "service_account", "private_key_id": "x", "private_key": "-----BEGIN..."}'),
        ("client_secret.json", '{"web": {"client_secret": "YOUR_CLIENT_SECRET"}}'),
        ("rclone.conf", f"# Encrypted rclone configuration File\n\nRCLONE_ENCRYPT_V0:\n{PASSWORD}"),
        (".env", f"$ANSIBLE_VAULT;1.1;AES256\nA_TOKEN={PASSWORD}"),
        (".env.example", "DB_PASSWORD=hunter2hunter2\nTOKEN="),
        (".pgpass", "a:b:c:d:e\n#h:5432:d:u:x\nh\\:1\\:d\\:u\\:x\n"),
        ("settings.xml", "<project><password>no settings of Maven</password></project>"),
        (".vault-token", "two words"),
        ("src/env.ts", f"A_TOKEN = {PASSWORD}"),
        ("environment.py", f"A_TOKEN = '{PASSWORD}'"),
        (".gem/credentials", "- a list: of things"),
        ("hosts.yml", "all:\n  hosts:\n    web.b: {}"),
        ("kubeconfig", "kind: Config\nusers: text\nclusters:\n- 1"),
        (".aws/credentials", "[default]\naws_access_key_id =\naws_secret_access_key = YOUR_SECRET_KEY"),
    ],
)  # fmt: skip
def test_near_misses_stay_quiet(run, path, text):
    seen = run({path: text})
    assert (seen.credentials, seen.exposures, seen.gaps) == ([], [], [])


@pytest.mark.parametrize(
    ("path", "text", "form", "lifetime"),
    [
        (".aws/config", "[profile p]\ncredential_process = x", "helper_command", None),
        (".aws/config", "[profile p]\nrole_arn = arn:aws:iam::123456789012:role/a\ncredential_source = Environment",
         "reference", Lifetime.SHORT_LIVED),
        (".aws/config", "[profile p]\nsso_start_url = https://x", "federated", Lifetime.FEDERATED),
        ("gh/hosts.yml", "github.com:\n  user: me", "keyring", None),
        ("docker/config.json", '{"credHelpers": {"gcr.io": "gcloud"}}', "helper_command", None),
        ("docker/config.json", '{"credsStore": "pass"}', "keyring", None),
        (".cargo/credentials.toml", '[registry]\ncredential-provider = "cargo:libsecret"\n', "keyring", None),
        (".terraformrc", 'credentials_helper "x" {}', "helper_command", None),
        ("nuget.config", "<c><packageSourceCredentials><f><add key='Password' value='x'/></f></packageSourceCredentials></c>",
         "keyring", None),
        ("nuget.config", "<c><apikeys><add key='https://n' value='x'/></apikeys></c>", "keyring", None),
        ("gcp-sa.json", '{"type": "impersonated_service_account", "service_account_impersonation_url": "u"}', "reference",
         Lifetime.SHORT_LIVED),
        (".htpasswd", "me:$apr1$abc$def", "hashed", None),
    ],
)  # fmt: skip
def test_what_has_no_value_says_where_it_comes_from(run, path, text, form, lifetime):
    seen = run({path: text})
    (credential,) = seen.credentials
    assert (credential.facts["form"], credential.lifetime, credential.fingerprint) == (form, lifetime, None)
    assert seen.exposures == []


def test_a_profile_with_keys_meets_agents_by_the_key_id(run):
    text = f"[etl]\naws_access_key_id={AWS_ID}\naws_secret_access_key={AWS_SECRET}\naws_session_token=x"
    seen = run({"aws/credentials": text})
    key, profile = seen.one("access_key/"), seen.one("#aws_profile:etl")
    assert key.key_id == profile.key_id == AWS_ID
    assert key.fingerprint == digest(AWS_SECRET)
    assert [e.line for e in seen.exposures if e.credential_id == key.id] == [3]


def test_a_role_of_a_profile_is_the_identity_it_becomes(run):
    seen = run({".aws/config": "[profile a]\nrole_arn=arn:aws:iam::123456789012:role/x/y\n[profile b]\nrole_arn=oops"})
    assert seen.one(":a").identity_id == "arn:aws:iam::123456789012:role/x/y"
    assert seen.one(":a").account_id == "123456789012"
    assert seen.one(":b").identity_id is None


def test_variables_are_references_that_others_share(run):
    seen = run({".npmrc": "//registry.npmjs.org/:_authToken=${NPM_TOKEN}"})
    assert seen.one().id.endswith("#env:NPM_TOKEN")
    assert seen.exposures == []


def test_a_client_key_takes_subject_and_dates_from_its_certificate(run):
    s = serialization
    key = ed25519.Ed25519PrivateKey.from_private_bytes(sha256(b"u").digest())
    named = x509.Name(
        [x509.NameAttribute(NameOID.COMMON_NAME, "u"), x509.NameAttribute(NameOID.ORGANIZATION_NAME, "system:masters")]
    )
    ends = datetime(2027, 1, 1, tzinfo=UTC)
    made = x509.CertificateBuilder(named, named, key.public_key(), 1, datetime(2026, 1, 1, tzinfo=UTC), ends).sign(
        key, None
    )
    pem = key.private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, s.NoEncryption())
    user = {"client-key-data": base64.b64encode(pem).decode(),
            "client-certificate-data": base64.b64encode(made.public_bytes(s.Encoding.PEM)).decode()}  # fmt: skip
    found = run({"kube/config": json.dumps({"clusters": [], "users": [{"name": "u", "user": user}]})}).one()
    assert found.fingerprint == digest(squeeze(pem.decode()))
    assert (found.provider, found.expires_at) == ("kubernetes", ends)
    assert found.facts["subject"] == "O=system:masters,CN=u"


def test_a_kubeconfig_says_which_cluster_and_how_it_asks(run):
    users = [
        {
            "name": "a",
            "user": {"auth-provider": {"name": "oidc", "config": {"refresh-token": PASSWORD, "client-secret": OTHER}}},
        },
        {"name": "b", "user": {"exec": {"command": "aws-iam-authenticator"}}},
        {"name": "c", "user": {"client-key-data": "no base64!"}},
        {"name": "d"},
    ]
    clusters = [{"name": "x", "cluster": {"server": "https://x", "insecure-skip-tls-verify": True}}]
    contexts = [{"name": n, "context": {"user": n, "cluster": "x"}} for n in "ab"]
    seen = run(
        {"kubeconfig": json.dumps({"kind": "Config", "users": users, "clusters": clusters, "contexts": contexts})}
    )
    assert {c.facts["user"]: c.facts["tls_verified"] for c in seen.credentials} == {"a": "false", "b": "false"}
    assert sorted((c.kind, c.facts.get("helper")) for c in seen.credentials) == [
        ("client_secret", None), ("token", None), ("unknown", "aws-iam-authenticator"),
    ]  # fmt: skip
    assert seen.one("refresh").fingerprint == digest(PASSWORD)


def test_impersonation_shows_the_credential_it_starts_from(run):
    source = {"type": "authorized_user", "refresh_token": PASSWORD}
    seen = run({"adc.json": json.dumps({"type": "impersonated_service_account", "source_credentials": source})})
    assert sorted(c.facts.get("form", "value") for c in seen.credentials) == ["reference", "value"]


@pytest.mark.parametrize(
    "filler", ["\n", " ", "=", '"', "\\", ":", "[", "{", "<", "a:", "A=\n", "A='\n", '"auths"', "a" * 99 + "\\\n"]
)
def test_long_hostile_files_take_linear_time(filler):
    text = (filler * 200_000)[:300_000]
    began = time.monotonic()
    for form in ALL:
        if formats.chosen((form,), text):
            read(form, text, "x")
    assert time.monotonic() - began < 8


def test_a_broken_file_gives_what_can_be_read_and_a_gap(run):
    text = json.dumps({"type": "authorized_user", "client_secret": PASSWORD})[:-1] + ',\n "refresh_token": '
    seen = run({"gcloud-credentials.json": text})
    assert seen.one().fingerprint == digest(PASSWORD)
    assert len(seen.gaps) == 1
    xml = run({"settings.xml": f"<settings><server><password>{PASSWORD}</password></server>"})
    assert [g.locator for g in xml.gaps if g.locator == "settings.xml"] == ["settings.xml"]


@pytest.mark.parametrize(
    "text",
    [
        '<!DOCTYPE a [<!ENTITY x "y">]><settings>&x;</settings>',
        '<!DOCTYPE a SYSTEM "file:///etc/passwd"><settings/>',
        "<a>" * 100,
        "<a>" + "<b/>" * 100_001 + "</a>",
        "<a",
        "",
        "&lt;",
    ],
)
def test_entities_depth_and_nonsense_in_xml_are_refused(text):
    with pytest.raises(MalformedError):
        parse(text)


def test_sections_and_assignments_keep_their_lines():
    (first, second) = sections("a = 1\r\n; no\n[x] # y\n b : 'two' \nb=3\n")
    assert (first.values, second.name, second.values) == ({"a": ("1", 1)}, "x", {"b": ("3", 5)})
    text = 'A=1\nB="x\\ny" # c\nC=\'l1\nl2\'\nD=a#b\n=no\nE="open\n'
    assert list(assignments(text)) == [
        ("A", "1", 1),
        ("B", "x\ny", 2),
        ("C", "l1\nl2", 3),
        ("D", "a#b", 5),
        ("E", '"open', 7),
    ]


def test_a_file_of_very_many_values_is_cut_with_a_gap(run):
    seen = run({".npmrc": f"_authToken={PASSWORD}\n" * 310, ".env": "A_TOKEN=\n" * 5_001})
    assert len(seen.exposures) == 300
    assert [(g.locator, g.detail.partition(": ")[2][:10]) for g in seen.gaps] == [
        (".env", "line 5001:"),
        (".npmrc", "line 301: "),
    ]


def test_files_of_other_sizes_and_kinds_are_gaps(run):
    seen = run({".npmrc": b"_authToken=" + b"x" * 2_000_001, ".netrc": b"\0\1password \2"})
    assert sorted(g.locator for g in seen.gaps) == [".netrc", ".npmrc"]
    assert seen.credentials == []


def test_tests_and_examples_say_so(run):
    seen = run({"tests/.npmrc": f"_authToken={PASSWORD}", "docs/.npmrc": f"_authToken={OTHER}"})
    assert [e.file_class for e in seen.records if isinstance(e, Exposure)] == [FileClass.DOCUMENTATION, FileClass.TEST]


ALL = (*formats.FORMATS, formats.ENV, *formats.JSON)
SEEDS = [
    f"[default]\naws_access_key_id = {AWS_ID}\naws_secret_access_key = {AWS_SECRET}\ntype = s3\nsecret_key = a\naccess_key=b",
    f"machine a login b password {PASSWORD}\nhttps://u:{PASSWORD}@h\nh:1:d:u:{PASSWORD}\n//r/:_authToken=${{X}}",
    json.dumps(
        {"auths": {"a": {"auth": "dTpw"}}, "type": "service_account", "private_key": PEM, "web": {"client_secret": "a"}}
    ),
    "kind: Config\nusers: [{name: a, user: {token: b, client-key-data: eA==, exec: {command: x}}}]\nclusters: [{name: a}]",
    "<settings><server><id>a</id><password>{x}</password></server><apikeys><add key='a'/></apikeys></settings>",
    '[registries.a]\ntoken = "b"\n[registry]\ncredential-provider = "x"\ngithub.com:\n  users: {a: {oauth_token: b}}',
]


def mutated(rng: random.Random, text: str) -> str:
    for _ in range(rng.randint(1, 8)):
        at, size = rng.randrange(len(text) + 1), rng.randint(0, 12)
        match rng.randrange(4):
            case 0:
                text = text[:at] + text[at + size :]
            case 1:
                text = text[:at] + "".join(rng.choice("{}[]<>\"'=:\n\\$&;-\0é ") for _ in range(size)) + text[at:]
            case 2:
                text = text[:at] + text[at : at + size * 10] * rng.randint(1, 3) + text[at:]
            case _:
                text = text[:at]
    return text


@pytest.mark.parametrize("seed", range(len(SEEDS)))
def test_mutated_files_break_nothing_and_take_no_time(seed):
    rng = random.Random(seed)
    for _ in range(20):
        text = mutated(rng, SEEDS[seed])
        began = time.monotonic()
        for form in ALL:
            read(form, text, "x")
        assert time.monotonic() - began < 5


@settings(max_examples=30, deadline=None)
@given(st.text())
def test_any_text_is_read_or_malformed(text):
    for form in ALL:
        with contextlib.suppress(MalformedError):
            list(form.read(text, "x"))
