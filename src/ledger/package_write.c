/* Writing packages. What is written is checked on the way, so that no package leaves that its
 * reader would refuse. */
#include "ledger/package_priv.h"

#include "base/clock.h"
#include "base/text.h"
#include "crypto/crc.h"
#include "crypto/hash.h"

#include <inttypes.h>

#define SINK_BYTES   (64u * 1024)
#define ENTRIES_ONCE 256u

struct writer {
    const struct package_writer *w;
    struct note_key log;
    struct tree_frontier tree;
    struct hash digest;
    uint64_t lines;
    struct buf line, out, note, token;
    struct note *parsed;
    struct checkpoint next; /* that stands in note */
    uint64_t least;         /* entries up to here are wanted by the running call */
};

static void writer_done(struct writer *x)
{
    hash_done(&x->digest);
    buf_done(&x->line);
    buf_done(&x->out);
    buf_done(&x->note);
    buf_done(&x->token);
    mem_free(x->parsed);
}
DEFINE_CLEANUP_DONE(writer_done, struct writer)

static RESULT out_flush(struct writer *x, struct error *e)
{
    for (struct bytes rest = buf_bytes(&x->out); rest.n > 0;) {
        struct bytes part = bytes_slice(rest, 0, SINK_BYTES);
        TRY(x->w->sink(x->w->arg, part, e));
        rest = bytes_slice(rest, part.n, rest.n);
    }
    buf_reset(&x->out);
    return RESULT_OK;
}

static void line_begin(struct writer *x, struct jsonw *w)
{
    buf_reset(&x->line);
    jsonw_init(w, &x->line);
    jsonw_object(w);
    jsonw_kv_cstr(w, "crc", "00000000");
}

/* Closes the object, puts the CRC in its place, hands the line on. */
static RESULT line_end(struct writer *x, struct jsonw *w, bool is_trailer, struct error *e)
{
    uint8_t raw[4];
    char hex[9];

    jsonw_object_end(w);
    TRY_MSG(buf_result(&x->line), e, "a line of the package");
    put_be32(raw,
             crc32c_update(0, bytes_slice(buf_bytes(&x->line), PACKAGE_HEAD_BYTES, x->line.n)));
    hex_encode(BYTES_OF(raw), hex);
    memcpy(x->line.p + PACKAGE_CRC_AT, hex, 8);
    buf_add_u8(&x->line, '\n');
    TRY_MSG(buf_result(&x->line), e, "a line of the package");
    if (!is_trailer) {
        hash_update(&x->digest, buf_bytes(&x->line));
        x->lines++;
    }
    buf_add(&x->out, buf_bytes(&x->line));
    TRY_MSG(buf_result(&x->out), e, "package");
    return x->out.n >= SINK_BYTES || is_trailer ? out_flush(x, e) : RESULT_OK;
}

static RESULT header_write(struct writer *x, struct error *e)
{
    const struct package_writer *w = x->w;
    char created[TIME_TEXT_MAX];
    struct jsonw j;

    line_begin(x, &j);
    jsonw_kv_cstr(&j, "created", time_rfc3339(w->created_ms, created));
    jsonw_kv_u64(&j, "from", w->from);
    jsonw_key(&j, "frontier");
    jsonw_array(&j);
    for (unsigned level = 64; level-- > 0;) {
        if ((w->from >> level & 1) != 0) {
            jsonw_base64(&j, BYTES_OF(w->frontier.nodes[level].b));
        }
    }
    jsonw_array_end(&j);
    jsonw_kv_cstr(&j, "origin", w->origin);
    jsonw_kv_str(&j, "sealer", w->sealer);
    jsonw_kv_u64(&j, "size", w->size);
    jsonw_kv_cstr(&j, "type", "troth/package/v1");
    jsonw_kv_str(&j, "vkey", w->vkey);
    return line_end(x, &j, false, e);
}

static struct result entry_write(void *arg, const struct ledger_record *r, struct error *e)
{
    struct writer *x = arg;
    struct entry en;
    struct jsonw j;

    if (r->index != x->tree.size || r->index >= x->least) {
        FAIL(e, ERRC_INTEGRITY, "entry %" PRIu64 " came where %" PRIu64 " follows", r->index,
             x->tree.size);
    }
    TRY_MSG(entry_parse(r->leaf, &en, e), e, "entry %" PRIu64, r->index);
    line_begin(x, &j);
    jsonw_kv_str(&j, "entry", r->leaf);
    if (r->is_erased) {
        jsonw_kv_bool(&j, "erased", true);
    }
    jsonw_kv_u64(&j, "index", r->index);
    if (!r->is_erased) {
        struct tree_hash commitment = entry_commitment(r->salt, r->payload);
        if (!tree_hash_equal(&commitment, &en.commitment)) {
            FAIL(e, ERRC_INTEGRITY, "entry %" PRIu64 ": the payload is not what it commits to",
                 r->index);
        }
        jsonw_key(&j, "payload");
        jsonw_raw(&j, r->payload);
        jsonw_kv_base64(&j, "salt", bytes_of(r->salt, LEDGER_SALT_BYTES));
    }
    jsonw_kv_cstr(&j, "type", "entry");
    struct tree_hash leaf = tree_leaf_hash(r->leaf);
    tree_frontier_add(&x->tree, &leaf);
    return line_end(x, &j, false, e);
}

