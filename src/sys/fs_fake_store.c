/*
 * What a fake file system holds, and how it loses power.
 *
 * Files are pages of 4 KiB. The first write to a page since the file's last sync keeps the old page
 * beside it; a sync drops those. At power loss each 512-byte sector of such a page is either the
 * new or the old one, and the size is either.
 *
 * Names are a journal of changes not yet synced, in order (as ext4 and xfs keep them). Syncing a
 * directory makes all changes up to the last one in that directory durable; power loss keeps a
 * prefix of the rest.
 */
#include "sys/fs_fake_priv.h"

#include "base/clock.h"
#include "base/rng.h"

#include <errno.h>

#define SECTOR_BYTES 512u

/* One name of one directory, as it was before the change; a rename has two. */
struct undo {
    struct node *dir;
    char *name;
    struct node *was; /* NULL: absent */
};
struct change {
    struct list item;
    struct undo undo[2];
    size_t undo_count;
};

/* --- nodes ------------------------------------------------------------------------------------ */

struct node *node_new(bool is_dir)
{
    struct node *n = mem_zalloc(sizeof(*n));
    n->is_dir = is_dir;
    n->names = is_dir ? map_new() : NULL;
    n->mtime_ms = clock_wall_ms(&clock_system);
    return n;
}

struct node *node_ref(struct node *n)
{
    if (n != NULL) {
        n->refs++;
    }
    return n;
}

static void page_free(struct store *s, struct page *p)
{
    if (p != NULL) {
        s->used -= PAGE_BYTES;
        mem_free(p->old);
        mem_free(p);
    }
}

void node_unref(struct store *s, struct node *n)
{
    if (n == NULL || --n->refs > 0) {
        return;
    }
    size_t it = 0;
    struct bytes name;
    void *child = NULL;
    while (n->is_dir && map_next(n->names, &it, &name, &child)) {
        node_unref(s, child);
    }
    if (n->is_dir) {
        map_free(n->names, NULL);
    }
    for (size_t i = 0; i < n->page_count; i++) {
        page_free(s, n->pages[i]);
    }
    mem_free(n->pages);
    mem_free(n);
}

struct node *name_get(struct node *dir, const char *name)
{
    return map_get(dir->names, bytes_str(name));
}

/* Makes `name` mean `n` (NULL: nothing); takes no reference of the caller's. */
static void name_put(struct store *s, struct node *dir, const char *name, struct node *n)
{
    node_ref(n);
    struct node *was = n == NULL ? map_del(dir->names, bytes_str(name))
                                 : map_set(dir->names, bytes_str(name), n);
    node_unref(s, was);
}

struct change *change_new(struct store *s)
{
    struct change *c = mem_zalloc(sizeof(*c));
    list_push_back(&s->journal, &c->item);
    return c;
}

void change_name(struct store *s, struct change *c, struct node *dir, const char *name,
                 struct node *n)
{
    c->undo[c->undo_count++] = (struct undo){ .dir = node_ref(dir),
                                              .name = mem_strdup(name),
                                              .was = node_ref(name_get(dir, name)) };
    name_put(s, dir, name, n);
}

static void change_free(struct store *s, struct change *c)
{
    list_remove(&c->item);
    for (size_t i = 0; i < c->undo_count; i++) {
        node_unref(s, c->undo[i].was);
        node_unref(s, c->undo[i].dir);
        mem_free(c->undo[i].name);
    }
    mem_free(c);
}

static void change_undo(struct store *s, struct change *c)
{
    for (size_t i = c->undo_count; i > 0; i--) {
        struct undo *u = &c->undo[i - 1];
        name_put(s, u->dir, u->name, u->was);
    }
    change_free(s, c);
}

static bool change_touches(const struct change *c, const struct node *dir)
{
    return c->undo[0].dir == dir || (c->undo_count == 2 && c->undo[1].dir == dir);
}

void store_sync_dir(struct store *s, const struct node *dir)
{
    struct list *last = NULL;
    LIST_EACH(item, &s->journal)
    {
        last = change_touches(LIST_ITEM(item, struct change, item), dir) ? item : last;
    }
    for (struct list *item = NULL; last != NULL && item != last;) {
        item = s->journal.next;
        change_free(s, LIST_ITEM(item, struct change, item));
    }
}

void store_sync_names(struct store *s)
{
    while (!list_is_empty(&s->journal)) {
        change_free(s, LIST_ITEM(s->journal.next, struct change, item));
    }
}

/* The node at path; NULL when there is none. "" is the root. */
struct node *path_find(struct node *root, const char *path)
{
    struct node *n = root;
    struct bytes rest = bytes_str(path);
    while (rest.n > 0 && n != NULL && n->is_dir) {
        struct bytes part = BYTES_NONE;
        bool has_more = bytes_split(&rest, '/', &part);
        n = map_get(n->names, part);
        rest = has_more ? rest : BYTES_NONE;
        if (has_more && n != NULL && !n->is_dir) {
            return NULL;
        }
    }
    return n;
}

