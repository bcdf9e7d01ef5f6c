/* Inside of the fake file system: nodes, names, the journal of names. Everything here under the
 * store's lock. */
#ifndef TROTH_SYS_FS_FAKE_PRIV_H
#define TROTH_SYS_FS_FAKE_PRIV_H

#include "base/list.h"
#include "base/map.h"
#include "sys/fs.h"

#include <pthread.h>

#define PAGE_BYTES 4096u

struct page {
    uint8_t now[PAGE_BYTES];
    uint8_t *old; /* as last synced; NULL: clean */
};

/* A file or directory. Counted: by names, open files, roots and the journal. */
struct node {
    unsigned refs;
    bool is_dir, is_locked;
    struct map *names; /* directory: name -> struct node */
    struct page **pages;
    size_t page_count;
    uint64_t size, synced_size;
    int64_t mtime_ms;
};

struct store {
    pthread_mutex_t lock;
    unsigned refs; /* roots and open files */
    unsigned generation;
    uint64_t capacity, used; /* bytes in pages */
    struct node *root;
    struct list journal; /* changes of names, not yet synced */
};

struct node *node_new(bool is_dir); /* without references */
struct node *node_ref(struct node *n);
void node_unref(struct store *s, struct node *n);
/* src NULL: zeros, only where there are pages, and the size stays. ERRC_FULL. */
RESULT node_write(struct store *s, struct node *n, const uint8_t *src, uint64_t bytes, uint64_t at,
                  struct error *e);
void node_sync(struct node *n);

struct node *name_get(struct node *dir, const char *name); /* NULL when absent */
/* One atomic change: change_new, then change_name once or twice. */
struct change;
struct change *change_new(struct store *s);
void change_name(struct store *s, struct change *c, struct node *dir, const char *name,
                 struct node *n);
/* The node at path; NULL when there is none. "" is the root. */
struct node *path_find(struct node *root, const char *path);
/* The directory of path's last part, and that part. */
RESULT parent_find(struct node *root, const char *path, struct node **ret, const char **ret_name,
                   struct error *e);
RESULT dir_find(struct node *root, const char *path, struct node **ret, struct error *e);

/* Makes the changes of names durable: all up to the last one in dir; all. */
void store_sync_dir(struct store *s, const struct node *dir);
void store_sync_names(struct store *s);
void store_lose_power(struct store *s, uint64_t seed);

#endif
