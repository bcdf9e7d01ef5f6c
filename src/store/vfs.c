#include "store/vfs.h"

#include "base/clock.h"
#include "store/vfs_priv.h"

#include <inttypes.h>
#include <stdatomic.h>

static struct vfs *as_vfs(sqlite3_vfs *base)
{
    return base->pAppData;
}

static int open_flags(int sqlite_flags, bool exists)
{
    int flags = FS_READ | FS_WRITE;

    if (!exists && (sqlite_flags & SQLITE_OPEN_CREATE) != 0) {
        flags |= FS_CREATE;
    }
    return flags;
}

static struct result file_open(struct vfs *v, const char *name, struct vfs_file *f, int flags,
                               struct error *e)
{
    struct fs_stat st;
    bool exists = result_is_ok(fs_stat(v->fs, name, &st, NULL));

    TRY(fs_open(v->fs, name, (unsigned)open_flags(flags, exists), &f->f, e));
    if (!exists) {
        TRY(fs_sync_dir(v->fs, v->dir, e));
    }
    return box_key_new(SUITE_AES256_GCM, &v->key, &f->key);
}

static int vfs_open(sqlite3_vfs *base, const char *name, sqlite3_file *file, int flags,
                    int *ret_flags)
{
    struct vfs *v = as_vfs(base);
    struct vfs_file *f = (struct vfs_file *)(void *)file;
    bool is_wal = (flags & SQLITE_OPEN_WAL) != 0;

    *f = (struct vfs_file){ .v = v, .dirty_from = UINT64_MAX };
    /* A rollback journal or a temporary file would hold content that is not sealed: there is none.
     */
    if (name == NULL || (!is_wal && (flags & SQLITE_OPEN_MAIN_DB) == 0)) {
        return SQLITE_CANTOPEN;
    }
    f->kind = is_wal ? PAGE_WAL : PAGE_DB;
    struct result r = file_open(v, name, f, flags, &f->err);
    if (!result_is_ok(r)) {
        fs_close(f->f);
        return r.code == ERRC_FULL ? SQLITE_FULL : SQLITE_CANTOPEN;
    }
    f->scratch = mem_alloc(WAL_FRAME);
    f->base.pMethods = &vfs_file_methods;
    if (ret_flags != NULL) {
        *ret_flags = flags;
    }
    return SQLITE_OK;
}

static int vfs_delete(sqlite3_vfs *base, const char *name, int sync_dir)
{
    struct vfs *v = as_vfs(base);
    struct result r = fs_unlink(v->fs, name, NULL);

    if (r.code == ERRC_NOT_FOUND) {
        return SQLITE_IOERR_DELETE_NOENT;
    }
    if (!result_is_ok(r)) {
        return SQLITE_IOERR_DELETE;
    }
    if (sync_dir != 0 && !result_is_ok(fs_sync_dir(v->fs, v->dir, NULL))) {
        return SQLITE_IOERR_DIR_FSYNC;
    }
    return SQLITE_OK;
}

static int vfs_access(sqlite3_vfs *base, const char *name, int flags, int *ret)
{
    struct fs_stat st;
    struct result r = fs_stat(as_vfs(base)->fs, name, &st, NULL);

    (void)flags;
    if (!result_is_ok(r) && r.code != ERRC_NOT_FOUND) {
        return SQLITE_IOERR_ACCESS;
    }
    *ret = result_is_ok(r);
    return SQLITE_OK;
}

static int vfs_full_path(sqlite3_vfs *base, const char *name, int max, char *dst)
{
    size_t n = strlen(name) + 1;

    (void)base;
    if (n > (size_t)max) {
        return SQLITE_CANTOPEN;
    }
    memcpy(dst, name, n);
    return SQLITE_OK;
}

static int vfs_randomness(sqlite3_vfs *base, int n, char *dst)
{
    (void)base;
    rng_fill(&rng_system, dst, (size_t)n);
    return n;
}

static int vfs_sleep(sqlite3_vfs *base, int us)
{
    struct timespec ts = { us / 1000000, (long)(us % 1000000) * 1000 };

    (void)base;
    nanosleep(&ts, NULL);
    return us;
}

static int vfs_time(sqlite3_vfs *base, sqlite3_int64 *ret)
{
    (void)base;
    *ret = 210866760000000 + clock_wall_ms(&clock_system); /* ms since the Julian epoch */
    return SQLITE_OK;
}

