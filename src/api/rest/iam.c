/* Accounts: what the handlers share with api/iam. */
#include "api/rest/rest_priv.h"

#include "base/text.h"

#define REASON_MAX 256

RESULT rest_iam(struct rest *r, struct iam_cx *ret, struct error *e)
{
    struct bytes reason;
    TRY(iam_init(ret, r->l, &r->who, r->arena, r->realm, e));
    if (http_find(r->x, "X-Troth-Reason", &reason)) {
        if (reason.n > REASON_MAX || !text_is_printable(reason)) {
            FAIL(e, ERRC_FORMAT, "X-Troth-Reason: at most %d bytes of text", REASON_MAX);
        }
        ret->reason = arena_str(r->arena, reason);
    }
    return RESULT_OK;
}

/* The name of the user whose access key it is; empty when there is none in this realm. */
static const char *user_of_key(struct rest *r, const char *id)
{
    struct access_key k;
    if (!result_is_ok(directory_key_find(r->l->api->directory, bytes_str(id), &k, NULL)) ||
        strcmp(k.tenant, r->realm) != 0) {
        return "";
    }
    return arena_str(r->arena, bytes_str(k.user_name));
}

static RESULT decide(struct rest *r, struct iam_cx *c, const char *action, const char *what,
                     struct error *e)
{
    static const struct {
        const char *what, *param; /* NULL: all of them */
        enum iam_kind kind;
    } kinds[] = {
        { "@user", "user", IAM_USER },       { "@users", NULL, IAM_USER },
        { "@group", "group", IAM_GROUP },    { "@groups", NULL, IAM_GROUP },
        { "@role", "role", IAM_ROLE },       { "@roles", NULL, IAM_ROLE },
        { "@policy", "policy", IAM_POLICY }, { "@policies", NULL, IAM_POLICY },
        { "@key", "id", IAM_USER },
    };
    struct iam_subject s;
    size_t i = 0;
    if (strcmp(what, "@issuer") == 0) {
        return iam_decide(c, action, iam_oidc_arn(c, rest_param(r, "issuer")), e);
    }
    while (strcmp(kinds[i].what, what) != 0) {
        i++;
    }
    if (kinds[i].param == NULL) {
        return iam_decide(c, action, iam_arn(c, kinds[i].kind, "/", "*"), e);
    }
    const char *name = rest_param(r, kinds[i].param), *policy = rest_param(r, "attached");
    if (strcmp(what, "@key") == 0) {
        name = user_of_key(r, name);
    }
    if (policy[0] != '\0' && result_is_ok(iam_find(c, IAM_POLICY, policy, &s, NULL))) {
        iam_key(c, "iam:PolicyARN", bytes_str(s.arn));
    }
    return iam_open(c, kinds[i].kind, action, name, &s, e);
}

RESULT rest_iam_decide(struct rest *r, const char *action, const char *what, struct error *e)
{
    struct iam_cx c;
    struct access_answer a;
    TRY(rest_iam(r, &c, e));
    struct result res = decide(r, &c, action, what, e);
    if (res.code == ERRC_DENIED && result_is_ok(api_weigh(r->l, &r->who, r->realm, action,
                                                          bytes_str("*"), NULL, 0, &a, NULL))) {
        r->access = a; /* the kind of reason; which statement it was stands in the message */
    }
    r->grant = c.grant;
    return res;
}

bool rest_iam_is_open(struct rest *r, const char *action)
{
    struct access_answer a = { .verdict = POLICY_NOT_ALLOWED };
    bool has_body = r->http->is_chunked || r->http->length > 0;
    return has_body &&
           result_is_ok(
                   api_weigh(r->l, &r->who, r->realm, action, bytes_str("*"), NULL, 0, &a, NULL)) &&
           a.verdict != POLICY_ALLOWED &&
           (a.reason == ACCESS_BY_POLICY || a.reason == ACCESS_BY_GRANT);
}

enum iam_kind rest_subject_kind(const struct rest *r)
{
    if (rest_param(r, "user")[0] != '\0') {
        return IAM_USER;
    }
    return rest_param(r, "group")[0] != '\0' ? IAM_GROUP : IAM_ROLE;
}
