/* Random operations against a simple model, with closing and reopening between. */
#include "storekit.h"

#define NAMES    300
#define BODY_MAX 9000

struct model {
    bool is_there[NAMES];
    uint32_t body_n[NAMES];
    uint8_t fill[NAMES];
};

static struct bytes body_of(uint8_t *space, uint8_t fill, uint32_t n)
{
    memset(space, fill, n);
    return bytes_of(space, n);
}

static void compare(struct db *db, const struct model *m)
{
    CLEANUP(buf_done_p) struct buf out = BUF(BODY_MAX);
    struct db_conn *c = NULL;
    struct error e = { 0 };
    static uint8_t space[BODY_MAX];
    char name[32];

    assert_ok(db_read_begin(db, &c, &e), e);
    for (unsigned i = 0; i < NAMES; i++) {
        snprintf(name, sizeof(name), "name %u", i);
        if (!m->is_there[i]) {
            assert_code(kit_get(c, name, &out, &e), ERRC_NOT_FOUND);
            continue;
        }
        assert_ok(kit_get(c, name, &out, &e), e);
        assert_bytes(buf_bytes(&out), body_of(space, m->fill[i], m->body_n[i]));
    }
    db_read_end(c);
}

static void step(struct db *db, struct model *m, const struct rng *rng)
{
    static uint8_t space[BODY_MAX];
    unsigned i = (unsigned)rng_below(rng, NAMES);
    uint8_t fill = (uint8_t)rng_below(rng, 256);
    uint32_t n = (uint32_t)rng_below(rng, rng_below(rng, 10) == 0 ? BODY_MAX : 300);
    uint64_t what = rng_below(rng, 10);
    struct error e = { 0 };
    char name[32];

    snprintf(name, sizeof(name), "name %u", i);
    struct kit_put p = { name, body_of(space, fill, n), what == 0 };
    if (what <= 5) {
        enum errc want = m->is_there[i] ? ERRC_EXISTS : p.fails ? ERRC_CONFLICT : ERRC_OK;
        assert_int_equal(db_write(db, kit_put_fn, &p, &e).code, want);
    } else if (what <= 7) {
        enum errc want = m->is_there[i] ? ERRC_OK : ERRC_NOT_FOUND;
        assert_int_equal(db_write(db, kit_delete_fn, name, &e).code, want);
        m->is_there[i] = false;
        return;
    } else {
        enum errc want = m->is_there[i] ? ERRC_OK : ERRC_NOT_FOUND;
        assert_int_equal(db_write(db, kit_replace_fn, &p, &e).code, want);
    }
    if ((what <= 5 && !m->is_there[i] && !p.fails) || (what > 7 && m->is_there[i])) {
        m->is_there[i] = true;
        m->body_n[i] = n;
        m->fill[i] = fill;
    }
}

static void test_model(void **state)
{
    struct fs *fs = fs_fake_new(KIT_CAPACITY);
    struct rng_test rng;
    struct model m = { 0 };
    struct db *db = NULL;
    struct error e = { 0 };

    (void)state;
    rng_test_init(&rng, kit_seed());
    for (int round = 0; round < 8; round++) {
        assert_ok(kit_open(fs, &db, &e), e);
        compare(db, &m);
        for (int i = 0; i < 500; i++) {
            step(db, &m, &rng.base);
        }
        compare(db, &m);
        assert_ok(db_check(db, NULL, NULL, &e), e);
        db_close(db);
    }
    fs_free(fs);
}

int main(void)
{
    static const struct CMUnitTest tests[] = { cmocka_unit_test(test_model) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
