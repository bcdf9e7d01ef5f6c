/*
 * Privilege just in time: asked for where one belongs, approved where it reaches. A grant is named
 * below the realm that it reaches into; asking, ending and using are rights in one's own realm,
 * approving and refusing are rights in that one. What the other party is to know is a notice.
 */
#include "api/rest/rest_priv.h"

#include "base/text.h"
#include "identity/grant.h"
#include "identity/token.h"

struct grant_answer {
    struct rest *r;
    struct grant grant;
    struct grant *list;
    /* asking */
    struct grant_ask ask;
    /* deciding */
    struct user by;
    const char *note;
    int64_t length_ms;
};

static void grant_write(void *arg, struct jsonw *w)
{
    const struct grant_answer *a = arg;
    grant_json(w, &a->grant);
}

static void grant_item(void *arg, size_t i, struct jsonw *w)
{
    const struct grant_answer *a = arg;
    grant_json(w, &a->list[i]);
}

static RESULT after_write(const struct grant *g, struct buf *after)
{
    struct jsonw w;
    jsonw_init(&w, after);
    jsonw_object(&w);
    grant_json(&w, g);
    jsonw_object_end(&w);
    return RESULT_OK;
}

/* --- reading --- */

static RESULT list(struct rest *r, struct grant_filter *f, struct error *e)
{
    struct grant_answer a = { .r = r };
    size_t max = 0, n = 0;
    const char *state = rest_query(r, "state");
    TRY(rest_page(r, &max, &f->after, e));
    f->after = f->after[0] != '\0' ? f->after : NULL;
    for (int s = GRANT_ASKED; state != NULL && s <= GRANT_LAPSED; s++) {
        f->state = strcmp(grant_state_name((enum grant_state)s), state) == 0 ? s : f->state;
    }
    if (state != NULL && f->state == 0) {
        FAIL(e, ERRC_FORMAT, "state: asked, approved, refused, withdrawn, ended, past or lapsed");
    }
    TRY(grant_list(r->l->api->directory, f, max + 1, r->arena, &a.list, &n, e));
    bool has_more = n > max;
    n = MIN(n, max);
    return rest_reply_list(r, n, grant_item, &a, has_more ? a.list[n - 1].id : NULL, e);
}

RESULT rest_grants_list(struct rest *r, struct error *e)
{
    struct grant_filter f = { .realm = r->realm };
    return list(r, &f, e);
}

RESULT rest_self_grants(struct rest *r, struct error *e)
{
    struct grant_filter f = { .user_id = r->session.user_id };
    return list(r, &f, e);
}

/* The grant of the path, which must reach into the path's realm. */
static RESULT grant_of_path(struct rest *r, struct grant *ret, struct error *e)
{
    TRY(grant_get(r->l->api->directory, r->params[1], r->arena, ret, e));
    if (strcmp(ret->realm, r->params[0]) != 0) {
        FAIL(e, ERRC_NOT_FOUND, "no grant '%.32s'", r->params[1]);
    }
    return RESULT_OK;
}

RESULT rest_grants_show(struct rest *r, struct error *e)
{
    struct grant_answer a = { .r = r };
    TRY(grant_of_path(r, &a.grant, e));
    return rest_reply(r, 200, 0, grant_write, &a, e);
}

/* --- asking --- */

/* From here on it is about the realm of the path: its log has the entries. */
static RESULT reach(struct rest *r, struct error *e)
{
    TRY(realm_account(r->l->api->directory, r->params[0], r->account, e));
    r->realm = r->params[0];
    return RESULT_OK;
}

static RESULT ask_read(struct rest *r, struct grant_ask *ask, struct error *e)
{
    const struct principal *p = r->who.p;
    struct bytes policy;
    uint64_t length_s = 0;
    TRY(rest_body_only(r, REST_ONLY("from", "length_s", "policy", "reason", "role", "ticket"), e));
    TRY(rest_body_need(r, "role", &ask->role, e));
    TRY(rest_body_need(r, "reason", &ask->reason, e));
    TRY(rest_body_text(r, "ticket", "", &ask->ticket, e));
    TRY(rest_body_object(r, "policy", &policy, e));
    TRY(rest_body_u64(r, "length_s", 366ull * 24 * 3600, 0, &length_s, e));
    TRY(rest_body_time(r, "from", 0, &ask->from_ms, e));
    ask->length_ms = (int64_t)length_s * 1000;
    ask->policy = policy.n > 0 ? arena_str(r->arena, policy) : "";
    ask->realm = r->params[0];
    ask->home = p->home;
    if (p->kind == PRINCIPAL_OPERATOR) {
        ask->user_id = ask->user_name = p->actor;
    } else if (p->is_person && p->kind == PRINCIPAL_USER) {
        ask->user_id = p->user_id;
        ask->user_name = p->user_name;
    } else {
        FAIL(e, ERRC_DENIED, "a person asks, in a session of their own");
    }
    return RESULT_OK;
}

