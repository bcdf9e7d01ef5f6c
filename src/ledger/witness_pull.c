/*
 * Pulling: the witness fetches what the log publishes. First the tiles prove that the new tree
 * continues the known one; then the entries between are copied and hashed until they give the new
 * root; only then it is cosigned.
 *
 * `copy/head` says how far the copy goes: one line of JSON {"copied","frontier","sum","whole"}:
 * frontier of the `whole` first entries, a multiple of 256. Bundles before it were checked against
 * a signed root; others may be there, unchecked, and are fetched again.
 */
#include "base/log.h"
#include "ledger/witness_priv.h"

#include "base/log.h"
#include "base/text.h"
#include "crypto/hash.h"
#include "ledger/tile_source.h"
#include "net/client.h"

#include <inttypes.h>

#define HEAD_MAX     16384u
#define SAVE_BUNDLES 64u /* bundles between two savings of `head` */
#define FETCH_MS     30000

struct pull {
    struct witness *w;
    const struct witness_remote *remote;
    const char *origin;
    struct witness_case *k;
    struct witness_copy copy;
    struct tile_source tiles;
};

/* --- head of the copy --- */

static void head_sum(const struct witness_copy *c, char ret[65])
{
    CLEANUP(buf_done_p) struct buf raw = BUF(HEAD_MAX);
    uint8_t digest[SHA256_BYTES];

    buf_add_be64(&raw, c->copied);
    buf_add_be64(&raw, c->whole.size);
    for (unsigned i = 0; i < 64; i++) {
        if ((c->whole.size >> i & 1) != 0) {
            buf_add(&raw, BYTES_OF(c->whole.nodes[i].b));
        }
    }
    sha256(buf_bytes(&raw), digest);
    hex_encode(BYTES_OF(digest), ret);
}

static RESULT copy_write(struct witness *w, const char *origin, const struct witness_copy *c,
                         struct error *e)
{
    CLEANUP(buf_done_p) struct buf out = BUF(HEAD_MAX);
    char path[WITNESS_PATH_MAX], sum[65];
    struct jsonw j;

    head_sum(c, sum);
    jsonw_init(&j, &out);
    jsonw_object(&j);
    jsonw_kv_u64(&j, "copied", c->copied);
    jsonw_key(&j, "frontier");
    jsonw_array(&j);
    for (unsigned i = 0; i < 64; i++) {
        if ((c->whole.size >> i & 1) != 0) {
            jsonw_base64(&j, BYTES_OF(c->whole.nodes[i].b));
        }
    }
    jsonw_array_end(&j);
    jsonw_kv_cstr(&j, "sum", sum);
    jsonw_kv_u64(&j, "whole", c->whole.size);
    jsonw_object_end(&j);
    buf_add_u8(&out, '\n');
    TRY_MSG(buf_result(&out), e, "copy");
    witness_path(origin, "copy/head", path);
    return fs_write_file(w->fs, path, buf_bytes(&out), e);
}

static RESULT copy_take(struct json root, struct witness_copy *ret, struct error *e)
{
    struct json_iter it = { 0 };
    struct json array, item;
    struct bytes sum;
    char want[65];

    TRY(json_get_u64(root, "copied", INT64_MAX, &ret->copied, e));
    TRY(json_get_u64(root, "whole", INT64_MAX, &ret->whole.size, e));
    TRY(json_get_str(root, "sum", &sum, e));
    TRY(json_get(root, "frontier", &array, e));
    for (unsigned i = 0; i < 64; i++) {
        CLEANUP(buf_done_p) struct buf raw = BUF(TREE_HASH_BYTES);
        struct bytes text;
        if ((ret->whole.size >> i & 1) == 0) {
            continue;
        }
        if (!json_next(array, &it, &item) || !result_is_ok(json_str(item, &text)) ||
            !result_is_ok(base64_decode(text, &raw)) || raw.n != TREE_HASH_BYTES) {
            FAIL(e, ERRC_FORMAT, "frontier");
        }
        memcpy(ret->whole.nodes[i].b, raw.p, raw.n);
    }
    head_sum(ret, want);
    if (!bytes_equal_str(sum, want) || ret->whole.size % TILE_WIDTH != 0) {
        FAIL(e, ERRC_INTEGRITY, "sum");
    }
    return RESULT_OK;
}

