/* The table of built-in roles. */
#include "identity/role_builtin.h"

#include "crypto/hash.h"
#include "identity/directory_priv.h"

#define ALLOW(actions)                                                                             \
    "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Sid\":\"Allow\",\"Effect\":\"Allow\","          \
    "\"Action\":[" actions "],\"Resource\":\"*\"}]}"

/* What everybody with an account may: look at oneself and ask. */
#define SELF "\"sts:GetCallerIdentity\",\"sts:GetSessionToken\",\"troth:GetStatus\""
#define IAM_READ                                                                                   \
    "\"iam:Get*\",\"iam:List*\",\"iam:SimulatePrincipalPolicy\",\"troth:ExplainAccess\""
#define WATCH                                                                                      \
    "\"troth:List*\",\"troth:GetTenant\",\"troth:ReadParameters\",\"troth:ReadEvidence\","         \
    "\"troth:AckNotice\""
#define SYSTEM_PLATFORM                                                                            \
    "\"troth:CreateTenant\",\"troth:SuspendTenant\",\"troth:ResumeTenant\",\"troth:CloseTenant\"," \
    "\"troth:CheckState\",\"kms:*\""
#define SECURITY "\"iam:*\",\"troth:CreateReview\",\"troth:DecideReview\""
/* Nothing that outlives a grant: credentials, roles, policies and second factors are the tenant's
 * own to give. Who could make an approver, or become one, would need no leave again. */
#define STOP                                                                                       \
    "\"iam:CreateUser\",\"iam:UpdateUser\",\"iam:DeleteUser\",\"iam:SuspendUser\",\"iam:"          \
    "ResumeUser\","                                                                                \
    "\"iam:EndUser\",\"iam:Freeze\",\"iam:Unfreeze\",\"iam:RevokeSessions\",\"iam:"                \
    "UpdateAccessKey\","                                                                           \
    "\"iam:DeleteAccessKey\",\"iam:CreateGroup\",\"iam:DeleteGroup\",\"iam:RemoveUserFromGroup\""
#define AUDIT "\"troth:ReadLog\",\"troth:ProveLog\",\"troth:ExportLog\""
#define BUCKETS_SECURITY                                                                           \
    "\"s3:GetBucketPolicy*\",\"s3:GetBucketPublicAccessBlock\",\"s3:PutBucketPolicy\","            \
    "\"s3:DeleteBucketPolicy\",\"s3:PutBucketPublicAccessBlock\",\"s3:ListAllMyBuckets\""
#define S3_READ  "\"s3:Get*\",\"s3:List*\""
#define S3_WRITE S3_READ ",\"s3:PutObject*\",\"s3:DeleteObject*\",\"s3:AbortMultipartUpload\""
#define S3_OWNER                                                                                   \
    S3_WRITE ",\"s3:CreateBucket\",\"s3:DeleteBucket\",\"s3:PutEncryptionConfiguration\""

