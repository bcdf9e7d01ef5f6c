/* Finding the route of a path, and the resource that its action is about. */
#include "api/rest/rest_priv.h"

#include "base/text.h"

static bool is_param(struct bytes element)
{
    return element.n > 2 && element.p[0] == '{' && element.p[element.n - 1] == '}';
}

/* "/api/v1/tenants/{realm}/keys" against the path; fills params. */
static bool path_fits(struct rest *r, const char *pattern)
{
    struct bytes want = bytes_str(pattern), have = r->http->path, w, h;
    size_t n = 0;
    for (bool more_want = true, more_have = true;;) {
        more_want = bytes_split(&want, '/', &w);
        more_have = bytes_split(&have, '/', &h);
        if (is_param(w)) {
            CLEANUP(buf_done_p) struct buf text = BUF(1024);
            if (h.n == 0 || n == REST_PARAMS_MAX ||
                !result_is_ok(percent_decode(h, false, &text)) || text.n == 0 ||
                !text_is_printable(buf_bytes(&text))) {
                return false;
            }
            r->params[n++] = arena_str(r->arena, buf_bytes(&text));
        } else if (!bytes_equal(w, h)) {
            return false;
        }
        if (!more_want || !more_have) {
            return more_want == more_have;
        }
    }
}

const struct rest_route *rest_route_find(struct rest *r, struct buf *allow)
{
    struct bytes method = r->http->method;
    if (bytes_equal_str(method, "HEAD")) { /* as GET, and the server leaves the body out */
        method = BYTES_LIT("GET");
    }
    for (const struct rest_route *o = rest_routes; o->method != NULL; o++) {
        if (!path_fits(r, o->path)) {
            continue;
        }
        if (bytes_equal_str(method, o->method)) {
            return o;
        }
        buf_addf(allow, "%s%s", allow->n > 0 ? ", " : "", o->method);
    }
    return NULL;
}

/* What stood for {name} in the path. */
static const char *param_find(const struct rest *r, struct bytes name)
{
    struct bytes rest = bytes_str(r->route->path), one;
    size_t n = 0;
    for (bool more = true; more;) {
        more = bytes_split(&rest, '/', &one);
        if (is_param(one)) {
            if (bytes_equal(bytes_slice(one, 1, one.n - 1), name)) {
                return r->params[n];
            }
            n++;
        }
    }
    return NULL;
}

const char *rest_param(const struct rest *r, const char *name)
{
    const char *v = param_find(r, bytes_str(name));
    return v != NULL ? v : "";
}

const char *rest_resource(struct rest *r, const char *pattern)
{
    CLEANUP(buf_done_p) struct buf out = BUF(8192);
    struct bytes rest = bytes_str(pattern), text, name;
    if (strcmp(pattern, "*") == 0) {
        return pattern;
    }
    buf_add_str(&out, "arn:aws:");
    while (bytes_split(&rest, '{', &text)) {
        buf_add(&out, text);
        (void)bytes_split(&rest, '}', &name);
        if (bytes_equal_str(name, "account")) {
            buf_add_str(&out, r->account);
        } else if (bytes_equal_str(name, "region")) {
            buf_add_str(&out, r->settings->region);
        } else {
            const char *v = param_find(r, name);
            buf_add_str(&out, v != NULL ? v : "");
        }
    }
    buf_add(&out, text);
    return result_is_ok(buf_result(&out)) ? arena_str(r->arena, buf_bytes(&out)) : "*";
}
