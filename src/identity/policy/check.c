/*
 * The grammar of a policy document, in AWS's order of passes, so that its message is the one AWS
 * gives: syntax, version, legacy parsing (effects, dates, shape of ARNs), Sids, presence of
 * actions, resources' form, actions' form, presence of resources. Then what the form asks for.
 * Behind AWS's words stands the place, in parentheses.
 */
#include "identity/policy/policy_priv.h"

#include "base/text.h"

#define SYNTAX "Syntax errors in policy."
#define LEGACY "The policy failed legacy parsing"
#define VENDOR "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."

#define FAIL_IF(condition, e, ...)                                                                 \
    do {                                                                                           \
        if (condition) {                                                                           \
            return error_set((e), ERRC_FORMAT, __VA_ARGS__);                                       \
        }                                                                                          \
    } while (0)

/* For messages: no more of it than a person would read. */
#define SHORT(b) (int)MIN((b).n, (size_t)200), (const char *)(b).p

bool policy_next_statement(struct json root, struct json_iter *it, struct json *ret)
{
    struct json all;

    if (!result_is_ok(json_get(root, "Statement", &all, NULL))) {
        return false;
    }
    if (json_type(all) == JSON_ARRAY) {
        return json_next(all, it, ret);
    }
    bool is_first = !it->is_started_;
    it->is_started_ = true;
    *ret = all;
    return is_first;
}

bool policy_next_text(struct json v, struct json_iter *it, struct bytes *ret, bool *ret_null)
{
    struct json item = v;

    if (json_type(v) == JSON_ARRAY) {
        if (!json_next(v, it, &item)) {
            return false;
        }
    } else if (it->is_started_) {
        return false;
    }
    it->is_started_ = true;
    *ret = BYTES_NONE;
    *ret_null = json_type(item) != JSON_STRING;
    if (!*ret_null) {
        result_ignore(json_str(item, ret));
    }
    return true;
}

static bool get(struct json v, const char *key, struct json *ret)
{
    return result_is_ok(json_get(v, key, ret, NULL));
}

static bool is_text(struct json v)
{
    return json_type(v) == JSON_STRING;
}

/* --- syntax --- */

/* A text or a list of texts; `nulls`: null may stand in the list, for nothing. */
static bool is_texts(struct json v, bool nulls)
{
    struct json_iter it = { 0 };
    struct json item;

    while (json_next(v, &it, &item)) {
        if (!is_text(item) && !(nulls && json_is_null(item))) {
            return false;
        }
    }
    return is_text(v) || json_type(v) == JSON_ARRAY;
}

static bool is_scalar(struct json v)
{
    enum json_type t = json_type(v);
    return t == JSON_STRING || t == JSON_BOOL || t == JSON_INT || t == JSON_UINT;
}

static bool are_keys_well_formed(struct json keys)
{
    struct json_iter it = { 0 }, items;
    struct bytes key;
    struct json v, item;

    while (json_next_member(keys, &it, &key, &v)) {
        if (key.n == 0 || (!is_scalar(v) && json_type(v) != JSON_ARRAY)) {
            return false;
        }
        items = (struct json_iter){ 0 };
        while (json_next(v, &items, &item)) {
            if (!is_scalar(item)) {
                return false;
            }
        }
    }
    return json_type(keys) == JSON_OBJECT;
}

static bool is_condition_well_formed(struct json v)
{
    struct json_iter it = { 0 };
    struct bytes name;
    struct json keys;
    enum policy_set set;
    bool if_exists = false;

    while (json_next_member(v, &it, &name, &keys)) {
        bool is_known = policy_operator_find(name, &set, &if_exists) != NULL;
        if (!are_keys_well_formed(keys) || (!is_known && json_count(keys) != 0)) {
            return false;
        }
    }
    return json_type(v) == JSON_OBJECT;
}

static bool is_principal_well_formed(struct json v)
{
    struct json_iter it = { 0 };
    struct bytes type;
    struct json who;

    while (json_next_member(v, &it, &type, &who)) {
        if (!is_texts(who, false)) {
            return false;
        }
    }
    return is_text(v) || json_type(v) == JSON_OBJECT;
}

