/* Alarm files. */
#include "ledger/alarm.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/text.h"

static const char *const kind_names[] = {
    [ALARM_FORK] = "fork", [ALARM_ROLLBACK] = "rollback", [ALARM_UNPROVED] = "unproved"
};

const char *alarm_kind_name(enum alarm_kind k)
{
    return (unsigned)k < ARRAY_LEN(kind_names) ? kind_names[k] : "?";
}

void alarm_write(const struct alarm *a, struct buf *out)
{
    CLEANUP(buf_done_p) struct buf vkey = BUF(1024);
    char time[TIME_TEXT_MAX];
    struct jsonw w;

    note_key_text(&a->log_key, &vkey);
    jsonw_init(&w, out);
    jsonw_object(&w);
    jsonw_kv_cstr(&w, "kind", alarm_kind_name(a->kind));
    jsonw_kv_str(&w, "known", a->known);
    if (a->has_prefix) {
        jsonw_key(&w, "prefix");
        jsonw_object(&w);
        jsonw_key(&w, "proof");
        jsonw_array(&w);
        for (size_t i = 0; i < a->proof.n; i++) {
            jsonw_base64(&w, BYTES_OF(a->proof.hashes[i].b));
        }
        jsonw_array_end(&w);
        jsonw_kv_base64(&w, "root", BYTES_OF(a->prefix_root.b));
        jsonw_object_end(&w);
    }
    jsonw_kv_str(&w, "shown", a->shown);
    jsonw_kv_cstr(&w, "time", time_rfc3339(a->time_ms, time));
    jsonw_kv_cstr(&w, "type", "troth/alarm/v1");
    jsonw_kv_str(&w, "vkey", buf_bytes(&vkey));
    jsonw_kv_cstr(&w, "witness", a->witness);
    jsonw_object_end(&w);
    buf_add_u8(out, '\n');
}

static RESULT prefix_take(struct json root, struct alarm *a, struct error *e)
{
    static const char *const keys[] = { "proof", "root", NULL };
    struct json_iter it = { 0 };
    struct json prefix, proof, item;

    TRY(json_get(root, "prefix", &prefix, e));
    TRY(json_only_keys(prefix, keys, e));
    TRY(json_get_base64_exact(prefix, "root", a->prefix_root.b, TREE_HASH_BYTES, e));
    TRY(json_get(prefix, "proof", &proof, e));
    if (json_type(proof) != JSON_ARRAY || json_count(proof) > TREE_PROOF_MAX) {
        FAIL(e, ERRC_FORMAT, "proof: not an array of at most %d hashes", TREE_PROOF_MAX);
    }
    for (a->proof.n = 0; json_next(proof, &it, &item); a->proof.n++) {
        CLEANUP(buf_done_p) struct buf raw = BUF(TREE_HASH_BYTES);
        struct bytes text;
        if (!result_is_ok(json_str(item, &text)) || !result_is_ok(base64_decode(text, &raw)) ||
            raw.n != TREE_HASH_BYTES) {
            FAIL(e, ERRC_FORMAT, "proof[%zu]: not base64 of 32 bytes", a->proof.n);
        }
        memcpy(a->proof.hashes[a->proof.n].b, raw.p, raw.n);
    }
    a->has_prefix = true;
    return RESULT_OK;
}

static RESULT kind_take(struct json root, enum alarm_kind *ret, struct error *e)
{
    struct bytes text;

    TRY(json_get_str(root, "kind", &text, e));
    for (unsigned i = 0; i < ARRAY_LEN(kind_names); i++) {
        if (bytes_equal_str(text, kind_names[i])) {
            *ret = (enum alarm_kind)i;
            return RESULT_OK;
        }
    }
    FAIL(e, ERRC_UNSUPPORTED, "kind: not known");
}

static RESULT members_take(struct json root, struct alarm *a, struct buf *store, struct error *e)
{
    static const char *const keys[] = { "kind", "known", "prefix",  "shown", "time",
                                        "type", "vkey",  "witness", NULL };
    struct bytes type, known, shown, time, vkey, witness;
    char again[TIME_TEXT_MAX];

    TRY(json_get_str(root, "type", &type, e));
    if (!bytes_equal_str(type, "troth/alarm/v1")) {
        FAIL(e, ERRC_UNSUPPORTED, "type: not troth/alarm/v1");
    }
    TRY(json_only_keys(root, keys, e));
    TRY(kind_take(root, &a->kind, e));
    TRY(json_get_str(root, "known", &known, e));
    TRY(json_get_str(root, "shown", &shown, e));
    TRY(json_get_str(root, "time", &time, e));
    TRY(json_get_str(root, "vkey", &vkey, e));
    TRY(json_get_str(root, "witness", &witness, e));
    if (!result_is_ok(time_parse_rfc3339(time, &a->time_ms)) ||
        !bytes_equal_str(time, time_rfc3339(a->time_ms, again))) {
        FAIL(e, ERRC_FORMAT, "time: not a time in UTC with milliseconds");
    }
    TRY_MSG(note_key_parse(vkey, &a->log_key, e), e, "vkey");
    if (witness.n > NOTE_NAME_MAX) {
        FAIL(e, ERRC_LIMIT, "witness: longer than %d bytes", NOTE_NAME_MAX);
    }
    memcpy(a->witness, witness.p, witness.n);
    if (json_has(root, "prefix")) {
        TRY_MSG(prefix_take(root, a, e), e, "prefix");
    }
    buf_add(store, known);
    buf_add(store, shown);
    TRY_MSG(buf_result(store), e, "notes");
    a->known = bytes_of(store->p, known.n);
    a->shown = bytes_of(store->p + known.n, shown.n);
    return RESULT_OK;
}

