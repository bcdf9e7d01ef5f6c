/* IAM: the account as a whole, and what a principal's policies would say. */
#include "api/query/query_priv.h"

#include "identity/counter.h"
#include "identity/factor_device.h"
#include "net/xml.h"

#define SIMULATE_MAX 256 /* actions times resources */

static void summary_entry(struct query *q, const char *key, uint64_t n)
{
    xml_open(q->out, "entry");
    xml_element_str(q->out, "key", key);
    xml_element_u64(q->out, "value", n);
    xml_close(q->out, "entry");
}

/* Lists of a realm are counted by pages. */
static RESULT count_groups(struct query *q, size_t *ret, struct error *e)
{
    struct group *list;
    struct bytes after = BYTES_NONE;
    size_t n = 1;
    for (*ret = 0; n > 0; *ret += n) {
        TRY(group_list(q->l->api->directory, q->iam.realm, BYTES_LIT("/"), after, QUERY_PAGE_MAX,
                       q->arena, &list, &n, e));
        after = n > 0 ? bytes_str(list[n - 1].name) : after;
    }
    return RESULT_OK;
}

static RESULT count_roles(struct query *q, size_t *ret, struct error *e)
{
    struct access_role *list;
    struct bytes after = BYTES_NONE;
    size_t n = 1;
    for (*ret = 0; n > 0; *ret += n) {
        TRY(role_list(q->l->api->directory, q->iam.realm, BYTES_LIT("/"), after, QUERY_PAGE_MAX,
                      q->arena, &list, &n, e));
        after = n > 0 ? bytes_str(list[n - 1].name) : after;
    }
    return RESULT_OK;
}

static RESULT count_policies(struct query *q, size_t *ret, struct error *e)
{
    struct managed *list;
    struct bytes after = BYTES_NONE;
    size_t n = 1;
    for (*ret = 0; n > 0; *ret += n) {
        TRY(managed_list(q->l->api->directory, q->iam.realm, BYTES_LIT("/"), after, QUERY_PAGE_MAX,
                         q->arena, &list, &n, e));
        after = n > 0 ? bytes_str(list[n - 1].name) : after;
    }
    return RESULT_OK;
}

RESULT account_summary_run(struct query *q, struct error *e)
{
    struct identity_state st;
    struct factor *devices;
    size_t groups, roles, policies, device_n, in_use = 0;
    TRY(iam_decide(&q->iam, "iam:GetAccountSummary", "*", e));
    TRY(identity_state(q->l->api->directory, q->iam.realm, &st, e));
    TRY(count_groups(q, &groups, e));
    TRY(count_roles(q, &roles, e));
    TRY(count_policies(q, &policies, e));
    TRY(factor_devices(q->l->api->directory, q->iam.realm, q->arena, &devices, &device_n, e));
    for (size_t i = 0; i < device_n; i++) {
        in_use += devices[i].is_active;
    }
    xml_open(q->out, "SummaryMap");
    summary_entry(q, "AccessKeysPerUserQuota", ACCESS_KEYS_PER_USER);
    summary_entry(q, "Groups", groups);
    summary_entry(q, "MFADevices", device_n);
    summary_entry(q, "MFADevicesInUse", in_use);
    summary_entry(q, "Policies", policies);
    summary_entry(q, "PolicySizeQuota", POLICY_MAX);
    summary_entry(q, "Roles", roles);
    summary_entry(q, "Users", st.persons + st.services);
    summary_entry(q, "VersionsPerPolicyQuota", MANAGED_VERSIONS_MAX);
    xml_close(q->out, "SummaryMap");
    return RESULT_OK;
}

/* --- what would be --- */

/* ContextEntries: ContextKeyName, ContextKeyValues.member.n. */
static RESULT context_make(struct query *q, struct policy_key **ret, size_t *ret_n, struct error *e)
{
    struct policy_key *keys = arena_alloc(q->arena, IDENTITY_TAGS_MAX * sizeof(*keys));
    size_t n = 0;
    for (const char *name; (name = query_member(q, "ContextEntries", n, "ContextKeyName")) != NULL;
         n++) {
        if (n == IDENTITY_TAGS_MAX) {
            FAIL(e, ERRC_LIMIT, "at most %d ContextEntries", IDENTITY_TAGS_MAX);
        }
        struct bytes *values = arena_alloc(q->arena, IDENTITY_TAGS_MAX * sizeof(*values));
        const char *list =
                arena_printf(q->arena, "ContextEntries.member.%zu.ContextKeyValues", n + 1);
        keys[n] = (struct policy_key){ bytes_str(name), values,
                                       query_members(q, list, values, IDENTITY_TAGS_MAX) };
    }
    *ret = keys;
    *ret_n = n;
    return RESULT_OK;
}

