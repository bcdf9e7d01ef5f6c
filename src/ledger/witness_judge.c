/* The judgement: C2SP tlog-witness add-checkpoint. */
#include "ledger/witness_priv.h"

#include "base/text.h"

#include <inttypes.h>

#define AGAIN_MS 60000 /* the same checkpoint cosigned anew is written down at most this often */

RESULT witness_case_of(struct witness *w, struct bytes note, struct witness_case *ret,
                       struct error *e)
{
    char origin[NOTE_NAME_MAX + 1];
    uint64_t time_s = 0;

    ret->note = note;
    TRY(note_parse(note, &ret->parsed, e));
    TRY(checkpoint_parse(ret->parsed.text, &ret->c, e));
    if (ret->c.origin.n > NOTE_NAME_MAX || memchr(ret->c.origin.p, 0, ret->c.origin.n) != NULL) {
        FAIL(e, ERRC_NOT_FOUND, "no such log");
    }
    memcpy(origin, ret->c.origin.p, ret->c.origin.n);
    origin[ret->c.origin.n] = '\0';
    TRY(witness_log_read(w, origin, &ret->log, e));
    if (!result_is_ok(note_verify(&ret->parsed, &ret->log.key, &time_s, e))) {
        return error_set(e, ERRC_DENIED, "%s: no signature of the log that verifies", origin);
    }
    return RESULT_OK;
}

static RESULT alarm_of(struct witness *w, const struct witness_case *k,
                       const struct witness_state *s, enum alarm_kind kind,
                       const struct tree_hash *prefix_root, struct error *e)
{
    CLEANUP(mem_free_p) struct alarm *a = mem_zalloc(sizeof(*a));
    char path[WITNESS_PATH_MAX];

    a->kind = kind;
    a->known = buf_bytes(&s->note);
    a->shown = k->note;
    if (prefix_root != NULL) {
        a->has_prefix = true;
        a->prefix_root = *prefix_root;
        a->proof = k->proof;
    }
    return witness_alarm(w, &k->log.key, a, path, e);
}

/* Does it continue what was cosigned? Sets the status; evidence is kept where it does not. */
static RESULT continues(struct witness *w, const struct witness_case *k,
                        const struct witness_state *s, unsigned *ret_status, struct error *e)
{
    struct tree_hash prefix;

    *ret_status = 422;
    if (k->old_size == 0) {
        struct tree_hash empty = tree_empty_root();
        bool is_fine = k->proof.n == 0 && (k->c.size != 0 || tree_hash_equal(&k->c.root, &empty));
        *ret_status = is_fine ? 200 : 422;
        return RESULT_OK;
    }
    if (result_is_ok(tree_consistency_verify(k->old_size, &s->last.root, k->c.size, &k->c.root,
                                             k->proof.hashes, k->proof.n, e))) {
        *ret_status = 200;
        return RESULT_OK;
    }
    if (alarm_prefix(k->old_size, k->c.size, &k->c.root, &k->proof, &prefix) &&
        !tree_hash_equal(&prefix, &s->last.root)) {
        return alarm_of(w, k, s, ALARM_FORK, &prefix, e);
    }
    return alarm_of(w, k, s, ALARM_UNPROVED, NULL, e);
}

/* The log's line and ours; ours goes to `line`. */
static RESULT cosign(struct witness *w, const struct witness_case *k, int64_t now_ms,
                     struct buf *line, struct buf *note, struct error *e)
{
    CLEANUP(buf_done_p) struct buf message = BUF(NOTE_MAX + 64);
    uint64_t time_s = (uint64_t)now_ms / 1000;
    uint8_t sig[SIGN_MAX];
    size_t n = 0;

    TRY_MSG(note_message(NOTE_COSIGNATURE_V1, k->parsed.text, time_s, &message), e, "cosign");
    TRY_MSG(sign_bytes(w->sk, buf_bytes(&message), sig, &n), e, "cosign");
    note_add_signature(line, &w->key, time_s, sig);
    buf_add(note, k->parsed.text);
    buf_add_u8(note, '\n');
    for (size_t i = 0; i < k->parsed.signature_count; i++) {
        const struct note_signature *s = &k->parsed.signatures[i];
        if (bytes_equal_str(s->name, k->log.key.name) &&
            memcmp(s->id, k->log.key.id, sizeof(s->id)) == 0) {
            buf_add(note, s->line);
        }
    }
    buf_add(note, buf_bytes(line));
    TRY_MSG(buf_result(note), e, "cosign");
    return RESULT_OK;
}

static RESULT judge_locked(struct witness *w, const struct witness_case *k,
                           const struct witness_state *s, struct witness_verdict *ret,
                           struct error *e)
{
    int64_t now_ms = clock_wall_ms(w->clock);

