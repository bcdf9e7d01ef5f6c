/* What the files of the engine share. */
#ifndef TROTH_LEDGER_ENGINE_PRIV_H
#define TROTH_LEDGER_ENGINE_PRIV_H

#include "ledger/engine.h"
#include "ledger/publisher.h"
#include "ledger/reserve.h"

#define CHORES_MS 1000 /* between looks at the disk and at who is due a heartbeat */
#define HEARTBEAT_STEP_MS                                                                          \
    37 /* between the heartbeats of neighbouring logs: they spread over the interval */
#define BATCH_LOGS 16   /* signed and published at once */
#define RETRY_MS   1000 /* after a publication that failed */

struct engine {
    struct fs *fs;
    struct ledger_config config;
    struct map *logs; /* name -> struct log */
    struct log *platform;
    struct log **dirty; /* with entries that are not published */
    size_t dirty_count, dirty_cap;
    size_t memory; /* of what is not published */
    struct journal *journal;
    struct buf group;    /* the open journal group */
    struct log **staged; /* logs with entries in it */
    size_t staged_count, staged_cap;
    struct buf plain; /* scratch: salt and payload */
    struct publisher *publisher;
    struct reserve reserve;
    bool is_broken;
    int64_t chores_at_ms, retry_at_ms; /* monotonic */
};

/* Stages one entry of the ledger's own in a log. */
RESULT engine_append_own(struct engine *en, struct log *l, const char *kind, struct bytes payload,
                         struct error *e);
/*
 * Hands what is dirty to the publisher when it is idle. all: whatever its age; else the first
 * BATCH_LOGS that are due, so that the signing does not hold up appends. Returns the last failure
 * to sign; what could be signed is under way.
 */
RESULT engine_publish_start(struct engine *en, bool all, struct error *e);
/* Takes a finished batch; stages log.checkpoint entries. False when none was done. */
bool engine_publish_take(struct engine *en, struct result *ret, struct error *e);

#endif
