/* The engine: opening, staging, group commit. */
#include "ledger/engine.h"

#include "base/json.h"
#include "base/log.h"
#include "ledger/engine_priv.h"

#include <inttypes.h>

#define MIB ((size_t)1024 * 1024)

void ledger_config_default(struct ledger_config *c)
{
    *c = (struct ledger_config){
        .clock = &clock_system,
        .rng = &rng_system,
        .publish_ms = 500,
        .heartbeat_ms = 60000,
        .active_ms = INT64_C(24) * 3600 * 1000,
        .low_water_bytes = 512 * MIB,
        .reserve_bytes = 32 * MIB,
        .journal = { .segment_bytes = 16 * MIB, .segments_first = 2, .segments_max = 32 },
        .memory_max_bytes = 64 * MIB,
    };
}

/* --- opening --- */

static RESULT make_origin(const struct engine *en, const char *name,
                          char dst[LEDGER_ORIGIN_MAX + 1], struct error *e)
{
    int n = snprintf(dst, LEDGER_ORIGIN_MAX + 1, "%s/%s", en->config.deployment, name);

    if (n < 0 || n > LEDGER_ORIGIN_MAX) {
        FAIL(e, ERRC_LIMIT, "the origin of log %s is longer than %d bytes", name,
             LEDGER_ORIGIN_MAX);
    }
    return RESULT_OK;
}

static RESULT open_log(struct engine *en, const char *name, struct log **ret, struct error *e)
{
    char origin[LEDGER_ORIGIN_MAX + 1];
    struct log *l = NULL;

    TRY(make_origin(en, name, origin, e));
    TRY(log_open(en->fs, name, origin, &en->config.keys, en->config.clock, &l, e));
    int64_t step =
            (int64_t)map_count(en->logs) * HEARTBEAT_STEP_MS % MAX(en->config.heartbeat_ms, 1);
    l->heartbeat_mono_ms = clock_mono_ms(en->config.clock) + en->config.heartbeat_ms - step;
    map_set(en->logs, bytes_str(l->name), l);
    *ret = l;
    return RESULT_OK;
}

struct opening {
    struct engine *en;
    struct error *e;
};

static struct result open_listed(void *arg, const char *name)
{
    struct opening *o = arg;
    struct log *l;

    if (!log_name_is_valid(bytes_str(name))) {
        return RESULT_OK;
    }
    struct result r = open_log(o->en, name, &l, o->e);
    if (r.code == ERRC_NOT_FOUND) {
        log_warn("ledger: the creation of log %s was not finished", name);
        return RESULT_OK;
    }
    return r;
}

static struct result replay_record(void *arg, const struct journal_record *r, struct error *e)
{
    struct opening *o = arg;
    struct log *l = map_get(o->en->logs, r->log);

    if (l == NULL) {
        FAIL(e, ERRC_INTEGRITY, "there is no log %.*s", BYTES_FMT(r->log));
    }
    return log_replay(l, r->index, r->leaf, r->frame, e);
}

static void mark_dirty(struct engine *en, struct log *l)
{
    if (l->is_dirty) {
        return;
    }
    if (en->dirty_count == en->dirty_cap) {
        en->dirty_cap = en->dirty_cap == 0 ? 16 : 2 * en->dirty_cap;
        en->dirty = mem_realloc(en->dirty, en->dirty_cap * sizeof(en->dirty[0]));
    }
    en->dirty[en->dirty_count++] = l;
    l->is_dirty = true;
}

/* What the journal brought is in the tails: all of it is published before anything new is taken. */
static RESULT publish_replayed(struct engine *en, struct error *e)
{
    size_t it = 0;
    void *value;
    struct bytes key;

    while (map_next(en->logs, &it, &key, &value)) {
        struct log *l = value;
        if (l->tail.count > 0) {
            log_info("ledger: log %s: %" PRIu64 " entries from the journal", l->name,
                     l->tail.count);
            l->tail_sequence = 1;
            mark_dirty(en, l);
        }
    }
    return engine_publish_all(en, e);
}