    ret->size = s->last.size;
    if (s->note.n > 0 && k->c.size == s->last.size && !tree_hash_equal(&k->c.root, &s->last.root)) {
        ret->status = 409;
        return alarm_of(w, k, s, ALARM_FORK, NULL, e);
    }
    if (k->old_size > k->c.size) {
        ret->status = 400;
        return RESULT_OK;
    }
    if (k->old_size != s->last.size) {
        ret->status = 409;
        return RESULT_OK;
    }
    TRY(continues(w, k, s, &ret->status, e));
    if (ret->status != 200) {
        return RESULT_OK;
    }
    CLEANUP(buf_done_p) struct buf note = BUF(NOTE_MAX);
    TRY(cosign(w, k, now_ms, &ret->line, &note, e));
    if (s->note.n == 0 || k->c.size != s->last.size || now_ms - s->cosigned_ms > AGAIN_MS) {
        TRY(witness_state_write(w, k->log.key.name, s, buf_bytes(&note), now_ms, e));
    }
    return RESULT_OK;
}

/*= 2.1.5-3 "a second history is refused by those who saw the first" */
RESULT witness_judge(struct witness *w, const struct witness_case *k, struct witness_verdict *ret,
                     struct error *e)
{
    CLEANUP(fs_close_p) struct fs_file *lock = NULL;
    CLEANUP(witness_state_done_p) struct witness_state s = { .archive_bytes = 0 };
    struct witness_verdict v = { .line = BUF(2048) };

    TRY(witness_lock(w, k->log.key.name, &lock, e));
    TRY(witness_state_read(w, &k->log.key, &s, e));
    struct result r = judge_locked(w, k, &s, &v, e);
    if (!result_is_ok(r) || v.status != 200) {
        buf_done(&v.line); /* what is not written down is not given out */
    }
    TRY(r);
    *ret = v;
    return RESULT_OK;
}

/* --- the request --- */

static RESULT line_take(struct bytes *in, struct bytes *ret, struct error *e)
{
    if (!bytes_split(in, '\n', ret)) {
        FAIL(e, ERRC_FORMAT, "a line without its line feed");
    }
    return RESULT_OK;
}

/* "old <size>", hashes, an empty line; the rest is the note. */
static RESULT request_take(struct bytes *in, struct witness_case *k, struct error *e)
{
    struct bytes line;

    TRY(line_take(in, &line, e));
    struct bytes size = bytes_slice(line, 4, line.n);
    if (!bytes_has_prefix(line, BYTES_LIT("old ")) ||
        !result_is_ok(num_u64(size, 0, INT64_MAX, &k->old_size)) ||
        (size.n > 1 && size.p[0] == '0')) {
        FAIL(e, ERRC_FORMAT, "the first line is not `old` and a size");
    }
    for (k->proof.n = 0;; k->proof.n++) {
        CLEANUP(buf_done_p) struct buf raw = BUF(TREE_HASH_BYTES);
        TRY(line_take(in, &line, e));
        if (line.n == 0) {
            return RESULT_OK;
        }
        if (k->proof.n == 63 || !result_is_ok(base64_decode(line, &raw)) ||
            raw.n != TREE_HASH_BYTES) {
            FAIL(e, ERRC_FORMAT,
                 "a proof line is not base64 of 32 bytes, or there are more than 63");
        }
        memcpy(k->proof.hashes[k->proof.n].b, raw.p, raw.n);
    }
}

static void answer(unsigned status, const char *text, unsigned *ret_status, const char **ret_type,
                   struct buf *out)
{
    *ret_status = status;
    *ret_type = "text/plain; charset=utf-8";
    buf_addf(out, "%s\n", text);
}

RESULT witness_add_checkpoint(struct witness *w, struct bytes body, unsigned *ret_status,
                              const char **ret_type, struct buf *out, struct error *e)
{
    CLEANUP(mem_free_p) struct witness_case *k = mem_zalloc(sizeof(*k));
    struct witness_verdict v = { .status = 0 };
    struct bytes rest = body;
    struct error said = { .code = ERRC_OK };

    struct result r = request_take(&rest, k, &said);
    if (result_is_ok(r)) {
        r = witness_case_of(w, rest, k, &said);
    }
    switch (r.code) {
    case ERRC_OK:
        break;
    case ERRC_NOT_FOUND:
        answer(404, "this log is not followed here", ret_status, ret_type, out);
        return RESULT_OK;
    case ERRC_DENIED:
        answer(403, said.msg, ret_status, ret_type, out);
        return RESULT_OK;
    case ERRC_FORMAT:
    case ERRC_LIMIT:
        answer(400, said.msg, ret_status, ret_type, out);
        return RESULT_OK;
    default:
        if (e != NULL) {
            *e = said;
        }
        return r;
    }
    TRY(witness_judge(w, k, &v, e));
    *ret_status = v.status;
    *ret_type = "text/plain; charset=utf-8";
    switch (v.status) {
    case 200:
        buf_add(out, buf_bytes(&v.line));
        break;
    case 409:
        *ret_type = "text/x.tlog.size";
        buf_addf(out, "%" PRIu64 "\n", v.size);
        break;
    case 400:
        buf_add_str(out, "the old size is greater than the checkpoint's\n");
        break;
    default:
        buf_add_str(out, "the consistency proof does not verify\n");
    }
    buf_done(&v.line);
    return buf_result(out);
}
