/*
 * X.509 (RFC 5280): a local certificate authority for the first start, certificates for servers and
 * clients under it, and the facts of a certificate for status pages.
 */
#ifndef TROTH_CRYPTO_X509_H
#define TROTH_CRYPTO_X509_H

#include "base/buf.h"
#include "base/clock.h"

#define X509_CA_DAYS   3652
#define X509_LEAF_DAYS 397
#define X509_TEXT_MAX  256
#define X509_SANS_MAX  1024

/* Certificate and private key (PKCS #8) as PEM. key_pem is secret: wiped by x509_pair_done. */
struct x509_pair {
    struct buf cert_pem, key_pem;
};
void x509_pair_done(struct x509_pair *p);
DEFINE_CLEANUP_DONE(x509_pair_done, struct x509_pair)

/* A self-signed CA: EC P-256, basicConstraints CA pathlen 0, keyCertSign and cRLSign. Valid from an
 * hour before `now_ms`. */
RESULT x509_ca_new(const char *common_name, int64_t now_ms, struct x509_pair *ret, struct error *e);
/*
 * A leaf under the CA: EC P-256, serverAuth with SANs (DNS names and IP addresses as text, told
 * apart by their form; 1..64 of them), or clientAuth (names may be empty).
 */
enum x509_use { X509_SERVER, X509_CLIENT };
RESULT x509_leaf_new(const struct x509_pair *ca, enum x509_use use, const char *common_name,
                     const char *const *names, size_t name_count, int64_t now_ms,
                     struct x509_pair *ret, struct error *e);

/* Both parse, belong together, and the certificate is valid at `now_ms`. ERRC_FORMAT,
 * ERRC_CONFLICT, ERRC_EXPIRED. */
RESULT x509_check_pair(struct bytes cert_pem, struct bytes key_pem, int64_t now_ms,
                       struct error *e);

struct x509_facts {
    char subject[X509_TEXT_MAX]; /* RFC 2253 form; cut when longer */
    char issuer[X509_TEXT_MAX];
    char serial[64]; /* lower-case hex */
    int64_t not_before_ms, not_after_ms;
    uint8_t fingerprint[32];  /* SHA-256 of the DER */
    char sans[X509_SANS_MAX]; /* "DNS:a, IP:127.0.0.1"; cut when longer */
    char key[32];             /* "EC P-256", "RSA 3072", "Ed25519" */
    bool is_ca;
};
/* Of the first certificate in the PEM. ERRC_FORMAT. */
RESULT x509_facts_of_pem(struct bytes cert_pem, struct x509_facts *ret, struct error *e);

#endif
