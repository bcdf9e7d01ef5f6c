/* The counter of changes and what the logs tell of it, for the directory and rollback.c. */
#ifndef TROTH_IDENTITY_ROLLBACK_PRIV_H
#define TROTH_IDENTITY_ROLLBACK_PRIV_H

#include "identity/directory_priv.h"
#include "identity/rollback.h"

#include <stdatomic.h>

/* What a log tells. */
struct changes_told {
    char log[TENANT_NAME_BYTES];
    uint64_t told; /* the highest counter that its entries were given */
    uint64_t at; /* entries before the newest of them that is known, a mark or found at the start */
    uint64_t turn; /* of the marks */
};

struct changes {
    _Atomic uint64_t n;
    pthread_mutex_t lock; /* over what follows */
    struct map *logs;     /* name -> struct changes_told */
    uint64_t turn;
    int64_t marked_ms; /* of the platform log, monotonic */
};

RESULT changes_new(struct db *db, struct changes **ret, struct error *e);
void changes_free(struct changes *c);
/* The counter, once it is durable; never falls. */
void changes_set(struct changes *c, uint64_t n);
/* told and at only grow. */
void changes_log_set(struct changes *c, const char *log, uint64_t told, uint64_t at);
void changes_log_forget(struct changes *c, const char *log);
/* Those that were not asked for in this turn, at most max; 0 ends the turn. */
size_t changes_logs_next(struct changes *c, struct changes_told *ret, size_t max);

#endif
