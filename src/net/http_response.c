/*
 * The answer. Head and the first bytes of the body gather in `out` until they fill a TLS record or
 * the answer ends, so that a small answer is one record and one send; further bytes go to the
 * connection from where they are.
 */
#include "net/http_priv.h"

#include "base/log.h"

#include <inttypes.h>

const char *http_reason(unsigned status)
{
    static const struct {
        unsigned status;
        const char *reason;
    } reasons[] = {
        { 100, "Continue" },
        { 200, "OK" },
        { 201, "Created" },
        { 202, "Accepted" },
        { 204, "No Content" },
        { 206, "Partial Content" },
        { 301, "Moved Permanently" },
        { 302, "Found" },
        { 303, "See Other" },
        { 304, "Not Modified" },
        { 307, "Temporary Redirect" },
        { 400, "Bad Request" },
        { 401, "Unauthorized" },
        { 403, "Forbidden" },
        { 404, "Not Found" },
        { 405, "Method Not Allowed" },
        { 406, "Not Acceptable" },
        { 408, "Request Timeout" },
        { 409, "Conflict" },
        { 411, "Length Required" },
        { 412, "Precondition Failed" },
        { 413, "Content Too Large" },
        { 414, "URI Too Long" },
        { 415, "Unsupported Media Type" },
        { 416, "Range Not Satisfiable" },
        { 417, "Expectation Failed" },
        { 422, "Unprocessable Content" },
        { 429, "Too Many Requests" },
        { 431, "Request Header Fields Too Large" },
        { 500, "Internal Server Error" },
        { 501, "Not Implemented" },
        { 503, "Service Unavailable" },
        { 505, "HTTP Version Not Supported" },
        { 507, "Insufficient Storage" },
    };
    for (size_t i = 0; i < ARRAY_LEN(reasons); i++) {
        if (reasons[i].status == status) {
            return reasons[i].reason;
        }
    }
    return "Other";
}

/* --- sending --- */

static RESULT send_broken(struct http_exchange *x, struct result r, struct error *e)
{
    x->conn->is_dead = true;
    x->closes = true;
    if (r.code == ERRC_TIMEOUT) {
        x->conn->server->shared->counts.timeouts++;
        FAIL(e, ERRC_TIMEOUT, "answer: the client takes nothing");
    }
    FAIL(e, ERRC_CLOSED, "answer: the connection ended");
}

RESULT exchange_send(struct http_exchange *x, struct bytes v, struct error *e)
{
    struct conn *c = x->conn;
    while (v.n != 0) {
        size_t n = 0;
        struct result r = c->is_dead ? result_of(ERRC_CLOSED)
                                     : conn_write(c, bytes_slice(v, 0, SLICE_BYTES), &n, e);
        if (r.code == ERRC_OK) {
            v = bytes_slice(v, n, v.n);
            exchange_work(x, n);
            continue;
        }
        if (r.code == ERRC_AGAIN) {
            r = conn_wait(c, TLS_WANT_WRITE, c->server->limits.stall_ms);
        }
        if (r.code != ERRC_OK) {
            return send_broken(x, r, e);
        }
    }
    return RESULT_OK;
}

RESULT exchange_flush(struct http_exchange *x, struct error *e)
{
    struct conn *c = x->conn;
    for (;;) {
        struct result r = c->is_dead ? result_of(ERRC_CLOSED) : conn_flush(c, e);
        if (r.code == ERRC_OK) {
            return r;
        }
        if (r.code == ERRC_AGAIN) {
            r = conn_wait(c, TLS_WANT_WRITE, c->server->limits.stall_ms);
        }
        if (r.code != ERRC_OK) {
            return send_broken(x, r, e);
        }
    }
}

static RESULT out_send(struct http_exchange *x, struct error *e)
{
    TRY(buf_result(&x->out));
    struct result r = exchange_send(x, buf_bytes(&x->out), e);
    buf_reset(&x->out);
    return r;
}