/* Of the context, the ones that the query has members for. */
static void context_apply(const struct policy_key *keys, size_t n, struct access_query *aq,
                          struct arena *arena)
{
    for (size_t i = 0; i < n; i++) {
        struct bytes v = keys[i].count > 0 ? keys[i].values[0] : BYTES_NONE;
        if (bytes_equal_str_nocase(keys[i].name, "aws:SourceIp")) {
            aq->ip = arena_str(arena, v);
            aq->any_origin = false;
        } else if (bytes_equal_str_nocase(keys[i].name, "aws:SecureTransport")) {
            aq->is_tls = bytes_equal_str_nocase(v, "true");
        } else if (bytes_equal_str_nocase(keys[i].name, "aws:MultiFactorAuthPresent")) {
            aq->mfa_ms = bytes_equal_str_nocase(v, "true") ? aq->now_ms : 0;
        }
    }
}

static void result_write(struct query *q, const struct access_query *aq)
{
    static const char *const words[] = {
        [POLICY_ALLOWED] = "allowed",
        [POLICY_DENIED] = "explicitDeny",
        [POLICY_NOT_ALLOWED] = "implicitDeny",
    };
    struct access_answer a;
    access_decide(aq, &a);
    xml_open(q->out, "member");
    xml_element(q->out, "EvalActionName", aq->action);
    xml_element(q->out, "EvalResourceName", aq->resource);
    xml_element_str(q->out, "EvalDecision", words[a.verdict]);
    xml_open(q->out, "MatchedStatements");
    if (a.reason == ACCESS_BY_POLICY && a.decision.policy != NULL) {
        xml_open(q->out, "member");
        xml_element_str(q->out, "SourcePolicyId", policy_name(a.decision.policy));
        xml_element_str(q->out, "SourcePolicyType", "IAM Policy");
        xml_close(q->out, "member");
    }
    xml_close(q->out, "MatchedStatements");
    xml_open(q->out, "MissingContextValues");
    xml_close(q->out, "MissingContextValues");
    xml_close(q->out, "member");
}

static RESULT results_write(struct query *q, struct access_query *aq, struct error *e)
{
    struct bytes actions_of[SIMULATE_MAX], resources[SIMULATE_MAX];
    size_t action_n = query_members(q, "ActionNames", actions_of, SIMULATE_MAX);
    size_t resource_n = query_members(q, "ResourceArns", resources, SIMULATE_MAX);
    if (resource_n == 0) {
        resources[resource_n++] = BYTES_LIT("*");
    }
    if (action_n == 0 || action_n * resource_n > SIMULATE_MAX) {
        FAIL(e, ERRC_FORMAT, "ActionNames times ResourceArns: 1 to %d", SIMULATE_MAX);
    }
    xml_open(q->out, "EvaluationResults");
    for (size_t i = 0; i < action_n; i++) {
        for (size_t k = 0; k < resource_n; k++) {
            aq->action = actions_of[i];
            aq->resource = resources[k];
            result_write(q, aq);
        }
    }
    xml_close(q->out, "EvaluationResults");
    xml_element_str(q->out, "IsTruncated", "false");
    return RESULT_OK;
}

RESULT simulate_run(struct query *q, struct error *e)
{
    const char *name;
    struct iam_subject s;
    struct policy_key *keys;
    size_t n;
    struct access_query aq = { .realm = q->iam.realm,
                               .now_ms = clock_wall_ms(q->l->api->clock),
                               .ip = q->who.ip,
                               .is_tls = q->who.is_tls,
                               .has_certificate = true,
                               .any_origin = true };
    TRY(query_arn_name(q, "PolicySourceArn", "user", &name, e));
    TRY(iam_open(&q->iam, IAM_USER, "iam:SimulatePrincipalPolicy", name, &s, e));
    TRY(context_make(q, &keys, &n, e));
    context_apply(keys, n, &aq, q->arena);
    aq.keys = keys;
    aq.key_count = n;
    CLEANUP(principal_unref_p) const struct principal *p = NULL;
    TRY(principal_of_user(q->l->api->directory, s.id, aq.mfa_ms != 0, &p, e));
    aq.p = p;
    return results_write(q, &aq, e);
}
