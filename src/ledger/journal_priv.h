/* What the two files of the journal share. */
#ifndef TROTH_LEDGER_JOURNAL_PRIV_H
#define TROTH_LEDGER_JOURNAL_PRIV_H

#include "crypto/hash.h"
#include "ledger/journal.h"

#include <pthread.h>

#define JOURNAL_DIR   "journal"
#define JOURNAL_MAGIC "TRJ1"

struct segment {
    struct fs_file *file;
    uint64_t bytes;
    uint64_t newest; /* greatest sequence in it; 0: none */
};

struct journal {
    struct fs *fs;
    struct journal_config config;
    uint64_t next;
    struct segment *active;
    uint64_t at; /* where the next group goes */
    bool is_broken;
    pthread_mutex_t grow_lock;
    pthread_mutex_t lock; /* of what follows */
    struct segment segments[JOURNAL_SLOTS_MAX];
    unsigned count;
    uint64_t settled;  /* as the caller says */
    uint64_t recorded; /* as the newest durable group says */
};

RESULT journal_segment_open(struct journal *j, unsigned slot, bool is_new, struct error *e);
void journal_checksum(const uint8_t *head, struct bytes body, uint8_t ret[SHA256_BYTES]);

#endif
