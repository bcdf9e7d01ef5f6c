#include "kit.h"

void kit_open(struct kit *k, uint64_t capacity)
{
    struct error e = { 0 };
    uint64_t buffer = k->buffer_bytes, reserve = k->reserve_bytes, pack = k->pack_bytes;
    struct pool *pool = k->pool;
    *k = (struct kit){ .buffer_bytes = buffer == 0 ? 8u << 20 : buffer,
                       .reserve_bytes = reserve == 0 ? 4096 : reserve,
                       .pack_bytes = pack == 0 ? 1u << 20 : pack,
                       .pool = pool };
    clock_fake_init(&k->clock, 1795340000000);
    fakes_reset(&k->clock.base);
    fake_scribe_check_payloads(true);
    k->fs = fs_fake_new(capacity);
    assert_ok(rpc_client_new(NULL, "keeper", &k->keeper, &e), e);
    assert_ok(rpc_client_new(NULL, "scribe", &k->scribe, &e), e);
    k->arena = arena_new(1 << 16, false);
    kit_start(k);
    assert_ok(vault_bucket_create(&k->cx, BYTES_LIT("data"), &k->bucket, &e), e);
}

struct result kit_try_start(struct kit *k, struct error *e)
{
    static const struct key256 key = { { 7 } };
    TRY(db_open(k->fs, "meta.db", &key, vault_migrations, vault_migration_count, &k->db, e));
    struct vault_config config = { .fs = k->fs,
                                   .db = k->db,
                                   .pool = k->pool,
                                   .clock = &k->clock.base,
                                   .rng = &rng_system,
                                   .buffer_bytes = k->buffer_bytes,
                                   .reserve_bytes = k->reserve_bytes,
                                   .pack_bytes = k->pack_bytes };
    TRY(vault_open(&config, &k->vault, e));
    k->cx = (struct vault_ctx){ .vault = k->vault,
                                .keeper = k->keeper,
                                .scribe = k->scribe,
                                .arena = k->arena,
                                .tenant = "acme",
                                .actor = "tenant/acme",
                                .access_key = "AKTEST",
                                .ip = "127.0.0.1",
                                .agent = "kit",
                                .request_id = "0123456789abcdef" };
    return vault_recover(k->vault, k->scribe, "acme", e);
}

void kit_start(struct kit *k)
{
    struct error e = { 0 };
    assert_ok(kit_try_start(k, &e), e);
}

void kit_stop(struct kit *k)
{
    vault_close(k->vault);
    db_close(k->db);
    k->vault = NULL;
    k->db = NULL;
}

void kit_power_loss(struct kit *k, uint64_t seed)
{
    fs_fake_power_loss(k->fs, seed);
    kit_stop(k);
}

void kit_close(struct kit *k)
{
    kit_stop(k);
    arena_free(k->arena);
    rpc_client_free(k->keeper);
    rpc_client_free(k->scribe);
    fs_free(k->fs);
}

void kit_fill(uint8_t *p, size_t n, uint64_t seed, uint64_t at)
{
    for (size_t i = 0; i < n; i++, at++) {
        uint64_t x = (at / 8 + 1) * 0x9e3779b97f4a7c15u ^ seed * 0xbf58476d1ce4e5b9u;
        x ^= x >> 29;
        p[i] = (uint8_t)(x >> (8 * (at % 8)));
    }
}

static struct result write_and_commit(struct kit *k, struct vault_put *put, struct bytes data,
                                      struct error *e)
{
    struct vault_writer *w = NULL;
    struct vault_object o;
    TRY(vault_put_begin(&k->cx, put, &w, e));
    struct result r = vault_put_write(w, data, e);
    if (!result_is_ok(r)) {
        vault_put_abort(w);
        return r;
    }
    return vault_put_commit(w, &o, NULL, e);
}

struct result kit_put(struct kit *k, const char *key, struct bytes data, struct error *e)
{
    struct vault_put put = {
        .bucket = &k->bucket, .key = bytes_str(key), .has_size = true, .size = data.n
    };
    return write_and_commit(k, &put, data, e);
}

struct result kit_put_unknown(struct kit *k, const char *key, struct bytes data, struct error *e)
{
    struct vault_put put = { .bucket = &k->bucket, .key = bytes_str(key) };
    return write_and_commit(k, &put, data, e);
}

static struct result read_range(struct kit *k, const struct vault_object *o, uint64_t from,
                                uint64_t n, uint8_t *dst, struct error *e)
{
    CLEANUP(vault_get_close_p) struct vault_reader *r = NULL;
    struct bytes data;
    size_t got = 0;
    TRY(vault_get_open(&k->cx, &k->bucket, o, from, n, &r, e));
    do {
        TRY(vault_get_read(r, &data, e));
        assert_true(data.n <= n - got);
        memcpy(dst + got, data.n == 0 ? dst : data.p, data.n);
        got += data.n;
    } while (data.n > 0);
    assert_int_equal(got, n);
    return RESULT_OK;
}

struct result kit_get_range(struct kit *k, const char *key, uint64_t from, uint64_t n,
                            uint8_t **ret, size_t *ret_n, struct error *e)
{
    struct vault_object o;
    TRY(vault_head(&k->cx, &k->bucket, bytes_str(key), "", false, &o, e));
    uint64_t length = n == UINT64_MAX ? o.size : n;
    uint8_t *p = mem_alloc(length + 1);
    struct result r = read_range(k, &o, from, length, p, e);
    if (!result_is_ok(r)) {
        mem_free(p);
        return r;
    }
    *ret = p;
    *ret_n = length;
    return RESULT_OK;
}

struct result kit_get(struct kit *k, const char *key, uint8_t **ret, size_t *ret_n, struct error *e)
{
    return kit_get_range(k, key, 0, UINT64_MAX, ret, ret_n, e);
}

struct result kit_delete(struct kit *k, const char *key, struct error *e)
{
    bool existed = false;
    return vault_delete(&k->cx, &k->bucket, bytes_str(key), "", &existed, e);
}

void kit_housekeep(struct kit *k)
{
    struct error e = { 0 };
    bool more = true;
    clock_fake_advance(&k->clock, 3600 * 1000);
    for (unsigned i = 0; (more || i < 3) && i < 1000; i++) {
        assert_ok(vault_housekeep(k->vault, k->scribe, &more, &e), e);
    }
}

struct counting {
    struct kit *k;
    const char *folder;
    size_t n;
};

static struct result count_name(void *arg, const char *name)
{
    struct counting *c = arg;
    struct fs_stat st;
    char path[256];
    snprintf(path, sizeof(path), "%s/%s", c->folder, name);
    TRY(fs_stat(c->k->fs, path, &st, NULL));
    c->n += st.is_dir ? kit_count_files(c->k, path) : 1;
    return RESULT_OK;
}

size_t kit_count_files(struct kit *k, const char *folder)
{
    struct error e = { 0 };
    struct counting c = { .k = k, .folder = folder };
    assert_ok(fs_list(k->fs, folder, count_name, &c, &e), e);
    return c.n;
}
