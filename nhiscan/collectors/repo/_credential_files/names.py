"""Which files may be credential files, told by their names."""

from __future__ import annotations

import re

NAMES = {
    "aws": "credentials config aws_credentials aws-credentials credentials.ini aws_config",
    "kubeconfig": (
        "config kubeconfig kubeconfig.yaml kubeconfig.yml config.yaml config.yml kube.config kube-config "
        "kube-config.yaml kube.yaml kube-config.yml admin.conf kubeconfig.json"
    ),
    "docker": "config.json dockercfg dockerconfigjson dockerconfig.json docker-config.json auth.json",
    "npmrc": "npmrc",
    "netrc": "netrc gitcookies.netrc",
    "git-credentials": "git-credentials",
    "pgpass": "pgpass pgpass.conf",
    "terraformrc": "terraformrc terraform.rc",
    "vault-token": "vault-token",
    "htpasswd": "htpasswd htpasswd.txt passwd.htpasswd",
    "terraform": "credentials.tfrc.json",
    "gh": "hosts.yml hosts.yaml hub",
    "cargo": "credentials credentials.toml",
    "gem": "credentials",
    "nuget": "nuget.config",
    "maven": "settings.xml maven-settings.xml settings-docker.xml ci-settings.xml",
    "pypirc": "pypirc",
    "my.cnf": "my.cnf mylogin.cnf client.cnf",
    "s3cfg": "s3cfg",
    "boto": "boto boto.cfg",
    "rclone": "rclone.conf rclone.config",
    "databrickscfg": "databrickscfg",
    "sentryclirc": "sentryclirc",
    "pip": "pip.conf pip.ini",
}
"""The names of each format in lower case and without the leading dot."""

_HIDDEN = re.compile(r"^(?:(?:private|encrypted|create|exact|readonly)_)*dot_|^\.|^_(?=netrc)")
_GOOGLE = re.compile(
    r"(?:.*(?:credential|service[._-]?account|gcp|gcloud|google|firebase|client[._-]?secret|adc|[._-]sa[._-]|(?:^|[._-])key"
    r"|-[0-9a-f]{12}\.json|azure|[._-]sp[._-]|principal|token|secret|auth).*|sa|sp|keyfile|creds)(?:\.json)?"
)
_ENV = re.compile(r"env(?:rc|[._-].*)?|.*\.env(?:\.[\w-]+)?")
_CODE = (".py", ".js", ".ts", ".tsx", ".go", ".rs", ".rb", ".java", ".d.ts", ".md", ".sh", ".json", ".yaml", ".yml")
_NAMED = frozenset(" ".join(NAMES.values()).split())


def told(path: str) -> tuple[str, str]:
    """The name of a file as NAMES has it, and what else it may be: `env`, a `json` file of keys, or nothing."""
    base = path.rpartition("/")[2].lower()
    name = _HIDDEN.sub("", base)
    if "env" in name and (base != name or "." in name) and _ENV.fullmatch(name) and not name.endswith(_CODE):
        return name, "env"
    if len(base) < 250 and (base.endswith(".json") or "." not in name) and _GOOGLE.fullmatch(base):
        return name, "json"
    return name, ""


def may_hold(path: str) -> bool:
    """Whether a file of this name is opened."""
    name, sort = told(path)
    return bool(sort) or name in _NAMED