static bool is_one_of_two(struct json s, const char *a, const char *b, bool (*fits)(struct json))
{
    struct json v;

    if (json_has(s, a) && json_has(s, b)) {
        return false;
    }
    return !(get(s, a, &v) || get(s, b, &v)) || fits(v);
}

static bool is_action_list(struct json v)
{
    return is_texts(v, false);
}

static bool is_resource_list(struct json v)
{
    return is_texts(v, true);
}

/* What is wrong with the syntax of a statement, for people; NULL: nothing. */
static const char *statement_fault(struct json s, struct error *e)
{
    static const char *const keys[] = { "Sid",       "Effect",      "Action",
                                        "NotAction", "Principal",   "NotPrincipal",
                                        "Resource",  "NotResource", "Condition",
                                        NULL };
    struct json v;
    struct bytes effect;

    if (json_type(s) != JSON_OBJECT) {
        return "not an object";
    }
    if (!result_is_ok(json_only_keys(s, keys, e))) {
        return e->msg;
    }
    if (get(s, "Sid", &v) && !is_text(v)) {
        return "Sid: not a text";
    }
    if (!result_is_ok(json_get_str(s, "Effect", &effect, NULL)) ||
        !(bytes_equal_str_nocase(effect, "Allow") || bytes_equal_str_nocase(effect, "Deny"))) {
        return "Effect: Allow or Deny";
    }
    if (get(s, "Condition", &v) && !is_condition_well_formed(v)) {
        return "Condition: an unknown operator, or values in the wrong form";
    }
    if (!is_one_of_two(s, "Action", "NotAction", is_action_list)) {
        return "Action or NotAction: one of them, a text or a list of texts";
    }
    if ((get(s, "NotResource", &v) && !is_texts(v, false)) ||
        !is_one_of_two(s, "Resource", "NotResource", is_resource_list)) {
        return "Resource or NotResource: one of them, a text or a list of texts";
    }
    return is_one_of_two(s, "Principal", "NotPrincipal", is_principal_well_formed)
                   ? NULL
                   : "Principal or NotPrincipal: one of them, \"*\" or an object";
}

static const char *document_fault(struct json root, struct bytes *ret_version, struct error *e)
{
    static const char *const keys[] = { "Version", "Id", "Statement", NULL };
    struct json v;

    *ret_version = BYTES_NONE;
    if (json_type(root) != JSON_OBJECT) {
        return "not an object";
    }
    if (!result_is_ok(json_only_keys(root, keys, e))) {
        return e->msg;
    }
    if (get(root, "Id", &v) && !is_text(v)) {
        return "Id: not a text";
    }
    if (!json_has(root, "Statement")) {
        return "Statement is missing";
    }
    if (json_has(root, "Version") &&
        (!result_is_ok(json_get_str(root, "Version", ret_version, NULL)) ||
         (!bytes_equal_str(*ret_version, "2012-10-17") &&
          !bytes_equal_str(*ret_version, "2008-10-17")))) {
        return "Version: 2012-10-17";
    }
    return NULL;
}

static RESULT check_syntax(struct json root, struct error *e)
{
    struct json_iter it = { 0 };
    struct json s;
    struct bytes version;
    struct error why;
    size_t n = 0;

    const char *fault = document_fault(root, &version, &why);
    FAIL_IF(fault != NULL, e, SYNTAX " (%s)", fault);
    while (policy_next_statement(root, &it, &s)) {
        fault = statement_fault(s, &why);
        FAIL_IF(fault != NULL, e, SYNTAX " (statement %zu: %.200s)", n + 1, fault);
        if (++n > POLICY_STATEMENT_MAX) {
            FAIL(e, ERRC_LIMIT, "more than %d statements", POLICY_STATEMENT_MAX);
        }
    }
    FAIL_IF(n == 0, e, SYNTAX " (no statement)");
    FAIL_IF(!bytes_equal_str(version, "2012-10-17"), e,
            "Policy document must be version 2012-10-17 or greater.");
    return RESULT_OK;
}

