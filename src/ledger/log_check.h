/*
 * Checks one log's files from end to end, without the scribe: every byte of them. Streams; needs
 * about 4 MiB whatever the size of the log.
 *
 *  - every checkpoint record is sound, verifies under the log's key, and its root and counters are
 * those of the entries
 *  - every entry is canonical, counters are dense per source, time does not go back, every stored
 * hash is the right one
 *  - every offset is the right one; every payload is sound, opens under its month's key, and is
 * what the entry commits to
 *  - every cosignature is sound, and verifies where its witness is known; every time stamp is sound
 *
 * The first fault ends it: ERRC_INTEGRITY, "log acme: entry 4711: ...".
 */
#ifndef TROTH_LEDGER_LOG_CHECK_H
#define TROTH_LEDGER_LOG_CHECK_H

#include "base/clock.h"
#include "ledger/keys.h"
#include "ledger/note.h"
#include "sys/fs.h"

struct log_check_options {
    const char *origin;
    const struct note_key *key; /* of the log */
    const struct ledger_keys
            *keys; /* NULL: payloads are not opened, only their checksums are compared */
    const struct clock *clock;
    const struct note_key *witnesses; /* may be NULL */
    size_t witness_count;
    bool is_live; /* the scribe is running: bytes beyond the newest checkpoint are its business */
};
struct log_check_report {
    uint64_t size, checkpoints, erased; /* erased: payloads whose key is destroyed */
};
RESULT log_check(struct fs *ledger_dir, const char *name, const struct log_check_options *o,
                 struct log_check_report *ret, struct error *e);

#endif
