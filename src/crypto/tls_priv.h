/* Shared by tls_ctx.c, tls_conn.c and tls_pool.c. */
#ifndef TROTH_CRYPTO_TLS_PRIV_H
#define TROTH_CRYPTO_TLS_PRIV_H

#include "crypto/crypto_priv.h"
#include "crypto/tls.h"

struct tls_ctx {
    _Atomic unsigned refs;
    SSL_CTX *ssl;
    bool is_server;
};

/* A sealed record: 5 bytes head, 1 byte inner type, 16 bytes tag around at most 16,384 of text. */
#define TLS_TEXT_MAX        16384u
#define TLS_RECORD_OVERHEAD 22u
#define TLS_RECORD_MAX      (TLS_TEXT_MAX + TLS_RECORD_OVERHEAD)
/* Two sizes of output buffer: one record; sixteen (256 KiB of text). Each with room for a stray
 * alert or key update. */
#define TLS_BUF_SLACK 512u
#define TLS_BUF_SMALL (TLS_RECORD_MAX + TLS_BUF_SLACK)
#define TLS_BUF_FULL  (16 * TLS_RECORD_MAX + TLS_BUF_SLACK)

/* Output gathered: bytes at..n are unsent. p is NULL when nothing is. */
struct tls_out {
    uint8_t *p;
    size_t cap, n, at;
};

/* Room for `more` bytes behind n, if the pool's budget allows; what room there is else. Counts
 * without the slack. */
size_t tls_out_room(struct tls_pool *p, struct tls_out *o, size_t more);
/* Room for `more` whatever the budget, up to a hard limit: false past it. */
bool tls_out_force(struct tls_pool *p, struct tls_out *o, size_t more);
void tls_out_release(struct tls_pool *p, struct tls_out *o);

#endif