/* Entries up to `size`. */
static RESULT entries_write(struct writer *x, uint64_t size, struct error *e)
{
    x->least = size;
    while (x->tree.size < size) {
        uint64_t before = x->tree.size, n = MIN(size - before, (uint64_t)ENTRIES_ONCE);
        TRY(x->w->entries(x->w->arg, before, n, entry_write, x, e));
        if (x->tree.size == before) {
            FAIL(e, ERRC_INTEGRITY, "entry %" PRIu64 " is not there", before);
        }
    }
    return RESULT_OK;
}

/* Fetches the checkpoint that comes next into x->note, x->next. */
static RESULT checkpoint_fetch(struct writer *x, uint64_t least, struct error *e)
{
    uint64_t time_s = 0;

    buf_reset(&x->note);
    buf_reset(&x->token);
    TRY_MSG(x->w->checkpoint(x->w->arg, least, &x->note, &x->token, e), e, "checkpoint");
    TRY(note_parse(buf_bytes(&x->note), x->parsed, e));
    TRY(note_verify(x->parsed, &x->log, &time_s, e));
    TRY(checkpoint_parse(x->parsed->text, &x->next, e));
    if (x->next.size < least || x->next.size > x->w->size) {
        FAIL(e, ERRC_INTEGRITY,
             "no checkpoint of size %" PRIu64 ": after %" PRIu64 " comes %" PRIu64, x->w->size,
             least, x->next.size);
    }
    return RESULT_OK;
}

static RESULT checkpoint_write(struct writer *x, struct error *e)
{
    struct tree_hash root = tree_frontier_root(&x->tree);
    struct jsonw j;

    if (!tree_hash_equal(&root, &x->next.root)) {
        FAIL(e, ERRC_INTEGRITY, "the checkpoint of size %" PRIu64 " is not of these entries",
             x->next.size);
    }
    line_begin(x, &j);
    jsonw_kv_str(&j, "note", buf_bytes(&x->note));
    if (x->token.n > 0) {
        jsonw_kv_base64(&j, "timestamp", buf_bytes(&x->token));
    }
    jsonw_kv_cstr(&j, "type", "checkpoint");
    return line_end(x, &j, false, e);
}

static RESULT trailer_write(struct writer *x, struct error *e)
{
    CLEANUP(buf_done_p) struct buf text = BUF(1024);
    uint8_t digest[SHA256_BYTES];
    struct jsonw j;

    (void)hash_final(&x->digest, digest);
    package_statement(x->w->origin, x->w->from, x->w->size, x->lines, digest, &text);
    TRY_MSG(buf_result(&text), e, "trailer");
    buf_reset(&x->note);
    TRY_MSG(x->w->sign(x->w->arg, buf_bytes(&text), &x->note, e), e, "trailer");
    line_begin(x, &j);
    jsonw_kv_u64(&j, "lines", x->lines);
    jsonw_kv_str(&j, "note", buf_bytes(&x->note));
    jsonw_kv_cstr(&j, "type", "trailer");
    return line_end(x, &j, true, e);
}

RESULT package_write(const struct package_writer *w, struct error *e)
{
    CLEANUP(writer_done_p) struct writer x = { .w = w, .tree = w->frontier };

    if (w->from >= w->size || w->frontier.size != w->from) {
        FAIL(e, ERRC_RANGE, "no entries from %" PRIu64 " to %" PRIu64, w->from, w->size);
    }
    x.line = BUF(PACKAGE_LINE_MAX);
    x.out = BUF(SINK_BYTES + PACKAGE_LINE_MAX);
    x.note = BUF(NOTE_MAX);
    x.token = BUF(PACKAGE_TIMESTAMP_MAX);
    x.parsed = mem_alloc(sizeof(*x.parsed));
    hash_init(&x.digest, HASH_SHA256);
    TRY_MSG(note_key_parse(w->vkey, &x.log, e), e, "the log's key");
    TRY(header_write(&x, e));
    for (uint64_t least = MAX(w->from, (uint64_t)1); least <= w->size; least = x.next.size + 1) {
        TRY(checkpoint_fetch(&x, least, e));
        TRY(entries_write(&x, x.next.size, e));
        TRY(checkpoint_write(&x, e));
    }
    return trailer_write(&x, e);
}
