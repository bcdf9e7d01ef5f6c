/* Sealing and opening payloads. */
#include "ledger/payload.h"

#include "base/json.h"
#include "crypto/crc.h"

#include <inttypes.h>

RESULT payload_check(struct bytes payload, struct error *e)
{
    CLEANUP(json_doc_free_p) struct json_doc *doc = NULL;
    CLEANUP(buf_done_p) struct buf again = BUF(LEDGER_PAYLOAD_MAX);

    if (payload.n > LEDGER_PAYLOAD_MAX) {
        FAIL(e, ERRC_LIMIT, "payload: more than %u bytes", LEDGER_PAYLOAD_MAX);
    }
    TRY_MSG(json_parse(payload, LEDGER_PAYLOAD_MAX, &doc, e), e, "payload");
    if (json_type(json_root(doc)) != JSON_OBJECT) {
        FAIL(e, ERRC_FORMAT, "payload: not an object");
    }
    TRY_MSG(json_canonical(json_root(doc), &again, e), e, "payload");
    if (!bytes_equal(buf_bytes(&again), payload)) {
        FAIL(e, ERRC_FORMAT, "payload: not in the form of RFC 8785");
    }
    return RESULT_OK;
}

uint32_t payload_month(int64_t wall_ms)
{
    char t[TIME_TEXT_MAX];

    time_rfc3339(wall_ms, t);
    return (uint32_t)((t[0] - '0') * 100000 + (t[1] - '0') * 10000 + (t[2] - '0') * 1000 +
                      (t[3] - '0') * 100 + (t[5] - '0') * 10 + (t[6] - '0'));
}

void payload_keys_init(struct payload_keys *k, const struct ledger_keys *keys,
                       const struct clock *clock, const char *log)
{
    *k = (struct payload_keys){ .keys = keys, .clock = clock, .log = log };
}

void payload_keys_done(struct payload_keys *k)
{
    for (size_t i = 0; i < ARRAY_LEN(k->slots); i++) {
        box_key_free(k->slots[i].key);
        k->slots[i].key = NULL;
    }
}

RESULT payload_keys_get(struct payload_keys *k, uint32_t month, struct box_key **ret,
                        struct error *e)
{
    int64_t now = clock_mono_ms(k->clock);
    size_t at = k->slots[0].key != NULL && k->slots[0].month == month ? 0 : 1;

    if (k->slots[at].key == NULL || k->slots[at].month != month ||
        now - k->slots[at].fetched_ms >= PAYLOAD_KEY_KEEP_MS) {
        char text[16];
        CLEANUP(key256_wipe) struct key256 key = { { 0 } };
        enum crypto_suite suite = SUITE_AES256_GCM;
        struct box_key *made = NULL;

        snprintf(text, sizeof(text), "%04u-%02u", month / 100 % 10000, month % 100);
        box_key_free(k->slots[at].key); /* before asking: a destroyed key is not kept */
        k->slots[at].key = NULL;
        TRY_MSG(k->keys->payload_key(k->keys->ctx, k->log, text, &key, &suite, e), e, "key of %s",
                text);
        TRY_MSG(box_key_new(suite, &key, &made), e, "key of %s", text);
        k->slots[at].key = made;
        k->slots[at].month = month;
        k->slots[at].fetched_ms = now;
    }
    if (at == 1) { /* the one used last stays first */
        __typeof__(k->slots[0]) other = k->slots[0];
        k->slots[0] = k->slots[1];
        k->slots[1] = other;
    }
    *ret = k->slots[0].key;
    return RESULT_OK;
}

static size_t make_aad(const char *origin, uint64_t index, uint8_t dst[LEDGER_ORIGIN_MAX + 9])
{
    size_t n = strlen(origin);

    memcpy(dst, origin, n + 1);
    put_be64(dst + n + 1, index);
    return n + 9;
}

RESULT payload_seal(struct box_key *key, uint32_t month, const char *origin, uint64_t index,
                    struct bytes plain, const struct rng *rng, struct buf *out)
{
    uint8_t aad[LEDGER_ORIGIN_MAX + 9];
    size_t box_n = plain.n + box_overhead(box_key_suite(key));
    uint8_t *p = buf_reserve(out, PAYLOAD_HEAD + box_n);

    if (p == NULL) {
        return buf_result(out);
    }
    put_be32(p, (uint32_t)box_n);
    put_be32(p + 4, month);
    p[8] = (uint8_t)box_key_suite(key);
    size_t aad_n = make_aad(origin, index, aad);
    TRY(box_key_seal_at(key, bytes_of(aad, aad_n), plain, rng, p + PAYLOAD_HEAD));
    put_be32(p + 9,
             crc32c_update(crc32c_update(0, bytes_of(p, 9)), bytes_of(p + PAYLOAD_HEAD, box_n)));
    buf_commit(out, PAYLOAD_HEAD + box_n);
    return RESULT_OK;
}

RESULT payload_frame_parse(struct bytes in, struct payload_frame *ret, struct error *e)
{
    struct bytes rest = in;
    uint32_t n = 0, crc = 0;
    uint8_t suite = 0;

    TRY_MSG(bytes_take_be32(&rest, &n), e, "payload frame");
    TRY_MSG(bytes_take_be32(&rest, &ret->month), e, "payload frame");
    TRY_MSG(bytes_take_u8(&rest, &suite), e, "payload frame");
    TRY_MSG(bytes_take_be32(&rest, &crc), e, "payload frame");
    if (rest.n != n || crc32c_update(crc32c_update(0, bytes_of(in.p, 9)), rest) != crc) {
        FAIL(e, ERRC_INTEGRITY, "payload frame: length or checksum is wrong");
    }
    TRY_MSG(suite_by_number(suite, &ret->suite), e, "payload frame: suite %u", suite);
    ret->box = rest;
    return RESULT_OK;
}

RESULT payload_open(struct payload_keys *k, const struct payload_frame *f, const char *origin,
                    uint64_t index, struct buf *out, struct error *e)
{
    uint8_t aad[LEDGER_ORIGIN_MAX + 9];
    struct box_key *key = NULL;

    TRY(payload_keys_get(k, f->month, &key, e));
    if (box_key_suite(key) != f->suite) {
        FAIL(e, ERRC_INTEGRITY, "payload: sealed with another suite than its key's");
    }
    size_t aad_n = make_aad(origin, index, aad);
    TRY_MSG(box_key_open(key, bytes_of(aad, aad_n), f->box, out), e, "payload");
    if (out->n < LEDGER_SALT_BYTES) {
        FAIL(e, ERRC_INTEGRITY, "payload: shorter than its salt");
    }
    return RESULT_OK;
}
