/* What a request brings: query, body, If-Match, pages. */
#include "api/rest/rest_priv.h"

#include "base/text.h"

/* --- query --- */

const char *rest_query(struct rest *r, const char *name)
{
    struct bytes rest = r->http->query, one, key;
    bool more = rest.n > 0;
    while (more) {
        more = bytes_split(&rest, '&', &one);
        struct bytes value = one;
        if (bytes_split(&value, '=', &key) && bytes_equal_str(key, name)) {
            CLEANUP(buf_done_p) struct buf text = BUF(8192);
            if (!result_is_ok(percent_decode(value, true, &text))) {
                return NULL;
            }
            return arena_str(r->arena, buf_bytes(&text));
        }
    }
    return NULL;
}

RESULT rest_query_u64(struct rest *r, const char *name, uint64_t max, uint64_t fallback,
                      uint64_t *ret, struct error *e)
{
    const char *v = rest_query(r, name);
    *ret = fallback;
    if (v != NULL && !result_is_ok(num_u64(bytes_str(v), 0, max, ret))) {
        FAIL(e, ERRC_FORMAT, "%s: a number up to %llu", name, (unsigned long long)max);
    }
    return RESULT_OK;
}

RESULT rest_page(struct rest *r, size_t *ret_limit, const char **ret_after, struct error *e)
{
    uint64_t limit = 0;
    const char *after = rest_query(r, "after");
    TRY(rest_query_u64(r, "limit", REST_PAGE_MAX, REST_PAGE, &limit, e));
    if (limit == 0) {
        FAIL(e, ERRC_FORMAT, "limit: 1 to %d", REST_PAGE_MAX);
    }
    *ret_limit = (size_t)limit;
    *ret_after = after != NULL ? after : "";
    return RESULT_OK;
}

/* --- body --- */

/* A form or plain text, which a browser sends to any site without asking, is no JSON. */
static bool is_json(struct bytes type)
{
    struct bytes main;
    (void)bytes_split(&type, ';', &main);
    main = bytes_trim(main, " \t");
    return bytes_equal_str_nocase(main, "application/json");
}

RESULT rest_body_read(struct rest *r, struct error *e)
{
    struct bytes type = BYTES_NONE;
    bool has_type = http_find(r->x, "Content-Type", &type);
    bool has_body = r->http->is_chunked || r->http->length > 0;
    if (r->is_read) {
        return RESULT_OK;
    }
    if ((has_body || has_type) && !is_json(type)) {
        return rest_refuse(r, 415, e, ERRC_FORMAT, "the body is to be application/json");
    }
    struct result res = http_read_all(r->x, &r->body, e);
    if (res.code == ERRC_LIMIT) {
        return rest_refuse(r, 413, e, ERRC_LIMIT, "the body is longer than %d bytes",
                           REST_BODY_MAX);
    }
    TRY(res);
    r->is_read = true;
    return RESULT_OK;
}

RESULT rest_body_parse(struct rest *r, struct error *e)
{
    if (r->body.n == 0) {
        return RESULT_OK;
    }
    struct result res = json_parse(buf_bytes(&r->body), REST_BODY_MAX, &r->doc, e);
    if (res.code == ERRC_LIMIT) { /* too deep: no state of things here */
        r->status = 400;
    }
    if (!result_is_ok(res)) {
        error_prefix(e, "body");
        return res;
    }
    if (json_type(json_root(r->doc)) != JSON_OBJECT) {
        FAIL(e, ERRC_FORMAT, "body: an object");
    }
    return RESULT_OK;
}

static bool is_there(const struct rest *r, const char *name)
{
    return r->doc != NULL && json_has(json_root(r->doc), name);
}

RESULT rest_body_text(struct rest *r, const char *name, const char *fallback, const char **ret,
                      struct error *e)
{
    struct bytes v;
    if (!is_there(r, name)) {
        *ret = fallback;
        return RESULT_OK;
    }
    TRY(json_get_str(json_root(r->doc), name, &v, e));
    if (!text_is_printable(v)) {
        FAIL(e, ERRC_FORMAT, "%s: text without control characters", name);
    }
    *ret = arena_str(r->arena, v);
    return RESULT_OK;
}

RESULT rest_body_need(struct rest *r, const char *name, const char **ret, struct error *e)
{
    const char *v = NULL;
    TRY(rest_body_text(r, name, NULL, &v, e));
    if (v == NULL || v[0] == '\0') {
        FAIL(e, ERRC_FORMAT, "%s: missing or empty", name);
    }
    *ret = v;
    return RESULT_OK;
}

RESULT rest_body_bool(struct rest *r, const char *name, bool fallback, bool *ret, struct error *e)
{
    *ret = fallback;
    return is_there(r, name) ? json_get_bool(json_root(r->doc), name, ret, e) : RESULT_OK;
}

