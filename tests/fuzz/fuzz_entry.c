/* Entries and payload frames: what is accepted is canonical. */
#include "base/buf.h"
#include "ledger/entry.h"
#include "ledger/payload.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct entry en;
    struct payload_frame f;
    struct error e;

    if (result_is_ok(entry_parse(bytes_of(data, size), &en, &e))) {
        struct buf again = BUF(LEDGER_ENTRY_MAX);
        entry_encode(&en, &again);
        if (!bytes_equal(buf_bytes(&again), bytes_of(data, size))) {
            abort();
        }
        buf_done(&again);
    }
    result_ignore(payload_frame_parse(bytes_of(data, size), &f, &e));
    result_ignore(payload_check(bytes_of(data, size), &e));
    return 0;
}
