/* Receipts: read strictly, then verified from the inside out: payload, entry, tree, signatures. */
#include "ledger/receipt.h"

#include "base/json.h"
#include "base/text.h"
#include "crypto/crc.h"
#include "crypto/hash.h"

#include <inttypes.h>

#define FILE_CHUNK (256u * 1024)

struct receipt {
    struct buf text; /* the JSON */
    struct json_doc *doc;
    struct buf payload; /* canonical */
    struct buf note;
    struct bytes entry, log;
    uint64_t index;
    uint8_t salt[LEDGER_SALT_BYTES];
    struct tree_proof proof;
};

void receipt_free(struct receipt *r)
{
    if (r != NULL) {
        json_doc_free(r->doc);
        buf_done(&r->text);
        buf_done(&r->payload);
        buf_done(&r->note);
        mem_free(r);
    }
}

static RESULT text_take(struct receipt *r, struct bytes in, struct error *e)
{
    if (in.n > 0 && in.p[in.n - 1] == '\n') {
        in.n--;
    }
    if (in.n > 0 && in.p[0] == '{') {
        buf_add(&r->text, in);
    } else if (!result_is_ok(base64url_decode(in, &r->text)) && r->text.err != ERRC_LIMIT) {
        FAIL(e, ERRC_FORMAT, "receipt: neither JSON nor base64url");
    }
    TRY_MSG(buf_result(&r->text), e, "receipt: longer than %u bytes", RECEIPT_MAX);
    return RESULT_OK;
}

static RESULT canonical_check(struct json root, struct bytes text, struct error *e)
{
    CLEANUP(buf_done_p) struct buf again = BUF(RECEIPT_MAX);

    TRY_MSG(json_canonical(root, &again, e), e, "receipt");
    if (!bytes_equal(buf_bytes(&again), text)) {
        FAIL(e, ERRC_FORMAT, "receipt: not in its canonical form (RFC 8785)");
    }
    return RESULT_OK;
}

static RESULT proof_take(struct json root, struct tree_proof *ret, struct error *e)
{
    struct json_iter it = { 0 };
    struct json array, item;

    TRY_MSG(json_get(root, "proof", &array, e), e, "receipt");
    if (json_type(array) != JSON_ARRAY || json_count(array) > TREE_PROOF_MAX) {
        FAIL(e, ERRC_FORMAT, "receipt: proof: not an array of at most %d hashes", TREE_PROOF_MAX);
    }
    for (ret->n = 0; json_next(array, &it, &item); ret->n++) {
        CLEANUP(buf_done_p) struct buf raw = BUF(TREE_HASH_BYTES);
        struct bytes text;
        if (!result_is_ok(json_str(item, &text)) || !result_is_ok(base64_decode(text, &raw)) ||
            raw.n != TREE_HASH_BYTES) {
            FAIL(e, ERRC_FORMAT, "receipt: proof[%zu]: not base64 of 32 bytes", ret->n);
        }
        memcpy(ret->hashes[ret->n].b, raw.p, raw.n);
    }
    return RESULT_OK;
}

static RESULT members_take(struct receipt *r, struct json root, struct error *e)
{
    static const char *const keys[] = { "checkpoint", "entry", "index", "log", "payload",
                                        "proof",      "salt",  "type",  NULL };
    struct bytes type, note;
    struct json payload;

    TRY_MSG(json_get_str(root, "type", &type, e), e, "receipt");
    if (!bytes_equal_str(type, "troth/receipt/v1")) {
        FAIL(e, ERRC_UNSUPPORTED, "receipt: type: not troth/receipt/v1");
    }
    TRY_MSG(json_only_keys(root, keys, e), e, "receipt");
    TRY_MSG(json_get_str(root, "checkpoint", &note, e), e, "receipt");
    TRY_MSG(json_get_str(root, "entry", &r->entry, e), e, "receipt");
    TRY_MSG(json_get_str(root, "log", &r->log, e), e, "receipt");
    TRY_MSG(json_get_u64(root, "index", INT64_MAX, &r->index, e), e, "receipt");
    TRY_MSG(json_get_base64_exact(root, "salt", r->salt, sizeof(r->salt), e), e, "receipt");
    TRY_MSG(json_get(root, "payload", &payload, e), e, "receipt");
    if (json_type(payload) != JSON_OBJECT) {
        FAIL(e, ERRC_FORMAT, "receipt: payload: not an object");
    }
    buf_add(&r->note, note);
    TRY_MSG(buf_result(&r->note), e, "receipt: checkpoint");
    TRY_MSG(json_canonical(payload, &r->payload, e), e, "receipt: payload");
    TRY_MSG(buf_result(&r->payload), e, "receipt: payload");
    return proof_take(root, &r->proof, e);
}

