/* Headers of blobs: what is taken, written again, is taken again as the same. */
#include "vault/blob.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes in = bytes_of(data, size);
    struct blob_header h, again;
    struct error e = { 0 };
    uint8_t out[BLOB_HEADER_MAX];
    if (!result_is_ok(blob_header_take(&in, &h, &e))) {
        return 0;
    }
    size_t n = size - in.n;
    if (n > sizeof(out) || n < blob_header_len(&h)) {
        abort();
    }
    blob_header_write(&h, out, n);
    in = bytes_of(out, n);
    if (memcmp(out, data, n) != 0 || !result_is_ok(blob_header_take(&in, &again, &e)) ||
        in.n != 0) {
        abort();
    }
    return 0;
}
