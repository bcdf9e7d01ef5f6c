/*
 * TLS connections. OpenSSL reads from the descriptor by way of a BIO that is a plain recv into
 * OpenSSL's own read-ahead buffer (several records a call, no copy between), and writes into the
 * connection's output buffer, which never refuses: so OpenSSL never waits for writing, and a record
 * is never half accepted.
 */
#include "crypto/tls_priv.h"

#include "crypto/x509_priv.h"

#include <errno.h>
#include <pthread.h>
#include <sys/socket.h>

struct tls_conn {
    SSL *ssl;
    struct tls_ctx *ctx;
    struct tls_pool *pool;
    int fd;
    struct tls_out out;
    unsigned wants;
    int io_errno; /* of the last recv that failed for good */
    bool is_eof, is_truncated, is_ready;
    enum errc failed; /* sticky */
    char why[160];
};

/* --- BIO ---------------------------------------------------------------------------------- */

static int bio_read(BIO *b, char *dst, int n)
{
    struct tls_conn *t = BIO_get_data(b);

    BIO_clear_retry_flags(b);
    ssize_t got = recv(t->fd, dst, (size_t)n, MSG_DONTWAIT);
    if (got > 0) {
        return (int)got;
    }
    if (got == 0) {
        t->is_eof = true;
        return 0;
    }
    if (errno == EAGAIN || errno == EINTR) {
        BIO_set_retry_read(b);
    } else {
        t->io_errno = errno;
    }
    return -1;
}

static int bio_write(BIO *b, const char *src, int n)
{
    struct tls_conn *t = BIO_get_data(b);

    BIO_clear_retry_flags(b);
    if (!tls_out_force(t->pool, &t->out, (size_t)n)) {
        return -1;
    }
    memcpy(t->out.p + t->out.n, src, (size_t)n);
    t->out.n += (size_t)n;
    return n;
}

static long bio_ctrl(BIO *b, int cmd, long num, void *ptr)
{
    (void)num, (void)ptr;
    const struct tls_conn *t = BIO_get_data(b);
    return cmd == BIO_CTRL_FLUSH ? 1 : cmd == BIO_CTRL_EOF ? t->is_eof : 0;
}

static pthread_once_t method_once = PTHREAD_ONCE_INIT;
static BIO_METHOD *method;

static void method_make(void)
{
    method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "troth connection");
    crypto_must(method != NULL && BIO_meth_set_read(method, bio_read) == 1 &&
                        BIO_meth_set_write(method, bio_write) == 1 &&
                        BIO_meth_set_ctrl(method, bio_ctrl) == 1,
                "BIO method");
}

/* --- birth and death ---------------------------------------------------------------------- */

static struct tls_conn *conn_new(struct tls_ctx *c, struct tls_pool *p, int fd)
{
    struct tls_conn *t = mem_zalloc(sizeof(*t));

    pthread_once(&method_once, method_make);
    t->ctx = tls_ctx_ref(c);
    t->pool = p;
    t->fd = fd;
    t->ssl = SSL_new(c->ssl);
    BIO *b = BIO_new(method);
    crypto_must(t->ssl != NULL && b != NULL, "TLS connection");
    BIO_set_data(b, t);
    BIO_set_init(b, 1);
    SSL_set_bio(t->ssl, b, b);
    return t;
}

struct tls_conn *tls_conn_new_server(struct tls_ctx *c, struct tls_pool *p, int fd)
{
    struct tls_conn *t = conn_new(c, p, fd);

    SSL_set_accept_state(t->ssl);
    return t;
}

RESULT tls_conn_new_client(struct tls_ctx *c, struct tls_pool *p, int fd, const char *host,
                           struct tls_conn **ret, struct error *e)
{
    CLEANUP(tls_conn_free_p) struct tls_conn *t = conn_new(c, p, fd);

    SSL_set_connect_state(t->ssl);
    ERR_clear_error();
    if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(t->ssl), host) != 1) {
        ERR_clear_error();
        if (host[0] == '\0' || SSL_set1_host(t->ssl, host) != 1 ||
            SSL_set_tlsext_host_name(t->ssl, host) != 1) {
            return crypto_fail(e, ERRC_RANGE, "\"%s\" is no host name", host);
        }
        SSL_set_hostflags(t->ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    }
    *ret = TAKE(t);
    return RESULT_OK;
}

