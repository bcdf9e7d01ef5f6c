/*
 * The edge's inside: N event loops that serve, a house thread that keeps the store in order, a
 * courier thread that takes checkpoints to witnesses and to the time-stamping authority. The main
 * thread only listens to the supervisor.
 */
#ifndef TROTH_DAEMON_EDGE_H
#define TROTH_DAEMON_EDGE_H

#include "api/api.h"
#include "daemon/config.h"
#include "daemon/control.h"

#include <pthread.h>

#define EDGE_LOOPS_MAX 64

struct edge_loop {
    struct api_loop api; /* first: the handlers' context */
    struct edge *edge;
    struct loop *loop;
    struct http_server *https, *unix_http;
    pthread_t thread;
    bool has_thread;
};

struct edge {
    const char *dir;
    struct config config;
    struct api api;
    struct fs *fs, *vault_fs, *identity_fs, *ledger_fs;
    struct db *db;
    struct tls_ctx *tls;
    int tls_listener, unix_listener;
    struct edge_loop loops[EDGE_LOOPS_MAX];
    size_t loop_count;
    struct rpc_client *keeper, *scribe; /* of the house and the courier: blocking, shared */
    pthread_t house, courier;
    bool has_house, has_courier;
    int control; /* to the supervisor */
    _Atomic bool is_stopping;
    _Atomic bool is_open; /* the stores are: api is filled in */
    struct error failure; /* of the house while it starts */
    _Atomic bool has_failed;
};

/* edge_open.c: the stores, once the keeper gives the key. Blocks; retries while keeper or scribe
 * are away. */
RESULT edge_open(struct edge *ed, struct error *e);
void edge_close(struct edge *ed);

/* edge_serve.c */
RESULT edge_tls_load(struct edge *ed, const struct config *c, struct tls_ctx **ret,
                     struct error *e);
RESULT edge_serve_start(struct edge *ed, struct error *e);
/* Waits until running requests are done, at most drain_ms; then cuts what is left. */
void edge_serve_stop(struct edge *ed);
/* Gives a loop a new connection; any thread. Takes fd. */
void edge_loop_attach(struct edge_loop *l, enum role peer, int fd);
/* config_fd: the configuration file, or -1 for the defaults; borrowed. */
void edge_reload(struct edge *ed, int config_fd);
/* The state folders: opened before the cage closes. */
RESULT edge_folders_open(struct edge *ed, struct error *e);
void edge_settings_set(struct edge *ed, const struct config *c);
void edge_http_limits(const struct config *c, struct http_limits *ret);

/* edge_house.c, edge_courier.c: thread functions; arg is the edge. */
void *edge_house(void *arg);
void *edge_courier(void *arg);
/* Sleeps, but not past a stop. False: stopping. */
bool edge_pause(struct edge *ed, int64_t ms);

#endif
