/* The key management responsibility statement (密钥管理责任说明) of a tenant, from the measured
 * state, signed. */
#include "api/rest/rest_priv.h"

#include "keys/statement.h"

#define KEYS_MAX 10000
#define DAY_MS   (24 * 3600 * 1000ll)

struct key_list {
    struct key_info *keys;
    size_t n;
};

static RESULT key_add(void *arg, const struct key_info *k, struct error *e)
{
    struct key_list *l = arg;
    if (l->n == KEYS_MAX) {
        FAIL(e, ERRC_LIMIT, "more than %d keys", KEYS_MAX);
    }
    if ((l->n & (l->n - 1)) == 0) {
        l->keys = mem_realloc(l->keys, (l->n == 0 ? 1 : 2 * l->n) * sizeof(*l->keys));
    }
    l->keys[l->n++] = *k;
    return RESULT_OK;
}

static const char *custodian_of(const struct key_list *l)
{
    for (size_t i = 0; i < l->n; i++) {
        if (l->keys[i].is_default) {
            return l->keys[i].custodian;
        }
    }
    return "provider";
}

struct statement {
    struct buf json, text, note;
};

static void statement_reply(void *arg, struct jsonw *w)
{
    const struct statement *s = arg;
    jsonw_kv_str(w, "note", buf_bytes(&s->note));
    jsonw_key(w, "state");
    jsonw_raw(w, buf_bytes(&s->json));
}

static RESULT statement_make(struct rest *r, const struct tenant *t, const struct key_list *l,
                             struct statement *s, struct error *e)
{
    const char *custodian = custodian_of(l);
    struct root_info root;
    TRY(keys_root_info(r->l->keeper, &root, e));
    struct statement_facts f = {
        .deployment = r->settings->origin,
        .service = "Troth S3",
        .tenant = t->name,
        .contact = r->settings->contact,
        .is_default = true,
        .duties = { custodian, custodian, "provider", custodian, custodian, custodian },
        .root = root,
        .root_custodian = "provider",
        .rotation_days = r->settings->rotation_days,
        .wait_days = (uint32_t)(r->settings->destroy_wait_ms / DAY_MS),
        .now_ms = clock_wall_ms(r->l->api->clock),
    };
    TRY(statement_json(&f, l->keys, l->n, &s->json, e));
    TRY(statement_text(&f, l->keys, l->n, &s->text, e));
    TRY(keys_sign_statement(r->l->keeper, STATEMENT_CONTEXT, buf_bytes(&s->text), &s->note, e));
    return rest_reply(r, 200, 0, statement_reply, s, e);
}

/*= 2.1.3-5 "algorithm and key management responsibility, stated from what is measured" */
RESULT rest_keys_statement(struct rest *r, struct error *e)
{
    struct tenant t;
    struct key_list l = { 0 };
    struct statement s = { BUF(16u * 1024 * 1024), BUF(KEY_STATEMENT_MAX), BUF(256 * 1024) };
    TRY(rest_tenant(r, &t, e));
    struct result res = keys_list(r->l->keeper, t.name, key_add, &l, e);
    if (result_is_ok(res)) {
        res = statement_make(r, &t, &l, &s, e);
    }
    buf_done(&s.json);
    buf_done(&s.text);
    buf_done(&s.note);
    mem_free(l.keys);
    return res;
}
