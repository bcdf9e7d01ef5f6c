/*
 * Lines of a package. Entries, of which there are millions, are taken apart by hand: everything but
 * leaf and payload is compared with the bytes that have to stand there. The few other lines go
 * through the JSON reader and are written again to be compared.
 */
#include "ledger/package_priv.h"

#include "base/clock.h"
#include "base/text.h"
#include "crypto/crc.h"
#include "ledger/canonical.h"

#include <inttypes.h>

#define SUFFIX_SALT "\",\"type\":\"entry\"}"

void package_statement(const char *origin, uint64_t from, uint64_t size, uint64_t lines,
                       const uint8_t digest[32], struct buf *out)
{
    buf_addf(out, "%s\n%" PRIu64 "\n%" PRIu64 "\n%" PRIu64 "\n", origin, from, size, lines);
    buf_add_base64(out, bytes_of(digest, 32));
    buf_add_u8(out, '\n');
}

static bool take_lit(struct bytes *in, struct bytes lit)
{
    if (!bytes_has_prefix(*in, lit)) {
        return false;
    }
    *in = bytes_slice(*in, lit.n, in->n);
    return true;
}

RESULT package_line_kind(struct bytes line, enum package_line_kind *ret, struct error *e)
{
    static const struct {
        const char *member;
        enum package_line_kind kind;
    } kinds[] = {
        { "\"entry\":", PACKAGE_ENTRY },
        { "\"note\":", PACKAGE_CHECKPOINT },
        { "\"created\":", PACKAGE_HEADER },
        { "\"lines\":", PACKAGE_TRAILER },
    };
    struct bytes rest = bytes_slice(line, PACKAGE_HEAD_BYTES, line.n);

    if (!bytes_has_prefix(line, BYTES_LIT("{\"crc\":\""))) {
        FAIL(e, ERRC_FORMAT, "crc: the line does not begin with it");
    }
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        if (bytes_has_prefix(rest, bytes_str(kinds[i].member))) {
            *ret = kinds[i].kind;
            return RESULT_OK;
        }
    }
    FAIL(e, ERRC_FORMAT, "type: neither header, entry, checkpoint nor trailer");
}

RESULT package_line_crc(struct bytes line, struct error *e)
{
    char want[2 * 4 + 1];
    uint8_t raw[4];

    put_be32(raw, crc32c_update(0, bytes_slice(line, PACKAGE_HEAD_BYTES, line.n)));
    hex_encode(BYTES_OF(raw), want);
    if (!bytes_equal(bytes_slice(line, PACKAGE_CRC_AT, PACKAGE_CRC_AT + 8), bytes_of(want, 8)) ||
        line.p[PACKAGE_CRC_AT + 8] != '"' || line.p[PACKAGE_CRC_AT + 9] != ',') {
        FAIL(e, ERRC_INTEGRITY, "crc: the line was damaged (%.8s)", want);
    }
    return RESULT_OK;
}

/* The whole line by the reader; written again it must be the same. */
static RESULT line_parse(struct bytes line, const char *const *keys, const char *type,
                         struct json_doc **ret, struct error *e)
{
    CLEANUP(json_doc_free_p) struct json_doc *doc = NULL;
    CLEANUP(buf_done_p) struct buf again = BUF(PACKAGE_LINE_MAX);
    struct bytes said;

    TRY(json_parse(line, PACKAGE_LINE_MAX, &doc, e));
    TRY(json_canonical(json_root(doc), &again, e));
    if (!bytes_equal(buf_bytes(&again), line)) {
        FAIL(e, ERRC_FORMAT, "the line is not in its canonical form (RFC 8785)");
    }
    TRY(json_only_keys(json_root(doc), keys, e));
    TRY(json_get_str(json_root(doc), "type", &said, e));
    if (!bytes_equal_str(said, type)) {
        FAIL(e, ERRC_UNSUPPORTED, "type: not %s", type);
    }
    *ret = TAKE(doc);
    return RESULT_OK;
}

static RESULT key_take(struct json root, const char *member, struct note_key *ret, struct error *e)
{
    struct bytes text;

    TRY(json_get_str(root, member, &text, e));
    TRY_MSG(note_key_parse(text, ret, e), e, "%s", member);
    if (ret->type != NOTE_ED25519) {
        FAIL(e, ERRC_FORMAT, "%s: not an Ed25519 key", member);
    }
    return RESULT_OK;
}