void tls_conn_free(struct tls_conn *t)
{
    if (t == NULL) {
        return;
    }
    SSL_free(t->ssl);
    if (t->out.p != NULL) {
        tls_out_release(t->pool, &t->out);
    }
    tls_ctx_unref(t->ctx);
    mem_free(t);
}

/* --- results ------------------------------------------------------------------------------ */

static struct result again(struct tls_conn *t, unsigned wants)
{
    t->wants = wants;
    return result_of(ERRC_AGAIN);
}

static struct result failed(const struct tls_conn *t, struct error *e)
{
    return error_set(e, t->failed, "%s", t->why);
}

static struct result fail(struct tls_conn *t, enum errc code, const char *why, struct error *e)
{
    t->failed = code;
    (void)snprintf(t->why, sizeof(t->why), "%s", why);
    return failed(t, e);
}

/* True for what says "your certificate": ours of theirs, or theirs of ours (alerts of RFC 8446
 * section 6.2). */
static bool is_about_certificate(int reason)
{
    switch (reason) {
    case SSL_R_CERTIFICATE_VERIFY_FAILED:
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
    case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
    case SSL_R_TLSV1_ALERT_ACCESS_DENIED:
    case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
        return true;
    default:
        return false;
    }
}

/* Sends what is gathered; changes nothing but `out` and `wants`. */
static RESULT send_out(struct tls_conn *t, int *ret_errno)
{
    struct tls_out *o = &t->out;

    while (o->at < o->n) {
        ssize_t n = send(t->fd, o->p + o->at, o->n - o->at, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n >= 0) {
            o->at += (size_t)n;
        } else if (errno == EAGAIN) {
            return again(t, TLS_WANT_WRITE);
        } else if (errno != EINTR) {
            *ret_errno = errno;
            return result_of(errc_of_errno(errno));
        }
    }
    if (o->p != NULL) {
        tls_out_release(t->pool, o);
    }
    return RESULT_OK;
}

/* What a call of OpenSSL that gave `rc` means. */
static struct result outcome(struct tls_conn *t, int rc, struct error *e)
{
    int kind = SSL_get_error(t->ssl, rc);
    unsigned long last = ERR_peek_last_error();
    char why[160];
    int ignored;

    if (kind == SSL_ERROR_WANT_READ) {
        return again(t, TLS_WANT_READ);
    }
    if (kind == SSL_ERROR_ZERO_RETURN) {
        return fail(t, ERRC_CLOSED, "closed by the other end", e);
    }
    if (t->is_eof) {
        t->is_truncated = true;
        ERR_clear_error();
        return fail(t, ERRC_CLOSED, "ended by the other end without a word", e);
    }
    if (kind == SSL_ERROR_SYSCALL && t->io_errno != 0) {
        t->is_truncated = true;
        (void)error_set_sys(e, t->io_errno, "receive");
        return fail(t, errc_of_errno(t->io_errno), "receive failed", NULL);
    }
    const char *reason = last == 0 ? NULL : ERR_reason_error_string(last);
    long verify = SSL_get_verify_result(t->ssl);
    if (ERR_GET_REASON(last) == SSL_R_CERTIFICATE_VERIFY_FAILED && verify != X509_V_OK) {
        reason = X509_verify_cert_error_string(verify);
    }
    (void)snprintf(why, sizeof(why), "TLS: %s", reason == NULL ? "broken off" : reason);
    ERR_clear_error();
    result_ignore(send_out(t, &ignored)); /* the alert, if it goes */
    return fail(t, is_about_certificate(ERR_GET_REASON(last)) ? ERRC_DENIED : ERRC_FORMAT, why, e);
}

/* --- use ---------------------------------------------------------------------------------- */

unsigned tls_wants(const struct tls_conn *t)
{
    return t->wants;
}

size_t tls_unsent(const struct tls_conn *t)
{
    return t->out.n - t->out.at;
}

bool tls_is_truncated(const struct tls_conn *t)
{
    return t->is_truncated;
}

bool tls_has_input(const struct tls_conn *t)
{
    return t->failed == ERRC_OK && SSL_has_pending(t->ssl) == 1;
}

RESULT tls_flush(struct tls_conn *t, struct error *e)
{
    int err = 0;
    struct result r = send_out(t, &err);

    if (r.code != ERRC_OK && r.code != ERRC_AGAIN) {
        (void)error_set_sys(e, err, "send");
        return fail(t, r.code, "send failed", NULL);
    }
    return r;
}

