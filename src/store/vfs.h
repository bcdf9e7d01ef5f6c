/*
 * A SQLite VFS for one database: the files of a `struct fs` (the real one or a test's), each page
 * sealed (page.h).
 *
 * 1. Only the database file and its WAL are ever opened; a rollback journal or a temporary file is
 * refused. What SQLite keeps aside stays in memory (journal_mode WAL, temp_store MEMORY).
 * 2. File positions are SQLite's own: page n of the database at (n-1)*4096; in the WAL a 32-byte
 * header and frames of 24 + 4096. The WAL header and the frame headers are plain (no content: page
 * numbers, salts, checksums).
 * 3. Locks and the WAL index live in this process: connections of one process only. The caller
 * holds the folder's lock.
 * 4. Frames are gathered and written out before the WAL is synced or read through the same handle.
 * Other handles read frames only after the commit that synced them.
 * 5. A page that does not open is never delivered: the read fails with SQLITE_IOERR_DATA,
 * vfs_conn_error says which. One exception: during recovery a frame behind the verified part of the
 * WAL reads as zeros, which ends the WAL there.
 *
 * What a power loss may leave and what it may not. A torn tail of the WAL (the group that was being
 * written) is normal. vfs_verify_wal reads the WAL before SQLite does: a damaged frame followed by
 * a whole, later group (a commit frame, and a frame chained to it) was durable once, so the damage
 * is not a torn write: ERRC_INTEGRITY. Damage within the last two groups of a WAL left by a crash
 * looks the same as a torn tail, as does cutting the WAL short or putting back an older copy of
 * both files: no format of these files alone can tell. The ledger can: it is cross-checked with
 * table `applied` at start. After a clean close there is no WAL, and each page of the database must
 * open.
 */
#ifndef TROTH_STORE_VFS_H
#define TROTH_STORE_VFS_H

#include "base/secret.h"
#include "sys/fs.h"

#include <sqlite3.h>

struct vfs;

/* Borrows `fs`; copies the key. `name` is the database file's. Registers with SQLite until
 * vfs_free. */
RESULT vfs_new(struct fs *fs, const char *name, const struct key256 *key, struct vfs **ret,
               struct error *e);
void vfs_free(struct vfs *v); /* after all connections are closed */
DEFINE_CLEANUP(vfs_free, struct vfs *)

/* Opens a connection without SQLite's own locking (one thread at a time). */
RESULT vfs_connect(struct vfs *v, const char *file, bool may_create, sqlite3 **ret,
                   struct error *e);
/* Why the last file operation of this connection failed; false when none did since the last call.
 */
bool vfs_conn_error(sqlite3 *conn, struct error *e);

/* Before the first connection: see above. ERRC_INTEGRITY names the frame and the page. */
RESULT vfs_verify_wal(struct vfs *v, struct error *e);
/*
 * Reads the pages of the database file itself, from page `from` (1 and up). *ret: the first that
 * does not open, 0: none. A page that a checkpoint is writing right now may look bad:
 * vfs_verify_page on the writer's thread tells.
 */
RESULT vfs_find_bad_page(struct vfs *v, uint64_t from,
                         void (*progress)(void *arg, uint64_t done, uint64_t total), void *arg,
                         uint64_t *ret, struct error *e);
RESULT vfs_verify_page(struct vfs *v, uint64_t page, struct error *e); /* ERRC_INTEGRITY names it */

/* A sync has failed: nothing may be written any more, what is in the page cache is not known.
 * Sticky. */
bool vfs_is_broken(const struct vfs *v);

#endif