RESULT rest_body_u64(struct rest *r, const char *name, uint64_t max, uint64_t fallback,
                     uint64_t *ret, struct error *e)
{
    *ret = fallback;
    return is_there(r, name) ? json_get_u64(json_root(r->doc), name, max, ret, e) : RESULT_OK;
}

RESULT rest_body_time(struct rest *r, const char *name, int64_t fallback, int64_t *ret,
                      struct error *e)
{
    struct json v;
    struct bytes text;
    *ret = fallback;
    if (!is_there(r, name)) {
        return RESULT_OK;
    }
    TRY(json_get(json_root(r->doc), name, &v, e));
    if (json_is_null(v)) {
        *ret = 0;
        return RESULT_OK;
    }
    if (!result_is_ok(json_str(v, &text)) || !result_is_ok(time_parse_rfc3339(text, ret))) {
        FAIL(e, ERRC_FORMAT, "%s: a time as 2026-11-22T09:41:16Z, or null", name);
    }
    return RESULT_OK;
}

RESULT rest_body_object(struct rest *r, const char *name, struct bytes *ret, struct error *e)
{
    struct json v;
    struct bytes text;
    *ret = BYTES_NONE;
    if (!is_there(r, name)) {
        return RESULT_OK;
    }
    TRY(json_get(json_root(r->doc), name, &v, e));
    if (result_is_ok(json_str(v, &text))) {
        *ret = arena_bytes(r->arena, text);
        return RESULT_OK;
    }
    if (json_type(v) != JSON_OBJECT) {
        FAIL(e, ERRC_FORMAT, "%s: an object", name);
    }
    CLEANUP(buf_done_p) struct buf out = BUF(REST_BODY_MAX);
    TRY_MSG(json_canonical(v, &out, e), e, "%s", name);
    *ret = arena_bytes(r->arena, buf_bytes(&out));
    return RESULT_OK;
}

RESULT rest_body_texts(struct rest *r, const char *name, size_t max, const char *const **ret,
                       size_t *ret_n, struct error *e)
{
    struct json v, one;
    struct json_iter it = { 0 };
    struct bytes text;
    *ret = NULL;
    *ret_n = 0;
    if (!is_there(r, name)) {
        return RESULT_OK;
    }
    TRY(json_get(json_root(r->doc), name, &v, e));
    if (json_type(v) != JSON_ARRAY || json_count(v) > max) {
        FAIL(e, ERRC_FORMAT, "%s: a list of at most %zu texts", name, max);
    }
    const char **list = arena_alloc(r->arena, (json_count(v) + 1) * sizeof(*list));
    while (json_next(v, &it, &one)) {
        if (!result_is_ok(json_str(one, &text)) || !text_is_printable(text)) {
            FAIL(e, ERRC_FORMAT, "%s: a list of texts", name);
        }
        list[(*ret_n)++] = arena_str(r->arena, text);
    }
    *ret = list;
    return RESULT_OK;
}

RESULT rest_body_secret(struct rest *r, const char *name, struct bytes *ret, struct error *e)
{
    if (!is_there(r, name)) {
        FAIL(e, ERRC_FORMAT, "%s: missing", name);
    }
    return json_get_str(json_root(r->doc), name, ret, e);
}

RESULT rest_body_only(struct rest *r, const char *const *names, struct error *e)
{
    return r->doc == NULL ? RESULT_OK : json_only_keys(json_root(r->doc), names, e);
}

/* --- conditions --- */

/* RFC 9110 13.1.1; one strong tag, as ETag gave it, or "*". */
RESULT rest_if_match(struct rest *r, uint64_t *ret, struct error *e)
{
    struct bytes v;
    *ret = 0;
    if (!http_find(r->x, "If-Match", &v) || bytes_equal_str(v, "*")) {
        return RESULT_OK;
    }
    if (v.n < 3 || v.p[0] != '"' || v.p[v.n - 1] != '"' ||
        !result_is_ok(num_u64(bytes_slice(v, 1, v.n - 1), 1, INT64_MAX, ret))) {
        return rest_refuse(r, 412, e, ERRC_CONFLICT, "If-Match: not an ETag of this thing");
    }
    return RESULT_OK;
}

RESULT rest_fits(struct rest *r, uint64_t version, uint64_t *ret, struct error *e)
{
    TRY(rest_if_match(r, ret, e));
    if (*ret != 0 && *ret != version) {
        return rest_refuse(r, 412, e, ERRC_CONFLICT, "it was changed since: it is version %llu now",
                           (unsigned long long)version);
    }
    return RESULT_OK;
}
