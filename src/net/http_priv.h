/*
 * Inside the HTTP server. One connection is in one state at a time:
 *
 *   HANDSHAKE -> HEAD -> RUNNING -> HEAD ... -> LINGER -> gone
 *
 * HANDSHAKE, HEAD and LINGER are driven by the loop's callbacks and the connection's one timer.
 * RUNNING belongs to the coroutine of its request: callbacks only wake it. So an idle connection
 * (HEAD, nothing read) has no stack, no input buffer and no exchange.
 */
#ifndef TROTH_NET_HTTP_PRIV_H
#define TROTH_NET_HTTP_PRIV_H

#include "base/list.h"
#include "base/map.h"
#include "net/http_parse.h"

#include <pthread.h>
#include <stdatomic.h>

enum {
    SCRATCH_BYTES = 32 * 1024, /* read at once while no request runs */
    OUT_BYTES = 16 * 1024,     /* gathered before it is sealed: one TLS record */
    SLICE_BYTES = 256 * 1024,  /* sealed at once */
    WORK_BYTES = 1024 * 1024,  /* moved before others get their turn */
    DRAIN_BYTES = 64 * 1024,   /* of a body that its handler left unread */
    LINGER_BYTES = 16 * 1024 * 1024,
    LINGER_MS = 5000,
    ACCEPT_BATCH = 16,
    ACCEPT_PAUSE_MS = 100, /* after the system ran out of descriptors */
    EXCHANGES_KEPT = 64,
    FIELDS_MAX = 128,
    HEADERS_MAX = 256,           /* whatever the limits say */
    HEADERS_OUT_MAX = 32 * 1024, /* bytes of an answer's head */
};

/* --- shared --- */

struct http_counts {
    _Atomic uint64_t accepted, refused, requests, bad_requests, handshake_failures, timeouts;
    _Atomic uint64_t connections, active;
};

struct http_shared {
    pthread_mutex_t lock; /* limits, addresses, counted */
    struct http_limits limits;
    struct map *addresses; /* address -> struct address */
    unsigned counted;      /* connections that the limits count: all but those of Unix sockets */
    struct list listeners; /* struct listener, of TCP: see http_balance.c */
    struct http_counts counts;
};

/* What a limit per address counts by: an IPv4 address or an IPv6 /64; empty for a Unix socket,
 * which no limit counts. */
struct address_key {
    uint8_t b[16];
    size_t n;
};
/* Also tells the limits of now. False: one too many. */
bool http_shared_enter(struct http_shared *s, const struct address_key *key,
                       struct http_limits *ret_limits);
void http_shared_leave(struct http_shared *s, const struct address_key *key);
void http_shared_limits(struct http_shared *s, struct http_limits *ret);

/* --- server --- */

struct listener {
    struct list item;
    struct http_server *server;
    struct loop_fd fd;
    struct loop_timer pause;
    struct tls_ctx *tls; /* NULL: plain, a Unix socket */
    bool is_on;
    /* TCP: connections that another loop accepted come through a pipe */
    struct list shared_item; /* in http_shared */
    struct loop_fd handed;   /* its reading end; fd -1: none */
    int hand_fd;             /* its writing end */
    bool may_take;           /* under the lock of http_shared */
};

/* Joins those that share its descriptor. */
RESULT balance_join(struct listener *li, struct error *e);
void balance_pause(struct listener *li, bool may_take);
/* Closes what is still on its way. */
void balance_leave(struct listener *li);
/* Starts the connection on the loop that has the fewest. Takes fd, which http_shared has let in. */
void balance_start(struct listener *li, int fd, const struct address_key *key);

struct http_server {
    struct loop *loop;
    struct http_shared *shared;
    http_handler handler;
    void *ctx;
    struct http_limits limits; /* as of the last accept */
    struct tls_pool *pool;
    struct list listeners, conns;
    struct list free_exchanges;
    size_t free_count;
    size_t active;
    _Atomic unsigned load; /* TCP connections, here or on their way */
    bool is_draining;
    int64_t date_s; /* of date_text */
    char date_text[TIME_TEXT_MAX];
    struct http_header headers[HEADERS_MAX]; /* of the head being parsed */
    uint8_t scratch[SCRATCH_BYTES];
};

