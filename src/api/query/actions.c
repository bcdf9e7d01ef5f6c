/* The table of actions, and the names of those that AWS has besides. */
#include "api/query/query_priv.h"

#define IAM(name, kind, params, run)                                                               \
    {                                                                                              \
        name, QUERY_IAM, kind, params, run                                                         \
    }
#define STS(name, params, run)                                                                     \
    {                                                                                              \
        name, QUERY_STS, IAM_USER, params, run                                                     \
    }
#define PAGE " Marker MaxItems"

/* clang-format off */
const struct query_action query_actions[] = {
    /* users */
    IAM("CreateUser", IAM_USER, "UserName! Path PermissionsBoundary Tags*", user_create_run),
    IAM("GetUser", IAM_USER, "UserName", user_get_run),
    IAM("ListUsers", IAM_USER, "PathPrefix" PAGE, user_list_run),
    IAM("UpdateUser", IAM_USER, "UserName! NewUserName NewPath", user_update_run),
    IAM("DeleteUser", IAM_USER, "UserName!", user_delete_run),
    IAM("TagUser", IAM_USER, "UserName! Tags*", user_tag_run),
    IAM("UntagUser", IAM_USER, "UserName! TagKeys*", user_untag_run),
    IAM("ListUserTags", IAM_USER, "UserName!" PAGE, user_tags_run),
    IAM("PutUserPermissionsBoundary", IAM_USER, "UserName! PermissionsBoundary!", user_boundary_run),
    IAM("DeleteUserPermissionsBoundary", IAM_USER, "UserName!", user_boundary_run),
    /* access keys */
    IAM("CreateAccessKey", IAM_USER, "UserName", key_create_run),
    IAM("ListAccessKeys", IAM_USER, "UserName" PAGE, key_list_run),
    IAM("UpdateAccessKey", IAM_USER, "UserName AccessKeyId! Status!", key_update_run),
    IAM("DeleteAccessKey", IAM_USER, "UserName AccessKeyId!", key_delete_run),
    IAM("GetAccessKeyLastUsed", IAM_USER, "AccessKeyId!", key_used_run),
    /* groups */
    IAM("CreateGroup", IAM_GROUP, "GroupName! Path", group_create_run),
    IAM("GetGroup", IAM_GROUP, "GroupName!" PAGE, group_get_run),
    IAM("ListGroups", IAM_GROUP, "PathPrefix" PAGE, group_list_run),
    IAM("DeleteGroup", IAM_GROUP, "GroupName!", group_delete_run),
    IAM("AddUserToGroup", IAM_GROUP, "GroupName! UserName!", group_member_run),
    IAM("RemoveUserFromGroup", IAM_GROUP, "GroupName! UserName!", group_member_run),
    IAM("ListGroupsForUser", IAM_USER, "UserName!" PAGE, group_of_user_run),
    /* roles */
    IAM("CreateRole", IAM_ROLE,
        "RoleName! AssumeRolePolicyDocument! Path Description MaxSessionDuration "
        "PermissionsBoundary Tags*", role_create_run),
    IAM("GetRole", IAM_ROLE, "RoleName!", role_get_run),
    IAM("ListRoles", IAM_ROLE, "PathPrefix" PAGE, role_list_run),
    IAM("DeleteRole", IAM_ROLE, "RoleName!", role_delete_run),
    IAM("UpdateRole", IAM_ROLE, "RoleName! Description MaxSessionDuration", role_update_run),
    IAM("UpdateAssumeRolePolicy", IAM_ROLE, "RoleName! PolicyDocument!", role_trust_run),
    IAM("TagRole", IAM_ROLE, "RoleName! Tags*", role_tag_run),
    IAM("UntagRole", IAM_ROLE, "RoleName! TagKeys*", role_untag_run),
    IAM("ListRoleTags", IAM_ROLE, "RoleName!" PAGE, role_tags_run),
    IAM("PutRolePermissionsBoundary", IAM_ROLE, "RoleName! PermissionsBoundary!", role_boundary_run),
    IAM("DeleteRolePermissionsBoundary", IAM_ROLE, "RoleName!", role_boundary_run),
    /* managed policies */
    IAM("CreatePolicy", IAM_POLICY, "PolicyName! PolicyDocument! Path Description", policy_create_run),
    IAM("GetPolicy", IAM_POLICY, "PolicyArn!", policy_get_run),
    IAM("ListPolicies", IAM_POLICY, "Scope OnlyAttached PathPrefix" PAGE, policy_list_run),
    IAM("DeletePolicy", IAM_POLICY, "PolicyArn!", policy_delete_run),
    IAM("CreatePolicyVersion", IAM_POLICY, "PolicyArn! PolicyDocument! SetAsDefault", policy_version_create_run),
    IAM("GetPolicyVersion", IAM_POLICY, "PolicyArn! VersionId!", policy_version_get_run),
    IAM("ListPolicyVersions", IAM_POLICY, "PolicyArn!" PAGE, policy_version_list_run),
    IAM("DeletePolicyVersion", IAM_POLICY, "PolicyArn! VersionId!", policy_version_delete_run),
    IAM("SetDefaultPolicyVersion", IAM_POLICY, "PolicyArn! VersionId!", policy_version_default_run),
    IAM("ListEntitiesForPolicy", IAM_POLICY, "PolicyArn! EntityFilter" PAGE, policy_entities_run),
    IAM("AttachUserPolicy", IAM_USER, "UserName! PolicyArn!", policy_attach_run),
    IAM("AttachGroupPolicy", IAM_GROUP, "GroupName! PolicyArn!", policy_attach_run),
    IAM("AttachRolePolicy", IAM_ROLE, "RoleName! PolicyArn!", policy_attach_run),
    IAM("DetachUserPolicy", IAM_USER, "UserName! PolicyArn!", policy_attach_run),
    IAM("DetachGroupPolicy", IAM_GROUP, "GroupName! PolicyArn!", policy_attach_run),
    IAM("DetachRolePolicy", IAM_ROLE, "RoleName! PolicyArn!", policy_attach_run),
    IAM("ListAttachedUserPolicies", IAM_USER, "UserName! PathPrefix" PAGE, policy_attached_run),
    IAM("ListAttachedGroupPolicies", IAM_GROUP, "GroupName! PathPrefix" PAGE, policy_attached_run),
    IAM("ListAttachedRolePolicies", IAM_ROLE, "RoleName! PathPrefix" PAGE, policy_attached_run),
    /* inline policies */
    IAM("PutUserPolicy", IAM_USER, "UserName! PolicyName! PolicyDocument!", inline_put_run),
    IAM("PutGroupPolicy", IAM_GROUP, "GroupName! PolicyName! PolicyDocument!", inline_put_run),
    IAM("PutRolePolicy", IAM_ROLE, "RoleName! PolicyName! PolicyDocument!", inline_put_run),
    IAM("GetUserPolicy", IAM_USER, "UserName! PolicyName!", inline_get_run),
    IAM("GetGroupPolicy", IAM_GROUP, "GroupName! PolicyName!", inline_get_run),
    IAM("GetRolePolicy", IAM_ROLE, "RoleName! PolicyName!", inline_get_run),
    IAM("DeleteUserPolicy", IAM_USER, "UserName! PolicyName!", inline_delete_run),
    IAM("DeleteGroupPolicy", IAM_GROUP, "GroupName! PolicyName!", inline_delete_run),
    IAM("DeleteRolePolicy", IAM_ROLE, "RoleName! PolicyName!", inline_delete_run),
    IAM("ListUserPolicies", IAM_USER, "UserName!" PAGE, inline_list_run),
    IAM("ListGroupPolicies", IAM_GROUP, "GroupName!" PAGE, inline_list_run),
    IAM("ListRolePolicies", IAM_ROLE, "RoleName!" PAGE, inline_list_run),
    /* MFA devices */
    IAM("CreateVirtualMFADevice", IAM_USER, "VirtualMFADeviceName! Path", mfa_create_run),
    IAM("EnableMFADevice", IAM_USER,
        "UserName! SerialNumber! AuthenticationCode1! AuthenticationCode2!", mfa_enable_run),
    IAM("ListMFADevices", IAM_USER, "UserName" PAGE, mfa_of_user_run),
    IAM("ListVirtualMFADevices", IAM_USER, "AssignmentStatus" PAGE, mfa_list_run),
    IAM("DeactivateMFADevice", IAM_USER, "UserName SerialNumber!", mfa_deactivate_run),
    IAM("DeleteVirtualMFADevice", IAM_USER, "SerialNumber!", mfa_delete_run),
    /* OpenID Connect providers */
    IAM("CreateOpenIDConnectProvider", IAM_USER, "Url! ClientIDList* ThumbprintList*", oidc_create_run),
    IAM("GetOpenIDConnectProvider", IAM_USER, "OpenIDConnectProviderArn!", oidc_get_run),
    IAM("ListOpenIDConnectProviders", IAM_USER, "", oidc_list_run),
    IAM("DeleteOpenIDConnectProvider", IAM_USER, "OpenIDConnectProviderArn!", oidc_delete_run),
    IAM("AddClientIDToOpenIDConnectProvider", IAM_USER, "OpenIDConnectProviderArn! ClientID!", oidc_client_run),
    IAM("RemoveClientIDFromOpenIDConnectProvider", IAM_USER, "OpenIDConnectProviderArn! ClientID!", oidc_client_run),
    IAM("UpdateOpenIDConnectProviderThumbprint", IAM_USER, "OpenIDConnectProviderArn! ThumbprintList*", oidc_thumbprints_run),
    /* the account */
    IAM("GetAccountSummary", IAM_USER, "", account_summary_run),
    IAM("SimulatePrincipalPolicy", IAM_USER,
        "PolicySourceArn! ActionNames* ResourceArns* ContextEntries*" PAGE, simulate_run),

    STS("GetCallerIdentity", "", sts_identity_run),
    STS("GetSessionToken", "DurationSeconds SerialNumber TokenCode", sts_session_run),
    STS("AssumeRole",
        "RoleArn! RoleSessionName! DurationSeconds Policy PolicyArns* Tags* ExternalId "
        "SerialNumber TokenCode", sts_assume_run),
    STS("AssumeRoleWithWebIdentity",
        "RoleArn! RoleSessionName! WebIdentityToken! DurationSeconds Policy PolicyArns*",
        sts_web_run),
    { NULL, QUERY_IAM, IAM_USER, NULL, NULL },
};

