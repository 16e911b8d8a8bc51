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

import dataclasses
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


class ScopeKind(StrEnum):
    """What a scope is."""

    ACCOUNT = "account"
    ORGANIZATION = "organization"
    ORGANIZATIONAL_UNIT = "organizational_unit"
    REPOSITORY = "repository"
    DIRECTORY = "directory"


class IdentityKind(StrEnum):
    """What sort of principal an identity is."""

    USER = "user"
    ROLE = "role"
    GROUP = "group"
    ROOT = "root"
    INSTANCE_PROFILE = "instance_profile"
    OIDC_PROVIDER = "oidc_provider"
    SAML_PROVIDER = "saml_provider"
    TRUST_ANCHOR = "trust_anchor"
    PERMISSION_SET = "permission_set"
    WORKLOAD_IDENTITY = "workload_identity"
    MANAGED_IDENTITY = "managed_identity"
    IDENTITY_POOL = "identity_pool"
    AGENT_IDENTITY = "agent_identity"
    AGENT_BLUEPRINT = "agent_blueprint"
    OAUTH_CLIENT = "oauth_client"
    SERVICE_ACCOUNT = "service_account"
    APP = "app"
    BOT = "bot"


class IdentityClass(StrEnum):
    """Who stands behind an identity; decided by analysis unless a collector knows it for certain."""

    HUMAN = "human"
    WORKLOAD = "workload"
    AGENT = "agent"
    BREAK_GLASS = "break_glass"
    PROVIDER_MANAGED = "provider_managed"


class IdentityState(StrEnum):
    """Whether an identity can act.  `declared`: infrastructure code says that it shall exist, no provider was asked."""

    DECLARED = "declared"
    ENABLED = "enabled"
    DISABLED = "disabled"
    DELETED = "deleted"


class CredentialKind(StrEnum):
    """What sort of proof a credential is."""

    ACCESS_KEY = "access_key"
    API_KEY = "api_key"
    TOKEN = "token"  # noqa: S105 - a kind, not a value
    PASSWORD = "password"  # noqa: S105 - a kind, not a value
    CLIENT_SECRET = "client_secret"  # noqa: S105 - a kind, not a value
    CONNECTION_STRING = "connection_string"
    PRIVATE_KEY = "private_key"
    CERTIFICATE = "certificate"
    JWT = "jwt"
    WEBHOOK = "webhook"
    FEDERATED = "federated"
    SIGNING_CERTIFICATE = "signing_certificate"
    SSH_KEY = "ssh_key"
    UNKNOWN = "unknown"


class CredentialState(StrEnum):
    """What the issuer says of a credential.

    `not_in_scope`: its issuer is known and was not collected.  `declared`: infrastructure code says that it
    shall exist.
    """

    DECLARED = "declared"
    ACTIVE = "active"
    INACTIVE = "inactive"
    EXPIRED = "expired"
    DELETED = "deleted"
    NOT_IN_SCOPE = "not_in_scope"


class Lifetime(StrEnum):
    """How long a credential is meant to live."""

    STATIC = "static"
    SHORT_LIVED = "short_lived"
    FEDERATED = "federated"


class LastUsed(StrEnum):
    """`known`: `last_used_at` holds it.  `never`: the issuer says it was never used.  NULL: nobody could say."""

    KNOWN = "known"
    NEVER = "never"


class Visibility(StrEnum):
    """Who can see a file: everybody with the repository, or only this machine."""

    TRACKED = "tracked"
    UNTRACKED = "untracked"
    LOCAL = "local"


class ExposurePart(StrEnum):
    """Which part of a credential lies there: the secret value, or only its public key id."""

    VALUE = "value"
    KEY_ID = "key_id"


class PolicyKind(StrEnum):
    """What a policy document does.

    `service_control` and `resource_control` limit what is in a scope; `resource` stands on a resource and names who may
    use it; `session` limits the sessions of a role that is handed out; `deny` takes away from those it names.
    """

    MANAGED = "managed"
    PROVIDER = "provider"
    INLINE = "inline"
    TRUST = "trust"
    BOUNDARY = "boundary"
    SERVICE_CONTROL = "service_control"
    RESOURCE_CONTROL = "resource_control"
    RESOURCE = "resource"
    SESSION = "session"
    DENY = "deny"


