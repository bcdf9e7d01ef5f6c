/*
 * Power loss at any moment, under several writers and housekeeping: what was acknowledged is there,
 * whole; what was not is there whole or not at all; every visible object has its entry, and every
 * change that has no effect is void.
 */
#include "kit.h"

#include "base/json.h"

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#define WRITERS 3
#define KEYS    6
#define ROUNDS  40

struct state {
    bool exists;
    uint64_t seed;
    size_t n;
};

struct slot {
    struct state acked, tried; /* tried: what the act under way would make of it */
    bool is_under_way;
};

struct writer {
    struct kit *k;
    unsigned number;
    struct rng_test rng;
    struct slot slots[KEYS];
    _Atomic bool *is_over;
    uint64_t acts;
};

static void key_of(const struct writer *w, size_t slot, char ret[16])
{
    snprintf(ret, 16, "w%u/%zu", w->number, slot);
}

static size_t random_size(struct rng_test *rng)
{
    switch (rng_below(&rng->base, 8)) {
    case 0:
        return 0;
    case 1:
        return rng_below(&rng->base, 300000);
    case 2:
        return rng_below(&rng->base, 3000000);
    default:
        return rng_below(&rng->base, 9000);
    }
}

static struct result put(struct kit *k, const char *key, const struct state *s, bool has_size,
                         struct error *e)
{
    uint8_t *data = mem_alloc(s->n + 1);
    kit_fill(data, s->n, s->seed, 0);
    struct result r = has_size ? kit_put(k, key, bytes_of(data, s->n), e)
                               : kit_put_unknown(k, key, bytes_of(data, s->n), e);
    mem_free(data);
    return r;
}

/* As an upload of one part. Uploads that the power loss interrupts stay open. */
static struct result upload(struct kit *k, const char *key, const struct state *s, struct error *e)
{
    struct vault_upload u;
    struct vault_object o;
    struct vault_writer *w = NULL;
    struct vault_part part = { .number = 1 };
    struct vault_put put = { .bucket = &k->bucket, .key = bytes_str(key) };
    TRY(vault_upload_create(&k->cx, &put, &u, e));
    put.upload_id = u.id;
    put.part_number = 1;
    TRY(vault_put_begin(&k->cx, &put, &w, e));
    uint8_t *data = mem_alloc(s->n + 1);
    kit_fill(data, s->n, s->seed, 0);
    struct result r = vault_put_write(w, bytes_of(data, s->n), e);
    mem_free(data);
    if (!result_is_ok(r)) {
        vault_put_abort(w);
        return r;
    }
    TRY(vault_put_commit(w, &o, NULL, e));
    memcpy(part.etag, o.etag, sizeof(part.etag));
    return vault_upload_complete(&k->cx, &k->bucket, put.key, u.id, &part, 1, NULL, &o, NULL, e);
}

static struct result act(struct kit *k, const char *key, const struct state *s, uint64_t kind,
                         struct error *e)
{
    if (!s->exists) {
        return kit_delete(k, key, e);
    }
    return kind == 0 ? upload(k, key, s, e) : put(k, key, s, kind % 2 == 0, e);
}

static void *writer_main(void *arg)
{
    struct writer *w = arg;
    struct kit own = *w->k;
    own.arena = arena_new(1 << 16, false);
    own.cx.arena = own.arena;
    while (!atomic_load(w->is_over)) {
        struct error e = { 0 };
        char key[16];
        size_t i = rng_below(&w->rng.base, KEYS);
        struct slot *s = &w->slots[i];
        key_of(w, i, key);
        bool removes = rng_below(&w->rng.base, 5) == 0;
        s->tried = (struct state){ .exists = !removes,
                                   .seed = rng_u64(&w->rng.base),
                                   .n = random_size(&w->rng) };
        s->is_under_way = true;
        struct result r = act(&own, key, &s->tried, rng_below(&w->rng.base, 8), &e);
        if (!result_is_ok(r)) {
            break;
        }
        s->acked = s->tried;
        s->is_under_way = false;
        w->acts++;
        arena_reset(own.arena);
    }
    arena_free(own.arena);
    return NULL;
}

static void *housekeeper_main(void *arg)
{
    struct writer *w = arg;
    struct error e = { 0 };
    bool more = false;
    while (!atomic_load(w->is_over) &&
           result_is_ok(vault_housekeep(w->k->vault, w->k->scribe, &more, &e))) {
        w->acts++;
        usleep(300);
    }
    return NULL;
}

/* The object is what `s` says. */
static bool is_as(struct kit *k, const char *key, const struct state *s)
{
    struct error e = { 0 };
    uint8_t *got = NULL;
    size_t n = 0;
    struct result r = kit_get(k, key, &got, &n, &e);
    if (r.code == ERRC_NOT_FOUND) {
        return !s->exists;
    }
    assert_ok(r, e);
    uint8_t *want = mem_alloc(s->n + 1);
    kit_fill(want, s->n, s->seed, 0);
    bool same = s->exists && n == s->n && memcmp(got, want, n) == 0;
    mem_free(want);
    mem_free(got);
    return same;
}

