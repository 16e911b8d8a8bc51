"""Which files may be a credential file by name, which of those are by content, and what reads them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._credential_files import aws, cloud, markup, plain, tools, trees

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from nhiscan.collectors.repo._credential_files.entry import Entry

    Reader = Callable[[str, str], Iterator[Entry]]

_HIDDEN = re.compile(r"^(?:(?:private|encrypted|create|exact|readonly)_)*dot_|^\.|^_(?=netrc)")
_GOOGLE = re.compile(
    r"(?:.*(?:credential|service[._-]?account|gcp|gcloud|google|firebase|client[._-]?secret|adc|[._-]sa[._-]|(?:^|[._-])key"
    r"|-[0-9a-f]{12}\.json|azure|[._-]sp[._-]|principal|token|secret|auth).*|sa|sp|keyfile|creds)(?:\.json)?"
)
_ENV = re.compile(r"env(?:rc|[._-].*)?|.*\.env(?:\.[\w-]+)?")


@dataclass(frozen=True, slots=True)
class Format:
    """A format: `names` without the leading dot, what its text must hold, and its reader."""

    slug: str
    names: frozenset[str]
    marker: re.Pattern[str]
    read: Reader


def _format(slug: str, names: str, marker: str, read: Reader) -> Format:
    return Format(slug, frozenset(names.split()), re.compile(marker, re.MULTILINE), read)


_AWS = (
    r"^[ \t]*(?:aws_(?:access_key_id|secret_access_key)|role_arn|credential_process|sso_session|sso_start_url"
    r"|web_identity_token_file)[ \t]*="
)
FORMATS = (
    _format("aws", "credentials config aws_credentials aws-credentials credentials.ini aws_config", _AWS, aws.read),
    _format("kubeconfig", "config kubeconfig kubeconfig.yaml kubeconfig.yml config.yaml config.yml kube.config "
            "kube-config kube-config.yaml kube.yaml kube-config.yml admin.conf kubeconfig.json",
            r"(?:^|[{,])[ \t]*\"?(?:clusters|users)\"?[ \t]*:", cloud.read_kube),
    _format("docker", "config.json dockercfg dockerconfigjson dockerconfig.json docker-config.json auth.json",
            r"\"(?:auths|credsStore|credHelpers|auth|password)\"\s*:", trees.from_json(trees.read_docker)),
    _format("npmrc", "npmrc", r"_authToken|_password|_auth\b", plain.read_npmrc),
    _format("netrc", "netrc gitcookies.netrc", r"\bpassword\s", plain.read_netrc),
    _format("git-credentials", "git-credentials", r"^[ \t]*\w+://[^\s/]*@", plain.read_git),
    _format("pgpass", "pgpass pgpass.conf", r"^[^:\n]*:[^:\n]*:[^:\n]*:[^:\n]*:", plain.read_pgpass),
    _format("terraformrc", "terraformrc terraform.rc", r"^[ \t]*credentials", plain.read_terraformrc),
    _format("vault-token", "vault-token", r"\S", plain.read_vault_token),
    _format("htpasswd", "htpasswd htpasswd.txt passwd.htpasswd", r"^[^\s:]+:[${]", plain.read_htpasswd),
    _format("terraform", "credentials.tfrc.json", r"\"token\"", trees.from_json(trees.read_tfrc)),
    _format("gh", "hosts.yml hosts.yaml hub", r"^[ \t]*[\w.-]+\.\w+:|oauth_token", trees.read_gh),
    _format("cargo", "credentials credentials.toml", r"^[ \t]*(?:\[registr|token\s*=)", trees.read_cargo),
    _format("gem", "credentials", r"^[ \t]*:?[\w:./-]+:\s", trees.read_gem),
    _format("nuget", "nuget.config", r"packageSourceCredentials|apikeys", markup.read_nuget),
    _format("maven", "settings.xml maven-settings.xml settings-docker.xml ci-settings.xml", r"<settings",
            markup.read_maven),
    _format("pypirc", "pypirc", r"^[ \t]*password\s*[=:]", tools.reader("pypirc")),
    _format("my.cnf", "my.cnf mylogin.cnf client.cnf", r"^[ \t]*password\s*=", tools.reader("my.cnf")),
    _format("s3cfg", "s3cfg", r"^[ \t]*secret_key\s*=", tools.reader("s3cfg")),
    _format("boto", "boto boto.cfg", r"^[ \t]*(?:aws_|gs_)\w+\s*=", tools.reader("boto")),
    _format("rclone", "rclone.conf rclone.config", r"^[ \t]*type\s*=", tools.reader("rclone")),
    _format("databrickscfg", "databrickscfg",
            r"^[ \t]*(?:token|client_secret|password)\s*=", tools.reader("databrickscfg")),
    _format("sentryclirc", "sentryclirc", r"^[ \t]*token\s*=", tools.reader("sentryclirc")),
    _format("pip", "pip.conf pip.ini", r"index-url\s*=", tools.reader("pip")),
)  # fmt: skip
ENV = _format("env", "", r"^[ \t]*(?:export\s+|set\s+)?[A-Za-z_][\w.-]*\s*=", plain.read_env)
JSON = (
    _format("google", "", r"\"(?:private_key_id|refresh_token|client_secret|subject_token_type"
            r"|service_account_impersonation_url)\"", trees.from_json(cloud.read_google)),
    _format("azure", "", r"\"(?:clientSecret|tenantId|tenant)\"", trees.from_json(cloud.read_azure)),
)  # fmt: skip
_BY_NAME: dict[str, tuple[Format, ...]] = {
    name: tuple(f for f in FORMATS if name in f.names) for name in {n for f in FORMATS for n in f.names}
}
# What these are written with is theirs to open; nothing in them is readable.
_CLOSED = ("$ANSIBLE_VAULT;", "# Encrypted rclone configuration File")


def candidates(path: str) -> tuple[Format, ...]:
    """The formats that a file of this path may have, none for nearly every file."""
    base = path.rpartition("/")[2].lower()
    name = _HIDDEN.sub("", base)
    found = _BY_NAME.get(name, ())
    if "env" in name and (base != name or "." in name) and _ENV.fullmatch(name) and not name.endswith(_CODE):
        return (*found, ENV)
    if len(base) < 250 and (base.endswith(".json") or "." not in name) and _GOOGLE.fullmatch(base):
        return (*found, *JSON)
    return found


_CODE = (".py", ".js", ".ts", ".tsx", ".go", ".rs", ".rb", ".java", ".d.ts", ".md", ".sh", ".json", ".yaml", ".yml")


def chosen(formats: tuple[Format, ...], text: str) -> Format | None:
    """The first format whose marks the text bears."""
    if text.lstrip().startswith(_CLOSED):
        return None
    return next((f for f in formats if f.marker.search(text)), None)