RESULT alarm_parse(struct bytes in, struct buf *store, struct alarm *ret, struct error *e)
{
    CLEANUP(json_doc_free_p) struct json_doc *doc = NULL;
    CLEANUP(buf_done_p) struct buf again = BUF(ALARM_MAX);
    struct alarm a = { .kind = ALARM_UNPROVED };

    if (in.n == 0 || in.p[in.n - 1] != '\n') {
        FAIL(e, ERRC_FORMAT, "alarm: no line feed at its end");
    }
    in.n--;
    TRY_MSG(json_parse(in, ALARM_MAX, &doc, e), e, "alarm");
    TRY_MSG(json_canonical(json_root(doc), &again, e), e, "alarm");
    if (!bytes_equal(buf_bytes(&again), in)) {
        FAIL(e, ERRC_FORMAT, "alarm: not in its canonical form (RFC 8785)");
    }
    TRY_MSG(members_take(json_root(doc), &a, store, e), e, "alarm");
    *ret = a;
    return RESULT_OK;
}

static RESULT note_check(struct bytes text, const struct note_key *k, struct note *n,
                         struct checkpoint *ret, struct error *e)
{
    uint64_t time_s;

    TRY(note_parse(text, n, e));
    TRY(note_verify(n, k, &time_s, e));
    TRY(checkpoint_parse(n->text, ret, e));
    if (!bytes_equal_str(ret->origin, k->name)) {
        FAIL(e, ERRC_INTEGRITY, "of another log");
    }
    return RESULT_OK;
}

static RESULT fork_check(const struct alarm *a, const struct checkpoint *known,
                         const struct checkpoint *shown, struct error *e)
{
    const struct checkpoint *small = known->size < shown->size ? known : shown;
    const struct checkpoint *large = small == known ? shown : known;

    if (known->size == shown->size) {
        if (a->has_prefix || tree_hash_equal(&known->root, &shown->root)) {
            FAIL(e, ERRC_INTEGRITY, "alarm: both checkpoints have the same root: no fork");
        }
        return RESULT_OK;
    }
    if (!a->has_prefix || tree_hash_equal(&a->prefix_root, &small->root)) {
        FAIL(e, ERRC_INTEGRITY, "alarm: prefix: does not contradict the smaller checkpoint");
    }
    TRY_MSG(tree_consistency_verify(small->size, &a->prefix_root, large->size, &large->root,
                                    a->proof.hashes, a->proof.n, e),
            e, "alarm: prefix");
    return RESULT_OK;
}

/*= 2.1.7-5 "two signed histories are a proof against their signer" */
RESULT alarm_verify(const struct alarm *a, const struct note_key *log_key, struct error *e)
{
    CLEANUP(mem_free_p) struct note *parsed = mem_calloc(2, sizeof(*parsed));
    const struct note_key *k = log_key != NULL ? log_key : &a->log_key;
    struct checkpoint known, shown;

    if (strcmp(k->name, a->log_key.name) != 0 ||
        memcmp(k->public_key, a->log_key.public_key, sizeof(k->public_key)) != 0) {
        FAIL(e, ERRC_INTEGRITY, "alarm: vkey: not the key you trust for %s", k->name);
    }
    TRY_MSG(note_check(a->known, k, &parsed[0], &known, e), e, "alarm: known");
    TRY_MSG(note_check(a->shown, k, &parsed[1], &shown, e), e, "alarm: shown");
    if (a->kind == ALARM_FORK) {
        return fork_check(a, &known, &shown, e);
    }
    if (a->has_prefix) {
        FAIL(e, ERRC_FORMAT, "alarm: prefix: only for a fork");
    }
    if (a->kind == ALARM_ROLLBACK && shown.size >= known.size) {
        FAIL(e, ERRC_INTEGRITY, "alarm: shown is not older than known");
    }
    return RESULT_OK;
}

/* As the verification of RFC 9162 2.1.4.2, but for the root that is looked for. */
bool alarm_prefix(uint64_t old_size, uint64_t size, const struct tree_hash *root,
                  const struct tree_proof *proof, struct tree_hash *ret_prefix_root)
{
    if (old_size == 0 || old_size >= size || (old_size & (old_size - 1)) == 0 || proof->n == 0) {
        return false;
    }
    uint64_t fn = old_size - 1, sn = size - 1;
    for (; (fn & 1) != 0; fn >>= 1) {
        sn >>= 1;
    }
    struct tree_hash fr = proof->hashes[0], sr = fr;
    for (size_t i = 1; i < proof->n; i++) {
        if (sn == 0) {
            return false;
        }
        if ((fn & 1) != 0 || fn == sn) {
            fr = tree_node_hash(&proof->hashes[i], &fr);
            sr = tree_node_hash(&proof->hashes[i], &sr);
            for (; (fn & 1) == 0 && fn != 0; fn >>= 1) {
                sn >>= 1;
            }
        } else {
            sr = tree_node_hash(&sr, &proof->hashes[i]);
        }
        fn >>= 1;
        sn >>= 1;
    }
    *ret_prefix_root = fr;
    return sn == 0 && tree_hash_equal(&sr, root);
}
