"""The calls to Microsoft Graph that tell about identities, the fewest that tell all of it.

Facts behind their form (learn.microsoft.com/graph: "Use query parameters", "Known issues", "Paging"): a page of
directory objects holds 999 at most; one relation can be expanded in a call, gives 20 entries at most, has no next link
and takes no options of its own; whoever has 20 is asked one by one.  A service principal has no creation time in v1.0,
so none is asked for; last sign-ins exist in beta only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nhiscan.collectors._rest.operation import Operation

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_EXPANDED = 20
"""Entries of an expanded relation, at most; a full one may be cut."""

_TOP = {"$top": "999"}
_APPLICATIONS = ("Application.Read.All",)
_AGENTS = ("AgentIdentity.Read.All",)
_PEOPLE = ("Application.Read.All", "User.ReadBasic.All")
_GROUPS = ("Application.Read.All", "GroupMember.Read.All")
_GROUPS_ALONE = ("GroupMember.Read.All",)
_ROLES = ("RoleManagement.Read.Directory",)
_REPORTS = ("AuditLog.Read.All",)
_POLICIES = ("Policy.Read.All",)

_OF_APPLICATION = (
    "id,appId,displayName,createdDateTime,signInAudience,isFallbackPublicClient,publicClient,web,spa,passwordCredentials,"
    "keyCredentials,tags,serviceManagementReference,verifiedPublisher,publisherDomain,disabledByMicrosoftStatus,"
    "servicePrincipalLockConfiguration,createdByAppId"
)
_OF_PRINCIPAL = (
    "id,appId,displayName,servicePrincipalType,accountEnabled,appOwnerOrganizationId,appRoles,passwordCredentials,"
    "keyCredentials,alternativeNames,replyUrls,tags,signInAudience,verifiedPublisher,disabledByMicrosoftStatus,"
    "preferredSingleSignOnMode,appRoleAssignmentRequired"
)


def _listed(name: str, path: str, permissions: tuple[str, ...], **query: str) -> Operation:
    return Operation(name, path, permissions, {**_TOP, **{f"${key}": value for key, value in query.items()}})


APPLICATIONS = _listed(
    "graph:applications.list", "/v1.0/applications", _APPLICATIONS,
    select=_OF_APPLICATION, expand="federatedIdentityCredentials",
)  # fmt: skip
APPLICATIONS_PLAIN = _listed("graph:applications.listPlain", "/v1.0/applications", _APPLICATIONS)
FEDERATED = Operation(
    "graph:federatedIdentityCredentials.list", "/v1.0/applications/{id}/federatedIdentityCredentials", _APPLICATIONS
)
APPLICATION_OWNERS = _listed(
    "graph:applications.listOwners", "/v1.0/applications", _PEOPLE, select="id,appId", expand="owners"
)
OWNERS_OF_APPLICATION = _listed("graph:applicationOwners.list", "/v1.0/applications/{id}/owners", _PEOPLE)

PRINCIPALS = _listed(
    "graph:servicePrincipals.list", "/v1.0/servicePrincipals", _PEOPLE, select=_OF_PRINCIPAL,
    expand="owners",
)  # fmt: skip
PRINCIPALS_PLAIN = _listed("graph:servicePrincipals.listPlain", "/v1.0/servicePrincipals", _APPLICATIONS)
OWNERS_OF_PRINCIPAL = _listed("graph:servicePrincipalOwners.list", "/v1.0/servicePrincipals/{id}/owners", _PEOPLE)
GRANTS = _listed(
    "graph:servicePrincipals.listAppRoles", "/v1.0/servicePrincipals", _APPLICATIONS, select="id",
    expand="appRoleAssignments",
)  # fmt: skip
GRANTS_OF_PRINCIPAL = _listed(
    "graph:appRoleAssignments.list", "/v1.0/servicePrincipals/{id}/appRoleAssignments", _APPLICATIONS
)
MEMBERSHIPS = _listed(
    "graph:servicePrincipals.listMemberships", "/v1.0/servicePrincipals", _GROUPS, select="id",
    expand="memberOf",
)  # fmt: skip
GROUPS_OF_PRINCIPAL = _listed("graph:servicePrincipalGroups.list", "/v1.0/servicePrincipals/{id}/memberOf", _GROUPS)

DELEGATED = _listed("graph:oauth2PermissionGrants.list", "/v1.0/oauth2PermissionGrants", ("Directory.Read.All",))

ROLE_DEFINITIONS = Operation(
    "graph:roleDefinitions.list", "/v1.0/roleManagement/directory/roleDefinitions", _ROLES
)  # takes no $top
ROLE_ASSIGNMENTS = Operation(
    "graph:roleAssignments.list", "/v1.0/roleManagement/directory/roleAssignments", _ROLES, {"$expand": "principal"}
)
ELIGIBLE = Operation(
    "graph:roleEligibilitySchedules.list", "/v1.0/roleManagement/directory/roleEligibilitySchedules",
    ("RoleEligibilitySchedule.Read.Directory",), {"$expand": "principal"},
)  # fmt: skip
SCHEDULED = Operation(
    "graph:roleAssignmentSchedules.list", "/v1.0/roleManagement/directory/roleAssignmentSchedules",
    ("RoleAssignmentSchedule.Read.Directory",),
)  # fmt: skip

ROLE_GROUPS = _listed(
    "graph:groups.listRoleAssignable", "/v1.0/groups", _GROUPS_ALONE, filter="isAssignableToRole eq true",
    expand="owners",
)  # fmt: skip
OWNERS_OF_GROUP = _listed("graph:groupOwners.list", "/v1.0/groups/{id}/owners", _GROUPS_ALONE)
GROUPS_OF_GROUP = _listed("graph:groupMemberships.list", "/v1.0/groups/{id}/transitiveMemberOf", _GROUPS_ALONE)

AGENTS = _listed(
    "graph:agentIdentities.list", "/v1.0/servicePrincipals/microsoft.graph.agentIdentity", _AGENTS, expand="sponsors"
)
SPONSORS_OF_AGENT = Operation(
    "graph:agentIdentitySponsors.list", "/v1.0/servicePrincipals/{id}/microsoft.graph.agentIdentity/sponsors", _AGENTS
)
BLUEPRINTS = _listed(
    "graph:agentIdentityBlueprints.list", "/v1.0/applications/microsoft.graph.agentIdentityBlueprint",
    ("AgentIdentityBlueprint.Read.All",), expand="sponsors",
)  # fmt: skip
SPONSORS_OF_BLUEPRINT = Operation(
    "graph:agentIdentityBlueprintSponsors.list",
    "/v1.0/applications/{id}/microsoft.graph.agentIdentityBlueprint/sponsors", ("AgentIdentityBlueprint.Read.All",),
)  # fmt: skip
BLUEPRINT_PRINCIPALS = _listed(
    "graph:agentIdentityBlueprintPrincipals.list",
    "/v1.0/servicePrincipals/microsoft.graph.agentIdentityBlueprintPrincipal",
    ("AgentIdentityBlueprintPrincipal.Read.All",), expand="sponsors",
)  # fmt: skip
SPONSORS_OF_BLUEPRINT_PRINCIPAL = Operation(
    "graph:agentIdentityBlueprintPrincipalSponsors.list",
    "/v1.0/servicePrincipals/{id}/microsoft.graph.agentIdentityBlueprintPrincipal/sponsors",
    ("AgentIdentityBlueprintPrincipal.Read.All",),
)  # fmt: skip
# Of users a list gives few properties unasked ("List users", optional query parameters).
AGENT_USERS = _listed(
    "graph:agentUsers.list", "/v1.0/users/microsoft.graph.agentUser", ("User.ReadBasic.All",), expand="memberOf",
    select="id,displayName,userPrincipalName,accountEnabled,createdDateTime,identityParentId",
)  # fmt: skip
GROUPS_OF_AGENT_USER = _listed("graph:agentUserGroups.list", "/v1.0/users/{id}/memberOf", ("User.ReadBasic.All",))

# Lists of owners leave out whether a person's account is enabled, and so does `getByIds`, which knows no $select; a
# filter on accountEnabled gives the few that are not, in pages of 999 ("List users"; "directoryObject: getByIds").
DISABLED = _listed(
    "graph:users.listDisabled", "/v1.0/users", ("User.Read.All",), select="id", filter="accountEnabled eq false"
)

AUTHORIZATION = Operation("graph:authorizationPolicy.get", "/v1.0/policies/authorizationPolicy", _POLICIES)
APP_MANAGEMENT = Operation(
    "graph:defaultAppManagementPolicy.get", "/v1.0/policies/defaultAppManagementPolicy", _POLICIES
)

SIGN_INS = _listed(
    "graph:servicePrincipalSignInActivities.list", "/beta/reports/servicePrincipalSignInActivities", _REPORTS
)
KEY_SIGN_INS = _listed(
    "graph:appCredentialSignInActivities.list", "/beta/reports/appCredentialSignInActivities", _REPORTS
)


def _plain(operation: Operation, name: str) -> Operation:
    """The same list without its relation."""
    kept = {key: value for key, value in operation.query.items() if key != "$expand"}
    return Operation(name, operation.path, operation.permissions, kept)


ROLE_ASSIGNMENTS_PLAIN = _plain(ROLE_ASSIGNMENTS, "graph:roleAssignments.listPlain")
ELIGIBLE_PLAIN = _plain(ELIGIBLE, "graph:roleEligibilitySchedules.listPlain")
ROLE_GROUPS_PLAIN = _plain(ROLE_GROUPS, "graph:groups.listRoleAssignablePlain")
AGENTS_PLAIN = _plain(AGENTS, "graph:agentIdentities.listPlain")
BLUEPRINTS_PLAIN = _plain(BLUEPRINTS, "graph:agentIdentityBlueprints.listPlain")
BLUEPRINT_PRINCIPALS_PLAIN = _plain(BLUEPRINT_PRINCIPALS, "graph:agentIdentityBlueprintPrincipals.listPlain")
AGENT_USERS_PLAIN = _plain(AGENT_USERS, "graph:agentUsers.listPlain")

PLAIN: Mapping[Operation, Operation] = {
    APPLICATIONS: APPLICATIONS_PLAIN,
    APPLICATION_OWNERS: APPLICATIONS_PLAIN,
    PRINCIPALS: PRINCIPALS_PLAIN,
    GRANTS: PRINCIPALS_PLAIN,
    MEMBERSHIPS: PRINCIPALS_PLAIN,
    ROLE_ASSIGNMENTS: ROLE_ASSIGNMENTS_PLAIN,
    ELIGIBLE: ELIGIBLE_PLAIN,
    ROLE_GROUPS: ROLE_GROUPS_PLAIN,
    AGENTS: AGENTS_PLAIN,
    BLUEPRINTS: BLUEPRINTS_PLAIN,
    BLUEPRINT_PRINCIPALS: BLUEPRINT_PRINCIPALS_PLAIN,
    AGENT_USERS: AGENT_USERS_PLAIN,
}
"""What is asked instead of a list that a cloud refuses: because of its relation, or a property it does not know."""
