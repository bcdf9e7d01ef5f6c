/*
 * Who a principal is: its names as entries, policies and condition keys have them, and why it may
 * do nothing where that is so.
 */
#include "identity/principal_priv.h"

#include "identity/name_priv.h"

#define KEYS_FIXED 16

static const char *copy(struct principal_make *m, const char *s)
{
    return arena_str(m->b->arena, bytes_str(s));
}

static bool has_role(const struct principal_source *s)
{
    return s->is_token && s->token.role[0] != '\0';
}

/* --- condition keys --- */

struct keys {
    struct policy_key *v;
    size_t n, room;
};

static void key_add(struct principal_make *m, struct keys *keys, const char *name,
                    struct bytes value)
{
    struct arena *arena = m->b->arena;
    if (value.n == 0) {
        return;
    }
    if (keys->n == keys->room) {
        size_t room = MAX(2 * keys->room, (size_t)KEYS_FIXED);
        struct policy_key *wider = arena_alloc(arena, room * sizeof(*wider));
        if (keys->n > 0) {
            memcpy(wider, keys->v, keys->n * sizeof(*wider));
        }
        keys->v = wider;
        keys->room = room;
    }
    struct bytes *values = arena_alloc(arena, sizeof(*values));
    *values = arena_bytes(arena, value);
    keys->v[keys->n++] = (struct policy_key){ arena_bytes(arena, bytes_str(name)), values, 1 };
}

static void key_add_str(struct principal_make *m, struct keys *keys, const char *name,
                        const char *value)
{
    key_add(m, keys, name, bytes_str(value));
}

static bool key_is_set(const struct keys *keys, const char *name)
{
    for (size_t i = 0; i < keys->n; i++) {
        if (bytes_equal_str_nocase(keys->v[i].name, name)) {
            return true;
        }
    }
    return false;
}

/* aws:PrincipalTag/...: the first to name a tag wins: those of the session, then its role's. */
static void keys_add_tags(struct principal_make *m, struct keys *keys, const char *tags)
{
    CLEANUP(json_doc_free_p) struct json_doc *doc = NULL;
    struct json_iter it = { .is_started_ = false };
    struct json value;
    struct bytes key, text;
    if (tags == NULL || tags[0] == '\0') {
        return;
    }
    if (!result_is_ok(json_parse(bytes_str(tags), strlen(tags), &doc, NULL))) {
        m->broken = "its tags can't be read";
        return;
    }
    while (json_next_member(json_root(doc), &it, &key, &value)) {
        const char *name = arena_printf(m->b->arena, "aws:PrincipalTag/%.*s", BYTES_FMT(key));
        if (result_is_ok(json_str(value, &text)) && !key_is_set(keys, name)) {
            key_add(m, keys, name, text);
        }
    }
}

static const char *type_name(const struct principal *p, const struct principal_source *s)
{
    if (p->kind == PRINCIPAL_ANONYMOUS) {
        return "Anonymous";
    }
    if (p->role[0] != '\0') {
        return "AssumedRole";
    }
    return s->has_user && s->user.kind == USER_ROOT ? "Account" : "User";
}

static void keys_make(struct principal_make *m)
{
    struct principal *p = &m->b->p;
    const struct principal_source *s = m->s;
    struct keys keys = { NULL, 0, 0 };
    bool is_role = p->role[0] != '\0';
    key_add_str(m, &keys, "aws:PrincipalType", type_name(p, s));
    key_add_str(m, &keys, "aws:PrincipalAccount", p->account);
    key_add_str(m, &keys, "aws:PrincipalArn", is_role ? p->role_arn : p->arn);
    key_add_str(m, &keys, "aws:userid", p->unique_id);
    key_add_str(m, &keys, "aws:username", is_role ? "" : p->user_name);
    key_add_str(m, &keys, "aws:FederatedProvider", p->issuer);
    key_add_str(m, &keys, "troth:Realm", p->realm);
    key_add_str(m, &keys, "troth:Grant", p->grant);
    if (s->is_token) {
        char date[TIME_TEXT_MAX];
        key_add_str(m, &keys, "aws:TokenIssueTime", time_rfc3339(s->token.created_ms, date));
        key_add_str(m, &keys, "sts:RoleSessionName", is_role ? s->token.name : "");
        keys_add_tags(m, &keys, s->token.tags);
    }
    if (is_role) {
        keys_add_tags(m, &keys, s->role.tags);
    } else if (s->has_user) {
        keys_add_tags(m, &keys, s->user.tags);
    }
    p->keys = keys.v;
    p->key_count = keys.n;
}

