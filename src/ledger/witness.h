/*
 * A witness: the customer's side of the log. It cosigns checkpoints (C2SP tlog-witness,
 * tlog-cosignature) of which it has seen that each continues the one before, keeps a copy of them
 * and (when it pulls) of every entry, and keeps evidence where a log shows two histories.
 *
 * Its folder (mode 0700):
 *   witness.json           {"name","v":1}
 *   witness.key            seed of its Ed25519 key, 64 hex digits (mode 0600)
 *   logs/<id>/log.json     {"ca","url","vkey"}; <id>: first 16 hex digits of SHA-256(origin)
 *   logs/<id>/state        what was cosigned last; replaced atomically and durably BEFORE a
 * cosignature is given out logs/<id>/checkpoints  every checkpoint cosigned: u32 length, u32
 * CRC32C, note; ... logs/<id>/copy/        what was pulled: tile/entries/... as of C2SP tlog-tiles,
 * and `head`: how far, with the frontier logs/<id>/alarm-<n>.json   evidence
 * (docs/formats/alarm.md) logs/<id>/lock         held while a checkpoint is judged: several
 * processes may use one folder tls/                   CA and certificate of `witness serve`
 *
 * 1. It never cosigns two checkpoints of one log that contradict each other, nor a smaller one
 * after a larger.
 * 2. A state that is damaged or missing where one was is refused, never taken for a new log.
 * Thread-safe. All functions block.
 */
#ifndef TROTH_LEDGER_WITNESS_H
#define TROTH_LEDGER_WITNESS_H

#include "base/clock.h"
#include "base/rng.h"
#include "ledger/note.h"
#include "sys/fs.h"

#define WITNESS_BODY_MAX (NOTE_MAX + 16u * 1024) /* of add-checkpoint */
#define WITNESS_LOGS_MAX 1024
#define WITNESS_URL_MAX  512

struct witness;

/* Makes the folder's files and the key. ERRC_EXISTS when it is one already. */
RESULT witness_init(struct fs *fs, const char *name, const struct rng *rng, struct error *e);
/* Borrows fs and clock. ERRC_NOT_FOUND: not a witness's folder; ERRC_INTEGRITY. */
RESULT witness_open(struct fs *fs, const struct clock *clock, struct witness **ret,
                    struct error *e);
void witness_free(struct witness *w);
DEFINE_CLEANUP(witness_free, struct witness *)
const struct note_key *witness_key(const struct witness *w); /* cosignature/v1 */

struct witness_log {
    struct note_key key;       /* name: the origin */
    char url[WITNESS_URL_MAX]; /* prefix of its tiles; empty: it submits */
    char ca[WITNESS_URL_MAX];  /* PEM file; empty: the system's */
};
/* Follows a log. ERRC_EXISTS when its origin is there with another key (the same key: url and ca
 * are replaced); ERRC_LIMIT. */
RESULT witness_add_log(struct witness *w, const struct witness_log *log, struct error *e);
/* Calls fn for each log, sorted by origin. */
struct witness_status {
    struct witness_log log;
    uint64_t size; /* cosigned last; 0: never */
    struct tree_hash root;
    int64_t cosigned_ms; /* of that; 0: never */
    uint64_t copied;     /* entries in the copy */
    uint64_t alarms;
};
RESULT witness_each(struct witness *w,
                    struct result (*fn)(void *arg, const struct witness_status *s, struct error *e),
                    void *arg, struct error *e);

/*
 * The body of a POST add-checkpoint. *ret_status and `out` (its body; *ret_type its media type) as
 * C2SP tlog-witness says: 200, 400, 403, 404, 409, 422. An error of this function means that no
 * answer can be given: 500, and nothing was signed.
 */
RESULT witness_add_checkpoint(struct witness *w, struct bytes body, unsigned *ret_status,
                              const char **ret_type, struct buf *out, struct error *e);

/* How the log answers below its prefix: appends the content of "checkpoint", "tile/...".
 * ERRC_NOT_FOUND. */
struct witness_remote {
    RESULT (*fetch)(void *arg, const char *path, struct buf *out, struct error *e);
    /*
     * Leaves the body (size line, cosignature line) with the log; NULL: nobody takes it.
     * ERRC_DENIED: it does not want it.
     */
    RESULT (*deliver)(void *arg, struct bytes body, struct error *e);
    void *arg;
};
enum witness_pull_result { WITNESS_UNCHANGED, WITNESS_ADVANCED };
/*
 * Fetches the newest checkpoint, proves by its tiles that it continues the last one, copies the
 * entries between, checks them against its root, cosigns and delivers. ERRC_INTEGRITY: the log
 * contradicts itself: the message names the alarm file.
 */
RESULT witness_pull(struct witness *w, const char *origin, const struct witness_remote *remote,
                    enum witness_pull_result *ret, uint64_t *ret_size, struct error *e);
/* The same over HTTPS with the log's url and ca. */
RESULT witness_pull_http(struct witness *w, const struct witness_log *log,
                         enum witness_pull_result *ret, uint64_t *ret_size, struct error *e);

#endif