static RESULT frontier_take(struct json root, uint64_t from, struct tree_frontier *ret,
                            struct error *e)
{
    struct json_iter it = { 0 };
    struct json array, item;

    TRY(json_get(root, "frontier", &array, e));
    *ret = (struct tree_frontier){ .size = from };
    if (json_type(array) != JSON_ARRAY || json_count(array) != (size_t)__builtin_popcountll(from)) {
        FAIL(e, ERRC_FORMAT, "frontier: not one hash for each bit of `from`");
    }
    for (unsigned level = 64; level-- > 0;) {
        if ((from >> level & 1) == 0) {
            continue;
        }
        CLEANUP(buf_done_p) struct buf raw = BUF(TREE_HASH_BYTES);
        struct bytes text;
        if (!json_next(array, &it, &item) || !result_is_ok(json_str(item, &text)) ||
            !result_is_ok(base64_decode(text, &raw)) || raw.n != TREE_HASH_BYTES) {
            FAIL(e, ERRC_FORMAT, "frontier: not base64 of 32 bytes");
        }
        memcpy(ret->nodes[level].b, raw.p, raw.n);
    }
    return RESULT_OK;
}

RESULT package_read_header(struct bytes line, struct package_header *ret, struct error *e)
{
    static const char *const keys[] = { "crc",    "created", "from", "frontier", "origin",
                                        "sealer", "size",    "type", "vkey",     NULL };
    CLEANUP(json_doc_free_p) struct json_doc *doc = NULL;
    struct bytes created, origin;
    char again[TIME_TEXT_MAX];

    TRY(line_parse(line, keys, "troth/package/v1", &doc, e));
    struct json root = json_root(doc);
    TRY(json_get_str(root, "created", &created, e));
    if (!result_is_ok(time_parse_rfc3339(created, &ret->created_ms)) ||
        !bytes_equal_str(created, time_rfc3339(ret->created_ms, again))) {
        FAIL(e, ERRC_FORMAT, "created: not a time in UTC with milliseconds");
    }
    TRY(json_get_u64(root, "from", INT64_MAX, &ret->from, e));
    TRY(json_get_u64(root, "size", INT64_MAX, &ret->size, e));
    if (ret->from >= ret->size) {
        FAIL(e, ERRC_RANGE, "size: not more than `from`");
    }
    TRY(frontier_take(root, ret->from, &ret->frontier, e));
    TRY(json_get_str(root, "origin", &origin, e));
    TRY(key_take(root, "vkey", &ret->log, e));
    TRY(key_take(root, "sealer", &ret->sealer, e));
    if (!bytes_equal_str(origin, ret->log.name)) {
        FAIL(e, ERRC_FORMAT, "origin: not the name of the log's key");
    }
    return RESULT_OK;
}

/* Up to the quotation mark that ends the string. The only escape a leaf can need is that of a
 * quotation mark. */
static RESULT leaf_take(struct bytes *in, struct buf *leaf, struct error *e)
{
    const size_t room = MIN(in->n, (size_t)LEDGER_ENTRY_MAX);
    size_t at = 0, n = 0;

    buf_reset(leaf);
    uint8_t *dst = buf_reserve(leaf, room);
    for (; dst != NULL && at < in->n && in->p[at] != '"' && n < room; at++) {
        at += in->p[at] == '\\' && at + 1 < in->n && in->p[at + 1] == '"';
        dst[n++] = in->p[at];
    }
    if (at >= in->n || in->p[at] != '"') {
        FAIL(e, ERRC_FORMAT, "entry: the string has no end, or is too long");
    }
    buf_commit(leaf, n);
    *in = bytes_slice(*in, at + 1, in->n);
    return RESULT_OK;
}

static RESULT index_take(struct bytes *in, uint64_t index, struct error *e)
{
    char want[40];
    int n = snprintf(want, sizeof(want), ",\"index\":%" PRIu64 ",", index);

    if (!take_lit(in, bytes_of(want, (size_t)n))) {
        FAIL(e, ERRC_FORMAT, "index: not %" PRIu64 ", the next one", index);
    }
    return RESULT_OK;
}

static RESULT salt_take(struct bytes text, uint8_t ret[LEDGER_SALT_BYTES], struct error *e)
{
    uint8_t room[2 * LEDGER_SALT_BYTES];
    CLEANUP(buf_done_p) struct buf raw = BUF(sizeof(room));

    if (!result_is_ok(base64_decode(text, &raw)) || raw.n != LEDGER_SALT_BYTES) {
        FAIL(e, ERRC_FORMAT, "salt: not base64 of 32 bytes");
    }
    memcpy(ret, raw.p, raw.n);
    return RESULT_OK;
}

