/* What the logs tell against what the database holds: at the start, and the marks in between. */
#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/log.h"
#include "identity/rollback_priv.h"
#include "identity/sql_priv.h"
#include "ledger/client.h"

#define PAGE_ENTRIES   1000
#define LOGS_PER_TURN  256
#define REALMS_SAID    20 /* in the operator's log */
#define REASON_MAX     4096
#define MARK_KIND      "identity.mark"
#define ROLLBACK_KIND  "identity.rollback"
#define COUNTER_MEMBER "changes"

/* --- reading --- */

struct concern {
    char realm[TENANT_NAME_BYTES];
    uint64_t had; /* the highest counter told of it */
};

struct search {
    struct directory *d;
    struct rpc_client *scribe;
    uint64_t has;       /* the database's counter */
    uint64_t had;       /* the highest that any log tells */
    struct map *realms; /* concerned: name -> struct concern */
    bool is_cut;        /* the platform's tail does not reach back to the time of the copy */
    const char *log;    /* that is read, and what it tells */
    uint64_t told, at;
    bool has_older; /* a counter was found that the database has too */
};

static void concern(struct search *s, struct bytes realm, uint64_t had)
{
    struct concern *c = map_get(s->realms, realm);
    if (realm.n >= sizeof(c->realm)) {
        return;
    }
    if (c == NULL) {
        c = mem_zalloc(sizeof(*c));
        memcpy(c->realm, realm.p, realm.n);
        (void)map_set(s->realms, realm, c);
    }
    c->had = MAX(c->had, had);
}

/* Only what the server itself writes at the top of a payload counts. */
static struct result visit(void *arg, const struct ledger_record *rec, struct error *e)
{
    struct search *s = arg;
    CLEANUP(json_doc_free_p) struct json_doc *doc = NULL;
    struct bytes tenant = BYTES_NONE;
    uint64_t n = 0;
    if (rec->is_erased ||
        bytes_find(rec->payload, BYTES_LIT("\"" COUNTER_MEMBER "\":")) >= rec->payload.n) {
        return RESULT_OK;
    }
    TRY_MSG(json_parse(rec->payload, LEDGER_PAYLOAD_MAX, &doc, e), e, "payload %llu",
            (unsigned long long)rec->index);
    if (!result_is_ok(json_get_u64(json_root(doc), COUNTER_MEMBER, INT64_MAX, &n, NULL))) {
        return RESULT_OK;
    }
    s->told = MAX(s->told, n);
    s->at = MAX(s->at, rec->index);
    s->has_older |= n <= s->has;
    if (n > s->has) {
        concern(s, bytes_str(s->log), n);
        if (result_is_ok(json_get_str(json_root(doc), "tenant", &tenant, NULL)) && tenant.n > 0) {
            concern(s, tenant, n);
        }
    }
    return RESULT_OK;
}

/* From the end backward, and one page past the first counter that the database has too: entries
 * that were written at the same time may stand in another order than the changes. */
static RESULT tail_read(struct search *s, const char *log, struct error *e)
{
    struct ledger_status status;
    s->log = log;
    s->told = s->at = 0;
    s->has_older = false;
    TRY(ledger_get_status(s->scribe, log, &status, e));
    uint64_t end = status.size, floor = end > ROLLBACK_TAIL ? end - ROLLBACK_TAIL : 0;
    bool is_last = false;
    while (end > floor && !is_last) {
        uint64_t from = end - floor > PAGE_ENTRIES ? end - PAGE_ENTRIES : floor;
        is_last = s->has_older;
        TRY(ledger_read(s->scribe, log, from, end - from, visit, s, e));
        end = from;
    }
    s->is_cut |= s->told > s->has && !s->has_older && floor > 0;
    s->had = MAX(s->had, s->told);
    changes_log_set(s->d->changes, log, s->told, s->at);
    return RESULT_OK;
}

static RESULT tenant_read(void *arg, const struct tenant *t, struct error *e)
{
    struct result r = tail_read(arg, t->name, e);
    return r.code == ERRC_NOT_FOUND ? RESULT_OK : r; /* erased */
}

static RESULT tenant_concern(void *arg, const struct tenant *t, struct error *e)
{
    struct search *s = arg;
    (void)e;
    concern(s, bytes_str(t->name), s->had);
    return RESULT_OK;
}

/* --- what follows --- */

/* A log that is closed takes nothing any more. */
static RESULT tell(struct search *s, const char *log, uint64_t had, struct error *e)
{
    CLEANUP(buf_done_p) struct buf text = BUF(128);
    struct ledger_position at;
    buf_addf(&text, "{\"had\":%llu,\"has\":%llu}", (unsigned long long)had,
             (unsigned long long)s->has);
    struct result r = ledger_append(s->scribe, log, ROLLBACK_KIND, buf_bytes(&text), &at, e);
    return r.code == ERRC_NOT_FOUND || r.code == ERRC_EXPIRED ? RESULT_OK : r;
}

