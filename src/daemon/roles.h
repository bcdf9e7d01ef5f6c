/*
 * The roles: what `troth --role NAME` runs. Each reads the configuration, takes its connections
 * from the control channel, enters its sandbox, serves, and returns when it is told to stop.
 * `channels`: connections of the edge (its loops and one more).
 */
#ifndef TROTH_DAEMON_ROLES_H
#define TROTH_DAEMON_ROLES_H

#include "daemon/config.h"

RESULT role_keeper(const char *dir, const struct config *c, uint32_t channels, struct error *e);
RESULT role_scribe(const char *dir, const struct config *c, uint32_t channels, struct error *e);
RESULT role_edge(const char *dir, const struct config *c, uint32_t channels, struct error *e);

/* Dispatches by name; reports its own failure to the supervisor. Returns the exit status. */
int role_main(const char *name, const char *dir, uint32_t channels);

#endif
