/*
 * The head of an HTTP/1.1 request, RFC 9112, read strictly: what two readers could read in two ways
 * is refused.
 *
 * 1. Lines end with CRLF; a CR or LF anywhere else, any other control byte, an empty line in front:
 * 400.
 * 2. The outcome depends on the bytes alone, not on how they were cut: a line is checked byte by
 * byte first, then as a whole, and lines in order.
 * 3. The body's length has one source: one Content-Length of digits, or one `Transfer-Encoding:
 * chunked`, or none.
 * 4. One Host, well-formed; a target in absolute form must name the same one.
 */
#include "net/http_parse.h"

#include "base/text.h"

enum { HOST_MAX = 255 + 6, METHOD_MAX = 32, VERSION_BYTES = 8 };

static struct result refuse(unsigned *ret_status, unsigned status, struct error *e, const char *why)
{
    *ret_status = status;
    switch (status) {
    case 413:
    case 414:
    case 431:
        return error_set(e, ERRC_LIMIT, "%s", why);
    case 501:
    case 505:
        return error_set(e, ERRC_UNSUPPORTED, "%s", why);
    default:
        return error_set(e, ERRC_FORMAT, "%s", why);
    }
}

/* Bit 0: token (RFC 9110 5.6.2). Bit 1: may stand in a request target. Bit 2: may stand in a host.
 */
enum { IS_TOKEN = 1, IS_TARGET = 2, IS_HOST = 4 };
#define T  IS_TOKEN
#define U  IS_TARGET
#define TU (IS_TOKEN | IS_TARGET)
#define A  (IS_TOKEN | IS_TARGET | IS_HOST)
static const uint8_t classes[256] = {
    ['!'] = TU, ['#'] = T, ['$'] = TU, ['%'] = TU, ['&'] = TU, ['\''] = TU, ['*'] = TU, ['+'] = TU,
    ['-'] = A,  ['.'] = A, ['^'] = T,  ['_'] = A,  ['`'] = T,  ['|'] = T,   ['~'] = TU, ['('] = U,
    [')'] = U,  [','] = U, ['/'] = U,  [':'] = U,  [';'] = U,  ['='] = U,   ['?'] = U,  ['@'] = U,
    ['['] = U,  [']'] = U, ['0'] = A,  ['1'] = A,  ['2'] = A,  ['3'] = A,   ['4'] = A,  ['5'] = A,
    ['6'] = A,  ['7'] = A, ['8'] = A,  ['9'] = A,  ['A'] = A,  ['B'] = A,   ['C'] = A,  ['D'] = A,
    ['E'] = A,  ['F'] = A, ['G'] = A,  ['H'] = A,  ['I'] = A,  ['J'] = A,   ['K'] = A,  ['L'] = A,
    ['M'] = A,  ['N'] = A, ['O'] = A,  ['P'] = A,  ['Q'] = A,  ['R'] = A,   ['S'] = A,  ['T'] = A,
    ['U'] = A,  ['V'] = A, ['W'] = A,  ['X'] = A,  ['Y'] = A,  ['Z'] = A,   ['a'] = A,  ['b'] = A,
    ['c'] = A,  ['d'] = A, ['e'] = A,  ['f'] = A,  ['g'] = A,  ['h'] = A,   ['i'] = A,  ['j'] = A,
    ['k'] = A,  ['l'] = A, ['m'] = A,  ['n'] = A,  ['o'] = A,  ['p'] = A,   ['q'] = A,  ['r'] = A,
    ['s'] = A,  ['t'] = A, ['u'] = A,  ['v'] = A,  ['w'] = A,  ['x'] = A,   ['y'] = A,  ['z'] = A,
};
#undef T
#undef U
#undef TU
#undef A

static bool is_all(struct bytes v, uint8_t class)
{
    for (size_t i = 0; i < v.n; i++) {
        if ((classes[v.p[i]] & class) == 0) {
            return false;
        }
    }
    return true;
}

/*
 * The line at *pos, without its CRLF, at most `max` bytes with it. ERRC_AGAIN: it has no end yet.
 * Looks at each byte in turn and stops at the first that is wrong.
 */
