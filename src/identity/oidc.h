/*
 * Web identities: OpenID Connect issuers that a realm trusts, and the check of their ID tokens
 * (OpenID Connect Core 1.0, 3.1.3.7; Discovery 1.0).
 *
 * A token is taken when it is signed by a key of the issuer that it names (crypto/jose.h: never
 * none, never HMAC), this issuer is the realm's, and: iss equals the configured URL byte for byte;
 * aud holds a configured client; azp, which must be there when aud holds several, is a configured
 * client; exp has not passed, iat and nbf are not in the future (60 s of skew); sub is there.
 *
 * Keys come from ISSUER/.well-known/openid-configuration (its "issuer" must equal) and the jwks_uri
 * named there, which must be of the same host and port as the issuer: any other is refused, also
 * where an issuer keeps its keys elsewhere. Redirects are refused. They are fetched anew after 15
 * minutes and when a token names an unknown key, at most once a minute; keys an hour old are not
 * used. What an issuer answers is never shown to anybody.
 *
 * Tenants choose these addresses. Without a CA of our own (identity.oidc_ca) only DNS names with a
 * dot are called, never addresses, "localhost", ".local" or ".internal", and the certificate must
 * be under a public CA; with one, only hosts that have a certificate of it answer.
 */
#ifndef TROTH_IDENTITY_OIDC_H
#define TROTH_IDENTITY_OIDC_H

#include "base/arena.h"
#include "identity/directory.h"
#include "sys/co.h"

#define OIDC_URL_MAX         255
#define OIDC_CLIENT_MAX      255
#define OIDC_CLIENTS_MAX     100 /* of one issuer */
#define OIDC_PROVIDERS_MAX   100 /* of one realm */
#define OIDC_THUMBPRINTS_MAX 5   /* kept for IAM's sake; certificates are checked by their CA */
#define OIDC_SKEW_MS         60000

/* --- the issuers of a realm --- */

struct oidc_provider {
    const char *url; /* "https://idp.example/realm", the issuer as tokens name it */
    const char *const *clients;
    size_t client_count;
    const char *const *thumbprints; /* 40 hex digits */
    size_t thumbprint_count;
    int64_t created_ms; /* set by create */
};
/* https, a lower-case host, no user, query or fragment; ERRC_FORMAT. */
RESULT oidc_url_check(struct bytes url, struct error *e);
/* ERRC_FORMAT, ERRC_LIMIT, ERRC_EXISTS, ERRC_NOT_FOUND (realm). */
RESULT oidc_provider_create(struct directory *d, const char *realm, const struct oidc_provider *p,
                            struct error *e);
RESULT oidc_provider_get(struct directory *d, const char *realm, struct bytes url,
                         struct arena *arena, struct oidc_provider *ret, struct error *e);
/* In order of their URLs. */
RESULT oidc_provider_list(struct directory *d, const char *realm, struct arena *arena,
                          struct oidc_provider **ret, size_t *ret_n, struct error *e);
RESULT oidc_provider_delete(struct directory *d, const char *realm, struct bytes url,
                            struct error *e);
/* One that is there already, or is not there, changes nothing. */
RESULT oidc_provider_add_client(struct directory *d, const char *realm, struct bytes url,
                                struct bytes client, struct error *e);
RESULT oidc_provider_remove_client(struct directory *d, const char *realm, struct bytes url,
                                   struct bytes client, struct error *e);
RESULT oidc_provider_set_thumbprints(struct directory *d, const char *realm, struct bytes url,
                                     const char *const *thumbprints, size_t n, struct error *e);
/* arn:aws:iam::ACCOUNT:oidc-provider/HOST/PATH, and the URL from such a one: ERRC_FORMAT. */
void oidc_provider_arn(struct buf *out, const char *account, const char *url);
RESULT oidc_provider_url_of_arn(struct bytes arn, const char *account, struct buf *out,
                                struct error *e);

/* --- tokens --- */

/* Gets a document: `out` is bounded. Blocks; run in the pool. ERRC_AGAIN and others: not to be
 * had. */
struct oidc_source {
    RESULT (*get)(void *arg, const char *url, struct buf *out, struct error *e);
    void *arg;
};
/* By HTTPS; arg is a const char *: PEM file of the authorities of issuers, "" for the system's. */
RESULT oidc_get_https(void *arg, const char *url, struct buf *out, struct error *e);

/* Checks tokens and keeps the issuers' keys. Any thread. `pool` as for co_call; may be NULL. */
struct oidc;
struct oidc *oidc_new(struct directory *d, struct pool *pool, const struct oidc_source *source);
void oidc_free(struct oidc *o);
DEFINE_CLEANUP(oidc_free, struct oidc *)

struct oidc_claims {
    const char *issuer, *subject;
    const char *audience; /* the configured client that aud holds */
    const char *azp;      /* "" when there is none */
    int64_t issued_ms, expires_ms;
};
/*
 * Claims in the arena; times by d's clock. ERRC_FORMAT: no token. ERRC_EXPIRED. ERRC_DENIED:
 * anything else about it. ERRC_AGAIN: the issuer's keys are not to be had now.
 */
RESULT oidc_verify(struct oidc *o, const char *realm, struct bytes token, struct arena *arena,
                   struct oidc_claims *ret, struct error *e);

#endif