RESULT witness_copy_read(struct witness *w, const char *origin, struct witness_copy *ret,
                         struct error *e)
{
    CLEANUP(buf_done_p) struct buf text = BUF(HEAD_MAX);
    CLEANUP(json_doc_free_p) struct json_doc *doc = NULL;
    char path[WITNESS_PATH_MAX];

    *ret = (struct witness_copy){ .copied = 0 };
    witness_path(origin, "copy/head", path);
    struct result r = fs_read_file(w->fs, path, HEAD_MAX, &text, e);
    if (r.code == ERRC_NOT_FOUND) {
        return RESULT_OK; /* nothing was copied yet */
    }
    TRY(r);
    if (!result_is_ok(json_parse(buf_bytes(&text), HEAD_MAX, &doc, e)) ||
        !result_is_ok(copy_take(json_root(doc), ret, e))) {
        FAIL(e, ERRC_INTEGRITY, "%s: damaged: remove it to copy the log anew", path);
    }
    return RESULT_OK;
}

/* --- bundles --- */

/* Makes the folders of a path below the log's copy. */
static RESULT folders_make(struct witness *w, const char *path, struct error *e)
{
    char part[WITNESS_PATH_MAX];

    for (const char *at = strchr(path, '/'); at != NULL; at = strchr(at + 1, '/')) {
        (void)snprintf(part, sizeof(part), "%.*s", (int)(at - path), path);
        TRY(fs_mkdir(w->fs, part, e));
    }
    return RESULT_OK;
}

static RESULT bundle_keep(struct pull *p, uint64_t index, unsigned width, struct bytes content,
                          struct error *e)
{
    char tile[TILE_PATH_MAX], file[TILE_PATH_MAX + 8], path[WITNESS_PATH_MAX];

    tile_path_write(-1, index, width, tile);
    (void)snprintf(file, sizeof(file), "copy/%s", tile);
    witness_path(p->origin, file, path);
    TRY(folders_make(p->w, path, e));
    return fs_write_file(p->w->fs, path, content, e);
}

/* The last partial bundle is superseded by a wider one. Best effort: a left-over does no harm. */
static void bundle_forget(struct pull *p, uint64_t index, unsigned width)
{
    char tile[TILE_PATH_MAX], file[TILE_PATH_MAX + 8], path[WITNESS_PATH_MAX];

    tile_path_write(-1, index, width, tile);
    (void)snprintf(file, sizeof(file), "copy/%s", tile);
    witness_path(p->origin, file, path);
    result_ignore(fs_unlink(p->w->fs, path, NULL));
}

static RESULT bundle_fetch(struct pull *p, uint64_t index, unsigned width, struct buf *out,
                           struct error *e)
{
    char path[TILE_PATH_MAX];

    tile_path_write(-1, index, width, path);
    struct result r = p->remote->fetch(p->remote->arg, path, out, e);
    if (r.code == ERRC_NOT_FOUND && width < TILE_WIDTH) { /* it grew meanwhile */
        buf_reset(out);
        tile_path_write(-1, index, TILE_WIDTH, path);
        r = p->remote->fetch(p->remote->arg, path, out, e);
    }
    return r;
}

/* Hashes the first `width` entries; *ret_n: their bytes. */
static RESULT bundle_hash(struct bytes content, unsigned width, struct tree_frontier *f,
                          size_t *ret_n, struct error *e)
{
    struct bytes rest = content, entry;

    for (unsigned i = 0; i < width; i++) {
        TRY(tile_bundle_next(&rest, &entry, e));
        struct tree_hash h = tree_leaf_hash(entry);
        tree_frontier_add(f, &h);
    }
    *ret_n = content.n - rest.n;
    return RESULT_OK;
}