/* --- names --- */

static void session_names(struct principal_make *m)
{
    struct principal *p = &m->b->p;
    const struct source_token *t = &m->s->token;
    struct arena *arena = m->b->arena;
    char id[IDENTITY_ID_BYTES];
    CLEANUP(buf_done_p) struct buf arn = BUF(2048);
    const char *path = m->s->role.path != NULL ? m->s->role.path : "/";
    memcpy(id, m->s->role.id, sizeof(id));
    if (id[0] == '\0') {
        role_builtin_id(t->realm, t->role, id);
    }
    identity_arn(&arn, "role", p->account, path, t->role);
    p->role = copy(m, t->role);
    p->role_arn = arena_str(arena, buf_bytes(&arn));
    p->arn =
            arena_printf(arena, "arn:aws:sts::%s:assumed-role/%s/%s", p->account, t->role, t->name);
    p->unique_id = arena_printf(arena, "%s:%s", id, t->name);
    p->actor = arena_printf(arena, "%s/role/%s/%s", p->realm, t->role, t->name);
}

static void user_names(struct principal_make *m)
{
    struct principal *p = &m->b->p;
    const struct principal_source *s = m->s;
    CLEANUP(buf_done_p) struct buf arn = BUF(2048);
    user_arn(&arn, &s->user, p->account);
    p->arn = arena_str(m->b->arena, buf_bytes(&arn));
    p->unique_id = copy(m, s->user.id);
    p->actor = arena_printf(m->b->arena, "%s/user/%s", p->realm, s->user.name);
}

static void names_make(struct principal_make *m)
{
    struct principal *p = &m->b->p;
    const struct principal_source *s = m->s;
    p->realm = copy(m, s->realm.name);
    p->home = copy(m, s->home.name);
    p->account = copy(m, p->kind == PRINCIPAL_ANONYMOUS ? "" : s->realm.account);
    p->actor = p->kind == PRINCIPAL_OPERATOR ? copy(m, s->operator_id) : "anonymous";
    p->arn = p->role_arn = p->role = p->unique_id = p->user_id = p->user_name = "";
    p->issuer = s->is_token ? copy(m, s->token.issuer) : "";
    p->grant = s->is_token ? copy(m, s->token.grant) : "";
    p->access_key = copy(m, s->key);
    if (s->has_user) {
        p->user_id = copy(m, s->user.id);
        p->user_name = copy(m, s->user.name);
        p->is_person = s->user.kind == USER_PERSON;
        p->origin.networks = copy(m, s->origin.networks == NULL ? "" : s->origin.networks);
        p->origin.needs_certificate = s->origin.needs_certificate;
    }
    if (has_role(s)) {
        session_names(m);
    } else if (s->has_user) {
        user_names(m);
    }
}

/* --- why it may do nothing --- */

static const char *realm_why(const struct source_realm *r)
{
    if (r->state == TENANT_CLOSED) {
        return "the tenant is closed";
    }
    if (r->state == TENANT_SUSPENDED) {
        return "the tenant is suspended";
    }
    if (r->frozen_ms != 0) {
        return strcmp(r->name, IDENTITY_PLATFORM) == 0 ? "the provider's accounts are frozen"
                                                       : "the tenant is frozen";
    }
    return NULL;
}

