/* Locks between the connections of this process, and the WAL index in its memory. */
#include "store/vfs_priv.h"

#include <stdatomic.h>

static struct vfs_file *as_file(sqlite3_file *file)
{
    return (struct vfs_file *)(void *)file;
}

static int lock_locked(struct vfs *v, struct vfs_file *f, int level)
{
    if (level == SQLITE_LOCK_SHARED) {
        if (v->pending != NULL || v->exclusive != NULL) {
            return SQLITE_BUSY;
        }
        v->shared++;
        f->level = SQLITE_LOCK_SHARED;
        return SQLITE_OK;
    }
    if ((v->reserved != NULL && v->reserved != f) || (v->pending != NULL && v->pending != f)) {
        return SQLITE_BUSY;
    }
    v->reserved = f;
    f->level = SQLITE_LOCK_RESERVED;
    if (level == SQLITE_LOCK_RESERVED) {
        return SQLITE_OK;
    }
    v->pending = f;
    f->level = SQLITE_LOCK_PENDING;
    if (v->shared > 1) {
        return SQLITE_BUSY;
    }
    v->exclusive = f;
    f->level = SQLITE_LOCK_EXCLUSIVE;
    return SQLITE_OK;
}

int vfs_lock(sqlite3_file *file, int level)
{
    struct vfs_file *f = as_file(file);
    int rc = SQLITE_OK;

    if (f->level >= level) {
        return SQLITE_OK;
    }
    pthread_mutex_lock(&f->v->lock);
    rc = lock_locked(f->v, f, level);
    pthread_mutex_unlock(&f->v->lock);
    return rc;
}

int vfs_unlock(sqlite3_file *file, int level)
{
    struct vfs_file *f = as_file(file);
    struct vfs *v = f->v;

    if (f->level <= level) {
        return SQLITE_OK;
    }
    pthread_mutex_lock(&v->lock);
    v->reserved = v->reserved == f ? NULL : v->reserved;
    v->pending = v->pending == f ? NULL : v->pending;
    v->exclusive = v->exclusive == f ? NULL : v->exclusive;
    if (level == SQLITE_LOCK_NONE) {
        v->shared--;
    }
    f->level = level;
    pthread_mutex_unlock(&v->lock);
    return SQLITE_OK;
}

int vfs_check_reserved(sqlite3_file *file, int *ret)
{
    struct vfs_file *f = as_file(file);

    pthread_mutex_lock(&f->v->lock);
    *ret = f->v->reserved != NULL;
    pthread_mutex_unlock(&f->v->lock);
    return SQLITE_OK;
}

int vfs_shm_map(sqlite3_file *file, int region, int bytes, int extend, void volatile **ret)
{
    struct vfs *v = as_file(file)->v;

    pthread_mutex_lock(&v->lock);
    if (region >= v->region_count && extend != 0) {
        v->regions = mem_realloc(v->regions, ((size_t)region + 1) * sizeof(v->regions[0]));
        while (v->region_count <= region) {
            v->regions[v->region_count++] = mem_zalloc((size_t)bytes);
        }
    }
    *ret = region < v->region_count ? v->regions[region] : NULL;
    pthread_mutex_unlock(&v->lock);
    return SQLITE_OK;
}

static bool shm_is_free(const struct vfs *v, const struct vfs_file *f, int slot, bool exclusive)
{
    unsigned others = v->shm_shared[slot] - (f->shm_shared >> slot & 1u);

    if (v->shm_exclusive[slot] && (f->shm_exclusive >> slot & 1u) == 0) {
        return false;
    }
    return !exclusive || others == 0;
}

static void shm_take(struct vfs *v, struct vfs_file *f, int slot, bool exclusive)
{
    uint8_t bit = (uint8_t)(1u << slot);

    if (exclusive) {
        v->shm_exclusive[slot] = true;
        f->shm_exclusive |= bit;
    } else if ((f->shm_shared & bit) == 0) {
        v->shm_shared[slot]++;
        f->shm_shared |= bit;
    }
}

static void shm_drop(struct vfs *v, struct vfs_file *f, int slot)
{
    uint8_t bit = (uint8_t)(1u << slot);

    if ((f->shm_exclusive & bit) != 0) {
        v->shm_exclusive[slot] = false;
        f->shm_exclusive &= (uint8_t)~bit;
    }
    if ((f->shm_shared & bit) != 0) {
        v->shm_shared[slot]--;
        f->shm_shared &= (uint8_t)~bit;
    }
}

int vfs_shm_lock(sqlite3_file *file, int offset, int n, int flags)
{
    struct vfs_file *f = as_file(file);
    struct vfs *v = f->v;
    bool exclusive = (flags & SQLITE_SHM_EXCLUSIVE) != 0;
    int rc = SQLITE_OK;

    pthread_mutex_lock(&v->lock);
    if ((flags & SQLITE_SHM_UNLOCK) != 0) {
        for (int i = offset; i < offset + n; i++) {
            shm_drop(v, f, i);
        }
    } else {
        for (int i = offset; i < offset + n && rc == SQLITE_OK; i++) {
            rc = shm_is_free(v, f, i, exclusive) ? SQLITE_OK : SQLITE_BUSY;
        }
        for (int i = offset; i < offset + n && rc == SQLITE_OK; i++) {
            shm_take(v, f, i, exclusive);
        }
    }
    /* SQLite holds this slot alone only while it rebuilds the index from the WAL. */
    atomic_store(&v->is_recovering, v->shm_exclusive[SHM_RECOVER_SLOT]);
    pthread_mutex_unlock(&v->lock);
    return rc;
}

void vfs_shm_barrier(sqlite3_file *file)
{
    struct vfs_file *f = as_file(file);

    /* As unix and win VFS do: the mutex orders it for every processor. */
    pthread_mutex_lock(&f->v->lock);
    pthread_mutex_unlock(&f->v->lock);
}

int vfs_shm_unmap(sqlite3_file *file, int remove)
{
    struct vfs_file *f = as_file(file);
    struct vfs *v = f->v;

    pthread_mutex_lock(&v->lock);
    for (int i = 0; i < SHM_SLOTS; i++) {
        shm_drop(v, f, i);
    }
    if (remove != 0) {
        for (int i = 0; i < v->region_count; i++) {
            mem_free(v->regions[i]);
        }
        mem_free(TAKE(v->regions));
        v->region_count = 0;
    }
    pthread_mutex_unlock(&v->lock);
    return SQLITE_OK;
}
