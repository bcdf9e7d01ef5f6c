/* A log in memory with its keys, witnesses, checkpoints, receipts and packages: what the tests of
 * the customer's side share. */
#ifndef TROTH_TESTS_PROOF_KIT_H
#define TROTH_TESTS_PROOF_KIT_H

#include "testkit.h"

#include "base/json.h"
#include "base/text.h"
#include "crypto/hash.h"
#include "crypto/sign.h"
#include "ledger/entry.h"
#include "ledger/package.h"

#define KIT_ORIGIN    "troth.test/acme"
#define KIT_TIME      INT64_C(1795340476123)
#define KIT_MAX       4096
#define KIT_WITNESSES 3

struct kit_entry {
    struct bytes leaf, payload;
    uint8_t salt[LEDGER_SALT_BYTES];
    bool is_erased;
};
struct kit {
    struct sign_key *log_sk, *sealer_sk, *witness_sk[KIT_WITNESSES];
    struct note_key log, sealer, witness[KIT_WITNESSES];
    struct kit_entry entries[KIT_MAX];
    uint64_t size;
    uint64_t counters[3]; /* edge, keeper, scribe */
    int64_t now_ms;
    unsigned cosigned; /* witnesses on each checkpoint */
    uint64_t every;    /* a checkpoint each so many entries, and at the end */
    struct buf out;    /* of the last package */
};

static inline __attribute__((unused)) struct sign_key *kit_seed_key(uint8_t fill)
{
    uint8_t seed[SIGN_SEED_BYTES];
    struct sign_key *k = NULL;

    memset(seed, fill, sizeof(seed));
    assert_true(result_is_ok(sign_key_from_seed(SIGN_ED25519, BYTES_OF(seed), &k)));
    return k;
}

static inline __attribute__((unused)) struct kit *kit_new(void)
{
    struct kit *k = mem_zalloc(sizeof(*k));
    struct error e = { 0 };

    k->now_ms = KIT_TIME;
    k->every = 7;
    k->cosigned = 2;
    k->out = BUF(64u << 20);
    k->log_sk = kit_seed_key(1);
    k->sealer_sk = kit_seed_key(2);
    assert_ok(note_key_make(KIT_ORIGIN, NOTE_ED25519, sign_key_public(k->log_sk).p, &k->log, &e),
              e);
    assert_ok(note_key_make("troth.test/statements", NOTE_ED25519, sign_key_public(k->sealer_sk).p,
                            &k->sealer, &e),
              e);
    for (unsigned i = 0; i < KIT_WITNESSES; i++) {
        char name[] = "w0.example";
        name[1] = (char)('1' + i);
        k->witness_sk[i] = kit_seed_key((uint8_t)(10 + i));
        assert_ok(note_key_make(name, NOTE_COSIGNATURE_V1, sign_key_public(k->witness_sk[i]).p,
                                &k->witness[i], &e),
                  e);
    }
    return k;
}

static inline __attribute__((unused)) void kit_free(struct kit *k)
{
    for (uint64_t i = 0; i < k->size; i++) {
        mem_free((void *)(uintptr_t)k->entries[i].leaf.p);
        mem_free((void *)(uintptr_t)k->entries[i].payload.p);
    }
    sign_key_free(k->log_sk);
    sign_key_free(k->sealer_sk);
    for (unsigned i = 0; i < KIT_WITNESSES; i++) {
        sign_key_free(k->witness_sk[i]);
    }
    buf_done(&k->out);
    mem_free(k);
}

static inline __attribute__((unused)) const char *kit_source(unsigned source)
{
    static const char *const names[] = { "edge", "keeper", "scribe" };
    return names[source];
}

