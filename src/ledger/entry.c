/* The leaf's text. Written by hand-laid pieces: this runs once for every entry of the ledger. */
#include "ledger/entry.h"

#include "base/clock.h"
#include "base/text.h"
#include "crypto/hash.h"

#define COUNTER_MAX ((UINT64_C(1) << 53) - 1)
#define TIME_MS_MAX INT64_C(253402300799999) /* the end of 9999 */

bool entry_name_is_valid(struct bytes name)
{
    if (name.n == 0 || name.n >= LEDGER_NAME_MAX) {
        return false;
    }
    for (size_t i = 0; i < name.n; i++) {
        uint8_t c = name.p[i];
        bool is_fine = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
                       c == '/' || c == '-';
        if (!is_fine) {
            return false;
        }
    }
    return true;
}

struct tree_hash entry_commitment(const uint8_t salt[LEDGER_SALT_BYTES], struct bytes payload)
{
    const struct bytes parts[2] = { bytes_of(salt, LEDGER_SALT_BYTES), payload };
    struct tree_hash h;

    sha256_parts(parts, 2, h.b);
    return h;
}

void entry_encode(const struct entry *en, struct buf *out)
{
    char time[TIME_TEXT_MAX];

    buf_add(out, BYTES_LIT("{\"commitment\":\""));
    buf_add_base64(out, BYTES_OF(en->commitment.b));
    buf_add(out, BYTES_LIT("\",\"counter\":"));
    buf_add_u64_dec(out, en->counter);
    buf_add(out, BYTES_LIT(",\"kind\":\""));
    buf_add_str(out, en->kind);
    buf_add(out, BYTES_LIT("\",\"source\":\""));
    buf_add_str(out, en->source);
    buf_add(out, BYTES_LIT("\",\"time\":\""));
    buf_add_str(out, time_rfc3339(en->time_ms, time));
    buf_add(out, BYTES_LIT("\",\"v\":1}"));
}

/* Takes `key`, then a value up to `end`, which is taken too. */
static RESULT take_member(struct bytes *in, struct bytes key, uint8_t end, struct bytes *ret,
                          struct error *e)
{
    if (!bytes_has_prefix(*in, key)) {
        FAIL(e, ERRC_FORMAT, "entry: expected %.*s", BYTES_FMT(key));
    }
    *in = bytes_slice(*in, key.n, in->n);
    if (!bytes_split(in, end, ret)) {
        FAIL(e, ERRC_FORMAT, "entry: no end of the value after %.*s", BYTES_FMT(key));
    }
    return RESULT_OK;
}

static RESULT name_copy(struct bytes v, char *ret, const char *what, struct error *e)
{
    if (!entry_name_is_valid(v)) {
        FAIL(e, ERRC_FORMAT, "entry: %s is not 1..63 of a-z 0-9 . _ / -", what);
    }
    memcpy(ret, v.p, v.n);
    ret[v.n] = 0;
    return RESULT_OK;
}

RESULT entry_parse(struct bytes in, struct entry *ret, struct error *e)
{
    struct bytes rest = in, commitment, counter, kind, source, time;
    struct entry en = { 0 };
    char again[TIME_TEXT_MAX];

    TRY(take_member(&rest, BYTES_LIT("{\"commitment\":\""), '"', &commitment, e));
    TRY(take_member(&rest, BYTES_LIT(",\"counter\":"), ',', &counter, e));
    TRY(take_member(&rest, BYTES_LIT("\"kind\":\""), '"', &kind, e));
    TRY(take_member(&rest, BYTES_LIT(",\"source\":\""), '"', &source, e));
    TRY(take_member(&rest, BYTES_LIT(",\"time\":\""), '"', &time, e));
    CLEANUP(buf_done_p) struct buf raw = BUF(TREE_HASH_BYTES);
    if (!result_is_ok(base64_decode(commitment, &raw)) || raw.n != TREE_HASH_BYTES) {
        FAIL(e, ERRC_FORMAT, "entry: the commitment is not base64 of 32 bytes");
    }
    memcpy(en.commitment.b, raw.p, raw.n);
    TRY_MSG(num_u64(counter, 1, COUNTER_MAX, &en.counter), e, "entry: counter");
    TRY(name_copy(kind, en.kind, "kind", e));
    TRY(name_copy(source, en.source, "source", e));
    if (!result_is_ok(time_parse_rfc3339(time, &en.time_ms)) || en.time_ms < 0 ||
        en.time_ms > TIME_MS_MAX) {
        FAIL(e, ERRC_FORMAT, "entry: time");
    }
    /* What could be written in another way: the number, the time; and what stands behind them. */
    if (counter.p[0] == '0' || !bytes_equal_str(time, time_rfc3339(en.time_ms, again)) ||
        !bytes_equal(rest, BYTES_LIT(",\"v\":1}"))) {
        FAIL(e, ERRC_FORMAT, "entry: not in its canonical form");
    }
    *ret = en;
    return RESULT_OK;
}
