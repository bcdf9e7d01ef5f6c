/* What signing in keeps in memory: made with the directory, gone with it. */
#include "crypto/hmac.h"
#include "identity/directory_priv.h"
#include "identity/login_priv.h"

#include <stdlib.h>

struct login_state *login_state_new(const struct key256 *key, const struct rng *rng)
{
    struct login_state *s = mem_zalloc(sizeof(*s));
    struct result r = hkdf(HASH_SHA256, key256_bytes(key), BYTES_NONE,
                           BYTES_LIT("troth recovery codes"), s->recovery_key.b, KEY256_BYTES);
    if (!result_is_ok(r)) {
        abort(); /* its arguments are constant */
    }
    rng_fill(rng, s->state_key.b, KEY256_BYTES);
    s->params = password_params_default;
    login_gate_init(&s->gate, LOGIN_AT_ONCE, LOGIN_WAITING);
    pthread_mutex_init(&s->lock, NULL);
    s->sessions = map_new();
    s->spent = map_new();
    return s;
}

void login_state_free(struct login_state *s)
{
    if (s == NULL) {
        return;
    }
    block_list_close(s->blocked);
    key256_wipe(&s->recovery_key);
    key256_wipe(&s->state_key);
    login_gate_done(&s->gate);
    pthread_mutex_destroy(&s->lock);
    map_free(s->sessions, mem_free);
    map_free(s->spent, mem_free);
    mem_free(s);
}

void login_block_list_set(struct directory *d, struct block_list *b)
{
    block_list_close(d->login->blocked);
    d->login->blocked = b;
}
