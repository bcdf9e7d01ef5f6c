/* An act of the clock: its intent, itself, its outcome. */
#include "identity/house_priv.h"

#include "base/json.h"
#include "identity/rollback.h"
#include "ledger/client.h"

struct phase {
    const char *name, *result, *why;
    uint64_t intent, changes;
    struct bytes after;
};

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

/* Members in the order of RFC 8785. */
static RESULT payload_write(const struct house_act *a, const struct phase *p, struct buf *out)
{
    struct jsonw w;
    jsonw_init(&w, out);
    jsonw_object(&w);
    jsonw_key(&w, "actor");
    jsonw_object(&w);
    jsonw_kv_cstr(&w, "id", "clock");
    jsonw_object_end(&w);
    kv_raw(&w, "after", p->after);
    kv_raw(&w, "before", bytes_str(a->before));
    if (p->changes != 0) {
        jsonw_kv_u64(&w, "changes", p->changes);
    }
    kv(&w, "detail", a->detail);
    kv(&w, "error", p->why);
    kv(&w, "grant", a->grant);
    if (p->result != NULL) {
        jsonw_kv_u64(&w, "intent", p->intent);
    }
    jsonw_kv_cstr(&w, "phase", p->name);
    kv(&w, "result", p->result);
    kv(&w, "target", a->target);
    kv(&w, "tenant", a->realm);
    jsonw_object_end(&w);
    return buf_result(out);
}

/* The log of a tenant that was closed meanwhile takes nothing any more: no error. Else an entry may
 * be there without its answer, or an outcome be missing. */
static struct result cut_off(const struct house_ledger *l, const struct house_act *a,
                             struct result r)
{
    if (result_is_ok(r) || r.code == ERRC_EXPIRED || r.code == ERRC_NOT_FOUND) {
        return RESULT_OK;
    }
    if (l->doubt != NULL) {
        l->doubt(l->arg, a->realm);
    }
    return r;
}

/*= 2.1.5-3 "what the clock does to somebody's access is an entry before it happens, and after" */
RESULT house_act_run(struct directory *d, const struct house_ledger *l, const struct house_act *a,
                     struct error *e)
{
    CLEANUP(buf_done_p) struct buf payload = BUF(LEDGER_PAYLOAD_MAX);
    CLEANUP(buf_done_p) struct buf after = BUF(LEDGER_PAYLOAD_MAX / 2);
    struct ledger_position at;
    struct error own, ledger_error;
    TRY_MSG(payload_write(a, &(struct phase){ .name = "intent" }, &payload), e, "entry");
    struct result r = ledger_append(l->scribe, a->realm, a->kind, buf_bytes(&payload), &at, e);
    if (!result_is_ok(r)) {
        return cut_off(l, a, r);
    }
    uint64_t before = directory_changes(d);
    r = a->run(d, a->arg, &after, &own);
    struct phase end = { .name = "outcome", .intent = at.index, .result = "ok" };
    end.changes = directory_changes_tell(d, a->realm, before);
    if (result_is_ok(r)) {
        end.after = buf_bytes(&after);
    } else {
        end.result = "failed";
        end.why = own.msg;
    }
    buf_reset(&payload);
    TRY_MSG(payload_write(a, &end, &payload), e, "entry");
    struct result logged =
            ledger_append(l->scribe, a->realm, a->kind, buf_bytes(&payload), &at, &ledger_error);
    if (!result_is_ok(cut_off(l, a, logged))) {
        FAIL(e, logged.code, "%s: outcome: %s", a->kind, ledger_error.msg);
    }
    if (!result_is_ok(r) && r.code != ERRC_CONFLICT && r.code != ERRC_NOT_FOUND) {
        FAIL(e, r.code, "%s of %s: %s", a->kind, a->target, own.msg);
    }
    return RESULT_OK;
}
