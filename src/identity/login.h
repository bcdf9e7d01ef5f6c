/*
 * Signing in and what follows: sessions of people at the console and the API.
 *
 * Each step gives a new token and voids the one before (no fixation). A session is bound to the
 * client's address and user agent, ends by idleness (P-IAM-1) and absolutely, can be revoked at
 * once. Only SHA-256 of tokens is kept. Times from d's clock.
 */
#ifndef TROTH_IDENTITY_LOGIN_H
#define TROTH_IDENTITY_LOGIN_H

#include "identity/factor.h"
#include "identity/origin.h"
#include "identity/password_rules.h"
#include "sys/co.h"

#define SESSION_TOKEN_BYTES 44 /* base64url of 32 bytes, NUL */
#define SESSION_ID_BYTES    23

/* Breached passwords (password_rules.h); takes. Before other threads use d. */
void login_block_list_set(struct directory *d, struct block_list *b);

/*
 * password -> FACTOR -> FULL            enrolment code or no factor yet -> ENROL -> FULL
 * Where the password is to be changed (its age, its profile, found in the list of breached ones),
 * CHANGE comes before FULL: after the second factor, so that a stolen password alone changes
 * nothing.
 */
enum session_stage {
    SESSION_FACTOR = 1, /* the password fits: a factor is to be given */
    SESSION_CHANGE,     /* password and factor fit: the password is to be changed first */
    SESSION_ENROL,      /* no factor yet: nothing but enrolling one is possible */
    SESSION_FULL,
};
const char *
session_stage_name(enum session_stage s); /* "factor", "change-password", "enrol", "full" */

/* Who was not let in for whence they come (origin.h), after their credentials were found right. */
struct login_outside {
    enum origin_fit fit;
    char realm[TENANT_NAME_BYTES], user[IDENTITY_NAME_BYTES];
};
struct session_client {
    const char *ip, *agent;
    bool has_certificate; /* verified */
    bool *ret_is_lockout; /* may be NULL; set true when a failure began a wait: to be an entry */
    struct login_outside *ret_outside; /* may be NULL; set when that is why it is ERRC_DENIED */
};
struct session {
    char id[SESSION_ID_BYTES]; /* public: for lists and revoking */
    char user_id[IDENTITY_ID_BYTES], realm[TENANT_NAME_BYTES];
    enum session_stage stage;
    int64_t created_ms, seen_ms, expires_ms, mfa_ms;
    enum factor_kind mfa_kind;
    char ip[64];
    uint8_t csrf[32];
};
struct session_opened {
    struct session s;
    char token[SESSION_TOKEN_BYTES];
    char csrf
            [SESSION_TOKEN_BYTES]; /* to be sent back in X-Troth-CSRF where a cookie carries the token */
};

/*
 * A first step (password, enrolment, a passkey alone) from outside the networks of the realm, or
 * without the certificate that it asks for, is ERRC_DENIED once all else fits, so that strangers
 * learn nothing from it; nothing is changed by it then. The management socket ("unix") is inside.
 *
 * Password first. One answer for unknown name, wrong password, suspended account: ERRC_DENIED,
 * after the same work; ERRC_AGAIN with a time while locked out. `pool`: Argon2id runs there.
 */
RESULT login_password(struct directory *d, struct pool *pool, const char *realm, const char *name,
                      struct bytes password, const struct session_client *client,
                      struct session_opened *ret, struct error *e);
/* With an enrolment code: sets the first password; SESSION_ENROL follows (SESSION_FACTOR where a
 * factor is left). ERRC_DENIED for the code, ERRC_RANGE says which rule the password breaks: the
 * code is still good then. */
RESULT login_enrol(struct directory *d, struct pool *pool, struct bytes code, struct bytes password,
                   const struct session_client *client, struct session_opened *ret,
                   struct error *e);