/* Full bundles so far are those of the signed tree: then the copy counts up to here. */
static RESULT copy_save(struct pull *p, const struct tree_frontier *f, struct error *e)
{
    CLEANUP(mem_free_p) struct tree_proof *proof = mem_alloc(sizeof(*proof));
    struct tree_hash root = tree_frontier_root(f);

    TRY(tree_consistency_prove(&p->tiles.base, f->size, p->k->c.size, proof, e));
    TRY(tree_consistency_verify(f->size, &root, p->k->c.size, &p->k->c.root, proof->hashes,
                                proof->n, e));
    p->copy.whole = *f;
    p->copy.copied = MAX(p->copy.copied, f->size);
    return copy_write(p->w, p->origin, &p->copy, e);
}

/*= 2.1.5-3 "a copy of the log stands off-host, on the customer's side" */
static RESULT copy_entries(struct pull *p, struct error *e)
{
    CLEANUP(buf_done_p) struct buf content = BUF(TILE_BUNDLE_MAX);
    struct tree_frontier f = p->copy.whole;
    uint64_t size = p->k->c.size, had = p->copy.copied;
    struct tree_frontier whole = f;

    for (unsigned since = 0; f.size < size;) {
        uint64_t index = f.size / TILE_WIDTH;
        unsigned width = (unsigned)MIN(size - f.size, (uint64_t)TILE_WIDTH);
        size_t n = 0;
        buf_reset(&content);
        TRY_MSG(bundle_fetch(p, index, width, &content, e), e, "entries %" PRIu64, f.size);
        TRY_MSG(bundle_hash(buf_bytes(&content), width, &f, &n, e), e, "entries");
        TRY(bundle_keep(p, index, width, bytes_of(content.p, n), e));
        if (width == TILE_WIDTH) {
            whole = f;
            if (++since == SAVE_BUNDLES && f.size < size) {
                TRY_MSG(copy_save(p, &f, e), e, "entries before %" PRIu64, f.size);
                since = 0;
            }
        }
    }
    struct tree_hash root = tree_frontier_root(&f);
    if (!tree_hash_equal(&root, &p->k->c.root)) {
        FAIL(e, ERRC_INTEGRITY, "the entries served are not those of the checkpoint");
    }
    if (had % TILE_WIDTH != 0 && had < size) {
        bundle_forget(p, had / TILE_WIDTH, (unsigned)(had % TILE_WIDTH));
    }
    p->copy = (struct witness_copy){ .copied = size, .whole = whole };
    return copy_write(p->w, p->origin, &p->copy, e);
}

/* --- the pull --- */

static RESULT raise(struct pull *p, enum alarm_kind kind, struct bytes known,
                    const struct tree_hash *prefix, const struct tree_proof *proof,
                    const char *what, struct error *e)
{
    CLEANUP(mem_free_p) struct alarm *a = mem_zalloc(sizeof(*a));
    char path[WITNESS_PATH_MAX];

    a->kind = kind;
    a->known = known.n == 0 ? p->k->note : known;
    a->shown = p->k->note;
    if (prefix != NULL) {
        a->has_prefix = true;
        a->prefix_root = *prefix;
        a->proof = *proof;
    }
    TRY(witness_alarm(p->w, &p->k->log.key, a, path, e));
    FAIL(e, ERRC_INTEGRITY, "%s: %s (%s): evidence in %s", p->origin, what, alarm_kind_name(kind),
         path);
}

