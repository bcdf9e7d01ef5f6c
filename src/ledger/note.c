/*
 * Signed notes. The text and the signature lines are split at the last empty line. Names and key
 * ids only say where to look: what counts is that a signature verifies under a key the caller
 * trusts.
 */
#include "ledger/note.h"

#include "base/text.h"
#include "crypto/hash.h"
#include "crypto/sign.h"

#define DASH              "\xe2\x80\x94 " /* U+2014 and a space */
#define KEY_RAW_BYTES     33              /* type and public key */
#define SIGNATURE_RAW_MAX 8192            /* key id and signature of any kind */

static bool name_is_valid(struct bytes name)
{
    if (name.n == 0 || name.n > NOTE_NAME_MAX || !utf8_is_valid(name) || !text_is_printable(name)) {
        return false;
    }
    for (size_t i = 0; i < name.n; i++) {
        if (name.p[i] == ' ' || name.p[i] == '+') {
            return false;
        }
    }
    return true;
}

static bool type_is_known(unsigned type)
{
    return type == NOTE_ED25519 || type == NOTE_COSIGNATURE_V1;
}

RESULT note_key_make(const char *name, enum note_key_type type, const uint8_t public_key[32],
                     struct note_key *ret, struct error *e)
{
    struct bytes n = bytes_str(name);
    const uint8_t sep[2] = { '\n', (uint8_t)type };
    uint8_t digest[SHA256_BYTES];

    if (!name_is_valid(n)) {
        FAIL(e, ERRC_FORMAT, "a key name is 1..255 bytes of UTF-8 without spaces and '+'");
    }
    if (!type_is_known(type)) {
        FAIL(e, ERRC_UNSUPPORTED, "key type %u", (unsigned)type);
    }
    *ret = (struct note_key){ .type = type };
    memcpy(ret->name, n.p, n.n);
    memcpy(ret->public_key, public_key, sizeof(ret->public_key));
    const struct bytes parts[3] = { n, BYTES_OF(sep), BYTES_OF(ret->public_key) };
    sha256_parts(parts, 3, digest);
    memcpy(ret->id, digest, sizeof(ret->id));
    return RESULT_OK;
}

RESULT note_key_parse(struct bytes vkey, struct note_key *ret, struct error *e)
{
    struct bytes rest = vkey, name, id_hex;
    char name_text[NOTE_NAME_MAX + 1] = { 0 };
    uint8_t id[4];
    struct note_key k;

    if (!bytes_split(&rest, '+', &name) || !bytes_split(&rest, '+', &id_hex) ||
        !name_is_valid(name)) {
        FAIL(e, ERRC_FORMAT, "a verifier key is <name>+<key id>+<base64>");
    }
    memcpy(name_text, name.p, name.n);
    CLEANUP(buf_done_p) struct buf raw = BUF(KEY_RAW_BYTES);
    if (id_hex.n != 8 || !result_is_ok(hex_decode(id_hex, id, sizeof(id)))) {
        FAIL(e, ERRC_FORMAT, "verifier key %s: the key id is not 8 hex digits", name_text);
    }
    for (size_t i = 0; i < id_hex.n; i++) {
        if (id_hex.p[i] >= 'A' && id_hex.p[i] <= 'F') {
            FAIL(e, ERRC_FORMAT, "verifier key %s: the key id is in capitals", name_text);
        }
    }
    if (!result_is_ok(base64_decode(rest, &raw)) || raw.n != KEY_RAW_BYTES) {
        FAIL(e, ERRC_FORMAT, "verifier key %s: not base64 of type and 32 bytes", name_text);
    }
    TRY_MSG(note_key_make(name_text, (enum note_key_type)raw.p[0], raw.p + 1, &k, e), e,
            "verifier key %s", name_text);
    if (memcmp(k.id, id, sizeof(id)) != 0) {
        FAIL(e, ERRC_INTEGRITY, "verifier key %s: the key id is not that of the key", name_text);
    }
    *ret = k;
    return RESULT_OK;
}