/* The directory of path's last part, and that part. */
struct result parent_find(struct node *root, const char *path, struct node **ret,
                          const char **ret_name, struct error *e)
{
    const char *slash = strrchr(path, '/');
    struct node *dir = root;
    if (slash != NULL) {
        CLEANUP(mem_free_p) char *head = mem_dup(path, (size_t)(slash - path) + 1);
        head[slash - path] = 0;
        dir = path_find(root, head);
    }
    if (dir == NULL || !dir->is_dir) {
        return error_set_sys(e, ENOENT, "%s", path);
    }
    *ret = dir;
    *ret_name = slash == NULL ? path : slash + 1;
    return RESULT_OK;
}

struct result dir_find(struct node *root, const char *path, struct node **ret, struct error *e)
{
    struct node *n = path_find(root, path);
    if (n == NULL || !n->is_dir) {
        return error_set_sys(e, n == NULL ? ENOENT : ENOTDIR, "%s", path);
    }
    *ret = n;
    return RESULT_OK;
}

/* --- contents --------------------------------------------------------------------------------- */

/* The page at `index`, made if need be, its old content kept; NULL: the file system is full. */
static struct page *page_for_write(struct store *s, struct node *n, size_t index)
{
    if (index >= n->page_count) {
        size_t count = MAX(index + 1, 2 * n->page_count);
        n->pages = mem_realloc(n->pages, count * sizeof(struct page *));
        memset(n->pages + n->page_count, 0, (count - n->page_count) * sizeof(struct page *));
        n->page_count = count;
    }
    struct page *p = n->pages[index];
    if (p == NULL) {
        if (s->used + PAGE_BYTES > s->capacity) {
            return NULL;
        }
        s->used += PAGE_BYTES;
        p = n->pages[index] = mem_zalloc(sizeof(*p));
    }
    if (p->old == NULL) {
        p->old = mem_dup(p->now, PAGE_BYTES);
    }
    return p;
}

/* src NULL: zeros, only where there are pages. */
struct result node_write(struct store *s, struct node *n, const uint8_t *src, uint64_t bytes,
                         uint64_t at, struct error *e)
{
    while (bytes > 0) {
        size_t index = (size_t)(at / PAGE_BYTES), from = (size_t)(at % PAGE_BYTES);
        size_t part = (size_t)MIN(bytes, (uint64_t)(PAGE_BYTES - from));
        bool is_hole = index >= n->page_count || n->pages[index] == NULL;
        if (src != NULL || !is_hole) {
            struct page *p = page_for_write(s, n, index);
            if (p == NULL) {
                return error_set_sys(e, ENOSPC, "write");
            }
            if (src == NULL) {
                memset(p->now + from, 0, part);
            } else {
                memcpy(p->now + from, src, part);
                src += part;
                n->size = MAX(n->size, at + part);
            }
        }
        at += part;
        bytes -= part;
    }
    return RESULT_OK;
}

void node_sync(struct node *n)
{
    for (size_t i = 0; i < n->page_count; i++) {
        if (n->pages[i] != NULL) {
            mem_free(n->pages[i]->old);
            n->pages[i]->old = NULL;
        }
    }
    n->synced_size = n->size;
}

/* --- power loss ------------------------------------------------------------------------------- */

static void page_lose(struct page *p, const struct rng *rng)
{
    uint64_t keep = rng_u64(rng);
    for (size_t i = 0; i < PAGE_BYTES / SECTOR_BYTES; i++) {
        if ((keep >> i & 1) == 0) {
            memcpy(p->now + i * SECTOR_BYTES, p->old + i * SECTOR_BYTES, SECTOR_BYTES);
        }
    }
}

static void file_lose(struct store *s, struct node *n, const struct rng *rng)
{
    enum { LOSE_ALL, KEEP_ALL, MIXED };
    uint64_t how = rng_below(rng, 3);
    uint64_t size = n->size;
    for (size_t i = 0; i < n->page_count; i++) {
        struct page *p = n->pages[i];
        if (p != NULL && p->old != NULL && how == MIXED) {
            page_lose(p, rng);
        } else if (p != NULL && p->old != NULL && how == LOSE_ALL) {
            memcpy(p->now, p->old, PAGE_BYTES);
        }
    }
    if (how == LOSE_ALL || (how == MIXED && rng_below(rng, 2) == 0)) {
        size = n->synced_size;
    }
    n->size = size;
    node_sync(n);
    result_ignore(node_write(s, n, NULL, n->page_count * (uint64_t)PAGE_BYTES - size, size,
                             NULL)); /* past the end */
    node_sync(n);
    n->is_locked = false;
}

static void tree_lose(struct store *s, struct node *n, const struct rng *rng)
{
    if (!n->is_dir) {
        file_lose(s, n, rng);
        return;
    }
    size_t it = 0;
    struct bytes name;
    void *child = NULL;
    while (map_next(n->names, &it, &name, &child)) {
        tree_lose(s, child, rng);
    }
}

void store_lose_power(struct store *s, uint64_t seed)
{
    struct rng_test rng;
    rng_test_init(&rng, seed);
    size_t count = 0;
    LIST_EACH(item, &s->journal)
    {
        count++;
    }
    size_t kept = (size_t)rng_below(&rng.base, count + 1);
    for (; count > kept; count--) {
        change_undo(s, LIST_ITEM(s->journal.prev, struct change, item));
    }
    store_sync_names(s);
    tree_lose(s, s->root, &rng.base);
    s->generation++;
}
