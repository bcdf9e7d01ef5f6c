/* Answers: objects, pages, problems (RFC 9457), and the headers that every one has. */
#include "api/rest/rest_priv.h"

#include "base/log.h"

#define ANSWER_MAX (16u * 1024 * 1024)

struct result rest_refuse(struct rest *r, unsigned status, struct error *e, enum errc code,
                          const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    struct result res = error_setv(e, code, fmt, ap);
    va_end(ap);
    r->status = status;
    return res;
}

void rest_headers(struct rest *r)
{
    http_set_header_str(r->x, "Cache-Control", "no-store");
    http_set_header_str(r->x, "X-Content-Type-Options", "nosniff");
    http_set_header_str(r->x, "Content-Security-Policy",
                        "default-src 'none'; frame-ancestors 'none'");
    http_set_header_str(r->x, "Referrer-Policy", "no-referrer");
    http_set_header_str(r->x, "X-Request-Id", r->request_id);
}

static void etag(struct rest *r, uint64_t version)
{
    if (version != 0) {
        char tag[32];
        (void)snprintf(tag, sizeof(tag), "\"%llu\"", (unsigned long long)version);
        http_set_header_str(r->x, "ETag", tag);
    }
}

RESULT rest_reply_json(struct rest *r, unsigned status, uint64_t version, struct buf *json,
                       struct error *e)
{
    TRY_MSG(buf_result(json), e, "answer");
    rest_idempotent_end(r, status, buf_bytes(json));
    rest_headers(r);
    etag(r, version);
    result_ignore(http_respond(r->x, status, "application/json", buf_bytes(json), NULL));
    return RESULT_OK;
}

RESULT rest_reply(struct rest *r, unsigned status, uint64_t version,
                  void (*fn)(void *arg, struct jsonw *w), void *arg, struct error *e)
{
    CLEANUP(buf_done_p) struct buf out = BUF_SECRET(ANSWER_MAX);
    struct jsonw w;
    jsonw_init(&w, &out);
    jsonw_object(&w);
    fn(arg, &w);
    jsonw_object_end(&w);
    return rest_reply_json(r, status, version, &out, e);
}

void rest_reply_empty(struct rest *r)
{
    rest_idempotent_end(r, 204, BYTES_NONE);
    rest_headers(r);
    result_ignore(http_respond(r->x, 204, NULL, BYTES_NONE, NULL));
}

RESULT rest_reply_list(struct rest *r, size_t n, void (*item)(void *arg, size_t i, struct jsonw *w),
                       void *arg, const char *next, struct error *e)
{
    CLEANUP(buf_done_p) struct buf out = BUF(ANSWER_MAX);
    struct jsonw w;
    jsonw_init(&w, &out);
    jsonw_object(&w);
    jsonw_key(&w, "items");
    jsonw_array(&w);
    for (size_t i = 0; i < n; i++) {
        jsonw_object(&w);
        item(arg, i, &w);
        jsonw_object_end(&w);
    }
    jsonw_array_end(&w);
    jsonw_key(&w, "next");
    if (next != NULL) {
        jsonw_cstr(&w, next);
    } else {
        jsonw_null(&w);
    }
    jsonw_object_end(&w);
    return rest_reply_json(r, 200, 0, &out, e);
}

void rest_kv_time(struct jsonw *w, const char *key, int64_t ms)
{
    char date[TIME_TEXT_MAX];
    jsonw_key(w, key);
    if (ms != 0) {
        jsonw_cstr(w, time_rfc3339(ms, date));
    } else {
        jsonw_null(w);
    }
}

/* --- problems --- */

static const char *title_of(unsigned status)
{
    static const struct {
        unsigned status;
        const char *title;
    } titles[] = {
        { 400, "Bad Request" },
        { 401, "Unauthorized" },
        { 403, "Forbidden" },
        { 404, "Not Found" },
        { 405, "Method Not Allowed" },
        { 408, "Request Timeout" },
        { 409, "Conflict" },
        { 410, "Gone" },
        { 412, "Precondition Failed" },
        { 413, "Content Too Large" },
        { 415, "Unsupported Media Type" },
        { 429, "Too Many Requests" },
        { 501, "Not Implemented" },
        { 503, "Service Unavailable" },
        { 507, "Insufficient Storage" },
    };
    for (size_t i = 0; i < ARRAY_LEN(titles); i++) {
        if (titles[i].status == status) {
            return titles[i].title;
        }
    }
    return "Internal Server Error";
}

/* A bound that a request would pass is a state of things here, not a length of the request. */
static unsigned status_of(const struct rest *r, enum errc code)
{
    if (r->status != 0) {
        return r->status;
    }
    return code == ERRC_LIMIT ? 409 : api_status(code);
}

static void decision_write(const struct rest *r, struct jsonw *w)
{
    const struct access_answer *a = &r->access;
    if (a->verdict == POLICY_ALLOWED) {
        return;
    }
    jsonw_kv_cstr(w, "reason", access_reason_name(a->reason));
    jsonw_kv_cstr(w, "verdict", policy_verdict_name(a->verdict));
}

void rest_problem(struct rest *r, const struct error *e)
{
    if (http_is_begun(r->x)) {
        log_warn("an answer broke off: %s", e->msg);
        http_close_after(r->x);
        return;
    }
    unsigned status = status_of(r, e->code);
    CLEANUP(buf_done_p) struct buf out = BUF(8192);
    struct jsonw w;
    jsonw_init(&w, &out);
    jsonw_object(&w);
    jsonw_kv_cstr(&w, "code", errc_name(e->code));
    jsonw_kv_cstr(&w, "detail", e->msg);
    if (status == 403) {
        decision_write(r, &w);
    }
    jsonw_kv_cstr(&w, "request", r->request_id);
    jsonw_kv_u64(&w, "status", status);
    jsonw_kv_cstr(&w, "title", title_of(status));
    jsonw_kv_cstr(&w, "type", "about:blank");
    jsonw_object_end(&w);
    http_reset_headers(r->x);
    rest_headers(r);
    if (status == 401) {
        http_set_header_str(r->x, "WWW-Authenticate", "Bearer realm=\"troth\"");
    }
    if (r->allow != NULL) {
        http_set_header_str(r->x, "Allow", r->allow);
    }
    if (status == 503) {
        http_set_header_str(r->x, "Retry-After", "1");
    }
    result_ignore(http_respond(r->x, status, "application/problem+json", buf_bytes(&out), NULL));
}
