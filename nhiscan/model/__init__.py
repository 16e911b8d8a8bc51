"""Every record of the inventory: one frozen dataclass per table, and the closed vocabularies their columns use.

The database schema, the spool files, the rule contract and the docs are derived from this module, so a new column is
written here and nowhere else.  Conventions:

* `id` is global and stable (ARN, resource name, `repo:host/org/name#path`); it never contains a secret, a keyed
  fingerprint, an absolute path or a line number.
* Unknown is `None`.  A fact known to be absent has a value of its own (`last_used = 'never'`).
* Times are aware datetimes in UTC.  Mappings are stored as JSON text, tuples as lists.
* A trailing underscore in a field name is not part of the column name (`class_` is the column `class`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nhiscan.model.access import (
    Attachment,
    AttachmentKind,
    Policy,
    PolicyKind,
    PrincipalKind,
    Trust,
    TrustKind,
)
from nhiscan.model.base import (
    Basis,
    Confidence,
    FileClass,
    Record,
    Severity,
    column_name,
    columns,
)
from nhiscan.model.consumers import (
    Approval,
    Autonomy,
    Consumer,
    ConsumerKind,
    Hop,
    Origin,
    Trigger,
)
from nhiscan.model.credentials import (
    Credential,
    CredentialKind,
    CredentialState,
    Exposure,
    ExposurePart,
    LastUsed,
    Lifetime,
    Store,
    Visibility,
)
from nhiscan.model.derived import (
    Capability,
    Certainty,
    Cluster,
    Effective,
    FindingRecord,
    Grant,
    Reach,
)
from nhiscan.model.evidence import (
    Declared,
    Gap,
    GapReason,
    Logging,
    Resource,
    Signal,
    Usage,
)
from nhiscan.model.identities import (
    Identity,
    IdentityClass,
    IdentityKind,
    IdentityState,
    Member,
    Owner,
    OwnerBasis,
    OwnerKind,
    Scope,
    ScopeKind,
)
from nhiscan.model.tools import (
    Auth,
    Form,
    Pin,
    Purpose,
    Tool,
    ToolClass,
    Transport,
    Use,
    UseHow,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "COLLECTED",
    "DERIVED",
    "DERIVED_FROM",
    "RECORDS",
    "RELATIONS",
    "Approval",
    "Attachment",
    "AttachmentKind",
    "Auth",
    "Autonomy",
    "Basis",
    "Capability",
    "Certainty",
    "Cluster",
    "Confidence",
    "Consumer",
    "ConsumerKind",
    "Credential",
    "CredentialKind",
    "CredentialState",
    "Declared",
    "Effective",
    "Exposure",
    "ExposurePart",
    "FileClass",
    "FindingRecord",
    "Form",
    "Gap",
    "GapReason",
    "Grant",
    "Hop",
    "Identity",
    "IdentityClass",
    "IdentityKind",
    "IdentityState",
    "LastUsed",
    "Lifetime",
    "Logging",
    "Member",
    "Origin",
    "Owner",
    "OwnerBasis",
    "OwnerKind",
    "Pin",
    "Policy",
    "PolicyKind",
    "PrincipalKind",
    "Purpose",
    "Reach",
    "Record",
    "Resource",
    "Scope",
    "ScopeKind",
    "Severity",
    "Signal",
    "Store",
    "Tool",
    "ToolClass",
    "Transport",
    "Trigger",
    "Trust",
    "TrustKind",
    "Usage",
    "Use",
    "UseHow",
    "Visibility",
    "column_name",
    "columns",
]

COLLECTED: tuple[type[Record], ...] = (
    Scope, Identity, Credential, Exposure, Policy, Attachment, Member, Trust, Consumer, Tool, Hop, Use, Store, Resource,
    Usage, Signal, Logging, Owner, Gap, Declared,
)  # fmt: skip
DERIVED: tuple[type[Record], ...] = (Grant, Effective, Reach, Cluster, FindingRecord)
RECORDS: Mapping[str, type[Record]] = {r.table: r for r in (*COLLECTED, *DERIVED)}

# A gap in a collected table is a gap in whatever analysis makes of it.
DERIVED_FROM: Mapping[str, tuple[str, ...]] = {
    "trust": ("policy",),
    "grant": ("policy", "attachment", "member"),
    "effective": ("policy", "attachment", "member"),
    "reach": ("policy", "attachment", "member", "trust"),
    "cluster": ("credential", "exposure"),
}

# Foreign keys by table and column: the closed vocabulary of relations.  `*` is any table.
RELATIONS: Mapping[str, Mapping[str, str]] = {
    "credential": {"identity_id": "identity"},
    "exposure": {"credential_id": "credential"},
    "attachment": {"policy_id": "policy", "principal_id": "*"},
    "member": {"identity_id": "identity", "group_id": "identity"},
    "trust": {"target_id": "*"},
    "consumer": {"parent_id": "consumer"},
    "tool": {"consumer_id": "consumer"},
    "hop": {"from_id": "consumer", "to_id": "consumer"},
    "use": {
        "consumer_id": "consumer",
        "credential_id": "credential",
        "identity_id": "identity",
        "resource_id": "resource",
    },
    "usage": {"identity_id": "identity"},
    "signal": {"subject_id": "*"},
    "logging": {"subject_id": "*"},
    "owner": {"subject_id": "*"},
    "gap": {"subject_id": "*"},
    "scope": {"parent_id": "scope"},
    "grant": {"identity_id": "identity", "policy_id": "policy"},
    "effective": {"identity_id": "identity"},
    "reach": {"identity_id": "identity", "target_id": "identity"},
    "cluster": {"credential_id": "credential"},
    "finding": {"subject_id": "*"},
}
