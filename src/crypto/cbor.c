/* Reading CBOR: see cbor_priv.h. */
#include "crypto/cbor_priv.h"

#include "base/mem.h"

#include <cbor.h>

/* What the callbacks leave. */
struct taken {
    struct cbor_item item;
    bool is_known;
};

static void on_number(void *arg, uint64_t v, bool is_negative)
{
    struct taken *t = arg;

    t->is_known = v <= INT64_MAX;
    t->item.kind = CBOR_ITEM_INT;
    t->item.number = is_negative ? -1 - (int64_t)(v & INT64_MAX) : (int64_t)(v & INT64_MAX);
}

static void on_uint8(void *arg, uint8_t v)
{
    on_number(arg, v, false);
}
static void on_uint16(void *arg, uint16_t v)
{
    on_number(arg, v, false);
}
static void on_uint32(void *arg, uint32_t v)
{
    on_number(arg, v, false);
}
static void on_uint64(void *arg, uint64_t v)
{
    on_number(arg, v, false);
}
static void on_negint8(void *arg, uint8_t v)
{
    on_number(arg, v, true);
}
static void on_negint16(void *arg, uint16_t v)
{
    on_number(arg, v, true);
}
static void on_negint32(void *arg, uint32_t v)
{
    on_number(arg, v, true);
}
static void on_negint64(void *arg, uint64_t v)
{
    on_number(arg, v, true);
}

static void on_bytes(void *arg, cbor_data p, size_t n)
{
    *(struct taken *)arg = (struct taken){ { CBOR_ITEM_BYTES, 0, bytes_of(p, n), 0 }, true };
}

static void on_text(void *arg, cbor_data p, size_t n)
{
    *(struct taken *)arg = (struct taken){ { CBOR_ITEM_TEXT, 0, bytes_of(p, n), 0 }, true };
}

static void on_array(void *arg, size_t n)
{
    *(struct taken *)arg = (struct taken){ { CBOR_ITEM_ARRAY, 0, BYTES_NONE, n }, true };
}

static void on_map(void *arg, size_t n)
{
    *(struct taken *)arg = (struct taken){ { CBOR_ITEM_MAP, 0, BYTES_NONE, n }, true };
}

static void on_bool(void *arg, bool v)
{
    (void)v;
    *(struct taken *)arg = (struct taken){ { CBOR_ITEM_SIMPLE, 0, BYTES_NONE, 0 }, true };
}

static void on_null(void *arg)
{
    on_bool(arg, false);
}

RESULT cbor_take(struct bytes *in, struct cbor_item *ret)
{
    struct taken t = { 0 };
    struct cbor_callbacks cb = cbor_empty_callbacks; /* what stays empty is refused below */
    cb.uint8 = on_uint8;
    cb.uint16 = on_uint16;
    cb.uint32 = on_uint32;
    cb.uint64 = on_uint64;
    cb.negint8 = on_negint8;
    cb.negint16 = on_negint16;
    cb.negint32 = on_negint32;
    cb.negint64 = on_negint64;
    cb.byte_string = on_bytes;
    cb.string = on_text;
    cb.array_start = on_array;
    cb.map_start = on_map;
    cb.boolean = on_bool;
    cb.null = on_null;
    if (in->n == 0) {
        return result_of(ERRC_FORMAT);
    }
    struct cbor_decoder_result r = cbor_stream_decode(in->p, in->n, &cb, &t);
    if (r.status != CBOR_DECODER_FINISHED || r.read == 0 || r.read > in->n || !t.is_known) {
        return result_of(ERRC_FORMAT);
    }
    *in = bytes_slice(*in, r.read, in->n);
    if (t.item.count > in->n / (t.item.kind == CBOR_ITEM_MAP ? 2 : 1)) {
        return result_of(ERRC_FORMAT);
    }
    *ret = t.item;
    return RESULT_OK;
}

RESULT cbor_take_kind(struct bytes *in, enum cbor_kind kind, struct cbor_item *ret)
{
    struct cbor_item item;

    TRY(cbor_take(in, &item));
    if (item.kind != kind) {
        return result_of(ERRC_FORMAT);
    }
    *ret = item;
    return RESULT_OK;
}

static RESULT skip(struct bytes *in, unsigned depth)
{
    struct cbor_item item;

    if (depth > CBOR_DEPTH_MAX) {
        return result_of(ERRC_FORMAT);
    }
    TRY(cbor_take(in, &item));
    for (size_t i = 0; i < item.count * (item.kind == CBOR_ITEM_MAP ? 2 : 1); i++) {
        TRY(skip(in, depth + 1));
    }
    return RESULT_OK;
}

RESULT cbor_skip(struct bytes *in, struct bytes *ret_raw)
{
    struct bytes at = *in;

    TRY(skip(in, 0));
    if (ret_raw != NULL) {
        *ret_raw = bytes_of(at.p, at.n - in->n);
    }
    return RESULT_OK;
}
