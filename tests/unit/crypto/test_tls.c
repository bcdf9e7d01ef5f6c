/* TLS over a socket pair, both ends in one thread: what is agreed on, bulk data, certificates, ends
 * and attacks. */
#include "testkit.h"

#include "base/clock.h"
#include "base/rng.h"
#include "crypto/sign.h"
#include "crypto/tls.h"

#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

static struct x509_pair ca, server, client, stranger_ca, stranger;

struct ends {
    int fds[2];
    struct tls_pool *pool;
    struct tls_conn *s, *c;
    struct result rs, rc; /* of the handshakes */
    struct error es, ec;
};

static int make_certificates(void **state)
{
    static const char *const names[] = { "localhost", "127.0.0.1" };
    int64_t now = clock_wall_ms(&clock_system);
    struct error e;
    (void)state;
    return x509_ca_new("authority", now, &ca, &e).code == ERRC_OK &&
                           x509_leaf_new(&ca, X509_SERVER, "server", names, 2, now, &server, &e)
                                           .code == ERRC_OK &&
                           x509_leaf_new(&ca, X509_CLIENT, "client", NULL, 0, now, &client, &e)
                                           .code == ERRC_OK &&
                           x509_ca_new("stranger", now, &stranger_ca, &e).code == ERRC_OK &&
                           x509_leaf_new(&stranger_ca, X509_CLIENT, "stranger", NULL, 0, now,
                                         &stranger, &e)
                                           .code == ERRC_OK
                   ? 0
                   : -1;
}

static int drop_certificates(void **state)
{
    struct x509_pair *all[] = { &ca, &server, &client, &stranger_ca, &stranger };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        x509_pair_done(all[i]);
    }
    return 0;
}

static struct tls_ctx *server_ctx(enum tls_client_auth auth)
{
    struct tls_ctx *c = NULL;
    struct error e;
    assert_ok(tls_server_ctx_new(buf_bytes(&server.cert_pem), buf_bytes(&server.key_pem),
                                 auth == TLS_CLIENT_NONE ? BYTES_NONE : buf_bytes(&ca.cert_pem),
                                 auth, &c, &e),
              e);
    return c;
}

static struct tls_ctx *client_ctx(const struct x509_pair *trusted, const struct x509_pair *own)
{
    struct tls_ctx *c = NULL;
    struct error e;
    assert_ok(tls_client_ctx_new(buf_bytes(&trusted->cert_pem),
                                 own == NULL ? BYTES_NONE : buf_bytes(&own->cert_pem),
                                 own == NULL ? BYTES_NONE : buf_bytes(&own->key_pem), &c, &e),
              e);
    return c;
}

static void pair_open(int fds[2])
{
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
}

/* Both handshakes, in turns, until both have ended one way or the other. Takes the contexts. */
static void ends_open(struct ends *p, struct tls_ctx *s, struct tls_ctx *c, const char *host)
{
    *p = (struct ends){ .pool = tls_pool_new() };
    pair_open(p->fds);
    p->s = tls_conn_new_server(s, p->pool, p->fds[0]);
    assert_ok(tls_conn_new_client(c, p->pool, p->fds[1], host, &p->c, &p->ec), p->ec);
    tls_ctx_unref(s);
    tls_ctx_unref(c);
    p->rs = p->rc = result_of(ERRC_AGAIN);
    for (int i = 0; i < 20 && (p->rs.code == ERRC_AGAIN || p->rc.code == ERRC_AGAIN); i++) {
        if (p->rc.code == ERRC_AGAIN) {
            p->rc = tls_handshake(p->c, &p->ec);
        }
        if (p->rs.code == ERRC_AGAIN) {
            p->rs = tls_handshake(p->s, &p->es);
        }
    }
}

static void ends_close(struct ends *p)
{
    tls_conn_free(p->s);
    tls_conn_free(p->c);
    tls_pool_free(p->pool);
    close(p->fds[0]);
    close(p->fds[1]);
}

