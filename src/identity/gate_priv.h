/*
 * A gate that lets a few in at once, some wait in line, and turns the rest away: around work that
 * takes much memory. Any thread or coroutine.
 */
#ifndef TROTH_IDENTITY_GATE_PRIV_H
#define TROTH_IDENTITY_GATE_PRIV_H

#include "base/list.h"
#include "sys/co.h"

#include <pthread.h>

struct gate {
    pthread_mutex_t lock;
    struct list line; /* of those who wait, the first come first */
    unsigned inside, waiting, inside_max, waiting_max;
};
void gate_init(struct gate *g, unsigned inside_max, unsigned waiting_max);
void gate_done(struct gate *g);
/* ERRC_AGAIN when the line is full. */
RESULT gate_enter(struct gate *g, struct error *e);
void gate_leave(struct gate *g);

#endif
