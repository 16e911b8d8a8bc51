"""The property names of Microsoft Graph entities that the twin sends, so that it cannot send one that does not exist.

Source: the CSDL of Microsoft Graph v1.0 (github.com/microsoftgraph/msgraph-metadata, MIT), inherited ones included; the
two reports of beta and the PIM schedules from their pages at learn.microsoft.com/graph/api/resources.
"""

from __future__ import annotations

_APPLICATION = """
    id deletedDateTime addIns api appId applicationTemplateId appRoles authenticationBehaviors certification
    createdByAppId createdDateTime defaultRedirectUri description disabledByMicrosoftStatus displayName
    groupMembershipClaims identifierUris info isDeviceOnlyAuthSupported isDisabled isFallbackPublicClient keyCredentials
    logo managerApplications nativeAuthenticationApisEnabled notes oauth2RequirePostResponse optionalClaims
    parentalControlSettings passwordCredentials publicClient publisherDomain requestSignatureVerification
    requiredResourceAccess samlMetadataUrl serviceManagementReference servicePrincipalLockConfiguration signInAudience
    spa tags tokenEncryptionKeyId uniqueName verifiedPublisher web
"""
_PRINCIPAL = """
    id deletedDateTime accountEnabled addIns alternativeNames appDescription appDisplayName appId applicationTemplateId
    appOwnerOrganizationId appRoleAssignmentRequired appRoles createdByAppId customSecurityAttributes description
    disabledByMicrosoftStatus displayName homepage info isDisabled keyCredentials loginUrl logoutUrl notes
    notificationEmailAddresses oauth2PermissionScopes passwordCredentials preferredSingleSignOnMode
    preferredTokenSigningKeyThumbprint replyUrls resourceSpecificApplicationPermissions samlSingleSignOnSettings
    servicePrincipalNames servicePrincipalType signInAudience tags tokenEncryptionKeyId verifiedPublisher
"""
_USER = """
    id deletedDateTime accountEnabled businessPhones createdDateTime creationType department displayName employeeId
    givenName identityParentId jobTitle mail mailNickname mobilePhone officeLocation onPremisesSyncEnabled preferredLanguage surname
    userPrincipalName userType
"""
_SCHEDULE = """
    id appScopeId createdDateTime createdUsing directoryScopeId modifiedDateTime principalId roleDefinitionId status
    memberType scheduleInfo
"""

STRUCTURAL: dict[str, frozenset[str]] = {
    name: frozenset(names.split())
    for name, names in {
        "application": _APPLICATION,
        "agentIdentityBlueprint": _APPLICATION,
        "servicePrincipal": _PRINCIPAL,
        "agentIdentity": f"{_PRINCIPAL} agentIdentityBlueprintId createdDateTime",
        "agentIdentityBlueprintPrincipal": _PRINCIPAL,
        "user": _USER,
        "agentUser": _USER,
        "group": """
            id deletedDateTime createdDateTime description displayName groupTypes isAssignableToRole mail mailEnabled
            mailNickname membershipRule membershipRuleProcessingState onPremisesSyncEnabled renewedDateTime
            securityEnabled securityIdentifier visibility
        """,
        "directoryRole": "id deletedDateTime description displayName roleTemplateId",
        "federatedIdentityCredential": "id audiences description issuer name subject",
        "appRoleAssignment": """
            id deletedDateTime appRoleId createdDateTime principalDisplayName principalId principalType
            resourceDisplayName resourceId
        """,
        "oAuth2PermissionGrant": "id clientId consentType principalId resourceId scope",
        "unifiedRoleAssignment": """
            id appScopeId condition directoryScopeId principalId principalOrganizationId roleDefinitionId
        """,
        "unifiedRoleDefinition": """
            id description displayName isBuiltIn isEnabled resourceScopes rolePermissions templateId version
        """,
        "unifiedRoleEligibilitySchedule": _SCHEDULE,
        "unifiedRoleAssignmentSchedule": f"{_SCHEDULE} assignmentType",
        "authorizationPolicy": """
            id deletedDateTime allowedToSignUpEmailBasedSubscriptions allowedToUseSSPR
            allowEmailVerifiedUsersToJoinOrganization allowInvitesFrom allowUserConsentForRiskyApps blockMsolPowerShell
            defaultUserRolePermissions description displayName guestUserRoleId
        """,
        "tenantAppManagementPolicy": """
            id deletedDateTime applicationRestrictions description displayName isEnabled servicePrincipalRestrictions
        """,
        "servicePrincipalSignInActivity": """
            id appId applicationAuthenticationClientSignInActivity applicationAuthenticationResourceSignInActivity
            delegatedClientSignInActivity delegatedResourceSignInActivity lastSignInActivity
        """,
        "appCredentialSignInActivity": """
            id appId appObjectId createdDateTime credentialOrigin expirationDateTime keyId keyType keyUsage resourceId
            servicePrincipalObjectId signInActivity
        """,
    }.items()
}

NAVIGATION: dict[str, frozenset[str]] = {
    "application": frozenset({"owners", "federatedIdentityCredentials", "appManagementPolicies"}),
    "agentIdentityBlueprint": frozenset({"owners", "federatedIdentityCredentials", "sponsors"}),
    "servicePrincipal": frozenset({"owners", "memberOf", "appRoleAssignments", "appRoleAssignedTo", "ownedObjects"}),
    "agentIdentity": frozenset({"owners", "memberOf", "appRoleAssignments", "sponsors"}),
    "agentIdentityBlueprintPrincipal": frozenset({"owners", "memberOf", "appRoleAssignments", "sponsors"}),
    "user": frozenset({"memberOf", "ownedObjects"}),
    "agentUser": frozenset({"memberOf", "sponsors"}),
    "group": frozenset({"owners", "members", "memberOf", "transitiveMemberOf", "transitiveMembers"}),
    "unifiedRoleAssignment": frozenset({"principal", "roleDefinition", "directoryScope"}),
    "unifiedRoleEligibilitySchedule": frozenset({"principal", "roleDefinition", "directoryScope"}),
    "unifiedRoleAssignmentSchedule": frozenset({"principal", "roleDefinition", "directoryScope"}),
}

# Complex types by the property that holds them.
PARTS: dict[str, frozenset[str]] = {
    "passwordCredentials": frozenset(
        ["customKeyIdentifier", "displayName", "endDateTime", "hint", "keyId", "secretText", "startDateTime"]
    ),
    "keyCredentials": frozenset(
        ["customKeyIdentifier", "displayName", "endDateTime", "key", "keyId", "startDateTime", "type", "usage"]
    ),
    "appRoles": frozenset(["allowedMemberTypes", "description", "displayName", "id", "isEnabled", "origin", "value"]),
    "verifiedPublisher": frozenset(["addedDateTime", "displayName", "verifiedPublisherId"]),
    "web": frozenset(["homePageUrl", "implicitGrantSettings", "logoutUrl", "redirectUris", "redirectUriSettings"]),
    "lastSignInActivity": frozenset(
        [
            "lastNonInteractiveSignInDateTime",
            "lastNonInteractiveSignInRequestId",
            "lastSignInDateTime",
            "lastSignInRequestId",
            "lastSuccessfulSignInDateTime",
            "lastSuccessfulSignInRequestId",
        ]
    ),
}


def base_of(kind: str) -> str:
    """The type that a list declares when it holds this one."""
    return {
        "agentIdentityBlueprint": "application",
        "agentIdentity": "servicePrincipal",
        "agentIdentityBlueprintPrincipal": "servicePrincipal",
        "agentUser": "user",
    }.get(kind, kind)
