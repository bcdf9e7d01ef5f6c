/* The table of routes. What a route's action may be done to is its resource: {account} and {region}
 * are filled in, other names are those of the path. "@user" and so on: the ARN of the account that
 * the path names, with its own path; "@key": of the user whose access key it is. */
#include "api/rest/rest_priv.h"

#define V1     "/api/v1/"
#define TENANT V1 "tenants/{realm}"
#define KEY    TENANT "/keys/{key}"
#define REALM  V1 "realms/{realm}"
#define LOG    V1 "logs/{realm}"
#define USER   REALM "/users/{user}"
#define GROUP  REALM "/groups/{group}"
#define ROLE   REALM "/roles/{role}"
#define POLICY REALM "/policies/{policy}"
#define GRANT  REALM "/grants/{grant}"
#define ISSUER REALM "/oidc-providers/{issuer}"
#define REVIEW REALM "/reviews/{review}"

#define KEY_ARN   "kms:{region}:{account}:key/{key}"
#define LOG_ARN   "troth::{account}:log/{realm}"
#define GRANT_ARN "troth::{account}:grant/{grant}"

/* Policies of a user, group or role, attached and inline. */
/* clang-format off */
#define POLICIES_OF(subject, name, what)                                                        \
    { "GET", subject "/policies", REST_PARAM, "iam:ListAttached" name "Policies",               \
      what, 0, rest_attached },                                                                 \
    { "PUT", subject "/policies/{attached}", REST_PARAM, "iam:Attach" name "Policy",            \
      what, 0, rest_attach },                                                                   \
    { "DELETE", subject "/policies/{attached}", REST_PARAM, "iam:Detach" name "Policy",         \
      what, 0, rest_detach },                                                                   \
    { "GET", subject "/inline", REST_PARAM, "iam:List" name "Policies",                         \
      what, 0, rest_inline_list },                                                              \
    { "GET", subject "/inline/{name}", REST_PARAM, "iam:Get" name "Policy",                     \
      what, 0, rest_inline_show },                                                              \
    { "PUT", subject "/inline/{name}", REST_PARAM, "iam:Put" name "Policy",                     \
      what, 0, rest_inline_put },                                                               \
    { "DELETE", subject "/inline/{name}", REST_PARAM, "iam:Delete" name "Policy",               \
      what, 0, rest_inline_delete }
/* clang-format on */

