#include "fakes.h"

#include "base/json.h"
#include "crypto/box.h"
#include "crypto/hash.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

struct stored {
    char log[64], kind[LEDGER_NAME_MAX];
    uint8_t *payload;
    size_t n;
    int64_t time_ms;
    uint64_t index;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const struct clock *now;
static struct stored *entries;
static size_t entry_count, entry_cap;
static struct {
    char kind[LEDGER_NAME_MAX];
    enum errc code;
    unsigned after, times;
    bool loses_answers;
} failing;
static bool checks_payloads;
static uint32_t key_version;
static bool is_disabled, is_away;
static enum crypto_suite suite;

void fakes_reset(const struct clock *clock)
{
    for (size_t i = 0; i < entry_count; i++) {
        free(entries[i].payload);
    }
    free(entries);
    entries = NULL;
    entry_count = entry_cap = 0;
    now = clock;
    memset(&failing, 0, sizeof(failing));
    key_version = 1;
    is_disabled = is_away = false;
    suite = SUITE_AES256_GCM;
}

/* --- scribe -------------------------------------------------------------------------------- */

void fake_scribe_fail(const char *kind, enum errc code, unsigned after, unsigned times)
{
    pthread_mutex_lock(&lock);
    snprintf(failing.kind, sizeof(failing.kind), "%s", kind == NULL ? "" : kind);
    failing.code = code;
    failing.after = after;
    failing.times = times;
    pthread_mutex_unlock(&lock);
}

void fake_scribe_check_payloads(bool on)
{
    checks_payloads = on;
}

/* RFC 8785, an object, no member twice. */
static void check_payload(struct bytes payload)
{
    struct json_doc *doc = NULL;
    struct error e = { 0 };
    struct buf canonical = BUF(LEDGER_PAYLOAD_MAX);
    if (!result_is_ok(json_parse(payload, LEDGER_PAYLOAD_MAX, &doc, &e)) ||
        json_type(json_root(doc)) != JSON_OBJECT ||
        !result_is_ok(json_canonical(json_root(doc), &canonical, &e)) ||
        !bytes_equal(buf_bytes(&canonical), payload)) {
        fprintf(stderr, "payload is not canonical: %.*s\n", BYTES_FMT(payload));
        abort();
    }
    buf_done(&canonical);
    json_doc_free(doc);
}

void fake_scribe_lose_answers(bool on)
{
    failing.loses_answers = on;
}

static uint64_t count_locked(const char *log, const char *kind)
{
    uint64_t n = 0;
    for (size_t i = 0; i < entry_count; i++) {
        n += strcmp(entries[i].log, log) == 0 &&
             (kind == NULL || strcmp(entries[i].kind, kind) == 0);
    }
    return n;
}

uint64_t fake_scribe_count(const char *log, const char *kind)
{
    pthread_mutex_lock(&lock);
    uint64_t n = count_locked(log, kind);
    pthread_mutex_unlock(&lock);
    return n;
}

static struct stored *find(const char *log, uint64_t index)
{
    for (size_t i = 0; i < entry_count; i++) {
        if (entries[i].index == index && strcmp(entries[i].log, log) == 0) {
            return &entries[i];
        }
    }
    return NULL;
}

struct bytes fake_scribe_payload(const char *log, uint64_t index, const char **ret_kind)
{
    struct stored *s = find(log, index);
    if (s == NULL) {
        abort();
    }
    *ret_kind = s->kind;
    return bytes_of(s->payload, s->n);
}

/* Index of the newest entry of each log, so that appending stays cheap. */
static uint64_t next_index(const char *log)
{
    for (size_t i = entry_count; i > 0; i--) {
        if (strcmp(entries[i - 1].log, log) == 0) {
            return entries[i - 1].index + 1;
        }
    }
    return 0;
}

static struct result append_locked(const char *log, const char *kind, struct bytes payload,
                                   struct ledger_position *ret, struct error *e)
{
    bool fails = failing.times > 0 && (failing.kind[0] == 0 || strcmp(failing.kind, kind) == 0);
    if (fails && failing.after > 0) {
        failing.after--;
        fails = false;
    } else if (fails) {
        failing.times--;
    }
    if (fails && !failing.loses_answers) {
        return error_set(e, failing.code, "scribe: as asked");
    }
    if (entry_count == entry_cap) {
        entry_cap = entry_cap == 0 ? 1024 : 2 * entry_cap;
        entries = realloc(entries, entry_cap * sizeof(*entries));
    }
    struct stored s = { .n = payload.n, .time_ms = clock_wall_ms(now), .index = next_index(log) };
    snprintf(s.log, sizeof(s.log), "%s", log);
    snprintf(s.kind, sizeof(s.kind), "%s", kind);
    s.payload = malloc(payload.n + 1);
    memcpy(s.payload, payload.p, payload.n);
    entries[entry_count++] = s;
    *ret = (struct ledger_position){ .index = s.index, .time_ms = s.time_ms };
    return fails ? error_set(e, failing.code, "scribe: the answer was lost") : RESULT_OK;
}

struct result ledger_append(struct rpc_client *scribe, const char *log, const char *kind,
                            struct bytes payload, struct ledger_position *ret, struct error *e)
{
    (void)scribe;
    if (checks_payloads) {
        check_payload(payload);
    }
    pthread_mutex_lock(&lock);
    struct result r = append_locked(log, kind, payload, ret, e);
    pthread_mutex_unlock(&lock);
    return r;
}

struct result ledger_append_receipt(struct rpc_client *scribe, const char *log, const char *kind,
                                    struct bytes payload, struct ledger_position *ret,
                                    struct buf *ret_receipt, struct error *e)
{
    TRY(ledger_append(scribe, log, kind, payload, ret, e));
    buf_addf(ret_receipt, "{\"index\":%llu}", (unsigned long long)ret->index);
    return RESULT_OK;
}

struct result ledger_get_status(struct rpc_client *scribe, const char *log,
                                struct ledger_status *ret, struct error *e)
{
    (void)scribe, (void)e;
    *ret = (struct ledger_status){ .size = fake_scribe_count(log, NULL) };
    return RESULT_OK;
}

struct result ledger_read(struct rpc_client *scribe, const char *log, uint64_t from, uint64_t count,
                          struct result (*fn)(void *arg, const struct ledger_record *r,
                                              struct error *e),
                          void *arg, struct error *e)
{
    (void)scribe;
    for (uint64_t i = from; i < from + count; i++) {
        struct stored *s = find(log, i);
        if (s == NULL) {
            break;
        }
        static const uint8_t salt[LEDGER_SALT_BYTES];
        struct entry en = { .counter = i + 1, .time_ms = s->time_ms, .source = "edge" };
        struct buf leaf = BUF(LEDGER_ENTRY_MAX);
        memcpy(en.kind, s->kind, sizeof(en.kind));
        entry_encode(&en, &leaf);
        struct ledger_record r = { .index = i,
                                   .leaf = buf_bytes(&leaf),
                                   .salt = salt,
                                   .payload = bytes_of(s->payload, s->n) };
        struct result res = fn(arg, &r, e);
        buf_done(&leaf);
        TRY(res);
    }
    return RESULT_OK;
}

/* --- keeper -------------------------------------------------------------------------------- */

void fake_keeper_rotate(void)
{
    key_version++;
}

void fake_keeper_disable(bool on)
{
    is_disabled = on;
}

void fake_keeper_suite(enum crypto_suite s)
{
    suite = s;
}

void fake_keeper_away(bool on)
{
    is_away = on;
}

void data_key_wipe(struct data_key *k)
{
    mem_wipe(k, sizeof(*k));
}

static struct key256 tenant_key(const char *tenant, const struct key_ref *ref)
{
    struct key256 k;
    char text[256];
    int n = snprintf(text, sizeof(text), "%s %s %u", tenant, ref->id, ref->version);
    sha256(bytes_of(text, (size_t)n), k.b);
    return k;
}

static struct result check_state(const struct key_ref *ref, struct error *e)
{
    if (is_away) {
        return error_set(e, ERRC_AGAIN, "keeper is away");
    }
    if (is_disabled) {
        return error_set(e, ERRC_DENIED, "key %s is disabled", ref->id);
    }
    return RESULT_OK;
}

static struct result wrap(const char *tenant, struct bytes aad, struct data_key *dk,
                          struct error *e)
{
    struct buf box = BUF(KEY_WRAPPED_MAX);
    struct key256 k = tenant_key(tenant, &dk->ref);
    TRY_MSG(box_seal(dk->suite, &k, aad, key256_bytes(&dk->key), &rng_system, &box), e, "wrap");
    dk->wrapped_n = box.n;
    memcpy(dk->wrapped, box.p, box.n);
    buf_done(&box);
    return RESULT_OK;
}

struct result keys_data_key(struct rpc_client *keeper, const char *tenant, const char *key_id,
                            struct bytes aad, struct data_key *ret, struct error *e)
{
    (void)keeper;
    struct data_key dk = { .suite = suite, .custodian = "customer" };
    const char *id = key_id[0] == 0 ? "11111111-2222-4333-8444-555555555555" : key_id;
    snprintf(dk.ref.id, sizeof(dk.ref.id), "%s", id);
    dk.ref.version = key_version;
    TRY(check_state(&dk.ref, e));
    rng_fill(&rng_system, dk.key.b, sizeof(dk.key.b));
    TRY(wrap(tenant, aad, &dk, e));
    *ret = dk;
    return RESULT_OK;
}

struct result keys_unwrap(struct rpc_client *keeper, const char *tenant, const struct key_ref *ref,
                          struct bytes aad, struct bytes wrapped, struct key256 *ret,
                          struct error *e)
{
    (void)keeper;
    struct key256 k = tenant_key(tenant, ref);
    TRY(check_state(ref, e));
    enum crypto_suite s = wrapped.n == 32 + box_overhead(SUITE_AES256_GCM) ? SUITE_AES256_GCM
                                                                           : SUITE_SM4_CTR_HMAC_SM3;
    struct buf plain = BUF(KEY256_BYTES);
    TRY_MSG(box_open(s, &k, aad, wrapped, &plain), e, "unwrap");
    memcpy(ret->b, plain.p, KEY256_BYTES);
    buf_done(&plain);
    return RESULT_OK;
}

struct result keys_rewrap(struct rpc_client *keeper, const char *tenant, const struct key_ref *ref,
                          struct bytes aad, struct bytes wrapped, struct data_key *ret,
                          struct error *e)
{
    struct data_key dk = { .suite = suite, .ref = *ref, .custodian = "customer" };
    TRY(keys_unwrap(keeper, tenant, ref, aad, wrapped, &dk.key, e));
    dk.ref.version = key_version;
    TRY(wrap(tenant, aad, &dk, e));
    *ret = dk;
    return RESULT_OK;
}

struct result keys_show(struct rpc_client *keeper, const char *tenant, const char *key_id,
                        struct key_info *ret, struct error *e)
{
    (void)keeper, (void)e;
    struct key_info k = { .version = key_version, .suite = suite };
    snprintf(k.id, sizeof(k.id), "%s", key_id);
    snprintf(k.tenant, sizeof(k.tenant), "%s", tenant);
    *ret = k;
    return RESULT_OK;
}
