/*
 * Alarm files (docs/formats/alarm.md): evidence of a log that showed two histories. Two notes
 * signed by the log that can't both be true are a proof by themselves: whoever has the log's public
 * key checks it.
 */
#ifndef TROTH_LEDGER_ALARM_H
#define TROTH_LEDGER_ALARM_H

#include "ledger/note.h"

#define ALARM_MAX (512u * 1024)

enum alarm_kind {
    ALARM_FORK,     /* proved: same size and different roots, or a proof that the larger tree has
                       another prefix */
    ALARM_ROLLBACK, /* an older checkpoint is shown as the newest: signed both, so a fact, not a
                       contradiction */
    ALARM_UNPROVED, /* it does not fit together, but what is here does not prove whose fault it is
                     */
};
const char *alarm_kind_name(enum alarm_kind k); /* "fork", "rollback", "unproved" */

struct alarm {
    enum alarm_kind kind;
    struct note_key log_key;
    int64_t time_ms;
    char witness[NOTE_NAME_MAX + 1]; /* who found it */
    struct bytes known, shown;       /* notes: what was cosigned, what came. Borrowed */
    bool has_prefix; /* fork between sizes: the smaller prefix of the larger tree has this root ...
                      */
    struct tree_hash prefix_root;
    struct tree_proof proof; /* ... by this consistency proof */
};

/* One line of RFC 8785 JSON with its LF. */
void alarm_write(const struct alarm *a, struct buf *out);
/* Strict. Borrowed from `in` and from `store`, which keeps unescaped texts. */
RESULT alarm_parse(struct bytes in, struct buf *store, struct alarm *ret, struct error *e);
/*
 * Both notes are signed by log_key (NULL: the file's own), and for a fork: they contradict each
 * other. ERRC_INTEGRITY when the file does not show what it says.
 */
RESULT alarm_verify(const struct alarm *a, const struct note_key *log_key, struct error *e);
/*
 * What a consistency proof says about the smaller tree: the root that it leads to `root` from.
 * False when it leads there from none, or when old_size is a power of two (then the proof does not
 * contain it).
 */
bool alarm_prefix(uint64_t old_size, uint64_t size, const struct tree_hash *root,
                  const struct tree_proof *proof, struct tree_hash *ret_prefix_root);

#endif
