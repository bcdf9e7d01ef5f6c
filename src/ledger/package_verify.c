/*
 * Checking a package, line by line. The tree is rebuilt from its leaves: that it has the root of
 * each signed checkpoint when it reaches that size proves every entry and, as one tree gives all
 * the roots, that the checkpoints continue each other.
 */
#include "ledger/package_priv.h"

#include "crypto/hash.h"
#include "crypto/tsa.h"

#include <inttypes.h>

#define WINDOW_BYTES (1u << 20)

struct verifier {
    const struct package_input *in;
    const struct package_options *o;
    struct package_report *r;
    struct package_header head;
    struct package_story *story;
    struct tree_frontier tree;
    struct hash digest;       /* of all lines so far */
    uint64_t checkpoint_size; /* of the newest one */
    bool has_checkpoint, has_trailer, has_told_timestamp;
    uint8_t *window;
    size_t from, to; /* filled part of the window */
    bool is_at_end;
    struct buf leaf, note, token;
    struct note *parsed;
};

static void verifier_done(struct verifier *v)
{
    package_story_free(v->story);
    hash_done(&v->digest);
    mem_free(v->window);
    buf_done(&v->leaf);
    buf_done(&v->note);
    buf_done(&v->token);
    mem_free(v->parsed);
}
DEFINE_CLEANUP_DONE(verifier_done, struct verifier)

/* --- lines --- */

static RESULT window_fill(struct verifier *v, struct error *e)
{
    size_t n = 0;

    if (v->from > 0) {
        memmove(v->window, v->window + v->from, v->to - v->from);
        v->to -= v->from;
        v->from = 0;
    }
    TRY_MSG(v->in->read(v->in->arg, v->window + v->to, WINDOW_BYTES - v->to, &n, e), e, "read");
    v->is_at_end = n == 0;
    v->to += n;
    return RESULT_OK;
}

/* The next line, without its LF. An empty one with *ret_is_end: there is no more. */
static RESULT line_next(struct verifier *v, struct bytes *ret, bool *ret_is_end, struct error *e)
{
    *ret_is_end = false;
    for (size_t searched = 0;;) {
        const uint8_t *at = v->window + v->from;
        size_t have = v->to - v->from;
        const uint8_t *end = have == searched ? NULL : memchr(at + searched, '\n', have - searched);
        if (end != NULL && (size_t)(end - at) < PACKAGE_LINE_MAX) {
            *ret = bytes_of(at, (size_t)(end - at));
            v->from += ret->n + 1;
            return RESULT_OK;
        }
        if (have >= PACKAGE_LINE_MAX) {
            FAIL(e, ERRC_LIMIT, "longer than %u bytes", PACKAGE_LINE_MAX);
        }
        if (v->is_at_end) {
            if (have > 0) {
                FAIL(e, ERRC_FORMAT, "no line feed at its end");
            }
            *ret_is_end = true;
            return RESULT_OK;
        }
        searched = have;
        TRY(window_fill(v, e));
    }
}

/* --- header --- */

static bool key_equal(const struct note_key *a, const struct note_key *b)
{
    return strcmp(a->name, b->name) == 0 &&
           memcmp(a->public_key, b->public_key, sizeof(a->public_key)) == 0;
}

/*= 2.1.7-5 "evidence is checked against keys that the customer holds, not against those it brings
 * along" */
static RESULT key_check(struct verifier *v, struct error *e)
{
    const struct note_key *own = &v->head.log, *named = v->o->log_key;

    if (v->o->policy != NULL) {
        named = policy_log(v->o->policy, bytes_str(own->name));
        if (named == NULL) {
            FAIL(e, ERRC_NOT_FOUND, "vkey: the policy names no log %s", own->name);
        }
    }
    if (named != NULL && !key_equal(named, own)) {
        FAIL(e, ERRC_INTEGRITY, "vkey: not the key you trust for %s", named->name);
    }
    if (v->o->log_key != NULL && !key_equal(v->o->log_key, own)) {
        FAIL(e, ERRC_INTEGRITY, "vkey: not the key you gave");
    }
    v->r->log_key = *own;
    v->r->is_key_trusted = named != NULL;
    return RESULT_OK;
}

