/* What the store's tests share: a key, a small schema, one-line reads and writes. */
#ifndef TROTH_TEST_STOREKIT_H
#define TROTH_TEST_STOREKIT_H

#include "store/db.h"
#include "testkit.h"

#include "base/rng.h"

#define KIT_CAPACITY ((uint64_t)256 << 20)

static const struct key256 kit_key = { "0123456789abcdef0123456789abcde" };

static const struct db_migration kit_migrations[] = {
    { 1, "CREATE TABLE item(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, body BLOB);" },
    { 2, "CREATE INDEX item_body ON item(substr(body, 1, 8));" },
};

static inline __attribute__((unused)) struct result kit_open(struct fs *fs, struct db **ret,
                                                             struct error *e)
{
    return db_open(fs, "meta.db", &kit_key, kit_migrations, ARRAY_LEN(kit_migrations), ret, e);
}

struct kit_put {
    const char *name;
    struct bytes body;
    bool fails; /* after the row is written */
};

static inline struct result kit_put_fn(struct db_conn *c, void *arg, struct error *e)
{
    struct kit_put *p = arg;
    struct db_stmt *s = NULL;

    TRY(db_prepare(c, "INSERT INTO item(name, body) VALUES(?1, ?2)", &s, e));
    db_bind_text(s, 1, bytes_str(p->name));
    db_bind_blob(s, 2, p->body);
    TRY(db_run(s, e));
    if (p->fails) {
        FAIL(e, ERRC_CONFLICT, "as asked");
    }
    return RESULT_OK;
}

static inline __attribute__((unused)) struct result kit_put(struct db *db, const char *name,
                                                            struct bytes body, struct error *e)
{
    struct kit_put p = { name, body, false };

    return db_write(db, kit_put_fn, &p, e);
}

static inline struct result kit_delete_fn(struct db_conn *c, void *arg, struct error *e)
{
    struct db_stmt *s = NULL;

    TRY(db_prepare(c, "DELETE FROM item WHERE name = ?1", &s, e));
    db_bind_text(s, 1, bytes_str(arg));
    TRY(db_run(s, e));
    return db_changes(c) == 1 ? RESULT_OK : error_set(e, ERRC_NOT_FOUND, "no such item");
}

static inline struct result kit_replace_fn(struct db_conn *c, void *arg, struct error *e)
{
    struct kit_put *p = arg;
    struct db_stmt *s = NULL;

    TRY(db_prepare(c, "UPDATE item SET body = ?2 WHERE name = ?1", &s, e));
    db_bind_text(s, 1, bytes_str(p->name));
    db_bind_blob(s, 2, p->body);
    TRY(db_run(s, e));
    return db_changes(c) == 1 ? RESULT_OK : error_set(e, ERRC_NOT_FOUND, "no such item");
}

/* The body into `out`, within a snapshot. ERRC_NOT_FOUND. */
static inline struct result kit_get(struct db_conn *c, const char *name, struct buf *out,
                                    struct error *e)
{
    struct db_stmt *s = NULL;
    bool row = false;

    TRY(db_prepare(c, "SELECT body FROM item WHERE name = ?1", &s, e));
    db_bind_text(s, 1, bytes_str(name));
    TRY(db_step(s, &row, e));
    if (!row) {
        FAIL(e, ERRC_NOT_FOUND, "no such item");
    }
    buf_reset(out);
    buf_add(out, db_col_bytes(s, 0));
    return buf_result(out);
}

static inline __attribute__((unused)) int64_t kit_count(struct db *db)
{
    struct db_conn *c = NULL;
    struct db_stmt *s = NULL;
    struct error e = { 0 };
    bool row = false;

    assert_ok(db_read_begin(db, &c, &e), e);
    assert_ok(db_prepare(c, "SELECT count(*) FROM item", &s, &e), e);
    assert_ok(db_step(s, &row, &e), e);
    int64_t n = db_col_i64(s, 0);
    db_read_end(c);
    return n;
}

/* A seed: TROTH_SEED, or a new one, printed either way. */
static inline __attribute__((unused)) uint64_t kit_seed(void)
{
    const char *text = getenv("TROTH_SEED");
    uint64_t seed = text != NULL ? strtoull(text, NULL, 10) : rng_u64(&rng_system) >> 1;

    print_message("# TROTH_SEED=%llu\n", (unsigned long long)seed);
    return seed;
}

#endif
