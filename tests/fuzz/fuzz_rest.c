/* "METHOD target" and a Cookie header through the REST interface's route, parameters, query and
 * resource: no crash; what fits a route has its parameters, and they can be shown. */
#include "api/rest/rest_priv.h"
#include "base/text.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool claim)
{
    if (!claim) {
        abort();
    }
}

static void route(struct rest *r)
{
    CLEANUP(buf_done_p) struct buf allow = BUF(256);
    struct error e = { 0 };
    size_t limit = 0;
    uint64_t n = 0;
    const char *after = NULL;
    r->route = rest_route_find(r, &allow);
    if (result_is_ok(rest_page(r, &limit, &after, &e))) {
        must(limit >= 1 && limit <= REST_PAGE_MAX && after != NULL);
    }
    if (result_is_ok(rest_query_u64(r, "count", 1000, 3, &n, &e))) {
        must(n <= 1000);
    }
    if (r->route == NULL) {
        return;
    }
    must(allow.n == 0 || r->route->method != NULL);
    size_t params = 0;
    for (const char *p = r->route->path; (p = strchr(p, '{')) != NULL; p++) {
        must(r->params[params] != NULL && r->params[params][0] != '\0');
        must(text_is_printable(bytes_str(r->params[params])));
        params++;
    }
    if (r->route->resource != NULL && r->route->resource[0] != '@') {
        must(rest_resource(r, r->route->resource)[0] != '\0');
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes in = bytes_of(data, size), line, cookie = BYTES_NONE;
    CLEANUP(arena_free_p) struct arena *arena = arena_new(4096, false);
    struct http_request http = { .arena = arena };
    static const struct api_settings settings = { .region = "us-east-1" };
    (void)bytes_split(&in, '\n', &line);
    must((rest_cookie(in, &cookie) > 0) == (cookie.p != NULL));
    if (!bytes_split(&line, ' ', &http.method) || line.n == 0 || line.p[0] != '/') {
        return 0;
    }
    http.query = line;
    (void)bytes_split(&http.query, '?', &http.path);
    struct rest r = { .http = &http, .arena = arena, .settings = &settings, .account = "0" };
    route(&r);
    return 0;
}