static RESULT line_take(struct bytes in, size_t *pos, size_t max, unsigned status_if_long,
                        struct bytes *ret, unsigned *ret_status, struct error *e)
{
    size_t end = in.n - *pos < max ? in.n : *pos + max;
    for (size_t i = *pos; i < end; i++) {
        uint8_t c = in.p[i];
        if (c >= 0x20 && c != 0x7f) {
            continue;
        }
        if (c == '\t') {
            continue;
        }
        if (c != '\r') {
            return refuse(ret_status, 400, e, c == '\n' ? "bare LF" : "control byte");
        }
        if (i + 1 == end) {
            break;
        }
        if (in.p[i + 1] != '\n') {
            return refuse(ret_status, 400, e, "bare CR");
        }
        *ret = bytes_of(in.p + *pos, i - *pos);
        *pos = i + 2;
        return RESULT_OK;
    }
    if (end - *pos >= max) {
        return refuse(ret_status, status_if_long, e,
                      status_if_long == 414 ? "request line too long" : "headers too long");
    }
    return result_of(ERRC_AGAIN);
}

static bool is_version_form(struct bytes v)
{
    return v.n == VERSION_BYTES && memcmp(v.p, "HTTP/", 5) == 0 && v.p[5] >= '0' && v.p[5] <= '9' &&
           v.p[6] == '.' && v.p[7] >= '0' && v.p[7] <= '9';
}

/* host[:port]: a name, an IPv4 address or [IPv6]. */
static bool is_host(struct bytes v)
{
    struct bytes name = v;
    if (v.n == 0 || v.n > HOST_MAX) {
        return false;
    }
    if (v.p[0] == '[') {
        size_t close = bytes_index(v, ']');
        if (close == v.n) {
            return false;
        }
        name = bytes_slice(v, 1, close);
        for (size_t i = 0; i < name.n; i++) {
            if (strchr("0123456789abcdefABCDEF:.", name.p[i]) == NULL) {
                return false;
            }
        }
        v = bytes_slice(v, close + 1, v.n);
        if (v.n != 0 && v.p[0] != ':') {
            return false;
        }
    } else {
        size_t colon = bytes_index(v, ':');
        name = bytes_slice(v, 0, colon);
        v = bytes_slice(v, colon, v.n);
        if (!is_all(name, IS_HOST)) {
            return false;
        }
    }
    uint64_t port = 0;
    return name.n != 0 &&
           (v.n == 0 ||
            (v.n <= 6 && result_is_ok(num_u64(bytes_slice(v, 1, v.n), 0, 65535, &port))));
}

/* Origin form, absolute form, or `*` with OPTIONS (RFC 9112 3.2). *ret_authority is empty but for
 * absolute form. */
static RESULT target_parse(struct http_request *r, struct bytes *ret_authority,
                           unsigned *ret_status, struct error *e)
{
    struct bytes rest = r->target;
    *ret_authority = BYTES_NONE;
    if (!is_all(rest, IS_TARGET)) {
        return refuse(ret_status, 400, e, "target: byte that a URI can't carry");
    }
    if (bytes_equal_str(rest, "*") && bytes_equal_str(r->method, "OPTIONS")) {
        r->path = rest;
        r->query = BYTES_NONE;
        return RESULT_OK;
    }
    if (rest.n == 0 || rest.p[0] != '/') {
        size_t scheme = bytes_find(rest, BYTES_LIT("://"));
        struct bytes name = bytes_slice(rest, 0, scheme);
        if (scheme == rest.n ||
            !(bytes_equal_str_nocase(name, "https") || bytes_equal_str_nocase(name, "http"))) {
            return refuse(ret_status, 400, e, "target: neither a path nor an http URI");
        }
        rest = bytes_slice(rest, scheme + 3, rest.n);
        size_t end = 0;
        while (end < rest.n && rest.p[end] != '/' && rest.p[end] != '?') {
            end++;
        }
        *ret_authority = bytes_slice(rest, 0, end);
        rest = bytes_slice(rest, end, rest.n);
    }
    size_t mark = bytes_index(rest, '?');
    r->path = mark == 0 ? BYTES_LIT("/") : bytes_slice(rest, 0, mark);
    r->query = bytes_slice(rest, mark + 1, rest.n);
    return RESULT_OK;
}

static RESULT request_line_parse(struct bytes line, struct http_request *r,
                                 struct bytes *ret_authority, unsigned *ret_status, struct error *e)
{
    if (!bytes_split(&line, ' ', &r->method) || r->method.n == 0 || r->method.n > METHOD_MAX ||
        !is_all(r->method, IS_TOKEN)) {
        return refuse(ret_status, 400, e, "request line: no method");
    }
    if (!bytes_split(&line, ' ', &r->target) || !is_version_form(line)) {
        return refuse(ret_status, 400, e, "request line: not `method target HTTP/1.1`");
    }
    if (!bytes_equal_str(line, "HTTP/1.1")) {
        return refuse(ret_status, 505, e, "not HTTP/1.1");
    }
    return target_parse(r, ret_authority, ret_status, e);
}

