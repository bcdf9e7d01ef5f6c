/*
 * The decision over compiled policies. Nothing is allocated; what an evaluation finds out (where a
 * key is, the parts of the resource) it finds out once.
 */
#include "identity/policy/policy_priv.h"

static size_t action_place(struct bytes action)
{
    const struct action *a = action_find(action);
    return a == NULL ? SIZE_MAX : (size_t)(a - actions);
}

static void eval_init(struct policy_eval *ev, const struct policy_request *rq)
{
    memset(ev, 0, sizeof(*ev));
    ev->rq = rq;
    ev->action = action_place(rq->action);
}

static const struct bytes *resource_parts(struct policy_eval *ev)
{
    if (ev->parts_state == PARTS_UNKNOWN) {
        ev->parts_state = policy_arn_split(ev->rq->resource, ev->parts) ? PARTS_SPLIT : PARTS_NONE;
    }
    return ev->parts_state == PARTS_SPLIT ? ev->parts : NULL;
}

static bool resource_fits(const struct policy_statement *s, struct policy_eval *ev)
{
    bool is_unresolved = false;

    for (size_t i = 0; i < s->resource_count; i++) {
        const struct policy_arn *a = &s->resources[i];
        enum policy_match m = policy_arn_match(
                a, ev, ev->rq->resource, a->is_any || a->is_whole ? NULL : resource_parts(ev));
        if (m == MATCH_YES) {
            return !s->not_resource;
        }
        is_unresolved |= m == MATCH_UNRESOLVED;
    }
    /* a variable without a value must not open "all but ..." */
    return s->not_resource && (s->is_deny || !is_unresolved);
}

static enum policy_who_match who_fits(const struct policy_statement *s,
                                      const struct policy_request *rq)
{
    if (!s->has_principal) {
        return WHO_YES;
    }
    enum policy_who_match m = policy_who_match(s->who, s->who_count, rq);
    if (s->not_principal) {
        return m == WHO_NO ? WHO_YES : WHO_NO;
    }
    return m;
}

static bool shared_hold(const struct policy_statement *s, struct policy_eval *ev)
{
    for (size_t i = s->own_count; (s->shared & ~ev->memo_known) != 0 && i < s->condition_count;
         i++) {
        uint64_t bit = (uint64_t)1 << s->conditions[i].memo;
        if ((ev->memo_known & bit) == 0) {
            bool holds = policy_condition_holds(&s->conditions[i], ev, s->is_deny);
            ev->memo_known |= bit;
            ev->memo_holds |= holds ? bit : 0;
        }
    }
    return (s->shared & ~ev->memo_holds) == 0;
}

/* Does the statement apply; and if so, by the principal's own name or only by its account. */
static enum policy_who_match applies(const struct policy *p, const struct policy_statement *s,
                                     struct policy_eval *ev)
{
    if (!policy_statement_acts(s, ev->action, ev->rq->action)) {
        return WHO_NO;
    }
    enum policy_who_match who = who_fits(s, ev->rq);
    if (who == WHO_NO || (p->form != POLICY_TRUST && !resource_fits(s, ev))) {
        return WHO_NO;
    }
    if (!shared_hold(s, ev)) {
        return WHO_NO;
    }
    for (size_t i = 0; i < s->own_count; i++) {
        if (!policy_condition_holds(&s->conditions[i], ev, s->is_deny)) {
            return WHO_NO;
        }
    }
    return who;
}

static void decide(struct policy_decision *d, enum policy_verdict v, const struct policy *p,
                   size_t statement, enum policy_layer layer)
{
    *d = (struct policy_decision){
        .verdict = v, .policy = p, .statement = statement, .layer = layer
    };
    if (p != NULL && statement != SIZE_MAX) {
        d->sid = p->statements[statement].sid;
    }
}

struct found {
    size_t deny, allow; /* first statements that apply; SIZE_MAX: none */
};

/* `by_account`: an Allow that names only the account counts. `wants_allow` false: only Deny is of
 * interest. */
static struct found look(const struct policy *p, struct policy_eval *ev, bool wants_allow,
                         bool by_account)
{
    struct found f = { SIZE_MAX, SIZE_MAX };

    ev->memo_known = 0;
    ev->memo_holds = 0;
    for (size_t i = 0; i < p->count; i++) {
        const struct policy_statement *s = &p->statements[i];
        if (!s->is_deny && (!wants_allow || f.allow != SIZE_MAX)) {
            continue;
        }
        enum policy_who_match who = applies(p, s, ev);
        if (who == WHO_NO) {
            continue;
        }
        if (s->is_deny) {
            f.deny = i;
            break;
        }
        if (who == WHO_YES || by_account) {
            f.allow = i;
        }
    }
    return f;
}

void policy_evaluate(const struct policy_in_force *in, size_t count,
                     const struct policy_request *rq, struct policy_decision *ret)
{
    struct policy_eval ev;
    struct policy_decision allowed, lacking;
    bool is_allowed = false, is_lacking = false;

    eval_init(&ev, rq);
    for (size_t i = 0; i < count; i++) {
        const struct policy *p = in[i].policy;
        bool is_limit = in[i].layer == POLICY_LAYER_BOUNDARY || in[i].layer == POLICY_LAYER_SESSION;
        struct found f = look(p, &ev, is_limit ? !is_lacking : !is_allowed, false);
        if (f.deny != SIZE_MAX) {
            decide(ret, POLICY_DENIED, p, f.deny, in[i].layer);
            return;
        }
        if (is_limit && f.allow == SIZE_MAX && !is_lacking) {
            is_lacking = true;
            decide(&lacking, POLICY_NOT_ALLOWED, p, SIZE_MAX, in[i].layer);
        }
        if (!is_limit && f.allow != SIZE_MAX) {
            is_allowed = true;
            decide(&allowed, POLICY_ALLOWED, p, f.allow, in[i].layer);
        }
    }
    if (!is_allowed) {
        decide(ret, POLICY_NOT_ALLOWED, NULL, SIZE_MAX, POLICY_LAYER_IDENTITY);
    } else {
        *ret = is_lacking ? lacking : allowed;
    }
}

void policy_evaluate_trust(const struct policy *trust, const struct policy_request *rq,
                           struct policy_decision *ret)
{
    struct policy_eval ev;

    eval_init(&ev, rq);
    struct found f = look(trust, &ev, true, true);
    if (f.deny != SIZE_MAX) {
        decide(ret, POLICY_DENIED, trust, f.deny, POLICY_LAYER_RESOURCE);
    } else if (f.allow != SIZE_MAX) {
        decide(ret, POLICY_ALLOWED, trust, f.allow, POLICY_LAYER_RESOURCE);
    } else {
        decide(ret, POLICY_NOT_ALLOWED, NULL, SIZE_MAX, POLICY_LAYER_RESOURCE);
    }
}

const char *policy_verdict_name(enum policy_verdict v)
{
    static const char *const names[] = { "allowed", "denied", "not allowed" };
    return names[v];
}
