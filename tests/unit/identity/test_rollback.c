/* An older copy of the directory against what the logs tell, with a double of the scribe that keeps
 * logs in memory in place of ledger/client.c. */
#include "grant_kit.h"

#include "identity/rollback.h"
#include "ledger/client.h"

#define LOGS   8
#define FILLER "{\"object\":\"x\"}"

/* --- the scribe: entries are fillers but for those that are kept --- */

struct kept {
    uint64_t index;
    char kind[64], payload[256];
};
static struct log {
    char name[64];
    uint64_t size;
    struct kept kept[64];
    size_t n;
    enum errc refuses;
} logs[LOGS];
static uint64_t entries_read;

static struct log *log_of(const char *name)
{
    for (size_t i = 0; i < LOGS; i++) {
        if (logs[i].name[0] == '\0') {
            snprintf(logs[i].name, sizeof(logs[i].name), "%s", name);
        }
        if (strcmp(logs[i].name, name) == 0) {
            return &logs[i];
        }
    }
    fail_msg("too many logs");
    return NULL;
}

struct result ledger_append(struct rpc_client *scribe, const char *log, const char *kind,
                            struct bytes payload, struct ledger_position *ret, struct error *e)
{
    struct log *l = log_of(log);
    (void)scribe;
    if (l->refuses != ERRC_OK) {
        FAIL(e, l->refuses, "scribe: %s", errc_name(l->refuses));
    }
    assert_true(l->n < ARRAY_LEN(l->kept));
    struct kept *k = &l->kept[l->n++];
    k->index = l->size++;
    snprintf(k->kind, sizeof(k->kind), "%s", kind);
    snprintf(k->payload, sizeof(k->payload), "%.*s", BYTES_FMT(payload));
    *ret = (struct ledger_position){ .index = k->index };
    return RESULT_OK;
}

struct result ledger_get_status(struct rpc_client *scribe, const char *log,
                                struct ledger_status *ret, struct error *e)
{
    (void)scribe;
    (void)e;
    *ret = (struct ledger_status){ .size = log_of(log)->size };
    return RESULT_OK;
}

struct result ledger_read(struct rpc_client *scribe, const char *log, uint64_t from, uint64_t count,
                          struct result (*fn)(void *arg, const struct ledger_record *r,
                                              struct error *e),
                          void *arg, struct error *e)
{
    const struct log *l = log_of(log);
    (void)scribe;
    assert_true(from + count <= l->size);
    entries_read += count;
    for (size_t i = 0; i < l->n; i++) {
        if (l->kept[i].index >= from && l->kept[i].index < from + count) {
            const struct ledger_record rec = { .index = l->kept[i].index,
                                               .payload = bytes_str(l->kept[i].payload) };
            TRY(fn(arg, &rec, e));
        }
    }
    const struct ledger_record filler = { .index = from, .payload = BYTES_LIT(FILLER) };
    return fn(arg, &filler, e);
}

static void told(const char *log, const char *payload)
{
    struct ledger_position at;
    struct error e;
    assert_ok(ledger_append(NULL, log, "user.create", bytes_str(payload), &at, &e), e);
}

static size_t count_of(const char *log, const char *kind)
{
    const struct log *l = log_of(log);
    size_t n = 0;
    for (size_t i = 0; i < l->n; i++) {
        n += strcmp(l->kept[i].kind, kind) == 0;
    }
    return n;
}

static const char *last_of(const char *log)
{
    const struct log *l = log_of(log);
    assert_true(l->n > 0);
    return l->kept[l->n - 1].payload;
}

/* --- --- */

static int start(void **state)
{
    memset(logs, 0, sizeof(logs));
    entries_read = 0;
    return setup(state);
}

static void reopen(struct world *w)
{
    struct error e;
    directory_close(w->d);
    assert_ok(directory_open(w->fs, &database_key, &w->clock.base, &w->rng.base, &w->d, &e), e);
}

static void check(struct world *w)
{
    struct error e;
    assert_ok(rollback_check(w->d, NULL, &e), e);
}

static void mark(struct world *w)
{
    struct error e;
    assert_ok(rollback_mark(w->d, NULL, &e), e);
}

static bool is_frozen(struct world *w, const char *realm)
{
    struct error e;
    bool frozen = false, rolled_back = false;
    assert_ok(realm_is_frozen(w->d, realm, &frozen, &e), e);
    assert_ok(realm_is_rolled_back(w->d, realm, &rolled_back, &e), e);
    assert_int_equal(frozen, rolled_back);
    return frozen;
}

