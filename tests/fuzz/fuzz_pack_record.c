/*
 * Records of packs, and the attributes column. The checksums are made to fit first, so that what
 * lies behind them is reached.
 */
#include "crypto/crc.h"
#include "vault/attrs.h"
#include "vault/record.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The header's checksum stands at the end that its length field gives. */
static void fix_header(uint8_t *blob, size_t n)
{
    if (n >= 12) {
        size_t header = get_be16(blob + 10);
        if (header >= 4 && header <= n) {
            put_be32(blob + header - 4, crc32c_update(0, bytes_of(blob, header - 4)));
        }
    }
}

static void fuzz_record(const uint8_t *data, size_t size, bool fix)
{
    uint8_t *copy = mem_dup(data, size);
    struct blob_header h;
    struct bytes chunks;
    struct error e = { 0 };
    if (fix && size >= RECORD_HEAD_BYTES) {
        fix_header(copy + RECORD_HEAD_BYTES, size - RECORD_HEAD_BYTES);
        record_seal(copy, size);
    }
    if (result_is_ok(record_open(bytes_of(copy, size), &h, &chunks, &e)) &&
        chunks.p + chunks.n != copy + size) {
        abort();
    }
    mem_free(copy);
}

static void fuzz_attrs(const uint8_t *data, size_t size)
{
    struct arena *a = arena_new(4096, false);
    struct vault_object o = { 0 };
    struct error e = { 0 };
    struct buf out = BUF(ATTRS_MAX);
    if (result_is_ok(attrs_decode(bytes_of(data, size), false, a, &o, &e))) {
        attrs_encode(&o, &out);
        /* A flag that means nothing may be lost, nothing else. */
        if (out.err == ERRC_OK && (out.n != size || memcmp(out.p + 2, data + 2, size - 2) != 0)) {
            abort();
        }
    }
    buf_done(&out);
    arena_free(a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_record(data, size, false);
    fuzz_record(data, size, true);
    fuzz_attrs(data, size);
    return 0;
}
