/* A log of proof_kit.h as a server of tiles, and requests to a witness over it. */
#ifndef TROTH_TESTS_WITNESS_KIT_H
#define TROTH_TESTS_WITNESS_KIT_H

#include "proof_kit.h"

#include "base/clock.h"
#include "base/rng.h"
#include "ledger/alarm.h"
#include "ledger/courier.h"
#include "ledger/tile_source.h"
#include "ledger/witness.h"

struct kit_remote {
    const struct kit *kit;
    uint64_t size; /* published */
    unsigned cosigned;
    char delivered[2048];
    unsigned fetches, fail_at; /* the fetch that fails; 0: none */
    bool spoils_entries, spoils_tiles;
};

static inline RESULT kit_fetch_tile(const struct kit_remote *r, unsigned level, uint64_t index,
                                    unsigned width, struct buf *out)
{
    struct kit_tree t = { { kit_tree_get }, r->kit };
    struct tree_hash h;
    struct error e;

    for (uint64_t i = 0; i < width; i++) {
        if ((index * 256 + i + 1) << (8 * level) > r->size) {
            return result_of(ERRC_NOT_FOUND);
        }
        TRY(kit_tree_get(&t.base, 8 * level, index * 256 + i, &h, &e));
        h.b[0] ^= r->spoils_tiles;
        buf_add(out, BYTES_OF(h.b));
    }
    return RESULT_OK;
}

static inline struct result kit_fetch(void *arg, const char *path, struct buf *out, struct error *e)
{
    struct kit_remote *r = arg;
    unsigned level, width = 256, n = 0, high = 0;

    if (++r->fetches == r->fail_at) {
        FAIL(e, ERRC_AGAIN, "the log is away");
    }
    if (strcmp(path, "checkpoint") == 0) {
        kit_note(r->kit, r->size, r->cosigned, out);
        return RESULT_OK;
    }
    const char *part = strstr(path, ".p/");
    if (part != NULL) {
        width = (unsigned)strtoul(part + 3, NULL, 10);
    }
    if (sscanf(path, "tile/entries/x%u/%u", &high, &n) == 2 ||
        sscanf(path, "tile/entries/%u", &n) == 1) {
        n += high * 1000;
        for (uint64_t i = 0; i < width; i++) {
            uint64_t at = (uint64_t)n * 256 + i;
            if (at >= r->size) {
                FAIL(e, ERRC_NOT_FOUND, "%s", path);
            }
            buf_add_be16_prefixed(out, r->kit->entries[at].leaf);
            if (r->spoils_entries) {
                out->p[out->n - 2] ^= 1;
            }
        }
        return buf_result(out);
    }
    assert_int_equal(sscanf(path, "tile/%u/%u", &level, &n), 2);
    return kit_fetch_tile(r, level, n, width, out);
}

static inline struct result kit_deliver(void *arg, struct bytes body, struct error *e)
{
    struct kit_remote *r = arg;
    (void)e;
    snprintf(r->delivered, sizeof(r->delivered), "%.*s", BYTES_FMT(body));
    return RESULT_OK;
}

static inline __attribute__((unused)) struct result kit_pull(struct witness *w,
                                                             struct kit_remote *r,
                                                             enum witness_pull_result *ret,
                                                             uint64_t *ret_size, struct error *e)
{
    const struct witness_remote remote = { kit_fetch, kit_deliver, r };
    return witness_pull(w, KIT_ORIGIN, &remote, ret, ret_size, e);
}

/*
 * add-checkpoint of a size, from an old size, with the log's proof. Returns the status; the answer
 * is in `out`.
 */
static inline __attribute__((unused)) unsigned
kit_submit_note(struct witness *w, const struct kit *k, uint64_t old_size, uint64_t size,
                struct bytes note, struct buf *out, const char **ret_type)
{
    CLEANUP(buf_done_p) struct buf body = BUF(2 * NOTE_MAX);
    struct kit_tree t = { { kit_tree_get }, k };
    struct tree_proof proof = { .n = 0 };
    struct error e = { 0 };
    unsigned status = 0;

    if (old_size <= size) {
        assert_ok(tree_consistency_prove(&t.base, old_size, size, &proof, &e), e);
    }
    witness_request(note, old_size, &proof, &body);
    buf_reset(out);
    assert_ok(witness_add_checkpoint(w, buf_bytes(&body), &status, ret_type, out, &e), e);
    return status;
}
static inline __attribute__((unused)) unsigned kit_submit(struct witness *w, const struct kit *k,
                                                          uint64_t old_size, uint64_t size,
                                                          struct buf *out)
{
    CLEANUP(buf_done_p) struct buf note = BUF(NOTE_MAX);
    const char *type = NULL;

    kit_note(k, size, 0, &note);
    return kit_submit_note(w, k, old_size, size, buf_bytes(&note), out, &type);
}

static inline __attribute__((unused)) struct witness *
kit_witness(struct fs *fs, const struct clock *clock, const struct kit *k)
{
    struct witness *w = NULL;
    struct error e = { 0 };
    struct witness_log log = { .key = k->log };
    struct rng_test rng;

    rng_test_init(&rng, 5);
    assert_ok(witness_init(fs, "witness.example", &rng.base, &e), e);
    assert_ok(witness_open(fs, clock, &w, &e), e);
    assert_ok(witness_add_log(w, &log, &e), e);
    return w;
}

static inline struct result kit_status_take(void *arg, const struct witness_status *s,
                                            struct error *e)
{
    (void)e;
    *(struct witness_status *)arg = *s;
    return RESULT_OK;
}
static inline __attribute__((unused)) struct witness_status kit_status(struct witness *w)
{
    struct witness_status s;
    struct error e = { 0 };
    assert_ok(witness_each(w, kit_status_take, &s, &e), e);
    return s;
}

#endif