static RESULT do_ask(void *arg, struct buf *after, struct error *e)
{
    struct grant_answer *a = arg;
    TRY(grant_create(a->r->l->api->directory, &a->ask, a->r->arena, &a->grant, e));
    return after_write(&a->grant, after);
}

static RESULT ask(struct grant_answer *a, const char *kind, struct error *e)
{
    struct rest *r = a->r;
    TRY(reach(r, e));
    TRY(ask_read(r, &a->ask, e));
    struct api_act act = { .kind = kind, .target = a->ask.role, .reason = a->ask.reason };
    return rest_run(r, &act, do_ask, a, e);
}

/*= 2.1.4-3 "privilege is asked for with role, reason, ticket and end" */
RESULT rest_grants_ask(struct rest *r, struct error *e)
{
    struct grant_answer a = { .r = r, .ask = { .kind = GRANT_ORDINARY } };
    TRY(ask(&a, "grant.ask", e));
    return rest_reply(r, 201, 0, grant_write, &a, e);
}

/* --- break-glass --- */

/*= 2.1.4-3 "break-glass writes to the customer's log and raises a notice to the customer by itself" */
/*= 2.1.3-9 "without the customer's leave only by break-glass, which the customer is told of" */
RESULT rest_break_glass(struct rest *r, struct error *e)
{
    struct grant_answer a = { .r = r, .ask = { .kind = GRANT_BREAK_GLASS } };
    TRY(ask(&a, "grant.break-glass", e));
    struct api_act told = { .kind = "notice.create",
                            .realm = a.grant.realm,
                            .target = a.grant.id,
                            .detail = "break-glass",
                            .grant = a.grant.id };
    TRY(api_act_note(r->l, &r->who, &told, e));
    return rest_reply(r, 201, 0, grant_write, &a, e);
}

/* --- deciding --- */

static RESULT do_approve(void *arg, struct buf *after, struct error *e)
{
    struct grant_answer *a = arg;
    TRY(grant_approve(a->r->l->api->directory, a->grant.id, &a->by, a->r->who.mfa_ms, a->length_ms,
                      a->note, a->r->arena, &a->grant, e));
    return after_write(&a->grant, after);
}

static RESULT do_refuse(void *arg, struct buf *after, struct error *e)
{
    struct grant_answer *a = arg;
    TRY(grant_refuse(a->r->l->api->directory, a->grant.id, &a->by, a->note, a->r->arena, &a->grant,
                     e));
    return after_write(&a->grant, after);
}

static RESULT decide(struct grant_answer *a, const char *kind,
                     RESULT (*fn)(void *arg, struct buf *after, struct error *e), struct error *e)
{
    struct rest *r = a->r;
    uint64_t length_s = 0;
    TRY(rest_body_only(r, REST_ONLY("length_s", "note"), e));
    TRY(rest_body_text(r, "note", "", &a->note, e));
    TRY(rest_body_u64(r, "length_s", 366ull * 24 * 3600, 0, &length_s, e));
    a->length_ms = (int64_t)length_s * 1000;
    if (!r->has_session || !r->who.p->is_person) {
        FAIL(e, ERRC_DENIED, "a person decides, in a session of their own");
    }
    TRY(grant_of_path(r, &a->grant, e));
    TRY(user_get_by_id(r->l->api->directory, bytes_str(r->session.user_id), r->arena, &a->by, e));
    struct api_act act = { .kind = kind, .target = a->grant.id, .reason = a->note };
    TRY(rest_run(r, &act, fn, a, e));
    return rest_reply(r, 200, 0, grant_write, a, e);
}

/*= 2.1.4-3 "approved by another person, with a second factor given just now" */
RESULT rest_grants_approve(struct rest *r, struct error *e)
{
    struct grant_answer a = { .r = r };
    return decide(&a, "grant.approve", do_approve, e);
}

RESULT rest_grants_refuse(struct rest *r, struct error *e)
{
    struct grant_answer a = { .r = r };
    return decide(&a, "grant.refuse", do_refuse, e);
}

static RESULT do_end(void *arg, struct buf *after, struct error *e)
{
    struct grant_answer *a = arg;
    const struct principal *p = a->r->who.p;
    const char *id = p->kind == PRINCIPAL_OPERATOR ? p->actor : p->user_id;
    const char *name = p->kind == PRINCIPAL_OPERATOR ? p->actor : p->user_name;
    TRY(grant_end(a->r->l->api->directory, a->grant.id, id, name, a->r->arena, &a->grant, e));
    return after_write(&a->grant, after);
}

