/* What the files of the witness share. */
#ifndef TROTH_LEDGER_WITNESS_PRIV_H
#define TROTH_LEDGER_WITNESS_PRIV_H

#include "base/json.h"
#include "crypto/sign.h"
#include "ledger/alarm.h"
#include "ledger/witness.h"

#define WITNESS_PATH_MAX   192
#define WITNESS_STATE_MAX  (2 * NOTE_MAX)
#define WITNESS_ID_TEXT    17
#define WITNESS_ALARMS_MAX 256 /* of those that prove nothing */
#define WITNESS_LOCK_MS    30000

struct witness {
    struct fs *fs;
    const struct clock *clock;
    struct sign_key *sk;
    struct note_key key;
};

/* Path of a file of a log's folder. */
void witness_path(const char *origin, const char *file, char dst[WITNESS_PATH_MAX]);
/* ERRC_NOT_FOUND. */
RESULT witness_log_read(struct witness *w, const char *origin, struct witness_log *ret,
                        struct error *e);

/* What was cosigned last. */
struct witness_state {
    uint64_t archive_bytes; /* of `checkpoints` that are valid */
    int64_t cosigned_ms;
    struct buf note;        /* empty: nothing yet */
    struct note parsed;     /* of note */
    struct checkpoint last; /* size 0: nothing yet */
};
void witness_state_done(struct witness_state *s);
DEFINE_CLEANUP_DONE(witness_state_done, struct witness_state)
/* ERRC_INTEGRITY: missing or damaged. */
RESULT witness_state_read(struct witness *w, const struct note_key *log, struct witness_state *ret,
                          struct error *e);
/* Archive, then state; durable. `note` is what was cosigned. */
RESULT witness_state_write(struct witness *w, const char *origin, const struct witness_state *was,
                           struct bytes note, int64_t now_ms, struct error *e);
RESULT witness_state_init(struct witness *w, const struct note_key *log, struct error *e);

/* The lock of a log; fs_close gives it back. */
RESULT witness_lock(struct witness *w, const char *origin, struct fs_file **ret, struct error *e);

/*
 * Keeps evidence (once for the same two notes) and says so in the log. `a` without kind's vkey,
 * time, witness: filled in.
 */
RESULT witness_alarm(struct witness *w, const struct note_key *log, struct alarm *a,
                     char ret_path[WITNESS_PATH_MAX], struct error *e);
RESULT witness_alarm_count(struct witness *w, const char *origin, uint64_t *ret, struct error *e);

/* A verified note of the log, judged against the state. */
struct witness_case {
    struct witness_log log;
    struct bytes note;
    struct note parsed;
    struct checkpoint c;
    uint64_t old_size;
    struct tree_proof proof;
};
/* ERRC_NOT_FOUND (origin), ERRC_DENIED (signature), ERRC_FORMAT. */
RESULT witness_case_of(struct witness *w, struct bytes note, struct witness_case *ret,
                       struct error *e);
struct witness_verdict {
    unsigned status; /* 200, 400, 409, 422 */
    uint64_t size;   /* what the witness is at */
    struct buf line; /* cosignature */
};
RESULT witness_judge(struct witness *w, const struct witness_case *k, struct witness_verdict *ret,
                     struct error *e);

/* How far the copy goes. */
struct witness_copy {
    uint64_t copied;            /* entries, with those of the newest partial bundle */
    struct tree_frontier whole; /* of the full bundles */
};
RESULT witness_copy_read(struct witness *w, const char *origin, struct witness_copy *ret,
                         struct error *e);

#endif
