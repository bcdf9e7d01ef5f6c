/* The newest signed checkpoint of each log. Format: docs/formats/keyring.md. */
#include "keys/checkpoints.h"

#include "base/log.h"
#include "base/map.h"
#include "crypto/hash.h"
#include "crypto/hmac.h"

#define PLACE_N       128
#define BODY_N        72 /* SHA-256 of the log's name, size, root */
#define SYNC_AFTER_MS 1000

struct head {
    uint32_t slot;
    uint64_t size;
    uint8_t root[32];
};

struct checkpoints {
    struct fs_file *file;
    const struct clock *clock;
    struct key256 mac_key;
    struct map *heads;  /* log -> struct head */
    int64_t sync_at_ms; /* INT64_MAX: all is durable */
};

RESULT checkpoints_create(struct fs *dir, struct error *e)
{
    CLEANUP(fs_close_p) struct fs_file *f = NULL;

    TRY_MSG(fs_open(dir, CHECKPOINTS_FILE, FS_READ | FS_WRITE | FS_CREATE | FS_EXCLUSIVE, &f, e), e,
            "checkpoints");
    TRY_MSG(fs_sync(f, e), e, "checkpoints");
    TRY_MSG(fs_sync_dir(dir, "", e), e, "checkpoints");
    return RESULT_OK;
}

RESULT checkpoints_open(struct fs *dir, const struct clock *clock, const struct key256 *mac_key,
                        struct checkpoints **ret, struct error *e)
{
    CLEANUP(fs_close_p) struct fs_file *f = NULL;

    struct result r = fs_open(dir, CHECKPOINTS_FILE, FS_READ | FS_WRITE, &f, e);
    if (r.code == ERRC_NOT_FOUND) {
        FAIL(e, ERRC_NOT_FOUND,
             "checkpoints: the file is not there: without it a rollback of a log would go "
             "unnoticed; put it back "
             "from its copy, or accept the loss expressly");
    }
    if (!result_is_ok(r)) {
        error_prefix(e, "checkpoints");
        return r;
    }
    struct checkpoints *c = mem_zalloc(sizeof(*c));
    c->file = TAKE(f);
    c->clock = clock;
    c->mac_key = *mac_key;
    c->heads = map_new();
    c->sync_at_ms = INT64_MAX;
    *ret = c;
    return RESULT_OK;
}

void checkpoints_close(struct checkpoints *c)
{
    if (c == NULL) {
        return;
    }
    c->sync_at_ms = c->sync_at_ms == INT64_MAX ? INT64_MAX : 0;
    checkpoints_sync(c);
    fs_close(c->file);
    map_free(c->heads, mem_free);
    key256_wipe(&c->mac_key);
    mem_free(c);
}

static void place_mac(const struct checkpoints *c, uint32_t slot, const uint8_t *body,
                      uint8_t ret[32])
{
    uint8_t text[4 + BODY_N];

    put_be32(text, slot);
    memcpy(text + 4, body, BODY_N);
    hmac_sha256(key256_bytes(&c->mac_key), BYTES_OF(text), ret);
}

static struct result place_write(struct checkpoints *c, const char *log, const struct head *h,
                                 struct error *e)
{
    uint8_t place[PLACE_N] = { 0 };

    sha256(bytes_str(log), place);
    put_be64(place + 32, h->size);
    memcpy(place + 40, h->root, sizeof(h->root));
    place_mac(c, h->slot, place, place + BODY_N);
    TRY_MSG(fs_pwrite(c->file, place, sizeof(place), (uint64_t)h->slot * PLACE_N, e), e,
            "checkpoints");
    return RESULT_OK;
}

RESULT checkpoints_prepare(struct checkpoints *c, const char *log, uint32_t slot, struct error *e)
{
    const struct head h = { .slot = slot };

    TRY(place_write(c, log, &h, e));
    TRY_MSG(fs_sync(c->file, e), e, "checkpoints");
    return RESULT_OK;
}

static bool is_zero(const uint8_t *p, size_t n)
{
    uint8_t any = 0;

    for (size_t i = 0; i < n; i++) {
        any |= p[i];
    }
    return any == 0;
}

RESULT checkpoints_add(struct checkpoints *c, const char *log, uint32_t slot, struct error *e)
{
    uint8_t place[PLACE_N], mac[32], name[32];
    struct head h = { .slot = slot };

    TRY_MSG(fs_pread(c->file, place, sizeof(place), (uint64_t)slot * PLACE_N, NULL, e), e,
            "checkpoints: place of log %s", log);
    place_mac(c, slot, place, mac);
    sha256(bytes_str(log), name);
    if (!mem_equal_ct(mac, place + BODY_N, sizeof(mac)) || memcmp(name, place, sizeof(name)) != 0 ||
        !is_zero(place + BODY_N + 32, PLACE_N - BODY_N - 32)) {
        FAIL(e, ERRC_INTEGRITY, "checkpoints: the place of log %s is damaged", log);
    }
    h.size = get_be64(place + 32);
    memcpy(h.root, place + 40, sizeof(h.root));
    mem_free(map_set(c->heads, bytes_str(log), mem_dup(&h, sizeof(h))));
    return RESULT_OK;
}

RESULT checkpoints_advance(struct checkpoints *c, const char *log, uint64_t size,
                           const uint8_t root[32], struct error *e)
{
    struct head *h = map_get(c->heads, bytes_str(log));

    if (h == NULL) {
        FAIL(e, ERRC_NOT_FOUND, "there is no log %s", log);
    }
    if (size < h->size) {
        FAIL(e, ERRC_CONFLICT, "log %s: %llu entries were signed before, %llu are fewer", log,
             (unsigned long long)h->size, (unsigned long long)size);
    }
    if (size == h->size && size != 0) {
        if (memcmp(root, h->root, sizeof(h->root)) != 0) {
            FAIL(e, ERRC_INTEGRITY, "log %s: another root was signed for %llu entries", log,
                 (unsigned long long)size);
        }
        return RESULT_OK;
    }
    struct head next = { .slot = h->slot, .size = size };
    memcpy(next.root, root, sizeof(next.root));
    TRY(place_write(c, log, &next, e));
    *h = next;
    if (c->sync_at_ms == INT64_MAX) {
        c->sync_at_ms = clock_mono_ms(c->clock) + SYNC_AFTER_MS;
    }
    return RESULT_OK;
}

void checkpoints_sync(struct checkpoints *c)
{
    struct error e;

    if (c->sync_at_ms == INT64_MAX || clock_mono_ms(c->clock) < c->sync_at_ms) {
        return;
    }
    c->sync_at_ms = INT64_MAX;
    if (!result_is_ok(fs_datasync(c->file, &e))) {
        log_error("checkpoints: %s", e.msg);
    }
}

int64_t checkpoints_next_sync_ms(const struct checkpoints *c)
{
    return c->sync_at_ms;
}