static RESULT write_start(struct engine *en, struct error *e)
{
    CLEANUP(buf_done_p) struct buf b = BUF(1024);
    struct jsonw w;

    jsonw_init(&w, &b);
    jsonw_object(&w);
    jsonw_kv_u64(&w, "logs", map_count(en->logs));
    jsonw_kv_cstr(&w, "version", TROTH_VERSION);
    jsonw_object_end(&w);
    TRY(engine_append_own(en, en->platform, "log.start", buf_bytes(&b), e));
    return engine_commit(en, e);
}

static RESULT engine_load(struct engine *en, struct error *e)
{
    struct opening o = { en, e };

    TRY(fs_mkdir(en->fs, "logs", e));
    TRY(fs_sync_dir(en->fs, "", e));
    TRY(fs_list(en->fs, "logs", open_listed, &o, e));
    TRY(reserve_init(&en->reserve, en->fs, en->config.low_water_bytes, en->config.reserve_bytes,
                     e));
    TRY(journal_open(en->fs, &en->config.journal, replay_record, &o, &en->journal, e));
    TRY(publisher_new(en->journal, en->config.is_inline, &en->publisher, e));
    TRY(publish_replayed(en, e));
    en->platform = map_get(en->logs, BYTES_LIT(LEDGER_PLATFORM));
    if (en->platform == NULL) {
        TRY(engine_create_log(en, LEDGER_PLATFORM, e));
        en->platform = map_get(en->logs, BYTES_LIT(LEDGER_PLATFORM));
    }
    int64_t now = clock_mono_ms(en->config.clock);
    en->chores_at_ms = now + CHORES_MS;
    return write_start(en, e);
}

static void log_close_value(void *l)
{
    log_close(l);
}

void engine_abandon(struct engine *en)
{
    if (en == NULL) {
        return;
    }
    publisher_free(en->publisher);
    journal_close(en->journal);
    if (en->logs != NULL) {
        map_free(en->logs, log_close_value);
    }
    buf_done(&en->group);
    buf_done(&en->plain);
    mem_free(en->dirty);
    mem_free(en->staged);
    mem_free(en);
}
DEFINE_CLEANUP(engine_abandon, struct engine *)

void engine_close(struct engine *en)
{
    struct error e;

    if (en != NULL && !en->is_broken) {
        e.code = ERRC_OK;
        struct result r = engine_commit(en, &e);
        if (result_is_ok(r)) {
            r = engine_publish_all(en, &e);
        }
        if (!result_is_ok(r)) {
            log_warn("ledger: not all could be published at the end: %s",
                     e.msg); /* the journal has it */
        }
    }
    engine_abandon(en);
}

RESULT engine_open(struct fs *fs, const struct ledger_config *c, struct engine **ret,
                   struct error *e)
{
    CLEANUP(engine_abandon_p) struct engine *en = mem_zalloc(sizeof(*en));

    en->fs = fs;
    en->config = *c;
    en->logs = map_new();
    en->group = BUF((size_t)c->journal.segment_bytes);
    en->plain = BUF_SECRET(LEDGER_SALT_BYTES + LEDGER_PAYLOAD_MAX);
    journal_begin(&en->group);
    TRY_MSG(engine_load(en, e), e, "ledger");
    *ret = TAKE(en);
    return RESULT_OK;
}

RESULT engine_create_log(struct engine *en, const char *name, struct error *e)
{
    char origin[LEDGER_ORIGIN_MAX + 1];
    struct log *l;

    if (!log_name_is_valid(bytes_str(name))) {
        FAIL(e, ERRC_FORMAT, "'%.80s' is no name for a log", name);
    }
    if (map_get(en->logs, bytes_str(name)) != NULL) {
        FAIL(e, ERRC_EXISTS, "log %s exists", name);
    }
    if (en->is_broken) {
        FAIL(e, ERRC_AGAIN, "the ledger's journal failed");
    }
    TRY(make_origin(en, name, origin, e));
    TRY(log_create(en->fs, name, origin, &en->config.keys, clock_wall_ms(en->config.clock), e));
    return open_log(en, name, &l, e);
}

/* --- what may be appended --- */