/* Appends an entry; returns its index. */
static inline __attribute__((unused)) uint64_t kit_add(struct kit *k, unsigned source,
                                                       const char *kind, const char *payload)
{
    struct kit_entry *it = &k->entries[k->size];
    struct entry en = { .counter = ++k->counters[source], .time_ms = k->now_ms };
    CLEANUP(buf_done_p) struct buf leaf = BUF(LEDGER_ENTRY_MAX);

    assert_true(k->size < KIT_MAX);
    memcpy(en.kind, kind, strlen(kind) + 1);
    memcpy(en.source, kit_source(source), strlen(kit_source(source)) + 1);
    memset(it->salt, (int)(k->size % 251), sizeof(it->salt));
    it->payload = bytes_of(mem_dup(payload, strlen(payload)), strlen(payload));
    en.commitment = entry_commitment(it->salt, it->payload);
    entry_encode(&en, &leaf);
    it->leaf = bytes_of(mem_dup(leaf.p, leaf.n), leaf.n);
    k->now_ms += 250;
    return k->size++;
}

static inline __attribute__((unused)) void kit_heartbeat(struct kit *k)
{
    char text[160];
    snprintf(text, sizeof(text),
             "{\"counters\":{\"edge\":%d,\"keeper\":%d,\"scribe\":%d,\"supervisor\":0}}",
             (int)k->counters[0], (int)k->counters[1], (int)k->counters[2]);
    (void)kit_add(k, 2, "heartbeat", text);
}

/* Entries of all sorts, 20 in a round: puts, a heartbeat, a key's rotation in two phases, an erased
 * one. */
static inline __attribute__((unused)) void kit_fill(struct kit *k, uint64_t size)
{
    char text[256];

    while (k->size < size) {
        uint64_t i = k->size;
        switch (i % 20) {
        case 5:
            (void)kit_add(k, 1, "key.rotate", "{\"key_id\":\"k1\",\"phase\":\"intent\"}");
            break;
        case 7:
            snprintf(text, sizeof(text),
                     "{\"intent\":%d,\"key_id\":\"k1\",\"phase\":\"outcome\",\"result\":\"ok\"}",
                     (int)i - 2);
            (void)kit_add(k, 1, "key.rotate", text);
            break;
        case 10:
            kit_heartbeat(k);
            break;
        case 13:
            k->entries[kit_add(k, 0, "object.get", "{\"key\":\"gone\"}")].is_erased = true;
            break;
        default:
            snprintf(text, sizeof(text),
                     "{\"actor\":{\"id\":\"\xe7\x94\xb2\xe6\x96\xb9\"},\"bucket\":\"contracts\","
                     "\"key\":\"\\\"a\\\\%d\",\"size\":%d}",
                     (int)i, (int)(i * 100));
            (void)kit_add(k, 0, "object.put", text);
        }
    }
}

static inline __attribute__((unused)) struct tree_frontier kit_frontier(const struct kit *k,
                                                                        uint64_t size)
{
    struct tree_frontier f = { 0 };
    for (uint64_t i = 0; i < size; i++) {
        struct tree_hash leaf = tree_leaf_hash(k->entries[i].leaf);
        tree_frontier_add(&f, &leaf);
    }
    return f;
}

static inline __attribute__((unused)) void kit_sign(const struct sign_key *sk,
                                                    const struct note_key *key, struct bytes text,
                                                    uint64_t time_s, struct buf *out)
{
    CLEANUP(buf_done_p) struct buf msg = BUF(NOTE_MAX);
    uint8_t sig[SIGN_MAX];
    size_t n = 0;

    assert_true(result_is_ok(note_message(key->type, text, time_s, &msg)));
    assert_true(result_is_ok(sign_bytes(sk, buf_bytes(&msg), sig, &n)));
    note_add_signature(out, key, time_s, sig);
}

/* A note over a size and root, cosigned by the first `cosigned` witnesses. */
static inline __attribute__((unused)) void kit_note_of(const struct kit *k, uint64_t size,
                                                       const struct tree_hash *root,
                                                       unsigned cosigned, struct buf *out)
{
    CLEANUP(buf_done_p) struct buf text = BUF(1024);

    checkpoint_text(&text, k->log.name, size, root);
    buf_add(out, buf_bytes(&text));
    buf_add_u8(out, '\n');
    kit_sign(k->log_sk, &k->log, buf_bytes(&text), 0, out);
    for (unsigned i = 0; i < cosigned; i++) {
        kit_sign(k->witness_sk[i], &k->witness[i], buf_bytes(&text), 1795340480 + i, out);
    }
}

