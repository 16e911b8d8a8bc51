"""Which files may be a credential file by name, which of those are by content, and what reads them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._credential_files import aws, cloud, markup, plain, tools, trees
from nhiscan.collectors.repo._credential_files.names import NAMES, told

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from nhiscan.collectors.repo._credential_files.entry import Entry

    Reader = Callable[[str, str], Iterator[Entry]]


@dataclass(frozen=True, slots=True)
class Format:
    """A format: `names` without the leading dot, what its text must hold, and its reader."""

    slug: str
    names: frozenset[str]
    marker: re.Pattern[str]
    read: Reader


def _format(slug: str, marker: str, read: Reader) -> Format:
    return Format(slug, frozenset(NAMES.get(slug, "").split()), re.compile(marker, re.MULTILINE), read)


_AWS = (
    r"^[ \t]*(?:aws_(?:access_key_id|secret_access_key)|role_arn|credential_process|sso_session|sso_start_url"
    r"|web_identity_token_file)[ \t]*="
)
FORMATS = (
    _format("aws", _AWS, aws.read),
    _format("kubeconfig", r"(?:^|[{,])[ \t]*\"?(?:clusters|users)\"?[ \t]*:", cloud.read_kube),
    _format("docker", r"\"(?:auths|credsStore|credHelpers|auth|password)\"\s*:", trees.from_json(trees.read_docker)),
    _format("npmrc", r"_authToken|_password|_auth\b", plain.read_npmrc),
    _format("netrc", r"\bpassword\s", plain.read_netrc),
    _format("git-credentials", r"^[ \t]*\w+://[^\s/]*@", plain.read_git),
    _format("pgpass", r"^[^:\n]*:[^:\n]*:[^:\n]*:[^:\n]*:", plain.read_pgpass),
    _format("terraformrc", r"^[ \t]*credentials", plain.read_terraformrc),
    _format("vault-token", r"\S", plain.read_vault_token),
    _format("htpasswd", r"^[^\s:]+:[${]", plain.read_htpasswd),
    _format("terraform", r"\"token\"", trees.from_json(trees.read_tfrc)),
    _format("gh", r"^[ \t]*[\w.-]+\.\w+:|oauth_token", trees.read_gh),
    _format("cargo", r"^[ \t]*(?:\[registr|token\s*=)", trees.read_cargo),
    _format("gem", r"^[ \t]*:?[\w:./-]+:\s", trees.read_gem),
    _format("nuget", r"packageSourceCredentials|apikeys", markup.read_nuget),
    _format("maven", r"<settings", markup.read_maven),
    _format("pypirc", r"^[ \t]*password\s*[=:]", tools.reader("pypirc")),
    _format("my.cnf", r"^[ \t]*password\s*=", tools.reader("my.cnf")),
    _format("s3cfg", r"^[ \t]*secret_key\s*=", tools.reader("s3cfg")),
    _format("boto", r"^[ \t]*(?:aws_|gs_)\w+\s*=", tools.reader("boto")),
    _format("rclone", r"^[ \t]*type\s*=", tools.reader("rclone")),
    _format("databrickscfg", r"^[ \t]*(?:token|client_secret|password)\s*=", tools.reader("databrickscfg")),
    _format("sentryclirc", r"^[ \t]*token\s*=", tools.reader("sentryclirc")),
    _format("pip", r"index-url\s*=", tools.reader("pip")),
)  # fmt: skip
ENV = _format("env", r"^[ \t]*(?:export\s+|set\s+)?[A-Za-z_][\w.-]*\s*=", plain.read_env)
JSON = (
    _format("google", r"\"(?:private_key_id|refresh_token|client_secret|subject_token_type"
            r"|service_account_impersonation_url)\"", trees.from_json(cloud.read_google)),
    _format("azure", r"\"(?:clientSecret|tenantId|tenant)\"", trees.from_json(cloud.read_azure)),
)  # fmt: skip
_BY_NAME: dict[str, tuple[Format, ...]] = {
    name: tuple(f for f in FORMATS if name in f.names) for name in {n for f in FORMATS for n in f.names}
}
_SORTS = {"": (), "env": (ENV,), "json": JSON}
# What these are written with is theirs to open; nothing in them is readable.
_CLOSED = ("$ANSIBLE_VAULT;", "# Encrypted rclone configuration File")


def candidates(path: str) -> tuple[Format, ...]:
    """The formats that a file of this path may have, none for nearly every file."""
    name, sort = told(path)
    return (*_BY_NAME.get(name, ()), *_SORTS[sort])


def chosen(formats: tuple[Format, ...], text: str) -> Format | None:
    """The first format whose marks the text bears."""
    if text.lstrip().startswith(_CLOSED):
        return None
    return next((f for f in formats if f.marker.search(text)), None)