/* --- headers --- */

static bool is_name(const char *name)
{
    const char *p = name;
    while ((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') ||
           (*p != '\0' && strchr("-!#$%&'*+.^_`|~", *p) != NULL)) { /* RFC 9110 section 5.6.2 */
        p++;
    }
    return p != name && *p == '\0';
}

static bool is_own(const char *name)
{
    static const char *const own[] = { "Content-Length", "Connection",        "Date",
                                       "Server",         "Transfer-Encoding", "Keep-Alive" };
    for (size_t i = 0; i < ARRAY_LEN(own); i++) {
        if (bytes_equal_str_nocase(bytes_str(name), own[i])) {
            return true;
        }
    }
    return false;
}

/* Eight bytes without any below 0x20 or equal to 0x7f; false may be too careful. */
static bool is_plain_word(uint64_t w)
{
    const uint64_t ones = 0x0101010101010101, highs = 0x8080808080808080;
    uint64_t del = w ^ 0x7f * ones;
    return ((((w - 0x20 * ones) & ~w) | ((del - ones) & ~del)) & highs) == 0;
}

static bool is_value(struct bytes v)
{
    uint64_t w;
    size_t i = 0;
    for (; i + sizeof(w) <= v.n; i += sizeof(w)) { /* receipts are long */
        memcpy(&w, v.p + i, sizeof(w));
        if (!is_plain_word(w)) {
            break;
        }
    }
    for (; i < v.n; i++) {
        if ((v.p[i] < 0x20 && v.p[i] != '\t') || v.p[i] == 0x7f) {
            return false;
        }
    }
    return true;
}

void http_set_header(struct http_exchange *x, const char *name, struct bytes value)
{
    size_t at = 0;
    while (at < x->field_count && !bytes_equal_str_nocase(bytes_str(name), x->fields[at].name)) {
        at++;
    }
    if (x->is_begun || at == FIELDS_MAX || !is_name(name) || is_own(name) || !is_value(value) ||
        value.n > HEADERS_OUT_MAX) {
        log_error("answer: header %s refused", is_name(name) ? name : "without a name");
        x->is_misused = true;
        return;
    }
    x->fields[at].name = arena_str(x->arena, bytes_str(name));
    x->fields[at].value = arena_bytes(x->arena, value);
    x->field_count = MAX(x->field_count, at + 1);
}

void http_set_header_str(struct http_exchange *x, const char *name, const char *value)
{
    http_set_header(x, name, bytes_str(value));
}

void http_reset_headers(struct http_exchange *x)
{
    x->field_count = 0;
    x->is_misused = false;
}

/* --- the answer --- */

/* Whether what the handler leaves unread of the body would end the connection: better told
 * beforehand. */
static bool body_will_close(const struct http_exchange *x)
{
    return !x->is_body_done &&
           (x->wants_continue || x->is_body_broken || x->body_left > DRAIN_BYTES);
}

RESULT http_begin(struct http_exchange *x, unsigned status, int64_t length, struct error *e)
{
    struct buf *out = &x->out;
    if (x->is_begun || x->is_misused || status < 200 || status > 599) {
        FAIL(e, ERRC_BUG, "answer: begun twice, or with a bad header or status");
    }
    bool is_bodyless = status == 204 || status == 304;
    x->closes = x->closes || x->conn->server->is_draining || body_will_close(x);
    if (x->wants_continue && x->is_body_done) {
        /* An empty body, announced: RFC 9110 lets us leave the 100 out, but botocore 1.29 then
         * misreads the next answer of this connection. */
        buf_add_str(out, "HTTP/1.1 100 Continue\r\n\r\n");
        x->wants_continue = false;
    }
    buf_addf(out, "HTTP/1.1 %u %s\r\nDate: %s\r\nServer: troth\r\n", status, http_reason(status),
             http_server_date(x->conn->server));
    for (size_t i = 0; i < x->field_count; i++) {
        buf_add_str(out, x->fields[i].name);
        buf_add_str(out, ": ");
        buf_add(out, x->fields[i].value);
        buf_add_str(out, "\r\n");
    }
    if (length >= 0 && !is_bodyless) {
        buf_addf(out, "Content-Length: %" PRId64 "\r\n", length);
    } else if (!is_bodyless) {
        buf_add_str(out, "Transfer-Encoding: chunked\r\n");
    }
    buf_add_str(out, x->closes ? "Connection: close\r\n\r\n" : "\r\n");
    if (!result_is_ok(buf_result(out))) {
        buf_reset(out);
        FAIL(e, ERRC_LIMIT, "answer: more than %d bytes of headers", HEADERS_OUT_MAX);
    }
    x->is_begun = true;
    x->status = status;
    x->sends_body = !is_bodyless && !bytes_equal_str(x->request.method, "HEAD");
    x->is_chunked = length < 0;
    x->left = length < 0 ? 0 : (uint64_t)length;
    return RESULT_OK;
}

/* Into `out` what fits, the rest from where it is. */
static RESULT gather(struct http_exchange *x, struct bytes v, struct error *e)
{
    size_t room = x->out.n < OUT_BYTES ? OUT_BYTES - x->out.n : 0;
    size_t n = x->out.n == 0 && v.n >= OUT_BYTES ? 0 : MIN(room, v.n);
    buf_add(&x->out, bytes_slice(v, 0, n));
    if (x->out.n >= OUT_BYTES || n < v.n) {
        TRY(out_send(x, e));
    }
    v = bytes_slice(v, n, v.n);
    if (v.n >= OUT_BYTES) {
        return exchange_send(x, v, e);
    }
    buf_add(&x->out, v);
    return buf_result(&x->out);
}

RESULT http_write(struct http_exchange *x, struct bytes body, struct error *e)
{
    if (!x->is_begun || x->is_ended) {
        FAIL(e, ERRC_BUG, "answer: not begun, or over");
    }
    if (body.n == 0 || !x->sends_body) {
        return RESULT_OK;
    }
    if (x->is_chunked) {
        buf_addf(&x->out, "%zx\r\n", body.n);
        TRY(gather(x, body, e));
        return gather(x, BYTES_LIT("\r\n"), e);
    }
    if (body.n > x->left) {
        x->closes = true;
        FAIL(e, ERRC_BUG, "answer: longer than was said");
    }
    x->left -= body.n;
    return gather(x, body, e);
}

RESULT http_flush(struct http_exchange *x, struct error *e)
{
    TRY(out_send(x, e));
    return exchange_flush(x, e);
}

RESULT http_end(struct http_exchange *x, struct error *e)
{
    if (!x->is_begun || x->is_ended) {
        FAIL(e, ERRC_BUG, "answer: not begun, or over");
    }
    x->is_ended = true;
    if (x->sends_body && x->is_chunked) {
        TRY(gather(x, BYTES_LIT("0\r\n\r\n"), e));
    }
    TRY(http_flush(x, e));
    if (x->sends_body && x->left != 0) {
        x->closes = true;
        FAIL(e, ERRC_BUG, "answer: %" PRIu64 " bytes shorter than was said", x->left);
    }
    return RESULT_OK;
}

RESULT http_respond(struct http_exchange *x, unsigned status, const char *content_type,
                    struct bytes body, struct error *e)
{
    if (content_type != NULL) {
        http_set_header_str(x, "Content-Type", content_type);
    }
    TRY(http_begin(x, status, (int64_t)body.n, e));
    TRY(http_write(x, body, e));
    return http_end(x, e);
}

bool http_is_begun(const struct http_exchange *x)
{
    return x->is_begun;
}

unsigned http_status(const struct http_exchange *x)
{
    return x->status;
}

void http_close_after(struct http_exchange *x)
{
    x->closes = true;
}
