/* Of the VFS's own files. */
#ifndef TROTH_STORE_VFS_PRIV_H
#define TROTH_STORE_VFS_PRIV_H

#include "store/page.h"
#include "store/vfs.h"

#include <pthread.h>

#define WAL_HEADER       32u
#define WAL_FRAME_HEADER 24u
#define WAL_FRAME        (WAL_FRAME_HEADER + PAGE_BYTES)
#define WAL_GATHER       (64u * WAL_FRAME)
#define SHM_SLOTS        SQLITE_SHM_NLOCK
#define SHM_RECOVER_SLOT 2
#define LOCK_BYTE_PAGE   (0x40000000u / PAGE_BYTES + 1) /* never used by SQLite */

struct vfs_file;

struct vfs {
    sqlite3_vfs base;
    struct fs *fs;
    char *name, *wal_name, *dir, *vfs_name;
    struct key256 key;

    pthread_mutex_t lock; /* of all below but the atomics */
    unsigned shared;
    struct vfs_file *reserved, *pending, *exclusive;
    void **regions;
    int region_count;
    unsigned shm_shared[SHM_SLOTS];
    bool shm_exclusive[SHM_SLOTS];

    _Atomic bool is_recovering;
    _Atomic bool is_broken;
    uint64_t verified_frames; /* set before the first connection */
};

struct vfs_file {
    sqlite3_file base;
    struct vfs *v;
    enum page_kind kind;
    struct fs_file *f;
    struct box_key *key;
    uint8_t *scratch; /* one frame as stored */
    struct error err; /* code ERRC_OK: none */

    int level;                         /* SQLITE_LOCK_* */
    uint8_t shm_shared, shm_exclusive; /* bits */

    uint8_t *gather; /* WAL, when it writes: gather_n bytes that belong at gather_at */
    uint64_t gather_at;
    size_t gather_n;
    bool ends_with_head; /* the last gathered is a frame header whose page may follow */
    uint64_t dirty_from; /* least position written since the last sync; UINT64_MAX: none */
};

/* vfs_file.c: SQLite's io methods. */
extern const sqlite3_io_methods vfs_file_methods;
int vfs_fail(struct vfs_file *f, int code, struct result r, const struct error *e);

/* vfs_lock.c */
int vfs_lock(sqlite3_file *file, int level);
int vfs_unlock(sqlite3_file *file, int level);
int vfs_check_reserved(sqlite3_file *file, int *ret);
int vfs_shm_map(sqlite3_file *file, int region, int bytes, int extend, void volatile **ret);
int vfs_shm_lock(sqlite3_file *file, int offset, int n, int flags);
void vfs_shm_barrier(sqlite3_file *file);
int vfs_shm_unmap(sqlite3_file *file, int remove);

/* vfs_wal.c */
int vfs_wal_read(struct vfs_file *f, uint8_t *dst, size_t n, uint64_t at);
int vfs_wal_write(struct vfs_file *f, const uint8_t *src, size_t n, uint64_t at);
int vfs_wal_flush(struct vfs_file *f);
int vfs_wal_sync(struct vfs_file *f);

#endif