const struct rest_route rest_routes[] = {
    /* the service */
    { "GET", V1 "openapi.json", REST_OPEN, NULL, NULL, 0, rest_openapi },
    { "GET", V1 "status", REST_PLATFORM, "troth:GetStatus", "*", 0, rest_status },
    { "POST", V1 "check", REST_PLATFORM, "troth:CheckState", "*", 0, rest_check },

    /* tenants */
    { "GET", V1 "tenants", REST_PLATFORM, "troth:ListTenants", "*", 0, rest_tenants_list },
    { "POST", V1 "tenants", REST_PLATFORM, "troth:CreateTenant", "*", REST_CREATES | REST_SECRET,
      rest_tenants_create },
    { "GET", TENANT, REST_ABOUT, "troth:GetTenant", "troth:::tenant/{realm}", 0,
      rest_tenants_show },
    { "POST", TENANT "/suspend", REST_PLATFORM, "troth:SuspendTenant", "troth:::tenant/{realm}", 0,
      rest_tenants_suspend },
    { "POST", TENANT "/resume", REST_PLATFORM, "troth:ResumeTenant", "troth:::tenant/{realm}", 0,
      rest_tenants_resume },
    { "POST", TENANT "/close", REST_PLATFORM, "troth:CloseTenant", "troth:::tenant/{realm}", 0,
      rest_tenants_close },

    /* keys and buckets */
    { "GET", TENANT "/keys", REST_PARAM, "kms:ListKeys", "*", 0, rest_keys_list },
    { "POST", TENANT "/keys", REST_PARAM, "kms:CreateKey", "*", REST_CREATES, rest_keys_create },
    { "GET", KEY, REST_PARAM, "kms:DescribeKey", KEY_ARN, 0, rest_keys_show },
    { "POST", KEY "/rotate", REST_PARAM, "kms:RotateKeyOnDemand", KEY_ARN, 0, rest_keys_rotate },
    { "POST", KEY "/rewrap", REST_PARAM, "kms:RewrapKey", KEY_ARN, 0, rest_keys_rewrap },
    { "POST", KEY "/enable", REST_PARAM, "kms:EnableKey", KEY_ARN, 0, rest_keys_enable },
    { "POST", KEY "/disable", REST_PARAM, "kms:DisableKey", KEY_ARN, 0, rest_keys_disable },
    { "POST", KEY "/schedule-destroy", REST_PARAM, "kms:ScheduleKeyDeletion", KEY_ARN, 0,
      rest_keys_schedule },
    { "POST", KEY "/cancel-destroy", REST_PARAM, "kms:CancelKeyDeletion", KEY_ARN, 0,
      rest_keys_cancel },
    { "POST", KEY "/destroy", REST_PARAM, "kms:DestroyKey", KEY_ARN, 0, rest_keys_destroy },
    { "GET", TENANT "/statement", REST_PARAM, "kms:GetStatement", "*", 0, rest_keys_statement },
    { "GET", TENANT "/buckets", REST_PARAM, "s3:ListAllMyBuckets", "s3:::*", 0, rest_buckets_list },
    { "POST", TENANT "/buckets/{bucket}", REST_PARAM, "s3:PutEncryptionConfiguration",
      "s3:::{bucket}", 0, rest_buckets_set },

    /* logs */
    { "GET", LOG "/checkpoint", REST_PARAM, "troth:ProveLog", LOG_ARN, 0, rest_log_checkpoint },
    { "GET", LOG "/policy", REST_PARAM, "troth:ProveLog", LOG_ARN, 0, rest_log_policy },
    { "GET", LOG "/entries", REST_PARAM, "troth:ReadLog", LOG_ARN, 0, rest_log_entries },
    { "GET", LOG "/prove", REST_PARAM, "troth:ProveLog", LOG_ARN, 0, rest_log_prove },
    { "GET", LOG "/export", REST_PARAM, "troth:ExportLog", LOG_ARN, 0, rest_log_export },

    /* signing in, and what is one's own */
    { "POST", V1 "login", REST_OPEN, NULL, NULL, 0, rest_login },
    { "POST", V1 "login/enrol", REST_OPEN, NULL, NULL, 0, rest_login_enrol },
    { "POST", V1 "login/passkey/begin", REST_OPEN, NULL, NULL, 0, rest_login_passkey_begin },
    { "POST", V1 "login/passkey", REST_OPEN, NULL, NULL, 0, rest_login_passkey },
    { "POST", V1 "session/totp", REST_STAGE, NULL, NULL, REST_AT_FACTOR, rest_session_totp },
    { "POST", V1 "session/recovery", REST_STAGE, NULL, NULL, REST_AT_FACTOR,
      rest_session_recovery },
    { "POST", V1 "session/passkey/begin", REST_STAGE, NULL, NULL, REST_AT_FACTOR | REST_AT_FULL,
      rest_session_passkey_begin },
    { "POST", V1 "session/passkey", REST_STAGE, NULL, NULL, REST_AT_FACTOR | REST_AT_FULL,
      rest_session_passkey },
    { "POST", V1 "session/step-up", REST_SELF, NULL, NULL, 0, rest_session_step_up },
    { "DELETE", V1 "session", REST_STAGE, NULL, NULL, REST_AT_ANY, rest_logout },
    { "GET", V1 "self", REST_ANYBODY, NULL, NULL, 0, rest_self },
    { "POST", V1 "self/password", REST_STAGE, NULL, NULL, REST_AT_CHANGE | REST_AT_FULL,
      rest_self_password },
    { "GET", V1 "self/sessions", REST_SELF, NULL, NULL, 0, rest_self_sessions },
    { "DELETE", V1 "self/sessions", REST_SELF, NULL, NULL, 0, rest_logout_everywhere },
    { "DELETE", V1 "self/sessions/{session}", REST_SELF, NULL, NULL, 0, rest_self_session_end },
    { "GET", V1 "self/factors", REST_STAGE, NULL, NULL, REST_AT_ENROL | REST_AT_FULL,
      rest_self_factors },
    { "POST", V1 "self/factors/totp", REST_STAGE, NULL, NULL, REST_AT_ENROL | REST_AT_FULL,
      rest_self_totp_begin },
    { "POST", V1 "self/factors/totp/{factor}", REST_STAGE, NULL, NULL, REST_AT_ENROL | REST_AT_FULL,
      rest_self_totp_confirm },
    { "POST", V1 "self/factors/passkey/begin", REST_STAGE, NULL, NULL, REST_AT_ENROL | REST_AT_FULL,
      rest_self_passkey_begin },
    { "POST", V1 "self/factors/passkey", REST_STAGE, NULL, NULL, REST_AT_ENROL | REST_AT_FULL,
      rest_self_passkey_register },
    { "DELETE", V1 "self/factors/{factor}", REST_SELF, NULL, NULL, 0, rest_self_factor_delete },
    { "POST", V1 "self/recovery-codes", REST_SELF, NULL, NULL, 0, rest_self_codes },
    { "GET", V1 "self/grants", REST_SELF, NULL, NULL, 0, rest_self_grants },

    /* accounts */
    { "GET", REALM "/users", REST_PARAM, "iam:ListUsers", "@users", 0, rest_users_list },
    { "POST", REALM "/users", REST_PARAM, "iam:CreateUser", "@users", REST_CREATES | REST_AGAIN,
      rest_users_create },
    { "GET", USER, REST_PARAM, "iam:GetUser", "@user", 0, rest_users_show },
    { "PATCH", USER, REST_PARAM, "iam:UpdateUser", "@user", 0, rest_users_change },
    { "DELETE", USER, REST_PARAM, "iam:DeleteUser", "@user", 0, rest_users_delete },
    { "POST", USER "/suspend", REST_PARAM, "iam:SuspendUser", "@user", 0, rest_users_suspend },
    { "POST", USER "/resume", REST_PARAM, "iam:ResumeUser", "@user", 0, rest_users_resume },
    { "POST", USER "/end", REST_PARAM, "iam:EndUser", "@user", 0, rest_users_end },
    { "POST", USER "/freeze", REST_PARAM, "iam:Freeze", "@user", 0, rest_users_freeze },
    { "POST", USER "/unfreeze", REST_PARAM, "iam:Unfreeze", "@user", 0, rest_users_unfreeze },
    { "POST", USER "/reset", REST_PARAM, "iam:ResetCredentials", "@user",
      REST_CREATES | REST_SECRET, rest_users_reset },
    { "GET", USER "/factors", REST_PARAM, "iam:ListMFADevices", "@user", 0, rest_user_factors },
    { "GET", USER "/sessions", REST_PARAM, "iam:ListSessions", "@user", 0, rest_user_sessions },
    { "DELETE", USER "/sessions", REST_PARAM, "iam:RevokeSessions", "@user", 0,
      rest_user_sessions_end },
    { "GET", USER "/groups", REST_PARAM, "iam:ListGroupsForUser", "@user", 0, rest_user_groups },
    { "GET", USER "/access-keys", REST_PARAM, "iam:ListAccessKeys", "@user", 0,
      rest_user_keys_list },
    { "POST", USER "/access-keys", REST_PARAM, "iam:CreateAccessKey", "@user",
      REST_CREATES | REST_SECRET, rest_user_keys_create },
    { "GET", REALM "/access-keys", REST_PARAM, "iam:ListAccessKeys", "@users", 0,
      rest_access_keys_list },
    { "PATCH", REALM "/access-keys/{id}", REST_PARAM, "iam:UpdateAccessKey", "@key", 0,
      rest_access_keys_change },
    { "DELETE", REALM "/access-keys/{id}", REST_PARAM, "iam:DeleteAccessKey", "@key", 0,
      rest_access_keys_delete },
    { "POST", REALM "/freeze", REST_PARAM, "iam:Freeze", "*", 0, rest_realm_freeze },
    { "POST", REALM "/unfreeze", REST_PARAM, "iam:Unfreeze", "*", 0, rest_realm_unfreeze },

    { "GET", REALM "/groups", REST_PARAM, "iam:ListGroups", "@groups", 0, rest_groups_list },
    { "POST", REALM "/groups", REST_PARAM, "iam:CreateGroup", "@groups", REST_CREATES,
      rest_groups_create },
    { "GET", GROUP, REST_PARAM, "iam:GetGroup", "@group", 0, rest_groups_show },
    { "DELETE", GROUP, REST_PARAM, "iam:DeleteGroup", "@group", 0, rest_groups_delete },
    { "PUT", GROUP "/members/{member}", REST_PARAM, "iam:AddUserToGroup", "@group", 0,
      rest_members_add },
    { "DELETE", GROUP "/members/{member}", REST_PARAM, "iam:RemoveUserFromGroup", "@group", 0,
      rest_members_remove },

    { "GET", REALM "/roles", REST_PARAM, "iam:ListRoles", "@roles", 0, rest_roles_list },
    { "POST", REALM "/roles", REST_PARAM, "iam:CreateRole", "@roles", REST_CREATES | REST_AGAIN,
      rest_roles_create },
    { "GET", ROLE, REST_PARAM, "iam:GetRole", "@role", 0, rest_roles_show },
    { "PATCH", ROLE, REST_PARAM, "iam:UpdateRole", "@role", 0, rest_roles_change },
    { "DELETE", ROLE, REST_PARAM, "iam:DeleteRole", "@role", 0, rest_roles_delete },
    { "GET", USER "/roles", REST_PARAM, "iam:GetUser", "@user", 0, rest_roles_assigned },
    { "PUT", USER "/roles/{assigned}", REST_PARAM, "iam:AssignRole", "@user", 0,
      rest_roles_assign },
    { "DELETE", USER "/roles/{assigned}", REST_PARAM, "iam:AssignRole", "@user", 0,
      rest_roles_unassign },
    { "GET", GROUP "/roles", REST_PARAM, "iam:GetGroup", "@group", 0, rest_roles_assigned },
    { "PUT", GROUP "/roles/{assigned}", REST_PARAM, "iam:AssignRole", "@group", 0,
      rest_roles_assign },
    { "DELETE", GROUP "/roles/{assigned}", REST_PARAM, "iam:AssignRole", "@group", 0,
      rest_roles_unassign },

    /* policies */
    { "GET", REALM "/policies", REST_PARAM, "iam:ListPolicies", "@policies", 0,
      rest_policies_list },
    { "POST", REALM "/policies", REST_PARAM, "iam:CreatePolicy", "@policies", REST_CREATES,
      rest_policies_create },
    { "GET", POLICY, REST_PARAM, "iam:GetPolicy", "@policy", 0, rest_policies_show },
    { "DELETE", POLICY, REST_PARAM, "iam:DeletePolicy", "@policy", 0, rest_policies_delete },
    { "GET", POLICY "/versions", REST_PARAM, "iam:ListPolicyVersions", "@policy", 0,
      rest_versions_list },
    { "POST", POLICY "/versions", REST_PARAM, "iam:CreatePolicyVersion", "@policy", REST_CREATES,
      rest_versions_create },
    { "DELETE", POLICY "/versions/{version}", REST_PARAM, "iam:DeletePolicyVersion", "@policy", 0,
      rest_versions_delete },
    { "PUT", POLICY "/default/{version}", REST_PARAM, "iam:SetDefaultPolicyVersion", "@policy", 0,
      rest_versions_default },
    POLICIES_OF(USER, "User", "@user"),
    POLICIES_OF(GROUP, "Group", "@group"),
    POLICIES_OF(ROLE, "Role", "@role"),

    /* issuers of web identities */
    { "GET", REALM "/oidc-providers", REST_PARAM, "iam:ListOpenIDConnectProviders", "*", 0,
      rest_oidc_list },
    { "POST", REALM "/oidc-providers", REST_PARAM, "iam:CreateOpenIDConnectProvider", "*",
      REST_CREATES, rest_oidc_create },
    { "GET", ISSUER, REST_PARAM, "iam:GetOpenIDConnectProvider", "@issuer", 0, rest_oidc_show },
    { "DELETE", ISSUER, REST_PARAM, "iam:DeleteOpenIDConnectProvider", "@issuer", 0,
      rest_oidc_delete },
    { "PUT", ISSUER "/clients/{client}", REST_PARAM, "iam:AddClientIDToOpenIDConnectProvider",
      "@issuer", 0, rest_oidc_client_add },
    { "DELETE", ISSUER "/clients/{client}", REST_PARAM,
      "iam:RemoveClientIDFromOpenIDConnectProvider", "@issuer", 0, rest_oidc_client_remove },

    /* decisions, parameters, evidence */
    { "POST", REALM "/access/explain", REST_PARAM, "troth:ExplainAccess", "*", 0, rest_explain },
    { "GET", REALM "/access/who-can", REST_PARAM, "troth:ExplainAccess", "*", 0, rest_who_can },
    { "GET", REALM "/parameters", REST_PARAM, "troth:ReadParameters", "*", 0, rest_params_list },
    { "PUT", REALM "/parameters/{parameter}", REST_PARAM, "iam:PutParameter", "*", 0,
      rest_params_set },
    { "GET", REALM "/evidence/identity", REST_PARAM, "troth:ReadEvidence", "*", 0, rest_evidence },

    /* privilege just in time */
    { "GET", REALM "/grants", REST_PARAM, "troth:ListGrants", "*", 0, rest_grants_list },
    { "POST", REALM "/grants", REST_HOME, "troth:AskGrant", "*", REST_CREATES, rest_grants_ask },
    { "POST", REALM "/break-glass", REST_HOME, "troth:BreakGlass", "*", REST_CREATES,
      rest_break_glass },
    { "GET", GRANT, REST_PARAM, "troth:ListGrants", GRANT_ARN, 0, rest_grants_show },
    { "POST", GRANT "/approve", REST_PARAM, "troth:ApproveGrant", GRANT_ARN, 0,
      rest_grants_approve },
    { "POST", GRANT "/refuse", REST_PARAM, "troth:ApproveGrant", GRANT_ARN, 0, rest_grants_refuse },
    { "POST", GRANT "/end", REST_HOME, "troth:EndGrant", GRANT_ARN, 0, rest_grants_end },
    { "POST", GRANT "/credentials", REST_HOME, "sts:GetSessionToken", "*",
      REST_CREATES | REST_SECRET, rest_grants_credentials },
    { "GET", REALM "/notices", REST_PARAM, "troth:ListNotices", "*", 0, rest_notices_list },
    { "POST", REALM "/notices/{notice}/ack", REST_PARAM, "troth:AckNotice", "*", 0,
      rest_notices_ack },
    { "GET", REALM "/reviews", REST_PARAM, "troth:ListReviews", "*", 0, rest_reviews_list },
    { "POST", REALM "/reviews", REST_PARAM, "troth:CreateReview", "*", REST_CREATES,
      rest_reviews_create },
    { "GET", REVIEW, REST_PARAM, "troth:ListReviews", "*", 0, rest_reviews_show },
    { "GET", REVIEW "/items", REST_PARAM, "troth:ListReviews", "*", 0, rest_reviews_items },
    { "POST", REVIEW "/decide", REST_PARAM, "troth:DecideReview", "*", 0, rest_reviews_decide },

    { NULL, NULL, REST_OPEN, NULL, NULL, 0, NULL },
};
