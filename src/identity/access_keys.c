/* The condition keys that every query has. */
#include "identity/access_priv.h"

struct filling {
    struct access_keys *k;
    struct policy_key *keys;
    size_t own;
};

static void add(struct filling *f, const char *name, const char *value)
{
    struct access_keys *k = f->k;
    k->values[f->own] = bytes_str(value);
    f->keys[k->count++] = (struct policy_key){ bytes_str(name), &k->values[f->own++], 1 };
}

static void copy(struct filling *f, const struct policy_key *keys, size_t n)
{
    if (n != 0) {
        memcpy(f->keys + f->k->count, keys, n * sizeof(keys[0]));
        f->k->count += n;
    }
}

static char *digits(char *end, int64_t v, size_t n)
{
    *end = '\0';
    for (; v > 0 || n > 0; v /= 10, n -= n != 0) {
        *--end = (char)('0' + v % 10);
    }
    return end;
}

/*
 * aws:MultiFactorAuthPresent is there always, "false" for an access key: in AWS it is absent then,
 * and a Deny with Bool misses it. The management socket is no address, and as safe as TLS.
 */
void access_keys_fill(const struct access_query *q, struct access_keys *ret)
{
    const struct principal *p = q->p;
    size_t all = ACCESS_KEYS_OWN + p->key_count + q->key_count;
    bool is_unix = q->ip == NULL || strcmp(q->ip, "unix") == 0;
    int64_t mfa_ms = q->mfa_ms != 0 ? q->mfa_ms : p->token_mfa_ms;
    struct filling f = { .k = ret, .keys = ret->few };

    ret->count = 0;
    ret->many = all > ARRAY_LEN(ret->few) ? mem_calloc(all, sizeof(ret->many[0])) : NULL;
    f.keys = ret->many != NULL ? ret->many : ret->few;
    ret->keys = f.keys;
    add(&f, "aws:CurrentTime", time_rfc3339(q->now_ms, ret->time));
    add(&f, "aws:EpochTime",
        digits(ret->epoch + sizeof(ret->epoch) - 1, MAX(q->now_ms, 0) / 1000, 1));
    add(&f, "aws:SecureTransport", q->is_tls || is_unix ? "true" : "false");
    add(&f, "aws:MultiFactorAuthPresent", mfa_ms != 0 ? "true" : "false");
    if (mfa_ms != 0) {
        int64_t age = MAX(q->now_ms - mfa_ms, 0) / 1000;
        add(&f, "aws:MultiFactorAuthAge", digits(ret->age + sizeof(ret->age) - 1, age, 1));
    }
    if (!is_unix) {
        add(&f, "aws:SourceIp", q->ip);
    }
    copy(&f, p->keys, p->key_count);
    copy(&f, q->keys, q->key_count);
}

void access_keys_done(struct access_keys *k)
{
    mem_free(k->many);
}

struct policy_key *access_keys_of(const struct access_query *q, struct arena *arena, size_t *ret_n)
{
    struct access_keys *k = arena_alloc(arena, sizeof(*k));

    access_keys_fill(q, k);
    struct policy_key *out = arena_alloc(arena, k->count * sizeof(out[0]));
    memcpy(out, k->keys, k->count * sizeof(out[0]));
    *ret_n = k->count;
    access_keys_done(k);
    return out;
}