RESULT receipt_parse(struct bytes text, struct receipt **ret, struct error *e)
{
    CLEANUP(receipt_free_p) struct receipt *r = mem_zalloc(sizeof(*r));

    r->text = BUF(RECEIPT_MAX);
    r->payload = BUF(LEDGER_PAYLOAD_MAX);
    r->note = BUF(NOTE_MAX);
    TRY(text_take(r, text, e));
    TRY_MSG(json_parse(buf_bytes(&r->text), RECEIPT_MAX, &r->doc, e), e, "receipt");
    struct json root = json_root(r->doc);
    TRY(canonical_check(root, buf_bytes(&r->text), e));
    TRY(members_take(r, root, e));
    *ret = TAKE(r);
    return RESULT_OK;
}

static RESULT key_choose(const struct receipt_options *o, struct bytes origin, struct note_key *ret,
                         struct error *e)
{
    const struct note_key *k = o->policy == NULL ? o->log_key : policy_log(o->policy, origin);

    if (k == NULL || !bytes_equal_str(origin, k->name)) {
        FAIL(e, ERRC_NOT_FOUND, "log: no key is known for the log %.*s", BYTES_FMT(origin));
    }
    if (o->log_key != NULL &&
        memcmp(o->log_key->public_key, k->public_key, sizeof(k->public_key)) != 0) {
        FAIL(e, ERRC_CONFLICT, "log: the policy names another key for %.*s", BYTES_FMT(origin));
    }
    *ret = *k;
    return RESULT_OK;
}

static RESULT checkpoint_check(const struct receipt *r, const struct receipt_options *o,
                               const struct note_key *key, struct checkpoint *ret,
                               struct policy_result *ret_witnesses, struct error *e)
{
    CLEANUP(mem_free_p) struct note *n = mem_alloc(sizeof(*n));
    uint64_t time_s = 0;

    TRY_MSG(note_parse(buf_bytes(&r->note), n, e), e, "checkpoint");
    TRY_MSG(note_verify(n, key, &time_s, e), e, "checkpoint");
    TRY_MSG(checkpoint_parse(n->text, ret, e), e, "checkpoint");
    if (!bytes_equal(ret->origin, r->log)) {
        FAIL(e, ERRC_INTEGRITY, "checkpoint: of another log than the receipt's");
    }
    if (o->policy != NULL) {
        TRY_MSG(policy_cosignatures(o->policy, n, ret_witnesses, e), e, "checkpoint");
        if (!ret_witnesses->is_met) {
            FAIL(e, ERRC_DENIED, "checkpoint: %u cosignatures do not meet the quorum %s",
                 ret_witnesses->cosignatures, policy_quorum_name(o->policy));
        }
    }
    return RESULT_OK;
}

/*= 2.1.7-5 "a receipt is checked offline, without trusting the provider" */
RESULT receipt_verify(const struct receipt *r, const struct receipt_options *o,
                      struct receipt_report *ret, struct error *e)
{
    struct receipt_report out = { .origin = r->log,
                                  .entry_text = r->entry,
                                  .payload = buf_bytes(&r->payload),
                                  .checkpoint = buf_bytes(&r->note),
                                  .index = r->index };
    struct checkpoint c;

    TRY_MSG(key_choose(o, r->log, &out.log_key, e), e, "receipt");
    TRY_MSG(entry_parse(r->entry, &out.entry, e), e, "receipt");
    struct tree_hash commitment = entry_commitment(r->salt, out.payload);
    if (!tree_hash_equal(&commitment, &out.entry.commitment)) {
        FAIL(e, ERRC_INTEGRITY, "receipt: payload: not what the entry commits to");
    }
    TRY_MSG(checkpoint_check(r, o, &out.log_key, &c, &out.witnesses, e), e, "receipt");
    struct tree_hash leaf = tree_leaf_hash(r->entry);
    TRY_MSG(tree_inclusion_verify(&leaf, r->index, c.size, &c.root, r->proof.hashes, r->proof.n, e),
            e, "receipt: proof");
    out.size = c.size;
    *ret = out;
    return RESULT_OK;
}

/* --- an object's bytes --- */

