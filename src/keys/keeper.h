/*
 * The keeper: the role that holds the keys and answers requests about them. Its table of operations
 * (keeper_ops) is the permission table: edge and scribe may ask for different things, nobody else
 * for anything.
 *
 * Start: root_open, keeper_new, wipe the root, keeper_add_peer for each connection, sandbox,
 * keeper_run. Single-threaded.
 */
#ifndef TROTH_KEYS_KEEPER_H
#define TROTH_KEYS_KEEPER_H

#include "base/clock.h"
#include "base/rng.h"
#include "base/secret.h"
#include "keys/root.h"
#include "sys/fs.h"
#include "sys/rpc.h"

#define KEEPER_WAIT_MIN_MS ((int64_t)7 * 24 * 3600 * 1000)
#define KEEPER_WAIT_MAX_MS ((int64_t)30 * 24 * 3600 * 1000)

struct keeper;

struct keeper_options {
    struct fs *dir; /* DIR/keeper; it, clock and rng outlive the keeper */
    const struct clock *clock;
    const struct rng *rng;
    int64_t wait_min_ms;   /* least waiting period before a destruction; 0: KEEPER_WAIT_MIN_MS */
    struct root_info root; /* how the root key is kept: for keys_root_info */
    bool accept_lost_checkpoints; /* begin the checkpoints file anew where it is missing: rollback is not noticed this once */
};

/* Makes DIR/keeper's files (`troth init`). deployment: the setting `origin`. ERRC_EXISTS. */
RESULT keeper_init(const struct keeper_options *o, const struct secret *root,
                   const char *deployment, struct error *e);
/* Errors of keyring_open and checkpoints_open. Copies the root key. */
RESULT keeper_new(const struct keeper_options *o, const struct secret *root, struct keeper **ret,
                  struct error *e);
void keeper_free(struct keeper *k); /* writes what was only counted */
DEFINE_CLEANUP(keeper_free, struct keeper *)

/*
 * A (new) connection of a role; takes fd. What may be asked once a connection may be asked again.
 */
void keeper_add_peer(struct keeper *k, int fd, enum role peer, uint32_t channel);
/* For rpc_server_watch and rpc_server_turn. */
struct rpc_server *keeper_server(struct keeper *k);
RESULT keeper_run(struct keeper *k, struct error *e); /* until keeper_stop */
void keeper_stop(struct keeper *k);

/* The permission table, ended by op 0; for tests and for the documentation. */
extern const struct rpc_op keeper_ops[];

#endif