class AttachmentKind(StrEnum):
    """How a policy bears on its principal: an identity, a scope that it controls, or the resource it stands on."""

    GRANTS = "grants"
    BOUNDARY = "boundary"
    TRUST = "trust"
    CONTROL = "control"
    RESOURCE = "resource"
    SESSION = "session"
    DENIES = "denies"
    EXEMPT = "exempt"


class TrustKind(StrEnum):
    """In which way one principal may become another; `access`: not become it, but use a resource or store."""

    ASSUME = "assume"
    IMPERSONATE = "impersonate"
    FEDERATE = "federate"
    ACT_AS = "act_as"
    DELEGATE = "delegate"
    ACCESS = "access"


class PrincipalKind(StrEnum):
    """What the `principal` of a trust names.  `deleted`: the unique id that AWS leaves behind of a user or role."""

    IDENTITY = "identity"
    ACCOUNT = "account"
    SERVICE = "service"
    OIDC = "oidc"
    SAML = "saml"
    ANYONE = "anyone"
    DELETED = "deleted"


class ConsumerKind(StrEnum):
    """What acts through an identity.  `step`: code of somebody else inside a pipeline (an action, orb, image)."""

    AGENT = "agent"
    TOOL_SERVER = "tool_server"
    PIPELINE = "pipeline"
    STEP = "step"
    WORKLOAD = "workload"
    FUNCTION = "function"
    APPLICATION = "application"


class Trigger(StrEnum):
    """What sets a consumer to work.  `untrusted`: an event that somebody without write access can cause and shape."""

    MANUAL = "manual"
    SCHEDULE = "schedule"
    EVENT = "event"
    UNTRUSTED = "untrusted"


class Origin(StrEnum):
    """Which level of settings declares a consumer: the machine, a person, a project, or an extension."""

    SYSTEM = "system"
    USER = "user"
    PROJECT = "project"
    EXTENSION = "extension"


class Autonomy(StrEnum):
    """How far a consumer acts without a person."""

    INTERACTIVE = "interactive"
    SUPERVISED = "supervised"
    UNATTENDED = "unattended"


class Approval(StrEnum):
    """What happens before a tool runs."""

    ASK = "ask"
    AUTO = "auto"
    DENY = "deny"


class Basis(StrEnum):
    """Whether a setting was written down or follows from the product's default."""

    EXPLICIT = "explicit"
    DEFAULT = "default"


class ToolClass(StrEnum):
    """What a tool can do to the world; the most powerful class wins."""

    READ = "read"
    WRITE = "write"
    EXEC = "exec"
    EXTERNAL = "external"
    DESTRUCTIVE = "destructive"
    DEPLOY = "deploy"
    IDENTITY = "identity"
    PAYMENT = "payment"


class Transport(StrEnum):
    """How a tool server is reached."""

    STDIO = "stdio"
    HTTP = "http"
    SSE = "sse"
    WEBSOCKET = "websocket"


class Auth(StrEnum):
    """How a consumer proves itself to a tool server or another agent.  `undeclared`: nothing written, often OAuth."""

    OAUTH = "oauth"
    STATIC_BEARER = "static_bearer"
    API_KEY = "api_key"
    BASIC = "basic"
    MTLS = "mtls"
    IAM = "iam"
    NONE = "none"
    UNDECLARED = "undeclared"


class Pin(StrEnum):
    """How exactly a launched package is fixed.  `local`: code of the repository or the machine itself."""

    DIGEST = "digest"
    EXACT = "exact"
    RANGE = "range"
    TAG = "tag"
    LATEST = "latest"
    NONE = "none"
    URL = "url"
    LOCAL = "local"


class UseHow(StrEnum):
    """In which way a consumer holds a credential or acts as an identity."""

    CONFIGURED = "configured"
    MOUNTED = "mounted"
    ENV = "env"
    RUNS_AS = "runs_as"
    FEDERATED = "federated"
    OBSERVED = "observed"


class Form(StrEnum):
    """What stands where a credential is expected."""

    LITERAL = "literal"
    REFERENCE = "reference"
    PROMPT = "prompt"
    ENV_FILE = "env_file"
    HELPER_COMMAND = "helper_command"
    KEYRING = "keyring"
    VAULT = "vault"
    FEDERATED = "federated"
    PLACEHOLDER = "placeholder"
    EMPTY = "empty"
    DANGLING = "dangling"


