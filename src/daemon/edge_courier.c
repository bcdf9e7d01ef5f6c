/*
 * The courier thread: takes new checkpoints of every log to the witnesses that have an address, and
 * to the time-stamping authority. What fails is tried again, later each time, for each log and
 * place on its own.
 */
#include "base/log.h"
#include "base/map.h"
#include "daemon/edge.h"
#include "ledger/courier.h"
#include "sys/path.h"

#define EVERY_MS       1000
#define CALL_MS        15000
#define BACKOFF_MIN_MS 1000
#define BACKOFF_MAX_MS 60000
#define LOGS_MAX       65536

/* One log at one place. */
struct round {
    uint64_t size;      /* that the place has */
    int64_t at_ms;      /* not before; monotonic */
    int64_t backoff_ms; /* 0: the last time went well */
};

struct courier {
    struct edge *ed;
    struct note_key keys[CONFIG_WITNESSES_MAX];
    struct map *rounds; /* "<log>/<place>" -> struct round */
    struct buf tsa_ca;
    char (*logs)[TENANT_NAME_BYTES];
    size_t log_count;
};

static struct round *round_of(struct courier *c, const char *log, unsigned place)
{
    char key[TENANT_NAME_BYTES + 16];
    (void)snprintf(key, sizeof(key), "%s/%u", log, place);
    struct round *r = map_get(c->rounds, bytes_str(key));
    if (r == NULL) {
        r = mem_zalloc(sizeof(*r));
        (void)map_set(c->rounds, bytes_str(key), r);
    }
    return r;
}

static bool is_due(const struct round *r, uint64_t published)
{
    return published > r->size && clock_mono_ms(&clock_system) >= r->at_ms;
}

static void went_well(struct round *r, uint64_t size)
{
    r->size = size;
    r->backoff_ms = 0;
}

static void went_wrong(struct round *r, const char *log, const char *place, const struct error *e)
{
    if (r->backoff_ms == 0 || e->code == ERRC_INTEGRITY) {
        log_warn("courier: log %s to %s: %s", log, place, e->msg);
    }
    r->backoff_ms = MIN(MAX(r->backoff_ms * 2, (int64_t)BACKOFF_MIN_MS), (int64_t)BACKOFF_MAX_MS);
    r->at_ms = clock_mono_ms(&clock_system) + r->backoff_ms;
}

/* --- witnesses --- */

/* From the size that the witness is said to be at; ERRC_CONFLICT: it is at r->size, now set. */
static RESULT submit(struct courier *c, const char *log, unsigned place, struct bytes note,
                     uint64_t size, struct round *r, struct error *e)
{
    const struct config_witness *w = &c->ed->config.witnesses[place];
    CLEANUP(mem_free_p) struct tree_proof *proof = mem_zalloc(sizeof(*proof));
    CLEANUP(buf_done_p) struct buf lines = BUF(NOTE_MAX);
    uint64_t known = r->size;
    if (r->size > 0 && r->size < size) {
        TRY(ledger_consistency(c->ed->scribe, log, r->size, size, proof, e));
    }
    const struct witness_call call = { .url = w->url,
                                       .ca_file = w->ca[0] == '\0' ? NULL : w->ca,
                                       .key = &c->keys[place],
                                       .note = note,
                                       .old_size = r->size,
                                       .proof = proof,
                                       .timeout_ms = CALL_MS };
    struct result sent = witness_submit(&call, &lines, &known, e);
    if (sent.code == ERRC_CONFLICT) {
        r->size = known;
    }
    TRY(sent);
    return ledger_cosign(c->ed->scribe, log, size, buf_bytes(&lines), e);
}

/*= 2.1.5-3 "checkpoints are held by witnesses outside" */
static void to_witness(struct courier *c, const char *log, unsigned place, struct bytes note,
                       uint64_t size)
{
    const char *url = c->ed->config.witnesses[place].url;
    struct round *r = round_of(c, log, place);
    struct error e = { .code = ERRC_OK };
    if (!is_due(r, size)) {
        return;
    }
    struct result sent = submit(c, log, place, note, size, r, &e);
    if (sent.code == ERRC_CONFLICT && r->size <= size) {
        sent = submit(c, log, place, note, size, r, &e);
    }
    if (result_is_ok(sent)) {
        went_well(r, size);
        return;
    }
    if (sent.code == ERRC_CONFLICT && r->size > size) {
        log_error("courier: log %s: witness %s knows %llu entries, this log has %llu", log, url,
                  (unsigned long long)r->size, (unsigned long long)size);
        r->size = 0;
    }
    went_wrong(r, log, url, &e);
}

/* --- the authority --- */

/* The address's own certificate is under a CA of the system, or under one of tsa.ca. */
static RESULT stamp(struct courier *c, const char *log, struct bytes text, uint64_t size,
                    struct error *e)
{
    const struct config *cf = &c->ed->config;
    CLEANUP(buf_done_p) struct buf token = BUF(TSA_MAX);
    struct tsa_facts facts;
    uint8_t digest[SHA256_BYTES];
    sha256(text, digest);
    struct result r = tsa_stamp(cf->tsa_url, NULL, buf_bytes(&c->tsa_ca), digest, &rng_system,
                                CALL_MS, &facts, &token, e);
    if (r.code == ERRC_INTEGRITY) {
        buf_reset(&token);
        r = tsa_stamp(cf->tsa_url, cf->tsa_ca, buf_bytes(&c->tsa_ca), digest, &rng_system, CALL_MS,
                      &facts, &token, e);
    }
    TRY(r);
    return ledger_timestamp(c->ed->scribe, log, size, buf_bytes(&token), e);
}

