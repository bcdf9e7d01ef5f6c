/* The two phases of a change, and the entry of an act of one phase. */
#include "api/act.h"

#include "identity/rollback.h"

#include <stdio.h>

static void kv(struct jsonw *w, const char *key, const char *value)
{
    if (value != NULL && value[0] != '\0') {
        jsonw_kv_cstr(w, key, value);
    }
}

static void kv_raw(struct jsonw *w, const char *key, struct bytes json)
{
    if (json.n > 0) {
        jsonw_key(w, key);
        jsonw_raw(w, json);
    }
}

/* What is of the one phase or the other. */
struct phase {
    const char *name; /* NULL: an act of one phase */
    const char *result, *why;
    uint64_t intent;  /* of an outcome: index of the first entry */
    uint64_t changes; /* the directory's counter, when the act changed it */
    struct bytes after;
};

/* A session of a role is named by who made it: the user behind it stands beside. */
/*= 2.2.2-6 "each act under an account can be told" */
static void actor_write(struct jsonw *w, const struct api_who *who, const struct api_act *act)
{
    const struct principal *p = who->p;
    jsonw_key(w, "actor");
    jsonw_object(w);
    kv(w, "access_key", p->access_key);
    kv(w, "grant", act->grant);
    jsonw_kv_cstr(w, "id", p->actor);
    kv(w, "ip", who->ip);
    if (p->kind == PRINCIPAL_SESSION && p->user_name[0] != '\0') {
        char user[TENANT_NAME_BYTES + IDENTITY_NAME_BYTES + 8];
        snprintf(user, sizeof(user), "%s/user/%s", p->home, p->user_name);
        jsonw_kv_cstr(w, "user", user);
    }
    jsonw_object_end(w);
}

/* Members in the order of RFC 8785. */
static RESULT payload_write(const struct api_who *who, const struct api_act *act,
                            const struct phase *p, struct bytes before, struct buf *out)
{
    struct jsonw w;
    jsonw_init(&w, out);
    jsonw_object(&w);
    actor_write(&w, who, act);
    kv_raw(&w, "after", p->after);
    kv_raw(&w, "before", before);
    if (p->changes != 0) {
        jsonw_kv_u64(&w, "changes", p->changes);
    }
    kv(&w, "detail", act->detail);
    kv(&w, "error", p->why);
    if (p->result != NULL) {
        jsonw_kv_u64(&w, "intent", p->intent);
    }
    kv(&w, "key", act->key);
    kv(&w, "phase", p->name);
    kv(&w, "reason", act->reason);
    jsonw_kv_cstr(&w, "request", who->request_id);
    kv(&w, "result", p->result);
    kv(&w, "target", act->target);
    kv(&w, "tenant", act->tenant);
    jsonw_object_end(&w);
    return buf_result(out);
}

/* An outcome that is too long with what was before leaves that to its intent: no choice of texts
 * keeps what came of an act out of the log. */
static RESULT append(struct api_loop *l, const struct api_who *who, const struct api_act *act,
                     const struct phase *p, struct ledger_position *ret, struct error *e)
{
    CLEANUP(buf_done_p) struct buf payload = BUF(LEDGER_PAYLOAD_MAX);
    struct result r = payload_write(who, act, p, act->before, &payload);
    if (!result_is_ok(r) && p->result != NULL) {
        buf_reset(&payload);
        r = payload_write(who, act, p, BYTES_NONE, &payload);
    }
    TRY_MSG(r, e, "entry");
    return ledger_append(l->scribe, act->realm, act->kind, buf_bytes(&payload), ret, e);
}

/*= 2.1.5-3 "privileged acts write intent before and outcome after; without the intent they do not
 * happen" */
RESULT api_act_run(struct api_loop *l, const struct api_who *who, const struct api_act *act,
                   RESULT (*fn)(void *arg, struct buf *after, struct error *e), void *arg,
                   struct error *e)
{
    struct ledger_position intent, outcome;
    unsigned generation = vault_act_begin(l->api->vault, act->realm);
    struct result r = append(l, who, act, &(struct phase){ .name = "intent" }, &intent, e);
    if (!result_is_ok(r)) {
        vault_act_end(l->api->vault, act->realm, generation, true);
        error_prefix(e, "ledger");
        return r;
    }
    CLEANUP(buf_done_p) struct buf after = BUF(LEDGER_PAYLOAD_MAX);
    struct error own;
    if (e == NULL) {
        e = &own;
    }
    uint64_t before = directory_changes(l->api->directory);
    r = fn(arg, &after, e);
    struct phase end = { .name = "outcome", .intent = intent.index, .result = "ok" };
    end.changes = directory_changes_tell(l->api->directory, act->realm, before);
    if (result_is_ok(r)) {
        end.after = buf_bytes(&after);
    } else {
        end.result = "failed";
        end.why = e->msg;
    }
    struct error ledger_error;
    struct result logged = append(l, who, act, &end, &outcome, &ledger_error);
    vault_act_end(l->api->vault, act->realm, generation, !result_is_ok(logged));
    if (result_is_ok(r) && !result_is_ok(logged)) {
        FAIL(e, logged.code, "%s is done, but its outcome could not be written to the ledger: %s",
             act->kind, ledger_error.msg);
    }
    return r;
}

/*= 2.1.3-9 "what the provider's staff read of a customer's log is a record itself" */
RESULT api_act_note(struct api_loop *l, const struct api_who *who, const struct api_act *act,
                    struct error *e)
{
    struct ledger_position pos;
    struct phase once = { .name = NULL };
    if (act->is_change) {
        once.changes = directory_changes_tell(l->api->directory, act->realm, 0);
    }
    TRY_MSG(append(l, who, act, &once, &pos, e), e, "ledger");
    return RESULT_OK;
}

/*= 2.1.3-9 "a realm is claimed once a person who may approve has a second factor" */
RESULT api_claim_note(struct api_loop *l, const struct api_who *who, const char *realm,
                      bool was_claimed, struct error *e)
{
    bool is_claimed = false;
    TRY(realm_is_claimed(l->api->directory, realm, &is_claimed, e));
    if (was_claimed || !is_claimed) {
        return RESULT_OK;
    }
    struct api_act a = { .kind = "realm.claim", .realm = realm, .target = realm };
    return api_act_note(l, who, &a, e);
}
