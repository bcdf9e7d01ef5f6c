/* Pieces of messages. */
#include "ledger/wire.h"

void wire_add_text(struct buf *b, const char *s)
{
    struct bytes v = bytes_str(s);

    if (v.n > UINT8_MAX) { /* longer than any name: the scribe refuses it */
        v.n = UINT8_MAX;
    }
    buf_add_u8(b, (uint8_t)v.n);
    buf_add(b, v);
}

RESULT wire_take_text(struct bytes *in, char dst[WIRE_NAME_MAX])
{
    struct bytes v;
    uint8_t n = 0;

    TRY(bytes_take_u8(in, &n));
    TRY(bytes_take(in, n, &v));
    if (v.n >= WIRE_NAME_MAX || bytes_index(v, 0) != v.n) {
        return result_of(ERRC_FORMAT);
    }
    memcpy(dst, v.p, v.n);
    dst[v.n] = 0;
    return RESULT_OK;
}
