/*
 * Evidence packages (docs/formats/package.md): a stretch of a log in one file that is checked
 * offline. Writing and checking stream: memory does not grow with the number of entries.
 */
#ifndef TROTH_LEDGER_PACKAGE_H
#define TROTH_LEDGER_PACKAGE_H

#include "ledger/client.h"
#include "ledger/policy.h"

#define PACKAGE_LINE_MAX      (256u * 1024) /* with its LF */
#define PACKAGE_SOURCES_MAX   64
#define PACKAGE_INTENTS_MAX   65536u
#define PACKAGE_TIMESTAMP_MAX (64u * 1024)

/* --- writing --- */

typedef RESULT (*package_record_fn)(void *arg, const struct ledger_record *r, struct error *e);

/* Where a package comes from and goes to. All may block. */
struct package_writer {
    const char *origin;
    struct bytes vkey;             /* of the log */
    struct bytes sealer;           /* of what `sign` signs with */
    uint64_t from, size;           /* from < size; a checkpoint of `size` exists */
    struct tree_frontier frontier; /* at `from`: tile_frontier, or zeroed for 0 */
    int64_t created_ms;
    void *arg;
    /* As ledger_read: calls fn for 1..count entries from `from`, in order. */
    RESULT(*entries)
    (void *arg, uint64_t from, uint64_t count, package_record_fn fn, void *fn_arg, struct error *e);
    /* The smallest published checkpoint with size >= `least` (and its time stamp token, if any). */
    RESULT(*checkpoint)
    (void *arg, uint64_t least, struct buf *ret_note, struct buf *ret_token, struct error *e);
    /* A note whose text is "troth/package\n" and `statement`: keys_sign_statement with context
     * "package". */
    RESULT (*sign)(void *arg, struct bytes statement, struct buf *ret_note, struct error *e);
    RESULT (*sink)(void *arg, struct bytes part, struct error *e); /* parts of up to 64 KiB */
};
/*
 * Writes a whole package. Checkpoints of a size in from..size are taken as `checkpoint` gives them;
 * those with other sizes are left out. Roots, commitments and counters are checked on the way:
 * ERRC_INTEGRITY when the ledger gives what does not fit together. Memory: about 1 MiB.
 */
RESULT package_write(const struct package_writer *w, struct error *e);

/* --- checking --- */

/* Reads on: 1..cap bytes, 0 at the end. */
struct package_input {
    RESULT (*read)(void *arg, void *dst, size_t cap, size_t *ret_n, struct error *e);
    void *arg;
};

enum package_finding_kind {
    PACKAGE_INTENT,
    PACKAGE_OUTCOME,
    PACKAGE_TIME,
    PACKAGE_SEALER,
    PACKAGE_TIMESTAMP,
    PACKAGE_FINDING_KINDS
};
const char *package_finding_name(enum package_finding_kind k); /* as in package.md */
struct package_finding {
    enum package_finding_kind kind;
    uint64_t line;    /* from 1 */
    uint64_t index;   /* of the entry; UINT64_MAX: of none */
    const char *text; /* English */
};

struct package_entry { /* of a verified entry, for tools; borrowed for the call */
    uint64_t index;
    const struct entry *entry;
    struct bytes leaf, payload; /* payload empty: erased */
};

struct package_options {
    const struct policy *policy;    /* or NULL */
    const struct note_key *log_key; /* or NULL; beside a policy: both must agree */
    bool has_trusted;               /* an earlier checkpoint that is believed */
    uint64_t trusted_size;
    struct tree_hash trusted_root;
    struct bytes tsa_ca_pem; /* empty: time stamps are not checked */
    /* Any may be NULL. */
    void (*finding)(void *arg, const struct package_finding *f);
    void (*entry)(void *arg, const struct package_entry *en);
    void (*progress)(void *arg, uint64_t index, uint64_t size); /* at each checkpoint */
    void *arg;
};

struct package_source {
    char name[LEDGER_NAME_MAX];
    uint64_t first, last; /* counters; first 0: only told of by heartbeats */
    uint64_t entries;
};
struct package_report {
    char origin[NOTE_NAME_MAX + 1];
    struct note_key log_key; /* that the checkpoints verified under */
    bool is_key_trusted; /* it came from the policy or the options; false: self-consistency alone */
    struct note_key sealer;
    bool is_sealer_trusted;
    uint64_t from, size;
    struct tree_hash root; /* of the last checkpoint */
    int64_t created_ms, first_ms, last_ms;
    int64_t longest_silence_ms; /* between entries, and the index of the one that ended it */
    uint64_t longest_silence_index;
    uint64_t lines, bytes, entries, erased, voided, heartbeats, checkpoints, timestamps,
            timestamps_verified;
    uint64_t witnessed_size;   /* greatest checkpoint that met the policy's quorum */
    int64_t timestamp_ms;      /* newest verified time stamp; 0: none */
    struct policy_result last; /* of the last checkpoint */
    uint64_t findings[PACKAGE_FINDING_KINDS];
    struct package_source sources[PACKAGE_SOURCES_MAX];
    size_t source_count;
    /* Where it stood when it ended or failed. */
    uint64_t line;
    uint64_t index; /* UINT64_MAX: at no entry */
};
/*
 * Checks a whole package. `ret` is written also on failure, as far as it came. The message names
 * line and entry: "line 12, entry 10: ...". ERRC_FORMAT, ERRC_INTEGRITY, ERRC_LIMIT, ERRC_DENIED
 * (quorum), ERRC_NOT_FOUND (no key for this log), or an error of reading. Memory: about 2 MiB.
 */
RESULT package_verify(const struct package_input *in, const struct package_options *o,
                      struct package_report *ret, struct error *e);

#endif