RESULT package_read_entry(struct bytes line, uint64_t index, struct buf *leaf,
                          struct package_entry_line *ret, struct error *e)
{
    struct bytes rest = bytes_slice(line, PACKAGE_HEAD_BYTES, line.n);
    const size_t tail = PACKAGE_SALT_TEXT + sizeof(SUFFIX_SALT) - 1;

    if (!take_lit(&rest, BYTES_LIT("\"entry\":\""))) {
        FAIL(e, ERRC_FORMAT, "entry: not there");
    }
    TRY(leaf_take(&rest, leaf, e));
    ret->payload = BYTES_NONE;
    ret->is_erased = take_lit(&rest, BYTES_LIT(",\"erased\":true"));
    TRY(index_take(&rest, index, e));
    if (ret->is_erased) {
        if (!bytes_equal(rest, BYTES_LIT("\"type\":\"entry\"}"))) {
            FAIL(e, ERRC_FORMAT, "type: an erased entry ends otherwise");
        }
        return RESULT_OK;
    }
    if (!take_lit(&rest, BYTES_LIT("\"payload\":"))) {
        FAIL(e, ERRC_FORMAT, "payload: not there");
    }
    struct bytes end = bytes_slice(rest, rest.n - MIN(rest.n, tail), rest.n);
    struct bytes middle = bytes_slice(rest, 0, rest.n - end.n);
    if (end.n != tail ||
        !bytes_equal(bytes_slice(end, PACKAGE_SALT_TEXT, end.n), BYTES_LIT(SUFFIX_SALT))) {
        FAIL(e, ERRC_FORMAT, "type: an entry ends otherwise");
    }
    if (!bytes_has_suffix(middle, BYTES_LIT(",\"salt\":\""))) {
        FAIL(e, ERRC_FORMAT, "salt: not behind the payload");
    }
    ret->payload = bytes_slice(middle, 0, middle.n - (sizeof(",\"salt\":\"") - 1));
    return salt_take(bytes_slice(end, 0, PACKAGE_SALT_TEXT), ret->salt, e);
}

RESULT package_payload_check(struct bytes payload, bool is_wanted, struct json_doc **ret,
                             struct error *e)
{
    if (payload.n > LEDGER_PAYLOAD_MAX) {
        FAIL(e, ERRC_LIMIT, "payload: longer than %u bytes", LEDGER_PAYLOAD_MAX);
    }
    if (!canonical_is_object(payload)) {
        FAIL(e, ERRC_FORMAT, "payload: not a JSON object in its canonical form (RFC 8785)");
    }
    if (is_wanted || bytes_find(payload, BYTES_LIT("\"phase\":")) < payload.n) {
        TRY_MSG(json_parse(payload, LEDGER_PAYLOAD_MAX, ret, e), e, "payload");
    }
    return RESULT_OK;
}

RESULT package_read_checkpoint(struct bytes line, struct buf *note, struct buf *token,
                               struct error *e)
{
    static const char *const keys[] = { "crc", "note", "timestamp", "type", NULL };
    CLEANUP(json_doc_free_p) struct json_doc *doc = NULL;
    struct bytes text;

    TRY(line_parse(line, keys, "checkpoint", &doc, e));
    TRY(json_get_str(json_root(doc), "note", &text, e));
    buf_reset(note);
    buf_add(note, text);
    TRY_MSG(buf_result(note), e, "note");
    buf_reset(token);
    if (json_has(json_root(doc), "timestamp")) {
        TRY(json_get_base64(json_root(doc), "timestamp", token, e));
    }
    return RESULT_OK;
}

RESULT package_read_trailer(struct bytes line, uint64_t *ret_lines, struct buf *note,
                            struct error *e)
{
    static const char *const keys[] = { "crc", "lines", "note", "type", NULL };
    CLEANUP(json_doc_free_p) struct json_doc *doc = NULL;
    struct bytes text;

    TRY(line_parse(line, keys, "trailer", &doc, e));
    TRY(json_get_u64(json_root(doc), "lines", INT64_MAX, ret_lines, e));
    TRY(json_get_str(json_root(doc), "note", &text, e));
    buf_reset(note);
    buf_add(note, text);
    TRY_MSG(buf_result(note), e, "note");
    return RESULT_OK;
}