static inline __attribute__((unused)) void kit_note(const struct kit *k, uint64_t size,
                                                    unsigned cosigned, struct buf *out)
{
    struct tree_frontier f = kit_frontier(k, size);
    struct tree_hash root = tree_frontier_root(&f);
    kit_note_of(k, size, &root, cosigned, out);
}

/* --- a tree source --- */

struct kit_tree {
    struct tree_source base;
    const struct kit *kit;
};
static inline __attribute__((unused)) struct result kit_tree_get(const struct tree_source *s,
                                                                 unsigned level, uint64_t index,
                                                                 struct tree_hash *ret,
                                                                 struct error *e)
{
    const struct kit_tree *t = CONTAINER_OF(s, struct kit_tree, base);
    struct tree_frontier f = { 0 };

    (void)e;
    for (uint64_t i = index << level; i < (index + 1) << level; i++) {
        struct tree_hash leaf = tree_leaf_hash(t->kit->entries[i].leaf);
        tree_frontier_add(&f, &leaf);
    }
    *ret = tree_frontier_root(&f);
    return RESULT_OK;
}

/* --- packages --- */

static inline struct result kit_entries(void *arg, uint64_t from, uint64_t count,
                                        package_record_fn fn, void *fn_arg, struct error *e)
{
    struct kit *k = arg;
    for (uint64_t i = from; i < from + MIN(count, (uint64_t)5) && i < k->size; i++) {
        const struct kit_entry *it = &k->entries[i];
        const struct ledger_record r = { .index = i,
                                         .leaf = it->leaf,
                                         .salt = it->is_erased ? NULL : it->salt,
                                         .payload = it->is_erased ? BYTES_NONE : it->payload,
                                         .is_erased = it->is_erased };
        TRY(fn(fn_arg, &r, e));
    }
    return RESULT_OK;
}
static inline struct result kit_checkpoint(void *arg, uint64_t least, struct buf *ret_note,
                                           struct buf *ret_token, struct error *e)
{
    struct kit *k = arg;
    uint64_t size = (least + k->every - 1) / k->every * k->every;

    (void)ret_token;
    if (least > k->size) {
        FAIL(e, ERRC_NOT_FOUND, "no checkpoint of %d", (int)least);
    }
    kit_note(k, MIN(size, k->size), k->cosigned, ret_note);
    return RESULT_OK;
}
static inline struct result kit_seal(void *arg, struct bytes statement, struct buf *ret_note,
                                     struct error *e)
{
    struct kit *k = arg;
    CLEANUP(buf_done_p) struct buf text = BUF(2048);

    (void)e;
    buf_add_str(&text, "troth/package\n");
    buf_add(&text, statement);
    buf_add(ret_note, buf_bytes(&text));
    buf_add_u8(ret_note, '\n');
    kit_sign(k->sealer_sk, &k->sealer, buf_bytes(&text), 0, ret_note);
    return RESULT_OK;
}
static inline struct result kit_sink(void *arg, struct bytes part, struct error *e)
{
    struct kit *k = arg;
    (void)e;
    assert_true(part.n <= 65536);
    buf_add(&k->out, part);
    return buf_result(&k->out);
}

/* Writes from..k->size into k->out. */
static inline __attribute__((unused)) struct result kit_package(struct kit *k, uint64_t from,
                                                                struct error *e)
{
    CLEANUP(buf_done_p) struct buf vkey = BUF(512);
    CLEANUP(buf_done_p) struct buf sealer = BUF(512);