/* The server's last flight, its tickets, waits for the first answer and saves a system call. */
RESULT tls_handshake(struct tls_conn *t, struct error *e)
{
    if (t->failed != ERRC_OK) {
        return failed(t, e);
    }
    if (!t->is_ready) {
        ERR_clear_error();
        int rc = SSL_do_handshake(t->ssl);
        if (rc != 1) {
            struct result r = outcome(t, rc, e);
            if (r.code != ERRC_AGAIN) {
                return r;
            }
            TRY(tls_flush(t, e));
            return again(t, TLS_WANT_READ);
        }
        t->is_ready = true;
    }
    return t->ctx->is_server ? RESULT_OK : tls_flush(t, e);
}

RESULT tls_read(struct tls_conn *t, void *dst, size_t cap, size_t *ret_n, struct error *e)
{
    size_t n = 0;

    if (t->failed != ERRC_OK) {
        return failed(t, e);
    }
    do {
        size_t got = 0;
        ERR_clear_error();
        int rc = SSL_read_ex(t->ssl, (uint8_t *)dst + n, cap - n, &got);
        if (rc != 1) {
            struct result r = outcome(t, rc, n > 0 ? NULL : e);
            if (n > 0) {
                break;
            }
            if (r.code == ERRC_AGAIN && tls_unsent(t) > 0) {
                struct result sent = tls_flush(t, e);
                if (sent.code != ERRC_OK && sent.code != ERRC_AGAIN) {
                    return sent;
                }
                return again(t, TLS_WANT_READ | (sent.code == ERRC_AGAIN ? TLS_WANT_WRITE : 0));
            }
            return r;
        }
        n += got;
    } while (n < cap && SSL_has_pending(t->ssl) == 1);
    *ret_n = n;
    return RESULT_OK;
}

/* How much text the output buffer takes now, in whole records unless all of it fits. */
static size_t text_room(struct tls_conn *t, size_t left)
{
    size_t records = (left + TLS_TEXT_MAX - 1) / TLS_TEXT_MAX;
    size_t room = tls_out_room(t->pool, &t->out, left + records * TLS_RECORD_OVERHEAD);

    return room >= left + records * TLS_RECORD_OVERHEAD ? left
                                                        : room / TLS_RECORD_MAX * TLS_TEXT_MAX;
}

RESULT tls_write(struct tls_conn *t, struct bytes v, size_t *ret_n, struct error *e)
{
    size_t done = 0;

    if (t->failed != ERRC_OK) {
        return failed(t, e);
    }
    while (done < v.n) {
        size_t fit = text_room(t, v.n - done);
        if (fit == 0) {
            struct result r = tls_flush(t, done > 0 ? NULL : e);
            if (r.code == ERRC_OK) {
                continue;
            }
            if (done == 0) {
                return r;
            }
            break;
        }
        size_t n = 0;
        ERR_clear_error();
        int rc = SSL_write_ex(t->ssl, v.p + done, fit, &n);
        if (rc != 1) {
            return outcome(t, rc, e);
        }
        done += n;
    }
    *ret_n = done;
    return RESULT_OK;
}

RESULT tls_shutdown(struct tls_conn *t, struct error *e)
{
    if (t->failed != ERRC_OK && t->failed != ERRC_CLOSED) {
        return failed(t, e);
    }
    if (t->is_ready && (SSL_get_shutdown(t->ssl) & SSL_SENT_SHUTDOWN) == 0) {
        ERR_clear_error();
        SSL_shutdown(t->ssl);
        ERR_clear_error();
    }
    return tls_flush(t, e);
}

static const char *group_name(SSL *ssl)
{
    switch (SSL_get_negotiated_group(ssl)) {
    case NID_X25519:
        return "X25519";
    case NID_X9_62_prime256v1:
        return "P-256";
    default:
        return "none";
    }
}

void tls_conn_facts(const struct tls_conn *t, struct tls_facts *ret)
{
    const SSL_CIPHER *c = SSL_get_current_cipher(t->ssl);
    const X509 *peer = SSL_get0_peer_certificate(t->ssl);

    *ret = (struct tls_facts){
        .version = SSL_get_version(t->ssl),
        .cipher = c == NULL ? "none" : SSL_CIPHER_standard_name(c),
        .group = group_name(t->ssl),
        .is_resumed = SSL_session_reused(t->ssl) == 1,
        .has_peer = peer != NULL && SSL_get_verify_result(t->ssl) == X509_V_OK,
    };
    if (ret->has_peer) {
        x509_facts_of(peer, &ret->peer);
    }
}
