/*
 * The decision, in the order of access.h.
 *
 * Beside the policies two things are held to here, whatever they say: nobody without credentials
 * does an administrative action, and a person who may do one administrator's work is refused
 * another's even where only a bucket's policy would allow it.
 */
#include "identity/access.h"

#include "base/text.h"
#include "identity/access_priv.h"

/* What a decision needs besides the query, on the stack. */
struct work {
    const struct access_query *q;
    const struct action *action;
    struct policy_request rq;
    struct access_answer *ret;
};

static bool same(const char *a, const char *b)
{
    return a != NULL && b != NULL && a[0] != '\0' && strcmp(a, b) == 0;
}

static void answer(struct access_answer *a, enum policy_verdict v, enum access_reason r)
{
    a->verdict = v;
    a->reason = r;
    a->decision = (struct policy_decision){ .verdict = v, .statement = SIZE_MAX };
}

/* --- administrators --- */

static bool is_running(const struct principal_grant *g, int64_t now_ms)
{
    bool is_standing = g->until_ms == 0 && same(g->realm, IDENTITY_PLATFORM);
    return g->from_ms <= now_ms && (is_standing || now_ms < g->until_ms);
}

/*= 2.1.4-2 "system, security and audit administrators exclude each other, in the decision itself" */
static bool is_two_administrators(const struct access_query *q, unsigned more)
{
    unsigned bits = q->p->admins | more;

    for (size_t i = 0; i < q->p->grant_count; i++) {
        if (is_running(&q->p->grants[i], q->now_ms)) {
            bits |= (unsigned)q->p->grants[i].admin;
        }
    }
    return q->p->is_person && (bits & (bits - 1)) != 0;
}

static bool refuse_administrator(struct work *w)
{
    bool is_admin = w->action->admin != ADMIN_NONE;

    if (is_admin && w->q->p->kind == PRINCIPAL_ANONYMOUS) {
        answer(w->ret, POLICY_NOT_ALLOWED, ACCESS_BY_POLICY);
        return true;
    }
    if (is_admin && is_two_administrators(w->q, 0)) {
        answer(w->ret, POLICY_DENIED, ACCESS_TWO_ADMINISTRATORS);
        return true;
    }
    return false;
}

/*= 2.1.4-9 "administrative actions of people from outside the allowed networks are denied" */
/*= 2.1.4-8 "where it is asked for, they are denied without a verified client certificate" */
static bool refuse_origin(struct work *w)
{
    const struct access_query *q = w->q;
    enum origin_fit fit = ORIGIN_FITS;

    if (w->action->admin != ADMIN_NONE && q->p->is_person && !q->any_origin) {
        fit = origin_fit(&q->p->origin, q->ip, q->has_certificate);
    }
    if (fit != ORIGIN_FITS) {
        answer(w->ret, POLICY_DENIED,
               fit == ORIGIN_OUTSIDE ? ACCESS_OUTSIDE : ACCESS_NO_CERTIFICATE);
    }
    return fit != ORIGIN_FITS;
}

/* --- by policies --- */

#define LIMITS (1u << POLICY_LAYER_BOUNDARY | 1u << POLICY_LAYER_SESSION)

