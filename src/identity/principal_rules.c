/*
 * The policies in force of a principal, compiled; and whose administrative actions they could ever
 * allow.
 *
 * 1. A privileged role is in force through a running grant alone, whatever the table of holders
 * says.
 * 2. A role with a boundary is in force when it is assumed or granted, not by holding it: a
 * boundary
 *    bounds all policies beside it, and this one is meant for the role's alone.
 * 3. A document that does not compile any more freezes the account: it may have been a denial.
 */
#include "identity/principal_priv.h"

#include "identity/policy/admins.h"

#include <stdio.h>

RESULT principal_builtins_compile(struct principal_builtin **ret, struct error *e)
{
    size_t n = 0;
    while (role_builtins[n].name != NULL) {
        n++;
    }
    struct principal_builtin *list = mem_calloc(n + 1, sizeof(*list));
    struct result r = RESULT_OK;
    for (size_t i = 0; i < n && result_is_ok(r); i++) {
        char name[64];
        (void)snprintf(name, sizeof(name), "role/%s", role_builtins[i].name);
        list[i].role = &role_builtins[i];
        r = policy_compile(bytes_str(role_builtins[i].document), POLICY_IDENTITY, name,
                           &list[i].policy, e);
    }
    if (!result_is_ok(r)) {
        principal_builtins_free(list);
        return r;
    }
    *ret = list;
    return RESULT_OK;
}

void principal_builtins_free(struct principal_builtin *b)
{
    for (size_t i = 0; b != NULL && b[i].role != NULL; i++) {
        policy_unref(b[i].policy);
    }
    mem_free(b);
}

/* --- lists of rules --- */

struct rules {
    struct policy_in_force *v; /* in the box's arena */
    size_t n, room;
};

/* Takes the reference. */
static void rules_add(struct principal_make *m, struct rules *rules, struct policy *policy,
                      enum policy_layer layer)
{
    struct principal_box *b = m->b;
    if (rules->n == rules->room) {
        size_t room = MAX(2 * rules->room, (size_t)8);
        struct policy_in_force *wider = arena_alloc(b->arena, room * sizeof(*wider));
        if (rules->n > 0) {
            memcpy(wider, rules->v, rules->n * sizeof(*wider));
        }
        rules->v = wider;
        rules->room = room;
    }
    rules->v[rules->n++] = (struct policy_in_force){ policy, layer };
    if (b->policy_n == b->policy_room) {
        b->policy_room = MAX(2 * b->policy_room, (size_t)8);
        b->policies = mem_realloc(b->policies, b->policy_room * sizeof(*b->policies));
    }
    b->policies[b->policy_n++] = policy;
}

static void rules_add_text(struct principal_make *m, struct rules *rules, const char *name,
                           const char *json, enum policy_layer layer)
{
    struct policy *policy = NULL;
    if (json == NULL || json[0] == '\0') {
        return;
    }
    if (!result_is_ok(policy_compile(bytes_str(json), POLICY_IDENTITY, name, &policy, NULL))) {
        m->broken = arena_printf(m->b->arena, "its policy '%s' can't be read", name);
        return;
    }
    rules_add(m, rules, policy, layer);
}

static void rules_add_documents(struct principal_make *m, struct rules *rules,
                                const struct source_documents *docs)
{
    for (size_t i = 0; i < docs->n; i++) {
        rules_add_text(m, rules, docs->v[i].name, docs->v[i].json, POLICY_LAYER_IDENTITY);
    }
}

/* What the role allows, without its boundary. */
static void rules_add_role(struct principal_make *m, struct rules *rules,
                           const struct source_role *role)
{
    if (role->builtin == NULL) {
        rules_add_documents(m, rules, &role->documents);
        return;
    }
    for (const struct principal_builtin *b = m->builtins; b->role != NULL; b++) {
        if (b->role == role->builtin) {
            rules_add(m, rules, policy_ref(b->policy), POLICY_LAYER_IDENTITY);
        }
    }
}

/* --- the three administrators --- */

/* What the identity policies may ever allow, as far as every boundary does. */
/*= 2.1.4-2 "whose administrative actions somebody's policies reach is reckoned from the policies" */
static unsigned rules_admins(const struct rules *rules)
{
    unsigned allowed = 0, bounds = ADMIN_SYSTEM | ADMIN_SECURITY | ADMIN_AUDIT;
    for (size_t i = 0; i < rules->n; i++) {
        const struct policy_in_force *in = &rules->v[i];
        if (in->layer == POLICY_LAYER_IDENTITY) {
            allowed |= policy_admins(in->policy);
        } else if (in->layer == POLICY_LAYER_BOUNDARY) {
            bounds &= policy_admins(in->policy);
        }
    }
    return allowed & bounds;
}

