/*
 * Request heads: no crash; whatever prefix is given first, the outcome is the same; what is
 * accepted obeys the rules that can be checked from outside.
 */
#include "net/http_parse.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool is_so)
{
    if (!is_so) {
        abort();
    }
}

static bool is_within(struct bytes v, struct bytes all)
{
    return v.n == 0 || (v.p >= all.p && v.p + v.n <= all.p + all.n);
}

static enum errc parse(struct bytes in, struct http_request *r, struct http_header *h,
                       size_t *ret_n, unsigned *ret_status)
{
    struct error e;
    return http_head_parse(in, &http_limits_default, h, r, ret_n, ret_status, &e).code;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes in = bytes_of(data, size);
    struct http_header h[100], h2[100];
    struct http_request r, r2;
    size_t n = 0, n2 = 0;
    unsigned status = 0, status2 = 0;
    enum errc code = parse(in, &r, h, &n, &status);
    must(code == ERRC_OK || code == ERRC_AGAIN || status >= 400);
    /* a cut says "more", or the same */
    size_t cut = size == 0 ? 0 : (size_t)(data[size - 1] * 131u + data[0]) % size;
    enum errc cut_code = parse(bytes_of(data, cut), &r2, h2, &n2, &status2);
    if (cut_code == ERRC_OK) {
        must(code == ERRC_OK && n == n2);
    } else if (cut_code != ERRC_AGAIN) {
        must(code == cut_code && status == status2);
    }
    if (code != ERRC_OK) {
        return 0;
    }
    must(n <= size && n <= http_limits_default.head_bytes &&
         memcmp(data + n - 4, "\r\n\r\n", 4) == 0);
    must(!(r.has_length && r.is_chunked) && r.host.n != 0 && r.header_count <= 100);
    must(is_within(r.method, in) && is_within(r.target, in) && is_within(r.query, in));
    must(r.path.n != 0 && (r.path.p[0] == '/' || bytes_equal_str(r.path, "*")));
    size_t hosts = 0, lines = 0;
    for (size_t i = 0; i < r.header_count; i++) {
        must(is_within(h[i].name, in) && is_within(h[i].value, in) && h[i].name.n != 0);
        hosts += bytes_equal_str_nocase(h[i].name, "host");
    }
    for (size_t i = 0; i < n; i++) {
        must(data[i] >= 0x20 || data[i] == '\t' || data[i] == '\r' || data[i] == '\n');
        lines += data[i] == '\n';
        must(data[i] != '\n' || data[i - 1] == '\r');
        must(data[i] != '\r' || data[i + 1] == '\n');
    }
    must(hosts == 1 && lines == r.header_count + 2);
    return 0;
}