static const char *of_counter(uint64_t n, const char *tenant)
{
    static char text[128];
    snprintf(text, sizeof(text), "{\"changes\":%llu%s%s%s}", (unsigned long long)n,
             tenant == NULL ? "" : ",\"tenant\":\"", tenant == NULL ? "" : tenant,
             tenant == NULL ? "" : "\"");
    return text;
}

static RESULT nothing(struct db_conn *c, void *arg, struct error *e)
{
    (void)c;
    (void)arg;
    (void)e;
    return RESULT_OK;
}

static RESULT refused(struct db_conn *c, void *arg, struct error *e)
{
    TRY(sql_run(c, "UPDATE tenants SET frozen_ms = 7", (struct sql_in){ NULL, 0 }, e));
    (void)arg;
    FAIL(e, ERRC_CONFLICT, "no");
}

static void change(struct world *w)
{
    struct error e;
    assert_ok(directory_change(w->d, nothing, NULL, &e), e);
}

/* The counter grows with each change, durably, and not with what was refused. */
static void test_counter(void **state)
{
    struct world *w = *state;
    struct error e;
    uint64_t n = directory_changes(w->d);
    assert_true(n >= 2);
    assert_int_equal(directory_changes_tell(w->d, "acme", n), 0);
    change(w);
    assert_int_equal(directory_changes(w->d), n + 1);
    assert_int_equal(directory_changes_tell(w->d, "acme", n), n + 1);
    assert_code(directory_change(w->d, refused, NULL, &e), ERRC_CONFLICT);
    assert_int_equal(directory_changes(w->d), n + 1);
    assert_false(is_frozen(w, "acme"));
    reopen(w);
    assert_int_equal(directory_changes(w->d), n + 1);
}

/* What the logs tell up to the database's own counter is no finding. */
static void test_in_order(void **state)
{
    struct world *w = *state;
    uint64_t n = directory_changes(w->d);
    told("platform", of_counter(n, NULL));
    told("acme", of_counter(n - 1, NULL));
    told("acme", "{\"after\":{\"changes\":900},\"phase\":\"outcome\"}"); /* not the server's own */
    told("acme", "{\"changes\":\"900\"}");
    check(w);
    assert_false(is_frozen(w, "acme") || is_frozen(w, IDENTITY_PLATFORM));
    assert_int_equal(directory_changes(w->d), n);
    assert_int_equal(count_of("platform", "identity.rollback"), 0);
}

/*= 2.1.5-3 test */
static void test_older_copy(void **state)
{
    struct world *w = *state;
    struct error e;
    uint64_t n = directory_changes(w->d);
    told("platform", of_counter(n + 5, NULL));
    told("acme", of_counter(n + 4, NULL));
    told("acme", of_counter(n + 1, NULL));
    told("beta", of_counter(n, NULL));
    check(w);
    assert_true(is_frozen(w, "acme") && is_frozen(w, IDENTITY_PLATFORM));
    assert_false(is_frozen(w, "beta"));
    char expected[96];
    snprintf(expected, sizeof(expected), "{\"had\":%llu,\"has\":%llu}", (unsigned long long)n + 4,
             (unsigned long long)n);
    assert_string_equal(last_of("acme"), expected);
    assert_int_equal(count_of("platform", "identity.rollback"), 1);
    assert_int_equal(count_of("beta", "identity.rollback"), 0);
    assert_int_equal(directory_changes(w->d), n + 6); /* above all that was told */
    reopen(w);
    check(w);
    assert_int_equal(count_of("acme", "identity.rollback"), 1);
    assert_true(is_frozen(w, "acme"));
    assert_ok(realm_set_frozen(w->d, "acme", false, &e), e);
    assert_false(is_frozen(w, "acme"));
}

/* A change of a tenant that is told of in the platform log concerns the tenant. */
static void test_named_in_platform(void **state)
{
    struct world *w = *state;
    uint64_t n = directory_changes(w->d);
    told("platform", of_counter(n + 1, "beta"));
    told("platform", of_counter(n + 2, "gone"));
    check(w);
    assert_true(is_frozen(w, "beta"));
    assert_false(is_frozen(w, "acme"));
    assert_int_equal(count_of("beta", "identity.rollback"), 1);
}

