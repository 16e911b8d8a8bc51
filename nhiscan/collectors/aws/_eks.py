"""EKS: clusters, their nodes, which service account of theirs is which role, and who may enter them.

Roles of service accounts by OIDC (IRSA) are seen by the roles' trust policies; the cluster's issuer is the `place` of
its use `oidc_issuer`.  Access policies are no policies of IAM: they have the provider `eks` and no document, and their
attachments have the cluster, with the namespaces after `#`, as their locator.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from nhiscan.collectors._common import tags as _tags
from nhiscan.collectors._common.values import flag, listing, mapping, moment, text
from nhiscan.collectors.aws._seen import seen
from nhiscan.collectors.aws._workloads import Rows, Workload, acts_as, consumer
from nhiscan.plugin import (
    Attachment,
    AttachmentKind,
    Auth,
    Form,
    Policy,
    PolicyKind,
    PrincipalKind,
    Trust,
    TrustKind,
    Use,
    UseHow,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.collectors._common.values import Json
    from nhiscan.collectors.aws._ask import Ask
    from nhiscan.plugin import Record

CLUSTERS, CLUSTER = "eks:ListClusters", "eks:DescribeCluster"
NODEGROUPS, NODEGROUP = "eks:ListNodegroups", "eks:DescribeNodegroup"
FARGATES, FARGATE = "eks:ListFargateProfiles", "eks:DescribeFargateProfile"
ASSOCIATIONS, ASSOCIATION = "eks:ListPodIdentityAssociations", "eks:DescribePodIdentityAssociation"
ENTRIES, ACCESS = "eks:ListAccessEntries", "eks:ListAssociatedAccessPolicies"
PLATFORM = "aws_eks"
_PODS = "pods.eks.amazonaws.com"
_ENABLED = {"ACTIVE": True, "UPDATING": True, "DEGRADED": True, "CREATING": True, "DELETING": False}
_ANYWHERE = frozenset({"0.0.0.0/0", "::/0"})


def clusters(ask: Ask) -> Iterator[Record]:
    """Everything of the clusters of a region; each call that is refused is a gap."""
    run = _Clusters(ask)
    yield from run.read()
    yield from run.asking.gaps


class _Clusters:
    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._without_entries: set[str] = set()
        self.asking = Rows(ask)

    def read(self) -> Iterator[Record]:
        entries = self.asking.items(CLUSTERS, "clusters", maxResults=100)
        names = [name for e in entries if (name := text(e.get("")))]
        by_arn = {self._ask.arn("eks", f"cluster/{name}"): name for name in names}
        for arn, answer in self.asking.each(CLUSTER, {arn: {"name": name} for arn, name in by_arn.items()}):
            yield from self._cluster(arn, by_arn[arn], mapping(answer.get("cluster")))
        yield from self._nodes(by_arn)
        yield from self._pods(by_arn)
        yield from self._access(by_arn)

    def _cluster(self, arn: str, name: str, cluster: Json) -> Iterator[Record]:
        network = mapping(cluster.get("resourcesVpcConfig"))
        public = flag(network.get("endpointPublicAccess"))
        if public and "publicAccessCidrs" in network:
            public = bool(_ANYWHERE & set(map(str, listing(network["publicAccessCidrs"]))))
        yield from consumer(self._ask, Workload(
            arn=arn, name=name, platform=PLATFORM, created_at=moment(cluster.get("createdAt")), public=public,
            url=text(cluster.get("endpoint")),
            enabled=_ENABLED.get(text(cluster.get("status")) or ""), auth=Auth.IAM,
            tags=_tags.read(cluster.get("tags")),
        ))  # fmt: skip
        if mapping(cluster.get("accessConfig")).get("authenticationMode") == "CONFIG_MAP":
            self._without_entries.add(arn)
        compute = mapping(cluster.get("computeConfig"))
        connector = mapping(cluster.get("connectorConfig"))
        yield from acts_as(
            self._ask, arn, ("role", cluster.get("roleArn")), ("node_role", compute.get("nodeRoleArn")),
            ("connector_role", connector.get("roleArn")),
        )  # fmt: skip
        issuer = text(mapping(mapping(cluster.get("identity")).get("oidc")).get("issuer"))
        if issuer:
            yield Use(
                **seen(self._ask, f"{arn}#federated/oidc_issuer", arn), consumer_id=arn, how=UseHow.FEDERATED,
                form=Form.FEDERATED, name="oidc_issuer", place=issuer.removeprefix("https://"),
            )  # fmt: skip

    def _nodes(self, by_arn: dict[str, str]) -> Iterator[Record]:
        kinds = (
            (NODEGROUPS, "nodegroups", NODEGROUP, "nodegroup", "nodegroupName", "nodegroupArn", "nodeRole", "role"),
            (
                FARGATES, "fargateProfileNames", FARGATE, "fargateProfile", "fargateProfileName", "fargateProfileArn",
                "podExecutionRoleArn", "execution_role",
            ),
        )  # fmt: skip
        for listing_, key, describe, wrapper, name_key, arn_key, role_key, role_name in kinds:
            requests: dict[str, Json] = {}
            parents: dict[str, str] = {}
            for arn, found in self._each_cluster(listing_, key, by_arn):
                for name in (n for e in found if (n := text(e.get("")))):
                    about = f"{arn}#{wrapper}/{name}"
                    parents[about] = arn
                    requests[about] = {"clusterName": by_arn[arn], name_key: name}
            for about, answer in self.asking.each(describe, requests):
                group = mapping(answer.get(wrapper))
                node = text(group.get(arn_key))
                if node is None:
                    continue
                yield from consumer(self._ask, Workload(
                    arn=node, name=text(group.get(name_key)) or node, platform=PLATFORM, parent_id=parents[about],
                    created_at=moment(group.get("createdAt")), enabled=_ENABLED.get(text(group.get("status")) or ""),
                    tags=_tags.read(group.get("tags")),
                ))  # fmt: skip
                yield from acts_as(self._ask, node, (role_name, group.get(role_key)))

    def _pods(self, by_arn: dict[str, str]) -> Iterator[Record]:
        requests: dict[str, Json] = {}
        parents: dict[str, str] = {}
        for arn, found in self._each_cluster(ASSOCIATIONS, "associations", by_arn):
            for entry in found:
                about, key = text(entry.get("associationArn")), text(entry.get("associationId"))
                if about and key:
                    parents[about] = arn
                    requests[about] = {"clusterName": by_arn[arn], "associationId": key}
        for about, answer in self.asking.each(ASSOCIATION, requests):
            yield from self._association(about, parents[about], mapping(answer.get("association")))

    def _association(self, arn: str, cluster: str, entry: Json) -> Iterator[Record]:
        namespace, account = text(entry.get("namespace")) or "", text(entry.get("serviceAccount")) or ""
        yield from consumer(self._ask, Workload(
            arn=arn, name=f"{cluster.rsplit('/', 1)[-1]}/{namespace}/{account}", platform=PLATFORM,
            created_at=moment(entry.get("createdAt")), tags=_tags.read(entry.get("tags")),
        ))  # fmt: skip
        role = text(entry.get("roleArn"))
        yield from acts_as(self._ask, arn, ("role", role), ("target_role", entry.get("targetRoleArn")))
        if role is None:
            return
        # What EKS tells STS about the pod (EKS User Guide, "Grant Pods access to AWS resources based on tags").
        condition = {
            "ArnEquals": {"aws:SourceArn": cluster},
            "StringEquals": {
                "aws:SourceAccount": self._ask.account.number,
                "aws:RequestTag/kubernetes-namespace": namespace,
                "aws:RequestTag/kubernetes-service-account": account,
            },
        }
        yield Trust(
            **seen(self._ask, f"{arn}#trust/{role}", arn), principal=_PODS, principal_kind=PrincipalKind.SERVICE,
            target_id=role, kind=TrustKind.ASSUME, account_id=self._ask.account.number, external=False,
            subjects=(f"system:serviceaccount:{namespace}:{account}",), condition=json.dumps(condition),
        )  # fmt: skip

    def _access(self, by_arn: dict[str, str]) -> Iterator[Record]:
        requests: dict[str, Json] = {}
        of: dict[str, tuple[str, str]] = {}
        # Clusters that only know the map inside them refuse the question.
        asked = {arn: name for arn, name in by_arn.items() if arn not in self._without_entries}
        for arn, found in self._each_cluster(ENTRIES, "accessEntries", asked):
            for principal in (p for e in found if (p := text(e.get("")))):
                about = f"{arn}#access/{principal}"
                of[about] = arn, principal
                requests[about] = {"clusterName": by_arn[arn], "principalArn": principal, "maxResults": 100}
        for about, policies in self.asking.each_items(ACCESS, "associatedAccessPolicies", requests):
            for entry in policies:
                yield from self._granted(*of[about], entry)

    def _granted(self, cluster: str, principal: str, entry: Json) -> Iterator[Record]:
        policy = text(entry.get("policyArn"))
        if policy is None:
            return
        scope = mapping(entry.get("accessScope"))
        spaces = sorted(n for n in map(text, listing(scope.get("namespaces"))) if n)
        where = f"{cluster}#{','.join(spaces)}" if scope.get("type") == "namespace" else cluster
        yield Policy(
            **seen(self._ask, policy), provider="eks", kind=PolicyKind.PROVIDER, name=policy.rsplit("/", 1)[-1]
        )
        yield Attachment(
            **seen(self._ask, f"{principal}#grants/{policy}@{where}", where), policy_id=policy, principal_id=principal,
            kind=AttachmentKind.GRANTS,
        )  # fmt: skip

    def _each_cluster(self, operation: str, key: str, by_arn: dict[str, str]) -> Iterator[tuple[str, list[Json]]]:
        requests: dict[str, Json] = {arn: {"clusterName": name, "maxResults": 100} for arn, name in by_arn.items()}
        return self.asking.each_items(operation, key, requests)