/* Policies in force: `own`, those of `more` in the given layers, the bucket's. */
static void weigh(struct work *w, const struct policy_in_force *own, size_t n,
                  const struct policy_in_force *more, size_t more_n, unsigned layers)
{
    struct policy_in_force few[ACCESS_POLICIES_USUAL];
    CLEANUP(mem_free_p) struct policy_in_force *many = NULL;
    struct policy_in_force *in = few;
    size_t count = n;

    if (n + more_n + 1 > ARRAY_LEN(few)) {
        many = mem_calloc(n + more_n + 1, sizeof(many[0]));
        in = many;
    }
    if (n != 0) {
        memcpy(in, own, n * sizeof(in[0]));
    }
    for (size_t i = 0; i < more_n; i++) {
        if ((layers >> more[i].layer & 1) != 0) {
            in[count++] = more[i];
        }
    }
    if (w->q->bucket_policy != NULL) {
        in[count++] = (struct policy_in_force){ w->q->bucket_policy, POLICY_LAYER_RESOURCE };
    }
    policy_evaluate(in, count, &w->rq, &w->ret->decision);
    w->ret->verdict = w->ret->decision.verdict;
    bool is_admin = w->action->admin != ADMIN_NONE && w->ret->verdict == POLICY_ALLOWED;
    if (is_admin && is_two_administrators(w->q, (unsigned)w->action->admin)) {
        answer(w->ret, POLICY_DENIED, ACCESS_TWO_ADMINISTRATORS);
    }
}

/* The grants of the realm, one after the other, until one allows or something denies. What denies
 * or limits the principal goes on doing so. False: there is none. */
static bool weigh_grants(struct work *w)
{
    const struct principal *p = w->q->p;
    struct policy_decision own;
    bool has_grant = false;

    for (size_t i = 0; i < p->grant_count && p->role[0] == '\0'; i++) {
        const struct principal_grant *g = &p->grants[i];
        if (!same(g->realm, w->q->realm) || !is_running(g, w->q->now_ms)) {
            continue;
        }
        if (!has_grant && refuse_administrator(w)) {
            return true;
        }
        has_grant = true;
        w->ret->reason = ACCESS_BY_GRANT;
        w->ret->grant = g->id;
        policy_evaluate(p->policies, p->policy_count, &w->rq, &own);
        if (own.verdict == POLICY_DENIED) {
            w->ret->verdict = own.verdict;
            w->ret->decision = own;
            return true;
        }
        weigh(w, g->policies, g->policy_count, p->policies, p->policy_count, LIMITS);
        if (w->ret->verdict != POLICY_NOT_ALLOWED) {
            return true;
        }
    }
    return has_grant;
}

/* What it holds itself; where that does not allow, a grant over its own realm may. */
static void decide_own(struct work *w)
{
    const struct principal *p = w->q->p;

    if (refuse_administrator(w)) {
        return;
    }
    w->ret->reason = ACCESS_BY_POLICY;
    weigh(w, p->policies, p->policy_count, NULL, 0, 0);
    if (w->ret->verdict == POLICY_NOT_ALLOWED && p->grant_count != 0) {
        struct access_answer own = *w->ret;
        if (!weigh_grants(w) || w->ret->verdict == POLICY_NOT_ALLOWED) {
            *w->ret = own;
        }
    }
}

/*= 2.1.3-9 "the provider's staff reach a customer's things only by a running grant of that customer" */
static void decide_by_grant(struct work *w)
{
    if (!weigh_grants(w)) {
        answer(w->ret, POLICY_DENIED, ACCESS_NEEDS_GRANT);
    }
}

/* --- the local operator --- */

/* What whoever runs the machine may do without anybody's leave: it runs, and tenants come and go.
 * Nothing of it shows or changes what a tenant keeps. */
static const struct {
    const char *action;
    bool of_tenant; /* also where it is decided in the tenant's realm */
} operator_table[] = {
    { "sts:GetCallerIdentity", true }, { "troth:AskGrant", true },
    { "troth:BreakGlass", true },      { "troth:CheckState", false },
    { "troth:CloseTenant", true },     { "troth:CreateTenant", true },
    { "troth:EndGrant", true },        { "troth:GetStatus", true },
    { "troth:GetTenant", true },       { "troth:ListGrants", false },
    { "troth:ListNotices", false },    { "troth:ListTenants", false },
    { "troth:ReadEvidence", false },   { "troth:ReadParameters", false },
    { "troth:ResumeTenant", true },    { "troth:SuspendTenant", true },
};

