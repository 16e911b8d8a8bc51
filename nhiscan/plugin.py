"""What third parties may import: everything a collector or a reporter needs, and nothing else.

A collector is one module with an object that has `name` (`provider.thing`), `title`, `requires`, `units` and `collect`:

    class Bots:
        name = "acme.bots"
        title = "Bots that acme registers"
        requires = {"acme:ListBots": "identity, identity.last_used"}   # permission -> what is not seen without it

        def units(self, target, ctx):      # cheap; nothing when the target is not yours; raises TargetError
            if target.kind is TargetKind.PATH:
                yield Unit("acme.bots:one", self.name, "acme:one", target)

        def collect(self, unit, ctx):      # streamed; what is refused is a Gap, never silence
            yield Scope(id="acme:one", scope_id="acme:one", source=self.name, …)
            yield Identity(id="acme:one/bot", scope_id="acme:one", source=self.name, …)

    COLLECTOR = Bots()

Shipped ones lie in `nhiscan/collectors/<provider>/<thing>.py` and are found there; a package declares its own:

    [project.entry-points."nhiscan.collectors"]
    "acme.bots" = "acme_nhiscan.bots:COLLECTOR"
    [project.entry-points."nhiscan.reporters"]
    names = "acme_nhiscan.names"           # a module with SUFFIXES and write(result, out, options)

The name is the same in both places, and the id of a unit begins with it and a colon; the params of a unit are text.
Ids are the same on every machine: public ids or places, without line numbers, absolute paths, values or fingerprints.
A value is wrapped in `Sensitive` where it is read, leaves as `ctx.key.fingerprint(value)`, and nothing is printed.
Optional: `covers` (the tables that a failed unit leaves unseen; all of them without it) and `writes` (calls that are no
plain reads, and why). Records are in `nhiscan.model`, with what every column means.

Docs, permissions, `doctor` and the checks of tests/test_collectors.py follow from these; what the tests need is a
folder `fixtures/collectors/<name>/<case>/`, as that file says. A reporter is given a `nhiscan.triage.result.Result`.
"""

from nhiscan.collect.protocol import Collector, Context, Target, TargetError, TargetKind, Unit
from nhiscan.model import (
    Approval,
    Attachment,
    AttachmentKind,
    Auth,
    Autonomy,
    Basis,
    Certainty,
    Confidence,
    Consumer,
    ConsumerKind,
    Credential,
    CredentialKind,
    CredentialState,
    Declared,
    Exposure,
    ExposurePart,
    FileClass,
    Form,
    Gap,
    GapReason,
    Hop,
    Identity,
    IdentityClass,
    IdentityKind,
    IdentityState,
    LastUsed,
    Lifetime,
    Logging,
    Member,
    Origin,
    Owner,
    OwnerBasis,
    OwnerKind,
    Pin,
    Policy,
    PolicyKind,
    PrincipalKind,
    Purpose,
    Record,
    Resource,
    Scope,
    ScopeKind,
    Signal,
    Store,
    Tool,
    ToolClass,
    Transport,
    Trigger,
    Trust,
    TrustKind,
    Usage,
    Use,
    UseHow,
    Visibility,
)
from nhiscan.sensitive import FingerprintKey, Sensitive

__all__ = [
    "Approval", "Attachment", "AttachmentKind", "Auth", "Autonomy", "Basis", "Certainty", "Collector", "Confidence",
    "Consumer", "ConsumerKind", "Context", "Credential", "CredentialKind", "CredentialState", "Declared",
    "Exposure", "ExposurePart", "FileClass", "FingerprintKey", "Form", "Gap", "GapReason", "Hop", "Identity",
    "IdentityClass", "IdentityKind", "IdentityState", "LastUsed", "Lifetime", "Logging", "Member", "Origin",
    "Owner", "OwnerBasis", "OwnerKind", "Pin", "Policy", "PolicyKind", "PrincipalKind", "Purpose", "Record",
    "Resource", "Scope", "ScopeKind", "Sensitive", "Signal", "Store", "Target", "TargetError", "TargetKind", "Tool",
    "ToolClass", "Transport", "Trigger", "Trust", "TrustKind", "Unit", "Usage", "Use", "UseHow", "Visibility",
]  # fmt: skip
