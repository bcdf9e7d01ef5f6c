/* The engine's clockwork: publication, the checkpoints of tenants in the platform log, heartbeats,
 * room on the disk. */
#include "base/json.h"
#include "base/log.h"
#include "ledger/engine_priv.h"

#define FILES_OPEN_MS 60000 /* a log that was not published for longer keeps no files open */

/* Journal groups below this are published. */
static uint64_t settled(const struct engine *en)
{
    uint64_t least = journal_next(en->journal);

    for (size_t i = 0; i < en->dirty_count; i++) {
        const struct log *l = en->dirty[i];
        uint64_t first = l->publishing.count > 0 ? l->publish_sequence : l->tail_sequence;
        least = first > 0 ? MIN(least, first) : least;
    }
    return least;
}

static void note_failure(struct engine *en, struct result r, const struct error *e)
{
    if (r.code == ERRC_AGAIN) { /* the keeper is away for the moment */
        log_warn("ledger: %s", e->msg);
    } else {
        log_error("ledger: %s", e->msg);
    }
    en->retry_at_ms = clock_mono_ms(en->config.clock) + RETRY_MS;
    if (r.code == ERRC_FULL) {
        reserve_give_up(&en->reserve);
    }
}

static bool is_due(const struct engine *en, const struct log *l, int64_t now)
{
    return l->publishing.count > 0 || now - l->dirty_mono_ms >= en->config.publish_ms ||
           en->memory > en->config.memory_max_bytes / 4;
}

RESULT engine_publish_start(struct engine *en, bool all, struct error *e)
{
    int64_t now = clock_mono_ms(en->config.clock);
    size_t count = 0, max = all ? en->dirty_count : MIN(en->dirty_count, (size_t)BATCH_LOGS);
    struct result ret = RESULT_OK;

    if (!publisher_is_idle(en->publisher) || en->dirty_count == 0 ||
        (!all && now < en->retry_at_ms)) {
        return RESULT_OK;
    }
    struct log_publication *items = mem_calloc(max, sizeof(*items));
    for (size_t i = 0; i < en->dirty_count && count < max; i++) {
        struct log *l = en->dirty[i];
        if (l->tail.count + l->publishing.count == 0 || !(all || is_due(en, l, now))) {
            continue;
        }
        struct result r = log_publish_begin(l, &en->config.keys, clock_wall_ms(en->config.clock),
                                            &items[count], e);
        if (result_is_ok(r)) {
            count++;
        } else {
            note_failure(en, r, e);
            ret = r;
        }
    }
    if (count == 0) {
        mem_free(items);
        return ret;
    }
    publisher_submit(en->publisher, items, count);
    return ret;
}

static RESULT append_checkpoint(struct engine *en, const struct log_publication *p, struct error *e)
{
    CLEANUP(buf_done_p) struct buf b = BUF(1024);
    struct tree_hash root = tree_frontier_root(&p->frontier);
    struct jsonw w;

    jsonw_init(&w, &b);
    jsonw_object(&w);
    jsonw_kv_cstr(&w, "origin", p->log->origin);
    jsonw_kv_base64(&w, "root", BYTES_OF(root.b));
    jsonw_kv_u64(&w, "size", p->record.size);
    jsonw_object_end(&w);
    return engine_append_own(en, en->platform, "log.checkpoint", buf_bytes(&b), e);
}

/* Logs with nothing left to publish leave the list. */
static void forget_clean(struct engine *en)
{
    size_t kept = 0;

    en->memory = 0;
    for (size_t i = 0; i < en->dirty_count; i++) {
        struct log *l = en->dirty[i];
        l->is_dirty = l->tail.count + l->publishing.count > 0;
        if (l->is_dirty) {
            en->dirty[kept++] = l;
            en->memory += log_memory(l);
        }
    }
    en->dirty_count = kept;
}

bool engine_publish_take(struct engine *en, struct result *ret, struct error *e)
{
    size_t count = 0;
    CLEANUP(mem_free_p) struct log_publication *items = publisher_take(en->publisher, &count);

    if (items == NULL) {
        return false;
    }
    *ret = RESULT_OK;
    for (size_t i = 0; i < count; i++) {
        log_publish_end(&items[i]);
        if (!result_is_ok(items[i].result)) {
            note_failure(en, items[i].result, &items[i].error);
            *ret = items[i].result;
            if (e != NULL) {
                *e = items[i].error;
            }
        }
    }
    forget_clean(en);
    journal_settle(en->journal, settled(en));
    for (size_t i = 0; i < count && en->platform != NULL; i++) {
        struct error why;
        if (items[i].log == en->platform || !result_is_ok(items[i].result)) {
            continue;
        }
        struct result r = append_checkpoint(en, &items[i], &why);
        if (!result_is_ok(r)) { /* the next one of this log says more than this one would have */
            log_warn("ledger: log.checkpoint of %s: %s", items[i].log->name, why.msg);
        }
    }
    return true;
}

