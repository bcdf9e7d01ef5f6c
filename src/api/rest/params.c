/* Contract parameters of a realm, and the evidence that is counted of it. */
#include "api/rest/rest_priv.h"

#include "base/text.h"
#include "identity/counter.h"
#include "identity/param.h"

/* --- parameters --- */

static void param_write(struct rest *r, enum param_id id, struct jsonw *w)
{
    struct directory *d = r->l->api->directory;
    const struct param *p = &params[id];
    char value[PARAM_TEXT_BYTES];
    int64_t since = 0;
    param_text(d, r->realm, id, value);
    result_ignore(param_since(d, r->realm, id, &since, NULL));
    jsonw_key(w, "choices");
    jsonw_array(w);
    for (size_t i = 0; p->choices != NULL && p->choices[i] != NULL; i++) {
        jsonw_cstr(w, p->choices[i]);
    }
    jsonw_array_end(w);
    jsonw_kv_cstr(w, "default", p->fallback);
    jsonw_kv_cstr(w, "id", p->id);
    jsonw_kv_cstr(w, "kind",
                  param_is_networks(p) ? "networks"
                  : p->choices != NULL ? "word"
                                       : "number");
    jsonw_kv_u64(w, "max", p->max);
    jsonw_kv_u64(w, "min", p->min);
    rest_kv_time(w, "since", since);
    jsonw_kv_cstr(w, "source", p->source);
    jsonw_kv_cstr(w, "text", p->en);
    jsonw_kv_cstr(w, "text_zh", p->zh);
    jsonw_kv_cstr(w, "unit", p->unit);
    jsonw_kv_cstr(w, "value", value);
}

static void param_item(void *arg, size_t i, struct jsonw *w)
{
    param_write(arg, (enum param_id)i, w);
}

RESULT rest_params_list(struct rest *r, struct error *e)
{
    return rest_reply_list(r, PARAM_COUNT, param_item, r, NULL, e);
}

struct setting {
    struct rest *r;
    enum param_id id;
    const char *value;
};

static RESULT value_render(const char *value, struct buf *out)
{
    struct jsonw w;
    jsonw_init(&w, out);
    jsonw_object(&w);
    jsonw_kv_cstr(&w, "value", value);
    jsonw_object_end(&w);
    return buf_result(out);
}

/* Who sets whence a realm is managed stays inside of it: from the socket nobody is outside, and
 * what is no list is refused when it is set. */
static RESULT stays_inside(struct rest *r, const struct setting *s, struct error *e)
{
    struct origin_rule rule = {
        .networks = s->id == PARAM_NETWORKS ? s->value : "",
        .needs_certificate = s->id == PARAM_CERTIFICATE && strcmp(s->value, "yes") == 0,
    };
    if (strcmp(r->who.p->home, r->realm) != 0 ||
        !result_is_ok(origin_networks_check(bytes_str(rule.networks), NULL))) {
        return RESULT_OK;
    }
    switch (origin_fit(&rule, r->who.ip, r->who.has_certificate)) {
    case ORIGIN_OUTSIDE:
        FAIL(e, ERRC_CONFLICT,
             "the networks do not hold %s, the address that you ask from: you would lock yourself "
             "out",
             r->who.ip);
    case ORIGIN_NO_CERTIFICATE:
        FAIL(e, ERRC_CONFLICT, "you ask without a client certificate: you would lock yourself out");
    case ORIGIN_FITS:
        break;
    }
    return RESULT_OK;
}

static RESULT do_set(void *arg, struct buf *after, struct error *e)
{
    const struct setting *s = arg;
    TRY(param_set(s->r->l->api->directory, s->r->realm, params[s->id].id, s->value, e));
    return value_render(s->value, after);
}

static void setting_write(void *arg, struct jsonw *w)
{
    const struct setting *s = arg;
    param_write(s->r, s->id, w);
}

