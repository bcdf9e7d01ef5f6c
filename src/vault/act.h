/*
 * Acts and their entries. A change is: entry durable, then its rows and its row in `applied` in one
 * transaction; an entry whose transaction failed is followed by an entry "void" {"index":n}.
 */
#ifndef TROTH_VAULT_ACT_H
#define TROTH_VAULT_ACT_H

#include "vault/vault_priv.h"

/* Changes under way of one tenant, counted in two generations: see recover.c. */
struct log_state {
    char name[64];
    unsigned generation;
    uint64_t under_way[2];
    bool has_candidate;
    uint64_t candidate; /* entries below it are decided when the other generation is empty, but for
                           doubts */
    uint64_t candidate_doubts;
    uint64_t round;  /* of housekeeping, that it was in last */
    uint64_t doubts; /* counts entries that may have been left without effect and void */
    uint64_t doubts_done;
    uint64_t changes; /* begun, of the vault's own */
    uint64_t changes_marked;
    int64_t marked_mono_ms;
    struct buffers_share share; /* of the write buffers */
};
/* Made when first asked for; lives as long as the vault. */
struct log_state *act_log_state(struct vault *v, const char *tenant);
void act_free_logs(struct vault *v);

/* An entry that changes nothing here: reads, intents. */
RESULT act_log(const struct vault_ctx *cx, const char *kind, const struct payload *p,
               struct ledger_position *ret, struct error *e);

/*
 * Runs within the transaction; `at` is the entry's position. Must not wait; may run again
 * (db_write_repeatable).
 */
typedef struct result (*act_fn)(struct db_conn *c, void *arg, const struct ledger_position *at,
                                struct error *e);
/* The whole change. receipt: NULL when not wanted. */
RESULT act_change(const struct vault_ctx *cx, const char *kind, const struct payload *p, act_fn fn,
                  void *arg, struct ledger_position *ret, struct buf *receipt, struct error *e);
/*
 * A destructive change: p (phase "intent") durable, the transaction, then an entry with phase
 * "outcome", the intent's index and result "ok" or "failed". Returns the transaction's result.
 */
RESULT act_two_phase(const struct vault_ctx *cx, const char *kind, const struct payload *p,
                     act_fn fn, void *arg, struct ledger_position *ret, struct error *e);

/* Kinds that leave a row in `applied`. */
bool act_kind_is_change(struct bytes kind);

#endif