static void say(struct tls_conn *from, struct tls_conn *to, const char *text)
{
    char got[100];
    size_t n = 0;
    struct error e;
    assert_ok(tls_write(from, bytes_str(text), &n, &e), e);
    assert_int_equal(n, strlen(text));
    assert_true(tls_unsent(from) > n);
    assert_ok(tls_flush(from, &e), e);
    assert_int_equal(tls_unsent(from), 0);
    assert_ok(tls_read(to, got, sizeof(got), &n, &e), e);
    assert_bytes(bytes_of(got, n), bytes_str(text));
    assert_code(tls_read(to, got, sizeof(got), &n, &e), ERRC_AGAIN);
    assert_int_equal(tls_wants(to), TLS_WANT_READ);
    assert_false(tls_has_input(to));
}

/*= 2.1.3-1 test */
static void agrees_on_tls13(void **state)
{
    struct ends p;
    struct tls_facts f;
    (void)state;
    ends_open(&p, server_ctx(TLS_CLIENT_NONE), client_ctx(&ca, NULL), "localhost");
    assert_ok(p.rs, p.es);
    assert_ok(p.rc, p.ec);
    tls_conn_facts(p.s, &f);
    assert_string_equal(f.version, "TLSv1.3");
    assert_string_equal(f.cipher, "TLS_AES_256_GCM_SHA384");
    assert_string_equal(f.group, "X25519");
    assert_false(f.has_peer);
    assert_false(f.is_resumed);
    tls_conn_facts(p.c, &f);
    assert_true(f.has_peer);
    assert_string_equal(f.peer.subject, "CN=server");
    say(p.c, p.s, "hello");
    say(p.s, p.c, "and hello to you");
    ends_close(&p);
    ends_open(&p, server_ctx(TLS_CLIENT_NONE), client_ctx(&ca, NULL), "127.0.0.1");
    assert_ok(p.rc, p.ec);
    ends_close(&p);
}

/* Megabytes each way in turns that neither end chooses, against what a model holds. */
static void bulk_both_ways(void **state)
{
    enum { TOTAL = 6 * 1024 * 1024 };
    struct ends p;
    struct error e;
    struct rng_test rng;
    uint8_t *data = mem_alloc(TOTAL), *got[2] = { mem_alloc(TOTAL), mem_alloc(TOTAL) };
    size_t sent[2] = { 0 }, received[2] = { 0 };
    (void)state;
    rng_test_init(&rng, 42);
    rng_fill(&rng.base, data, TOTAL);
    ends_open(&p, server_ctx(TLS_CLIENT_NONE), client_ctx(&ca, NULL), "localhost");
    assert_ok(p.rs, p.es);
    struct tls_conn *ends[2] = { p.s, p.c };
    while (received[0] < TOTAL || received[1] < TOTAL) {
        size_t i = rng_below(&rng.base, 2), n = 0;
        size_t want = (size_t)1 << rng_below(&rng.base, 20);
        struct result r = RESULT_OK;
        switch (rng_below(&rng.base, 3)) {
        case 0:
            r = tls_write(ends[i], bytes_of(data + sent[i], MIN(want, TOTAL - sent[i])), &n, &e);
            sent[i] += r.code == ERRC_OK ? n : 0;
            break;
        case 1:
            r = tls_flush(ends[i], &e);
            break;
        default:
            r = tls_read(ends[i], got[i] + received[i], MIN(want, TOTAL - received[i] + 1), &n, &e);
            received[i] += r.code == ERRC_OK ? n : 0;
        }
        assert_true(r.code == ERRC_OK || r.code == ERRC_AGAIN);
        assert_true(tls_unsent(ends[i]) < 300 * 1024);
    }
    assert_memory_equal(got[0], data, TOTAL);
    assert_memory_equal(got[1], data, TOTAL);
    ends_close(&p);
    mem_free(data);
    mem_free(got[0]);
    mem_free(got[1]);
}

/* A raw OpenSSL client with its own idea of the protocol, against our server. Returns the reason of
 * its failure. */