RESULT rest_params_set(struct rest *r, struct error *e)
{
    struct setting s = { .r = r };
    char value[PARAM_TEXT_BYTES];
    CLEANUP(buf_done_p) struct buf before = BUF(4096);
    TRY(rest_body_only(r, REST_ONLY("value"), e));
    while (s.id < PARAM_COUNT && strcmp(params[s.id].id, r->params[1]) != 0) {
        s.id++;
    }
    if (s.id == PARAM_COUNT) {
        FAIL(e, ERRC_NOT_FOUND, "no parameter '%.32s'", r->params[1]);
    }
    TRY(param_is_networks(&params[s.id]) ? rest_body_text(r, "value", NULL, &s.value, e)
                                         : rest_body_need(r, "value", &s.value, e));
    if (s.value == NULL) {
        FAIL(e, ERRC_FORMAT, "value: missing");
    }
    TRY(stays_inside(r, &s, e));
    param_text(r->l->api->directory, r->realm, s.id, value);
    TRY(value_render(value, &before));
    struct api_act a = { .kind = "param.set",
                         .target = params[s.id].id,
                         .before = buf_bytes(&before) };
    TRY(rest_run(r, &a, do_set, &s, e));
    return rest_reply(r, 200, 0, setting_write, &s, e);
}

/* --- evidence --- */

struct evidence {
    struct rest *r;
    int64_t from_ms, until_ms;
    struct identity_state state;
    uint64_t *counts;
};

static const char *const counter_names[] = {
    "access.denied",
    "freeze",
    "grant.approved",
    "grant.asked",
    "grant.break-glass",
    "grant.refused",
    "grant.seconds",
    "leaver.late",
    "lockout",
    "login",
    "login.certificate",
    "login.failed",
    "login.no-certificate",
    "login.outside-range",
    "login.privileged",
    "login.privileged.no-mfa",
    "root.use",
    "token",
};

static void evidence_write(void *arg, struct jsonw *w)
{
    const struct evidence *v = arg;
    jsonw_key(w, "counters");
    jsonw_object(w);
    for (size_t i = 0; i < ARRAY_LEN(counter_names); i++) {
        jsonw_kv_u64(w, counter_names[i], v->counts[i]);
    }
    jsonw_object_end(w);
    rest_kv_time(w, "from", v->from_ms);
    jsonw_kv_cstr(w, "realm", v->r->realm);
    jsonw_key(w, "state");
    jsonw_object(w);
    identity_state_json(w, &v->state);
    jsonw_object_end(w);
    rest_kv_time(w, "until", v->until_ms);
}

static RESULT query_time(struct rest *r, const char *name, int64_t fallback, int64_t *ret,
                         struct error *e)
{
    const char *v = rest_query(r, name);
    *ret = fallback;
    if (v != NULL && !result_is_ok(time_parse_rfc3339(bytes_str(v), ret))) {
        FAIL(e, ERRC_FORMAT, "%s: a time as 2026-11-22T09:41:16Z", name);
    }
    return RESULT_OK;
}

#define PERIOD_MS (30ll * 24 * 3600 * 1000)

/*= 2.1.4-6 "who may what, and what happened, is counted and can be read at any time" */
RESULT rest_evidence(struct rest *r, struct error *e)
{
    struct evidence v = { .r = r };
    struct directory *d = r->l->api->directory;
    int64_t now = clock_wall_ms(r->l->api->clock);
    TRY(query_time(r, "until", now, &v.until_ms, e));
    TRY(query_time(r, "from", v.until_ms - PERIOD_MS, &v.from_ms, e));
    v.counts = arena_zalloc(r->arena, ARRAY_LEN(counter_names) * sizeof(*v.counts));
    for (size_t i = 0; i < ARRAY_LEN(counter_names); i++) {
        TRY(counter_sum(d, r->realm, counter_names[i], v.from_ms, v.until_ms, &v.counts[i], e));
    }
    TRY(identity_state(d, r->realm, &v.state, e));
    return rest_reply(r, 200, 0, evidence_write, &v, e);
}
