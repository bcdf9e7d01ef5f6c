/*
 * Signing in by a passkey alone. Nobody is known before, so the challenge is kept by the client:
 * state = base64url of end (8 bytes), challenge (32) and a MAC over both, the realm and the relying
 * party, under a key of this process. A challenge that signed somebody in is remembered until its
 * end.
 */
#include "base/text.h"
#include "crypto/hmac.h"
#include "identity/login_priv.h"
#include "identity/param.h"
#include "identity/sql_priv.h"

#define STATE_MS        ((int64_t)5 * 60 * 1000)
#define CHALLENGE_BYTES 32
#define SIGNED_BYTES    (8 + CHALLENGE_BYTES)
#define STATE_BYTES     (SIGNED_BYTES + SHA256_BYTES)
#define SPENT_MAX       100000

static RESULT is_allowed(struct directory *d, const char *realm, struct error *e)
{
    char value[PARAM_TEXT_BYTES];
    param_text(d, realm, PARAM_PASSKEY_ONLY, value);
    if (strcmp(value, "yes") != 0) {
        FAIL(e, ERRC_DENIED, "%.64s does not let a passkey alone sign in (P-AUTH-2)", realm);
    }
    return RESULT_OK;
}

static void state_mac(struct directory *d, const uint8_t signed_part[SIGNED_BYTES],
                      const char *realm, const struct passkey_party *rp, uint8_t ret[SHA256_BYTES])
{
    CLEANUP(buf_done_p) struct buf b = BUF(2048);
    buf_add_mem(&b, signed_part, SIGNED_BYTES);
    buf_add_be16_prefixed(&b, bytes_str(realm));
    buf_add_be16_prefixed(&b, bytes_str(rp->id));
    hmac_sha256(key256_bytes(&d->login->state_key), buf_bytes(&b), ret);
}

RESULT login_passkey_only_begin(struct directory *d, const struct passkey_party *rp,
                                const char *realm, struct buf *ret_json, struct buf *ret_state,
                                struct error *e)
{
    uint8_t state[STATE_BYTES];
    TRY(is_allowed(d, realm, e));
    put_be64(state, (uint64_t)(clock_wall_ms(d->clock) + STATE_MS));
    rng_fill(d->rng, state + 8, CHALLENGE_BYTES);
    state_mac(d, state, realm, rp, state + SIGNED_BYTES);
    TRY(factor_passkey_request(d, rp, NULL, state + 8, ret_json, e));
    buf_add_base64url(ret_state, BYTES_OF(state));
    TRY_MSG(buf_result(ret_state), e, "state");
    return RESULT_OK;
}

static RESULT state_open(struct directory *d, struct bytes text, const char *realm,
                         const struct passkey_party *rp, uint8_t ret[SIGNED_BYTES], struct error *e)
{
    CLEANUP(buf_done_p) struct buf b = BUF(STATE_BYTES);
    uint8_t mac[SHA256_BYTES];
    if (!result_is_ok(base64url_decode(text, &b)) || b.n != STATE_BYTES) {
        FAIL(e, ERRC_DENIED, "the state is none");
    }
    state_mac(d, b.p, realm, rp, mac);
    if (!mem_equal_ct(mac, b.p + SIGNED_BYTES, sizeof(mac))) {
        FAIL(e, ERRC_DENIED,
             "the state is none of this server and realm, or from before its start");
    }
    if ((int64_t)get_be64(b.p) <= clock_wall_ms(d->clock)) {
        FAIL(e, ERRC_EXPIRED, "the challenge is older than five minutes");
    }
    memcpy(ret, b.p, SIGNED_BYTES);
    return RESULT_OK;
}

/* Only those that are still good are kept. */
static void spent_clean(struct login_state *l, int64_t now_ms)
{
    struct map *left = map_new();
    size_t it = 0;
    struct bytes key;
    void *end_ms;
    while (map_next(l->spent, &it, &key, &end_ms)) {
        if (*(const int64_t *)end_ms > now_ms) {
            (void)map_set(left, key, mem_dup(end_ms, sizeof(int64_t)));
        }
    }
    map_free(l->spent, mem_free);
    l->spent = left;
}

/* Each once. */
static RESULT challenge_spend(struct directory *d, const uint8_t state[SIGNED_BYTES],
                              struct error *e)
{
    struct login_state *l = d->login;
    struct bytes challenge = bytes_of(state + 8, CHALLENGE_BYTES);
    int64_t end_ms = (int64_t)get_be64(state);

    pthread_mutex_lock(&l->lock);
    if (map_count(l->spent) >= SPENT_MAX) {
        spent_clean(l, clock_wall_ms(d->clock));
    }
    bool is_full = map_count(l->spent) >= SPENT_MAX;
    bool is_spent = map_get(l->spent, challenge) != NULL;
    if (!is_spent && !is_full) {
        (void)map_set(l->spent, challenge, mem_dup(&end_ms, sizeof(end_ms)));
    }
    pthread_mutex_unlock(&l->lock);
    if (is_full) {
        FAIL(e, ERRC_AGAIN, "too many sign-ins at once: try again in some minutes");
    }
    if (is_spent) {
        FAIL(e, ERRC_DENIED, "the challenge was used");
    }
    return RESULT_OK;
}

static void open_of_row(struct db_stmt *s, struct arena *arena, void *item)
{
    (void)arena;
    *(bool *)item = db_col_i64(s, 0) != 0;
}

/* A person of this realm whose account may be signed in to, and whence it does. */
static RESULT owner_check(struct directory *d, const char *user_id, const char *realm,
                          const struct session_client *client, struct error *e)
{
    CLEANUP(arena_free_p) struct arena *arena = arena_new(4096, false);
    struct user u;
    bool is_open = false;
    struct result r = directory_one(
            d, "user",
            "SELECT u.kind = 1 AND u.state = 0 AND u.frozen_ms = 0 AND r.state = 0 AND"
            " r.frozen_ms = 0 FROM users u JOIN realms r ON r.name = u.realm"
            " WHERE u.realm = ?1 AND u.id = ?2",
            SQL_IN(SQL_STR(realm), SQL_STR(user_id)), open_of_row, NULL, &is_open, e);
    if (r.code != ERRC_NOT_FOUND) {
        TRY(r);
    }
    if (!is_open) {
        FAIL(e, ERRC_DENIED, "the passkey fits nobody who may sign in here");
    }
    TRY(user_get_by_id(d, bytes_str(user_id), arena, &u, e));
    return login_origin_check(d, &u, client, e);
}

RESULT login_passkey_only(struct directory *d, const struct passkey_party *rp, const char *realm,
                          struct bytes state, struct bytes response_json,
                          const struct session_client *client, struct session_opened *ret,
                          struct error *e)
{
    uint8_t opened[SIGNED_BYTES];
    char user_id[IDENTITY_ID_BYTES];

    TRY(is_allowed(d, realm, e));
    TRY(state_open(d, state, realm, rp, opened, e));
    TRY(factor_passkey_check(d, rp, NULL, opened + 8, response_json, user_id, e));
    TRY(owner_check(d, user_id, realm, client, e));
    TRY(challenge_spend(d, opened, e)); /* last: a stranger fills no memory with challenges */
    const struct session_start in = {
        .user_id = user_id,
        .realm = realm,
        .stage = SESSION_FULL,
        .mfa_kind = FACTOR_PASSKEY,
        .mfa_ms = clock_wall_ms(d->clock),
        .client = client,
    };
    TRY(session_start(d, &in, ret, e));
    user_touch(d, user_id);
    return RESULT_OK;
}