static int raw_client(void (*set)(SSL_CTX *), enum errc want)
{
    struct tls_pool *pool = tls_pool_new();
    struct tls_ctx *sc = server_ctx(TLS_CLIENT_NONE);
    SSL_CTX *cc = SSL_CTX_new(TLS_client_method());
    struct error e;
    struct result r = result_of(ERRC_AGAIN);
    int fds[2], reason = 0;
    pair_open(fds);
    struct tls_conn *s = tls_conn_new_server(sc, pool, fds[0]);
    set(cc);
    SSL *c = SSL_new(cc);
    SSL_set_fd(c, fds[1]);
    ERR_clear_error();
    for (int i = 0; i < 10; i++) {
        int rc = SSL_connect(c);
        if (rc != 1 && SSL_get_error(c, rc) == SSL_ERROR_SSL) {
            reason = ERR_GET_REASON(ERR_peek_last_error());
            break;
        }
        ERR_clear_error();
        if (r.code == ERRC_AGAIN) {
            r = tls_handshake(s, &e);
        }
    }
    assert_int_equal(r.code, want);
    SSL_free(c);
    SSL_CTX_free(cc);
    tls_conn_free(s);
    tls_ctx_unref(sc);
    tls_pool_free(pool);
    close(fds[0]);
    close(fds[1]);
    return reason;
}

static void only_tls12(SSL_CTX *c)
{
    SSL_CTX_set_max_proto_version(c, TLS1_2_VERSION);
}

static void only_h2(SSL_CTX *c)
{
    SSL_CTX_set_alpn_protos(c, (const unsigned char *)"\x02h2", 3);
}

static void h2_and_http11(SSL_CTX *c)
{
    SSL_CTX_set_alpn_protos(c, (const unsigned char *)"\x02h2\x08http/1.1", 12);
}

static void only_aes128(SSL_CTX *c)
{
    SSL_CTX_set_ciphersuites(c, "TLS_AES_128_GCM_SHA256");
}

static void only_ccm(SSL_CTX *c)
{
    SSL_CTX_set_ciphersuites(c, "TLS_AES_128_CCM_SHA256");
}

static void only_p521(SSL_CTX *c)
{
    SSL_CTX_set1_groups_list(c, "P-521");
}

/*= 2.1.3-1 test */
static void refuses_older_and_other(void **state)
{
    (void)state;
    assert_int_equal(raw_client(only_tls12, ERRC_FORMAT), SSL_R_TLSV1_ALERT_PROTOCOL_VERSION);
    assert_int_equal(raw_client(only_h2, ERRC_FORMAT), SSL_R_TLSV1_ALERT_NO_APPLICATION_PROTOCOL);
    assert_int_equal(raw_client(only_ccm, ERRC_FORMAT), SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE);
    assert_int_equal(raw_client(only_p521, ERRC_FORMAT), SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE);
    assert_int_equal(raw_client(h2_and_http11, ERRC_OK), 0);
    assert_int_equal(raw_client(only_aes128, ERRC_OK), 0);
}

/*= 2.1.4-8 test */
static void client_certificates(void **state)
{
    struct ends p;
    struct tls_facts f;
    char got[10];
    size_t n;
    (void)state;
    ends_open(&p, server_ctx(TLS_CLIENT_REQUIRED), client_ctx(&ca, &client), "localhost");
    assert_ok(p.rs, p.es);
    assert_ok(p.rc, p.ec);
    tls_conn_facts(p.s, &f);
    assert_true(f.has_peer);
    assert_string_equal(f.peer.subject, "CN=client");
    say(p.c, p.s, "it is me");
    ends_close(&p);
    ends_open(&p, server_ctx(TLS_CLIENT_OPTIONAL), client_ctx(&ca, NULL), "localhost");
    assert_ok(p.rs, p.es);
    tls_conn_facts(p.s, &f);
    assert_false(f.has_peer);
    ends_close(&p);
    ends_open(&p, server_ctx(TLS_CLIENT_REQUIRED), client_ctx(&ca, NULL), "localhost");
    assert_code(p.rs, ERRC_DENIED);
    /* In TLS 1.3 the client is done before it hears of it. */
    assert_code(p.rc, ERRC_OK);
    assert_code(tls_read(p.c, got, sizeof(got), &n, &p.ec), ERRC_DENIED);
    ends_close(&p);
    /* A stranger's certificate is refused where one is asked for, even optionally; so is a server's
     * as a client's. */
    const struct x509_pair *bad[] = { &stranger, &server };
    for (size_t i = 0; i < 2; i++) {
        ends_open(&p, server_ctx(TLS_CLIENT_OPTIONAL), client_ctx(&ca, bad[i]), "localhost");
        assert_code(p.rs, ERRC_DENIED);
        assert_code(tls_read(p.c, got, sizeof(got), &n, &p.ec), ERRC_DENIED);
        ends_close(&p);
    }
}

