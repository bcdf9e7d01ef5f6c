#include "vault/act.h"

#include "base/json.h"
#include "base/log.h"

static const char *const change_kinds[] = {
    "bucket.create",      "bucket.delete",    "bucket.set",     "multipart.abort",
    "multipart.complete", "multipart.create", "multipart.part", "object.copy",
    "object.delete",      "object.put",       "object.tag",     "object.untag"
};

bool act_kind_is_change(struct bytes kind)
{
    for (size_t i = 0; i < ARRAY_LEN(change_kinds); i++) {
        if (bytes_equal_str(kind, change_kinds[i])) {
            return true;
        }
    }
    return false;
}

struct log_state *act_log_state(struct vault *v, const char *tenant)
{
    struct bytes name = bytes_str(tenant);
    pthread_mutex_lock(&v->lock);
    struct log_state *s = map_get(v->logs, name);
    if (s == NULL) {
        s = mem_zalloc(sizeof(*s));
        s->doubts = 1; /* of the time before this start */
        snprintf(s->name, sizeof(s->name), "%.*s", BYTES_FMT(name));
        (void)map_set(v->logs, name, s);
    }
    pthread_mutex_unlock(&v->lock);
    return s;
}

void act_free_logs(struct vault *v)
{
    map_free(v->logs, mem_free);
}

static unsigned begin(struct vault *v, struct log_state *s, bool is_change)
{
    pthread_mutex_lock(&v->lock);
    unsigned generation = s->generation;
    s->under_way[generation]++;
    s->changes += is_change;
    pthread_mutex_unlock(&v->lock);
    return generation;
}

static void end(struct vault *v, struct log_state *s, unsigned generation, bool has_doubt)
{
    pthread_mutex_lock(&v->lock);
    s->under_way[generation]--;
    s->doubts += has_doubt;
    pthread_mutex_unlock(&v->lock);
}

unsigned vault_act_begin(struct vault *v, const char *log)
{
    return begin(v, act_log_state(v, log), false);
}

void vault_act_end(struct vault *v, const char *log, unsigned generation, bool has_doubt)
{
    end(v, act_log_state(v, log), generation, has_doubt);
}

static RESULT append(const struct vault_ctx *cx, const char *kind, const struct payload *p,
                     struct ledger_position *ret, struct buf *receipt, struct error *e)
{
    CLEANUP(buf_done_p) struct buf text = BUF(LEDGER_PAYLOAD_MAX);
    struct ledger_position at;
    TRY(payload_write(cx, p, &text, e));
    if (receipt != NULL) {
        TRY_MSG(ledger_append_receipt(cx->scribe, cx->tenant, kind, buf_bytes(&text), &at, receipt,
                                      e),
                e, "ledger");
    } else {
        TRY_MSG(ledger_append(cx->scribe, cx->tenant, kind, buf_bytes(&text), &at, e), e, "ledger");
    }
    *ret = at;
    return RESULT_OK;
}

/*= 2.1.5-3 "Record time, user, type, success, source, object" */
RESULT act_log(const struct vault_ctx *cx, const char *kind, const struct payload *p,
               struct ledger_position *ret, struct error *e)
{
    return append(cx, kind, p, ret, NULL, e);
}

struct change {
    const struct vault_ctx *cx;
    act_fn fn;
    void *arg;
    struct ledger_position at;
};

static struct result apply(struct db_conn *c, void *arg, struct error *e)
{
    struct change *ch = arg;
    struct db_stmt *s = NULL;
    TRY(ch->fn(c, ch->arg, &ch->at, e));
    TRY(db_prepare(c, "INSERT INTO applied (log, idx) VALUES (?, ?)", &s, e));
    db_bind_text(s, 1, bytes_str(ch->cx->tenant));
    db_bind_i64(s, 2, (int64_t)ch->at.index);
    return db_run(s, e);
}

/* The entry had no effect. False when that could not be written down: a doubt, cleared by
 * housekeeping. */
static bool write_void(const struct vault_ctx *cx, uint64_t index)
{
    CLEANUP(buf_done_p) struct buf text = BUF(64);
    struct ledger_position at;
    struct error e = { 0 };
    buf_addf(&text, "{\"index\":%llu}", (unsigned long long)index);
    struct result r = ledger_append(cx->scribe, cx->tenant, "void", buf_bytes(&text), &at, &e);
    if (!result_is_ok(r)) {
        log_warn("vault: entry %llu of %s had no effect and is not void yet: %s",
                 (unsigned long long)index, cx->tenant, e.msg);
    }
    return result_is_ok(r);
}

RESULT act_change(const struct vault_ctx *cx, const char *kind, const struct payload *p, act_fn fn,
                  void *arg, struct ledger_position *ret, struct buf *receipt, struct error *e)
{
    struct vault *v = cx->vault;
    struct change ch = { .cx = cx, .fn = fn, .arg = arg };
    struct log_state *log = act_log_state(v, cx->tenant);
    unsigned generation = begin(v, log, true);
    struct result r = append(cx, kind, p, &ch.at, receipt, e);
    if (!result_is_ok(r)) {
        /* The scribe may have written it and gone away before it could say so. */
        bool was_refused = r.code == ERRC_FULL || r.code == ERRC_LIMIT || r.code == ERRC_DENIED;
        end(v, log, generation, !was_refused);
        return r;
    }
    r = db_write_repeatable(v->config.db, apply, &ch, e);
    /* After a failed sync nobody knows whether it took effect: the next start looks. */
    bool is_unknown = !result_is_ok(r) && db_is_broken(v->config.db);
    bool has_doubt = is_unknown || (!result_is_ok(r) && !write_void(cx, ch.at.index));
    end(v, log, generation, has_doubt);
    if (result_is_ok(r)) {
        *ret = ch.at;
    }
    return r;
}

RESULT act_two_phase(const struct vault_ctx *cx, const char *kind, const struct payload *p,
                     act_fn fn, void *arg, struct ledger_position *ret, struct error *e)
{
    struct vault *v = cx->vault;
    struct change ch = { .cx = cx, .fn = fn, .arg = arg };
    struct log_state *log = act_log_state(v, cx->tenant);
    unsigned generation = begin(v, log, true);
    struct result r = append(cx, kind, p, &ch.at, NULL, e);
    if (!result_is_ok(r)) {
        end(v, log, generation, true);
        return r;
    }
    r = db_write_repeatable(v->config.db, apply, &ch, e);
    struct payload outcome = *p;
    struct ledger_position at;
    struct error outcome_error = { 0 };
    outcome.phase = "outcome";
    outcome.has_intent = true;
    outcome.intent = ch.at.index;
    outcome.result = result_is_ok(r) ? "ok" : "failed";
    outcome.error = result_is_ok(r) ? NULL : errc_name(r.code);
    struct result told = append(cx, kind, &outcome, &at, NULL, &outcome_error);
    if (!result_is_ok(told)) {
        log_warn("vault: outcome of entry %llu of %s is not written yet: %s",
                 (unsigned long long)ch.at.index, cx->tenant, outcome_error.msg);
    }
    end(v, log, generation, !result_is_ok(told));
    if (result_is_ok(r)) {
        *ret = ch.at;
    }
    return r;
}