/* --- legacy parsing --- */

static bool are_dates_valid(struct json keys)
{
    struct json_iter it = { 0 }, texts;
    struct bytes key, text;
    struct json v;
    bool is_other = false;
    int64_t date = 0;

    while (json_next_member(keys, &it, &key, &v)) {
        texts = (struct json_iter){ 0 };
        while (policy_next_text(v, &texts, &text, &is_other)) {
            if (!is_other && !policy_date_read(text, &date)) {
                return false;
            }
        }
    }
    return true;
}

static RESULT check_legacy(struct json root, struct error *e)
{
    struct json_iter it = { 0 }, members;
    struct json s, v, keys;
    struct bytes effect, name;
    enum policy_set set;
    bool if_exists = false;

    while (policy_next_statement(root, &it, &s)) {
        TRY(json_get_str(s, "Effect", &effect, e));
        FAIL_IF(!bytes_equal_str(effect, "Allow") && !bytes_equal_str(effect, "Deny"), e, LEGACY);
        members = (struct json_iter){ 0 };
        while (get(s, "Condition", &v) && json_next_member(v, &members, &name, &keys)) {
            const struct policy_operator *op = policy_operator_find(name, &set, &if_exists);
            FAIL_IF(op != NULL && op->class == CLASS_DATE && !are_dates_valid(keys), e, LEGACY);
        }
    }
    return RESULT_OK;
}

/* --- resources --- */

static bool has_prefix_of(struct bytes path, const char *const *types)
{
    for (; *types != NULL; types++) {
        if (bytes_has_prefix(path, bytes_str(*types))) {
            return true;
        }
    }
    return false;
}

/* What stands behind the region: so much of the ARN as there is. */
static RESULT check_service(struct bytes resource, const struct bytes parts[6], size_t n,
                            struct error *e)
{
    static const char *const types[] = { "user/",
                                         "federated-user/",
                                         "role/",
                                         "group/",
                                         "instance-profile/",
                                         "mfa/",
                                         "server-certificate/",
                                         "policy/",
                                         "sms-mfa/",
                                         "saml-provider/",
                                         "oidc-provider/",
                                         "report/",
                                         "access-report/",
                                         NULL };
    struct bytes region = n > 3 ? parts[3] : BYTES_NONE, path = n > 5 ? parts[5] : BYTES_NONE;
    bool is_iam = bytes_equal_str(parts[2], "iam"), is_s3 = bytes_equal_str(parts[2], "s3");

    FAIL_IF(is_iam && region.n != 0, e, "IAM resource %.*s cannot contain region information.",
            SHORT(resource));
    FAIL_IF(is_s3 && region.n != 0 && !bytes_has_prefix(path, BYTES_LIT("accesspoint/")), e,
            "Resource %.*s can not contain region information.", SHORT(resource));
    FAIL_IF(is_iam && n == 6 && !bytes_equal_str(path, "*") && !has_prefix_of(path, types), e,
            "IAM resource path must either be \"*\" or start with user/, federated-user/, role/, "
            "group/, instance-profile/, mfa/, server-certificate/, policy/, sms-mfa/, "
            "saml-provider/, oidc-provider/, report/, access-report/.");
    return RESULT_OK;
}

static RESULT check_partition(const struct bytes parts[6], size_t n, struct error *e)
{
    struct bytes p[6];

    for (size_t i = 0; i < 6; i++) {
        p[i] = i < n ? parts[i] : BYTES_LIT("*");
    }
    FAIL_IF(!bytes_equal_str(p[1], "aws") && !bytes_equal_str(p[1], "*"), e,
            "Partition \"%.*s\" is not valid for resource \"arn:%.*s:%.*s:%.*s:%.*s:%.*s\".",
            SHORT(p[1]), SHORT(p[1]), SHORT(p[2]), SHORT(p[3]), SHORT(p[4]), SHORT(p[5]));
    return RESULT_OK;
}

