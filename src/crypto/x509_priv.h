/* For this folder: certificates as OpenSSL has them. */
#ifndef TROTH_CRYPTO_X509_PRIV_H
#define TROTH_CRYPTO_X509_PRIV_H

#include "crypto/crypto_priv.h"
#include "crypto/x509.h"

DEFINE_CLEANUP(BIO_free, BIO *)
DEFINE_CLEANUP(X509_free, X509 *)
DEFINE_CLEANUP(X509_STORE_free, X509_STORE *)
DEFINE_CLEANUP(GENERAL_NAMES_free, GENERAL_NAMES *)

void x509_facts_of(const X509 *c, struct x509_facts *ret);
/* RFC 2253 with UTF-8 kept; cut at cap - 1. */
void x509_name_text(const X509_NAME *name, char *ret, size_t cap);
/* Lower-case hex. */
void x509_serial_text(const ASN1_INTEGER *serial, char *ret, size_t cap);
int64_t x509_time_ms(const ASN1_TIME *t);
/* The first certificate. ERRC_FORMAT. */
RESULT x509_cert_of_pem(struct bytes pem, X509 **ret, struct error *e);
/* An unencrypted private key. ERRC_FORMAT. */
RESULT x509_key_of_pem(struct bytes pem, EVP_PKEY **ret, struct error *e);
/* Calls fn for each certificate (borrowed); at least one, at most 64. ERRC_FORMAT. */
RESULT x509_each_of_pem(struct bytes pem, void (*fn)(void *arg, size_t index, X509 *c), void *arg,
                        struct error *e);
/* A store that trusts every certificate of the PEM. */
RESULT x509_store_of_pem(struct bytes pem, X509_STORE **ret, struct error *e);

#endif
