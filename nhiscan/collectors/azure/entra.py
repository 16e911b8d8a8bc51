"""Microsoft Entra: applications, service principals, managed and agent identities, what they may do, who owns them.

Calls, for 999 objects each: one for registrations and one for their owners; one each for service principals with
their owners, their app roles and their groups; one for delegated grants, role assignments, eligible ones, schedules,
definitions, and each kind of agent; one for people whose accounts are disabled; two reports of last use.  Two policies
of the tenant.  Single objects are asked for only where 20 relations came.

What Graph does not know and nothing here invents: when a service principal was made; that something was *never* used
(the reports leave out what they have not seen); which person holds a secret.
"""

from __future__ import annotations

from nhiscan.collectors._rest.group import Group, Part
from nhiscan.collectors.azure._entra_agents import agent_users, agents, blueprints
from nhiscan.collectors.azure._entra_calls import (
    AGENT_USERS,
    AGENT_USERS_PLAIN,
    AGENTS,
    AGENTS_PLAIN,
    APP_MANAGEMENT,
    APPLICATION_OWNERS,
    APPLICATIONS,
    APPLICATIONS_PLAIN,
    AUTHORIZATION,
    BLUEPRINT_PRINCIPALS,
    BLUEPRINT_PRINCIPALS_PLAIN,
    BLUEPRINTS,
    BLUEPRINTS_PLAIN,
    DELEGATED,
    DISABLED,
    ELIGIBLE,
    ELIGIBLE_PLAIN,
    FEDERATED,
    GRANTS,
    GRANTS_OF_PRINCIPAL,
    GROUPS_OF_AGENT_USER,
    GROUPS_OF_GROUP,
    GROUPS_OF_PRINCIPAL,
    KEY_SIGN_INS,
    MEMBERSHIPS,
    OWNERS_OF_APPLICATION,
    OWNERS_OF_GROUP,
    OWNERS_OF_PRINCIPAL,
    PRINCIPALS,
    PRINCIPALS_PLAIN,
    ROLE_ASSIGNMENTS,
    ROLE_ASSIGNMENTS_PLAIN,
    ROLE_DEFINITIONS,
    ROLE_GROUPS,
    ROLE_GROUPS_PLAIN,
    SCHEDULED,
    SIGN_INS,
    SPONSORS_OF_AGENT,
    SPONSORS_OF_BLUEPRINT,
    SPONSORS_OF_BLUEPRINT_PRINCIPAL,
)
from nhiscan.collectors.azure._entra_grants import app_roles, delegated
from nhiscan.collectors.azure._entra_groups import groups
from nhiscan.collectors.azure._entra_identities import federations, identities
from nhiscan.collectors.azure._entra_owners import owners, people
from nhiscan.collectors.azure._entra_roles import roles
from nhiscan.collectors.azure._entra_settings import settings

_USED = "identity.last_used, identity.last_used_at"
_KEY_USED = "credential.last_used, credential.last_used_at"

