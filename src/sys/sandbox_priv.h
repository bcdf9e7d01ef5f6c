/* Parts of the cage. */
#ifndef TROTH_SYS_SANDBOX_PRIV_H
#define TROTH_SYS_SANDBOX_PRIV_H

#include "sys/sandbox.h"

/* Names of the system calls that a profile may make with any arguments: lists ended by NULL. */
extern const char *const sandbox_calls_all[];
extern const char *const sandbox_calls_network[]; /* SANDBOX_EDGE and SANDBOX_WITNESS besides */
extern const char
        *const sandbox_calls_absent[]; /* answered with ENOSYS: who calls them has another way */

/* Loads the seccomp filter; after that nothing else is possible. */
RESULT sandbox_filter(enum sandbox_profile profile, struct buf *report, struct error *e);
/* Needs no_new_privs. A kernel without Landlock: told in report, OK. */
RESULT sandbox_landlock(enum sandbox_profile profile, const struct sandbox_path *paths,
                        size_t path_count, struct buf *report, struct error *e);

#endif
