/*
 * The supervisor: opens the sockets, starts the roles, joins them by socket pairs, restarts the one
 * that dies, and reads nothing from the network. SIGTERM and SIGINT stop in order (edge, scribe,
 * keeper), SIGHUP reloads.
 *
 * Restart: at once the first time, then after 100, 200, 400 ... 5,000 ms; forgotten after ten
 * seconds of good service. A role that reports a reason and exits before it ever served ends the
 * daemon with that reason.
 */
#ifndef TROTH_DAEMON_SUPERVISOR_H
#define TROTH_DAEMON_SUPERVISOR_H

#include "base/secret.h"
#include "daemon/config.h"

#define UNSEAL_MAX 16

struct supervisor_options {
    const char *dir;                   /* state folder, absolute */
    const char *listen;                /* NULL: the setting */
    struct secret *unseal[UNSEAL_MAX]; /* passphrase or shares; owned by the caller */
    size_t unseal_count;
};

/* Runs until it is told to stop. Prints 'ready https://ADDR:PORT' on standard output when every
 * role serves. */
RESULT supervisor_run(const struct supervisor_options *o, const struct config *c, struct error *e);

#endif