static RESULT sealer_check(struct verifier *v, struct error *e)
{
    const struct note_key *sealer = &v->head.sealer;
    const struct note_key *named = v->o->policy == NULL ? NULL : policy_statement(v->o->policy);

    v->r->sealer = *sealer;
    if (key_equal(sealer, &v->head.log)) {
        v->r->is_sealer_trusted = v->r->is_key_trusted;
        return RESULT_OK;
    }
    if (named != NULL && !key_equal(named, sealer)) {
        FAIL(e, ERRC_INTEGRITY, "sealer: not the statement key of the policy");
    }
    v->r->is_sealer_trusted = named != NULL;
    if (named == NULL) {
        package_tell(v->o, v->r, PACKAGE_SEALER, v->r->line, UINT64_MAX,
                     "sealed by a key that you have not named");
    }
    return RESULT_OK;
}

static RESULT trusted_check(struct verifier *v, struct error *e)
{
    if (!v->o->has_trusted || v->tree.size != v->o->trusted_size) {
        return RESULT_OK;
    }
    struct tree_hash root = tree_frontier_root(&v->tree);
    if (!tree_hash_equal(&root, &v->o->trusted_root)) {
        FAIL(e, ERRC_INTEGRITY,
             "the first %" PRIu64 " entries are not those of the checkpoint you trust",
             v->tree.size);
    }
    return RESULT_OK;
}

static RESULT take_header(struct verifier *v, struct bytes line, struct error *e)
{
    if (v->r->line != 1) {
        FAIL(e, ERRC_FORMAT, "type: a second header");
    }
    TRY(package_read_header(line, &v->head, e));
    memcpy(v->r->origin, v->head.log.name, sizeof(v->r->origin));
    v->r->from = v->head.from;
    v->r->size = v->head.size;
    v->r->created_ms = v->head.created_ms;
    TRY(key_check(v, e));
    TRY(sealer_check(v, e));
    v->tree = v->head.frontier;
    v->checkpoint_size = v->head.from;
    if (v->o->has_trusted &&
        (v->o->trusted_size < v->head.from || v->o->trusted_size > v->head.size)) {
        FAIL(e, ERRC_RANGE,
             "from: the checkpoint you trust has size %" PRIu64 ", the package goes from %" PRIu64
             " to %" PRIu64,
             v->o->trusted_size, v->head.from, v->head.size);
    }
    return trusted_check(v, e);
}

/* --- entries --- */

/*= 2.1.5-3 "logs are complete and protected: any change, gap or removal is found" */
static RESULT take_entry(struct verifier *v, struct bytes line, struct error *e)
{
    CLEANUP(json_doc_free_p) struct json_doc *doc = NULL;
    struct package_entry_line en;
    struct entry leaf;

    v->r->index = v->tree.size;
    if (v->tree.size >= v->head.size) {
        FAIL(e, ERRC_FORMAT, "index: past the package's size");
    }
    TRY(package_read_entry(line, v->tree.size, &v->leaf, &en, e));
    TRY(entry_parse(buf_bytes(&v->leaf), &leaf, e));
    if (!en.is_erased) {
        struct tree_hash commitment = entry_commitment(en.salt, en.payload);
        if (!tree_hash_equal(&commitment, &leaf.commitment)) {
            FAIL(e, ERRC_INTEGRITY, "payload: not what the entry commits to");
        }
        TRY(package_payload_check(en.payload, package_story_wants(&leaf), &doc, e));
    }
    TRY(package_story_add(v->story, &leaf, doc, en.is_erased, e));
    struct tree_hash hash = tree_leaf_hash(buf_bytes(&v->leaf));
    TRY(package_line_crc(line, e));
    tree_frontier_add(&v->tree, &hash);
    TRY(trusted_check(v, e));
    if (v->o->entry != NULL) {
        const struct package_entry told = { v->r->index, &leaf, buf_bytes(&v->leaf), en.payload };
        v->o->entry(v->o->arg, &told);
    }
    return RESULT_OK;
}

/* --- checkpoints --- */

