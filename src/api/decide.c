/* The decision for every interface, and the entry for what is refused. */
#include "api/act.h"

#include "identity/counter.h"
#include "identity/grant.h"

void api_who_done(struct api_who *w)
{
    principal_unref(w->p);
    *w = (struct api_who){ 0 };
}

#define ACTOR_MAX 256 /* a name that was tried may be any text */

struct refusals {
    int64_t second;
    unsigned count;
    uint64_t suppressed;
};
static __thread struct refusals refusals;

static bool may_log(const struct api_loop *l)
{
    int64_t second = clock_mono_ms(l->api->clock) / 1000;
    if (second != refusals.second) {
        refusals.second = second;
        refusals.count = 0;
    }
    if (refusals.count >= API_REFUSALS_PER_S) {
        refusals.suppressed++;
        return false;
    }
    refusals.count++;
    return true;
}

static void kv(struct jsonw *w, const char *key, const char *value)
{
    if (value != NULL && value[0] != '\0') {
        jsonw_kv_cstr(w, key, value);
    }
}

static void kv_cut(struct jsonw *w, const char *key, struct bytes value, size_t max)
{
    if (value.n > 0) {
        jsonw_kv_str(w, key, bytes_slice(value, 0, max));
    }
}

static const char *log_of(struct api_loop *l, const char *realm)
{
    struct tenant t;
    if (realm == NULL || realm[0] == '\0' || strcmp(realm, LEDGER_PLATFORM) == 0 ||
        !result_is_ok(directory_tenant_get(l->api->directory, realm, &t, NULL)) ||
        t.state == TENANT_CLOSED) {
        return LEDGER_PLATFORM;
    }
    return realm;
}

/*= 2.1.5-3 "refused requests are records too, with who, whence and why" */
void api_refused(struct api_loop *l, const struct api_refusal *r)
{
    if (!may_log(l)) {
        return;
    }
    CLEANUP(buf_done_p) struct buf payload = BUF(LEDGER_PAYLOAD_MAX);
    struct jsonw w;
    jsonw_init(&w, &payload);
    jsonw_object(&w);
    kv(&w, "action", r->action);
    jsonw_key(&w, "actor");
    jsonw_object(&w);
    kv_cut(&w, "access_key", r->access_key, 64);
    kv_cut(&w, "agent", bytes_str(r->agent), 256);
    kv_cut(&w, "id", bytes_str(r->actor != NULL ? r->actor : ""), ACTOR_MAX);
    kv(&w, "ip", r->ip);
    jsonw_object_end(&w);
    kv(&w, "error", r->error);
    kv_cut(&w, "method", r->method, 64);
    kv_cut(&w, "path", r->path, 2048);
    kv(&w, "request", r->request_id);
    kv_cut(&w, "resource", r->resource, 2048);
    if (r->status != 0) {
        jsonw_kv_u64(&w, "status", r->status);
    }
    jsonw_kv_u64(&w, "suppressed", refusals.suppressed);
    jsonw_object_end(&w);
    refusals.suppressed = 0;
    struct ledger_position pos;
    result_ignore(ledger_append(l->scribe, log_of(l, r->realm), r->kind, buf_bytes(&payload), &pos,
                                NULL));
}

RESULT api_weigh(struct api_loop *l, const struct api_who *who, const char *realm,
                 const char *action, struct bytes resource, const struct policy_key *keys,
                 size_t key_count, struct access_answer *ret, struct error *e)
{
    struct access_query q = { .p = who->p,
                              .realm = realm,
                              .action = bytes_str(action),
                              .resource = resource,
                              .now_ms = clock_wall_ms(l->api->clock),
                              .mfa_ms = who->mfa_ms,
                              .ip = who->ip,
                              .is_tls = who->is_tls,
                              .has_certificate = who->has_certificate,
                              .keys = keys,
                              .key_count = key_count };
    TRY(realm_is_claimed(l->api->directory, realm, &q.realm_is_claimed, e));
    TRY(realm_is_frozen(l->api->directory, realm, &q.realm_is_frozen, e));
    TRY(realm_is_rolled_back(l->api->directory, realm, &q.realm_is_rolled_back, e));
    access_decide(&q, ret);
    return RESULT_OK;
}

RESULT api_decide(struct api_loop *l, const struct api_who *who, const char *realm,
                  const char *action, struct bytes resource, const struct policy_key *keys,
                  size_t key_count, struct access_answer *ret, struct error *e)
{
    struct access_answer a;
    TRY(api_weigh(l, who, realm, action, resource, keys, key_count, &a, e));
    if (a.verdict == POLICY_ALLOWED) {
        const char *grant = a.reason == ACCESS_BY_GRANT ? a.grant : who->p->grant;
        if (grant != NULL && grant[0] != '\0') {
            grant_touch(l->api->directory, grant);
        }
        if (ret != NULL) {
            *ret = a;
        }
        return RESULT_OK;
    }
    CLEANUP(buf_done_p) struct buf why = BUF(ERROR_MAX);
    access_text(&a, &why);
    const char *text = buf_cstr(&why);
    if (text == NULL) {
        text = access_reason_name(a.reason);
    }
    counter_add(l->api->directory, realm, "access.denied", 1);
    struct api_refusal refusal = { .kind = "access.denied",
                                   .realm = realm,
                                   .error = text,
                                   .action = action,
                                   .resource = resource,
                                   .access_key = bytes_str(who->p->access_key),
                                   .actor = who->p->actor,
                                   .ip = who->ip,
                                   .agent = who->agent,
                                   .request_id = who->request_id };
    api_refused(l, &refusal);
    if (who->ret_is_recorded != NULL) {
        *who->ret_is_recorded = true;
    }
    FAIL(e, ERRC_DENIED, "%s", text);
}
