/* TLS contexts: what every connection of a listener or a client has in common. */
#include "crypto/tls_priv.h"

#include "crypto/x509_priv.h"

/*
 * OpenSSL reads ahead so much per system call: four records. Released when empty, so that idle
 * connections hold nothing.
 */
#define READ_BUFFER (4 * TLS_RECORD_MAX)

DEFINE_CLEANUP(SSL_CTX_free, SSL_CTX *)

static const uint8_t alpn_http11[] = { 8, 'h', 't', 't', 'p', '/', '1', '.', '1' };

/* RFC 7301: a client that asks for other protocols only is refused. */
static int alpn_select(SSL *ssl, const unsigned char **out, unsigned char *out_n,
                       const unsigned char *in, unsigned in_n, void *arg)
{
    (void)ssl, (void)arg;
    unsigned char *chosen = NULL;
    if (SSL_select_next_proto(&chosen, out_n, alpn_http11, sizeof(alpn_http11), in, in_n) !=
        OPENSSL_NPN_NEGOTIATED) {
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    }
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

/*= 2.1.3-1 "industry-standard strong encryption protocol (such as TLS 1.3)" */
static SSL_CTX *ctx_base(const SSL_METHOD *method)
{
    SSL_CTX *c = SSL_CTX_new(method);

    crypto_must(c != NULL && SSL_CTX_set_min_proto_version(c, TLS1_3_VERSION) == 1 &&
                        SSL_CTX_set_max_proto_version(c, TLS1_3_VERSION) == 1 &&
                        SSL_CTX_set_ciphersuites(c, "TLS_AES_256_GCM_SHA384:"
                                                    "TLS_CHACHA20_POLY1305_SHA256:"
                                                    "TLS_AES_128_GCM_SHA256") == 1 &&
                        SSL_CTX_set1_groups_list(c, "X25519:P-256") == 1,
                "TLS context");
    SSL_CTX_set_options(c, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                   SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_mode(c, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_read_ahead(c, 1);
    SSL_CTX_set_default_read_buffer_len(c, READ_BUFFER);
    SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
    return c;
}

struct chain {
    SSL_CTX *ctx;
    bool is_ok;
};

static void chain_add(void *arg, size_t index, X509 *c)
{
    struct chain *chain = arg;
    int ok = index == 0 ? SSL_CTX_use_certificate(chain->ctx, c)
                        : (int)SSL_CTX_add1_chain_cert(chain->ctx, c);

    chain->is_ok = chain->is_ok && ok == 1;
}

static RESULT use_pair(SSL_CTX *c, struct bytes cert_pem, struct bytes key_pem, struct error *e)
{
    struct chain chain = { .ctx = c, .is_ok = true };
    CLEANUP(EVP_PKEY_free_p) EVP_PKEY *k = NULL;

    TRY_MSG(x509_each_of_pem(cert_pem, chain_add, &chain, e), e, "certificate");
    TRY_MSG(x509_key_of_pem(key_pem, &k, e), e, "key");
    if (!chain.is_ok) {
        return crypto_fail(e, ERRC_FORMAT, "certificate");
    }
    if (SSL_CTX_use_PrivateKey(c, k) != 1 || SSL_CTX_check_private_key(c) != 1) {
        return crypto_fail(e, ERRC_CONFLICT, "certificate and key don't belong together");
    }
    return RESULT_OK;
}

static void announce_ca(void *arg, size_t index, X509 *c)
{
    (void)index;
    crypto_must(SSL_CTX_add_client_CA(arg, c) == 1, "client authority");
}

static RESULT trust(SSL_CTX *c, struct bytes ca_pem, struct error *e)
{
    X509_STORE *s = NULL;

    TRY_MSG(x509_store_of_pem(ca_pem, &s, e), e, "authority");
    SSL_CTX_set_cert_store(c, s);
    return RESULT_OK;
}

/*= 2.1.4-8 "two-way authentication between management terminal and platform" */
static RESULT ask_for_clients(SSL_CTX *c, struct bytes ca_pem, enum tls_client_auth auth,
                              struct error *e)
{
    TRY(trust(c, ca_pem, e));
    TRY_MSG(x509_each_of_pem(ca_pem, announce_ca, c, e), e, "authority");
    SSL_CTX_set_verify(c,
                       SSL_VERIFY_PEER |
                               (auth == TLS_CLIENT_REQUIRED ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0),
                       NULL);
    return RESULT_OK;
}

static struct tls_ctx *ctx_wrap(SSL_CTX *ssl, bool is_server)
{
    struct tls_ctx *c = mem_zalloc(sizeof(*c));

    c->refs = 1;
    c->ssl = ssl;
    c->is_server = is_server;
    return c;
}

RESULT tls_server_ctx_new(struct bytes cert_pem, struct bytes key_pem, struct bytes client_ca_pem,
                          enum tls_client_auth auth, struct tls_ctx **ret, struct error *e)
{
    CLEANUP(SSL_CTX_free_p) SSL_CTX *c = ctx_base(TLS_server_method());

    TRY(use_pair(c, cert_pem, key_pem, e));
    if (auth != TLS_CLIENT_NONE) {
        TRY_MSG(ask_for_clients(c, client_ca_pem, auth, e), e, "client certificates");
    }
    SSL_CTX_set_alpn_select_cb(c, alpn_select, NULL);
    crypto_must(SSL_CTX_set_session_id_context(c, (const unsigned char *)"troth", 5) == 1 &&
                        SSL_CTX_set_num_tickets(c, auth == TLS_CLIENT_NONE ? 2 : 0) == 1 &&
                        SSL_CTX_set_max_early_data(c, 0) == 1,
                "TLS context");
    if (auth != TLS_CLIENT_NONE) {
        SSL_CTX_set_options(c, SSL_OP_NO_TICKET);
    }
    *ret = ctx_wrap(TAKE(c), true);
    return RESULT_OK;
}

RESULT tls_client_ctx_new(struct bytes ca_pem, struct bytes cert_pem, struct bytes key_pem,
                          struct tls_ctx **ret, struct error *e)
{
    CLEANUP(SSL_CTX_free_p) SSL_CTX *c = ctx_base(TLS_client_method());

    if (ca_pem.n > 0) {
        TRY(trust(c, ca_pem, e));
    } else if (SSL_CTX_set_default_verify_paths(c) != 1) {
        return crypto_fail(e, ERRC_IO, "the system's authorities");
    }
    if (cert_pem.n > 0 || key_pem.n > 0) {
        TRY(use_pair(c, cert_pem, key_pem, e));
    }
    SSL_CTX_set_verify(c, SSL_VERIFY_PEER, NULL);
    /* This one returns 0 on success. */
    crypto_must(SSL_CTX_set_alpn_protos(c, alpn_http11, sizeof(alpn_http11)) == 0, "ALPN");
    *ret = ctx_wrap(TAKE(c), false);
    return RESULT_OK;
}

struct tls_ctx *tls_ctx_ref(struct tls_ctx *c)
{
    c->refs++;
    return c;
}

void tls_ctx_unref(struct tls_ctx *c)
{
    if (c != NULL && --c->refs == 0) {
        SSL_CTX_free(c->ssl);
        mem_free(c);
    }
}