static void server_certificates(void **state)
{
    struct ends p;
    (void)state;
    ends_open(&p, server_ctx(TLS_CLIENT_NONE), client_ctx(&stranger_ca, NULL), "localhost");
    assert_code(p.rc, ERRC_DENIED);
    assert_code(p.rs, ERRC_DENIED);
    ends_close(&p);
    static const char *const wrong[] = { "example.com", "127.0.0.2", "::1" };
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        ends_open(&p, server_ctx(TLS_CLIENT_NONE), client_ctx(&ca, NULL), wrong[i]);
        assert_code(p.rc, ERRC_DENIED);
        ends_close(&p);
    }
}

static void contexts_refuse_bad_pem(void **state)
{
    struct tls_ctx *c = NULL;
    struct error e;
    struct bytes cert = buf_bytes(&server.cert_pem), key = buf_bytes(&server.key_pem);
    (void)state;
    assert_code(
            tls_server_ctx_new(cert, buf_bytes(&ca.key_pem), BYTES_NONE, TLS_CLIENT_NONE, &c, &e),
            ERRC_CONFLICT);
    assert_code(tls_server_ctx_new(key, key, BYTES_NONE, TLS_CLIENT_NONE, &c, &e), ERRC_FORMAT);
    assert_code(tls_server_ctx_new(cert, cert, BYTES_NONE, TLS_CLIENT_NONE, &c, &e), ERRC_FORMAT);
    assert_code(tls_server_ctx_new(cert, key, BYTES_NONE, TLS_CLIENT_REQUIRED, &c, &e),
                ERRC_FORMAT);
    assert_code(tls_client_ctx_new(key, BYTES_NONE, BYTES_NONE, &c, &e), ERRC_FORMAT);
    assert_null(c);
}

static void both_kinds_of_end(void **state)
{
    struct ends p;
    struct error e;
    char got[10];
    size_t n;
    (void)state;
    ends_open(&p, server_ctx(TLS_CLIENT_NONE), client_ctx(&ca, NULL), "localhost");
    say(p.c, p.s, "bye");
    assert_ok(tls_shutdown(p.c, &e), e);
    assert_code(tls_read(p.s, got, sizeof(got), &n, &e), ERRC_CLOSED);
    assert_false(tls_is_truncated(p.s));
    assert_code(tls_read(p.s, got, sizeof(got), &n, &e), ERRC_CLOSED);
    assert_ok(tls_shutdown(p.s, &e), e);
    ends_close(&p);

    ends_open(&p, server_ctx(TLS_CLIENT_NONE), client_ctx(&ca, NULL), "localhost");
    assert_int_equal(shutdown(p.fds[1], SHUT_WR), 0);
    assert_code(tls_read(p.s, got, sizeof(got), &n, &e), ERRC_CLOSED);
    assert_true(tls_is_truncated(p.s));
    ends_close(&p);

    /* Writing to one that is gone: an error, not a signal. */
    ends_open(&p, server_ctx(TLS_CLIENT_NONE), client_ctx(&ca, NULL), "localhost");
    int spare = open("/dev/null", O_RDWR | O_CLOEXEC);
    assert_int_equal(dup2(spare, p.fds[1]), p.fds[1]);
    close(spare);
    assert_ok(tls_write(p.s, BYTES_LIT("anyone?"), &n, &e), e);
    assert_code(tls_flush(p.s, &e), ERRC_CLOSED);
    assert_code(tls_write(p.s, BYTES_LIT("anyone?"), &n, &e), ERRC_CLOSED);
    ends_close(&p);
}

