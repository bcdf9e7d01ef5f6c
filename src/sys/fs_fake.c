/*
 * A file system in memory that can lose power.
 *
 * Files are pages of 4 KiB. The first write to a page since the file's last sync keeps the old page
 * beside it; a sync drops those. At power loss each 512-byte sector of such a page is either the
 * new or the old one, and the size is either.
 *
 * Names are a journal of changes not yet synced, in order (as ext4 and xfs keep them). Syncing a
 * directory makes all changes up to the last one in that directory durable; power loss keeps a
 * prefix of the rest.
 */
#include "sys/fs.h"

#include "base/clock.h"
#include "base/list.h"
#include "base/map.h"
#include "base/rng.h"
#include "sys/fs_priv.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>

#define PAGE_BYTES   4096u
#define SECTOR_BYTES 512u

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

struct store {
    pthread_mutex_t lock;
    unsigned refs; /* roots and open files */
    unsigned generation;
    uint64_t capacity, used; /* bytes in pages */
    struct node *root;
    struct list journal;
};

struct fake_fs {
    struct fs base;
    struct store *store;
    struct node *root;
};

struct fake_file {
    struct fs_file base;
    struct store *store;
    struct node *node;
    unsigned flags, generation;
    bool has_lock;
};

static const struct fs_ops fake_ops;

static struct fake_fs *fake_of(struct fs *fs)
{
    return CONTAINER_OF(fs, struct fake_fs, base);
}

static struct fake_file *file_of(struct fs_file *f)
{
    return CONTAINER_OF(f, struct fake_file, base);
}

static void unlock_p(pthread_mutex_t **m)
{
    pthread_mutex_unlock(*m);
}
/* Holds the store's lock for the rest of the scope. */
#define LOCKED(s)                                                                                  \
    pthread_mutex_lock(&(s)->lock);                                                                \
    CLEANUP(unlock_p) __attribute__((unused)) pthread_mutex_t *locked_ = &(s)->lock

/* --- nodes
 * ----------------------------------------------------------------------------------------------------
 */

static struct node *node_new(bool is_dir)
{
    struct node *n = mem_zalloc(sizeof(*n));
    n->is_dir = is_dir;
    n->names = is_dir ? map_new() : NULL;
    n->mtime_ms = clock_wall_ms(&clock_system);
    return n;
}

static struct node *node_ref(struct node *n)
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

static void node_unref(struct store *s, struct node *n)
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

static void store_unref(struct store *s);

/* --- names
 * ----------------------------------------------------------------------------------------------------
 */

static struct node *name_get(struct node *dir, const char *name)
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

static struct change *change_new(struct store *s)
{
    struct change *c = mem_zalloc(sizeof(*c));
    list_push_back(&s->journal, &c->item);
    return c;
}

