/*
 * Entries without effect. An entry of a change is decided when its row is in `applied`, or an entry
 * "void" names it, or (of two phases) its outcome is written. All below `settled` are decided. The
 * intent of an act that is not the vault's (of an operator, on keys or tenants) can't be compared
 * with anything here: cut off, it gets the outcome "unknown".
 *
 * Settling goes in two steps, so that changes under way are left alone: first the size of the log
 * is taken as candidate and new changes are counted in the other generation; when those of the old
 * one have ended, every entry below the candidate is decided, but for doubts: then the log is read
 * and compared. After a start there may always be doubts.
 *
 * How far it is settled is written into the log as well ("vault.settled" {"below":n}): after a
 * start that found changes, and at most every MARK_MS. An entry of a change below that which is not
 * in `applied` was once, so the metadata was put back to an older state: it is not void, and the
 * log says "vault.rollback".
 */
#include "vault/act.h"
#include "vault/gc.h"

#include "base/json.h"
#include "base/log.h"

#define PAGE_ENTRIES 1000
#define TRIM_MAX     50000
#define MARK_MS      10000

struct open_entry {
    uint64_t index;
    bool is_intent, is_applied, is_foreign;
    char kind[LEDGER_NAME_MAX];
};

struct compare {
    struct vault *v;
    const char *log;
    struct open_entry *open;
    size_t n, cap;
    uint64_t marked;      /* the log says: settled below */
    uint64_t changes_end; /* behind the last change of the vault's */
};

static RESULT is_applied(struct vault *v, const char *log, uint64_t index, bool *ret,
                         struct error *e)
{
    struct db_conn *c = NULL;
    struct db_stmt *s = NULL;
    TRY(db_read_begin(v->config.db, &c, e));
    struct result r = db_prepare(c, "SELECT 1 FROM applied WHERE log = ? AND idx = ?", &s, e);
    if (result_is_ok(r)) {
        db_bind_text(s, 1, bytes_str(log));
        db_bind_i64(s, 2, (int64_t)index);
        r = db_step(s, ret, e);
    }
    db_read_end(c);
    return r;
}

static void decided(struct compare *m, uint64_t index)
{
    for (size_t i = 0; i < m->n; i++) {
        if (m->open[i].index == index) {
            m->open[i] = m->open[--m->n];
            return;
        }
    }
}

static void leave_open(struct compare *m, const struct open_entry *o, const char *kind)
{
    if (m->n == m->cap) {
        m->cap = m->cap == 0 ? 64 : 2 * m->cap;
        m->open = mem_realloc(m->open, m->cap * sizeof(*m->open));
    }
    m->open[m->n] = *o;
    snprintf(m->open[m->n++].kind, sizeof(o->kind), "%s", kind);
}

static RESULT visit_change(struct compare *m, const char *kind, uint64_t index, struct json payload,
                           struct error *e)
{
    struct bytes phase = BYTES_NONE;
    struct open_entry o = { .index = index, .is_foreign = !act_kind_is_change(bytes_str(kind)) };
    uint64_t intent = 0;
    result_ignore(json_get_str(payload, "phase", &phase, NULL));
    if (bytes_equal_str(phase, "outcome")) {
        TRY(json_get_u64(payload, "intent", INT64_MAX, &intent, e));
        decided(m, intent);
        return RESULT_OK;
    }
    o.is_intent = bytes_equal_str(phase, "intent");
    if (!o.is_foreign) {
        m->changes_end = index + 1;
    }
    if (o.is_foreign) {
        if (o.is_intent) {
            leave_open(m, &o, kind);
        }
        return RESULT_OK;
    }
    TRY(is_applied(m->v, m->log, index, &o.is_applied, e));
    if (!o.is_applied || o.is_intent) {
        leave_open(m, &o, kind);
    }
    return RESULT_OK;
}

static struct result visit(void *arg, const struct ledger_record *rec, struct error *e)
{
    struct compare *m = arg;
    struct entry en;
    CLEANUP(json_doc_free_p) struct json_doc *doc = NULL;
    uint64_t voided = 0;
    TRY_MSG(entry_parse(rec->leaf, &en, e), e, "entry %llu", (unsigned long long)rec->index);
    bool is_void = strcmp(en.kind, "void") == 0, is_mark = strcmp(en.kind, "vault.settled") == 0;
    bool has_phase = bytes_find(rec->payload, BYTES_LIT("\"phase\":")) < rec->payload.n;
    if (rec->is_erased ||
        (!is_void && !is_mark && !has_phase && !act_kind_is_change(bytes_str(en.kind)))) {
        return RESULT_OK;
    }
    TRY_MSG(json_parse(rec->payload, LEDGER_PAYLOAD_MAX, &doc, e), e, "payload %llu",
            (unsigned long long)rec->index);
    if (is_mark) {
        return json_get_u64(json_root(doc), "below", INT64_MAX, &m->marked, e);
    }
    if (is_void) {
        TRY(json_get_u64(json_root(doc), "index", INT64_MAX, &voided, e));
        decided(m, voided);
        return RESULT_OK;
    }
    return visit_change(m, en.kind, rec->index, json_root(doc), e);
}

