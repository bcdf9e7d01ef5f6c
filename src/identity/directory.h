/*
 * The directory: tenants and access keys. Kept in its own sealed database; secrets only as the
 * keeper's sealed form. Thread-safe. Lookups are cached; every change empties the caches.
 *
 * A realm is a tenant's name, or IDENTITY_PLATFORM: the provider's own, of account
 * IDENTITY_PLATFORM_ACCOUNT. The callers write the ledger entries of changes (intent before,
 * outcome after).
 */
#ifndef TROTH_IDENTITY_DIRECTORY_H
#define TROTH_IDENTITY_DIRECTORY_H

#include "base/clock.h"
#include "base/rng.h"
#include "crypto/suite.h"
#include "keys/client.h"
#include "store/db.h"

#define TENANT_NAME_BYTES        64
#define ACCOUNT_BYTES            13 /* 12 digits and NUL */
#define ACCESS_KEY_BYTES         21 /* "AK", 18 of [A-Z2-7], NUL */
#define ACCESS_KEY_FROM_BYTES    48 /* an address; longer ones are cut */
#define ACCESS_KEY_SERVICE_BYTES 16
#define SECRET_KEY_BYTES         41 /* 40 of the base64 alphabet, NUL */
#define ACCESS_KEYS_PER_USER     2

#define IDENTITY_PLATFORM         "platform"
#define IDENTITY_PLATFORM_ACCOUNT "000000000000"
#define IDENTITY_ID_BYTES         22 /* "AIDA" (user), "AGPA", "AROA", "ANPA" and 17 of [A-Z2-7], NUL */
#define IDENTITY_NAME_BYTES       129
#define IDENTITY_ROOT_NAME        "root" /* the user that each tenant begins with */

enum tenant_state { TENANT_ACTIVE, TENANT_SUSPENDED, TENANT_CLOSED };
const char *tenant_state_name(enum tenant_state s);

struct tenant {
    char name[TENANT_NAME_BYTES];
    char account[ACCOUNT_BYTES];
    enum tenant_state state;
    enum crypto_suite suite;
    int64_t created_ms;
};

struct access_key {
    char id[ACCESS_KEY_BYTES];
    char tenant[TENANT_NAME_BYTES]; /* the realm: a tenant or "platform" */
    char user_id[IDENTITY_ID_BYTES];
    char user_name[IDENTITY_NAME_BYTES];
    bool is_enabled;
    int64_t created_ms;
    int64_t used_ms; /* 0: never; the second, kept in memory for a minute */
    char used_from[ACCESS_KEY_FROM_BYTES], used_service[ACCESS_KEY_SERVICE_BYTES];
    enum tenant_state tenant_state;
    char account[ACCOUNT_BYTES];
};

struct directory;
/* Opens or creates identity.db on `fs` under `key`. */
RESULT directory_open(struct fs *fs, const struct key256 *key, const struct clock *clock,
                      const struct rng *rng, struct directory **ret, struct error *e);
void directory_close(struct directory *d);
DEFINE_CLEANUP(directory_close, struct directory *)

/* Reads and verifies every page: see db_check. */
RESULT directory_check(struct directory *d, struct error *e);

/* [a-z0-9][a-z0-9-]{1,62}, not "platform". */
bool tenant_name_is_valid(struct bytes name);
/* With its user IDENTITY_ROOT_NAME. ERRC_FORMAT, ERRC_EXISTS. */
RESULT directory_tenant_create(struct directory *d, const char *name, enum crypto_suite suite,
                               struct tenant *ret, struct error *e);
RESULT directory_tenant_get(struct directory *d, const char *name, struct tenant *ret,
                            struct error *e);
/* Closed is final: ERRC_CONFLICT. */
RESULT directory_tenant_set_state(struct directory *d, const char *name, enum tenant_state state,
                                  struct error *e);
RESULT directory_tenant_list(struct directory *d,
                             struct result (*fn)(void *arg, const struct tenant *t,
                                                 struct error *e),
                             void *arg, struct error *e);

/* A new access key of a user of that realm ("": of the tenant's root); its secret
 * (SECRET_KEY_BYTES) is given out here and never again. ERRC_LIMIT past two for one user,
 * ERRC_CONFLICT when the tenant is closed or the user ended, ERRC_NOT_FOUND. */
RESULT directory_key_create(struct directory *d, struct rpc_client *keeper, const char *realm,
                            const char *user_id, struct access_key *ret, char *ret_secret,
                            struct error *e);
/* All of a realm, or of one of its users (user_id not NULL), with their last use. */
RESULT directory_key_list(struct directory *d, const char *realm, const char *user_id,
                          struct result (*fn)(void *arg, const struct access_key *k,
                                              struct error *e),
                          void *arg, struct error *e);
/* ERRC_NOT_FOUND when the realm has no such key. */
RESULT directory_key_set_enabled(struct directory *d, const char *realm, const char *id,
                                 bool enabled, struct error *e);
RESULT directory_key_delete(struct directory *d, const char *realm, const char *id,
                            struct error *e);
/* Writes what access_key_touch (principal.h) has kept; about once a minute and at the end. */
RESULT directory_key_uses_flush(struct directory *d, struct error *e);

/* By access key id, with its last use: ERRC_NOT_FOUND. Who asks is principal_of_key's business. */
RESULT directory_key_find(struct directory *d, struct bytes id, struct access_key *ret,
                          struct error *e);
/* SigV4 signing key of an access key or token (id, of that realm) for a scope (date yyyymmdd);
 * derived by the keeper, cached for as long as nothing changes. ERRC_NOT_FOUND. */
RESULT directory_signing_key(struct directory *d, struct rpc_client *keeper, const char *realm,
                             const char *id, struct bytes date, struct bytes region,
                             struct bytes service, struct key256 *ret, struct error *e);

#endif
