/*
 * A tree read from C2SP tlog-tiles, wherever they come from: files, HTTP. What it gives is as good
 * as what it was given: the caller compares with a signed root.
 */
#ifndef TROTH_LEDGER_TILE_SOURCE_H
#define TROTH_LEDGER_TILE_SOURCE_H

#include "base/buf.h"
#include "ledger/tree.h"

#define TILE_WIDTH      256u
#define TILE_BYTES      (TILE_WIDTH * TREE_HASH_BYTES)
#define TILE_PATH_MAX   96
#define TILE_CACHE      32 /* tiles kept */
#define TILE_BUNDLE_MAX (TILE_WIDTH * (2u + 65535u))

/* "tile/<level>/x001/x234/067" and ".p/<width>" for width 1..255; width 256: full. level < 0:
 * "tile/entries/". */
void tile_path_write(int level, uint64_t index, unsigned width, char dst[TILE_PATH_MAX]);

struct tile_source {
    struct tree_source base; /* give &t->base to tree.h */
    uint64_t size;           /* of the tree that the tiles belong to */
    /* Appends the content of a path below the log's prefix. Where a partial tile is ERRC_NOT_FOUND,
     * the full one is tried. */
    RESULT (*fetch)(void *arg, const char *path, struct buf *out, struct error *e);
    void *arg;
    struct tile_cached *cache_;
    unsigned next_;
};
void tile_source_init(struct tile_source *t, uint64_t size,
                      RESULT (*fetch)(void *arg, const char *path, struct buf *out,
                                      struct error *e),
                      void *arg);
void tile_source_done(struct tile_source *t);
DEFINE_CLEANUP_DONE(tile_source_done, struct tile_source)

/* The frontier of the first `size` entries; size <= t->size. */
RESULT tile_frontier(struct tile_source *t, uint64_t size, struct tree_frontier *ret,
                     struct error *e);

/* Entries of a bundle: takes the next one from the front of *bundle. ERRC_FORMAT. */
RESULT tile_bundle_next(struct bytes *bundle, struct bytes *ret, struct error *e);

#endif