static bool name_in(const char *const *list, const char *name)
{
    for (; *list != NULL; list++) {
        if (strcmp(*list, name) == 0) {
            return true;
        }
    }
    return false;
}

/* Written by the ledger itself and by nobody else. */
static bool kind_is_own(const char *kind)
{
    static const char *const own[] = { "heartbeat", "log.start", "log.full", "log.checkpoint",
                                       NULL };
    return name_in(own, kind);
}

/*
 * What is still logged when the disk is nearly full: reads, refusals, what gives room, the outcome
 * of what was begun. So a full disk stops changes, not the log.
 */
static bool may_pass_when_full(const struct ledger_item *it)
{
    static const char *const always[] = {
        "object.get",    "object.head",       "object.list", "bucket.list",     "bucket.head",
        "object.delete", "access.denied",     "auth.failed", "multipart.abort", "log.read",
        "log.prove",     "log.export",        "void",        "witness.alarm",   "vault.rollback",
        "identity.mark", "identity.rollback", "check",       "access-key.list", NULL
    };
    return kind_is_own(it->kind) || name_in(always, it->kind) ||
           bytes_find(it->payload, BYTES_LIT("\"phase\":\"outcome\"")) < it->payload.n;
}

static RESULT item_check(struct engine *en, const struct ledger_item *it, bool is_own,
                         struct log **ret, struct error *e)
{
    struct box_key *key;

    if (!entry_name_is_valid(bytes_str(it->kind))) {
        FAIL(e, ERRC_FORMAT, "the kind of an entry is 1..63 of a-z 0-9 . _ / -");
    }
    if (!is_own && kind_is_own(it->kind)) {
        FAIL(e, ERRC_DENIED, "entries of kind %s are written by the ledger alone", it->kind);
    }
    TRY(engine_log(en, it->log, ret, e));
    if (!is_own) {
        TRY(payload_check(it->payload, e));
    }
    if (en->reserve.is_low && !may_pass_when_full(it)) {
        FAIL(e, ERRC_FULL, "the disk is nearly full: changes are refused, reads go on");
    }
    /* Before anything is staged: the keeper may be away. */
    struct log *l = *ret;
    uint32_t month = payload_month(MAX(clock_wall_ms(en->config.clock), l->last_ms));
    TRY_MSG(payload_keys_get(&l->payload_keys, month, &key, e), e, "log %s", l->name);
    return RESULT_OK;
}

/* Room in memory and in the journal; waits for publications where that helps. */
static RESULT make_room(struct engine *en, size_t bytes, struct error *e)
{
    if (journal_body_size(&en->group) + bytes > 2 * MIB && engine_has_staged(en)) {
        TRY(engine_commit(en, e));
    }
    for (int attempt = 0; attempt < 2; attempt++) {
        bool is_last = attempt == 1;
        bool has_memory = en->memory + bytes <= en->config.memory_max_bytes;
        struct result r = journal_reserve(en->journal, journal_body_size(&en->group) + bytes, e);
        if (has_memory && result_is_ok(r)) {
            return RESULT_OK;
        }
        if (is_last || (!result_is_ok(r) && r.code != ERRC_FULL)) {
            return result_is_ok(r) ? error_set(e, ERRC_AGAIN,
                                               "the ledger can't publish as fast as it is written")
                                   : r;
        }
        struct error why;
        TRY(engine_commit(en, e)); /* only what is durable is published */
        struct result p = engine_publish_all(en, &why);
        if (!result_is_ok(p)) {
            FAIL(e, p.code == ERRC_FULL ? ERRC_FULL : ERRC_AGAIN, "the ledger can't publish: %s",
                 why.msg);
        }
    }
    return RESULT_OK;
}

/* --- staging --- */

static void mark_staged(struct engine *en, struct log *l)
{
    mark_dirty(en, l);
    if (l->tail_sequence == 0) {
        l->tail_sequence = journal_next(en->journal);
        l->dirty_mono_ms = clock_mono_ms(en->config.clock);
    }
    if (l->is_staged) {
        return;
    }
    if (en->staged_count == en->staged_cap) {
        en->staged_cap = en->staged_cap == 0 ? 16 : 2 * en->staged_cap;
        en->staged = mem_realloc(en->staged, en->staged_cap * sizeof(en->staged[0]));
    }
    en->staged[en->staged_count++] = l;
    l->is_staged = true;
}

