/* What signing in keeps in memory for a directory, and the steps its files share. */
#ifndef TROTH_IDENTITY_LOGIN_PRIV_H
#define TROTH_IDENTITY_LOGIN_PRIV_H

#include "base/map.h"
#include "crypto/hash.h"
#include "crypto/password.h"
#include "identity/gate_priv.h"
#include "identity/login.h"
#include "identity/password_rules.h"

#define LOGIN_AT_ONCE 2 /* Argon2id of 64 MiB each */
#define LOGIN_WAITING 32

struct login_state {
    struct block_list *blocked; /* NULL: none */
    struct password_params params;
    struct key256 recovery_key; /* of the database's key: hashes of recovery codes */
    struct key256 state_key;    /* of this process: states of sign-ins by passkey alone */
    struct login_gate gate;
    pthread_mutex_t lock; /* over what follows */
    struct map *sessions; /* SHA-256 of a token -> struct session_cached (session_cache.c) */
    uint64_t epoch;       /* grows with every end of a session: what was read before is not kept */
    struct map *spent;    /* challenges of passkeys that signed in alone -> their end (int64_t) */
};
struct login_state *login_state_new(const struct key256 *key, const struct rng *rng);
void login_state_free(struct login_state *s);

/* A session on its way into the database: its token is known to the client alone. */
struct session_make {
    struct session_opened out;
    uint8_t hash[SHA256_BYTES], agent[SHA256_BYTES];
    const struct session *old; /* goes with the same job; NULL: none */
};
struct session_start {
    const char *user_id, *realm;
    enum session_stage stage;
    enum factor_kind mfa_kind;
    int64_t mfa_ms;
    const struct session_client *client;
    const struct session *old;
};
void session_prepare(struct directory *d, const struct session_start *in, struct session_make *ret);
/* Within a job: ERRC_CONFLICT when the old one is gone or went another step. */
RESULT session_insert(struct db_conn *c, const struct session_make *m, struct error *e);
/* After the job: what the cache has of this user (session_id NULL: of every session). */
void session_forget(struct directory *d, const char *user_id, const char *session_id);
/* All of it at once. */
RESULT session_start(struct directory *d, const struct session_start *in,
                     struct session_opened *ret, struct error *e);
/* ERRC_CONFLICT: "this session is at ...". */
RESULT session_stage_check(const struct session *s, enum session_stage want, struct error *e);

/* Whence this user may sign in: ERRC_DENIED, with client->ret_outside set. */
RESULT login_origin_check(struct directory *d, const struct user *u,
                          const struct session_client *client, struct error *e);

/* The password of a user; phc "" when there is none. In the arena. */
struct password_row {
    const char *phc, *history; /* former ones, the newest first, a line each */
    int64_t set_ms;
    bool must_change;
};
RESULT password_load(struct directory *d, const char *user_id, struct arena *arena,
                     struct password_row *ret, struct error *e);
/* Whether it is to be changed by what the row and the profile say. */
bool password_is_due(struct directory *d, const char *realm, const struct password_row *p);
const struct password_profile *password_profile_of(struct directory *d, const char *realm);
/* Names that a password of this user may not be made of; ended by NULL; in the arena. */
const char *const *password_words(const struct user *u, struct arena *arena);
/* fn(arg) in the pool, behind the gate: what computes Argon2id. ERRC_AGAIN when too many wait. */
RESULT password_work(struct directory *d, struct pool *pool, void (*fn)(void *arg), void *arg,
                     struct error *e);
/* Within a job: the new one in place of the one that was read (phc "": there was none). */
RESULT password_write(struct db_conn *c, const char *user_id, const struct password_row *was,
                      const char *phc, int64_t now_ms, struct error *e);

/* A code to be typed in: 5 characters, '-', 5 ..., `groups` of them, and NUL; 25 bits a group. */
void code_make(struct directory *d, size_t groups, char *dst);
/* As it was made, from what a person typed: case, spaces, '-', and letters that look like digits.
 * ERRC_DENIED unless it has `groups` groups. */
RESULT code_normalise(struct bytes typed, size_t groups, char *dst);

#endif
