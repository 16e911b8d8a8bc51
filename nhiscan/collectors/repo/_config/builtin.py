"""What the roles and groups may do that every cluster is born with.

Source: Kubernetes documentation, "Using RBAC Authorization", default roles and role bindings
(kubernetes.io/docs/reference/access-authn-authz/rbac/#default-roles-and-role-bindings, read November 2026, v1.34).
The user-facing roles are given by what they say of identities, secrets and workloads; a controller's own role that is
not listed is known to exist, and its rules are not.
"""

from __future__ import annotations

_ALL = ["create", "delete", "deletecollection", "patch", "update"]
_READ = ["get", "list", "watch"]
Rule = dict[str, list[str]]


def _rule(groups: str, resources: str, verbs: list[str]) -> Rule:
    return {"apiGroups": groups.split() or [""], "resources": resources.split(), "verbs": verbs}


_VIEW = [
    _rule(
        "", "configmaps endpoints persistentvolumeclaims pods replicationcontrollers serviceaccounts services", _READ
    ),
    _rule("", "bindings events limitranges namespaces pods/log pods/status resourcequotas", _READ),
    _rule("apps", "controllerrevisions daemonsets deployments replicasets statefulsets", _READ),
    _rule("batch", "cronjobs jobs", _READ),
    _rule("networking.k8s.io", "ingresses networkpolicies", _READ),
]
_EDIT = [
    *_VIEW,
    _rule("", "pods/attach pods/exec pods/portforward pods/proxy secrets services/proxy", _READ),
    _rule("", "serviceaccounts", ["impersonate"]),
    _rule("", "pods pods/attach pods/exec pods/portforward pods/proxy", _ALL),
    _rule("", "pods/eviction", ["create"]),
    _rule("", "configmaps persistentvolumeclaims replicationcontrollers secrets serviceaccounts services", _ALL),
    _rule("", "serviceaccounts/token", ["create"]),
    _rule("apps", "daemonsets deployments deployments/rollback replicasets statefulsets", _ALL),
    _rule("batch", "cronjobs jobs", _ALL),
    _rule("networking.k8s.io", "ingresses networkpolicies", _ALL),
]
_ADMIN = [
    *_EDIT,
    _rule("authorization.k8s.io", "localsubjectaccessreviews", ["create"]),
    _rule("rbac.authorization.k8s.io", "rolebindings roles", [*_READ, *_ALL]),
]
_EVERYTHING: list[Rule] = [
    {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]},
    {"nonResourceURLs": ["*"], "verbs": ["*"]},
]
CLUSTER_ROLES: dict[str, list[Rule]] = {
    "cluster-admin": _EVERYTHING,
    "admin": _ADMIN,
    "edit": _EDIT,
    "view": _VIEW,
    "system:auth-delegator": [
        _rule("authentication.k8s.io", "tokenreviews", ["create"]),
        _rule("authorization.k8s.io", "subjectaccessreviews", ["create"]),
    ],
    "system:discovery": [
        {
            "nonResourceURLs": ["/api", "/api/*", "/apis", "/apis/*", "/healthz", "/openapi/*", "/version"],
            "verbs": ["get"],
        }
    ],
    "system:public-info-viewer": [{"nonResourceURLs": ["/healthz", "/livez", "/readyz", "/version"], "verbs": ["get"]}],
    "system:basic-user": [
        _rule("authorization.k8s.io", "selfsubjectaccessreviews selfsubjectrulesreviews", ["create"])
    ],
    "system:monitoring": [
        {
            "nonResourceURLs": ["/healthz", "/healthz/*", "/livez", "/metrics", "/metrics/slis", "/readyz"],
            "verbs": ["get"],
        }
    ],
    "system:node-proxier": [
        _rule("", "endpoints nodes services", _READ),
        _rule("discovery.k8s.io", "endpointslices", ["list", "watch"]),
    ],
    "system:kube-dns": [_rule("", "endpoints services", ["list", "watch"])],
    "system:persistent-volume-provisioner": [
        _rule("", "persistentvolumes", ["create", "delete", *_READ]),
        _rule("", "persistentvolumeclaims", [*_READ, "update"]),
        _rule("storage.k8s.io", "storageclasses", _READ),
    ],
}
"""Rules by name.  What is bound to any other `system:` role is known, what that role allows is not."""

AGGREGATE = "rbac.authorization.k8s.io/aggregate-to-"
"""The label by which a role adds its rules to `admin`, `edit` or `view`."""


def selectors(name: str) -> list[dict[str, str]]:
    """The labels whose roles are added to a built-in role, as its own aggregation rule says."""
    # `edit` takes what `view` takes, and `admin` what both take.
    chain = {"admin": ["admin", "edit", "view"], "edit": ["edit", "view"], "view": ["view"]}
    return [{f"{AGGREGATE}{n}": "true"} for n in chain.get(name, [])]
