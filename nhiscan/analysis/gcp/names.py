"""Names of Google Cloud: members and resources, in one form each.

Sources: docs.cloud.google.com/iam/docs/principal-identifiers, .../asset-inventory/docs/asset-names (full resource
names), .../iam/docs/conditions-resource-attributes (what conditions call them).
"""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import unquote

PROVIDER = "gcp"
MANAGER = "//cloudresourcemanager.googleapis.com/"
ACCOUNT = "gcp:sa/"
USER = "gcp:user/"
GROUP = "gcp:group/"
DOMAIN = "gcp:domain/"
FEDERATED = "gcp:principal/"
EVERYBODY = "gcp:allUsers"
SIGNED_IN = "gcp:allAuthenticatedUsers"
CONVENIENT = {
    "gcp:projectOwner/": "roles/owner", "gcp:projectEditor/": "roles/editor", "gcp:projectViewer/": "roles/viewer",
}  # fmt: skip
_MEMBERS = {"serviceAccount": ACCOUNT, "user": USER, "group": GROUP, "domain": DOMAIN}
_SCOPES = (("gcp:project/", "projects/"), ("gcp:folder/", "folders/"), ("gcp:org/", "organizations/"))
_PROJECT = re.compile(r"/projects/([^/]+)")
_KINDS = {
    "projects": "Project", "folders": "Folder", "organizations": "Organization", "buckets": "Bucket",
    "objects": "Object", "secrets": "Secret", "instances": "Instance", "keyRings": "KeyRing",
    "cryptoKeys": "CryptoKey", "datasets": "Dataset", "tables": "Table",
}  # fmt: skip
# Services whose permissions begin with another name than the service has.
_SERVICES = {"resourcemanager": "cloudresourcemanager", "cloudsql": "sqladmin"}


def principal_id(member: str) -> str:
    """The id of a member as an allow policy writes it (`user:a@b.c`, `principalSet://…`, `allUsers`)."""
    for scheme in ("principal://", "principalSet://"):
        if member.startswith(scheme):
            return FEDERATED + unquote(member.removeprefix(scheme)).rstrip("/")
    kind, colon, rest = member.partition(":")
    if not colon:
        return f"{PROVIDER}:{member}"
    return f"{_MEMBERS.get(kind, f'{PROVIDER}:{kind}/')}{rest.lower() if kind in _MEMBERS else rest}"


@lru_cache(1 << 14)
def denied_id(principal: str) -> str:
    """The id of a principal as a deny policy writes it; those it shares with allow policies are alike."""
    rest = principal.partition("://")[2]
    for mark, prefix in (
        ("goog/subject/", USER),
        ("goog/group/", GROUP),
        ("iam.googleapis.com/projects/-/serviceAccounts/", ACCOUNT),
    ):
        if rest.startswith(mark) and not principal.startswith("deleted:"):
            return prefix + rest.removeprefix(mark).lower()
    if rest == "goog/public:all":
        return EVERYBODY
    return principal_id(principal)


def service_of(permission: str) -> str:
    """The host of the service that a permission belongs to."""
    if "/" in permission:
        return permission.partition("/")[0]
    first = permission.partition(".")[0]
    return f"{_SERVICES.get(first, first)}.googleapis.com"


def scope_name(scope_id: str) -> str | None:
    """The full resource name of a scope: `gcp:project/x` is `//cloudresourcemanager.googleapis.com/projects/x`."""
    for prefix, collection in _SCOPES:
        if scope_id.startswith(prefix):
            return f"{MANAGER}{collection}{scope_id.removeprefix(prefix)}"
    return None


def scope_id(name: str) -> str | None:
    """The scope of such a name, None for any other resource."""
    rest = name.removeprefix(MANAGER)
    for prefix, collection in _SCOPES:
        if name.startswith(MANAGER) and rest.startswith(collection) and rest.count("/") == 1:
            return prefix + rest.removeprefix(collection)
    return None


def plain(name: str) -> str:
    """A full resource name in the one form used here: buckets as `projects/_/buckets/NAME`."""
    bucket = name.removeprefix("//storage.googleapis.com/")
    if bucket != name and not bucket.startswith("projects/"):
        return f"//storage.googleapis.com/projects/_/buckets/{bucket}"
    return name


def project_in(name: str) -> str | None:
    """The project (id or number) that a resource name carries."""
    match = _PROJECT.search(name)
    return match[1] if match and match[1] not in {"_", "-"} else None


def split(name: str) -> tuple[str | None, str]:
    """Service host and relative name."""
    service, slash, rest = name.removeprefix("//").partition("/")
    return (service, rest) if name.startswith("//") and slash else (None, name)


def kind_of(name: str) -> str | None:
    """What conditions call the type of a resource, where it is known for certain."""
    service, rest = split(name)
    parts = rest.split("/")
    last = parts[-2] if len(parts) > 1 else ""
    if "objects" in parts[:-1]:
        last = "objects"
    if last == "versions" and service == "secretmanager.googleapis.com":
        return f"{service}/SecretVersion"
    return f"{service}/{_KINDS[last]}" if service and last in _KINDS else None


def above(name: str) -> list[str]:
    """What a name lies in by itself, nearest first: a version in its secret, an object in its bucket."""
    service, rest = split(name)
    if service is None:
        return []
    parts = rest.split("/")
    return [f"//{service}/{'/'.join(parts[:end])}" for end in range((len(parts) - 1) // 2 * 2, 3, -2)]