static RESULT write_decision(struct compare *m, struct rpc_client *scribe,
                             const struct open_entry *o, struct error *e)
{
    CLEANUP(buf_done_p) struct buf text = BUF(256);
    struct ledger_position at;
    if (o->is_intent) {
        buf_addf(&text,
                 "{\"intent\":%llu,\"phase\":\"outcome\",\"result\":\"%s\",\"tenant\":\"%s\"}",
                 (unsigned long long)o->index,
                 o->is_foreign   ? "unknown"
                 : o->is_applied ? "ok"
                                 : "failed",
                 m->log);
        return ledger_append(scribe, m->log, o->kind, buf_bytes(&text), &at, e);
    }
    log_info("vault: entry %llu of %s had no effect and is void", (unsigned long long)o->index,
             m->log);
    buf_addf(&text, "{\"index\":%llu}", (unsigned long long)o->index);
    return ledger_append(scribe, m->log, "void", buf_bytes(&text), &at, e);
}

static bool was_settled(const struct compare *m, const struct open_entry *o)
{
    return !o->is_foreign && !o->is_applied && o->index < m->marked;
}

/*= 2.1.5-3 "records are kept so that alteration is detectable: what is undone is said" */
static RESULT tell_rollback(struct compare *m, struct rpc_client *scribe, struct error *e)
{
    CLEANUP(buf_done_p) struct buf text = BUF(256);
    struct ledger_position at;
    uint64_t first = UINT64_MAX, n = 0;
    for (size_t i = 0; i < m->n; i++) {
        if (was_settled(m, &m->open[i])) {
            first = MIN(first, m->open[i].index);
            n++;
        }
    }
    if (n == 0) {
        return RESULT_OK;
    }
    log_error("vault: the metadata is older than the log of %s: %llu entries from %llu on had "
              "their effect and have lost it",
              m->log, (unsigned long long)n, (unsigned long long)first);
    buf_addf(&text, "{\"entries\":%llu,\"first\":%llu,\"settled\":%llu}", (unsigned long long)n,
             (unsigned long long)first, (unsigned long long)m->marked);
    return ledger_append(scribe, m->log, "vault.rollback", buf_bytes(&text), &at, e);
}

/*
 * Decides all entries from..until-1 that are open. What decides them may stand anywhere behind.
 * *ret_mark: there are changes that the log does not call settled.
 */
static RESULT compare(struct vault *v, struct rpc_client *scribe, const char *log, uint64_t from,
                      uint64_t until, bool *ret_mark, struct error *e)
{
    struct compare m = { .v = v, .log = log };
    struct ledger_status status;
    TRY(ledger_get_status(scribe, log, &status, e));
    struct result r = RESULT_OK;
    for (uint64_t at = from; at < status.size && result_is_ok(r); at += PAGE_ENTRIES) {
        r = ledger_read(scribe, log, at, MIN((uint64_t)PAGE_ENTRIES, status.size - at), visit, &m,
                        e);
    }
    r = result_is_ok(r) ? tell_rollback(&m, scribe, e) : r;
    for (size_t i = 0; i < m.n && result_is_ok(r); i++) {
        if (m.open[i].index < until && !was_settled(&m, &m.open[i])) {
            r = write_decision(&m, scribe, &m.open[i], e);
        }
    }
    mem_free(m.open);
    *ret_mark = m.changes_end > m.marked;
    return r;
}

/* --- settled --- */

static RESULT read_settled(struct vault *v, const char *log, uint64_t *ret, struct error *e)
{
    struct db_conn *c = NULL;
    struct db_stmt *s = NULL;
    bool has_row = false;
    TRY(db_read_begin(v->config.db, &c, e));
    struct result r = db_prepare(c, "SELECT idx FROM settled WHERE log = ?", &s, e);
    if (result_is_ok(r)) {
        db_bind_text(s, 1, bytes_str(log));
        r = db_step(s, &has_row, e);
    }
    *ret = result_is_ok(r) && has_row ? (uint64_t)db_col_i64(s, 0) : 0;
    db_read_end(c);
    return r;
}

struct settlement {
    const char *log;
    uint64_t below;
};

static struct result write_settled(struct db_conn *c, void *arg, struct error *e)
{
    const struct settlement *m = arg;
    struct db_stmt *s = NULL;
    TRY(db_prepare(c, "DELETE FROM applied WHERE log = ? AND idx < ?", &s, e));
    db_bind_text(s, 1, bytes_str(m->log));
    db_bind_i64(s, 2, (int64_t)m->below);
    TRY(db_run(s, e));
    TRY(db_prepare(c, "INSERT OR REPLACE INTO settled (log, idx) VALUES (?, ?)", &s, e));
    db_bind_text(s, 1, bytes_str(m->log));
    db_bind_i64(s, 2, (int64_t)m->below);
    return db_run(s, e);
}

/* In steps, so that no transaction holds up the others for long. */
static RESULT settle(struct vault *v, const char *log, uint64_t from, uint64_t below,
                     struct error *e)
{
    struct settlement m = { .log = log, .below = from };
    while (m.below < below) {
        m.below = MIN(m.below + TRIM_MAX, below);
        TRY(db_write(v->config.db, write_settled, &m, e));
    }
    return RESULT_OK;
}