/* Sessions, tokens and enrolment codes are ended, of all realms. */
static void test_revoked(void **state)
{
    struct world *w = *state;
    static const char *const rows[] = {
        "INSERT INTO enrolments VALUES(x'01', 'AIDA', 1, 2)",
        "INSERT INTO tokens VALUES('ASX', x'01', 'acme', 'acme', 'AIDA', '', '', '', x'01', '', "
        "'{}', 0, '', 1, 2)",
        "INSERT INTO sessions VALUES(x'01', 's', 'AIDA', 'acme', 0, 1, 1, 2, '', x'01', 0, 0, "
        "x'01', NULL)",
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        sql(w, rows[i], (struct sql_in){ NULL, 0 });
    }
    static const char count[] = "SELECT (SELECT count(*) FROM sessions) + (SELECT count(*) FROM "
                                "tokens) + (SELECT count(*) FROM enrolments)";
    assert_int_equal(number(w, count, (struct sql_in){ NULL, 0 }), 3);
    told("platform", of_counter(directory_changes(w->d) + 1, NULL));
    check(w);
    assert_int_equal(number(w, count, (struct sql_in){ NULL, 0 }), 0);
}

/* The newest counter is found behind a long quiet; behind the bound it is not looked for. */
static void test_tail(void **state)
{
    struct world *w = *state;
    uint64_t n = directory_changes(w->d);
    told("acme", of_counter(n + 1, NULL));
    log_of("acme")->size += ROLLBACK_TAIL;
    check(w);
    assert_false(is_frozen(w, "acme"));
    assert_int_equal(entries_read, ROLLBACK_TAIL);
    log_of("acme")->size -= 1;
    check(w);
    assert_true(is_frozen(w, "acme"));
}

/* A tail of the platform's that does not reach back to the time of the copy: all are concerned. */
static void test_cut(void **state)
{
    struct world *w = *state;
    log_of("platform")->size = ROLLBACK_TAIL;
    told("platform", of_counter(directory_changes(w->d) + 1, NULL));
    check(w);
    assert_true(is_frozen(w, "acme") && is_frozen(w, "beta"));
}

/* In the platform log within ten seconds, in each log before it is ten thousand entries back; and
 * reading a tail with marks is short. */
static void test_marks(void **state)
{
    struct world *w = *state;
    check(w);
    mark(w);
    assert_int_equal(count_of("platform", "identity.mark"), 1);
    change(w);
    change(w);
    mark(w);
    assert_int_equal(count_of("platform", "identity.mark"), 1);
    advance(w, ROLLBACK_MARK_MS);
    mark(w);
    assert_int_equal(count_of("platform", "identity.mark"), 2);
    assert_string_equal(last_of("platform"), of_counter(directory_changes(w->d), NULL));
    advance(w, HOUR);
    mark(w);
    assert_int_equal(count_of("platform", "identity.mark"), 2);
    uint64_t before = directory_changes(w->d);
    change(w);
    uint64_t n = directory_changes_tell(w->d, "acme", before);
    log_of("acme")->size += ROLLBACK_MARK_ENTRIES - 1;
    mark(w);
    assert_int_equal(count_of("acme", "identity.mark"), 0);
    for (int i = 0; i < 5; i++) {
        log_of("acme")->size += ROLLBACK_MARK_ENTRIES;
        change(w); /* of others: a tenant's marks tell of its own alone */
        mark(w);
        assert_string_equal(last_of("acme"), of_counter(n, NULL));
    }
    assert_int_equal(count_of("acme", "identity.mark"), 5);
    assert_int_equal(count_of("beta", "identity.mark"), 0);
    log_of("acme")->size += ROLLBACK_MARK_ENTRIES - 1;
    reopen(w);
    entries_read = 0;
    check(w);
    assert_true(entries_read < 2 * ROLLBACK_MARK_ENTRIES);
    assert_false(is_frozen(w, "acme"));
    mark(w);
    assert_int_equal(count_of("acme", "identity.mark"), 5); /* where it was is known again */
}

/* Nothing is lost when the scribe is away: asked again, it begins anew. A closed log is passed
 * over. */
static void test_scribe_away(void **state)
{
    struct world *w = *state;
    struct error e;
    told("platform", of_counter(directory_changes(w->d) + 3, NULL));
    told("acme", of_counter(directory_changes(w->d) + 3, NULL));
    log_of("platform")->refuses = ERRC_AGAIN;
    log_of("acme")->refuses = ERRC_EXPIRED;
    assert_code(rollback_check(w->d, NULL, &e), ERRC_AGAIN);
    assert_false(is_frozen(w, "acme"));
    log_of("platform")->refuses = ERRC_OK;
    check(w);
    assert_true(is_frozen(w, "acme"));
    assert_int_equal(count_of("platform", "identity.rollback"), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, start, teardown)
        T(test_counter),     T(test_in_order), T(test_older_copy), T(test_named_in_platform),
        T(test_revoked),     T(test_tail),     T(test_cut),        T(test_marks),
        T(test_scribe_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