static RESULT timestamp_check(struct verifier *v, struct error *e)
{
    uint8_t digest[SHA256_BYTES];
    struct tsa_facts facts;

    if (v->token.n == 0) {
        return RESULT_OK;
    }
    v->r->timestamps++;
    if (v->o->tsa_ca_pem.n == 0) {
        if (!v->has_told_timestamp) {
            package_tell(v->o, v->r, PACKAGE_TIMESTAMP, v->r->line, UINT64_MAX,
                         "time stamps are here, but you named no authority to check them");
        }
        v->has_told_timestamp = true;
        return RESULT_OK;
    }
    sha256(v->parsed->text, digest);
    TRY_MSG(tsa_check_token(buf_bytes(&v->token), digest, v->o->tsa_ca_pem, &facts, e), e,
            "timestamp");
    v->r->timestamps_verified++;
    v->r->timestamp_ms = MAX(v->r->timestamp_ms, facts.time_ms);
    return RESULT_OK;
}

static RESULT checkpoint_root_check(struct verifier *v, const struct checkpoint *c, struct error *e)
{
    struct tree_hash root = tree_frontier_root(&v->tree);

    if (!bytes_equal_str(c->origin, v->head.log.name)) {
        FAIL(e, ERRC_INTEGRITY, "note: a checkpoint of another log");
    }
    if (c->size != v->tree.size) {
        FAIL(e, ERRC_INTEGRITY, "note: a checkpoint of size %" PRIu64 " after %" PRIu64 " entries",
             c->size, v->tree.size);
    }
    if (v->has_checkpoint && c->size <= v->checkpoint_size) {
        FAIL(e, ERRC_FORMAT, "note: a second checkpoint of size %" PRIu64, c->size);
    }
    if (!tree_hash_equal(&root, &c->root)) {
        FAIL(e, ERRC_INTEGRITY,
             "note: the root is not that of the entries: one of %" PRIu64 "..%" PRIu64
             " was changed, or the frontier",
             v->has_checkpoint ? v->checkpoint_size : v->head.from, c->size - 1);
    }
    return RESULT_OK;
}

static RESULT take_checkpoint(struct verifier *v, struct bytes line, struct error *e)
{
    struct checkpoint c;
    uint64_t time_s = 0;

    TRY(package_read_checkpoint(line, &v->note, &v->token, e));
    TRY(note_parse(buf_bytes(&v->note), v->parsed, e));
    TRY(checkpoint_parse(v->parsed->text, &c, e));
    TRY(note_verify(v->parsed, &v->head.log, &time_s, e));
    TRY(checkpoint_root_check(v, &c, e));
    v->r->last = (struct policy_result){ .is_met = v->o->policy == NULL };
    if (v->o->policy != NULL) {
        TRY(policy_cosignatures(v->o->policy, v->parsed, &v->r->last, e));
        v->r->witnessed_size = v->r->last.is_met ? c.size : v->r->witnessed_size;
    }
    TRY(timestamp_check(v, e));
    TRY(package_line_crc(line, e));
    v->has_checkpoint = true;
    v->checkpoint_size = c.size;
    v->r->root = c.root;
    v->r->checkpoints++;
    if (v->o->progress != NULL) {
        v->o->progress(v->o->arg, c.size, v->head.size);
    }
    return RESULT_OK;
}

/* --- trailer --- */

static RESULT quorum_check(const struct verifier *v, struct error *e)
{
    if (!v->has_checkpoint || v->checkpoint_size != v->head.size) {
        FAIL(e, ERRC_FORMAT, "type: a trailer before the checkpoint of size %" PRIu64,
             v->head.size);
    }
    if (!v->r->last.is_met) {
        FAIL(e, ERRC_DENIED,
             "note: %u cosignatures of the last checkpoint do not meet the quorum %s (the newest "
             "that does has size %" PRIu64 ")",
             v->r->last.cosignatures, policy_quorum_name(v->o->policy), v->r->witnessed_size);
    }
    return RESULT_OK;
}

