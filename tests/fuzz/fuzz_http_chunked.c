/* Chunked bodies: decoded at once and in pieces give the same bytes, the same end, the same
 * refusal. */
#include "base/buf.h"
#include "net/http_parse.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct run {
    enum errc code;
    size_t used;
    bool is_end;
    struct buf out;
};

static struct run decode(struct bytes in, size_t step, size_t cap)
{
    struct run r = { .out = BUF(1 << 20) };
    struct http_chunked c;
    http_chunked_init(&c);
    while (r.used < in.n && !r.is_end) {
        uint8_t dst[512];
        size_t used = 0, n = 0;
        struct error e;
        r.code = http_chunked_decode(&c, bytes_slice(in, r.used, r.used + step), dst,
                                     MIN(cap, sizeof(dst)), &used, &n, &r.is_end, &e)
                         .code;
        if (r.code != ERRC_OK) {
            break;
        }
        buf_add_mem(&r.out, dst, n);
        r.used += used;
    }
    return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) {
        return 0;
    }
    struct bytes in = bytes_of(data + 2, size - 2);
    struct run a = decode(in, in.n, 512), b = decode(in, data[0] + 1u, data[1] % 37 + 1u);
    bool is_same = a.code == b.code && a.is_end == b.is_end && a.out.n <= in.n;
    if (a.code == ERRC_OK) {
        is_same = is_same && a.used == b.used && bytes_equal(buf_bytes(&a.out), buf_bytes(&b.out));
    }
    if (!is_same) {
        abort();
    }
    buf_done(&a.out);
    buf_done(&b.out);
    return 0;
}
