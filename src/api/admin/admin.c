/* The management side: who may speak, finding the route, and the two phases of an act. */
#include "api/admin/admin.h"

#include "api/act.h"
#include "base/text.h"

#include <unistd.h>

const char *admin_query(struct admin *a, const char *name)
{
    struct bytes rest = a->http->query, one, key;
    bool more = rest.n > 0;
    while (more) {
        more = bytes_split(&rest, '&', &one);
        struct bytes value = one;
        if (bytes_split(&value, '=', &key) && bytes_equal_str(key, name)) {
            CLEANUP(buf_done_p) struct buf text = BUF(8192);
            if (!result_is_ok(percent_decode(value, true, &text))) {
                return NULL;
            }
            return arena_str(a->arena, buf_bytes(&text));
        }
    }
    return NULL;
}

RESULT admin_query_u64(struct admin *a, const char *name, uint64_t max, uint64_t fallback,
                       uint64_t *ret, struct error *e)
{
    const char *v = admin_query(a, name);
    *ret = fallback;
    if (v != NULL && !result_is_ok(num_u64(bytes_str(v), 0, max, ret))) {
        FAIL(e, ERRC_FORMAT, "%s: a number up to %llu", name, (unsigned long long)max);
    }
    return RESULT_OK;
}

RESULT admin_body_text(struct admin *a, const char *name, const char *fallback, const char **ret,
                       struct error *e)
{
    struct bytes v;
    if (a->doc == NULL || !json_has(json_root(a->doc), name)) {
        *ret = fallback;
        return RESULT_OK;
    }
    TRY(json_get_str(json_root(a->doc), name, &v, e));
    if (!text_is_printable(v)) {
        FAIL(e, ERRC_FORMAT, "%s: text without control characters", name);
    }
    *ret = arena_str(a->arena, v);
    return RESULT_OK;
}

RESULT admin_reply(struct admin *a, void (*fn)(void *arg, struct jsonw *w), void *arg,
                   struct error *e)
{
    CLEANUP(buf_done_p) struct buf out = BUF(16u * 1024 * 1024);
    struct jsonw w;
    jsonw_init(&w, &out);
    jsonw_object(&w);
    fn(arg, &w);
    jsonw_object_end(&w);
    TRY_MSG(buf_result(&out), e, "answer");
    api_respond_json(a->x, 200, &out);
    return RESULT_OK;
}

RESULT admin_tenant(struct admin *a, struct tenant *ret, struct error *e)
{
    return directory_tenant_get(a->l->api->directory, a->params[0], ret, e);
}

RESULT admin_log_name(struct admin *a, const char *name, struct error *e)
{
    struct tenant t;
    if (strcmp(name, LEDGER_PLATFORM) == 0) {
        return RESULT_OK;
    }
    return directory_tenant_get(a->l->api->directory, name, &t, e);
}

/* --- two phases --- */

struct admin_fn {
    struct admin *a;
    RESULT (*fn)(struct admin *a, void *arg, struct error *e);
    void *arg;
};

static RESULT fn_run(void *arg, struct buf *after, struct error *e)
{
    struct admin_fn *f = arg;
    (void)after;
    return f->fn(f->a, f->arg, e);
}

static struct api_who who_of(const struct admin *a, const struct principal *p)
{
    return (struct api_who){ .p = p, .ip = a->http->peer_host, .request_id = a->request_id };
}

RESULT admin_run(struct admin *a, const struct admin_act *act,
                 RESULT (*fn)(struct admin *a, void *arg, struct error *e), void *arg,
                 struct error *e)
{
    struct principal p = { .kind = PRINCIPAL_OPERATOR, .actor = a->actor };
    struct api_who who = who_of(a, &p);
    struct api_act of = { .kind = act->kind,
                          .realm = act->log,
                          .tenant = act->tenant,
                          .key = act->key,
                          .detail = act->detail };
    struct admin_fn f = { a, fn, arg };
    return api_act_run(a->l, &who, &of, fn_run, &f, e);
}

RESULT admin_note(struct admin *a, const char *kind, const char *tenant, const char *detail,
                  struct error *e)
{
    struct principal p = { .kind = PRINCIPAL_OPERATOR, .actor = a->actor };
    struct api_who who = who_of(a, &p);
    struct api_act of = {
        .kind = kind, .realm = LEDGER_PLATFORM, .tenant = tenant, .detail = detail
    };
    return api_act_note(a->l, &who, &of, e);
}

/* --- dispatch --- */

/* "/v1/tenants/{}/keys" against the path; fills params. */
static bool path_fits(struct admin *a, const char *pattern)
{
    struct bytes want = bytes_str(pattern), have = a->http->path, w, h;
    size_t n = 0;
    for (bool more_want = true, more_have = true;;) {
        more_want = bytes_split(&want, '/', &w);
        more_have = bytes_split(&have, '/', &h);
        if (bytes_equal_str(w, "{}")) {
            CLEANUP(buf_done_p) struct buf text = BUF(1024);
            if (h.n == 0 || n == ADMIN_PARAMS_MAX ||
                !result_is_ok(percent_decode(h, false, &text)) ||
                !text_is_printable(buf_bytes(&text))) {
                return false;
            }
            a->params[n++] = arena_str(a->arena, buf_bytes(&text));
        } else if (!bytes_equal(w, h)) {
            return false;
        }
        if (!more_want || !more_have) {
            return more_want == more_have;
        }
    }
}

static RESULT body_read(struct admin *a, struct error *e)
{
    CLEANUP(buf_done_p) struct buf body = BUF(ADMIN_BODY_MAX);
    TRY(http_read_all(a->x, &body, e));
    if (body.n == 0) {
        return RESULT_OK;
    }
    TRY_MSG(json_parse(buf_bytes(&body), ADMIN_BODY_MAX, &a->doc, e), e, "body");
    if (json_type(json_root(a->doc)) != JSON_OBJECT) {
        FAIL(e, ERRC_FORMAT, "body: an object");
    }
    return RESULT_OK;
}

static RESULT dispatch(struct admin *a, struct error *e)
{
    uid_t uid = a->http->unix_peer.uid;
    if (!a->http->is_unix || (uid != 0 && uid != geteuid())) {
        FAIL(e, ERRC_DENIED, "only root and the server's own user may manage it");
    }
    a->actor = arena_printf(a->arena, "operator/%u", (unsigned)uid);
    for (const struct admin_route *r = admin_routes; r->method != NULL; r++) {
        if (bytes_equal_str(a->http->method, r->method) && path_fits(a, r->path)) {
            TRY(body_read(a, e));
            return r->run(a, e);
        }
    }
    FAIL(e, ERRC_NOT_FOUND, "no such management call");
}

void api_handle_admin(void *ctx, struct http_exchange *x)
{
    int64_t started = clock_mono_ns();
    const struct http_request *http = http_request(x);
    struct admin a = { .l = ctx, .x = x, .http = http, .arena = http->arena };
    a.settings = api_settings(a.l);
    api_request_id(a.l, a.request_id);
    struct error e = { 0 };
    if (!result_is_ok(dispatch(&a, &e))) {
        api_respond_error(x, &e);
    }
    json_doc_free(a.doc);
    metrics_request(a.l->api->metrics, "admin", http_status(x), 0, 0,
                    (clock_mono_ns() - started) / 1000);
}