/* ERRC_CONFLICT: legacy parsing, which comes before all else. */
static RESULT check_resource(struct bytes in, struct error *e)
{
    struct bytes parts[6];

    if (bytes_equal_str(in, "*")) {
        return RESULT_OK;
    }
    size_t n = policy_arn_parts(in, parts);
    FAIL_IF(n < 2, e, "Resource %.*s must be in ARN format or \"*\".", SHORT(in));
    TRY(check_partition(parts, n, e));
    FAIL_IF(!bytes_equal_str(parts[0], "arn"), e, "Resource %.*s must be in ARN format or \"*\".",
            SHORT(in));
    FAIL_IF(n < 3 || bytes_index(parts[2], '*') != parts[2].n ||
                    bytes_index(parts[2], '?') != parts[2].n ||
                    bytes_index(parts[2], '$') != parts[2].n,
            e, "Resource vendor must be fully qualified and cannot contain regexes.");
    bool is_cut = n < 6 && bytes_find(in, BYTES_LIT("::")) != in.n;
    if (is_cut || parts[2].n == 0) {
        FAIL(e, ERRC_CONFLICT, LEGACY);
    }
    return check_service(in, parts, n, e);
}

/* The first fault into *ret; only what fails legacy parsing is returned. */
static RESULT check_resources(struct json root, struct error *ret, struct error *e)
{
    struct json_iter it = { 0 }, texts;
    struct json s, v;
    struct bytes text;
    struct error fault;
    bool is_null = false;

    while (policy_next_statement(root, &it, &s)) {
        if (!get(s, "Resource", &v) && !get(s, "NotResource", &v)) {
            continue;
        }
        texts = (struct json_iter){ 0 };
        while (policy_next_text(v, &texts, &text, &is_null)) {
            struct result r = is_null ? RESULT_OK : check_resource(text, &fault);
            FAIL_IF(r.code == ERRC_CONFLICT, e, LEGACY);
            if (!result_is_ok(r) && ret->code == ERRC_OK) {
                *ret = fault;
            }
        }
    }
    return RESULT_OK;
}

static RESULT check_resources_exist(struct json root, struct error *e)
{
    struct json_iter it = { 0 }, texts;
    struct json s, v;
    struct bytes text;

    while (policy_next_statement(root, &it, &s)) {
        bool is_null = true;
        texts = (struct json_iter){ 0 };
        if (get(s, "Resource", &v) || get(s, "NotResource", &v)) {
            while (is_null && policy_next_text(v, &texts, &text, &is_null)) {
            }
        }
        FAIL_IF(is_null, e, "Policy statement must contain resources.");
    }
    return RESULT_OK;
}

/* --- Sids and actions --- */

static RESULT check_sids(struct json root, struct error *e)
{
    struct json_iter it = { 0 };
    struct json s;
    struct bytes seen[POLICY_STATEMENT_MAX];
    size_t n = 0;

    while (policy_next_statement(root, &it, &s)) {
        if (!result_is_ok(json_get_str(s, "Sid", &seen[n], NULL)) || seen[n].n == 0) {
            continue;
        }
        for (size_t i = 0; i < n; i++) {
            FAIL_IF(bytes_equal(seen[i], seen[n]), e,
                    "Statement IDs (SID) in a single policy must be unique.");
        }
        n++;
    }
    return RESULT_OK;
}

static RESULT check_actions_exist(struct json root, struct error *e)
{
    struct json_iter it = { 0 };
    struct json s, v;

    while (policy_next_statement(root, &it, &s)) {
        bool has = get(s, "Action", &v) || get(s, "NotAction", &v);
        FAIL_IF(!has || (json_type(v) == JSON_ARRAY && json_count(v) == 0), e,
                "Policy statement must contain actions.");
    }
    return RESULT_OK;
}

static bool is_vendor(struct bytes in)
{
    for (size_t i = 0; i < in.n; i++) {
        uint8_t c = in.p[i], small = c | 0x20;
        if (!(small >= 'a' && small <= 'z') && !(c >= '0' && c <= '9') && c != '-' && c != '.') {
            return false;
        }
    }
    return in.n != 0;
}

