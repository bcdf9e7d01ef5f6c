/* "METHOD host target" of a request, through target, route and the small header forms: no crash;
 * what is taken keeps the bounds. */
#include "api/s3/range.h"
#include "api/s3/request.h"
#include "base/text.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool claim)
{
    if (!claim) {
        abort();
    }
}

static void range(struct bytes v)
{
    uint64_t from = 0, n = 0;
    for (uint64_t object = 0; object < 4; object++) {
        uint64_t bytes = object == 3 ? UINT64_MAX : object * 7;
        if (s3_range_parse(v, bytes, &from, &n) == S3_RANGE_GOOD) {
            must(n > 0 && from < bytes && n <= bytes - from);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes in = bytes_of(data, size);
    CLEANUP(arena_free_p) struct arena *arena = arena_new(4096, false);
    struct http_request http = { .arena = arena };
    static struct api_settings settings;
    static struct s3_request r;
    struct error e = { 0 };
    range(in);
    memcpy(settings.s3_domain, "s3.test", 8);
    if (!bytes_split(&in, ' ', &http.method) || !bytes_split(&in, ' ', &http.host) || in.n == 0 ||
        in.p[0] != '/') {
        return 0;
    }
    http.query = in;
    if (!bytes_split(&http.query, '?', &http.path)) {
        http.path = in;
        http.query = BYTES_NONE;
    }
    r = (struct s3_request){ .http = &http, .arena = arena, .settings = &settings };
    enum s3_error err = s3_target_parse(&r, &e);
    must(err < S3_ERROR_COUNT_);
    if (err != S3_OK) {
        must(e.msg[0] != '\0');
        return 0;
    }
    must((r.level == S3_SERVICE) == (r.bucket_name.p == NULL));
    must((r.level == S3_OBJECT) == (r.key.n > 0));
    must(r.key.n <= VAULT_KEY_MAX && utf8_is_valid(r.key) && r.param_count <= S3_PARAMS_MAX);
    if (s3_route(&r) == S3_OK) {
        must(r.op != NULL && r.op->level == r.level);
    }
    return 0;
}
