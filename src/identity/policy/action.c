/* The table of actions, by name. */
#include "identity/policy/action.h"

#include "base/mem.h"

#define READ(name, admin)                                                                          \
    {                                                                                              \
        name, admin, false                                                                         \
    }
#define WRITE(name, admin)                                                                         \
    {                                                                                              \
        name, admin, true                                                                          \
    }

const struct action actions[] = {
    WRITE("iam:AddClientIDToOpenIDConnectProvider", ADMIN_SECURITY),
    WRITE("iam:AddUserToGroup", ADMIN_SECURITY),
    WRITE("iam:AssignRole", ADMIN_SECURITY),
    WRITE("iam:AttachGroupPolicy", ADMIN_SECURITY),
    WRITE("iam:AttachRolePolicy", ADMIN_SECURITY),
    WRITE("iam:AttachUserPolicy", ADMIN_SECURITY),
    WRITE("iam:CreateAccessKey", ADMIN_SECURITY),
    WRITE("iam:CreateGroup", ADMIN_SECURITY),
    WRITE("iam:CreateOpenIDConnectProvider", ADMIN_SECURITY),
    WRITE("iam:CreatePolicy", ADMIN_SECURITY),
    WRITE("iam:CreatePolicyVersion", ADMIN_SECURITY),
    WRITE("iam:CreateRole", ADMIN_SECURITY),
    WRITE("iam:CreateUser", ADMIN_SECURITY),
    WRITE("iam:CreateVirtualMFADevice", ADMIN_SECURITY),
    WRITE("iam:DeactivateMFADevice", ADMIN_SECURITY),
    WRITE("iam:DeleteAccessKey", ADMIN_SECURITY),
    WRITE("iam:DeleteGroup", ADMIN_SECURITY),
    WRITE("iam:DeleteGroupPolicy", ADMIN_SECURITY),
    WRITE("iam:DeleteOpenIDConnectProvider", ADMIN_SECURITY),
    WRITE("iam:DeletePolicy", ADMIN_SECURITY),
    WRITE("iam:DeletePolicyVersion", ADMIN_SECURITY),
    WRITE("iam:DeleteRole", ADMIN_SECURITY),
    WRITE("iam:DeleteRolePermissionsBoundary", ADMIN_SECURITY),
    WRITE("iam:DeleteRolePolicy", ADMIN_SECURITY),
    WRITE("iam:DeleteUser", ADMIN_SECURITY),
    WRITE("iam:DeleteUserPermissionsBoundary", ADMIN_SECURITY),
    WRITE("iam:DeleteUserPolicy", ADMIN_SECURITY),
    WRITE("iam:DeleteVirtualMFADevice", ADMIN_SECURITY),
    WRITE("iam:DetachGroupPolicy", ADMIN_SECURITY),
    WRITE("iam:DetachRolePolicy", ADMIN_SECURITY),
    WRITE("iam:DetachUserPolicy", ADMIN_SECURITY),
    WRITE("iam:EnableMFADevice", ADMIN_SECURITY),
    WRITE("iam:EndUser", ADMIN_SECURITY),
    WRITE("iam:Freeze", ADMIN_SECURITY),
    READ("iam:GetAccessKeyLastUsed", ADMIN_NONE),
    READ("iam:GetAccountSummary", ADMIN_NONE),
    READ("iam:GetGroup", ADMIN_NONE),
    READ("iam:GetGroupPolicy", ADMIN_NONE),
    READ("iam:GetOpenIDConnectProvider", ADMIN_NONE),
    READ("iam:GetPolicy", ADMIN_NONE),
    READ("iam:GetPolicyVersion", ADMIN_NONE),
    READ("iam:GetRole", ADMIN_NONE),
    READ("iam:GetRolePolicy", ADMIN_NONE),
    READ("iam:GetUser", ADMIN_NONE),
    READ("iam:GetUserPolicy", ADMIN_NONE),
    READ("iam:ListAccessKeys", ADMIN_NONE),
    READ("iam:ListAttachedGroupPolicies", ADMIN_NONE),
    READ("iam:ListAttachedRolePolicies", ADMIN_NONE),
    READ("iam:ListAttachedUserPolicies", ADMIN_NONE),
    READ("iam:ListEntitiesForPolicy", ADMIN_NONE),
    READ("iam:ListGroupPolicies", ADMIN_NONE),
    READ("iam:ListGroups", ADMIN_NONE),
    READ("iam:ListGroupsForUser", ADMIN_NONE),
    READ("iam:ListMFADevices", ADMIN_NONE),
    READ("iam:ListOpenIDConnectProviders", ADMIN_NONE),
    READ("iam:ListPolicies", ADMIN_NONE),
    READ("iam:ListPolicyVersions", ADMIN_NONE),
    READ("iam:ListRolePolicies", ADMIN_NONE),
    READ("iam:ListRoles", ADMIN_NONE),
    READ("iam:ListRoleTags", ADMIN_NONE),
    READ("iam:ListSessions", ADMIN_NONE),
    READ("iam:ListUserPolicies", ADMIN_NONE),
    READ("iam:ListUsers", ADMIN_NONE),
    READ("iam:ListUserTags", ADMIN_NONE),
    READ("iam:ListVirtualMFADevices", ADMIN_NONE),
    WRITE("iam:PutGroupPolicy", ADMIN_SECURITY),
    WRITE("iam:PutParameter", ADMIN_SECURITY),
    WRITE("iam:PutRolePermissionsBoundary", ADMIN_SECURITY),
    WRITE("iam:PutRolePolicy", ADMIN_SECURITY),
    WRITE("iam:PutUserPermissionsBoundary", ADMIN_SECURITY),
    WRITE("iam:PutUserPolicy", ADMIN_SECURITY),
    WRITE("iam:RemoveClientIDFromOpenIDConnectProvider", ADMIN_SECURITY),
    WRITE("iam:RemoveUserFromGroup", ADMIN_SECURITY),
    WRITE("iam:ResetCredentials", ADMIN_SECURITY),
    WRITE("iam:ResumeUser", ADMIN_SECURITY),
    WRITE("iam:RevokeSessions", ADMIN_SECURITY),
    WRITE("iam:SetDefaultPolicyVersion", ADMIN_SECURITY),
    READ("iam:SimulatePrincipalPolicy", ADMIN_NONE),
    WRITE("iam:SuspendUser", ADMIN_SECURITY),
    WRITE("iam:TagRole", ADMIN_SECURITY),
    WRITE("iam:TagUser", ADMIN_SECURITY),
    WRITE("iam:Unfreeze", ADMIN_SECURITY),
    WRITE("iam:UntagRole", ADMIN_SECURITY),
    WRITE("iam:UntagUser", ADMIN_SECURITY),
    WRITE("iam:UpdateAccessKey", ADMIN_SECURITY),
    WRITE("iam:UpdateAssumeRolePolicy", ADMIN_SECURITY),
    WRITE("iam:UpdateOpenIDConnectProviderThumbprint", ADMIN_SECURITY),
    WRITE("iam:UpdateRole", ADMIN_SECURITY),
    WRITE("iam:UpdateUser", ADMIN_SECURITY),
    WRITE("kms:CancelKeyDeletion", ADMIN_SYSTEM),
    WRITE("kms:CreateKey", ADMIN_SYSTEM),
    READ("kms:DescribeKey", ADMIN_NONE),
    WRITE("kms:DestroyKey", ADMIN_SYSTEM),
    WRITE("kms:DisableKey", ADMIN_SYSTEM),
    WRITE("kms:EnableKey", ADMIN_SYSTEM),
    READ("kms:GetStatement", ADMIN_NONE),
    READ("kms:ListKeys", ADMIN_NONE),
    WRITE("kms:RewrapKey", ADMIN_SYSTEM),
    WRITE("kms:RotateKeyOnDemand", ADMIN_SYSTEM),
    WRITE("kms:ScheduleKeyDeletion", ADMIN_SYSTEM),
    WRITE("s3:AbortMultipartUpload", ADMIN_NONE),
    WRITE("s3:CreateBucket", ADMIN_NONE),
    WRITE("s3:DeleteBucket", ADMIN_NONE),
    WRITE("s3:DeleteBucketPolicy", ADMIN_SECURITY),
    WRITE("s3:DeleteObject", ADMIN_NONE),
    WRITE("s3:DeleteObjectTagging", ADMIN_NONE),
    READ("s3:GetBucketAcl", ADMIN_NONE),
    READ("s3:GetBucketLocation", ADMIN_NONE),
    READ("s3:GetBucketPolicy", ADMIN_NONE),
    READ("s3:GetBucketPolicyStatus", ADMIN_NONE),
    READ("s3:GetBucketPublicAccessBlock", ADMIN_NONE),
    READ("s3:GetBucketVersioning", ADMIN_NONE),
    READ("s3:GetEncryptionConfiguration", ADMIN_NONE),
    READ("s3:GetObject", ADMIN_NONE),
    READ("s3:GetObjectAcl", ADMIN_NONE),
    READ("s3:GetObjectAttributes", ADMIN_NONE),
    READ("s3:GetObjectTagging", ADMIN_NONE),
    READ("s3:ListAllMyBuckets", ADMIN_NONE),
    READ("s3:ListBucket", ADMIN_NONE),
    READ("s3:ListBucketMultipartUploads", ADMIN_NONE),
    READ("s3:ListBucketVersions", ADMIN_NONE),
    READ("s3:ListMultipartUploadParts", ADMIN_NONE),
    WRITE("s3:PutBucketPolicy", ADMIN_SECURITY),
    WRITE("s3:PutBucketPublicAccessBlock", ADMIN_SECURITY),
    WRITE("s3:PutEncryptionConfiguration", ADMIN_NONE),
    WRITE("s3:PutObject", ADMIN_NONE),
    WRITE("s3:PutObjectTagging", ADMIN_NONE),
    WRITE("sts:AssumeRole", ADMIN_NONE),
    WRITE("sts:AssumeRoleWithWebIdentity", ADMIN_NONE),
    READ("sts:GetCallerIdentity", ADMIN_NONE),
    WRITE("sts:GetSessionToken", ADMIN_NONE),
    WRITE("sts:TagSession", ADMIN_NONE),
    WRITE("troth:AckNotice", ADMIN_NONE),
    WRITE("troth:ApproveGrant", ADMIN_NONE),
    WRITE("troth:AskGrant", ADMIN_NONE),
    WRITE("troth:BreakGlass", ADMIN_NONE),
    WRITE("troth:CheckState", ADMIN_SYSTEM),
    WRITE("troth:CloseTenant", ADMIN_SYSTEM),
    WRITE("troth:CreateReview", ADMIN_SECURITY),
    WRITE("troth:CreateTenant", ADMIN_SYSTEM),
    WRITE("troth:DecideReview", ADMIN_NONE),
    WRITE("troth:EndGrant", ADMIN_NONE),
    READ("troth:ExplainAccess", ADMIN_NONE),
    READ("troth:ExportLog", ADMIN_AUDIT),
    READ("troth:GetStatus", ADMIN_NONE),
    READ("troth:GetTenant", ADMIN_NONE),
    READ("troth:ListGrants", ADMIN_NONE),
    READ("troth:ListNotices", ADMIN_NONE),
    READ("troth:ListReviews", ADMIN_NONE),
    READ("troth:ListTenants", ADMIN_NONE),
    READ("troth:ProveLog", ADMIN_AUDIT),
    READ("troth:ReadEvidence", ADMIN_NONE),
    READ("troth:ReadLog", ADMIN_AUDIT),
    READ("troth:ReadParameters", ADMIN_NONE),
    WRITE("troth:ResumeTenant", ADMIN_SYSTEM),
    WRITE("troth:SuspendTenant", ADMIN_SYSTEM),
    { NULL, ADMIN_NONE, false },
};
const size_t action_count = sizeof(actions) / sizeof(actions[0]) - 1;

static int small(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? c + 32 : c;
}

const struct action *action_find(struct bytes name)
{
    size_t low = 0, high = action_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        struct bytes at = bytes_str(actions[middle].name);
        int order = 0;
        for (size_t i = 0; i < MIN(at.n, name.n) && order == 0; i++) {
            order = small(name.p[i]) - small(at.p[i]);
        }
        if (order == 0 && name.n == at.n) {
            return &actions[middle];
        }
        if (order < 0 || (order == 0 && name.n < at.n)) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return NULL;
}