/* By the log's own tiles: does the tree of its checkpoint continue the one that was cosigned? */
static RESULT continuity_check(struct pull *p, const struct witness_state *s, struct error *e)
{
    struct tree_hash prefix, whole;
    struct tree_proof *proof = &p->k->proof;

    proof->n = 0;
    if (s->last.size == 0) {
        return RESULT_OK;
    }
    TRY(tree_consistency_prove(&p->tiles.base, s->last.size, p->k->c.size, proof, e));
    if (result_is_ok(tree_consistency_verify(s->last.size, &s->last.root, p->k->c.size,
                                             &p->k->c.root, proof->hashes, proof->n, e))) {
        return RESULT_OK;
    }
    TRY(tree_root(&p->tiles.base, s->last.size, &prefix, e));
    TRY(tree_root(&p->tiles.base, p->k->c.size, &whole, e));
    bool is_shown =
            tree_hash_equal(&whole, &p->k->c.root) && !tree_hash_equal(&prefix, &s->last.root) &&
            result_is_ok(tree_consistency_verify(s->last.size, &prefix, p->k->c.size, &p->k->c.root,
                                                 proof->hashes, proof->n, e));
    return is_shown ? raise(p, ALARM_FORK, buf_bytes(&s->note), &prefix, proof,
                            "the log was forked: its tree has another past", e)
                    : raise(p, ALARM_UNPROVED, buf_bytes(&s->note), NULL, NULL,
                            "the tiles are not those of the checkpoint", e);
}

static RESULT sizes_check(struct pull *p, const struct witness_state *s, struct error *e)
{
    struct bytes known = buf_bytes(&s->note);

    if (p->k->c.size < s->last.size) {
        return raise(p, ALARM_ROLLBACK, known, NULL, NULL,
                     "the log went back to an older checkpoint", e);
    }
    if (known.n > 0 && p->k->c.size == s->last.size &&
        !tree_hash_equal(&p->k->c.root, &s->last.root)) {
        return raise(p, ALARM_FORK, known, NULL, NULL, "the log was forked: two roots for one size",
                     e);
    }
    return RESULT_OK;
}

static bool is_cosigned(const struct pull *p)
{
    for (size_t i = 0; i < p->k->parsed.signature_count; i++) {
        const struct note_signature *s = &p->k->parsed.signatures[i];
        if (bytes_equal_str(s->name, p->w->key.name) &&
            memcmp(s->id, p->w->key.id, sizeof(s->id)) == 0) {
            return true;
        }
    }
    return false;
}

static RESULT cosign_and_deliver(struct pull *p, uint64_t old_size, struct error *e)
{
    struct witness_verdict v = { .status = 0 };
    CLEANUP(buf_done_p) struct buf body = BUF(4096);

    p->k->old_size = old_size;
    TRY(witness_judge(p->w, p->k, &v, e));
    if (v.status != 200) {
        FAIL(e, ERRC_CONFLICT, "%s: another process cosigned meanwhile", p->origin);
    }
    buf_addf(&body, "%" PRIu64 "\n", p->k->c.size);
    buf_add(&body, buf_bytes(&v.line));
    buf_done(&v.line);
    TRY_MSG(buf_result(&body), e, "cosignature");
    if (p->remote->deliver == NULL) {
        return RESULT_OK;
    }
    struct result r = p->remote->deliver(p->remote->arg, buf_bytes(&body), e);
    if (r.code == ERRC_DENIED) { /* the customer may watch without being asked to */
        log_info("pull: %s does not take the cosignature: %s", p->origin, e == NULL ? "" : e->msg);
        return RESULT_OK;
    }
    if (!result_is_ok(r)) {
        error_prefix(e, "deliver the cosignature");
    }
    return r;
}

static RESULT pull_with(struct pull *p, const struct witness_state *s,
                        enum witness_pull_result *ret, struct error *e)
{
    TRY(sizes_check(p, s, e));
    *ret = p->k->c.size == s->last.size ? WITNESS_UNCHANGED : WITNESS_ADVANCED;
    if (p->k->c.size == 0 ||
        (*ret == WITNESS_UNCHANGED && p->copy.copied >= p->k->c.size && is_cosigned(p))) {
        return RESULT_OK;
    }
    TRY(continuity_check(p, s, e));
    if (p->copy.copied < p->k->c.size) {
        struct result r = copy_entries(p, e);
        if (r.code == ERRC_INTEGRITY) {
            return raise(p, ALARM_UNPROVED, buf_bytes(&s->note), NULL, NULL,
                         "the entries served are not those of the checkpoint", e);
        }
        TRY(r);
    }
    return cosign_and_deliver(p, s->last.size, e);
}

