/*
 * Principals of resource and trust policies: "*", accounts, users, roles, sessions, issuers of web
 * identities, services (of which there are none here: they match nobody). No wildcard but "*"
 * alone, no variable: who is let in is named.
 */
#include "identity/policy/policy_priv.h"

static bool is_account(struct bytes in)
{
    for (size_t i = 0; i < in.n; i++) {
        if (in.p[i] < '0' || in.p[i] > '9') {
            return false;
        }
    }
    return in.n == 12;
}

static bool has_meta(struct bytes in)
{
    return bytes_index(in, '*') != in.n || bytes_index(in, '?') != in.n ||
           bytes_index(in, '$') != in.n;
}

static bool names(struct bytes path, const char *type)
{
    size_t n = strlen(type);
    return bytes_has_prefix(path, bytes_str(type)) && path.n > n;
}

static bool read_aws(struct bytes in, struct policy_who *ret)
{
    struct bytes parts[6];

    *ret = (struct policy_who){ WHO_ARN, in };
    if (bytes_equal_str(in, "*")) {
        ret->kind = WHO_ANYONE;
        return true;
    }
    if (is_account(in)) {
        ret->kind = WHO_ACCOUNT;
        return true;
    }
    if (has_meta(in) || !policy_arn_split(in, parts) || !bytes_equal_str(parts[1], "aws") ||
        parts[3].n != 0 || !is_account(parts[4])) {
        return false;
    }
    if (bytes_equal_str(parts[2], "sts")) {
        return names(parts[5], "assumed-role/") || names(parts[5], "federated-user/");
    }
    if (bytes_equal_str(parts[5], "root")) {
        *ret = (struct policy_who){ WHO_ACCOUNT, parts[4] };
    } else if (!names(parts[5], "user/") && !names(parts[5], "role/")) {
        return false;
    }
    return bytes_equal_str(parts[2], "iam");
}

/* Host and path of an issuer: that is what IAM calls it by. */
static struct bytes issuer_name(struct bytes in)
{
    const struct bytes scheme = BYTES_LIT("https://"), type = BYTES_LIT("oidc-provider/");
    struct bytes parts[6];

    if (policy_arn_split(in, parts) && bytes_has_prefix(parts[5], type)) {
        in = bytes_slice(parts[5], type.n, parts[5].n);
    } else if (bytes_has_prefix(in, scheme)) {
        in = bytes_slice(in, scheme.n, in.n);
    }
    return bytes_has_suffix(in, BYTES_LIT("/")) ? bytes_slice(in, 0, in.n - 1) : in;
}

static bool read_one(struct bytes type, struct bytes in, struct policy_who *ret)
{
    if (bytes_equal_str(type, "AWS")) {
        return read_aws(in, ret);
    }
    if (bytes_equal_str(type, "Federated")) {
        *ret = (struct policy_who){ WHO_ISSUER, issuer_name(in) };
        return ret->value.n != 0 && !has_meta(in);
    }
    *ret = (struct policy_who){ WHO_SERVICE, in };
    return bytes_equal_str(type, "Service") && in.n != 0 && !has_meta(in);
}

static RESULT compile_member(struct arena *arena, struct bytes type, struct json v,
                             struct policy_who *out, size_t *n, struct error *e)
{
    struct json_iter it = { 0 };
    struct bytes text;
    bool is_null = false;

    while (policy_next_text(v, &it, &text, &is_null)) {
        if (is_null || !read_one(type, arena_bytes(arena, text), &out[*n])) {
            FAIL(e, ERRC_FORMAT, "Invalid principal in policy: \"%.*s\":\"%.*s\"",
                 (int)MIN(type.n, 100u), (const char *)type.p, (int)MIN(text.n, 200u),
                 (const char *)text.p);
        }
        *n += 1;
    }
    return RESULT_OK;
}

RESULT policy_who_compile(struct arena *arena, struct json v, struct policy_who **ret,
                          size_t *ret_n, struct error *e)
{
    struct json_iter it = { 0 };
    struct bytes type;
    struct json member;
    size_t n = 0, max = 1;

    while (json_next_member(v, &it, &type, &member)) {
        max += json_type(member) == JSON_ARRAY ? json_count(member) : 1;
    }
    struct policy_who *out = arena_zalloc(arena, max * sizeof(out[0]));
    if (json_type(v) == JSON_STRING) {
        TRY(json_str(v, &type));
        if (!bytes_equal_str(type, "*")) {
            FAIL(e, ERRC_FORMAT, "Invalid principal in policy");
        }
        out[n++] = (struct policy_who){ WHO_ANYONE, BYTES_NONE };
    }
    it = (struct json_iter){ 0 };
    while (json_next_member(v, &it, &type, &member)) {
        TRY(compile_member(arena, type, member, out, &n, e));
    }
    if (n == 0) {
        FAIL(e, ERRC_FORMAT, "Invalid principal in policy");
    }
    *ret = out;
    *ret_n = n;
    return RESULT_OK;
}

/* The account itself asks, not somebody in it. */
static bool is_root_of(struct bytes arn)
{
    struct bytes parts[6];
    return policy_arn_split(arn, parts) && bytes_equal_str(parts[5], "root");
}

static bool same_arn(struct bytes a, struct bytes b)
{
    return a.n != 0 && bytes_equal(a, b);
}

static enum policy_who_match match_one(const struct policy_who *w, const struct policy_request *rq)
{
    bool fits = false;

    switch (w->kind) {
    case WHO_ANYONE:
        return WHO_YES;
    case WHO_ACCOUNT:
        if (rq->principal_account.n == 0 || !bytes_equal(rq->principal_account, w->value)) {
            return WHO_NO;
        }
        return is_root_of(rq->principal_arn) ? WHO_YES : WHO_BY_ACCOUNT;
    case WHO_ARN:
        fits = same_arn(rq->principal_arn, w->value) || same_arn(rq->principal_role, w->value);
        break;
    case WHO_ISSUER:
        fits = rq->principal_federated.n != 0 &&
               bytes_equal(issuer_name(rq->principal_federated), w->value);
        break;
    case WHO_SERVICE:
        break;
    }
    return fits ? WHO_YES : WHO_NO;
}

enum policy_who_match policy_who_match(const struct policy_who *w, size_t n,
                                       const struct policy_request *rq)
{
    enum policy_who_match best = WHO_NO;

    for (size_t i = 0; i < n && best != WHO_YES; i++) {
        enum policy_who_match m = match_one(&w[i], rq);
        best = MAX(best, m);
    }
    return best;
}