/* The context goes while its connection lives. */
static void context_outlived(void **state)
{
    struct ends p;
    struct tls_ctx *s = server_ctx(TLS_CLIENT_NONE);
    (void)state;
    tls_ctx_ref(s);
    ends_open(&p, s, client_ctx(&ca, NULL), "localhost");
    tls_ctx_unref(s);
    say(p.s, p.c, "still here");
    ends_close(&p);
}

/* A full socket: the writer takes up to its buffer, then says what it waits for, and loses nothing.
 */
static void back_pressure(void **state)
{
    struct ends p;
    struct error e;
    struct result r;
    size_t n = 0, total = 0, got_total = 0;
    CLEANUP(mem_free_p) uint8_t *chunk = mem_zalloc(1 << 20);
    (void)state;
    ends_open(&p, server_ctx(TLS_CLIENT_NONE), client_ctx(&ca, NULL), "localhost");
    while ((r = tls_write(p.s, bytes_of(chunk, 1 << 20), &n, &e)).code == ERRC_OK) {
        assert_true(n > 0);
        total += n;
        assert_true(total < 64u << 20);
    }
    assert_code(r, ERRC_AGAIN);
    assert_int_equal(tls_wants(p.s), TLS_WANT_WRITE);
    while (got_total < total) {
        r = tls_read(p.c, chunk, 1 << 20, &n, &e);
        if (r.code == ERRC_OK) {
            got_total += n;
        } else {
            assert_code(r, ERRC_AGAIN);
            result_ignore(tls_flush(p.s, &e));
        }
    }
    assert_int_equal(got_total, total);
    ends_close(&p);
}