    note_key_text(&k->log, &vkey);
    note_key_text(&k->sealer, &sealer);
    const struct package_writer w = { .origin = KIT_ORIGIN,
                                      .vkey = buf_bytes(&vkey),
                                      .sealer = buf_bytes(&sealer),
                                      .from = from,
                                      .size = k->size,
                                      .frontier = kit_frontier(k, from),
                                      .created_ms = k->now_ms,
                                      .arg = k,
                                      .entries = kit_entries,
                                      .checkpoint = kit_checkpoint,
                                      .sign = kit_seal,
                                      .sink = kit_sink };
    buf_reset(&k->out);
    return package_write(&w, e);
}

struct kit_reader {
    struct bytes rest;
    size_t step; /* 0: all at once */
};
static inline struct result kit_read(void *arg, void *dst, size_t cap, size_t *ret_n,
                                     struct error *e)
{
    struct kit_reader *r = arg;
    size_t n = MIN(cap, r->rest.n);

    (void)e;
    n = r->step != 0 ? MIN(n, r->step) : n;
    memcpy(dst, r->rest.p, n);
    r->rest = bytes_slice(r->rest, n, r->rest.n);
    *ret_n = n;
    return RESULT_OK;
}
static inline __attribute__((unused)) struct result kit_verify(struct bytes package,
                                                               const struct package_options *o,
                                                               struct package_report *ret,
                                                               struct error *e)
{
    struct kit_reader r = { package, 0 };
    const struct package_input in = { kit_read, &r };
    return package_verify(&in, o, ret, e);
}

/* --- policies --- */

/* `quorum` line(s) behind log, statement and witnesses. */
static inline __attribute__((unused)) void kit_policy_text(const struct kit *k, const char *more,
                                                           struct buf *out)
{
    buf_add_str(out, "log ");
    note_key_text(&k->log, out);
    buf_add_str(out, "\nstatement ");
    note_key_text(&k->sealer, out);
    for (unsigned i = 0; i < KIT_WITNESSES; i++) {
        buf_addf(out, "\nwitness w%u ", i + 1);
        note_key_text(&k->witness[i], out);
    }
    buf_addf(out, "\n%s", more);
}
static inline __attribute__((unused)) struct policy *kit_policy(const struct kit *k,
                                                                const char *more)
{
    CLEANUP(buf_done_p) struct buf text = BUF(POLICY_MAX_BYTES);
    struct policy *p = NULL;
    struct error e = { 0 };

    kit_policy_text(k, more, &text);
    assert_ok(policy_parse(buf_bytes(&text), &p, &e), e);
    return p;
}

/* --- receipts --- */

static inline __attribute__((unused)) void kit_receipt(const struct kit *k, uint64_t index,
                                                       uint64_t size, struct buf *out)
{
    CLEANUP(buf_done_p) struct buf note = BUF(NOTE_MAX);
    struct kit_tree t = { { kit_tree_get }, k };
    struct tree_proof proof;
    struct error e = { 0 };
    struct jsonw w;

    kit_note(k, size, k->cosigned, &note);
    assert_ok(tree_inclusion_prove(&t.base, index, size, &proof, &e), e);
    jsonw_init(&w, out);
    jsonw_object(&w);
    jsonw_kv_str(&w, "checkpoint", buf_bytes(&note));
    jsonw_kv_str(&w, "entry", k->entries[index].leaf);
    jsonw_kv_u64(&w, "index", index);
    jsonw_kv_cstr(&w, "log", KIT_ORIGIN);
    jsonw_key(&w, "payload");
    jsonw_raw(&w, k->entries[index].payload);
    jsonw_key(&w, "proof");
    jsonw_array(&w);
    for (size_t i = 0; i < proof.n; i++) {
        jsonw_base64(&w, BYTES_OF(proof.hashes[i].b));
    }
    jsonw_array_end(&w);
    jsonw_kv_base64(&w, "salt", BYTES_OF(k->entries[index].salt));
    jsonw_kv_cstr(&w, "type", "troth/receipt/v1");
    jsonw_object_end(&w);
}

#endif
