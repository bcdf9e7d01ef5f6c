/*
 * HTTP client on libcurl for tools and for the daemon's own few outgoing calls (witness, TSA).
 * Blocks: from a coroutine, call it through co_call. TLS 1.3 only; no redirects; no proxies from
 * the environment.
 */
#ifndef TROTH_NET_CLIENT_H
#define TROTH_NET_CLIENT_H

#include "base/buf.h"

struct http_call {
    const char *method; /* "GET", "POST", "DELETE", "PUT" */
    const char *url;
    const char *unix_socket;                        /* path, or NULL */
    const char *ca_file;                            /* PEM, or NULL for the system's */
    const char *client_cert_file, *client_key_file; /* or NULL */
    const char *const *headers;                     /* NULL-ended "Name: value", or NULL */
    struct bytes body;
    int64_t timeout_ms; /* whole call */
    /*
     * Streams the body of a successful answer (2xx); of others `out` has it. May be NULL. An error
     * stops the call.
     */
    RESULT (*sink)(void *arg, struct bytes part, struct error *e);
    void *sink_arg;
};

/*
 * *ret_status is the HTTP status; `out` (its max bounds it) gets the body. ERRC_AGAIN: nobody
 * listens there.
 */
RESULT http_client_call(const struct http_call *call, unsigned *ret_status, struct buf *out,
                        struct error *e);

#endif