static RESULT stage(struct engine *en, enum role source, struct log *l,
                    const struct ledger_item *it, struct ledger_position *ret, struct error *e)
{
    struct log_append a = { .kind = it->kind,
                            .source = source,
                            .now_ms = clock_wall_ms(en->config.clock) };
    uint8_t salt[LEDGER_SALT_BYTES];

    rng_fill(en->config.rng, salt, sizeof(salt));
    buf_reset(&en->plain);
    buf_add(&en->plain, BYTES_OF(salt));
    buf_add(&en->plain, it->payload);
    a.plain = buf_bytes(&en->plain);
    a.month = payload_month(MAX(a.now_ms, l->last_ms));
    TRY_MSG(payload_keys_get(&l->payload_keys, a.month, &a.key, e), e, "log %s", l->name);
    size_t before = log_memory(l);
    mark_staged(en, l);
    TRY(log_append(l, &a, en->config.rng, &en->group, ret, e));
    en->memory += log_memory(l) - before;
    if (strcmp(it->kind, "heartbeat") != 0) {
        l->active_ms = l->last_ms;
    }
    return RESULT_OK;
}

static RESULT append(struct engine *en, enum role source, const struct ledger_item *items,
                     size_t count, bool is_own, struct ledger_position *ret, struct error *e)
{
    size_t bytes = 0;
    struct log *l = NULL;

    if (en->is_broken) {
        FAIL(e, ERRC_AGAIN, "the ledger's journal failed; it is being started anew");
    }
    for (size_t i = 0; i < count; i++) {
        TRY(item_check(en, &items[i], is_own, &l, e));
        bytes += items[i].payload.n + 1024;
    }
    TRY(make_room(en, bytes, e));
    for (size_t i = 0; i < count; i++) {
        TRY(engine_log(en, items[i].log, &l, e));
        struct result r = stage(en, source, l, &items[i], &ret[i], e);
        if (!result_is_ok(r)) {
            en->is_broken = i > 0; /* half of a message must never become durable */
            return r;
        }
    }
    return RESULT_OK;
}

/*= 2.1.5-3 "record time, user, type, source, object" */
RESULT engine_append(struct engine *en, enum role source, const struct ledger_item *items,
                     size_t count, struct ledger_position *ret, struct error *e)
{
    return append(en, source, items, count, false, ret, e);
}

RESULT engine_append_own(struct engine *en, struct log *l, const char *kind, struct bytes payload,
                         struct error *e)
{
    const struct ledger_item it = { l->name, kind, payload };
    struct ledger_position pos;

    return append(en, ROLE_SCRIBE, &it, 1, true, &pos, e);
}

bool engine_has_staged(const struct engine *en)
{
    return en->staged_count > 0;
}

bool engine_is_broken(const struct engine *en)
{
    return en->is_broken;
}

bool engine_is_full(const struct engine *en)
{
    return en->reserve.is_low;
}

RESULT engine_commit(struct engine *en, struct error *e)
{
    if (en->is_broken) {
        FAIL(e, ERRC_AGAIN, "the ledger's journal failed; it is being started anew");
    }
    if (!engine_has_staged(en)) {
        return RESULT_OK;
    }
    struct result r = journal_write(en->journal, &en->group, e);
    if (!result_is_ok(r)) {
        en->is_broken = true;
        error_prefix(e, "ledger");
        return r;
    }
    journal_begin(&en->group);
    for (size_t i = 0; i < en->staged_count; i++) {
        en->staged[i]->durable = en->staged[i]->size;
        en->staged[i]->is_staged = false;
    }
    en->staged_count = 0;
    return RESULT_OK;
}

RESULT engine_log(struct engine *en, const char *name, struct log **ret, struct error *e)
{
    *ret = map_get(en->logs, bytes_str(name));
    if (*ret == NULL) {
        FAIL(e, ERRC_NOT_FOUND, "there is no log %.80s", name);
    }
    return RESULT_OK;
}
