/*
 * Short-lived credentials of STS: access key id "AS...", secret, session token. The secret is
 * sealed by the keeper; of the session token only the SHA-256 is kept. They end by themselves, with
 * their user, role or grant, with a freeze, and with tokens_revoke.
 */
#ifndef TROTH_IDENTITY_TOKEN_H
#define TROTH_IDENTITY_TOKEN_H

#include "identity/user.h"

#define TOKEN_TEXT_BYTES 257 /* session token and NUL */
#define TOKEN_MIN_S      900
#define TOKEN_MAX_S      129600 /* GetSessionToken; of roles 43200 */

struct token_new {
    const char *realm, *home, *user_id; /* user_id "": a web identity */
    const char *role;                   /* name, or "": the user's own policies (GetSessionToken) */
    const char *name;                   /* session name */
    const char *issuer;                 /* of a web identity, else "" */
    const char *policy;                 /* session policy or "" */
    const char *tags;                   /* canonical JSON object of strings */
    const char *grant;                  /* id or "" */
    int64_t mfa_ms;                     /* 0: none */
    int64_t expires_ms;
};
struct token {
    char id[ACCESS_KEY_BYTES];
    char secret[SECRET_KEY_BYTES];
    char session_token[TOKEN_TEXT_BYTES];
    int64_t expires_ms;
};
void token_wipe(struct token *t);
DEFINE_CLEANUP_DONE(token_wipe, struct token)
/* ERRC_RANGE when it would end in the past or later than TOKEN_MAX_S from now. Whether the user may
 * have it is the caller's business. */
RESULT token_create(struct directory *d, struct rpc_client *keeper, const struct token_new *t,
                    struct token *ret, struct error *e);
/* All of a user, at once. */
RESULT tokens_revoke(struct directory *d, const char *user_id, struct error *e);

#endif
