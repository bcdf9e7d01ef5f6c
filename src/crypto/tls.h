/*
 * TLS 1.3 (RFC 8446) and nothing older, for servers and clients, over a non-blocking descriptor
 * that stays the caller's.
 *
 * Suites AES-256-GCM, ChaCha20-Poly1305, AES-128-GCM; groups X25519, P-256; ALPN http/1.1; no
 * compression, no renegotiation, no early data. Two session tickets, but none where client
 * certificates are asked for: there each connection proves its certificate anew.
 *
 * Output is gathered: tls_write seals records into a buffer of the connection, tls_flush sends them
 * with few system calls. Buffers exist only while they hold something. A connection and its pool
 * belong to one thread; contexts are shared.
 *
 * Results: OK; ERRC_AGAIN: wait for what tls_wants() says, call again; ERRC_CLOSED: the other end
 * is gone; ERRC_DENIED: a certificate was refused, by us or by them; ERRC_FORMAT: the other end
 * broke the protocol; ERRC_IO. After any error but AGAIN only tls_facts and tls_conn_free are of
 * use.
 */
#ifndef TROTH_CRYPTO_TLS_H
#define TROTH_CRYPTO_TLS_H

#include "base/buf.h"
#include "crypto/x509.h"

/* --- contexts: counted, shared between threads, immutable --------------------------------- */

enum tls_client_auth { TLS_CLIENT_NONE, TLS_CLIENT_OPTIONAL, TLS_CLIENT_REQUIRED };

struct tls_ctx;
/* cert_pem: the certificate, then intermediates. client_ca_pem: empty only with TLS_CLIENT_NONE. */
RESULT tls_server_ctx_new(struct bytes cert_pem, struct bytes key_pem, struct bytes client_ca_pem,
                          enum tls_client_auth auth, struct tls_ctx **ret, struct error *e);
/* ca_pem empty: the system's store. cert_pem and key_pem empty: no client certificate. */
RESULT tls_client_ctx_new(struct bytes ca_pem, struct bytes cert_pem, struct bytes key_pem,
                          struct tls_ctx **ret, struct error *e);
struct tls_ctx *tls_ctx_ref(struct tls_ctx *c);
void tls_ctx_unref(
        struct tls_ctx *c); /* connections keep theirs: a listener may swap contexts at any time */
DEFINE_CLEANUP(tls_ctx_unref, struct tls_ctx *)

/* --- buffers of one thread's connections -------------------------------------------------- */

struct tls_pool;
struct tls_pool *tls_pool_new(void);
void tls_pool_free(struct tls_pool *p); /* after its connections */
DEFINE_CLEANUP(tls_pool_free, struct tls_pool *)

/* --- connections -------------------------------------------------------------------------- */

#define TLS_WANT_READ  1u
#define TLS_WANT_WRITE 2u

struct tls_conn;
struct tls_conn *tls_conn_new_server(struct tls_ctx *c, struct tls_pool *p, int fd);
/* `host`: DNS name or IP address that the certificate must bear. ERRC_RANGE when it is neither. */
RESULT tls_conn_new_client(struct tls_ctx *c, struct tls_pool *p, int fd, const char *host,
                           struct tls_conn **ret, struct error *e);
void tls_conn_free(struct tls_conn *t); /* does not close fd, sends nothing */
DEFINE_CLEANUP(tls_conn_free, struct tls_conn *)

RESULT tls_handshake(struct tls_conn *t, struct error *e);
unsigned tls_wants(const struct tls_conn *t); /* TLS_WANT_* bits, after ERRC_AGAIN */
/*
 * 1..cap bytes, as many as are at hand. Before ERRC_AGAIN it tries to send what is gathered.
 * ERRC_CLOSED after the other end's close_notify, or its plain end (tls_is_truncated tells which).
 */
RESULT tls_read(struct tls_conn *t, void *dst, size_t cap, size_t *ret_n, struct error *e);
/* True when tls_read may give bytes though the descriptor is not readable. */
bool tls_has_input(const struct tls_conn *t);
/*
 * Seals 1..v.n bytes into the buffer, sending when it is full. ERRC_AGAIN when it is full and the
 * descriptor takes nothing. v may be empty: then nothing is done.
 */
RESULT tls_write(struct tls_conn *t, struct bytes v, size_t *ret_n, struct error *e);
RESULT tls_flush(struct tls_conn *t, struct error *e); /* OK: all is sent */
size_t tls_unsent(const struct tls_conn *t);           /* bytes gathered and not sent */
/* Sends close_notify; does not wait for theirs. OK: all is sent. */
RESULT tls_shutdown(struct tls_conn *t, struct error *e);
bool tls_is_truncated(const struct tls_conn *t); /* the end came without close_notify */

struct tls_facts {
    const char *version; /* "TLSv1.3"; static */
    const char *cipher;  /* "TLS_AES_256_GCM_SHA384"; static */
    const char *group;   /* "X25519", "P-256"; static */
    bool is_resumed;
    bool has_peer; /* it showed a certificate, which was verified */
    struct x509_facts peer;
};
/* After the handshake. */
void tls_conn_facts(const struct tls_conn *t, struct tls_facts *ret);

#endif
