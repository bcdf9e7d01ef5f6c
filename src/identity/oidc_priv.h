/* Keys of issuers, for oidc.c. */
#ifndef TROTH_IDENTITY_OIDC_PRIV_H
#define TROTH_IDENTITY_OIDC_PRIV_H

#include "crypto/jose.h"
#include "identity/oidc.h"

/* Host, and port where there is one, of a URL that oidc_url_check takes. */
struct bytes oidc_url_authority(struct bytes url);

/* The keys of issuers, kept in memory: oidc_keys.c. */
struct oidc_keys;
struct oidc_keys *oidc_keys_new(const struct clock *clock, struct pool *pool,
                                const struct oidc_source *source);
void oidc_keys_free(struct oidc_keys *k);
/* The token's signature is by a key of this issuer. ERRC_DENIED, ERRC_AGAIN. */
RESULT oidc_keys_check(struct oidc_keys *k, const char *issuer, const struct jws *token,
                       struct error *e);

#endif