COLLECTOR = Group(
    name="azure.entra",
    title="Microsoft Entra: applications, service principals, managed and agent identities, roles and groups",
    place="tenant",
    weight=1,
    parts=(
        Part(
            name="identities",
            kind="application, service principal, managed identity; its secrets and certificates",
            facts=(
                "created (applications, agents)", "state", "last use (beta report)", "home tenant", "publisher",
                "sign-in settings", "expiry", "last use of each credential (beta report)",
            ),
            calls={
                APPLICATIONS: "identity, credential",
                APPLICATIONS_PLAIN: "identity, credential",
                PRINCIPALS: "identity, credential",
                PRINCIPALS_PLAIN: "identity, credential",
                SIGN_INS: _USED,
                KEY_SIGN_INS: _KEY_USED,
            },
            read=identities,
        ),
        Part(
            name="federations",
            kind="federated credential",
            facts=("issuer", "subject", "audience"),
            calls={
                APPLICATIONS: "credential, trust",
                APPLICATIONS_PLAIN: "credential, trust",
                FEDERATED: "credential, trust",
            },
            read=federations,
        ),
        Part(
            name="owners",
            kind="owner of an application or service principal",
            facts=("who", "that he may act as it"),
            calls={
                APPLICATION_OWNERS: "owner, trust",
                APPLICATIONS_PLAIN: "owner, trust",
                OWNERS_OF_APPLICATION: "owner, trust",
                PRINCIPALS: "owner, trust",
                PRINCIPALS_PLAIN: "owner, trust",
                OWNERS_OF_PRINCIPAL: "owner, trust",
            },
            read=owners,
        ),
        Part(
            name="people",
            kind="person who owns, sponsors or administers something",
            facts=("whether his account is enabled",),
            calls={DISABLED: "identity.state"},
            read=people,
        ),
        Part(
            name="settings",
            kind="setting of the tenant",
            facts=("who may let applications in", "who may register them", "how long their secrets may live"),
            calls={AUTHORIZATION: "signal", APP_MANAGEMENT: "signal"},
            read=settings,
        ),
        Part(
            name="app roles",
            kind="app role granted to an application",
            facts=("API", "role"),
            calls={
                PRINCIPALS: "policy, attachment",
                PRINCIPALS_PLAIN: "policy, attachment",
                GRANTS: "policy, attachment",
                GRANTS_OF_PRINCIPAL: "policy, attachment",
            },
            read=app_roles,
        ),
        Part(
            name="delegated permissions",
            kind="delegated permission of an application",
            facts=("API", "scope", "consent of one user or for all"),
            calls={
                PRINCIPALS: "policy, attachment",
                PRINCIPALS_PLAIN: "policy, attachment",
                DELEGATED: "policy, attachment",
            },
            read=delegated,
        ),
        Part(
            name="directory roles",
            kind="directory role assignment, standing or eligible",
            facts=("role and its actions", "scope", "whether it ends", "whether it must be activated"),
            calls={
                ROLE_DEFINITIONS: "policy.document, policy.name",
                SCHEDULED: "attachment.time_bound",
                ROLE_ASSIGNMENTS: "policy, attachment",
                ROLE_ASSIGNMENTS_PLAIN: "policy, attachment",
                ELIGIBLE: "policy, attachment",
                ELIGIBLE_PLAIN: "policy, attachment",
            },
            read=roles,
        ),
        Part(
            name="groups",
            kind="group with an application or agent in it, or that can hold roles",
            facts=("members that are no people", "groups around it", "owners", "membership rule"),
            calls={
                MEMBERSHIPS: "member",
                PRINCIPALS_PLAIN: "member",
                GROUPS_OF_PRINCIPAL: "member",
                AGENT_USERS: "member",
                AGENT_USERS_PLAIN: "member",
                GROUPS_OF_AGENT_USER: "member",
                GROUPS_OF_GROUP: "member",
                ROLE_GROUPS: "owner, trust",
                ROLE_GROUPS_PLAIN: "owner, trust",
                OWNERS_OF_GROUP: "owner, trust",
            },
            read=groups,
        ),
        Part(
            name="agents",
            kind="agent identity",
            facts=("created", "state", "blueprint that may act as it", "sponsor"),
            calls={
                AGENTS: "consumer, use, trust, owner",
                AGENTS_PLAIN: "consumer, use, trust, owner",
                SPONSORS_OF_AGENT: "owner",
            },
            read=agents,
        ),
        Part(
            name="blueprints",
            kind="agent identity blueprint",
            facts=("sponsor", "credentials", "owner"),
            calls={
                BLUEPRINTS: "identity, owner",
                BLUEPRINTS_PLAIN: "identity, owner",
                SPONSORS_OF_BLUEPRINT: "owner",
                BLUEPRINT_PRINCIPALS: "identity, owner",
                BLUEPRINT_PRINCIPALS_PLAIN: "identity, owner",
                SPONSORS_OF_BLUEPRINT_PRINCIPAL: "owner",
            },
            read=blueprints,
        ),
        Part(
            name="agent users",
            kind="agent user",
            facts=("state", "agent that signs in as it"),
            calls={AGENT_USERS: "identity, trust", AGENT_USERS_PLAIN: "identity, trust"},
            read=agent_users,
        ),
    ),
)  # fmt: skip