static const struct object_alg {
    const char *name, *shown;
    bool is_cryptographic, is_always_full; /* over the object even when it came in parts */
    enum hash_alg hash;                    /* 0: a CRC */
    size_t n;
} algs[] = {
    { "sha256", "SHA-256", true, false, HASH_SHA256, 32 },
    { "crc64nvme", "crc64nvme", false, true, 0, 8 },
    { "crc32c", "crc32c", false, false, 0, 4 },
    { "crc32", "crc32", false, false, 0, 4 },
    { "sha1", "SHA-1", false, false, HASH_SHA1, 20 },
    { "md5", "MD5", false, false, HASH_MD5, 16 },
};

struct object_want {
    const struct object_alg *alg;
    enum receipt_object_proof by;
    uint8_t value[32];
    uint64_t size;
};

static RESULT want_of(struct bytes payload, struct object_want *ret, struct error *e)
{
    CLEANUP(json_doc_free_p) struct json_doc *doc = NULL;
    struct json checksum;

    TRY_MSG(json_parse(payload, LEDGER_PAYLOAD_MAX, &doc, e), e, "payload");
    struct json root = json_root(doc);
    TRY_MSG(json_get_u64(root, "size", INT64_MAX, &ret->size, e), e, "payload");
    if (json_has(root, "sha256")) {
        *ret = (struct object_want){ .alg = &algs[0],
                                     .by = RECEIPT_OBJECT_SHA256,
                                     .size = ret->size };
        return json_get_hex_exact(root, "sha256", ret->value, 32, e);
    }
    if (result_is_ok(json_get(root, "checksum", &checksum, NULL))) {
        for (size_t i = 0; i < ARRAY_LEN(algs); i++) {
            if (json_has(checksum, algs[i].name) &&
                (algs[i].is_always_full || !json_has(root, "parts"))) {
                ret->alg = &algs[i];
                ret->by = RECEIPT_OBJECT_CHECKSUM;
                return json_get_base64_exact(checksum, algs[i].name, ret->value, algs[i].n, e);
            }
        }
    }
    FAIL(e, ERRC_UNSUPPORTED, "the payload names no digest of the whole object");
}

struct digest {
    const struct object_alg *alg;
    struct hash hash;
    uint64_t crc;
};

static void digest_add(struct digest *d, struct bytes v)
{
    if (d->alg->hash != 0) {
        hash_update(&d->hash, v);
    } else if (d->alg->n == 8) {
        d->crc = crc64nvme_update(d->crc, v);
    } else if (strcmp(d->alg->name, "crc32c") == 0) {
        d->crc = crc32c_update((uint32_t)d->crc, v);
    } else {
        d->crc = crc32_update((uint32_t)d->crc, v);
    }
}

static void digest_end(struct digest *d, uint8_t ret[HASH_MAX])
{
    if (d->alg->hash != 0) {
        (void)hash_final(&d->hash, ret);
    } else if (d->alg->n == 8) {
        put_be64(ret, d->crc);
    } else {
        put_be32(ret, (uint32_t)d->crc);
    }
}

RESULT receipt_check_object(struct bytes payload, struct fs_file *object,
                            struct receipt_object *ret, struct error *e)
{
    struct object_want want = { 0 };
    uint8_t got[HASH_MAX];
    uint64_t size = 0;

    TRY(want_of(payload, &want, e));
    TRY(fs_size(object, &size, e));
    if (size != want.size) {
        FAIL(e, ERRC_INTEGRITY, "the object has %" PRIu64 " bytes, the receipt says %" PRIu64, size,
             want.size);
    }
    CLEANUP(mem_free_p) uint8_t *chunk = mem_alloc(FILE_CHUNK);
    struct digest d = { .alg = want.alg };
    if (d.alg->hash != 0) {
        hash_init(&d.hash, d.alg->hash);
    }
    struct result r = RESULT_OK;
    for (uint64_t at = 0; at < size && result_is_ok(r);) {
        size_t n = (size_t)MIN(size - at, (uint64_t)FILE_CHUNK);
        r = fs_pread(object, chunk, n, at, NULL, e);
        if (result_is_ok(r)) {
            digest_add(&d, bytes_of(chunk, n));
        }
        at += n;
    }
    digest_end(&d, got);
    hash_done(&d.hash);
    TRY(r);
    if (memcmp(got, want.value, want.alg->n) != 0) {
        FAIL(e, ERRC_INTEGRITY, "the object's %s is not that of the receipt", want.alg->shown);
    }
    *ret = (struct receipt_object){ .by = want.by,
                                    .algorithm = want.alg->shown,
                                    .is_cryptographic = want.alg->is_cryptographic,
                                    .size = size };
    return RESULT_OK;
}