const char *http_server_date(struct http_server *s);

/* --- connection --- */

enum conn_state { CONN_HANDSHAKE, CONN_HEAD, CONN_RUNNING, CONN_LINGER };

struct conn {
    struct list item;
    struct http_server *server;
    struct loop_fd fd;
    struct loop_timer timer;
    struct tls_conn *tls; /* NULL: plain */
    enum conn_state state;
    bool is_dead;      /* the descriptor is of no more use */
    bool is_head_open; /* part of a head is here: the timer counts for it */
    bool is_unix;
    unsigned waits; /* TLS_WANT_*: what the coroutine waits for */
    struct co_event *waiter;
    struct buf in; /* read and not used */
    uint64_t lingered;
    int64_t linger_until_ms;
    struct address_key key;
    char peer_host[SOCK_ADDR_TEXT_MAX], peer_full[SOCK_ADDR_TEXT_MAX];
    char fingerprint[65]; /* of the client's certificate; empty: none */
};

/* Takes fd. */
void conn_start(struct http_server *s, int fd, struct tls_ctx *tls, const struct address_key *key);
void conn_close(struct conn *c);
/* The request is over: the next head, or the end of the connection. */
void conn_next(struct conn *c);
void conn_end(struct conn *c);
/* For close_all: breaks it off; a running request sees ERRC_CLOSED. */
void conn_abort(struct conn *c);
/* Answers before any request runs (or can), then ends. */
void conn_refuse(struct conn *c, unsigned status, const char *why);

/* Not waiting: OK, ERRC_AGAIN, ERRC_CLOSED, ... as in crypto/tls.h. */
RESULT conn_read(struct conn *c, void *dst, size_t cap, size_t *ret_n, struct error *e);
RESULT conn_write(struct conn *c, struct bytes v, size_t *ret_n, struct error *e);
RESULT conn_flush(struct conn *c, struct error *e);

/* In the request's coroutine. ERRC_TIMEOUT, ERRC_CLOSED. */
RESULT conn_wait(struct conn *c, unsigned wants, int64_t timeout_ms);

/* --- exchange --- */

struct field {
    const char *name;
    struct bytes value;
};

struct http_exchange {
    struct list item; /* when free */
    struct conn *conn;
    struct http_request request;
    struct arena *arena;
    /* request body */
    struct http_chunked chunked;
    uint64_t body_left;
    bool is_body_done, is_body_broken;
    bool wants_continue;
    int64_t waited_ms;     /* for the body, in this window */
    uint64_t window_bytes; /* of body in this window */
    /* response */
    struct field fields[FIELDS_MAX];
    size_t field_count;
    bool is_misused; /* a header that must not be */
    unsigned status;
    bool sends_body; /* the response has one */
    bool is_chunked; /* the response is */
    uint64_t left;   /* of the response's length */
    bool is_begun, is_ended;
    bool closes;
    struct buf out;
    size_t work;
};

/*
 * Starts the coroutine for the head that was parsed from the first head_n bytes of `all`, which are
 * c->in or the server's scratch; what is left of them becomes c->in. Ends the connection when it
 * can't.
 */
void exchange_start(struct conn *c, const struct http_request *parsed, size_t head_n,
                    struct bytes all);
void exchange_free(struct http_exchange *x);
/* Counts bytes moved; gives others a turn. */
void exchange_work(struct http_exchange *x, size_t n);
/* Sends all of v, waiting while the other end is slow. */
RESULT exchange_send(struct http_exchange *x, struct bytes v, struct error *e);
RESULT exchange_flush(struct http_exchange *x, struct error *e);
/* Reads what the handler left, within bounds; false: the connection can't be used further. */
bool exchange_drain(struct http_exchange *x);

/* "Not Found"; static. */
const char *http_reason(unsigned status);

#endif
