/*
 * The directory: tenants and their access keys. Kept in its own sealed database; secrets only as
 * the keeper's sealed form. Thread-safe. Lookups are cached; every change empties the caches.
 *
 * The callers write the ledger entries of changes (intent before, outcome after); see api/admin.
 */
#ifndef TROTH_IDENTITY_DIRECTORY_H
#define TROTH_IDENTITY_DIRECTORY_H

#include "base/clock.h"
#include "base/rng.h"
#include "crypto/suite.h"
#include "keys/client.h"
#include "store/db.h"

#define TENANT_NAME_BYTES     64
#define ACCOUNT_BYTES         13 /* 12 digits and NUL */
#define ACCESS_KEY_BYTES      21 /* "AK", 18 of [A-Z2-7], NUL */
#define SECRET_KEY_BYTES      41 /* 40 of the base64 alphabet, NUL */
#define ACCESS_KEYS_PER_OWNER 2

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
    char tenant[TENANT_NAME_BYTES];
    char owner[64]; /* the principal: "root" is the tenant's first */
    bool is_enabled;
    int64_t created_ms;
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
RESULT directory_tenant_create(struct directory *d, const char *name, enum crypto_suite suite,
                               struct tenant *ret, struct error *e); /* FORMAT, EXISTS */
RESULT directory_tenant_get(struct directory *d, const char *name, struct tenant *ret,
                            struct error *e);
/* Closed is final: ERRC_CONFLICT. */
RESULT directory_tenant_set_state(struct directory *d, const char *name, enum tenant_state state,
                                  struct error *e);
RESULT directory_tenant_list(struct directory *d,
                             struct result (*fn)(void *arg, const struct tenant *t,
                                                 struct error *e),
                             void *arg, struct error *e);

/* A new access key; its secret (SECRET_KEY_BYTES) is given out here and never again. ERRC_LIMIT
 * past two for one owner, ERRC_CONFLICT when the tenant is closed. */
RESULT directory_key_create(struct directory *d, struct rpc_client *keeper, const char *tenant,
                            const char *owner, struct access_key *ret, char *ret_secret,
                            struct error *e);
RESULT directory_key_list(struct directory *d, const char *tenant,
                          struct result (*fn)(void *arg, const struct access_key *k,
                                              struct error *e),
                          void *arg, struct error *e);
RESULT directory_key_delete(struct directory *d, const char *tenant, const char *id,
                            struct error *e);

/* By access key id: ERRC_NOT_FOUND. Cached. */
RESULT directory_key_find(struct directory *d, struct bytes id, struct access_key *ret,
                          struct error *e);
/* SigV4 signing key of an access key for a scope (date yyyymmdd); derived by the keeper, cached for
 * that day. */
RESULT directory_signing_key(struct directory *d, struct rpc_client *keeper,
                             const struct access_key *k, struct bytes date, struct bytes region,
                             struct bytes service, struct key256 *ret, struct error *e);

#endif
