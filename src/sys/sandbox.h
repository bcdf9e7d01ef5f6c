/*
 * The cage of a role: no new privileges, capabilities dropped, Landlock for the paths it needs, a
 * seccomp list for the calls it needs (others: the process is killed). A step that fails is fatal,
 * but for kernels without Landlock: there it is reported in `ret_report` and the rest holds.
 */
#ifndef TROTH_SYS_SANDBOX_H
#define TROTH_SYS_SANDBOX_H

#include "base/buf.h"

struct sandbox_path {
    const char *path; /* absolute */
    bool may_write;
};

enum sandbox_profile {
    SANDBOX_KEEPER, /* own files; no network, no new descriptors but by message */
    SANDBOX_SCRIBE, /* own files; no network */
    SANDBOX_EDGE,   /* own files; accept, connect; threads */
    SANDBOX_WITNESS,
};

/*
 * Once, before any thread is started (ERRC_CONFLICT otherwise), after everything outside was
 * opened. Afterwards memory can't be made executable (dlopen fails), no process can be started, no
 * TCP port bound (Landlock ABI 4). Debug builds name a forbidden call on standard error. ret_report
 * gets one line of what holds.
 */
RESULT sandbox_enter(enum sandbox_profile profile, const struct sandbox_path *paths,
                     size_t path_count, struct buf *ret_report, struct error *e);

#endif