/* --- in two steps --- */

static RESULT take_candidate(struct vault *v, struct rpc_client *scribe, struct log_state *log,
                             struct error *e)
{
    struct ledger_status status;
    pthread_mutex_lock(&v->lock);
    uint64_t doubts = log->doubts;
    pthread_mutex_unlock(&v->lock);
    TRY(ledger_get_status(scribe, log->name, &status, e));
    pthread_mutex_lock(&v->lock);
    log->candidate = status.size;
    log->candidate_doubts = doubts;
    log->has_candidate = true;
    log->generation ^= 1;
    pthread_mutex_unlock(&v->lock);
    return RESULT_OK;
}

static bool has_drained(struct vault *v, struct log_state *log, bool *ret_has_doubts)
{
    pthread_mutex_lock(&v->lock);
    bool drained = log->under_way[log->generation ^ 1] == 0;
    *ret_has_doubts = log->doubts != log->doubts_done;
    pthread_mutex_unlock(&v->lock);
    return drained;
}

/* Says in the log how far it is settled. What fails is done another time. */
static void mark(struct vault *v, struct rpc_client *scribe, struct log_state *log, bool must)
{
    CLEANUP(buf_done_p) struct buf text = BUF(64);
    struct ledger_position at;
    int64_t now = clock_mono_ms(v->config.clock);
    pthread_mutex_lock(&v->lock);
    uint64_t changes = log->changes;
    pthread_mutex_unlock(&v->lock);
    bool is_due = changes != log->changes_marked && now - log->marked_mono_ms >= MARK_MS;
    if (!must && !is_due) {
        return;
    }
    buf_addf(&text, "{\"below\":%llu}", (unsigned long long)log->candidate);
    if (result_is_ok(
                ledger_append(scribe, log->name, "vault.settled", buf_bytes(&text), &at, NULL))) {
        log->changes_marked = changes;
        log->marked_mono_ms = now;
    }
}

static RESULT settle_candidate(struct vault *v, struct rpc_client *scribe, struct log_state *log,
                               bool has_doubts, struct error *e)
{
    uint64_t from = 0;
    bool must_mark = false;
    TRY(read_settled(v, log->name, &from, e));
    if (has_doubts) {
        TRY(compare(v, scribe, log->name, from, log->candidate, &must_mark, e));
    }
    TRY(settle(v, log->name, from, log->candidate, e));
    mark(v, scribe, log, must_mark);
    pthread_mutex_lock(&v->lock);
    log->doubts_done = log->candidate_doubts;
    log->has_candidate = false;
    pthread_mutex_unlock(&v->lock);
    return RESULT_OK;
}

static RESULT settle_log(struct vault *v, struct rpc_client *scribe, struct log_state *log,
                         struct error *e)
{
    bool has_doubts = false;
    if (!log->has_candidate) {
        return take_candidate(v, scribe, log, e);
    }
    return has_drained(v, log, &has_doubts) ? settle_candidate(v, scribe, log, has_doubts, e)
                                            : RESULT_OK;
}

RESULT gc_settle(struct vault *v, struct rpc_client *scribe, struct error *e)
{
    struct log_state *logs[64];
    size_t n = 0;
    struct bytes key;
    void *value = NULL;
    pthread_mutex_lock(&v->lock);
    size_t count = map_count(v->logs), seen = 0;
    for (size_t it = 0; map_next(v->logs, &it, &key, &value) && n < ARRAY_LEN(logs); seen++) {
        struct log_state *log = value;
        bool is_due = log->round != v->settle_round || log->has_candidate;
        if (is_due) {
            log->round = v->settle_round;
            logs[n++] = log;
        }
    }
    v->settle_round += seen == count && n < ARRAY_LEN(logs); /* all have had their turn */
    pthread_mutex_unlock(&v->lock);
    for (size_t i = 0; i < n; i++) {
        struct result r = settle_log(v, scribe, logs[i], e);
        if (!result_is_ok(r) && r.code != ERRC_AGAIN && r.code != ERRC_NOT_FOUND) {
            return r; /* scribe away, tenant erased: another time */
        }
    }
    return RESULT_OK;
}

RESULT vault_recover(struct vault *v, struct rpc_client *scribe, const char *tenant,
                     struct error *e)
{
    struct log_state *log = act_log_state(v, tenant);
    bool has_doubts = false;
    pthread_mutex_lock(&v->lock);
    log->doubts++; /* the scribe may have been away */
    bool has_candidate = log->has_candidate;
    pthread_mutex_unlock(&v->lock);
    if (!has_candidate) {
        TRY_MSG(take_candidate(v, scribe, log, e), e, "recover %s", tenant);
    }
    while (!has_drained(v, log, &has_doubts)) {
        co_sleep_ms(2);
    }
    TRY_MSG(settle_candidate(v, scribe, log, has_doubts, e), e, "recover %s", tenant);
    return RESULT_OK;
}