class Purpose(StrEnum):
    """What a credential is used for at one place.

    `exposed`: it is printed, written to an artifact or passed where it can be read, and not used for anything.
    """

    CLOUD = "cloud"
    PUBLISH = "publish"
    REGISTRY = "registry"
    SOURCE = "source"
    MODEL = "model"
    DATA = "data"
    EXPOSED = "exposed"


class FileClass(StrEnum):
    """What a file is for, told by its path: how a value in it spreads depends on that."""

    SOURCE = "source"
    TEST = "test"
    DOCUMENTATION = "documentation"
    PIPELINE = "pipeline"
    INFRASTRUCTURE = "infrastructure"
    STATE = "state"
    AGENT_CONFIG = "agent_config"
    AGENT_CONTEXT = "agent_context"
    CREDENTIAL_FILE = "credential_file"
    KEY_FILE = "key_file"


class OwnerKind(StrEnum):
    """Who is accountable."""

    PERSON = "person"
    TEAM = "team"


class OwnerBasis(StrEnum):
    """Why we believe it; in falling order of trust."""

    DECLARED = "declared"
    TAG = "tag"
    SPONSOR = "sponsor"
    CODEOWNERS = "codeowners"
    CREATOR = "creator"
    BLAME = "blame"


class Confidence(StrEnum):
    """How sure a statement is."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class Severity(StrEnum):
    """How bad a failed rule is; `info` never gates."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    INFO = "info"


class GapReason(StrEnum):
    """Why something could not be seen."""

    DENIED = "denied"
    THROTTLED = "throttled"
    UNSUPPORTED = "unsupported"
    FAILED = "failed"
    MALFORMED = "malformed"
    SKIPPED = "skipped"


class Capability(StrEnum):
    """What an identity can effectively do."""

    ADMIN = "admin"
    ESCALATE = "escalate"
    GRANT_ACCESS = "grant_access"
    READ_SECRETS = "read_secrets"
    WILDCARD = "wildcard"
    WRITE_DATA = "write_data"
    ALTER_LOGS = "alter_logs"


