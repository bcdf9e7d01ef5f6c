/* Request heads: what is accepted, what is refused and how, independence of cuts, and llhttp's
 * vectors. */
#include "testkit.h"

#include "net/http_parse.h"

static const struct http_limits *const limits = &http_limits_default;

struct outcome {
    enum errc code;
    unsigned status;
    size_t head_n;
    struct http_request r;
    struct http_header headers[100];
    struct error e;
};

static struct outcome *parse(struct bytes in)
{
    static struct outcome o;
    memset(&o, 0, sizeof(o));
    o.code = http_head_parse(in, limits, o.headers, &o.r, &o.head_n, &o.status, &o.e).code;
    return &o;
}

#define REQ(s) "GET / HTTP/1.1\r\nHost: a\r\n" s "\r\n"

struct row {
    struct bytes in;
    unsigned status; /* 0: accepted */
};
#define ROW(text, status)                                                                          \
    {                                                                                              \
        { (const uint8_t *)(text), sizeof(text) - 1 }, (status)                                    \
    }

static const struct row rows[] = {
    ROW(REQ(""), 0),
    ROW(REQ("X:\r\n"), 0),
    ROW(REQ("X: \t a b\tc \t\r\n"), 0),
    ROW(REQ("X: D\xc3\xbcsseldorf\r\n"), 0),
    ROW(REQ("Content-Length: 0\r\n"), 0),
    ROW(REQ("Content-Length: 9223372036854775807\r\n"), 0),
    ROW(REQ("content-LENGTH: 003\r\n"), 0),
    ROW(REQ("Transfer-Encoding: Chunked\r\n"), 0),
    ROW("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 0),
    ROW("GET http://A.example:80/x?y HTTP/1.1\r\nHost: a.example:80\r\n\r\n", 0),
    ROW("GET https://a HTTP/1.1\r\nHost: a\r\n\r\n", 0),
    ROW("GET /a%zz%2f%00?q=/?:@ HTTP/1.1\r\nHost: [::1]:8443\r\n\r\n", 0),
    ROW("M-SEARCH / HTTP/1.1\r\nHost: 127.0.0.1:1\r\n\r\n", 0),
    /* the attack table */
    ROW(REQ("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n"), 400),
    ROW(REQ("Transfer-Encoding: chunked\r\nContent-Length: 3\r\n"), 400),
    ROW(REQ("Content-Length: 3\r\nContent-Length: 4\r\n"), 400),
    ROW(REQ("Content-Length: 3\r\nContent-Length: 3\r\n"), 400),
    ROW(REQ("Content-Length: 3, 3\r\n"), 400),
    ROW(REQ("Content-Length: +3\r\n"), 400),
    ROW(REQ("Content-Length: -3\r\n"), 400),
    ROW(REQ("Content-Length: 0x3\r\n"), 400),
    ROW(REQ("Content-Length: 3x\r\n"), 400),
    ROW(REQ("Content-Length: 3 3\r\n"), 400),
    ROW(REQ("Content-Length:\r\n"), 400),
    ROW(REQ("Content-Length: 18446744073709551617\r\n"), 413),
    ROW(REQ("Content-Length: 9223372036854775808\r\n"), 413),
    ROW(REQ("Content-Length: 99999999999999999999999999\r\n"), 413),
    ROW(REQ("Content-Length : 3\r\n"), 400),
    ROW(REQ("X : 3\r\n"), 400),
    ROW(REQ("X: 3\n"), 400),
    ROW(REQ("X: 3\r"), 400),
    ROW(REQ("X: 3\rY: 4\r\n"), 400),
    ROW("GET / HTTP/1.1\nHost: a\r\n\r\n", 400),
    ROW("GET / HTTP/1.1\r\nHost: a\n\r\n", 400),
    ROW("GET / HTTP/1.1\r\nHost: a\r\n\n", 400),
    ROW(REQ("Transfer-Encoding: xchunked\r\n"), 501),
    ROW(REQ("Transfer-Encoding: gzip, chunked\r\n"), 501),
    ROW(REQ("Transfer-Encoding: chunked, chunked\r\n"), 501),
    ROW(REQ("Transfer-Encoding: identity\r\n"), 501),
    ROW(REQ("Transfer-Encoding:\r\n"), 501),
    ROW(REQ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), 400),
    ROW(REQ("Transfer-Encoding: \x0b"
            "chunked\r\n"),
        400),
    ROW(REQ("X: a\r\n b\r\n"), 400),
    ROW(REQ("X: a\r\n\tb\r\n"), 400),
    ROW(REQ("X: a\0b\r\n"), 400),
    ROW(REQ("X: a\x7f\r\n"), 400),
    ROW(REQ("X\0: a\r\n"), 400),
    ROW(REQ(": a\r\n"), 400),
    ROW(REQ("X\r\n"), 400),
    ROW(REQ("X@: a\r\n"), 400),
    ROW("GET / HTTP/1.1\r\n\r\n", 400),
    ROW("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400),
    ROW("GET / HTTP/1.1\r\nHost: a\r\nhost: b\r\n\r\n", 400),
    ROW("GET / HTTP/1.1\r\nHost:\r\n\r\n", 400),
    ROW("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400),
    ROW("GET / HTTP/1.1\r\nHost: a,b\r\n\r\n", 400),
    ROW("GET / HTTP/1.1\r\nHost: a@b\r\n\r\n", 400),
    ROW("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400),
    ROW("GET / HTTP/1.1\r\nHost: a:\r\n\r\n", 400),
    ROW("GET / HTTP/1.1\r\nHost: a:65536\r\n\r\n", 400),
    ROW("GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", 400),
    ROW("GET / HTTP/1.1\r\nHost: [::1]x\r\n\r\n", 400),
    /* request lines */
    ROW("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ROW(" GET / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ROW("GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ROW("GET / HTTP/1.1 \r\nHost: a\r\n\r\n", 400),
    ROW("GET /\tHTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ROW("GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ROW("GET /\r\nHost: a\r\n\r\n", 400),
    ROW("GET / HTTP/1.0\r\nHost: a\r\n\r\n", 505),
    ROW("GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505),
    ROW("GET / HTTP/1.10\r\nHost: a\r\n\r\n", 400),
    ROW("GET / http/1.1\r\nHost: a\r\n\r\n", 400),
    ROW("G(T / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ROW("GET x HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ROW("GET * HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ROW("GET /# HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ROW("GET /\\ HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ROW("GET /\xc3\xbc HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ROW("GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ROW("GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ROW("GET http://a@b/ HTTP/1.1\r\nHost: b\r\n\r\n", 400),
    ROW("GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ROW("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", 400),
    ROW("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
};

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct outcome *o = parse(rows[i].in);
        if (o->status != rows[i].status || (o->code == ERRC_OK) != (rows[i].status == 0)) {
            fail_msg("row %zu: %s, %u (%s), expected %u:\n%.*s", i, errc_name(o->code), o->status,
                     o->e.msg, rows[i].status, BYTES_FMT(rows[i].in));
        }
        if (o->code == ERRC_OK) {
            assert_int_equal(o->head_n, rows[i].in.n);
        }
    }
}

/* A prefix says "more", or what the whole says; a refused whole stays refused whatever follows. */
static void test_every_cut(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        for (size_t n = 0; n <= rows[i].in.n; n++) {
            uint8_t *exact = mem_dup(rows[i].in.p, n); /* so that ASan sees any read past the cut */
            struct outcome *o = parse(bytes_of(exact, n));
            bool is_final = o->code == ERRC_OK ? n == rows[i].in.n && rows[i].status == 0
                                               : o->status == rows[i].status && o->status != 0;
            if (o->code != ERRC_AGAIN && !is_final) {
                fail_msg("row %zu cut at %zu: %s, %u", i, n, errc_name(o->code), o->status);
            }
            mem_free(exact);
        }
    }
}

static void test_fields(void **state)
{
    (void)state;
    struct outcome *o = parse(BYTES_LIT("PUT /b/k%20?x=1&y?z HTTP/1.1\r\nHost: h:1\r\n"
                                        "Content-Length: 12\r\nX-A:  v w \t\r\n\r\nbody"));
    assert_int_equal(o->code, ERRC_OK);
    assert_bytes(o->r.method, BYTES_LIT("PUT"));
    assert_bytes(o->r.target, BYTES_LIT("/b/k%20?x=1&y?z"));
    assert_bytes(o->r.path, BYTES_LIT("/b/k%20"));
    assert_bytes(o->r.query, BYTES_LIT("x=1&y?z"));
    assert_bytes(o->r.host, BYTES_LIT("h:1"));
    assert_true(o->r.has_length);
    assert_false(o->r.is_chunked);
    assert_int_equal(o->r.length, 12);
    assert_int_equal(o->r.header_count, 3);
    assert_bytes(o->r.headers[2].name, BYTES_LIT("X-A"));
    assert_bytes(o->r.headers[2].value, BYTES_LIT("v w"));

    o = parse(BYTES_LIT("GET http://h?q HTTP/1.1\r\nHost: H\r\n\r\n"));
    assert_int_equal(o->code, ERRC_OK);
    assert_bytes(o->r.path, BYTES_LIT("/"));
    assert_bytes(o->r.query, BYTES_LIT("q"));
}

static unsigned status_of(struct buf *b)
{
    return parse(buf_bytes(b))->status;
}

static void test_bounds(void **state)
{
    (void)state;
    CLEANUP(buf_done) struct buf b = BUF(1 << 21);
    /* the request line: 8,192 bytes with its CRLF pass, one more does not */
    size_t fixed = strlen("GET / HTTP/1.1\r\n");
    for (size_t extra = 0; extra < 2; extra++) {
        buf_reset(&b);
        buf_add_str(&b, "GET /");
        for (size_t i = fixed; i < limits->request_line_bytes + extra; i++) {
            buf_add_u8(&b, 'a');
        }
        buf_add_str(&b, " HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_int_equal(status_of(&b), extra == 0 ? 0 : 414);
    }
    /* the head: 16,384 bytes */
    size_t before = strlen(REQ("")) + strlen("X: \r\n");
    for (size_t extra = 0; extra < 2; extra++) {
        buf_reset(&b);
        buf_add_str(&b, "GET / HTTP/1.1\r\nHost: a\r\nX: ");
        for (size_t i = before; i < limits->head_bytes + extra; i++) {
            buf_add_u8(&b, 'a');
        }
        buf_add_str(&b, "\r\n\r\n");
        assert_int_equal(status_of(&b), extra == 0 ? 0 : 431);
    }
    for (size_t n = 1 << 16; n <= 1 << 20; n <<= 4) {
        buf_reset(&b);
        buf_add_str(&b, "GET / HTTP/1.1\r\nHost: a\r\nX: ");
        for (size_t i = 0; i < n; i++) {
            buf_add_u8(&b, 'a');
        }
        assert_int_equal(status_of(&b), 431);
    }
    /* headers: 100, Host among them */
    for (size_t count = 100; count <= 101; count++) {
        buf_reset(&b);
        buf_add_str(&b, "GET / HTTP/1.1\r\nHost: a\r\n");
        for (size_t i = 1; i < count; i++) {
            buf_add_str(&b, "X:\r\n");
        }
        buf_add_str(&b, "\r\n");
        assert_int_equal(status_of(&b), count == 100 ? 0 : 431);
    }
}

/* Any byte of a good head replaced by any other: never a crash, and control bytes never pass. */
static void test_flips(void **state)
{
    (void)state;
    struct bytes good = BYTES_LIT("PUT /b/k?q=1 HTTP/1.1\r\nHost: a:80\r\nContent-Length: 5\r\n"
                                  "X-Y: z\r\n\r\n");
    uint8_t *copy = mem_dup(good.p, good.n);
    for (size_t i = 0; i < good.n; i++) {
        for (unsigned c = 0; c < 256; c++) {
            copy[i] = (uint8_t)c;
            struct outcome *o = parse(bytes_of(copy, good.n));
            bool is_control = (c < 0x20 || c == 0x7f) && c != good.p[i] && c != '\t';
            if (is_control && o->code != ERRC_FORMAT) {
                fail_msg("byte %zu as %02x: %s", i, c, errc_name(o->code));
            }
            bool is_crlf = good.p[i] == '\r' || good.p[i] == '\n';
            if (is_crlf && c != good.p[i] && o->code == ERRC_OK) {
                fail_msg("byte %zu as %02x passed for a line's end", i, c);
            }
        }
        copy[i] = good.p[i];
    }
    mem_free(copy);
}

/* --- llhttp's vectors --- */

/* Requests that llhttp takes and we refuse, each with our rule. Without a Host, one is put in
 * first. */
static const struct {
    const char *title, *rule;
} stricter[] = {
    { "CRLF between requests, implicit `keep-alive`", "no empty line before a request" },
    { "Should parse multiple events", "no empty line before a request" },
    { "Prefix newline", "no empty line before a request" },
    { "Request starting with CRLF", "no empty line before a request" },
    { "Host terminated by a query string", "no empty line before a request" },
    { "Funky `Content-Length` with body", "HTTP/1.1 alone" },
    { "Apache bench GET", "HTTP/1.1 alone" },
    { "No HTTP version", "HTTP/1.1 alone" },
    { "SOURCE request with ICE", "HTTP/1.1 alone" },
    { "OPTIONS request with RTSP", "HTTP/1.1 alone" },
    { "ANNOUNCE request with RTSP", "HTTP/1.1 alone" },
    { "M-SEARCH request", "`*` with OPTIONS alone" },
    { "PRI request HTTP2", "`*` with OPTIONS alone" },
    { "curl GET", "Host: a name or an address, and a port" },
    { "Firefox GET", "Host: a name or an address, and a port" },
    { "`host:port` terminated by a query string", "target and Host agree" },
    { "`host:port` terminated by a space", "target and Host agree" },
    { "`host:port` and basic auth", "target and Host agree" },
    { "Quotes in URI", "target: RFC 3986's characters alone" },
    { "Query URL with vertical bar character", "target: RFC 3986's characters alone" },
    { "Fragment in URI", "target: RFC 3986's characters alone" },
    { "POST with `chunked` as last transfer-encoding", "Transfer-Encoding: `chunked` alone" },
    { "POST with `chunked` as last transfer-encoding (multiple headers)",
      "Transfer-Encoding: `chunked` alone" },
};

/* Not about heads: pauses of llhttp's callers, what follows `Connection: close` (the server reads
 * no more then). */
static bool is_other_matter(struct bytes title, struct bytes log)
{
    static const char *const codes[] = { "error code=5 ", "error code=21 ", "error code=22 ",
                                         "error code=23 ", "error code=24 " };
    for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
        if (bytes_find(log, bytes_str(codes[i])) != log.n) {
            return true;
        }
    }
    /* Any token is a method here: which ones exist is the handler's business. */
    return bytes_equal_str(title, "Invalid method");
}

static bool is_stricter(const char *title)
{
    for (size_t i = 0; i < ARRAY_LEN(stricter); i++) {
        if (strcmp(stricter[i].title, title) == 0) {
            return true;
        }
    }
    return false;
}

/* How llhttp's own runner reads a block: \ at a line's end joins, line ends are CRLF, then escapes.
 */
static void vector_decode(struct bytes text, struct buf *out)
{
    if (text.n != 0 && text.p[text.n - 1] == '\n') {
        text.n--;
    }
    for (size_t i = 0; i < text.n; i++) {
        struct bytes rest = bytes_slice(text, i, text.n);
        if (bytes_has_prefix(rest, BYTES_LIT("\\\n"))) {
            i++;
        } else if (rest.p[0] == '\n') {
            buf_add_str(out, "\r\n");
        } else if (rest.p[0] == '\\' && rest.n > 1 && strchr("rntf", rest.p[1]) != NULL) {
            static const char to[] = "\r\n\t\f";
            buf_add_u8(out, (uint8_t)to[strchr("rntf", rest.p[1]) - "rntf"]);
            i++;
        } else if (bytes_has_prefix(rest, BYTES_LIT("\\x")) && rest.n >= 4) {
            char hex[3] = { (char)rest.p[2], (char)rest.p[3], '\0' };
            buf_add_u8(out, (uint8_t)strtoul(hex, NULL, 16));
            i += 3;
        } else {
            buf_add_u8(out, rest.p[0]);
        }
    }
}

/* Drops one message from the front. ERRC_AGAIN: it is incomplete. */
static enum errc message_take(struct bytes *in, struct error *e)
{
    struct outcome *o = parse(*in);
    if (o->code != ERRC_OK) {
        *e = o->e;
        return o->code;
    }
    *in = bytes_slice(*in, o->head_n, in->n);
    if (!o->r.is_chunked) {
        bool is_short = o->r.length > in->n;
        *in = bytes_slice(*in, is_short ? in->n : (size_t)o->r.length, in->n);
        return is_short ? ERRC_AGAIN : ERRC_OK;
    }
    struct http_chunked c;
    http_chunked_init(&c);
    uint8_t sink[65536];
    size_t used = 0, n = 0;
    bool is_end = false;
    enum errc code = http_chunked_decode(&c, *in, sink, sizeof(sink), &used, &n, &is_end, e).code;
    if (code != ERRC_OK) {
        return code;
    }
    *in = bytes_slice(*in, used, in->n);
    return is_end ? ERRC_OK : ERRC_AGAIN;
}

static enum errc stream_take(struct bytes in, bool is_bad, struct error *e)
{
    CLEANUP(buf_done) struct buf with_host = BUF(1 << 20);
    if (is_bad) { /* some are cut before what is wrong could end */
        buf_add(&with_host, in);
        buf_add_str(&with_host, "\r\n\r\n");
        in = buf_bytes(&with_host);
    }
    while (in.n != 0) {
        struct bytes was = in;
        enum errc code = message_take(&in, e);
        if (code == ERRC_FORMAT && strcmp(e->msg, "no Host") == 0) {
            struct buf next = BUF(1 << 20);
            size_t line = bytes_find(was, BYTES_LIT("\r\n")) + 2;
            buf_add(&next, bytes_slice(was, 0, line));
            buf_add_str(&next, "Host: hypnotoad.org\r\n");
            buf_add(&next, bytes_slice(was, line, was.n));
            buf_done(&with_host);
            with_host = next;
            in = buf_bytes(&with_host);
            continue;
        }
        if (code != ERRC_OK) {
            return code;
        }
    }
    return ERRC_OK;
}

static void vector_run(const char *file, struct bytes title, struct bytes text, struct bytes log,
                       size_t *ret_bad)
{
    CLEANUP(buf_done) struct buf in = BUF(1 << 20);
    struct error e = { 0 };
    char name[128];
    snprintf(name, sizeof(name), "%.*s", BYTES_FMT(title));
    vector_decode(text, &in);
    bool is_bad = bytes_find(log, BYTES_LIT("error code=")) != log.n;
    enum errc code = stream_take(buf_bytes(&in), is_bad, &e);
    bool is_taken = code == ERRC_OK || code == ERRC_AGAIN;
    if (is_bad && is_taken) {
        print_message("# %s: %s: must be refused\n", file, name);
        ++*ret_bad;
    }
    if (!is_bad && !is_taken && !is_stricter(name)) {
        print_message("# %s: %s: refused: %s\n", file, name, e.msg);
        ++*ret_bad;
    }
    if (!is_bad && is_taken && is_stricter(name)) {
        print_message("# %s: %s: accepted, though listed\n", file, name);
        ++*ret_bad;
    }
}

static struct bytes block_take(struct bytes *in, struct bytes from, struct bytes to)
{
    *in = bytes_slice(*in, bytes_find(*in, from) + from.n, in->n);
    size_t end = bytes_find(*in, to);
    struct bytes block = bytes_slice(*in, 0, end);
    *in = bytes_slice(*in, end, in->n);
    return block;
}

static void test_llhttp(void **state)
{
    (void)state;
    static const char *const files[] = {
        "connection", "content-length",    "finish", "invalid", "method",         "pipelining",
        "sample",     "transfer-encoding", "uri",    "pausing", "lenient-version"
    };
    size_t bad = 0, ran = 0;
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        char path[128];
        snprintf(path, sizeof(path), "llhttp-md/request/%s.md", files[i]);
        struct bytes whole = vectors_read(path), in = whole;
        struct bytes title = BYTES_NONE;
        while (in.n != 0) {
            struct bytes line;
            struct bytes at = in;
            (void)bytes_split(&in, '\n', &line);
            if (bytes_has_prefix(line, BYTES_LIT("##"))) {
                title = bytes_trim(line, "# ");
            }
            if (!bytes_has_prefix(line, BYTES_LIT("<!-- meta="))) {
                continue;
            }
            in = at;
            struct bytes meta = block_take(&in, BYTES_LIT("\"type\":"), BYTES_LIT("\n"));
            struct bytes text = block_take(&in, BYTES_LIT("```http\n"), BYTES_LIT("```\n"));
            struct bytes log = block_take(&in, BYTES_LIT("```log\n"), BYTES_LIT("```"));
            if (bytes_find(meta, BYTES_LIT("lenient")) == meta.n && !is_other_matter(title, log)) {
                vector_run(files[i], title, text, log, &bad);
                ran++;
            }
        }
        free((void *)(uintptr_t)whole.p);
    }
    print_message("# %zu vectors\n", ran);
    assert_true(ran > 100);
    assert_int_equal(bad, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),   cmocka_unit_test(test_every_cut),
        cmocka_unit_test(test_fields), cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_flips),  cmocka_unit_test(test_llhttp),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