/*= 2.1.4-4 "who has left can do nothing from that day on, whether or not it was carried out" */
static const char *user_why(const struct principal_source *s)
{
    const struct user *u = &s->user;
    const char *home = s->is_token ? s->token.home : s->realm.name;
    if (!s->has_user || strcmp(u->realm, home) != 0) {
        return "its account is gone";
    }
    if (u->state == USER_ENDED || (u->ends_ms != 0 && u->ends_ms <= s->now_ms)) {
        return "the account has ended";
    }
    if (u->state == USER_SUSPENDED) {
        return "the account is suspended";
    }
    return u->frozen_ms != 0 ? "the account is frozen" : NULL;
}

static bool is_held(const struct principal_source *s)
{
    for (size_t i = 0; i < s->role_n; i++) {
        if (s->roles[i].builtin != NULL && s->roles[i].builtin == s->role.builtin) {
            return true;
        }
    }
    return s->has_user && s->user.kind == USER_ROOT;
}

/* A session lives on what it was made from: its grant; its role, the same one and not another of
 * that name; of a built-in one that somebody holds it. The provider's staff have a grant, whatever
 * a tenant's role trusts. */
static const char *session_why(const struct principal_source *s)
{
    if (s->token.grant[0] != '\0') {
        return principal_token_grant(s) == NULL ? "its grant has ended" : NULL;
    }
    if (strcmp(s->token.home, IDENTITY_PLATFORM) == 0 &&
        strcmp(s->token.realm, IDENTITY_PLATFORM) != 0) {
        return "it has no grant of that tenant";
    }
    if (!s->role.is_there || s->role.created_ms > s->token.created_ms) {
        return "its role is gone";
    }
    if (s->role.is_privileged) {
        return "its role is held through a grant alone";
    }
    if (s->role.builtin != NULL && !is_held(s)) {
        return "its role is not held any more";
    }
    return NULL;
}

/* Not of the local operator, who is the one to thaw the provider's accounts. */
static const char *frozen_why(const struct principal_make *m)
{
    const struct principal *p = &m->b->p;
    const struct principal_source *s = m->s;
    if (p->kind == PRINCIPAL_OPERATOR) {
        return m->broken;
    }
    const char *why = realm_why(&s->realm);
    if (why == NULL) {
        why = realm_why(&s->home);
    }
    if (why == NULL && (p->kind == PRINCIPAL_USER || p->kind == PRINCIPAL_SESSION)) {
        why = user_why(s);
    }
    if (why == NULL && has_role(s)) {
        why = session_why(s);
    }
    return why == NULL ? m->broken : why;
}

/* The dates of the user and its grants. */
static int64_t next_change(const struct principal_source *s)
{
    int64_t next_ms = s->next_ms;
    if (s->has_user && s->user.ends_ms > s->now_ms && (next_ms == 0 || s->user.ends_ms < next_ms)) {
        next_ms = s->user.ends_ms;
    }
    return next_ms;
}

void principal_build(struct principal_box *b, enum principal_kind kind,
                     const struct principal_builtin *builtins, const struct principal_source *s)
{
    struct principal_make m = { .b = b, .builtins = builtins, .s = s };
    struct principal *p = &b->p;
    p->kind = kind;
    p->has_mfa = s->has_mfa;
    p->token_mfa_ms = s->is_token ? s->token.mfa_ms : 0;
    p->expires_ms = s->is_token ? s->token.expires_ms : 0;
    b->is_token = s->is_token;
    b->is_enabled = s->is_enabled;
    memcpy(b->hash, s->token.hash, sizeof(b->hash));
    names_make(&m);
    principal_rules_make(&m);
    keys_make(&m);
    p->why_frozen = frozen_why(&m);
    p->is_frozen = p->why_frozen != NULL;
    p->why_frozen = p->is_frozen ? copy(&m, p->why_frozen) : "";
    p->next_change_ms = next_change(s);
}
