/*
 * A gate that lets a few in at once, some wait in line, and turns the rest away: around work that
 * takes much memory. Any thread or coroutine.
 */
#ifndef TROTH_IDENTITY_GATE_PRIV_H
#define TROTH_IDENTITY_GATE_PRIV_H

#include "base/list.h"
#include "sys/co.h"

#include <pthread.h>

struct login_gate {
    pthread_mutex_t lock;
    struct list line; /* of those who wait, the first come first */
    unsigned inside, waiting, inside_max, waiting_max;
};
void login_gate_init(struct login_gate *g, unsigned inside_max, unsigned waiting_max);
void login_gate_done(struct login_gate *g);
/* ERRC_AGAIN when the line is full. */
RESULT login_gate_enter(struct login_gate *g, struct error *e);
void login_gate_leave(struct login_gate *g);

#endif