RESULT engine_publish_all(struct engine *en, struct error *e)
{
    struct result r = RESULT_OK;

    publisher_wait(en->publisher);
    (void)engine_publish_take(en, &r, e);
    /* A failed one is tried again; a round more for what was staged meanwhile: the log.checkpoints.
     */
    for (int round = 0; round < 4 && en->dirty_count > 0; round++) {
        TRY(engine_commit(en, e));
        struct result signed_ = engine_publish_start(en, true, e);
        publisher_wait(en->publisher);
        if (engine_publish_take(en, &r, e)) {
            TRY(r);
        }
        TRY(signed_);
    }
    return RESULT_OK;
}

/* --- heartbeats and the disk --- */

static void append_heartbeat(struct engine *en, struct log *l)
{
    static const enum role in_order[] = { ROLE_EDGE, ROLE_KEEPER, ROLE_SCRIBE, ROLE_SUPERVISOR };
    CLEANUP(buf_done_p) struct buf b = BUF(1024);
    struct jsonw w;
    struct error e;

    jsonw_init(&w, &b);
    jsonw_object(&w);
    jsonw_key(&w, "counters");
    jsonw_object(&w);
    for (size_t i = 0; i < ARRAY_LEN(in_order); i++) {
        jsonw_kv_u64(&w, role_name(in_order[i]), l->counters[in_order[i]]);
    }
    jsonw_object_end(&w);
    jsonw_object_end(&w);
    struct result r = engine_append_own(en, l, "heartbeat", buf_bytes(&b), &e);
    if (r.code == ERRC_EXPIRED) {
        l->active_ms = INT64_MIN / 2; /* its keys are destroyed: nothing will come any more */
    } else if (!result_is_ok(r)) {
        log_warn("ledger: heartbeat of log %s: %s", l->name, e.msg);
    }
}

/*= 2.1.5-3 "keep the process alive; a gap is found" */
static void heartbeats(struct engine *en, int64_t now_mono)
{
    int64_t now = clock_wall_ms(en->config.clock);
    struct bytes key;
    void *value;

    for (size_t it = 0; map_next(en->logs, &it, &key, &value);) {
        struct log *l = value;
        if (now_mono < l->heartbeat_mono_ms) {
            continue;
        }
        l->heartbeat_mono_ms = now_mono + en->config.heartbeat_ms;
        if (l == en->platform || now - l->active_ms < en->config.active_ms) {
            append_heartbeat(en, l);
        }
        if (!l->is_dirty && now - l->published.published_ms > FILES_OPEN_MS) {
            log_files_done(&l->files);
            log_files_done(&l->writing);
        }
    }
}

static void look_at_disk(struct engine *en)
{
    CLEANUP(buf_done_p) struct buf b = BUF(256);
    struct jsonw w;
    struct error e;
    bool changed = false;

    struct result r = reserve_look(&en->reserve, &changed, &e);
    if (result_is_ok(r) && changed) {
        log_warn("ledger: the disk is %s",
                 en->reserve.is_low ? "nearly full: changes are refused" : "no longer full");
        jsonw_init(&w, &b);
        jsonw_object(&w);
        jsonw_kv_u64(&w, "free", en->reserve.free_bytes);
        jsonw_kv_bool(&w, "is_full", en->reserve.is_low);
        jsonw_object_end(&w);
        r = engine_append_own(en, en->platform, "log.full", buf_bytes(&b), &e);
    }
    if (!result_is_ok(r)) {
        log_warn("ledger: %s", e.msg);
    }
}

void engine_tick(struct engine *en)
{
    int64_t now = clock_mono_ms(en->config.clock);
    struct result r;
    struct error e;

    if (en->is_broken) {
        return;
    }
    (void)engine_publish_take(en, &r, NULL); /* failures are logged there and tried again */
    if (now >= en->chores_at_ms) {
        heartbeats(en, now);
        look_at_disk(en);
        en->chores_at_ms = now + CHORES_MS;
    }
    struct result c = engine_commit(en, &e);
    if (!result_is_ok(c)) {
        log_error("%s", e.msg);
        return;
    }
    result_ignore(engine_publish_start(en, false, &e)); /* logged there, and tried again */
}

int64_t engine_wake_ms(struct engine *en)
{
    int64_t at = en->chores_at_ms;

    if (en->is_broken) {
        return INT64_MAX;
    }
    if (!publisher_is_idle(en->publisher)) {
        return publisher_is_done(en->publisher) ? 0 : at;
    }
    for (size_t i = 0; i < en->dirty_count; i++) {
        int64_t due = en->dirty[i]->publishing.count > 0
                              ? en->retry_at_ms
                              : en->dirty[i]->dirty_mono_ms + en->config.publish_ms;
        at = MIN(at, MAX(due, en->retry_at_ms));
    }
    return at;
}

int engine_fd(const struct engine *en)
{
    return publisher_fd(en->publisher);
}
