/* Hashes out of tiles: those of a level that is a multiple of 8 stand there, the others are made of
 * them. */
#include "ledger/tile_source.h"

#include "base/error.h"

#include <inttypes.h>

struct tile_cached {
    bool is_set;
    unsigned level, width;
    uint64_t index;
    uint8_t hashes[TILE_BYTES];
};

void tile_path_write(int level, uint64_t index, unsigned width, char dst[TILE_PATH_MAX])
{
    char number[40] = "", part[48];
    uint64_t rest = index;

    (void)snprintf(number, sizeof(number), "%03u", (unsigned)(rest % 1000));
    for (rest /= 1000; rest > 0; rest /= 1000) {
        (void)snprintf(part, sizeof(part), "x%03u/%s", (unsigned)(rest % 1000), number);
        memcpy(number, part, sizeof(number));
    }
    int n = level < 0 ? snprintf(dst, TILE_PATH_MAX, "tile/entries/%s", number)
                      : snprintf(dst, TILE_PATH_MAX, "tile/%d/%s", level, number);
    if (width < TILE_WIDTH) {
        (void)snprintf(dst + n, TILE_PATH_MAX - (size_t)n, ".p/%u", width);
    }
}

static RESULT tile_fetch(struct tile_source *t, unsigned level, uint64_t index, unsigned width,
                         struct buf *out, struct error *e)
{
    char path[TILE_PATH_MAX];

    tile_path_write((int)level, index, width, path);
    struct result r = t->fetch(t->arg, path, out, e);
    if (r.code == ERRC_NOT_FOUND && width < TILE_WIDTH) {
        buf_reset(out);
        tile_path_write((int)level, index, TILE_WIDTH, path);
        r = t->fetch(t->arg, path, out, e);
    }
    TRY(r);
    if (out->n < (size_t)width * TREE_HASH_BYTES || out->n % TREE_HASH_BYTES != 0) {
        FAIL(e, ERRC_FORMAT, "%s: %zu bytes", path, out->n);
    }
    return RESULT_OK;
}

static RESULT tile_get(struct tile_source *t, unsigned level, uint64_t index,
                       const struct tile_cached **ret, struct error *e)
{
    uint64_t hashes = t->size >> (8 * level), begin = index * TILE_WIDTH;

    for (unsigned i = 0; i < TILE_CACHE; i++) {
        const struct tile_cached *c = &t->cache_[i];
        if (c->is_set && c->level == level && c->index == index) {
            *ret = c;
            return RESULT_OK;
        }
    }
    if (begin >= hashes) {
        FAIL(e, ERRC_BUG, "no tile %u/%" PRIu64 " in a tree of %" PRIu64, level, index, t->size);
    }
    unsigned width = (unsigned)MIN(hashes - begin, (uint64_t)TILE_WIDTH);
    CLEANUP(buf_done_p) struct buf raw = BUF(TILE_BYTES);
    TRY(tile_fetch(t, level, index, width, &raw, e));
    struct tile_cached *c = &t->cache_[t->next_];
    t->next_ = (t->next_ + 1) % TILE_CACHE;
    *c = (struct tile_cached){ .is_set = true, .level = level, .width = width, .index = index };
    memcpy(c->hashes, raw.p, (size_t)width * TREE_HASH_BYTES);
    *ret = c;
    return RESULT_OK;
}

static RESULT source_get(const struct tree_source *s, unsigned level, uint64_t index,
                         struct tree_hash *ret, struct error *e)
{
    struct tile_source *t = CONTAINER_OF(s, struct tile_source, base);
    unsigned tile_level = level / 8, inner = level % 8;
    uint64_t first = index << inner; /* in hashes of the tile's level */
    const struct tile_cached *c = NULL;
    struct tree_hash h[TILE_WIDTH / 2];

    TRY(tile_get(t, tile_level, first / TILE_WIDTH, &c, e));
    size_t at = (size_t)(first % TILE_WIDTH), n = (size_t)1 << inner;
    if (at + n > c->width) {
        FAIL(e, ERRC_BUG, "no hash %u/%" PRIu64 " in a tree of %" PRIu64, level, index, t->size);
    }
    memcpy(h, c->hashes + at * TREE_HASH_BYTES, n * TREE_HASH_BYTES);
    for (; n > 1; n /= 2) {
        for (size_t i = 0; i < n / 2; i++) {
            h[i] = tree_node_hash(&h[2 * i], &h[2 * i + 1]);
        }
    }
    *ret = h[0];
    return RESULT_OK;
}

void tile_source_init(struct tile_source *t, uint64_t size,
                      RESULT (*fetch)(void *arg, const char *path, struct buf *out,
                                      struct error *e),
                      void *arg)
{
    *t = (struct tile_source){ .base = { source_get }, .size = size, .fetch = fetch, .arg = arg };
    t->cache_ = mem_calloc(TILE_CACHE, sizeof(*t->cache_));
}

void tile_source_done(struct tile_source *t)
{
    mem_free(TAKE(t->cache_));
}

RESULT tile_frontier(struct tile_source *t, uint64_t size, struct tree_frontier *ret,
                     struct error *e)
{
    struct tree_frontier f = { .size = size };
    uint64_t at = size;

    if (size > t->size) {
        FAIL(e, ERRC_RANGE, "no tree of %" PRIu64 " in one of %" PRIu64, size, t->size);
    }
    for (unsigned level = 0; level < 64; level++) {
        if ((size >> level & 1) != 0) {
            at -= UINT64_C(1) << level;
            TRY(t->base.get(&t->base, level, at >> level, &f.nodes[level], e));
        }
    }
    *ret = f;
    return RESULT_OK;
}

RESULT tile_bundle_next(struct bytes *bundle, struct bytes *ret, struct error *e)
{
    if (!result_is_ok(bytes_take_be16_prefixed(bundle, ret))) {
        FAIL(e, ERRC_FORMAT, "an entry bundle is cut short");
    }
    return RESULT_OK;
}