static RESULT rollback_write(struct db_conn *c, void *arg, struct error *e)
{
    const struct search *s = arg;
    struct bytes key;
    void *value = NULL;
    int64_t now = clock_wall_ms(s->d->clock);
    for (size_t it = 0; map_next(s->realms, &it, &key, &value);) {
        const struct concern *r = value;
        struct sql_in in = SQL_IN(SQL_STR(r->realm), SQL_INT(now), SQL_INT((int64_t)r->had));
        TRY(sql_run(c,
                    "UPDATE tenants SET frozen_ms = ?2, rolled_back = ?3"
                    " WHERE name = ?1 AND frozen_ms = 0",
                    in, e));
        TRY(sql_run(c,
                    "UPDATE platform SET frozen_ms = ?2, rolled_back = ?3"
                    " WHERE ?1 = 'platform' AND frozen_ms = 0",
                    in, e));
    }
    struct sql_in none = { NULL, 0 };
    TRY(sql_run(c, "DELETE FROM sessions", none, e));
    TRY(sql_run(c, "DELETE FROM tokens", none, e));
    TRY(sql_run(c, "DELETE FROM enrolments", none, e));
    /* directory_change adds one: above all that was ever told. */
    return sql_run(c, "UPDATE changes SET n = ?1", SQL_IN(SQL_INT((int64_t)s->had)), e);
}

static void say(const struct search *s)
{
    CLEANUP(buf_done_p) struct buf names = BUF(REASON_MAX);
    struct bytes key;
    void *value = NULL;
    size_t n = 0;
    for (size_t it = 0; map_next(s->realms, &it, &key, &value) && n < REALMS_SAID; n++) {
        buf_addf(&names, "%s%.*s", n == 0 ? "" : ", ", BYTES_FMT(key));
    }
    log_error("identity: identity.db was put back to an older copy: the logs tell of change %llu, "
              "it has %llu. What was changed since is undone: deleted keys and ended accounts are "
              "there again. All sessions and tokens are ended, and %zu realms frozen: %.*s%s. "
              "Compare with the log (troth log entries --tenant NAME), then on this machine: "
              "troth tenant unfreeze NAME",
              (unsigned long long)s->had, (unsigned long long)s->has, map_count(s->realms),
              BYTES_FMT(buf_bytes(&names)), n < map_count(s->realms) ? ", ..." : "");
}

/*= 2.1.5-3 "what was changed and is undone behind the server's back is found and said" */
static RESULT rolled_back(struct search *s, struct error *e)
{
    struct bytes key;
    void *value = NULL;
    if (s->is_cut) {
        TRY(directory_tenant_list(s->d, tenant_concern, s, e));
    }
    concern(s, BYTES_LIT(IDENTITY_PLATFORM), s->had);
    for (size_t it = 0; map_next(s->realms, &it, &key, &value);) {
        const struct concern *r = value;
        TRY(tell(s, r->realm, r->had, e));
    }
    TRY(directory_change(s->d, rollback_write, s, e));
    say(s);
    return RESULT_OK;
}

RESULT rollback_check(struct directory *d, struct rpc_client *scribe, struct error *e)
{
    struct search s = { .d = d, .scribe = scribe, .has = directory_changes(d) };
    s.realms = map_new();
    struct result r = tail_read(&s, LEDGER_PLATFORM, e);
    if (result_is_ok(r)) {
        r = directory_tenant_list(d, tenant_read, &s, e);
    }
    if (result_is_ok(r) && s.had > s.has) {
        r = rolled_back(&s, e);
    }
    map_free(s.realms, mem_free);
    return r;
}

/* --- marks --- */

static RESULT mark(struct directory *d, struct rpc_client *scribe, const char *log, uint64_t n,
                   struct error *e)
{
    CLEANUP(buf_done_p) struct buf text = BUF(64);
    struct ledger_position at;
    buf_addf(&text, "{\"" COUNTER_MEMBER "\":%llu}", (unsigned long long)n);
    TRY(ledger_append(scribe, log, MARK_KIND, buf_bytes(&text), &at, e));
    changes_log_set(d->changes, log, n, at.index);
    return RESULT_OK;
}

/* So that a change whose outcome was cut off is told of too. */
static RESULT mark_platform(struct directory *d, struct rpc_client *scribe, uint64_t told,
                            struct error *e)
{
    struct changes *c = d->changes;
    uint64_t n = directory_changes(d);
    int64_t now = clock_mono_ms(d->clock);
    bool is_due = c->marked_ms == 0 || now - c->marked_ms >= ROLLBACK_MARK_MS;
    if (n > told && is_due) {
        TRY(mark(d, scribe, LEDGER_PLATFORM, n, e));
        c->marked_ms = now;
    }
    return RESULT_OK;
}

static RESULT mark_log(struct directory *d, struct rpc_client *scribe, const struct changes_told *t,
                       struct error *e)
{
    struct ledger_status status;
    if (strcmp(t->log, LEDGER_PLATFORM) == 0) {
        TRY(mark_platform(d, scribe, t->told, e));
    }
    TRY(ledger_get_status(scribe, t->log, &status, e));
    return status.size <= t->at + ROLLBACK_MARK_ENTRIES ? RESULT_OK
                                                        : mark(d, scribe, t->log, t->told, e);
}

RESULT rollback_mark(struct directory *d, struct rpc_client *scribe, struct error *e)
{
    struct changes_told logs[LOGS_PER_TURN];
    size_t n = changes_logs_next(d->changes, logs, ARRAY_LEN(logs));
    for (size_t i = 0; i < n; i++) {
        struct result r = mark_log(d, scribe, &logs[i], e);
        if (r.code == ERRC_NOT_FOUND || r.code == ERRC_EXPIRED) {
            changes_log_forget(d->changes, logs[i].log); /* closed or erased */
        } else if (!result_is_ok(r)) {
            return r;
        }
    }
    return RESULT_OK;
}
