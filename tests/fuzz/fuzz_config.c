/* Settings: no crash; what is taken is dumped, and the dump reads back to the same in both
 * languages. */
#include "daemon/config.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct config a, b;
    CLEANUP(buf_done_p) struct buf first = BUF(1 << 20);
    CLEANUP(buf_done_p) struct buf second = BUF(1 << 20);
    struct error e = { 0 };
    if (!result_is_ok(config_parse(bytes_of(data, size), &a, &e))) {
        return 0;
    }
    for (int zh = 0; zh < 2; zh++) {
        buf_reset(&first);
        buf_reset(&second);
        config_dump(&a, zh != 0, &first);
        if (!result_is_ok(config_parse(buf_bytes(&first), &b, &e))) {
            abort();
        }
        config_dump(&b, zh != 0, &second);
        if (first.n == 0 || !bytes_equal(buf_bytes(&first), buf_bytes(&second))) {
            abort();
        }
    }
    return 0;
}
