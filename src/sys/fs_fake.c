/* The fake file system's face: the operations of fs.h on nodes in memory. See fs_fake_store.c for
 * how it loses power. */
#include "sys/fs.h"

#include "base/clock.h"
#include "sys/fs_fake_priv.h"
#include "sys/fs_priv.h"

#include <assert.h>
#include <errno.h>

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

static void store_unref(struct store *s);

/* --- names ------------------------------------------------------------------------------------ */

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

static struct result fake_sync_dir(struct fs *fs, const char *path, struct error *e)
{
    struct fake_fs *f = fake_of(fs);
    LOCKED(f->store);
    struct node *dir = NULL;
    TRY(dir_find(f->root, path, &dir, e));
    store_sync_dir(f->store, dir);
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

/* --- contents --------------------------------------------------------------------------------- */

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

/* --- opening ---------------------------------------------------------------------------------- */

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
    store_sync_names(s);
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

/* --- what tests do to it ---------------------------------------------------------------------- */

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

void fs_fake_power_loss(struct fs *fs, uint64_t seed)
{
    struct store *s = fake_of(fs)->store;
    LOCKED(s);
    store_lose_power(s, seed);
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
