#include "vault/record.h"

#include "crypto/crc.h"

#define RECORD_MAGIC "TRPR"

void record_seal(uint8_t *record, size_t n)
{
    memcpy(record, RECORD_MAGIC, 4);
    put_be32(record + 4, (uint32_t)n);
    put_be32(record + 8,
             crc32c_update(0, bytes_of(record + RECORD_HEAD_BYTES, n - RECORD_HEAD_BYTES)));
}

RESULT record_open(struct bytes record, struct blob_header *ret, struct bytes *ret_chunks,
                   struct error *e)
{
    if (record.n < RECORD_HEAD_BYTES || memcmp(record.p, RECORD_MAGIC, 4) != 0) {
        FAIL(e, ERRC_INTEGRITY, "pack record: magic");
    }
    if (get_be32(record.p + 4) != record.n) {
        FAIL(e, ERRC_INTEGRITY, "pack record: length");
    }
    struct bytes blob = bytes_slice(record, RECORD_HEAD_BYTES, record.n);
    if (crc32c_update(0, blob) != get_be32(record.p + 8)) {
        FAIL(e, ERRC_INTEGRITY, "pack record: checksum");
    }
    struct result r = blob_header_take(&blob, ret, e);
    if (!result_is_ok(r)) {
        error_prefix(e, "pack record");
        if (r.code == ERRC_FORMAT) {
            if (e != NULL) {
                e->code = ERRC_INTEGRITY;
            }
            return result_of(ERRC_INTEGRITY);
        }
        return r;
    }
    *ret_chunks = blob;
    return RESULT_OK;
}