static void to_authority(struct courier *c, const char *log, struct bytes text, uint64_t size)
{
    struct round *r = round_of(c, log, CONFIG_WITNESSES_MAX);
    struct error e = { .code = ERRC_OK };
    if (!is_due(r, size)) {
        return;
    }
    if (!result_is_ok(stamp(c, log, text, size, &e))) {
        went_wrong(r, log, c->ed->config.tsa_url, &e);
        return;
    }
    went_well(r, size);
    r->at_ms = clock_mono_ms(&clock_system) + c->ed->config.tsa_every_ms;
}

/* --- */

static bool anything_due(struct courier *c, const char *log, uint64_t published)
{
    const struct config *cf = &c->ed->config;
    bool due = cf->tsa_url[0] != '\0' && is_due(round_of(c, log, CONFIG_WITNESSES_MAX), published);
    for (unsigned i = 0; i < cf->witness_count; i++) {
        due = due || (cf->witnesses[i].url[0] != '\0' && is_due(round_of(c, log, i), published));
    }
    return due;
}

static RESULT log_visit(struct courier *c, const char *log, struct error *e)
{
    const struct config *cf = &c->ed->config;
    CLEANUP(buf_done_p) struct buf note = BUF(NOTE_MAX);
    CLEANUP(mem_free_p) struct note *parsed = mem_alloc(sizeof(*parsed));
    struct ledger_status st;
    struct checkpoint at;
    TRY(ledger_get_status(c->ed->scribe, log, &st, e));
    if (!anything_due(c, log, st.published_size)) {
        return RESULT_OK;
    }
    TRY(ledger_checkpoint(c->ed->scribe, log, &note, e));
    TRY(note_parse(buf_bytes(&note), parsed, e));
    TRY(checkpoint_parse(parsed->text, &at, e));
    for (unsigned i = 0; i < cf->witness_count && !atomic_load(&c->ed->is_stopping); i++) {
        if (cf->witnesses[i].url[0] != '\0') {
            to_witness(c, log, i, buf_bytes(&note), at.size);
        }
    }
    if (cf->tsa_url[0] != '\0' && !atomic_load(&c->ed->is_stopping)) {
        to_authority(c, log, parsed->text, at.size);
    }
    return RESULT_OK;
}

static struct result log_collect(void *arg, const struct tenant *t, struct error *e)
{
    struct courier *c = arg;
    if (c->log_count == LOGS_MAX) {
        FAIL(e, ERRC_LIMIT, "more than %d logs", LOGS_MAX);
    }
    c->logs = mem_realloc(c->logs, (c->log_count + 1) * sizeof(*c->logs));
    memcpy(c->logs[c->log_count++], t->name, TENANT_NAME_BYTES);
    return RESULT_OK;
}

static void visit_all(struct courier *c)
{
    struct error e;
    c->log_count = 0;
    struct tenant platform = { .name = LEDGER_PLATFORM };
    struct result r = log_collect(c, &platform, &e);
    if (result_is_ok(r)) {
        r = directory_tenant_list(c->ed->api.directory, log_collect, c, &e);
    }
    if (!result_is_ok(r)) {
        log_warn("courier: %s", e.msg);
    }
    for (size_t i = 0; i < c->log_count && !atomic_load(&c->ed->is_stopping); i++) {
        r = log_visit(c, c->logs[i], &e);
        if (!result_is_ok(r) && r.code != ERRC_AGAIN && r.code != ERRC_NOT_FOUND) {
            log_warn("courier: log %s: %s", c->logs[i], e.msg);
        }
    }
}

static RESULT courier_init(struct courier *c, struct error *e)
{
    const struct config *cf = &c->ed->config;
    c->rounds = map_new();
    c->tsa_ca = BUF(1u << 20);
    for (size_t i = 0; i < cf->witness_count; i++) {
        TRY_MSG(note_key_parse(bytes_str(cf->witnesses[i].vkey), &c->keys[i], e), e,
                "ledger.witnesses");
    }
    if (cf->tsa_url[0] != '\0') {
        TRY_MSG(path_read(cf->tsa_ca, &c->tsa_ca, e), e, "tsa.ca");
    }
    return RESULT_OK;
}

void *edge_courier(void *arg)
{
    struct edge *ed = arg;
    struct courier c = { .ed = ed };
    struct error e;
    struct result r = courier_init(&c, &e);
    if (!result_is_ok(r)) {
        log_error("courier: %s: checkpoints stay here", e.msg);
    }
    while (result_is_ok(r) && edge_pause(ed, EVERY_MS)) {
        if (atomic_load(&ed->is_open)) {
            visit_all(&c);
        }
    }
    map_free(c.rounds, mem_free);
    buf_done(&c.tsa_ca);
    mem_free(c.logs);
    return NULL;
}