/* Letters of other scripts look like ours: a Deny with one would deny nothing. */
static bool is_ascii(struct bytes in)
{
    for (size_t i = 0; i < in.n; i++) {
        if (in.p[i] < 0x20 || in.p[i] > 0x7e) {
            return false;
        }
    }
    return true;
}

static RESULT check_action(struct bytes in, struct error *e)
{
    struct bytes vendor, name = in;

    if (bytes_equal_str(in, "*")) {
        return RESULT_OK;
    }
    FAIL_IF(!bytes_split(&name, ':', &vendor), e, VENDOR);
    FAIL_IF(bytes_index(name, ':') != name.n, e, "Actions/Condition can contain only one colon.");
    FAIL_IF(!is_vendor(vendor), e, "Vendor %.*s is not valid", SHORT(vendor));
    FAIL_IF(name.n == 0 || !is_ascii(name), e,
            "Action %.*s is not valid: a name of ASCII letters must follow the vendor", SHORT(in));
    return RESULT_OK;
}

static RESULT check_actions(struct json root, struct error *e)
{
    struct json_iter it = { 0 }, texts;
    struct json s, v;
    struct bytes text;
    bool is_null = false;

    while (policy_next_statement(root, &it, &s)) {
        texts = (struct json_iter){ 0 };
        while ((get(s, "Action", &v) || get(s, "NotAction", &v)) &&
               policy_next_text(v, &texts, &text, &is_null)) {
            TRY(check_action(text, e));
        }
    }
    return RESULT_OK;
}

/* --- what the form asks for --- */

static RESULT check_trust_actions(struct json s, struct error *e)
{
    struct json_iter it = { 0 };
    struct json v;
    struct bytes text;
    bool is_null = false;

    while (get(s, "Action", &v) && policy_next_text(v, &it, &text, &is_null)) {
        bool is_sts = text.n > 4 && bytes_equal_nocase(bytes_slice(text, 0, 4), BYTES_LIT("sts:"));
        FAIL_IF(!is_sts, e, "AssumeRole policy may only specify STS AssumeRole actions.");
    }
    FAIL_IF(json_has(s, "NotAction"), e,
            "AssumeRole policy may only specify STS AssumeRole actions.");
    return RESULT_OK;
}

static RESULT check_form(struct json s, enum policy_form form, struct error *e)
{
    struct bytes sid = BYTES_NONE, effect;
    bool has_principal = json_has(s, "Principal"), has_not = json_has(s, "NotPrincipal");

    result_ignore(json_get_str(s, "Sid", &sid, NULL));
    FAIL_IF(!text_is_printable(sid), e, "Statement IDs (SID) must be printable");
    FAIL_IF(form == POLICY_IDENTITY && (has_principal || has_not), e,
            "Policy document should not specify a principal.");
    FAIL_IF(form != POLICY_IDENTITY && !has_principal && !has_not, e,
            "Missing required field Principal");
    TRY(json_get_str(s, "Effect", &effect, e));
    FAIL_IF(has_not && bytes_equal_str(effect, "Allow"), e,
            "NotPrincipal can stand in a Deny only");
    if (form == POLICY_TRUST) {
        FAIL_IF(json_has(s, "Resource") || json_has(s, "NotResource"), e,
                "Has prohibited field Resource");
        TRY(check_trust_actions(s, e));
    }
    return RESULT_OK;
}

RESULT policy_check(struct json root, enum policy_form form, struct error *e)
{
    struct error fault = { .code = ERRC_OK };
    struct json_iter it = { 0 };
    struct json s;

    TRY(check_syntax(root, e));
    TRY(check_legacy(root, e));
    TRY(check_resources(root, &fault, e));
    TRY(check_sids(root, e));
    TRY(check_actions_exist(root, e));
    if (fault.code != ERRC_OK) {
        return error_set(e, fault.code, "%s", fault.msg);
    }
    TRY(check_actions(root, e));
    if (form != POLICY_TRUST) {
        TRY(check_resources_exist(root, e));
    }
    while (policy_next_statement(root, &it, &s)) {
        TRY(check_form(s, form, e));
    }
    return RESULT_OK;
}
