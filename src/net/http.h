/*
 * HTTP/1.1 server on a loop: strict RFC 9112 parsing, TLS 1.3, one coroutine for each running
 * request, none for an idle connection. The handler reads the body and writes the answer with plain
 * sequential calls that yield while they wait.
 */
#ifndef TROTH_NET_HTTP_H
#define TROTH_NET_HTTP_H

#include "base/arena.h"
#include "base/buf.h"
#include "crypto/tls.h"
#include "sys/co.h"
#include "sys/sock.h"

struct http_limits {
    size_t request_line_bytes; /* 8,192 */
    size_t head_bytes;         /* 16,384: request line and headers */
    size_t header_count;       /* 100 */
    int64_t handshake_ms;      /* 10,000 */
    int64_t head_ms;           /* 10,000 from the first byte of a head to its end */
    int64_t idle_ms;           /* 60,000 between requests */
    int64_t stall_ms;          /* 30,000 without a byte of body read or response written */
    uint64_t
            body_bytes_per_s; /* 1,024: slower than this over stall_ms of waiting: ERRC_TIMEOUT; answers too */
    unsigned connections;             /* 10,000 in all */
    unsigned connections_per_address; /* 1,000 */
};
extern const struct http_limits http_limits_default;

struct http_header {
    struct bytes name, value; /* value without surrounding blanks */
};

struct http_request {
    struct bytes method;
    struct bytes target; /* as sent */
    struct bytes
            path; /* before '?', still percent-encoded; starts with '/' (or is "*": OPTIONS alone) */
    struct bytes query; /* after the first '?', still encoded; empty when none */
    struct bytes host;  /* the Host header */
    const struct http_header *headers;
    size_t header_count;
    bool has_length; /* Content-Length was sent */
    uint64_t length;
    bool is_chunked; /* Transfer-Encoding: chunked */
    bool is_tls, is_unix;
    struct sock_peer unix_peer; /* when is_unix */
    const char *peer_host;      /* "127.0.0.1", "unix" */
    const char *peer_full;      /* with port */
    const char *
            client_certificate; /* SHA-256 fingerprint in hex of the verified client certificate, or NULL */
    struct arena *arena; /* lives as long as the request */
};

struct http_exchange;
typedef void (*http_handler)(void *ctx, struct http_exchange *x);

const struct http_request *http_request(const struct http_exchange *x);
/* First header of that name (any case); false when absent. */
bool http_find(const struct http_exchange *x, const char *name, struct bytes *ret);
size_t http_count(const struct http_exchange *x, const char *name);

/*
 * Reads decoded body bytes, up to cap; *ret_n 0 at the end. Sends "100 Continue" before the first
 * read where it was asked for. ERRC_CLOSED: ended early; ERRC_FORMAT: bad chunk framing;
 * ERRC_TIMEOUT: too slow. After an error the connection closes once the answer is out.
 */
RESULT http_read_body(struct http_exchange *x, void *dst, size_t cap, size_t *ret_n,
                      struct error *e);
/* The whole body, at most out->max bytes: ERRC_LIMIT. */
RESULT http_read_all(struct http_exchange *x, struct buf *out, struct error *e);

/*
 * Before begin; copied; a header of that name set before is replaced. At most 128. A name that is
 * no token, a value with control bytes, or one of the server's own (Content-Length,
 * Transfer-Encoding, Connection, Date, Server) is logged, and http_begin fails with ERRC_BUG until
 * http_reset_headers.
 */
void http_set_header(struct http_exchange *x, const char *name, struct bytes value);
void http_set_header_str(struct http_exchange *x, const char *name, const char *value);
void http_reset_headers(struct http_exchange *x); /* forgets all that were set; before begin */
/*
 * length -1: chunked. HEAD and 204/304 send no body: http_write is then a no-op. ERRC_LIMIT:
 * headers past 32 KiB.
 */
RESULT http_begin(struct http_exchange *x, unsigned status, int64_t length, struct error *e);
RESULT http_write(struct http_exchange *x, struct bytes body, struct error *e);
/* Sends what was written so far; without it small writes are gathered until http_end. */
RESULT http_flush(struct http_exchange *x, struct error *e);
RESULT http_end(struct http_exchange *x, struct error *e);
/* All in one. content_type NULL: none. */
RESULT http_respond(struct http_exchange *x, unsigned status, const char *content_type,
                    struct bytes body, struct error *e);
bool http_is_begun(const struct http_exchange *x);
unsigned http_status(const struct http_exchange *x); /* 0 before begin */
/* Closes the connection after this answer. */
void http_close_after(struct http_exchange *x);

/* --- the server --- */

/* What all loops of a process share: counts per address and in all. */
struct http_shared;
struct http_shared *http_shared_new(const struct http_limits *limits);
void http_shared_free(struct http_shared *s);
void http_shared_set_limits(struct http_shared *s, const struct http_limits *limits);

struct http_stats {
    uint64_t accepted, refused, requests, bad_requests, handshake_failures, timeouts;
    uint64_t connections, active; /* now */
};
void http_shared_stats(struct http_shared *s, struct http_stats *ret);

struct http_server;
RESULT http_server_new(struct loop *l, struct http_shared *shared, http_handler handler, void *ctx,
                       struct http_server **ret, struct error *e);
/* On the loop's thread or after it ended; http_server_active() must be 0. */
void http_server_free(struct http_server *s);
/*
 * Accepts from fd (borrowed, non-blocking; several servers may share it; it outlives the server).
 * tls NULL is allowed for Unix sockets alone.
 */
RESULT http_server_listen(struct http_server *s, int fd, struct tls_ctx *tls, struct error *e);
/* New connections use it; takes its own reference. */
void http_server_set_tls(struct http_server *s, struct tls_ctx *tls);
/* Stops accepting, closes idle connections; running requests finish with Connection: close. */
void http_server_drain(struct http_server *s);
size_t http_server_active(const struct http_server *s);
/*
 * As drain, but breaks off what runs: http calls of its handlers fail with ERRC_CLOSED. Active is 0
 * when they returned.
 */
void http_server_close_all(struct http_server *s);

#endif
