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

/* A code to be typed in: 5 characters, '-', 5 ..., `groups` of them, and NUL; 25 bits a group. */
void code_make(struct directory *d, size_t groups, char *dst);
/* As it was made, from what a person typed: case, spaces, '-', and letters that look like digits.
 * ERRC_DENIED unless it has `groups` groups. */
RESULT code_normalise(struct bytes typed, size_t groups, char *dst);

#endif