/* From SESSION_CHANGE or SESSION_FULL. Ends all other sessions of the user. ERRC_DENIED the old
 * one, ERRC_RANGE the new one. */
RESULT login_change_password(struct directory *d, struct pool *pool, const struct session *s,
                             struct bytes old, struct bytes password,
                             const struct session_client *client, struct session_opened *ret,
                             struct error *e);
/* From SESSION_FACTOR; ERRC_CONFLICT from another stage. Failures count as those of passwords
 * do. */
RESULT login_totp(struct directory *d, struct rpc_client *keeper, const struct session *s,
                  const char *code, const struct session_client *client, struct session_opened *ret,
                  struct error *e);
RESULT login_recovery(struct directory *d, const struct session *s, const char *code,
                      const struct session_client *client, struct session_opened *ret,
                      struct error *e);
/* Challenge for registering or asserting a passkey, kept with the session, good once, five
 * minutes. */
RESULT session_challenge(struct directory *d, const struct session *s, uint8_t ret[32],
                         struct error *e);
RESULT session_challenge_take(struct directory *d, const struct session *s, uint8_t ret[32],
                              struct error *e);
RESULT login_passkey(struct directory *d, const struct session *s, const struct passkey_party *rp,
                     struct bytes response_json, const struct session_client *client,
                     struct session_opened *ret, struct error *e);
/* A passkey as the only factor (it verifies the user itself): where P-AUTH-2 allows. The challenge
 * is in `state` (text), under a MAC, which the client sends back: within five minutes, once. */
RESULT login_passkey_only_begin(struct directory *d, const struct passkey_party *rp,
                                const char *realm, struct buf *ret_json, struct buf *ret_state,
                                struct error *e);
RESULT login_passkey_only(struct directory *d, const struct passkey_party *rp, const char *realm,
                          struct bytes state, struct bytes response_json,
                          const struct session_client *client, struct session_opened *ret,
                          struct error *e);
/* After a factor was enrolled in SESSION_ENROL: the full session (the enrolment proved it).
 * ERRC_CONFLICT when none of that kind is active. */
RESULT login_enrolled(struct directory *d, const struct session *s, enum factor_kind kind,
                      const struct session_client *client, struct session_opened *ret,
                      struct error *e);
/* Second factor anew within a full session (step-up: approvals ask for a fresh one): moves
 * mfa_ms. */
RESULT login_step_up(struct directory *d, struct rpc_client *keeper, const struct session *s,
                     const char *totp_code, struct error *e);
RESULT login_step_up_passkey(struct directory *d, const struct session *s,
                             const struct passkey_party *rp, struct bytes response_json,
                             struct error *e);

/* By token: ERRC_DENIED for unknown, another client, a user or realm that is suspended, ended or
 * frozen; ERRC_EXPIRED. Moves seen_ms (written about once a minute). Cached; a change in the
 * directory holds for the next call. */
RESULT session_find(struct directory *d, struct bytes token, const struct session_client *client,
                    struct session *ret, struct error *e);
RESULT session_list(struct directory *d, const char *user_id, struct arena *arena,
                    struct session **ret, size_t *ret_n, struct error *e);
RESULT session_revoke(struct directory *d, const char *user_id, const char *session_id,
                      struct error *e);
RESULT sessions_revoke(struct directory *d, const char *user_id, struct error *e); /* everywhere */

/* A new enrolment code (shown once, 72 h, once): for a new person, or after a reset, which voids
 * password, factors, recovery codes, sessions and tokens of STS. */
#define ENROLMENT_CODE_BYTES 30 /* "xxxxx-xxxxx-xxxxx-xxxxx-xxxxx" and NUL */
RESULT enrolment_create(struct directory *d, const char *user_id, char ret[ENROLMENT_CODE_BYTES],
                        struct error *e);
RESULT credentials_reset(struct directory *d, const char *user_id, char ret[ENROLMENT_CODE_BYTES],
                         struct error *e);

#endif