/* --- of a user --- */

static bool is_held(const struct source_role *role)
{
    return role->is_there && !role->is_privileged && role->boundary == NULL;
}

static bool mfa_fits(const struct principal_make *m, const struct source_role *role)
{
    return !role->needs_mfa || m->s->has_mfa || m->b->p.kind == PRINCIPAL_OPERATOR;
}

/* Roles that wait for a second factor are not in force, but who holds them is known by them: no
 * person gets two of the administrators by leaving the factor out. */
static void user_rules(struct principal_make *m, struct rules *in_force, unsigned *ret_admins)
{
    const struct principal_source *s = m->s;
    struct rules waiting = { NULL, 0, 0 };
    rules_add_text(m, in_force, "boundary", s->boundary, POLICY_LAYER_BOUNDARY);
    rules_add_text(m, &waiting, "boundary", s->boundary, POLICY_LAYER_BOUNDARY);
    rules_add_documents(m, in_force, &s->documents);
    for (size_t i = 0; i < s->role_n; i++) {
        if (is_held(&s->roles[i])) {
            rules_add_role(m, mfa_fits(m, &s->roles[i]) ? in_force : &waiting, &s->roles[i]);
        }
    }
    *ret_admins = rules_admins(in_force) | rules_admins(&waiting);
}

/* Each stands apart: its own limits bound nothing else, and what it let in is known as its use. */
/*= 2.1.3-9 "who works for the provider reaches a tenant by a grant of that tenant, for its time" */
static void grants_make(struct principal_make *m)
{
    struct principal *p = &m->b->p;
    const struct principal_source *s = m->s;
    struct principal_grant *list = arena_zalloc(m->b->arena, s->grant_n * sizeof(*list));
    size_t n = 0;
    for (size_t i = 0; i < s->grant_n; i++) {
        const struct grant *g = &s->grants[i];
        const struct source_role *role = &s->grant_roles[i];
        struct rules rules = { NULL, 0, 0 };
        if (!role->is_there || !mfa_fits(m, role)) {
            continue;
        }
        rules_add_role(m, &rules, role);
        rules_add_text(m, &rules, "boundary of the role", role->boundary, POLICY_LAYER_BOUNDARY);
        rules_add_text(m, &rules, "limits of the grant", g->policy, POLICY_LAYER_SESSION);
        list[n++] = (struct principal_grant){
            .id = arena_str(m->b->arena, bytes_str(g->id)),
            .realm = arena_str(m->b->arena, bytes_str(g->realm)),
            .role = arena_str(m->b->arena, bytes_str(g->role)),
            .admin = (enum admin_kind)rules_admins(&rules),
            .from_ms = g->from_ms,
            .until_ms = g->until_ms,
            .policies = rules.v,
            .policy_count = rules.n,
        };
    }
    p->grants = list;
    p->grant_count = n;
}

/* --- of a session --- */

const struct grant *principal_token_grant(const struct principal_source *s)
{
    for (size_t i = 0; i < s->grant_n; i++) {
        const struct grant *g = &s->grants[i];
        if (strcmp(g->id, s->token.grant) == 0 && strcmp(g->realm, s->token.realm) == 0 &&
            bytes_equal_str_nocase(bytes_str(g->role), s->token.role)) {
            return g;
        }
    }
    return NULL;
}

static void session_rules(struct principal_make *m, struct rules *in_force, unsigned *ret_admins)
{
    const struct principal_source *s = m->s;
    const struct grant *g = principal_token_grant(s);
    if (!s->role.is_there) {
        return;
    }
    struct rules role = { NULL, 0, 0 };
    rules_add_role(m, &role, &s->role);
    rules_add_text(m, &role, "boundary of the role", s->role.boundary, POLICY_LAYER_BOUNDARY);
    *ret_admins |= rules_admins(&role);
    if (mfa_fits(m, &s->role)) {
        *in_force = role;
    }
    if (g != NULL) {
        rules_add_text(m, in_force, "limits of the grant", g->policy, POLICY_LAYER_SESSION);
    }
}

void principal_rules_make(struct principal_make *m)
{
    const struct principal_source *s = m->s;
    struct principal *p = &m->b->p;
    struct rules in_force = { NULL, 0, 0 };
    user_rules(m, &in_force, &p->admins);
    if (s->is_token && s->token.role[0] != '\0') {
        in_force = (struct rules){ NULL, 0, 0 };
        session_rules(m, &in_force, &p->admins);
    } else {
        grants_make(m);
    }
    if (s->is_token) {
        rules_add_text(m, &in_force, "session policy", s->token.policy, POLICY_LAYER_SESSION);
    }
    p->policies = in_force.v;
    p->policy_count = in_force.n;
}
