/*
 * Fault points: named places where a test makes the world fail. Off unless armed: one relaxed load.
 * Armed by a test, or by TROTH_FAULTS="name:kind[:after[:times]],..." in builds with -Dfaults=true
 * (the default for debug builds; release builds compile the environment variable out). Kinds: eio,
 * enospc, eagain, short, crash, nomem.
 */
#ifndef TROTH_SYS_FAULT_H
#define TROTH_SYS_FAULT_H

#include "base/error.h"

enum fault_kind {
    FAULT_NONE,
    FAULT_EIO,
    FAULT_ENOSPC,
    FAULT_EAGAIN,
    FAULT_SHORT,
    FAULT_CRASH,
    FAULT_NOMEM
};

/* FAULT_NONE, or what shall go wrong here now. FAULT_CRASH does not return (SIGKILL to itself). */
enum fault_kind fault_point(const char *name);
void fault_arm(const char *name, enum fault_kind kind, unsigned after, unsigned times);
void fault_disarm_all(void);
void fault_init_from_env(void);

#endif