static RESULT take_trailer(struct verifier *v, struct bytes line, struct error *e)
{
    CLEANUP(buf_done_p) struct buf want = BUF(1024);
    uint8_t digest[SHA256_BYTES];
    uint64_t lines = 0, time_s = 0;

    TRY(quorum_check(v, e));
    TRY(package_read_trailer(line, &lines, &v->note, e));
    if (lines != v->r->line - 1) {
        FAIL(e, ERRC_INTEGRITY, "lines: %" PRIu64 ", but %" PRIu64 " stand before it", lines,
             v->r->line - 1);
    }
    (void)hash_final(&v->digest, digest);
    buf_add_str(&want, "troth/package\n");
    package_statement(v->head.log.name, v->head.from, v->head.size, lines, digest, &want);
    TRY(note_parse(buf_bytes(&v->note), v->parsed, e));
    if (!bytes_equal(v->parsed->text, buf_bytes(&want)) || want.n == 0) {
        FAIL(e, ERRC_INTEGRITY, "note: not of the lines before it");
    }
    if (v->parsed->signature_count != 1) {
        FAIL(e, ERRC_FORMAT, "note: not one signature");
    }
    TRY(note_verify(v->parsed, &v->head.sealer, &time_s, e));
    TRY(package_line_crc(line, e));
    v->has_trailer = true;
    return RESULT_OK;
}

/* --- */

static RESULT line_take(struct verifier *v, struct bytes line, struct error *e)
{
    enum package_line_kind kind;

    if (v->has_trailer) {
        FAIL(e, ERRC_FORMAT, "a line after the trailer");
    }
    TRY(package_line_kind(line, &kind, e));
    if (v->r->line == 1 && kind != PACKAGE_HEADER) {
        FAIL(e, ERRC_FORMAT, "type: the first line is no header");
    }
    switch (kind) {
    case PACKAGE_HEADER:
        TRY(take_header(v, line, e));
        TRY(package_line_crc(line, e));
        break;
    case PACKAGE_ENTRY:
        TRY(take_entry(v, line, e));
        break;
    case PACKAGE_CHECKPOINT:
        TRY(take_checkpoint(v, line, e));
        break;
    case PACKAGE_TRAILER:
        return take_trailer(v, line, e);
    }
    hash_update(&v->digest, bytes_of(line.p, line.n + 1)); /* its LF stands behind it */
    return RESULT_OK;
}

static RESULT next_take(struct verifier *v, bool *ret_is_end, struct error *e)
{
    struct bytes line = BYTES_NONE;

    v->r->line++;
    v->r->index = UINT64_MAX;
    TRY(line_next(v, &line, ret_is_end, e));
    if (*ret_is_end) {
        v->r->line--;
        if (!v->has_trailer) {
            FAIL(e, ERRC_FORMAT, "the file ends before its trailer");
        }
        return RESULT_OK;
    }
    v->r->bytes += line.n + 1;
    return line_take(v, line, e);
}

/*= 2.1.7-5 "the whole evidence is checked from one file, offline, by whoever holds it" */
RESULT package_verify(const struct package_input *in, const struct package_options *o,
                      struct package_report *ret, struct error *e)
{
    CLEANUP(verifier_done_p) struct verifier v = { .in = in, .o = o, .r = ret };
    bool is_end = false;

    *ret = (struct package_report){ .index = UINT64_MAX };
    v.window = mem_alloc(WINDOW_BYTES);
    v.leaf = BUF(LEDGER_ENTRY_MAX);
    v.note = BUF(NOTE_MAX);
    v.token = BUF(PACKAGE_TIMESTAMP_MAX);
    v.parsed = mem_alloc(sizeof(*v.parsed));
    v.story = package_story_new(o, ret);
    hash_init(&v.digest, HASH_SHA256);
    while (!is_end) {
        struct result r = next_take(&v, &is_end, e);
        if (result_is_ok(r)) {
            continue;
        }
        if (ret->index != UINT64_MAX) {
            error_prefix(e, "line %" PRIu64 ", entry %" PRIu64, ret->line, ret->index);
        } else {
            error_prefix(e, "line %" PRIu64, ret->line);
        }
        return r;
    }
    ret->lines = ret->line;
    package_story_end(v.story);
    return RESULT_OK;
}