RESULT rest_grants_end(struct rest *r, struct error *e)
{
    struct grant_answer a = { .r = r };
    TRY(grant_of_path(r, &a.grant, e));
    TRY(reach(r, e));
    struct api_act act = { .kind = "grant.end", .target = a.grant.id };
    TRY(rest_run(r, &act, do_end, &a, e));
    return rest_reply(r, 200, 0, grant_write, &a, e);
}

/* --- credentials for S3 --- */

#define CREDENTIALS_MS (3600ll * 1000)

struct credentials {
    struct rest *r;
    struct grant grant;
    struct token token;
};

static RESULT do_token(void *arg, struct buf *after, struct error *e)
{
    struct credentials *c = arg;
    const struct grant *g = &c->grant;
    struct api *api = c->r->l->api;
    int64_t end = clock_wall_ms(api->clock) + CREDENTIALS_MS;
    struct token_new t = { .realm = g->realm,
                           .home = g->home,
                           .user_id = g->user_id,
                           .role = g->role,
                           .name = g->user_name,
                           .issuer = "",
                           .policy = g->policy,
                           .tags = "{}",
                           .grant = g->id,
                           .mfa_ms = c->r->who.mfa_ms,
                           .expires_ms = g->until_ms == 0 ? end : MIN(end, g->until_ms) };
    struct jsonw w;
    TRY(token_create(api->directory, c->r->l->keeper, &t, &c->token, e));
    jsonw_init(&w, after);
    jsonw_object(&w);
    jsonw_kv_cstr(&w, "access_key", c->token.id);
    rest_kv_time(&w, "expires", c->token.expires_ms);
    jsonw_object_end(&w);
    return RESULT_OK;
}

static void credentials_write(void *arg, struct jsonw *w)
{
    const struct credentials *c = arg;
    jsonw_kv_cstr(w, "access_key_id", c->token.id);
    rest_kv_time(w, "expires", c->token.expires_ms);
    jsonw_kv_cstr(w, "region", c->r->settings->region);
    jsonw_kv_cstr(w, "secret_access_key", c->token.secret);
    jsonw_kv_cstr(w, "session_token", c->token.session_token);
}

static bool is_running(const struct grant *g, int64_t now_ms)
{
    return g->state == GRANT_APPROVED && g->from_ms <= now_ms &&
           (g->until_ms == 0 || now_ms < g->until_ms);
}

/* Temporary access keys that end with the grant. */
RESULT rest_grants_credentials(struct rest *r, struct error *e)
{
    struct credentials c = { .r = r };
    TRY(grant_of_path(r, &c.grant, e));
    TRY(reach(r, e));
    if (strcmp(c.grant.user_id, r->who.p->user_id) != 0 || !r->has_session) {
        FAIL(e, ERRC_DENIED, "only who holds the grant gets credentials for it");
    }
    if (!is_running(&c.grant, clock_wall_ms(r->l->api->clock))) {
        FAIL(e, ERRC_DENIED, "grant %s does not run now", c.grant.id);
    }
    struct api_act act = { .kind = "sts.assume", .target = c.grant.role, .grant = c.grant.id };
    struct result res = rest_run(r, &act, do_token, &c, e);
    res = result_is_ok(res) ? rest_reply(r, 201, 0, credentials_write, &c, e) : res;
    token_wipe(&c.token);
    return res;
}

/* --- notices --- */

struct notice_answer {
    struct rest *r;
    struct notice *list;
};

static void notice_item(void *arg, size_t i, struct jsonw *w)
{
    const struct notice_answer *n = arg;
    notice_json(w, &n->list[i]);
}

RESULT rest_notices_list(struct rest *r, struct error *e)
{
    struct notice_answer a = { .r = r };
    const char *after = NULL, *open = rest_query(r, "open");
    size_t max = 0, n = 0;
    bool is_open_only = open != NULL && strcmp(open, "true") == 0;
    TRY(rest_page(r, &max, &after, e));
    TRY(notice_list(r->l->api->directory, r->realm, is_open_only, after[0] != '\0' ? after : NULL,
                    max + 1, r->arena, &a.list, &n, e));
    bool has_more = n > max;
    n = MIN(n, max);
    return rest_reply_list(r, n, notice_item, &a, has_more ? a.list[n - 1].id : NULL, e);
}

static RESULT do_ack(void *arg, struct buf *after, struct error *e)
{
    struct rest *r = arg;
    (void)after;
    return notice_ack(r->l->api->directory, r->realm, r->params[1], r->who.p->actor, e);
}

RESULT rest_notices_ack(struct rest *r, struct error *e)
{
    TRY(rest_act(r, "notice.ack", r->params[1], BYTES_NONE, do_ack, r, e));
    rest_reply_empty(r);
    return RESULT_OK;
}