static RESULT length_parse(struct http_request *r, struct bytes value, unsigned *ret_status,
                           struct error *e)
{
    if (r->has_length) {
        return refuse(ret_status, 400, e, "more than one Content-Length");
    }
    for (size_t i = 0; i < value.n; i++) {
        if (value.p[i] < '0' || value.p[i] > '9') {
            return refuse(ret_status, 400, e, "Content-Length: not a number");
        }
    }
    if (value.n == 0) {
        return refuse(ret_status, 400, e, "Content-Length: empty");
    }
    if (value.n > 19 || !result_is_ok(num_u64(value, 0, INT64_MAX, &r->length))) {
        return refuse(ret_status, 413, e, "Content-Length: too large");
    }
    r->has_length = true;
    return RESULT_OK;
}

/* What the server itself reads from a header. */
static RESULT header_note(struct http_request *r, const struct http_header *h, bool *has_host,
                          unsigned *ret_status, struct error *e)
{
    switch (h->name.n) {
    case 4:
        if (bytes_equal_str_nocase(h->name, "host")) {
            if (*has_host) {
                return refuse(ret_status, 400, e, "more than one Host");
            }
            if (!is_host(h->value)) {
                return refuse(ret_status, 400, e, "Host: malformed");
            }
            *has_host = true;
            r->host = h->value;
        }
        break;
    case 14:
        if (bytes_equal_str_nocase(h->name, "content-length")) {
            return length_parse(r, h->value, ret_status, e);
        }
        break;
    case 17:
        if (bytes_equal_str_nocase(h->name, "transfer-encoding")) {
            if (r->is_chunked) {
                return refuse(ret_status, 400, e, "more than one Transfer-Encoding");
            }
            if (!bytes_equal_str_nocase(h->value, "chunked")) {
                return refuse(ret_status, 501, e, "Transfer-Encoding: not `chunked` alone");
            }
            r->is_chunked = true;
        }
        break;
    default:
        break;
    }
    return RESULT_OK;
}

static RESULT header_parse(struct bytes line, struct http_header *ret, unsigned *ret_status,
                           struct error *e)
{
    if (line.p[0] == ' ' || line.p[0] == '\t') {
        return refuse(ret_status, 400, e, "folded header line");
    }
    struct bytes name;
    if (!bytes_split(&line, ':', &name) || name.n == 0 || !is_all(name, IS_TOKEN)) {
        return refuse(ret_status, 400, e, "malformed header line");
    }
    ret->name = name;
    ret->value = bytes_trim(line, " \t");
    return RESULT_OK;
}

/* What holds between headers, once all are there. */
static RESULT head_check(const struct http_request *r, bool has_host, struct bytes authority,
                         unsigned *ret_status, struct error *e)
{
    if (!has_host) {
        return refuse(ret_status, 400, e, "no Host");
    }
    if (authority.p != NULL && !bytes_equal_nocase(authority, r->host)) {
        return refuse(ret_status, 400, e, "target and Host name different hosts");
    }
    if (r->has_length && r->is_chunked) {
        return refuse(ret_status, 400, e, "Content-Length with Transfer-Encoding");
    }
    return RESULT_OK;
}

RESULT http_head_parse(struct bytes in, const struct http_limits *limits,
                       struct http_header *headers, struct http_request *ret, size_t *ret_head_n,
                       unsigned *ret_status, struct error *e)
{
    struct http_request r = { 0 };
    struct bytes line, authority = BYTES_NONE;
    size_t pos = 0, count = 0;
    bool has_host = false;

    TRY(line_take(in, &pos, limits->request_line_bytes, 414, &line, ret_status, e));
    TRY(request_line_parse(line, &r, &authority, ret_status, e));
    for (;;) {
        size_t left = limits->head_bytes > pos ? limits->head_bytes - pos : 0;
        TRY(line_take(in, &pos, left, 431, &line, ret_status, e));
        if (line.n == 0) {
            break;
        }
        if (count == limits->header_count) {
            return refuse(ret_status, 431, e, "too many headers");
        }
        TRY(header_parse(line, &headers[count], ret_status, e));
        TRY(header_note(&r, &headers[count], &has_host, ret_status, e));
        count++;
    }
    TRY(head_check(&r, has_host, authority, ret_status, e));
    r.headers = headers;
    r.header_count = count;
    *ret = r;
    *ret_head_n = pos;
    return RESULT_OK;
}
