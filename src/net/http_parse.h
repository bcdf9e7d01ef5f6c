/*
 * The strict RFC 9112 parser: pure functions over bytes, fuzzed. Its rules stand at the head of
 * http_parse.c.
 */
#ifndef TROTH_NET_HTTP_PARSE_H
#define TROTH_NET_HTTP_PARSE_H

#include "net/http.h"

/*
 * Looks for a whole head at the front of `in` and parses it in place (headers and text point into
 * `in`).
 * OK: *ret filled, *ret_head_n bytes used. ERRC_AGAIN: more is needed. Otherwise the connection is
 * answered with *ret_status (400, 413, 414, 431, 501, 505) and closed. Where `in` is cut makes no
 * difference to the outcome.
 */
RESULT http_head_parse(struct bytes in, const struct http_limits *limits,
                       struct http_header *headers /* header_count */, struct http_request *ret,
                       size_t *ret_head_n, unsigned *ret_status, struct error *e);

/*
 * Chunked body decoder (RFC 9112 7.1): no extensions longer than 256 bytes, no bare LF, trailers
 * ignored within 8 KiB.
 */
struct http_chunked {
    int state;
    uint64_t left; /* of the chunk's data */
    size_t line_n; /* digits of its size */
    size_t ext_n;  /* bytes of its extensions */
    bool ext_has_name;
    size_t trailer_n; /* bytes of trailers */
};
void http_chunked_init(struct http_chunked *c);
/*
 * Decodes from `in` to dst: *ret_in bytes were used, *ret_out written; *ret_end: the body is
 * complete. ERRC_FORMAT on any framing error.
 */
RESULT http_chunked_decode(struct http_chunked *c, struct bytes in, uint8_t *dst, size_t cap,
                           size_t *ret_in, size_t *ret_out, bool *ret_end, struct error *e);

#endif