RESULT witness_pull(struct witness *w, const char *origin, const struct witness_remote *remote,
                    enum witness_pull_result *ret, uint64_t *ret_size, struct error *e)
{
    CLEANUP(witness_state_done_p) struct witness_state s = { .archive_bytes = 0 };
    CLEANUP(mem_free_p) struct witness_case *k = mem_zalloc(sizeof(*k));
    CLEANUP(buf_done_p) struct buf note = BUF(NOTE_MAX);
    struct pull p = { .w = w, .remote = remote, .origin = origin, .k = k };
    struct witness_log log;

    TRY(witness_log_read(w, origin, &log, e));
    TRY_MSG(remote->fetch(remote->arg, "checkpoint", &note, e), e, "%s", origin);
    TRY_MSG(witness_case_of(w, buf_bytes(&note), k, e), e, "%s", origin);
    if (!bytes_equal_str(k->c.origin, origin)) {
        FAIL(e, ERRC_INTEGRITY, "%s: serves the checkpoint of another log", origin);
    }
    TRY(witness_state_read(w, &log.key, &s, e));
    TRY(witness_copy_read(w, origin, &p.copy, e));
    tile_source_init(&p.tiles, k->c.size, remote->fetch, remote->arg);
    struct result r = pull_with(&p, &s, ret, e);
    tile_source_done(&p.tiles);
    *ret_size = k->c.size;
    return r;
}

/* --- over HTTPS --- */

static struct result http_fetch(void *arg, const char *path, struct buf *out, struct error *e)
{
    const struct witness_log *log = arg;
    CLEANUP(mem_free_p) char *url = mem_printf("%s/%s", log->url, path);
    unsigned status = 0;
    const struct http_call call = { .method = "GET",
                                    .url = url,
                                    .ca_file = log->ca[0] == '\0' ? NULL : log->ca,
                                    .timeout_ms = FETCH_MS };

    TRY(http_client_call(&call, &status, out, e));
    if (status == 404) {
        FAIL(e, ERRC_NOT_FOUND, "%s: not there", url);
    }
    if (status != 200) {
        FAIL(e, status == 503 ? ERRC_AGAIN : ERRC_IO, "%s: answers %u", url, status);
    }
    return RESULT_OK;
}

static struct result http_deliver(void *arg, struct bytes body, struct error *e)
{
    const struct witness_log *log = arg;
    static const char *const headers[] = { "Content-Type: text/plain; charset=utf-8", NULL };
    CLEANUP(mem_free_p) char *url = mem_printf("%s/cosignature", log->url);
    CLEANUP(buf_done_p) struct buf answer = BUF(16384);
    unsigned status = 0;
    const struct http_call call = { .method = "POST",
                                    .url = url,
                                    .ca_file = log->ca[0] == '\0' ? NULL : log->ca,
                                    .headers = headers,
                                    .body = body,
                                    .timeout_ms = FETCH_MS };

    TRY(http_client_call(&call, &status, &answer, e));
    if (status == 403 || status == 404) {
        /* A witness needs nobody's leave: what it saw is checked and kept all the same. */
        log_warn("%s: the log does not take this witness's cosignatures (%u)", url, status);
        return RESULT_OK;
    }
    if (status / 100 != 2) {
        FAIL(e, status >= 500 ? ERRC_AGAIN : ERRC_DENIED, "%s: answers %u", url, status);
    }
    return RESULT_OK;
}

RESULT witness_pull_http(struct witness *w, const struct witness_log *log,
                         enum witness_pull_result *ret, uint64_t *ret_size, struct error *e)
{
    struct witness_log own = *log;
    const struct witness_remote remote = { .fetch = http_fetch,
                                           .deliver = http_deliver,
                                           .arg = &own };

    if (log->url[0] == '\0') {
        FAIL(e, ERRC_CONFLICT, "%s: no address to pull from: it submits", log->key.name);
    }
    return witness_pull(w, log->key.name, &remote, ret, ret_size, e);
}