static void decide_operator(struct work *w)
{
    bool is_platform = same(w->q->realm, IDENTITY_PLATFORM);
    bool may = !w->q->realm_is_claimed;

    for (size_t i = 0; i < ARRAY_LEN(operator_table); i++) {
        may |= (is_platform || operator_table[i].of_tenant) &&
               strcmp(operator_table[i].action, w->action->name) == 0;
    }
    /* A realm: an account that somebody froze stays. */
    may |= w->q->realm_is_rolled_back && strcmp(w->action->name, "iam:Unfreeze") == 0 &&
           bytes_equal_str(w->q->resource, "*");
    if (may) {
        answer(w->ret, POLICY_ALLOWED, ACCESS_BY_OPERATOR);
    } else {
        decide_by_grant(w);
    }
}

/* --- a frozen realm --- */

/* What may go on in it, for those who are not frozen with it: looking at accounts and records, and
 * what leads out. */
static bool is_left_when_frozen(const struct action *a)
{
    static const char *const ways_out[] = { "iam:Freeze",         "iam:Unfreeze",
                                            "troth:AckNotice",    "troth:ApproveGrant",
                                            "troth:AskGrant",     "troth:BreakGlass",
                                            "troth:CloseTenant",  "troth:EndGrant",
                                            "troth:ResumeTenant", "troth:SuspendTenant" };
    for (size_t i = 0; i < ARRAY_LEN(ways_out); i++) {
        if (strcmp(ways_out[i], a->name) == 0) {
            return true;
        }
    }
    return !a->is_write && !bytes_has_prefix(bytes_str(a->name), BYTES_LIT("s3:"));
}

/* --- all of it --- */

static void request_of(const struct access_query *q, struct policy_request *rq)
{
    const struct principal *p = q->p;

    rq->action = q->action;
    rq->resource = q->resource;
    if (p->kind != PRINCIPAL_ANONYMOUS) {
        rq->principal_arn = bytes_str(p->arn);
        rq->principal_role = bytes_str(p->role_arn);
        rq->principal_account = bytes_str(p->account);
        rq->principal_federated = bytes_str(p->issuer);
    }
}

void access_decide(const struct access_query *q, struct access_answer *ret)
{
    struct access_keys keys;
    struct work w = { .q = q, .action = action_find(q->action), .ret = ret };
    const struct principal *p = q->p;

    *ret = (struct access_answer){ .realm = q->realm, .why = p->why_frozen };
    if (p->is_frozen) {
        answer(ret, POLICY_DENIED, ACCESS_FROZEN);
    } else if (p->expires_ms != 0 && q->now_ms >= p->expires_ms) {
        answer(ret, POLICY_DENIED, ACCESS_EXPIRED);
    } else if (w.action == NULL) {
        answer(ret, POLICY_NOT_ALLOWED, ACCESS_UNKNOWN_ACTION);
    } else if (q->realm == NULL || q->realm[0] == '\0') {
        answer(ret, POLICY_DENIED, ACCESS_OTHER_REALM);
    } else if (q->realm_is_frozen && !is_left_when_frozen(w.action)) {
        ret->why = q->realm_is_rolled_back ? "the accounts were put back to an older copy: troth "
                                             "tenant unfreeze ends the freeze"
                                           : "the tenant is frozen";
        answer(ret, POLICY_DENIED, ACCESS_FROZEN);
    } else if (!refuse_origin(&w)) {
        request_of(q, &w.rq);
        access_keys_fill(q, &keys);
        w.rq.keys = keys.keys;
        w.rq.key_count = keys.count;
        if (p->kind == PRINCIPAL_OPERATOR) {
            decide_operator(&w);
        } else if (same(p->realm, q->realm)) {
            decide_own(&w);
        } else if (same(p->home, IDENTITY_PLATFORM) && same(p->realm, p->home)) {
            decide_by_grant(&w);
        } else {
            answer(ret, POLICY_DENIED, ACCESS_OTHER_REALM);
        }
        access_keys_done(&keys);
    }
}
