/* The directory's inside, for its own files. */
#ifndef TROTH_IDENTITY_DIRECTORY_PRIV_H
#define TROTH_IDENTITY_DIRECTORY_PRIV_H

#include "base/map.h"
#include "identity/directory.h"

#include <pthread.h>

#define DIRECTORY_CACHE_MAX   10000
#define DIRECTORY_ID_ALPHABET "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"

enum directory_cache {
    DIRECTORY_CACHE_SIGNING,    /* "id/date/region/service" -> struct key256 */
    DIRECTORY_CACHE_REALMS,     /* realm -> its row (realm.c) */
    DIRECTORY_CACHE_PARAMS,     /* realm -> its parameters (param.c) */
    DIRECTORY_CACHE_PRINCIPALS, /* see principal.c -> struct principal_box */
    DIRECTORY_CACHE_BUCKETS,    /* "realm/bucket id" -> its compiled policy (bucket_policy.c) */
    DIRECTORY_CACHE_COUNT,
};

struct changes;
struct tally;
struct house;
struct principal_builtin;
struct login_state;

extern const struct db_migration directory_migrations[]; /* schema.c */
extern const size_t directory_migration_count;

struct directory {
    struct db *db;
    const struct clock *clock;
    const struct rng *rng;
    struct principal_builtin *builtins; /* the built-in roles, compiled */
    pthread_mutex_t lock;               /* over what follows */
    struct map *caches[DIRECTORY_CACHE_COUNT];
    struct tally *tally;         /* its own lock: tally.h */
    struct house *house;         /* of its one caller (house_priv.h) */
    _Atomic uint64_t generation; /* grows with every change, under the lock: what was read before is
                                    not cached after */
    struct login_state *login;   /* its own locks: login_priv.h */
    struct changes *changes;     /* its own lock: changes.c */
    pthread_mutex_t uses_lock;   /* over what follows */
    struct map *uses;            /* access key id -> its last use (access_key_use.c) */
};

/* A change of accounts and what they may do: db_write, and the counter of changes grows with it.
 * What only counts, ends by itself or lives for minutes goes by db_write. (changes.c) */
RESULT directory_write(struct directory *d,
                       RESULT (*fn)(struct db_conn *c, void *arg, struct error *e), void *arg,
                       struct error *e);
/* After every change. */
void directory_caches_empty(struct directory *d);
/* Under the lock. */
void directory_cache_reset(struct directory *d, enum directory_cache which);
/* A copy of what is cached under name; false when it is not. *ret_generation is for the put. */
bool directory_cache_get(struct directory *d, enum directory_cache which, struct bytes name,
                         void *ret, size_t n, uint64_t *ret_generation);
/* Remembers a copy of v, unless something was changed since `generation`. A full cache starts anew.
 */
void directory_cache_put(struct directory *d, enum directory_cache which, struct bytes name,
                         const void *v, size_t n, uint64_t generation);
/* n random characters of the alphabet, and NUL. */
void directory_random_text(struct directory *d, const char *alphabet, char *dst, size_t n);
/* Id ("AK", "AS" and 18 of [A-Z2-7]) and secret of a new access key or token. */
void directory_credential_make(struct directory *d, const char *prefix,
                               char ret_id[ACCESS_KEY_BYTES], char ret_secret[SECRET_KEY_BYTES]);
/* Binds a sealed secret to its key: moved to another row it does not open. */
void directory_credential_aad(struct buf *out, const char *realm, const char *id);
static inline bool directory_is_token(const char *id)
{
    return id[0] == 'A' && id[1] == 'S';
}
void directory_key_used(struct directory *d, struct bytes id, int64_t now_ms, const char *from,
                        const char *service);
/* Puts the last use into k, where it is newer than k's. */
void directory_key_use_get(struct directory *d, struct access_key *k);
/* Copies a NUL-terminated text out of a column; longer text is cut (the schema bounds it). */
void directory_col_text(struct db_stmt *s, int i, char *dst, size_t cap);

void bucket_cached_free(void *box);
#endif