static void check_entry(struct kit *k, const char *key)
{
    struct error e = { 0 };
    struct vault_object o;
    const char *kind = NULL;
    char text[64];
    if (!result_is_ok(vault_head(&k->cx, &k->bucket, bytes_str(key), "", false, &o, &e))) {
        return;
    }
    struct bytes payload = fake_scribe_payload("acme", o.log_index, &kind);
    assert_true(strcmp(kind, "object.put") == 0 || strcmp(kind, "multipart.complete") == 0);
    snprintf(text, sizeof(text), "\"key\":\"%s\"", key);
    assert_true(bytes_find(payload, bytes_str(text)) < payload.n);
    snprintf(text, sizeof(text), "\"size\":%llu,", (unsigned long long)o.size);
    assert_true(bytes_find(payload, bytes_str(text)) < payload.n);
}

static void check_slots(struct writer *w, uint64_t seed)
{
    for (size_t i = 0; i < KEYS; i++) {
        struct slot *s = &w->slots[i];
        char key[16];
        key_of(w, i, key);
        bool old = is_as(w->k, key, &s->acked);
        bool new = s->is_under_way &&is_as(w->k, key, &s->tried);
        if (!old && !new) {
            fail_msg("seed %llu: %s is neither what was acknowledged nor what was tried",
                     (unsigned long long)seed, key);
        }
        if (!old) {
            s->acked = s->tried;
        }
        s->is_under_way = false;
        check_entry(w->k, key);
    }
}

static void count_found(void *arg, const char *place, const char *what)
{
    print_message("# %s: %s\n", place, what);
    ++*(unsigned *)arg;
}

static void run_round(struct kit *k, struct writer *writers, uint64_t seed)
{
    pthread_t threads[WRITERS + 1];
    _Atomic bool is_over = false;
    struct writer keeper = { .k = k, .is_over = &is_over };
    for (unsigned i = 0; i < WRITERS; i++) {
        writers[i].is_over = &is_over;
        rng_test_init(&writers[i].rng, seed * 100 + i);
        pthread_create(&threads[i], NULL, writer_main, &writers[i]);
    }
    pthread_create(&threads[WRITERS], NULL, housekeeper_main, &keeper);
    usleep((useconds_t)(500 + seed * 7919 % 25000));
    fs_fake_power_loss(k->fs, seed);
    atomic_store(&is_over, true);
    for (unsigned i = 0; i <= WRITERS; i++) {
        pthread_join(threads[i], NULL);
    }
    clock_fake_advance(&k->clock, 5000);
    kit_stop(k);
    kit_start(k);
    for (unsigned i = 0; i < WRITERS; i++) {
        check_slots(&writers[i], seed);
    }
    struct error e = { 0 };
    uint64_t objects = 0, bytes = 0;
    unsigned found = 0;
    assert_ok(vault_check(&k->cx, count_found, &found, &objects, &bytes, &e), e);
    assert_int_equal(found, 0);
    arena_reset(k->arena);
}

static void test_power_loss(void **state)
{
    struct kit k = { 0 };
    struct writer writers[WRITERS];
    const char *given = getenv("SEED");
    uint64_t first = given != NULL ? strtoull(given, NULL, 10) : 1;
    (void)state;
    kit_open(&k, 1u << 30);
    memset(writers, 0, sizeof(writers));
    for (unsigned i = 0; i < WRITERS; i++) {
        writers[i].k = &k;
        writers[i].number = i;
    }
    for (uint64_t seed = first; seed < first + ROUNDS; seed++) {
        run_round(&k, writers, seed);
    }
    uint64_t acts = 0;
    for (unsigned i = 0; i < WRITERS; i++) {
        acts += writers[i].acts;
    }
    print_message("# seed %llu: %llu acts\n", (unsigned long long)first, (unsigned long long)acts);
    /* Everything deleted leaves nothing behind. */
    for (unsigned i = 0; i < WRITERS; i++) {
        for (size_t s = 0; s < KEYS; s++) {
            struct error e = { 0 };
            char key[16];
            key_of(&writers[i], s, key);
            assert_ok(kit_delete(&k, key, &e), e);
        }
    }
    struct error e = { 0 };
    struct vault_upload *open = NULL;
    size_t n = 0;
    bool truncated = false;
    assert_ok(vault_upload_list(&k.cx, &k.bucket, BYTES_NONE, BYTES_NONE, NULL, 1000, &open, &n,
                                &truncated, &e),
              e);
    for (size_t i = 0; i < n; i++) {
        assert_ok(vault_upload_abort(&k.cx, &k.bucket, open[i].key, open[i].id, &e), e);
    }
    kit_housekeep(&k);
    assert_int_equal(kit_count_files(&k, "blobs"), 0);
    struct vault_stats st;
    vault_get_stats(k.vault, &st);
    assert_int_equal(st.objects, 0);
    assert_int_equal(st.bytes, 0);
    assert_int_equal(st.blobs_pending_delete, 0);
    kit_close(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_power_loss) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