const struct role_builtin role_builtins[] = {
    /* the provider's staff */
    { "staff", ROLE_OF_PLATFORM, ADMIN_NONE, false, false, "looks around and asks for grants",
      "查看并申请授权",
      ALLOW(SELF "," WATCH ",\"troth:AskGrant\",\"troth:BreakGlass\",\"troth:EndGrant\"") },
    { "approver", ROLE_OF_PLATFORM, ADMIN_NONE, false, true, "approves grants on the platform",
      "审批平台授权",
      ALLOW(SELF "," WATCH ",\"troth:AskGrant\",\"troth:ApproveGrant\",\"troth:EndGrant\",\"troth:"
                 "DecideReview\"") },
    { "system-administrator", ROLE_OF_PLATFORM, ADMIN_SYSTEM, true, true,
      "runs the platform: tenants, state, settings", "系统管理员：租户、状态、设置",
      ALLOW(SELF "," WATCH "," SYSTEM_PLATFORM) },
    { "security-administrator", ROLE_OF_PLATFORM, ADMIN_SECURITY, true, true,
      "the provider's accounts, roles and policies", "安全管理员：账户、角色、策略",
      ALLOW(SELF "," WATCH "," IAM_READ "," SECURITY) },
    { "audit-administrator", ROLE_OF_PLATFORM, ADMIN_AUDIT, true, true,
      "the platform's log: reads, proves, exports", "审计管理员：平台日志的查阅、证明、导出",
      ALLOW(SELF "," WATCH "," IAM_READ "," AUDIT) },
    { "auditor", ROLE_OF_PLATFORM, ADMIN_AUDIT, false, true,
      "reads accounts, evidence and the platform's log, changes nothing", "审计员：只读",
      ALLOW(SELF "," WATCH "," IAM_READ "," AUDIT) },

    /* a tenant's own */
    { "root", ROLE_OF_TENANT, ADMIN_NONE, false, false,
      "the tenant's first keys: storage and accounts, until people are enrolled",
      "租户首个密钥：存储与账户，供初始化使用",
      ALLOW("\"s3:*\",\"iam:*\",\"sts:*\",\"kms:Describe*\",\"kms:List*\",\"kms:GetStatement\","
            "\"troth:Get*\","
            "\"troth:List*\",\"troth:Read*\",\"troth:ProveLog\",\"troth:ExportLog\",\"troth:"
            "ExplainAccess\"") },
    { "system-administrator", ROLE_OF_TENANT, ADMIN_SYSTEM, false, true,
      "the tenant's keys and buckets", "系统管理员：密钥与桶",
      ALLOW(SELF "," WATCH
                 ",\"kms:*\",\"s3:ListAllMyBuckets\",\"s3:CreateBucket\",\"s3:DeleteBucket\","
                 "\"s3:GetBucket*\",\"s3:*EncryptionConfiguration\"") },
    { "security-administrator", ROLE_OF_TENANT, ADMIN_SECURITY, false, true,
      "the tenant's accounts, roles, policies", "安全管理员：账户、角色、策略",
      ALLOW(SELF "," WATCH "," IAM_READ "," SECURITY "," BUCKETS_SECURITY) },
    { "audit-administrator", ROLE_OF_TENANT, ADMIN_AUDIT, false, true,
      "the tenant's log: reads, proves, exports", "审计管理员：日志的查阅、证明、导出",
      ALLOW(SELF "," WATCH "," IAM_READ "," AUDIT) },
    { "approver", ROLE_OF_TENANT, ADMIN_NONE, false, true,
      "lets the provider's staff in, for a time, and ends it", "审批并终止服务商人员的访问",
      ALLOW(SELF "," WATCH ",\"troth:ApproveGrant\",\"troth:EndGrant\",\"troth:DecideReview\"") },
    { "storage-owner", ROLE_OF_TENANT, ADMIN_NONE, false, false, "buckets and objects: everything",
      "桶与对象：全部操作", ALLOW(SELF "," S3_OWNER) },
    { "storage-writer", ROLE_OF_TENANT, ADMIN_NONE, false, false, "objects: reads and writes",
      "对象：读写", ALLOW(SELF "," S3_WRITE) },
    { "storage-reader", ROLE_OF_TENANT, ADMIN_NONE, false, false, "objects: reads", "对象：只读",
      ALLOW(SELF "," S3_READ) },
    { "auditor", ROLE_OF_TENANT, ADMIN_AUDIT, false, true,
      "reads accounts, evidence and the log, changes nothing, sees no object",
      "审计员：只读，不见对象内容",
      ALLOW(SELF "," WATCH "," IAM_READ "," AUDIT
                 ",\"kms:Describe*\",\"kms:List*\",\"kms:GetStatement\"") },

    /* the provider's staff within a tenant */
    { "support-data-reader", ROLE_IN_TENANT, ADMIN_NONE, true, true, "reads the tenant's objects",
      "读取租户对象", ALLOW(S3_READ) },
    { "support-data-writer", ROLE_IN_TENANT, ADMIN_NONE, true, true,
      "reads and writes the tenant's objects", "读写租户对象", ALLOW(S3_WRITE) },
    { "support-keys", ROLE_IN_TENANT, ADMIN_SYSTEM, true, true,
      "the tenant's keys and buckets' settings", "租户密钥与桶设置",
      ALLOW("\"kms:*\",\"troth:GetTenant\",\"s3:ListAllMyBuckets\",\"s3:GetBucket*\",\"s3:*"
            "EncryptionConfiguration\"") },
    { "support-logs", ROLE_IN_TENANT, ADMIN_AUDIT, true, true,
      "reads, proves and exports the tenant's log", "查阅、证明、导出租户日志",
      ALLOW(AUDIT ",\"troth:GetTenant\"") },
    { "support-accounts", ROLE_IN_TENANT, ADMIN_SECURITY, true, true,
      "looks at the tenant's accounts, stops and resumes them; gives nobody credentials or power",
      "查看、停用、恢复租户账户；不发放凭据与权限", ALLOW(IAM_READ "," STOP) },
    { NULL, ROLE_OF_PLATFORM, ADMIN_NONE, false, false, NULL, NULL, NULL },
};

const struct role_builtin *role_builtin_find(enum role_place place, struct bytes name)
{
    for (const struct role_builtin *r = role_builtins; r->name != NULL; r++) {
        if (r->place == place && bytes_equal_str(name, r->name)) {
            return r;
        }
    }
    return NULL;
}

void role_builtin_id(const char *realm, const char *name, char ret[IDENTITY_ID_BYTES])
{
    uint8_t digest[SHA256_BYTES];
    struct bytes parts[] = { bytes_str(realm), BYTES_LIT("/"), bytes_str(name) };
    sha256_parts(parts, ARRAY_LEN(parts), digest);
    memcpy(ret, "AROA", 4);
    for (size_t i = 4; i < IDENTITY_ID_BYTES - 1; i++) {
        ret[i] = DIRECTORY_ID_ALPHABET[digest[i] % 32];
    }
    ret[IDENTITY_ID_BYTES - 1] = '\0';
}
