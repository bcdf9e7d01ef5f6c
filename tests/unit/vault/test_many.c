/* Many bodies at once, on coroutines of one loop: few buffers, no deadlock, readers and
 * housekeeping beside them. */
#include "kit.h"

#define UPLOADS 200
#define BYTES   (2 * 1048576 + 333)

struct run {
    struct kit *k;
    struct loop *loop;
    unsigned running, peak;
    unsigned uploaded, read;
};

struct upload {
    struct run *run;
    unsigned number;
};

static void finished(struct run *run)
{
    if (--run->running == 0) {
        loop_stop(run->loop);
    }
}

static void name_of(unsigned number, char ret[16])
{
    snprintf(ret, 16, "u%u", number);
}

static void send_body(struct vault_writer *w, const struct upload *u)
{
    struct error e = { 0 };
    size_t step = 1000 + u->number * 313 % 60000;
    for (size_t at = 0; at < BYTES;) {
        uint8_t *p = NULL;
        size_t n = 0;
        assert_ok(vault_put_space(w, &p, &n, &e), e);
        n = MIN(MIN(n, step), BYTES - at);
        kit_fill(p, n, u->number, at);
        assert_ok(vault_put_wrote(w, n, &e), e);
        at += n;
        if (u->number % 3 == 0) {
            co_yield (); /* a slow client */
        }
    }
}

static void upload_main(void *arg)
{
    struct upload *u = arg;
    struct run *run = u->run;
    struct error e = { 0 };
    struct vault_writer *w = NULL;
    struct vault_object o;
    char key[16];
    CLEANUP(arena_free_p) struct arena *arena = arena_new(4096, false);
    struct vault_ctx cx = run->k->cx;
    cx.arena = arena;
    name_of(u->number, key);
    struct vault_put put = {
        .bucket = &run->k->bucket, .key = bytes_str(key), .has_size = u->number % 2, .size = BYTES
    };
    assert_ok(vault_put_begin(&cx, &put, &w, &e), e);
    send_body(w, u);
    if (u->number % 10 == 9) {
        vault_put_abort(w);
    } else {
        assert_ok(vault_put_commit(w, &o, NULL, &e), e);
        run->uploaded++;
    }
    finished(run);
}

static void reader_main(void *arg)
{
    struct upload *u = arg;
    struct run *run = u->run;
    struct error e = { 0 };
    struct vault_object o;
    char key[16];
    CLEANUP(arena_free_p) struct arena *arena = arena_new(4096, false);
    struct vault_ctx cx = run->k->cx;
    cx.arena = arena;
    name_of(u->number, key);
    for (unsigned tries = 0; tries < 3; tries++) {
        struct vault_reader *r = NULL;
        struct bytes data;
        uint8_t *want = mem_alloc(65536);
        uint64_t at = 0;
        struct result res = vault_head(&cx, &run->k->bucket, bytes_str(key), "", false, &o, &e);
        if (result_is_ok(res)) {
            assert_ok(vault_get_open(&cx, &run->k->bucket, &o, 0, o.size, &r, &e), e);
            do {
                assert_ok(vault_get_read(r, &data, &e), e);
                kit_fill(want, data.n, u->number, at);
                assert_memory_equal(data.p == NULL ? want : data.p, want, data.n);
                at += data.n;
            } while (data.n > 0);
            assert_int_equal(at, BYTES);
            vault_get_close(r);
            run->read++;
        }
        mem_free(want);
        co_sleep_ms(20);
    }
    finished(run);
}

static void small_main(void *arg)
{
    struct upload *u = arg;
    struct run *run = u->run;
    struct error e = { 0 };
    CLEANUP(arena_free_p) struct arena *arena = arena_new(4096, false);
    struct kit own = *run->k;
    own.arena = own.cx.arena = arena;
    for (unsigned i = 0; i < 20; i++) {
        char key[24];
        uint8_t data[5000];
        snprintf(key, sizeof(key), "s%u/%u", u->number, i % 7);
        kit_fill(data, sizeof(data), i, 0);
        assert_ok(kit_put(&own, key, BYTES_OF(data), &e), e);
    }
    finished(run);
}

static void housekeeper_main(void *arg)
{
    struct upload *u = arg;
    struct error e = { 0 };
    for (unsigned i = 0; i < 20; i++) {
        bool more = false;
        assert_ok(vault_housekeep(u->run->k->vault, u->run->k->scribe, &more, &e), e);
        co_sleep_ms(3);
    }
    finished(u->run);
}

static void spawn(struct run *run, void (*fn)(void *arg), struct upload *u, unsigned number)
{
    struct error e = { 0 };
    *u = (struct upload){ .run = run, .number = number };
    run->running++;
    assert_ok(co_spawn(run->loop, fn, u, &e), e);
}

static void test_many(void **state)
{
    struct kit k = { 0 };
    struct error e = { 0 };
    struct run run = { .k = &k };
    struct upload uploads[UPLOADS], readers[20], smalls[20], keeper;
    (void)state;
    assert_ok(pool_new(3, &k.pool, &e), e);
    kit_open(&k, 1u << 30);
    assert_ok(loop_new(&run.loop, &e), e);
    for (unsigned i = 0; i < UPLOADS; i++) {
        spawn(&run, upload_main, &uploads[i], i);
    }
    for (unsigned i = 0; i < 20; i++) {
        spawn(&run, reader_main, &readers[i], i);
        spawn(&run, small_main, &smalls[i], i);
    }
    spawn(&run, housekeeper_main, &keeper, 0);
    assert_ok(loop_run(run.loop, &e), e);
    assert_int_equal(run.uploaded, UPLOADS * 9 / 10);
    struct vault_stats st;
    vault_get_stats(k.vault, &st);
    assert_int_equal(st.buffers_in_use, 0);
    assert_int_equal(st.buffers, 7);
    assert_int_equal(st.objects, UPLOADS * 9 / 10 + 20 * 7);
    assert_int_equal(kit_count_files(&k, "blobs"), UPLOADS * 9 / 10);
    print_message("# %u reads beside the uploads\n", run.read);
    for (unsigned i = 0; i < UPLOADS; i += 17) {
        char key[16];
        uint8_t *got = NULL, *want = mem_alloc(BYTES);
        size_t n = 0;
        name_of(i, key);
        if (i % 10 != 9) {
            assert_ok(kit_get(&k, key, &got, &n, &e), e);
            kit_fill(want, BYTES, i, 0);
            assert_int_equal(n, BYTES);
            assert_memory_equal(got, want, n);
        }
        mem_free(got);
        mem_free(want);
    }
    loop_free(run.loop);
    kit_close(&k);
    pool_free(k.pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_many) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