static const char *const other_iam[] = { "AddRoleToInstanceProfile", "ChangePassword",
    "CreateAccountAlias", "CreateInstanceProfile", "CreateLoginProfile", "CreateSAMLProvider",
    "CreateServiceLinkedRole", "CreateServiceSpecificCredential", "DeleteAccountAlias",
    "DeleteAccountPasswordPolicy", "DeleteInstanceProfile", "DeleteLoginProfile",
    "DeleteSAMLProvider", "DeleteSSHPublicKey", "DeleteServerCertificate",
    "DeleteServiceLinkedRole", "DeleteServiceSpecificCredential", "DeleteSigningCertificate",
    "DisableOrganizationsRootCredentialsManagement", "DisableOrganizationsRootSessions",
    "EnableOrganizationsRootCredentialsManagement", "EnableOrganizationsRootSessions",
    "GenerateCredentialReport", "GenerateOrganizationsAccessReport",
    "GenerateServiceLastAccessedDetails", "GetAccountAuthorizationDetails",
    "GetAccountPasswordPolicy", "GetContextKeysForCustomPolicy",
    "GetContextKeysForPrincipalPolicy", "GetCredentialReport", "GetInstanceProfile",
    "GetLoginProfile", "GetMFADevice", "GetOrganizationsAccessReport", "GetSAMLProvider",
    "GetSSHPublicKey", "GetServerCertificate", "GetServiceLastAccessedDetails",
    "GetServiceLastAccessedDetailsWithEntities", "GetServiceLinkedRoleDeletionStatus",
    "ListAccountAliases", "ListInstanceProfileTags", "ListInstanceProfiles",
    "ListInstanceProfilesForRole", "ListMFADeviceTags", "ListOpenIDConnectProviderTags",
    "ListOrganizationsFeatures", "ListPoliciesGrantingServiceAccess", "ListPolicyTags",
    "ListSAMLProviderTags", "ListSAMLProviders", "ListSSHPublicKeys", "ListServerCertificateTags",
    "ListServerCertificates", "ListServiceSpecificCredentials", "ListSigningCertificates", "RemoveRoleFromInstanceProfile",
    "ResetServiceSpecificCredential", "ResyncMFADevice", "SetSecurityTokenServicePreferences",
    "SimulateCustomPolicy", "TagInstanceProfile", "TagMFADevice", "TagOpenIDConnectProvider",
    "TagPolicy", "TagSAMLProvider", "TagServerCertificate", "UntagInstanceProfile",
    "UntagMFADevice", "UntagOpenIDConnectProvider", "UntagPolicy", "UntagSAMLProvider",
    "UntagServerCertificate", "UpdateAccountPasswordPolicy", "UpdateGroup", "UpdateLoginProfile", "UpdateRoleDescription", "UpdateSAMLProvider",
    "UpdateSSHPublicKey", "UpdateServerCertificate", "UpdateServiceSpecificCredential",
    "UpdateSigningCertificate", "UploadSSHPublicKey", "UploadServerCertificate",
    "UploadSigningCertificate",
};
static const char *const other_sts[] = {
    "AssumeRoleWithSAML", "AssumeRoot", "DecodeAuthorizationMessage", "GetAccessKeyInfo",
    "GetFederationToken",
};
/* clang-format on */

bool query_is_known(enum query_service service, struct bytes action)
{
    const char *const *names = service == QUERY_IAM ? other_iam : other_sts;
    size_t n = service == QUERY_IAM ? ARRAY_LEN(other_iam) : ARRAY_LEN(other_sts);
    for (size_t i = 0; i < n; i++) {
        if (bytes_equal_str(action, names[i])) {
            return true;
        }
    }
    return false;
}
