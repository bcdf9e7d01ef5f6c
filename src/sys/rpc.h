/*
 * Messages between roles: frames over a stream socket pair.
 *
 *   frame   := length(4, of what follows, big-endian) id(8) op(2) status(2) body
 *   request : status 0. reply: same id and op; status is an errc; body is the answer, or the
 *   message when status != 0.
 *
 * A frame is at most RPC_FRAME_MAX. The server checks each request against its table: who may ask
 * what, how long it may be. A request that breaks the table is answered with ERRC_DENIED or
 * ERRC_LIMIT and logged; a malformed frame closes the connection.
 */
#ifndef TROTH_SYS_RPC_H
#define TROTH_SYS_RPC_H

#include "base/buf.h"
#include "sys/loop.h"

#define RPC_FRAME_MAX  (4u * 1024 * 1024)
#define RPC_HEAD_BYTES 16u

/* Roles, as bits for permission tables. */
enum role { ROLE_SUPERVISOR, ROLE_KEEPER, ROLE_SCRIBE, ROLE_EDGE, ROLE_COUNT_ };
const char *role_name(enum role r);

/* --- client ----------------------------------------------------------------------------------- */

/*
 * With a loop: used by that loop's coroutines, any number at once, requests multiplexed and their
 * writes coalesced. Without (l NULL): used by any thread, one call at a time behind a lock,
 * blocking.
 */
struct rpc_client;
RESULT rpc_client_new(struct loop *l, const char *peer_name, struct rpc_client **ret,
                      struct error *e);
void rpc_client_free(struct rpc_client *c); /* no call may be under way */
DEFINE_CLEANUP(rpc_client_free, struct rpc_client *)
/*
 * Gives it a (new) connection; takes fd. Calls under way on the old one fail with ERRC_AGAIN. -1:
 * disconnects.
 */
void rpc_client_attach(struct rpc_client *c, int fd);
bool rpc_client_is_up(const struct rpc_client *c);
/*
 * Sends and waits. `reply` gets the body (it is reset first; its max bounds it). ERRC_AGAIN "<peer>
 * is away" when there is no connection or it breaks; the peer's own error otherwise, message
 * included.
 */
RESULT rpc_call(struct rpc_client *c, uint16_t op, struct bytes body, struct buf *reply,
                int64_t timeout_ms, struct error *e);

/* --- server ----------------------------------------------------------------------------------- */

struct rpc_server;
struct rpc_request; /* one request being answered */

struct rpc_op {
    uint16_t op;
    const char *name;
    uint32_t callers;     /* bits: 1u << ROLE_EDGE ... */
    uint32_t max_request; /* bytes of body */
    /*
     * Either writes its answer to `reply` and returns OK, or returns an error, or calls
     * rpc_hold(rq) and returns OK: then rpc_finish answers later (before or in `batch_end`).
     */
    RESULT(*run)
    (void *ctx, struct rpc_request *rq, struct bytes body, struct buf *reply, struct error *e);
};

struct rpc_server_hooks {
    void (*batch_end)(
            void *ctx); /* after all requests read in one wake-up have run: the place of a group commit */
    int64_t (*next_wake_ms)(
            void *ctx); /* monotonic time at which batch_end shall be called anyway; INT64_MAX: never */
};

/*
 * Single-threaded: poll, read what is there, run, batch_end, write. Ops are a table ended by op 0.
 */
RESULT rpc_server_new(const struct rpc_op *ops, const struct rpc_server_hooks *hooks, void *ctx,
                      struct rpc_server **ret, struct error *e);
void rpc_server_free(struct rpc_server *s);
DEFINE_CLEANUP(rpc_server_free, struct rpc_server *)
/*
 * Adds a connection from `peer`; takes fd. `channel` tells several of one role apart (edge loop
 * number).
 */
void rpc_server_add_peer(struct rpc_server *s, int fd, enum role peer, uint32_t channel);
/* A further descriptor to watch in the same wait (the supervisor's control channel). */
void rpc_server_watch(struct rpc_server *s, int fd, void (*fn)(void *arg), void *arg);
RESULT rpc_server_run(struct rpc_server *s, struct error *e); /* until rpc_server_stop */
void rpc_server_stop(struct rpc_server *s);
/* One wait-run-write round of at most timeout_ms, for tests. */
RESULT rpc_server_turn(struct rpc_server *s, int timeout_ms, struct error *e);

enum role rpc_peer(const struct rpc_request *rq);
uint32_t rpc_channel(const struct rpc_request *rq);
void rpc_hold(struct rpc_request *rq);
/*
 * Answers a held request. On success body is sent; else e's message. The request is gone
 * afterwards.
 */
void rpc_finish(struct rpc_request *rq, struct result r, struct bytes body, const struct error *e);

#endif
