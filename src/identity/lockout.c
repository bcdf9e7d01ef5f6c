/*
 * Waits after failures: rows of `lockouts`, each named by one letter for its scope and a hash of
 * what it counts, so that a name typed in (perhaps a password by mistake) is not readable here. The
 * entry of a failed sign-in has it: who was tried is to be known.
 */
#include "identity/lockout.h"

#include "base/text.h"
#include "crypto/hash.h"
#include "identity/param.h"
#include "identity/sql_priv.h"
#include "identity/user.h"

#include <arpa/inet.h>
#include <inttypes.h>

#define FIRST_WAIT_MS  1000
#define SLOW_WAIT_MS   30000 /* of an account as such */
#define WIDE           10    /* times as many failures: of a source, of an account */
#define PAST_MAX       20    /* failures past the bound that count */
#define MINUTE_MS      60000
#define KNOWN_MS       ((int64_t)90 * 24 * 3600 * 1000)
#define SUBJECT_BYTES  66 /* a letter, hex of SHA-256, NUL */
#define SOURCE_V6_BITS 64

enum scope { SCOPE_PAIR, SCOPE_SOURCE, SCOPE_ACCOUNT, SCOPE_COUNT };

struct bounds {
    int64_t tries, longest_ms, forget_ms;
};

struct attempt {
    char subject[SCOPE_COUNT][SUBJECT_BYTES], known[SUBJECT_BYTES];
    struct bounds bounds[SCOPE_COUNT];
    int64_t now_ms;
    enum { MODE_TRY, MODE_UNDO, MODE_CLEAR } mode;
    bool is_new;
};

/* What counts as one source: an IPv4 address, an IPv6 /64, anything else as it is. */
static void source_of(const char *ip, struct buf *out)
{
    uint8_t a[16];
    char text[INET6_ADDRSTRLEN];
    static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

    if (inet_pton(AF_INET6, ip, a) != 1) {
        buf_add_str(out, ip);
    } else if (memcmp(a, mapped, sizeof(mapped)) == 0) {
        buf_add_str(out, inet_ntop(AF_INET, a + 12, text, sizeof(text)));
    } else {
        memset(a + SOURCE_V6_BITS / 8, 0, sizeof(a) - SOURCE_V6_BITS / 8);
        buf_add_str(out, inet_ntop(AF_INET6, a, text, sizeof(text)));
    }
}

static void subject_make(char letter, struct bytes account, struct bytes source,
                         char ret[SUBJECT_BYTES])
{
    uint8_t digest[SHA256_BYTES];
    struct bytes parts[] = { account, BYTES_LIT("\n"), source };
    sha256_parts(parts, ARRAY_LEN(parts), digest);
    ret[0] = letter;
    hex_encode(BYTES_OF(digest), ret + 1);
}

static struct bounds bounds_of(struct directory *d, const char *realm, int64_t times)
{
    int64_t longest_ms = (int64_t)param_u64(d, realm, PARAM_LOCK_TIME) * MINUTE_MS;
    return (struct bounds){
        .tries = (int64_t)param_u64(d, realm, PARAM_LOCK_TRIES) * times,
        .longest_ms = longest_ms,
        .forget_ms = longest_ms / times,
    };
}

static void attempt_init(struct directory *d, const char *account, const char *ip,
                         struct attempt *ret)
{
    CLEANUP(buf_done_p) struct buf source = BUF(256);
    CLEANUP(buf_done_p) struct buf name = BUF(2048);
    char realm[TENANT_NAME_BYTES] = "";
    const char *slash = strchr(account, '/');

