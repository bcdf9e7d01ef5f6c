/* Decoders of text and time: round trips where a form is unique. */
#include "base/clock.h"
#include "base/text.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void need(bool is_true)
{
    if (!is_true) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes in = bytes_of(data, size);
    CLEANUP(buf_done_p) struct buf raw = BUF(1 << 20), again = BUF(4 << 20);
    if (result_is_ok(base64_decode(in, &raw))) {
        buf_add_base64(&again, buf_bytes(&raw));
        need(bytes_equal(buf_bytes(&again), in));
    }
    buf_reset(&raw);
    buf_reset(&again);
    if (result_is_ok(base64url_decode(in, &raw))) {
        buf_add_base64url(&again, buf_bytes(&raw));
        need(bytes_equal(buf_bytes(&again), in));
    }
    buf_reset(&raw);
    result_ignore(percent_decode(in, size % 2 == 0, &raw));
    buf_reset(&again);
    text_add_escaped(&again, in, 100);
    need(text_is_printable(buf_bytes(&again)));

    uint64_t u;
    int64_t i, ms, back;
    char text[TIME_TEXT_MAX];
    result_ignore(num_u64(in, 0, UINT64_MAX, &u));
    result_ignore(num_i64(in, INT64_MIN, INT64_MAX, &i));
    result_ignore(num_hex64(in, UINT64_MAX, &u));
    result_ignore(num_size(in, 0, UINT64_MAX, &u));
    result_ignore(num_duration_ms(in, 0, UINT64_MAX, &u));
    if (result_is_ok(time_parse_http(in, &ms))) {
        need(result_is_ok(time_parse_http(bytes_str(time_http(ms, text)), &back)) && back == ms);
    }
    if (result_is_ok(time_parse_iso8601_basic(in, &ms))) {
        need(bytes_equal_str(in, time_iso8601_basic(ms, text)));
    }
    result_ignore(time_parse_rfc3339(in, &ms));
    return 0;
}
