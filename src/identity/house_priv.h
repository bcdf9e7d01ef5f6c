/* The house's inside: acts of the clock with their entries, and what is due. */
#ifndef TROTH_IDENTITY_HOUSE_PRIV_H
#define TROTH_IDENTITY_HOUSE_PRIV_H

#include "base/arena.h"
#include "base/buf.h"
#include "identity/directory_priv.h"

/* --- house_act.c: an act of the clock, in two phases --- */

struct house_act {
    const char *kind, *realm, *target, *detail; /* target, detail: "" is left out */
    const char *grant;                          /* id or "" */
    const char *before;                         /* JSON object */
    /* Does it; `after` is a JSON object. */
    RESULT (*run)(struct directory *d, void *arg, struct buf *after, struct error *e);
    void *arg;
};
struct house_ledger {
    struct rpc_client *scribe;
    void (*doubt)(void *arg, const char *realm); /* house.h; or NULL */
    void *arg;
};
/*
 * Intent, act, outcome. Without the intent it does not happen. What became needless meanwhile
 * (ERRC_CONFLICT, ERRC_NOT_FOUND) is an outcome "failed" and no error; a tenant whose log is closed
 * is left alone.
 */
RESULT house_act_run(struct directory *d, const struct house_ledger *l, const struct house_act *a,
                     struct error *e);

struct house {
    int64_t slow_ms, flush_ms, clean_ms; /* monotonic: not before */
    int64_t pause_ms;                    /* all acts, after a failure */
    int64_t hold_ms;                     /* the slow ones, after a leap of the wall clock */
    int64_t ahead_ms;                    /* wall clock less monotonic clock at the last call */
    bool has_ahead;
};

/* --- house_due.c --- */

/* An account or key whose time has come. */
struct house_due {
    char id[32], realm[TENANT_NAME_BYTES];
    const char *name, *arn;
    int64_t since_ms; /* leaver: its date; dormant: its last act; key: made */
};
#define HOUSE_BATCH 100
enum house_list { HOUSE_LEAVERS, HOUSE_DORMANT, HOUSE_OLD_KEYS };
/* Tenants that are closed are left out. */
RESULT house_due_list(struct directory *d, enum house_list which, struct arena *arena,
                      struct house_due **ret, size_t *ret_n, struct error *e);
/* Of one realm, all of them. */
RESULT house_due_count(struct directory *d, enum house_list which, const char *realm, uint64_t *ret,
                       struct error *e);
/* Removes tokens, sessions, codes and idempotency keys that are over. */
RESULT house_clean(struct directory *d, struct error *e);

#endif