    if (slash != NULL && (size_t)(slash - account) < sizeof(realm)) {
        memcpy(realm, account, (size_t)(slash - account));
    }
    for (const char *c = account; *c != '\0'; c++) { /* names regard no case */
        buf_add_u8(&name, (uint8_t)(*c >= 'A' && *c <= 'Z' ? *c + 32 : *c));
    }
    source_of(ip, &source);
    struct bytes n = buf_bytes(&name), s = buf_bytes(&source);
    subject_make('p', n, s, ret->subject[SCOPE_PAIR]);
    subject_make('s', BYTES_NONE, s, ret->subject[SCOPE_SOURCE]);
    subject_make('a', n, BYTES_NONE, ret->subject[SCOPE_ACCOUNT]);
    subject_make('k', n, s, ret->known);
    ret->bounds[SCOPE_PAIR] = bounds_of(d, realm, 1);
    ret->bounds[SCOPE_SOURCE] = bounds_of(d, IDENTITY_PLATFORM, WIDE);
    ret->bounds[SCOPE_ACCOUNT] = bounds_of(d, realm, WIDE);
    ret->bounds[SCOPE_ACCOUNT].longest_ms = SLOW_WAIT_MS;
    ret->now_ms = clock_wall_ms(d->clock);
}

struct count {
    int64_t failures, last_ms, until_ms;
};

static void count_of_row(struct db_stmt *s, struct arena *arena, void *item)
{
    struct count *k = item;
    (void)arena;
    k->failures = db_col_i64(s, 0);
    k->last_ms = db_col_i64(s, 1);
    k->until_ms = db_col_i64(s, 2);
}

/* As it stands now: what is forgotten is taken off. */
static RESULT count_load(struct db_conn *c, const char *subject, const struct bounds *b,
                         int64_t now_ms, struct count *ret, struct error *e)
{
    struct count k = { 0 };
    struct result r = sql_one(c, "count",
                              "SELECT failures, last_ms, until_ms FROM lockouts WHERE subject = ?1",
                              SQL_IN(SQL_STR(subject)), count_of_row, NULL, &k, NULL);
    if (!result_is_ok(r) && r.code != ERRC_NOT_FOUND) {
        FAIL(e, r.code, "failed logins can't be read");
    }
    int64_t forgotten = MAX(now_ms - k.last_ms, 0) / b->forget_ms;
    k.failures -= MIN(forgotten, k.failures);
    *ret = k;
    return RESULT_OK;
}

static RESULT count_save(struct db_conn *c, const char *subject, const struct count *k,
                         struct error *e)
{
    return sql_run(c,
                   "INSERT INTO lockouts(subject, failures, last_ms, until_ms)"
                   " VALUES(?1, ?2, ?3, ?4) ON CONFLICT(subject) DO UPDATE SET"
                   " failures = ?2, last_ms = ?3, until_ms = ?4",
                   SQL_IN(SQL_STR(subject), SQL_INT(k->failures), SQL_INT(k->last_ms),
                          SQL_INT(k->until_ms)),
                   e);
}

static int64_t wait_after(const struct count *k, const struct bounds *b)
{
    int64_t past = k->failures - b->tries;
    return past < 0 ? 0 : MIN((int64_t)FIRST_WAIT_MS << MIN(past, PAST_MAX), b->longest_ms);
}

/* ERRC_AGAIN while one of the three waits. A clock that was set back makes no wait longer. */
static RESULT waits_check(struct db_conn *c, const struct attempt *a, struct error *e)
{
    int64_t wait_ms = 0, is_known = 0;
    TRY(sql_i64(c, "SELECT count(*) FROM lockouts WHERE subject = ?1 AND until_ms > ?2",
                SQL_IN(SQL_STR(a->known), SQL_INT(a->now_ms)), &is_known, e));
    for (unsigned i = 0; i < SCOPE_COUNT; i++) {
        struct count k;
        if (i == SCOPE_ACCOUNT && is_known != 0) {
            continue;
        }
        TRY(count_load(c, a->subject[i], &a->bounds[i], a->now_ms, &k, e));
        wait_ms = MAX(wait_ms, MIN(k.until_ms - a->now_ms, a->bounds[i].longest_ms));
    }
    if (wait_ms > 0) {
        FAIL(e, ERRC_AGAIN, "too many failed logins: try again in %" PRId64 " s",
             (wait_ms + 999) / 1000);
    }
    return RESULT_OK;
}

