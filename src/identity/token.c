/*
 * Tokens of STS: made and revoked. What they amount to: principal_load.c; their signing keys:
 * signing_key.c. Those that are over are removed by the house.
 *
 * A new token changes nothing that is cached: making one leaves the caches as they are.
 */
#include "identity/token.h"

#include "base/text.h"
#include "crypto/hash.h"
#include "identity/sql_priv.h"

#define SESSION_TOKEN_RANDOM 192 /* bytes: 256 characters of base64url */

_Static_assert(SESSION_TOKEN_RANDOM * 4 / 3 + 1 == TOKEN_TEXT_BYTES,
               "a whole number of characters");

void token_wipe(struct token *t)
{
    mem_wipe(t, sizeof(*t));
}

static void session_token_make(struct directory *d, char ret[TOKEN_TEXT_BYTES])
{
    uint8_t raw[SESSION_TOKEN_RANDOM];
    CLEANUP(buf_done_p) struct buf text = BUF_SECRET(TOKEN_TEXT_BYTES);
    rng_fill(d->rng, raw, sizeof(raw));
    buf_add_base64url(&text, BYTES_OF(raw));
    memcpy(ret, text.p, TOKEN_TEXT_BYTES - 1);
    ret[TOKEN_TEXT_BYTES - 1] = '\0';
    mem_wipe(raw, sizeof(raw));
}

struct token_insert {
    const struct token_new *new;
    const struct token *token;
    int64_t now_ms;
    uint8_t hash[SHA256_BYTES];
    struct bytes sealed;
};

static RESULT token_insert(struct db_conn *c, void *arg, struct error *e)
{
    const struct token_insert *in = arg;
    const struct token_new *t = in->new;
    const char *const texts[] = { t->realm, t->home, t->user_id, t->role, t->name, t->issuer };
    struct db_stmt *s = NULL;
    TRY(db_prepare(c,
                   "INSERT INTO tokens(id, hash, realm, home, user, role, name, issuer, sealed,"
                   " policy, tags, mfa_ms, grant_id, created_ms, expires_ms)"
                   " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
                   &s, e));
    db_bind_text(s, 1, bytes_str(in->token->id));
    db_bind_blob(s, 2, BYTES_OF(in->hash));
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        db_bind_text(s, 3 + (int)i, bytes_str(texts[i]));
    }
    db_bind_blob(s, 9, in->sealed);
    db_bind_text(s, 10, bytes_str(t->policy));
    db_bind_text(s, 11, bytes_str(t->tags));
    db_bind_i64(s, 12, t->mfa_ms);
    db_bind_text(s, 13, bytes_str(t->grant));
    db_bind_i64(s, 14, in->now_ms);
    db_bind_i64(s, 15, t->expires_ms);
    return db_run(s, e);
}

RESULT token_create(struct directory *d, struct rpc_client *keeper, const struct token_new *t,
                    struct token *ret, struct error *e)
{
    struct token token = { .expires_ms = t->expires_ms };
    struct token_insert in = { .new = t, .token = &token, .now_ms = clock_wall_ms(d->clock) };
    if (t->expires_ms <= in.now_ms || t->expires_ms > in.now_ms + (int64_t)TOKEN_MAX_S * 1000) {
        FAIL(e, ERRC_RANGE, "a token ends within %d seconds", TOKEN_MAX_S);
    }
    CLEANUP(buf_done_p) struct buf aad = BUF(256);
    CLEANUP(buf_done_p) struct buf sealed = BUF(8192);
    directory_credential_make(d, "AS", token.id, token.secret);
    session_token_make(d, token.session_token);
    sha256(bytes_str(token.session_token), in.hash);
    directory_credential_aad(&aad, t->realm, token.id);
    struct result r = keys_seal_secret(keeper, t->realm, buf_bytes(&aad), bytes_str(token.secret),
                                       &sealed, e);
    if (result_is_ok(r)) {
        in.sealed = buf_bytes(&sealed);
        r = db_write(d->db, token_insert, &in, e);
    }
    if (result_is_ok(r)) {
        *ret = token;
    }
    token_wipe(&token);
    return r;
}

static RESULT revoke(struct db_conn *c, void *arg, struct error *e)
{
    return sql_run(c, "DELETE FROM tokens WHERE user = ?1", SQL_IN(SQL_STR((const char *)arg)), e);
}

RESULT tokens_revoke(struct directory *d, const char *user_id, struct error *e)
{
    char id[IDENTITY_ID_BYTES] = "";
    if (user_id[0] == '\0' || strlen(user_id) >= sizeof(id)) {
        FAIL(e, ERRC_NOT_FOUND, "no such user");
    }
    memcpy(id, user_id, strlen(user_id));
    return directory_change(d, revoke, id, e);
}
