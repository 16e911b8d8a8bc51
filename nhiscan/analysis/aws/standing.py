"""What is known of the resource of a request: whose it is, its tags, and the policy that stands on it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

from nhiscan.analysis.aws.actions import table
from nhiscan.analysis.aws.estate import account_of
from nhiscan.analysis.aws.evaluate import Bound

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from nhiscan.analysis.aws.library import Library
    from nhiscan.model import Consumer, Identity, Resource, Store

    Thing = Identity | Resource | Store | Consumer

SHARED_SERVICES = frozenset({
    "acm-pca", "aiops", "aoss", "apigateway", "appsync", "aps", "arc-region-switch", "backup", "bedrock",
    "bedrock-agentcore", "billing", "cloud9", "cloudhsm", "cloudtrail", "codeartifact", "codebuild", "comprehend",
    "dsql", "dynamodb", "ecr", "ecr-public", "elasticfilesystem", "es", "events", "execute-api", "fsx", "glacier",
    "glue", "iot", "kafka", "kinesis", "kms", "lambda", "lex", "logs", "mediastore", "mpa", "network-firewall",
    "networkmanager", "organizations", "osis", "qbusiness", "redshift", "redshift-serverless", "refactor-spaces",
    "resource-explorer-2", "route53-recovery-control-config", "route53resolver", "rum", "s3", "s3-object-lambda",
    "s3-outposts", "s3express", "s3tables", "s3vectors", "sagemaker", "schemas", "secretsmanager", "serverlessrepo",
    "servicecatalog", "servicediscovery", "ses", "signer", "sns", "sqs", "ssm", "ssm-contacts", "ssm-incidents", "sts",
    "vpc-lattice", "xray",
})  # fmt: skip
"""Services whose resources can have a policy (IAM User Guide, reference_aws-services-that-work-with-iam, and
the services whose actions since then include PutResourcePolicy)."""

KEY_SHARING = frozenset({
    "creategrant", "decapsulate", "decrypt", "derivesharedsecret", "describekey", "encapsulate", "encrypt",
    "generatedatakey", "generatedatakeypair", "generatedatakeypairwithoutplaintext", "generatedatakeywithoutplaintext",
    "generatemac", "getkeyrotationstatus", "getpublickey", "listgrants", "reencryptfrom", "reencryptto", "retiregrant",
    "revokegrant", "sign", "verify", "verifymac",
})  # fmt: skip
"""Actions on a key that work from another account (KMS API Reference, cross-account use of each operation)."""


class Word(Enum):
    """How much the policy of a resource has to say.

    `either`: it or the caller's own policies allow.  `first`: it must allow, or hand the decision to the caller's own
    policies by naming the account (role trust policies, key policies).  `none`: such actions know no resource policy.
    """

    EITHER = "either"
    FIRST = "first"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Standing:
    """The resource as far as it was collected; `seen` says whether its policy, or that it has none, is known."""

    resource: str
    word: Word
    account: str | None
    thing: Thing | None = None
    bounds: tuple[Bound, ...] = ()
    seen: bool = False

    @property
    def name(self) -> str:
        """How a reader knows it."""
        return self.thing.name if self.thing else self.resource


@dataclass(frozen=True, slots=True)
class Resources:
    """Everything that may be acted on, by id, with the policies on it; `blind` are those whose policy was refused."""

    books: Library
    things: Mapping[str, Thing]
    policies: Mapping[str, tuple[str, ...]]
    trusts: Mapping[str, tuple[str, ...]]
    blind: frozenset[str] = field(default_factory=frozenset)

    def standing(self, action: str, resource: str) -> Standing:
        """What stands on the resource of a request; an object is looked for in its bucket, an alias at its function."""
        word = _word(action, resource)
        place = next((p for p in _places(resource) if p in self.things or p in self.policies), resource)
        thing = self.things.get(place)
        scope = thing.scope_id.removeprefix("aws:") if thing else ""
        account = account_of(resource) or (scope if scope.isdigit() else None)
        if word is Word.NONE:
            return Standing(resource, word, account, thing, seen=True)
        ids = self.trusts.get(place, ()) if ":role/" in resource else self.policies.get(place, ())
        read = all(p in self.books.documents for p in ids) and place not in self.blind
        # A role always has a trust policy and a key a key policy: where none is, none was read.
        none = word is Word.EITHER and (thing is not None or not has_policies(action))
        seen = read and (bool(ids) or none)
        return Standing(resource, word, account, thing, tuple(self._bounds(ids, place)), seen)

    def _bounds(self, ids: tuple[str, ...], place: str) -> Iterator[Bound]:
        thing = self.things.get(place)
        name = thing.name if thing else place
        for policy_id in ids:
            document = self.books.documents.get(policy_id)
            for statement in document.statements if document else ():
                words = f"trust policy of role {name}" if ":role/" in place else f"resource policy of {name}"
                yield Bound(policy_id, words, statement)


def has_policies(action: str) -> bool:
    """Whether resources of the service can have a policy; True for a service nobody knows."""
    return action.partition(":")[0].lower() in SHARED_SERVICES or not table().knows_service(action)


def _word(action: str, resource: str) -> Word:
    service = action.partition(":")[0].lower()
    if resource == "*":
        return Word.NONE
    if ":iam::" in resource:
        return Word.FIRST if service == "sts" and ":role/" in resource else Word.NONE
    if service == "kms":
        return Word.FIRST if ":key/" in resource else Word.NONE
    return Word.EITHER


def _places(resource: str) -> Iterator[str]:
    """The resource and what contains it: `bucket/a/b`, `bucket/a`, `bucket`; never above the type in the ARN."""
    yield resource
    head, rest = ":".join(resource.split(":", 5)[:5]), resource.split(":", 5)[-1]
    while (cut := max(rest.rfind("/"), rest.rfind(":"))) > 0:
        rest = rest[:cut]
        yield f"{head}:{rest}"
