"""The tools that an agent has, and the uses that join consumers with credentials and identities."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar

from nhiscan.model.base import Record

if TYPE_CHECKING:
    from nhiscan.model.base import Basis
    from nhiscan.model.consumers import Approval


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