class Certainty(StrEnum):
    """`certain`: holds whatever the request.  `conditional`: holds when a condition we cannot evaluate is met."""

    CERTAIN = "certain"
    CONDITIONAL = "conditional"


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What every table has.

    `scope_id` is the scope the record was seen in, `source` the collector, `locator` where a person can look (a
    relative path, an ARN, a console address).
    """

    table: ClassVar[str] = ""

    id: str
    scope_id: str
    source: str
    locator: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope(Record):
    """An account, organisation, unit of one, repository or directory; `scope_id` equals `id`.

    `management` says whether an account is the one that its organisation's policies do not bind; `delegated` names the
    services that an account administers for its organisation.
    """

    table: ClassVar[str] = "scope"

    provider: str
    kind: ScopeKind
    name: str
    parent_id: str | None = None
    environment: str | None = None
    management: bool | None = None
    delegated: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity(Record):
    """A principal that can be granted access.

    `native_id` is the id under which its provider knows it (an ARN), where that is known and is not the `id`: what
    infrastructure code declares joins what exists by it.  `max_session` is the longest session it hands out, in
    seconds.  `public_client`, `implicit_grant`, `password_grant` and `redirect_uris` are settings of OAuth clients.
    """

    table: ClassVar[str] = "identity"

    provider: str
    kind: IdentityKind
    name: str
    class_: IdentityClass | None = None
    state: IdentityState | None = None
    created_at: datetime | None = None
    last_used_at: datetime | None = None
    last_used: LastUsed | None = None
    interactive: bool | None = None
    native_id: str | None = None
    max_session: int | None = None
    public_client: bool | None = None
    implicit_grant: bool | None = None
    password_grant: bool | None = None
    redirect_uris: tuple[str, ...] = ()
    environment: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential(Record):
    """Proof of an identity; never the value.

    `fingerprint` is the keyed digest of the value and never leaves the run; `key_id` and `account_id` are the public
    facts of its format; `public` says that the value is public by design (a Supabase `anon` key), `sample` that it is a
    documented example or a placeholder in a known format and opens nothing.  `scopes` are what it allows in its
    provider's words (`contents: write`, `repo`), NULL where nobody could say; `ttl` is its longest life in seconds and
    `max_uses` how often it serves (0: without end), `bound` whether it works from known networks only; `encrypted`
    says whether a private key asks for a passphrase.
    """

    table: ClassVar[str] = "credential"

    provider: str | None = None
    kind: CredentialKind = CredentialKind.UNKNOWN
    name: str | None = None
    format: str | None = None
    identity_id: str | None = None
    state: CredentialState | None = None
    lifetime: Lifetime | None = None
    issued_at: datetime | None = None
    rotated_at: datetime | None = None
    expires_at: datetime | None = None
    last_used_at: datetime | None = None
    last_used: LastUsed | None = None
    key_id: str | None = None
    account_id: str | None = None
    fingerprint: str | None = None
    public: bool | None = None
    human: bool | None = None
    environment: str | None = None
    sample: bool | None = None
    scopes: tuple[str, ...] | None = None
    ttl: int | None = None
    max_uses: int | None = None
    bound: bool | None = None
    encrypted: bool | None = None
    facts: Mapping[str, str] = field(default_factory=dict)
    confidence: Confidence = Confidence.HIGH


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure(Record):
    """A place where a credential's value (or only its key id) lies; `uri` is relative to the repository root.

    `detector` is the format or layer that recognised it, `basis` why it is believed (`format + checksum`);
    `file_class` says what the file is for.
    """

    table: ClassVar[str] = "exposure"

    credential_id: str
    uri: str
    line: int | None = None
    key_name: str | None = None
    detector: str | None = None
    basis: str | None = None
    part: ExposurePart = ExposurePart.VALUE
    commit: str | None = None
    author: str | None = None
    first_seen: datetime | None = None
    at_head: bool | None = None
    visibility: Visibility | None = None
    config: str | None = None
    file_class: FileClass | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy(Record):
    """A policy document as its provider states it (JSON text), kept so that analysis can run again."""

    table: ClassVar[str] = "policy"

    provider: str
    kind: PolicyKind
    name: str
    document: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment(Record):
    """A policy and what it bears on: an identity or group, a scope it controls, or the resource it stands on.

    `target_id` is the scope or thing at and below which it applies, NULL where the policy itself says so (AWS);
    `condition` what it depends on, in the provider's words.  `time_bound` says whether the grant ends, or must be
    activated, by itself; `eligible` that it must be activated first.
    What is `exempt` is left out of a policy that denies.
    """

    table: ClassVar[str] = "attachment"

    policy_id: str
    principal_id: str
    kind: AttachmentKind
    target_id: str | None = None
    condition: str | None = None
    time_bound: bool | None = None
    eligible: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Member(Record):
    """An identity and a group it belongs to, or a role and the instance profile that hands it out."""

    table: ClassVar[str] = "member"

    identity_id: str
    group_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust(Record):
    """Who may become whom, and for kind `access` who from outside may use which thing by the policy that stands on it.

    `principal` is an identity id, an account number, a service name, an issuer host or `*`.  `subjects`, `audiences`
    and `claims` are what the conditions demand (patterns); `external_id` says whether one is demanded; `external` is
    NULL until the set of own accounts is known; `source_bound` says whether a service must name the account,
    resource or organisation it acts for (NULL where no service is trusted); `condition` is the raw JSON; `certainty`
    tells whether the conditions can be met by whoever the principal names.
    """

    table: ClassVar[str] = "trust"

    principal: str
    principal_kind: PrincipalKind
    target_id: str
    kind: TrustKind
    account_id: str | None = None
    external: bool | None = None
    external_id: bool | None = None
    subjects: tuple[str, ...] = ()
    audiences: tuple[str, ...] = ()
    claims: tuple[str, ...] = ()
    source_bound: bool | None = None
    condition: str | None = None
    certainty: Certainty = Certainty.CERTAIN


@dataclass(frozen=True, slots=True, kw_only=True)
class Consumer(Record):
    """What acts through an identity.

    A tool server has the agent that starts it as `parent_id`; `uri` and `line` are where it is declared;
    `bypass` names the setting that switches approval off, when one does.  `platform` is where it runs (`aws_lambda`);
    `public` says that its endpoint answers the internet, `metadata_v1` that its instance metadata answers without a
    session token, `metadata_hops` how many network hops that answer may travel, `guardrail` that one is bound to it.

    `origin` is the level of settings it stands in. `trigger` is the least trusted thing that sets it to work and
    `triggers` their names; `runs_untrusted` says that it then runs what outsiders wrote. `gated`: a
    person or a protected environment stands before it; `self_hosted`: it runs on a machine of one's own; `issuer` and
    `subjects` are what its federated token says of it (patterns where parts are not known). `automount`: a token of
    its identity is mounted although nothing asks for it; `host_network`: it shares the network, and so the identity,
    of its machine. `alters_itself`: it may write its own settings, permissions or instructions; `enforced`: a policy
    decision stands between it and its tools; `forwards`: it hands the token it was given on to others.  `file_class`
    says what the file at `uri` is for: what tests and documents declare acts for nobody.
    """

    table: ClassVar[str] = "consumer"

    kind: ConsumerKind
    name: str
    framework: str | None = None
    parent_id: str | None = None
    uri: str | None = None
    line: int | None = None
    environment: str | None = None
    enabled: bool | None = None
    visibility: Visibility | None = None
    autonomy: Autonomy | None = None
    autonomy_basis: Basis | None = None
    approval: Approval | None = None
    approval_basis: Basis | None = None
    bypass: str | None = None
    sandbox: str | None = None
    platform: str | None = None
    transport: Transport | None = None
    url: str | None = None
    tls: bool | None = None
    loopback: bool | None = None
    auth: Auth | None = None
    launcher: str | None = None
    package: str | None = None
    pin: Pin | None = None
    created_at: datetime | None = None
    public: bool | None = None
    metadata_v1: bool | None = None
    metadata_hops: int | None = None
    guardrail: bool | None = None
    origin: Origin | None = None
    trigger: Trigger | None = None
    triggers: tuple[str, ...] = ()
    runs_untrusted: bool | None = None
    gated: bool | None = None
    self_hosted: bool | None = None
    issuer: str | None = None
    subjects: tuple[str, ...] = ()
    automount: bool | None = None
    host_network: bool | None = None
    alters_itself: bool | None = None
    enforced: bool | None = None
    forwards: bool | None = None
    file_class: FileClass | None = None
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool(Record):
    """What an agent may call: `name` is the tool or pattern as written (`Bash(git *)`, `mcp__db__query`, `*`).

    `reads_untrusted`, `reads_private` and `sends`: it brings in what outsiders wrote, reads what is not public, or
    carries data out.
    """

    table: ClassVar[str] = "tool"

    consumer_id: str
    name: str
    class_: ToolClass | None = None
    approval: Approval | None = None
    approval_basis: Basis | None = None
    unrestricted: bool | None = None
    reads_untrusted: bool | None = None
    reads_private: bool | None = None
    sends: bool | None = None
    uri: str | None = None
    line: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Hop(Record):
    """Which agent hands work to which other agent or server, and how it proves itself there.

    `forwards` says that it hands on its own credential or environment instead of a token made for that hop.
    """

    table: ClassVar[str] = "hop"

    from_id: str
    to_id: str
    via: str
    auth: Auth | None = None
    forwards: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Use(Record):
    """A consumer and the credential, identity or store it uses; `form` is what stands there.

    `name` is the variable or header, `place` the kind of spot (`env`, `header`, `arg`, `url`, `file`, `input`, `log`,
    `artifact`; `all_secrets` where every secret is handed over; `host` for what belongs to the machine, named
    `docker_socket`, `ssh_agent`, `cloud_profile`, `kubeconfig`, `home`, `metadata`, `environment`); `purpose` what it
    is used for.
    """

    table: ClassVar[str] = "use"

    consumer_id: str
    credential_id: str | None = None
    identity_id: str | None = None
    resource_id: str | None = None
    how: UseHow
    form: Form | None = None
    name: str | None = None
    place: str | None = None
    purpose: Purpose | None = None
    uri: str | None = None
    line: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Store(Record):
    """A vault mount, secret manager, one secret entry or one key that never leaves its service (metadata only).

    Periods are in seconds, `rotation_days` in days; `rotation` says whether it rotates by itself, `rotated_at` when it
    last did, `changed_at` when the value last changed for whatever reason; `encrypted_with` is the id of the key.
    """

    table: ClassVar[str] = "store"

    provider: str
    kind: str
    name: str
    rotation: bool | None = None
    rotation_days: int | None = None
    ttl: int | None = None
    max_ttl: int | None = None
    state: str | None = None
    created_at: datetime | None = None
    changed_at: datetime | None = None
    rotated_at: datetime | None = None
    expires_at: datetime | None = None
    last_used_at: datetime | None = None
    last_used: LastUsed | None = None
    encrypted_with: str | None = None
    environment: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource(Record):
    """Something identities act on that has a policy or a way to sign in of its own: a bucket, a queue, an API.

    `public` says that anybody may reach it; `local_auth` that it accepts a key or password of its own where it could
    demand an identity; `authenticated` that it demands proof at all, `tls` that it is reached with encryption
    (webhooks, stores).
    """

    table: ClassVar[str] = "resource"

    provider: str
    kind: str
    name: str
    public: bool | None = None
    local_auth: bool | None = None
    authenticated: bool | None = None
    tls: bool | None = None
    encrypted_with: str | None = None
    created_at: datetime | None = None
    environment: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage(Record):
    """When an identity last used a service, or one action of it, as its provider reports."""

    table: ClassVar[str] = "usage"

    identity_id: str
    service: str
    action: str | None = None
    last_used: LastUsed | None = None
    last_used_at: datetime | None = None
    region: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal(Record):
    """What a provider itself reports of a record: a leaked key put under quarantine, an unused role, outside access.

    `kind` is one of compromised, quarantined, unused_identity, unused_credential, unused_permission, external_access.
    """

    table: ClassVar[str] = "signal"

    subject_id: str
    kind: str
    provider: str
    active: bool | None = None
    seen_at: datetime | None = None
    detail: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Logging(Record):
    """Tool-call, secret-access and policy-decision logs, each apart."""

    table: ClassVar[str] = "logging"

    subject_id: str
    kind: str
    enabled: bool | None = None
    destination: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner(Record):
    """An accountable person or team for any record (`subject_id`)."""

    table: ClassVar[str] = "owner"

    subject_id: str
    name: str
    kind: OwnerKind
    basis: OwnerBasis
    confidence: Confidence


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap(Record):
    """What could not be seen.

    `covers` lists tables or `table.column`; `subject_id` narrows it to one record; `remedy` is the permission or the
    act that would fix it; `operation` the call that failed.
    """

    table: ClassVar[str] = "gap"

    covers: tuple[str, ...]
    reason: GapReason
    remedy: str
    detail: str | None = None
    operation: str | None = None
    subject_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared(Record):
    """A fact a team declared under `context:` in nhiscan.yaml (trusted account, approved tool server, …)."""

    table: ClassVar[str] = "declared"

    kind: str
    value: str
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant(Record):
    """Derived: one statement of a policy that bears on an identity, with its conditions kept."""

    table: ClassVar[str] = "grant"

    identity_id: str
    policy_id: str
    statement: int
    effect: str
    actions: tuple[str, ...] = ()
    not_actions: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    not_resources: tuple[str, ...] = ()
    condition: str | None = None
    level: str | None = None
    via: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Effective(Record):
    """Derived: an identity has a capability after union, Deny and boundary.

    `method` names the escalation or the action that gives it, `steps` prove it statement by statement.
    """

    table: ClassVar[str] = "effective"

    identity_id: str
    capability: Capability
    certainty: Certainty
    method: str | None = None
    steps: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach(Record):
    """Derived: an identity can become another within five hops; `path` lists the identities passed, ends included.

    `steps` prove each hop by the statements that allow it, and end with why the target is worth reaching.
    """

    table: ClassVar[str] = "reach"

    identity_id: str
    target_id: str
    hops: int
    path: tuple[str, ...]
    certainty: Certainty
    steps: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster(Record):
    """Derived: `member_id` is the place-bound record that turned out to be the credential `credential_id`."""

    table: ClassVar[str] = "cluster"

    credential_id: str
    member_id: str
    basis: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingRecord(Record):
    """Derived: a failed verdict after triage; `state` is new, known or suppressed."""

    table: ClassVar[str] = "finding"

    rule_id: str
    severity: Severity
    confidence: Confidence
    subject_table: str
    subject_id: str
    message: str
    state: str
    folded_into: str | None = None


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


def column_name(field_name: str) -> str:
    """The column a field is stored in: `class_` -> `class`."""
    return field_name.rstrip("_")


def columns(record: type[Record]) -> tuple[str, ...]:
    """The columns of a record's table, in declaration order."""
    return tuple(column_name(f.name) for f in dataclasses.fields(record))