static void nonsense_instead_of_a_hello(void **state)
{
    static const struct bytes nonsense[] = {
        BYTES_LIT("GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
        BYTES_LIT("\x16\x03\x01\xff\xff gibberish gibberish"),
        BYTES_LIT("\x16\x03\x01\x00\x10gibberishgibberi"),
        BYTES_LIT("\x80\x2e\x01\x00\x02"),
        BYTES_LIT("SSH-2.0-OpenSSH_9.2\r\n"),
        BYTES_LIT(""),
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(nonsense); i++) {
        struct tls_pool *pool = tls_pool_new();
        struct tls_ctx *ctx = server_ctx(TLS_CLIENT_NONE);
        struct error e;
        int fds[2];
        pair_open(fds);
        struct tls_conn *s = tls_conn_new_server(ctx, pool, fds[0]);
        assert_int_equal(write(fds[1], nonsense[i].p, nonsense[i].n), nonsense[i].n);
        assert_int_equal(shutdown(fds[1], SHUT_WR), 0);
        struct result r = tls_handshake(s, &e);
        assert_true(r.code == ERRC_FORMAT || r.code == ERRC_CLOSED);
        tls_conn_free(s);
        tls_ctx_unref(ctx);
        tls_pool_free(pool);
        close(fds[0]);
        close(fds[1]);
    }
}

/* Each byte of a record flipped on the way: never taken for data. */
static void flipped_records(void **state)
{
    (void)state;
    for (size_t flip = 0; flip < 5 + 7 + 1 + 16; flip++) {
        struct ends p;
        struct error e;
        uint8_t wire[200];
        char got[100];
        size_t n = 0;
        int relay[2];
        ends_open(&p, server_ctx(TLS_CLIENT_REQUIRED), client_ctx(&ca, &client), "localhost");
        assert_ok(p.rs, p.es);
        pair_open(relay);
        int keep = dup(p.fds[1]);
        assert_true(keep >= 0);
        assert_int_equal(dup2(relay[0], p.fds[1]), p.fds[1]);
        assert_ok(tls_write(p.c, BYTES_LIT("message"), &n, &e), e);
        assert_ok(tls_flush(p.c, &e), e);
        ssize_t len = read(relay[1], wire, sizeof(wire));
        assert_int_equal(len, 5 + 7 + 1 + 16);
        wire[flip] ^= 1;
        assert_int_equal(write(keep, wire, (size_t)len), len);
        assert_int_equal(shutdown(keep, SHUT_WR), 0);
        struct result r = tls_read(p.s, got, sizeof(got), &n, &e);
        assert_true(r.code == ERRC_FORMAT || r.code == ERRC_CLOSED);
        close(keep);
        close(relay[0]);
        close(relay[1]);
        ends_close(&p);
    }
}

struct shared {
    struct tls_ctx *s, *c;
    struct sign_key *k;
    const char *failed;
};

/* cmocka's asserts belong to the main thread: this one says how it went. */
static void *use_shared(void *arg)
{
    struct shared *sh = arg;
    for (int i = 0; i < 20; i++) {
        struct ends p = { .pool = tls_pool_new(), .rs = { ERRC_AGAIN }, .rc = { ERRC_AGAIN } };
        uint8_t sig[SIGN_MAX];
        size_t n = 0;
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, p.fds) != 0) {
            sh->failed = "socketpair";
            return NULL;
        }
        struct tls_ctx *own = tls_ctx_ref(sh->s);
        p.s = tls_conn_new_server(own, p.pool, p.fds[0]);
        tls_ctx_unref(own);
        if (tls_conn_new_client(sh->c, p.pool, p.fds[1], "localhost", &p.c, NULL).code != ERRC_OK) {
            sh->failed = "client";
            return NULL;
        }
        while (p.rs.code == ERRC_AGAIN || p.rc.code == ERRC_AGAIN) {
            p.rc = tls_handshake(p.c, NULL);
            p.rs = tls_handshake(p.s, NULL);
        }
        if (p.rs.code != ERRC_OK || p.rc.code != ERRC_OK) {
            sh->failed = "handshake";
            return NULL;
        }
        ends_close(&p);
        if (sign_bytes(sh->k, BYTES_LIT("message"), sig, &n).code != ERRC_OK ||
            verify_once(SIGN_ED25519, sign_key_public(sh->k), BYTES_LIT("message"),
                        bytes_of(sig, n))
                            .code != ERRC_OK) {
            sh->failed = "signature";
            return NULL;
        }
    }
    return NULL;
}

static void contexts_and_keys_are_shared_by_threads(void **state)
{
    struct shared sh[4] = { { .s = server_ctx(TLS_CLIENT_NONE), .c = client_ctx(&ca, NULL) } };
    pthread_t threads[ARRAY_LEN(sh)];
    (void)state;
    assert_code(sign_key_generate(SIGN_ED25519, &rng_system, &sh[0].k), ERRC_OK);
    for (size_t i = 0; i < ARRAY_LEN(sh); i++) {
        sh[i] = (struct shared){ .s = sh[0].s, .c = sh[0].c, .k = sh[0].k };
        assert_int_equal(pthread_create(&threads[i], NULL, use_shared, &sh[i]), 0);
    }
    for (size_t i = 0; i < ARRAY_LEN(sh); i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        if (sh[i].failed != NULL) {
            fail_msg("%s", sh[i].failed);
        }
    }
    tls_ctx_unref(sh[0].s);
    tls_ctx_unref(sh[0].c);
    sign_key_free(sh[0].k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_on_tls13),
        cmocka_unit_test(bulk_both_ways),
        cmocka_unit_test(refuses_older_and_other),
        cmocka_unit_test(client_certificates),
        cmocka_unit_test(server_certificates),
        cmocka_unit_test(contexts_refuse_bad_pem),
        cmocka_unit_test(both_kinds_of_end),
        cmocka_unit_test(context_outlived),
        cmocka_unit_test(back_pressure),
        cmocka_unit_test(nonsense_instead_of_a_hello),
        cmocka_unit_test(flipped_records),
        cmocka_unit_test(contexts_and_keys_are_shared_by_threads),
    };
    return cmocka_run_group_tests(tests, make_certificates, drop_certificates);
}