static int vfs_last_error(sqlite3_vfs *base, int n, char *dst)
{
    (void)base;
    (void)n;
    (void)dst;
    return 0;
}

static char *dir_of(const char *name)
{
    const char *slash = strrchr(name, '/');

    return slash == NULL ? mem_strdup("") : mem_printf("%.*s", (int)(slash - name), name);
}

/* Each allocation would take a lock of the process to count itself. */
static pthread_once_t configured = PTHREAD_ONCE_INIT;

static void configure_sqlite(void)
{
    (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); /* refused when another part was first */
}

RESULT vfs_new(struct fs *fs, const char *name, const struct key256 *key, struct vfs **ret,
               struct error *e)
{
    CLEANUP(vfs_free_p) struct vfs *v = mem_zalloc(sizeof(*v));

    v->fs = fs;
    v->name = mem_strdup(name);
    v->wal_name = mem_printf("%s-wal", name);
    v->dir = dir_of(name);
    v->vfs_name = mem_printf("troth-%016" PRIx64, rng_u64(&rng_system));
    v->key = *key;
    pthread_mutex_init(&v->lock, NULL);
    v->base = (sqlite3_vfs){
        .iVersion = 2,
        .szOsFile = sizeof(struct vfs_file),
        .mxPathname = 1024,
        .zName = v->vfs_name,
        .pAppData = v,
        .xOpen = vfs_open,
        .xDelete = vfs_delete,
        .xAccess = vfs_access,
        .xFullPathname = vfs_full_path,
        .xRandomness = vfs_randomness,
        .xSleep = vfs_sleep,
        .xGetLastError = vfs_last_error,
        .xCurrentTimeInt64 = vfs_time,
    };
    pthread_once(&configured, configure_sqlite);
    if (sqlite3_vfs_register(&v->base, 0) != SQLITE_OK) {
        FAIL(e, ERRC_NOMEM, "%s: register", name);
    }
    *ret = TAKE(v);
    return RESULT_OK;
}

void vfs_free(struct vfs *v)
{
    if (v == NULL) {
        return;
    }
    sqlite3_vfs_unregister(&v->base);
    for (int i = 0; i < v->region_count; i++) {
        mem_free(v->regions[i]);
    }
    mem_free(v->regions);
    pthread_mutex_destroy(&v->lock);
    key256_wipe(&v->key);
    mem_free(v->name);
    mem_free(v->wal_name);
    mem_free(v->dir);
    mem_free(v->vfs_name);
    mem_free(v);
}

bool vfs_is_broken(const struct vfs *v)
{
    return atomic_load(&v->is_broken);
}

RESULT vfs_connect(struct vfs *v, const char *file, bool may_create, sqlite3 **ret, struct error *e)
{
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | (may_create ? SQLITE_OPEN_CREATE : 0);
    sqlite3 *conn = NULL;
    int rc = sqlite3_open_v2(file, &conn, flags, v->vfs_name);

    if (rc != SQLITE_OK) {
        error_set(e, rc == SQLITE_NOMEM ? ERRC_NOMEM : ERRC_IO, "%s: open: %s", file,
                  sqlite3_errstr(rc));
        struct result r = result_of(rc == SQLITE_NOMEM ? ERRC_NOMEM : ERRC_IO);
        sqlite3_close(conn);
        return r;
    }
    *ret = conn;
    return RESULT_OK;
}

static bool take_error(sqlite3_file *file, struct error *e)
{
    struct vfs_file *f = (struct vfs_file *)(void *)file;

    if (f == NULL || f->base.pMethods != &vfs_file_methods || f->err.code == ERRC_OK) {
        return false;
    }
    *e = f->err;
    f->err.code = ERRC_OK;
    return true;
}

bool vfs_conn_error(sqlite3 *conn, struct error *e)
{
    sqlite3_file *db = NULL, *wal = NULL;

    sqlite3_file_control(conn, "main", SQLITE_FCNTL_FILE_POINTER, &db);
    sqlite3_file_control(conn, "main", SQLITE_FCNTL_JOURNAL_POINTER, &wal);
    bool from_db = take_error(db, e);
    return take_error(wal, e) || from_db;
}
