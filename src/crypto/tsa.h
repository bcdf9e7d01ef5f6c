/*
 * Time stamps of an outside authority (RFC 3161): the request, and the check of its answer. Sending
 * is the caller's.
 */
#ifndef TROTH_CRYPTO_TSA_H
#define TROTH_CRYPTO_TSA_H

#include "base/buf.h"
#include "crypto/hash.h"

#define TSA_MAX (64u * 1024)

/* A TimeStampReq in DER for a SHA-256 digest: certReq true. nonce 0: none. */
RESULT tsa_request(const uint8_t digest[SHA256_BYTES], uint64_t nonce, struct buf *out,
                   struct error *e);

struct tsa_facts {
    int64_t time_ms;     /* genTime */
    char serial[64];     /* lower-case hex */
    char policy[128];    /* OID in dots */
    char authority[256]; /* subject of the signing certificate, RFC 2253 */
};
/*
 * Checks a TimeStampResp: granted, the digest and nonce asked for (nonce 0: not checked), signed by
 * a certificate for time stamping under a CA of ca_pem, which was valid at genTime. ERRC_FORMAT,
 * ERRC_DENIED (refused by the authority: its words are in e), ERRC_INTEGRITY. ret_token (may be
 * NULL) gets the TimeStampToken, to be kept.
 */
RESULT tsa_check_response(struct bytes der, const uint8_t digest[SHA256_BYTES], uint64_t nonce,
                          struct bytes ca_pem, struct tsa_facts *ret, struct buf *ret_token,
                          struct error *e);
/* The same for a kept token. */
RESULT tsa_check_token(struct bytes der, const uint8_t digest[SHA256_BYTES], struct bytes ca_pem,
                       struct tsa_facts *ret, struct error *e);

#endif