static RESULT failures_add(struct db_conn *c, struct attempt *a, struct error *e)
{
    a->is_new = false;
    for (unsigned i = 0; i < SCOPE_COUNT; i++) {
        const struct bounds *b = &a->bounds[i];
        struct count k;
        TRY(count_load(c, a->subject[i], b, a->now_ms, &k, e));
        k.failures = MIN(k.failures + 1, b->tries + PAST_MAX);
        k.last_ms = a->now_ms;
        k.until_ms = a->now_ms + wait_after(&k, b);
        a->is_new = a->is_new || k.failures == b->tries;
        TRY(count_save(c, a->subject[i], &k, e));
    }
    return RESULT_OK;
}

/* The try was let in, so nothing waited before it but what came meanwhile. For the account nothing
 * waits then: one factor that fits leads to the next step. A source that also fails elsewhere waits
 * on: an account of its own is no way around. */
static RESULT failure_take_back(struct db_conn *c, const struct attempt *a, struct error *e)
{
    for (unsigned i = 0; i < SCOPE_COUNT; i++) {
        const struct bounds *b = &a->bounds[i];
        struct count k;
        TRY(count_load(c, a->subject[i], b, a->now_ms, &k, e));
        k.failures = MAX(k.failures - 1, 0);
        k.until_ms = i == SCOPE_SOURCE ? MIN(k.until_ms, k.last_ms + wait_after(&k, b)) : 0;
        TRY(count_save(c, a->subject[i], &k, e));
    }
    return RESULT_OK;
}

static RESULT source_known(struct db_conn *c, const struct attempt *a, struct error *e)
{
    const struct count known = { .last_ms = a->now_ms, .until_ms = a->now_ms + KNOWN_MS };
    TRY(sql_run(c, "DELETE FROM lockouts WHERE subject = ?1",
                SQL_IN(SQL_STR(a->subject[SCOPE_PAIR])), e));
    return count_save(c, a->known, &known, e);
}

/*= 2.1.4-7 "failed logins wait longer each time, by account and by source" */
static RESULT attempt_write(struct db_conn *c, void *arg, struct error *e)
{
    struct attempt *a = arg;
    switch (a->mode) {
    case MODE_TRY:
        TRY(waits_check(c, a, e));
        return failures_add(c, a, e);
    case MODE_UNDO:
        return failure_take_back(c, a, e);
    case MODE_CLEAR:
        TRY(failure_take_back(c, a, e));
        return source_known(c, a, e);
    }
    return result_of(ERRC_BUG);
}

static RESULT attempt_run(struct directory *d, struct attempt *a, const char *account,
                          const char *ip, struct error *e)
{
    attempt_init(d, account, ip, a);
    return db_write(d->db, attempt_write, a, e);
}

RESULT lockout_try(struct directory *d, const char *account, const char *ip, bool *ret_is_new,
                   struct error *e)
{
    struct attempt a = { .mode = MODE_TRY };
    TRY(attempt_run(d, &a, account, ip, e));
    *ret_is_new = a.is_new;
    return RESULT_OK;
}

RESULT lockout_undo(struct directory *d, const char *account, const char *ip, struct error *e)
{
    struct attempt a = { .mode = MODE_UNDO };
    return attempt_run(d, &a, account, ip, e);
}

RESULT lockout_clear(struct directory *d, const char *account, const char *ip, struct error *e)
{
    struct attempt a = { .mode = MODE_CLEAR };
    return attempt_run(d, &a, account, ip, e);
}

RESULT lockout_check(struct directory *d, const char *account, const char *ip, struct error *e)
{
    struct attempt a = { 0 };
    CLEANUP(db_read_end_p) struct db_conn *c = NULL;
    attempt_init(d, account, ip, &a);
    TRY(db_read_begin(d->db, &c, e));
    return waits_check(c, &a, e);
}