void note_key_text(const struct note_key *k, struct buf *out)
{
    uint8_t raw[KEY_RAW_BYTES];

    raw[0] = (uint8_t)k->type;
    memcpy(raw + 1, k->public_key, sizeof(k->public_key));
    buf_add_str(out, k->name);
    buf_add_u8(out, '+');
    buf_add_hex(out, BYTES_OF(k->id));
    buf_add_u8(out, '+');
    buf_add_base64(out, BYTES_OF(raw));
}

static RESULT signature_parse(struct bytes line, struct note_signature *ret, struct error *e)
{
    struct bytes rest = line, name;

    *ret = (struct note_signature){ .line = line };
    if (!bytes_has_prefix(rest, BYTES_LIT(DASH))) {
        FAIL(e, ERRC_FORMAT, "note: a signature line does not begin with a dash and a space");
    }
    rest = bytes_slice(rest, sizeof(DASH) - 1, rest.n - 1); /* without the newline */
    if (!bytes_split(&rest, ' ', &name) || !name_is_valid(name)) {
        FAIL(e, ERRC_FORMAT, "note: a signature line has no name");
    }
    CLEANUP(buf_done_p) struct buf raw = BUF(SIGNATURE_RAW_MAX);
    if (!result_is_ok(base64_decode(rest, &raw)) || raw.n <= sizeof(ret->id)) {
        FAIL(e, ERRC_FORMAT, "note: the signature of %.*s is not base64 of key id and signature",
             BYTES_FMT(name));
    }
    ret->name = name;
    memcpy(ret->id, raw.p, sizeof(ret->id));
    size_t n = raw.n - sizeof(ret->id);
    if (n <= sizeof(ret->data)) {
        memcpy(ret->data, raw.p + sizeof(ret->id), n);
        ret->n = n;
    }
    return RESULT_OK;
}

/* UTF-8, and no control character but newline. */
static bool note_bytes_are_fine(struct bytes in)
{
    for (size_t i = 0; i < in.n; i++) {
        if ((in.p[i] < 0x20 && in.p[i] != '\n') || in.p[i] == 0x7f) {
            return false;
        }
    }
    return utf8_is_valid(in);
}

RESULT note_parse(struct bytes in, struct note *ret, struct error *e)
{
    size_t split = 0; /* of the last "\n\n": its second newline */

    if (in.n > NOTE_MAX) {
        FAIL(e, ERRC_LIMIT, "note: longer than %u bytes", NOTE_MAX);
    }
    if (in.n == 0 || in.p[in.n - 1] != '\n' || !note_bytes_are_fine(in)) {
        FAIL(e, ERRC_FORMAT, "note: not UTF-8 lines");
    }
    for (size_t i = in.n - 1; i > 0 && split == 0; i--) {
        split = in.p[i] == '\n' && in.p[i - 1] == '\n' ? i : 0;
    }
    if (split == 0 || split == in.n - 1) {
        FAIL(e, ERRC_FORMAT, "note: no empty line with signatures after it");
    }
    ret->text = bytes_slice(in, 0, split);
    ret->signature_count = 0;
    for (size_t at = split + 1; at < in.n;) {
        struct bytes rest = bytes_slice(in, at, in.n);
        struct bytes line = bytes_slice(rest, 0, bytes_index(rest, '\n') + 1);
        if (ret->signature_count == NOTE_SIGNATURES_MAX) {
            FAIL(e, ERRC_LIMIT, "note: more than %d signatures", NOTE_SIGNATURES_MAX);
        }
        TRY(signature_parse(line, &ret->signatures[ret->signature_count], e));
        ret->signature_count++;
        at += line.n;
    }
    return RESULT_OK;
}

RESULT note_message(enum note_key_type type, struct bytes text, uint64_t time_s, struct buf *out)
{
    if (!type_is_known(type)) {
        return result_of(ERRC_UNSUPPORTED);
    }
    if (type == NOTE_COSIGNATURE_V1) {
        buf_add(out, BYTES_LIT("cosignature/v1\ntime "));
        buf_add_u64_dec(out, time_s);
        buf_add_u8(out, '\n');
    }
    buf_add(out, text);
    return buf_result(out);
}

