/* What pack.c (places, readers, accounting) and pack_write.c (the writer, preparing and recycling)
 * share. */
#ifndef TROTH_VAULT_PACK_PRIV_H
#define TROTH_VAULT_PACK_PRIV_H

#include "base/map.h"
#include "vault/pack.h"

#include <pthread.h>

#define PACK_PATH_BYTES  32
#define PACK_GROUP_BYTES (512 * 1024)

struct segment {
    struct list item; /* among the spares */
    uint64_t number, bytes, used, live;
    unsigned pins;
    bool is_full;
    struct fs_file *file; /* NULL: missing */
};

struct packs {
    struct fs *fs;
    uint64_t segment_bytes;
    pthread_mutex_t lock;
    struct map *segments; /* 8 bytes of number -> struct segment: active and full ones */
    struct list spares;
    size_t spare_count;
    uint64_t next_number;

    pthread_cond_t wake;
    struct list queue; /* struct append */
    bool is_stopping, has_writer;
    pthread_t writer;
    struct segment *active; /* the writer's */
    uint8_t *group;         /* the writer's: PACK_GROUP_BYTES */
};

struct append {
    struct list item;
    struct bytes record;
    struct pack_place place;
    struct result result;
    struct error error;
    struct co_event done;
};

struct bytes pack_map_key(const uint64_t *number);
void pack_path(uint64_t number, char ret[PACK_PATH_BYTES]);
void segment_free(struct segment *s);
RESULT pack_writer_start(struct packs *p, struct error *e);
void pack_writer_stop(struct packs *p);

#endif
