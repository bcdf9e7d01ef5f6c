/* A request without a connection: for what reads the target, the headers and the body alone. */
#ifndef TROTH_TESTS_API_REQUEST_KIT_H
#define TROTH_TESTS_API_REQUEST_KIT_H

#include "testkit.h"

#include "api/s3/body.h"
#include "api/s3/request.h"

struct request_kit {
    struct api_settings settings;
    struct http_request http;
    struct http_header headers[32];
    struct s3_request r;
};

static inline __attribute__((unused)) void request_init(struct request_kit *k)
{
    *k = (struct request_kit){ .settings = { .region = "us-east-1", .s3_domain = "s3.test" } };
    k->http.method = BYTES_LIT("GET");
    k->http.host = BYTES_LIT("localhost");
    k->http.headers = k->headers;
    k->http.arena = arena_new(4096, false);
    k->r.http = &k->http;
    k->r.arena = k->http.arena;
    k->r.settings = &k->settings;
}

static inline __attribute__((unused)) void request_done(struct request_kit *k)
{
    arena_free(k->http.arena);
}

static inline __attribute__((unused)) void request_target(struct request_kit *k,
                                                          struct bytes target)
{
    k->http.query = target;
    if (!bytes_split(&k->http.query, '?', &k->http.path)) {
        k->http.path = target;
        k->http.query = BYTES_NONE;
    }
}

static inline __attribute__((unused)) void request_header(struct request_kit *k, const char *name,
                                                          const char *value)
{
    k->headers[k->http.header_count++] = (struct http_header){ bytes_str(name), bytes_str(value) };
}

/* The raw body, given out in pieces of `step` bytes. */
struct source {
    struct bytes left;
    size_t step;
};

static inline __attribute__((unused)) struct result source_read(void *arg, void *dst, size_t cap,
                                                                size_t *ret_n, struct error *e)
{
    struct source *s = arg;
    size_t n = MIN(MIN(cap, s->left.n), s->step);
    (void)e;
    if (n > 0) {
        memcpy(dst, s->left.p, n);
        s->left = bytes_slice(s->left, n, s->left.n);
    }
    *ret_n = n;
    return RESULT_OK;
}

#endif