RESULT note_verify(const struct note *n, const struct note_key *k, uint64_t *ret_time_s,
                   struct error *e)
{
    const size_t time_n = k->type == NOTE_COSIGNATURE_V1 ? 8 : 0;
    const struct note_signature *s = NULL;

    for (size_t i = 0; i < n->signature_count && s == NULL; i++) {
        const struct note_signature *it = &n->signatures[i];
        if (bytes_equal_str(it->name, k->name) && memcmp(it->id, k->id, sizeof(k->id)) == 0) {
            s = it;
        }
    }
    if (s == NULL) {
        FAIL(e, ERRC_NOT_FOUND, "note: no signature of %s", k->name);
    }
    if (s->n != time_n + ED25519_BYTES) {
        FAIL(e, ERRC_INTEGRITY, "note: the signature of %s is %zu bytes long", k->name, s->n);
    }
    uint64_t time_s = time_n == 0 ? 0 : get_be64(s->data);
    CLEANUP(buf_done_p) struct buf msg = BUF(NOTE_MAX + 64);
    TRY_MSG(note_message(k->type, n->text, time_s, &msg), e, "note");
    struct bytes sig = bytes_of(s->data + time_n, ED25519_BYTES);
    if (!result_is_ok(verify_once(SIGN_ED25519, BYTES_OF(k->public_key), buf_bytes(&msg), sig))) {
        FAIL(e, ERRC_INTEGRITY, "note: the signature of %s does not verify", k->name);
    }
    *ret_time_s = time_s;
    return RESULT_OK;
}

void note_add_signature(struct buf *out, const struct note_key *k, uint64_t time_s,
                        const uint8_t signature[64])
{
    uint8_t raw[4 + 8 + ED25519_BYTES];
    size_t n = 4;

    memcpy(raw, k->id, 4);
    if (k->type == NOTE_COSIGNATURE_V1) {
        put_be64(raw + n, time_s);
        n += 8;
    }
    memcpy(raw + n, signature, ED25519_BYTES);
    n += ED25519_BYTES;
    buf_add_str(out, DASH);
    buf_add_str(out, k->name);
    buf_add_u8(out, ' ');
    buf_add_base64(out, bytes_of(raw, n));
    buf_add_u8(out, '\n');
}

void checkpoint_text(struct buf *out, const char *origin, uint64_t size,
                     const struct tree_hash *root)
{
    buf_add_str(out, origin);
    buf_add_u8(out, '\n');
    buf_add_u64_dec(out, size);
    buf_add_u8(out, '\n');
    buf_add_base64(out, BYTES_OF(root->b));
    buf_add_u8(out, '\n');
}

RESULT checkpoint_parse(struct bytes text, struct checkpoint *ret, struct error *e)
{
    struct bytes rest = text, origin, size, root;
    struct checkpoint c = { .size = 0 };

    if (!bytes_split(&rest, '\n', &origin) || !bytes_split(&rest, '\n', &size) ||
        !bytes_split(&rest, '\n', &root)) {
        FAIL(e, ERRC_FORMAT, "checkpoint: fewer than three lines");
    }
    if (origin.n == 0 || !utf8_is_valid(origin)) {
        FAIL(e, ERRC_FORMAT, "checkpoint: no origin");
    }
    if (!result_is_ok(num_u64(size, 0, INT64_MAX, &c.size)) || (size.n > 1 && size.p[0] == '0')) {
        FAIL(e, ERRC_FORMAT, "checkpoint: the size is not a decimal number");
    }
    CLEANUP(buf_done_p) struct buf raw = BUF(TREE_HASH_BYTES);
    if (!result_is_ok(base64_decode(root, &raw)) || raw.n != TREE_HASH_BYTES) {
        FAIL(e, ERRC_FORMAT, "checkpoint: the root is not base64 of 32 bytes");
    }
    memcpy(c.root.b, raw.p, raw.n);
    c.origin = origin;
    c.extensions = rest;
    for (struct bytes line; rest.n > 0;) {
        if (!bytes_split(&rest, '\n', &line) || line.n == 0) {
            FAIL(e, ERRC_FORMAT, "checkpoint: an extension line is empty or has no end");
        }
    }
    *ret = c;
    return RESULT_OK;
}