static void change_name(struct store *s, struct change *c, struct node *dir, const char *name,
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

/* The node at path; NULL when there is none. "" is the root. */
static struct node *path_find(struct node *root, const char *path)
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
static struct result parent_find(struct node *root, const char *path, struct node **ret,
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

static struct result dir_find(struct node *root, const char *path, struct node **ret,
                              struct error *e)
{
    struct node *n = path_find(root, path);
    if (n == NULL || !n->is_dir) {
        return error_set_sys(e, n == NULL ? ENOENT : ENOTDIR, "%s", path);
    }
    *ret = n;
    return RESULT_OK;
}

static struct result fake_mkdir(struct fs *fs, const char *path, struct error *e)
{
    struct fake_fs *f = fake_of(fs);
    LOCKED(f->store);
    struct node *dir = NULL;
    const char *name = NULL;
    TRY(parent_find(f->root, path, &dir, &name, e));
    struct node *there = name_get(dir, name);
    if (there == NULL) {
        change_name(f->store, change_new(f->store), dir, name, node_new(true));
    } else if (!there->is_dir) {
        return error_set_sys(e, EEXIST, "make directory %s", path);
    }
    return RESULT_OK;
}

static struct result fake_rename(struct fs *fs, const char *from, const char *to, struct error *e)
{
    struct fake_fs *f = fake_of(fs);
    LOCKED(f->store);
    struct node *from_dir = NULL, *to_dir = NULL;
    const char *from_name = NULL, *to_name = NULL;
    TRY(parent_find(f->root, from, &from_dir, &from_name, e));
    TRY(parent_find(f->root, to, &to_dir, &to_name, e));
    struct node *n = name_get(from_dir, from_name), *there = name_get(to_dir, to_name);
    int err = n == NULL                                       ? ENOENT
              : there == NULL || there == n                   ? 0
              : there->is_dir && !n->is_dir                   ? EISDIR
              : !there->is_dir && n->is_dir                   ? ENOTDIR
              : there->is_dir && map_count(there->names) != 0 ? ENOTEMPTY
                                                              : 0;
    if (err != 0) {
        return error_set_sys(e, err, "rename %s to %s", from, to);
    }
    if (n != there) {
        struct change *c = change_new(f->store);
        change_name(f->store, c, to_dir, to_name, n);
        change_name(f->store, c, from_dir, from_name, NULL);
    }
    return RESULT_OK;
}

static struct result fake_remove(struct fs *fs, const char *path, bool is_dir, struct error *e)
{
    struct fake_fs *f = fake_of(fs);
    LOCKED(f->store);
    struct node *dir = NULL;
    const char *name = NULL;
    TRY(parent_find(f->root, path, &dir, &name, e));
    struct node *n = name_get(dir, name);
    int err = n == NULL                            ? ENOENT
              : n->is_dir != is_dir                ? (is_dir ? ENOTDIR : EISDIR)
              : is_dir && map_count(n->names) != 0 ? ENOTEMPTY
                                                   : 0;
    if (err != 0) {
        return error_set_sys(e, err, "remove %s", path);
    }
    change_name(f->store, change_new(f->store), dir, name, NULL);
    return RESULT_OK;
}

static struct result fake_stat(struct fs *fs, const char *path, struct fs_stat *ret,
                               struct error *e)
{
    struct fake_fs *f = fake_of(fs);
    LOCKED(f->store);
    const struct node *n = path_find(f->root, path);
    if (n == NULL) {
        return error_set_sys(e, ENOENT, "%s", path);
    }
    *ret = (struct fs_stat){ .size = n->size,
                             .mtime_ms = n->mtime_ms,
                             .mode = n->is_dir ? 0700 : 0600,
                             .is_dir = n->is_dir };
    return RESULT_OK;
}

static bool change_touches(const struct change *c, const struct node *dir)
{
    return c->undo[0].dir == dir || (c->undo_count == 2 && c->undo[1].dir == dir);
}

static struct result fake_sync_dir(struct fs *fs, const char *path, struct error *e)
{
    struct fake_fs *f = fake_of(fs);
    LOCKED(f->store);
    struct node *dir = NULL;
    TRY(dir_find(f->root, path, &dir, e));
    struct list *last = NULL;
    LIST_EACH(item, &f->store->journal)
    {
        last = change_touches(LIST_ITEM(item, struct change, item), dir) ? item : last;
    }
    for (struct list *item = NULL; last != NULL && item != last;) {
        item = f->store->journal.next;
        change_free(f->store, LIST_ITEM(item, struct change, item));
    }
    return RESULT_OK;
}

/* The names are copied first: fn may change the directory. */
static struct result fake_list(struct fs *fs, const char *path,
                               struct result (*fn)(void *arg, const char *name), void *arg,
                               struct error *e)
{
    struct fake_fs *f = fake_of(fs);
    CLEANUP(buf_done_p) struct buf names = BUF(SIZE_MAX / 2);
    {
        LOCKED(f->store);
        struct node *dir = NULL;
        TRY(dir_find(f->root, path, &dir, e));
        size_t it = 0;
        struct bytes name;
        void *child = NULL;
        while (map_next(dir->names, &it, &name, &child)) {
            buf_add(&names, name);
            buf_add_u8(&names, 0);
        }
    }
    TRY(buf_result(&names));
    struct bytes rest = buf_bytes(&names);
    while (rest.n > 0) {
        const char *name = (const char *)rest.p;
        TRY_MSG(fn(arg, name), e, "list %s: %s", path, name);
        rest = bytes_slice(rest, strlen(name) + 1, rest.n);
    }
    return RESULT_OK;
}

static struct result fake_space(struct fs *fs, uint64_t *ret_free, uint64_t *ret_total,
                                struct error *e)
{
    (void)e;
    struct store *s = fake_of(fs)->store;
    LOCKED(s);
    *ret_free = s->used < s->capacity ? s->capacity - s->used : 0;
    *ret_total = s->capacity;
    return RESULT_OK;
}

/* --- contents
 * ---------------------------------------------------------------------------------------------------
 */

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
static struct result node_write(struct store *s, struct node *n, const uint8_t *src, uint64_t bytes,
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

static void node_sync(struct node *n)
{
    for (size_t i = 0; i < n->page_count; i++) {
        if (n->pages[i] != NULL) {
            mem_free(n->pages[i]->old);
            n->pages[i]->old = NULL;
        }
    }
    n->synced_size = n->size;
}

static struct result file_check(const struct fake_file *f, unsigned need, struct error *e)
{
    if (f->generation != f->store->generation) {
        return error_set_sys(e, EIO, "the power was lost since this file was opened");
    }
    if ((f->flags & need) != need) {
        return error_set_sys(e, EBADF, "the file is not open for that");
    }
    return RESULT_OK;
}

/* What O_DIRECT asks for. */
static struct result file_check_io(const struct fake_file *f, unsigned need, const void *p,
                                   size_t n, uint64_t at, struct error *e)
{
    TRY(file_check(f, need, e));
    bool is_aligned = ((uintptr_t)p | n | at) % PAGE_BYTES == 0;
    if ((f->flags & FS_DIRECT) != 0 && !is_aligned) {
        return error_set_sys(e, EINVAL, "direct access that is not aligned");
    }
    return RESULT_OK;
}

static struct result fake_read(struct fs_file *file, void *dst, size_t n, uint64_t at,
                               size_t *ret_n, struct error *e)
{
    struct fake_file *f = file_of(file);
    LOCKED(f->store);
    TRY(file_check_io(f, FS_READ, dst, n, at, e));
    const struct node *node = f->node;
    n = at >= node->size ? 0 : (size_t)MIN(n, node->size - at);
    for (size_t done = 0; done < n;) {
        size_t index = (size_t)((at + done) / PAGE_BYTES),
               from = (size_t)((at + done) % PAGE_BYTES);
        size_t part = MIN(n - done, PAGE_BYTES - from);
        const struct page *p = index < node->page_count ? node->pages[index] : NULL;
        if (p == NULL) {
            memset((uint8_t *)dst + done, 0, part);
        } else {
            memcpy((uint8_t *)dst + done, p->now + from, part);
        }
        done += part;
    }
    *ret_n = n;
    return RESULT_OK;
}

static struct result fake_write(struct fs_file *file, const void *src, size_t n, uint64_t at,
                                struct error *e)
{
    struct fake_file *f = file_of(file);
    LOCKED(f->store);
    TRY(file_check_io(f, FS_WRITE, src, n, at, e));
    f->node->mtime_ms = clock_wall_ms(&clock_system);
    return node_write(f->store, f->node, src, n, at, e);
}

static struct result fake_sync(struct fs_file *file, bool data_only, struct error *e)
{
    struct fake_file *f = file_of(file);
    (void)data_only;
    LOCKED(f->store);
    TRY(file_check(f, 0, e));
    node_sync(f->node);
    return RESULT_OK;
}

static struct result fake_truncate(struct fs_file *file, uint64_t size, struct error *e)
{
    struct fake_file *f = file_of(file);
    LOCKED(f->store);
    TRY(file_check(f, FS_WRITE, e));
    struct node *n = f->node;
    if (size < n->size) {
        TRY(node_write(f->store, n, NULL, n->size - size, size, e));
    }
    n->size = size;
    return RESULT_OK;
}

static struct result fake_allocate(struct fs_file *file, uint64_t size, struct error *e)
{
    struct fake_file *f = file_of(file);
    LOCKED(f->store);
    TRY(file_check(f, FS_WRITE, e));
    uint64_t more = size > f->node->size ? size - f->node->size : 0;
    if (more > f->store->capacity - MIN(f->store->used, f->store->capacity)) {
        return error_set_sys(e, ENOSPC, "allocate %llu bytes", (unsigned long long)size);
    }
    return RESULT_OK;
}

static struct result fake_size(struct fs_file *file, uint64_t *ret, struct error *e)
{
    struct fake_file *f = file_of(file);
    LOCKED(f->store);
    TRY(file_check(f, 0, e));
    *ret = f->node->size;
    return RESULT_OK;
}

static struct result fake_lock(struct fs_file *file, struct error *e)
{
    struct fake_file *f = file_of(file);
    LOCKED(f->store);
    TRY(file_check(f, 0, e));
    if (f->node->is_locked && !f->has_lock) {
        FAIL(e, ERRC_CONFLICT, "locked by another process");
    }
    f->has_lock = f->node->is_locked = true;
    return RESULT_OK;
}

/* --- opening
 * ------------------------------------------------------------------------------------------------------
 */

static struct result node_open(struct fake_fs *fs, const char *path, unsigned flags,
                               struct node **ret, struct error *e)
{
    struct node *dir = NULL;
    const char *name = NULL;
    TRY(parent_find(fs->root, path, &dir, &name, e));
    struct node *n = name_get(dir, name);
    if (n == NULL && (flags & FS_CREATE) != 0) {
        n = node_new(false);
        change_name(fs->store, change_new(fs->store), dir, name, n);
    } else if (n == NULL) {
        return error_set_sys(e, ENOENT, "open %s", path);
    } else if ((flags & FS_CREATE) != 0 && (flags & FS_EXCLUSIVE) != 0) {
        return error_set_sys(e, EEXIST, "open %s", path);
    } else if (n->is_dir) {
        FAIL(e, ERRC_CONFLICT, "%s is not a regular file", path);
    }
    if ((flags & FS_TRUNCATE) != 0) {
        TRY(node_write(fs->store, n, NULL, n->size, 0, e));
        n->size = 0;
    }
    *ret = n;
    return RESULT_OK;
}

static struct result fake_open(struct fs *fs, const char *path, unsigned flags,
                               struct fs_file **ret, struct error *e)
{
    struct fake_fs *fake = fake_of(fs);
    LOCKED(fake->store);
    struct node *n = NULL;
    TRY(node_open(fake, path, flags, &n, e));
    struct fake_file *f = mem_zalloc(sizeof(*f));
    *f = (struct fake_file){ .base = { .ops = &fake_ops, .fd = -1 },
                             .store = fake->store,
                             .node = node_ref(n),
                             .flags = flags,
                             .generation = fake->store->generation };
    fake->store->refs++;
    *ret = &f->base;
    return RESULT_OK;
}

static void fake_close(struct fs_file *file)
{
    struct fake_file *f = file_of(file);
    struct store *s = f->store;
    pthread_mutex_lock(&s->lock);
    if (f->has_lock && f->generation == s->generation) {
        f->node->is_locked = false;
    }
    node_unref(s, f->node);
    pthread_mutex_unlock(&s->lock);
    mem_free(f);
    store_unref(s);
}

static struct fs *root_new(struct store *s, struct node *root)
{
    struct fake_fs *f = mem_zalloc(sizeof(*f));
    *f = (struct fake_fs){ .base = { .ops = &fake_ops }, .store = s, .root = node_ref(root) };
    s->refs++;
    return &f->base;
}

static struct result fake_sub(struct fs *fs, const char *path, struct fs **ret, struct error *e)
{
    struct fake_fs *f = fake_of(fs);
    LOCKED(f->store);
    struct node *dir = NULL;
    TRY(dir_find(f->root, path, &dir, e));
    *ret = root_new(f->store, dir);
    return RESULT_OK;
}

static void fake_free(struct fs *fs)
{
    struct fake_fs *f = fake_of(fs);
    struct store *s = f->store;
    pthread_mutex_lock(&s->lock);
    node_unref(s, f->root);
    pthread_mutex_unlock(&s->lock);
    mem_free(f);
    store_unref(s);
}

static void store_unref(struct store *s)
{
    pthread_mutex_lock(&s->lock);
    bool is_last = --s->refs == 0;
    pthread_mutex_unlock(&s->lock);
    if (!is_last) {
        return;
    }
    while (!list_is_empty(&s->journal)) {
        change_free(s, LIST_ITEM(s->journal.next, struct change, item));
    }
    node_unref(s, s->root);
    assert(s->used == 0);
    pthread_mutex_destroy(&s->lock);
    mem_free(s);
}

static const struct fs_ops fake_ops = {
    .sub = fake_sub,
    .free = fake_free,
    .open = fake_open,
    .close = fake_close,
    .read = fake_read,
    .write = fake_write,
    .sync = fake_sync,
    .truncate = fake_truncate,
    .allocate = fake_allocate,
    .size = fake_size,
    .lock = fake_lock,
    .mkdir = fake_mkdir,
    .rename = fake_rename,
    .remove = fake_remove,
    .stat = fake_stat,
    .sync_dir = fake_sync_dir,
    .list = fake_list,
    .space = fake_space,
};

/* --- what tests do to it
 * --------------------------------------------------------------------------------------- */

struct fs *fs_fake_new(uint64_t capacity_bytes)
{
    struct store *s = mem_zalloc(sizeof(*s));
    pthread_mutex_init(&s->lock, NULL);
    s->capacity = capacity_bytes;
    s->root = node_ref(node_new(true));
    list_init(&s->journal);
    return root_new(s, s->root);
}

void fs_fake_set_capacity(struct fs *fs, uint64_t capacity_bytes)
{
    struct store *s = fake_of(fs)->store;
    LOCKED(s);
    s->capacity = capacity_bytes;
}

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
    enum { LOSE_ALL, KEEP_ALL, MIXED } how = rng_below(rng, 3);
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

void fs_fake_power_loss(struct fs *fs, uint64_t seed)
{
    struct store *s = fake_of(fs)->store;
    LOCKED(s);
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
    while (!list_is_empty(&s->journal)) {
        change_free(s, LIST_ITEM(s->journal.next, struct change, item));
    }
    tree_lose(s, s->root, &rng.base);
    s->generation++;
}

struct result fs_fake_flip(struct fs *fs, const char *path, uint64_t at, uint8_t mask)
{
    struct fake_fs *f = fake_of(fs);
    LOCKED(f->store);
    struct node *n = path_find(f->root, path);
    if (n == NULL || n->is_dir) {
        return result_of(ERRC_NOT_FOUND);
    }
    size_t index = (size_t)(at / PAGE_BYTES);
    if (at >= n->size || index >= n->page_count || n->pages[index] == NULL) {
        return result_of(ERRC_RANGE);
    }
    struct page *p = n->pages[index];
    p->now[at % PAGE_BYTES] ^= mask;
    if (p->old != NULL) {
        p->old[at % PAGE_BYTES] ^= mask;
    }
    return RESULT_OK;
}
