/* The client of the house: signs, asks, takes the answer apart. */
#include "house.h"

#include "base/json.h"
#include "base/text.h"
#include "crypto/hash.h"
#include "crypto/hmac.h"
#include "identity/sigv4.h"
#include "sys/sock.h"

#include <sys/socket.h>

static void must(struct result r, const struct error *e)
{
    if (!result_is_ok(r)) {
        fprintf(stderr, "house: %s\n", e->msg);
        abort();
    }
}

struct signing {
    struct sigv4_header heads[128];
    size_t n;
    char stamp[TIME_TEXT_MAX], payload[80];
};

static void head_add(struct signing *s, const char *name, const char *value)
{
    assert_true(s->n < ARRAY_LEN(s->heads));
    s->heads[s->n++] = (struct sigv4_header){ bytes_str(name), bytes_str(value) };
}

static int by_name(const void *a, const void *b)
{
    const struct sigv4_header *x = a, *y = b;
    return bytes_compare(x->name, y->name);
}

static void authorize(const struct ask *q, struct signing *s, struct buf *out)
{
    struct error e;
    struct key256 key;
    char date[9] = { 0 }, hex[65];
    uint8_t digest[SHA256_BYTES];
    CLEANUP(buf_done_p) struct buf names = BUF(4096);
    CLEANUP(buf_done_p) struct buf canonical = BUF(256 * 1024);
    CLEANUP(buf_done_p) struct buf text = BUF(4096);
    struct bytes path = bytes_str(q->target), query = path;
    if (!bytes_split(&query, '?', &path)) {
        query = BYTES_NONE;
    }
    memcpy(date, s->stamp, 8);
    qsort(s->heads, s->n, sizeof(s->heads[0]), by_name);
    for (size_t i = 0; i < s->n; i++) {
        if (i == 0 || !bytes_equal(s->heads[i].name, s->heads[i - 1].name)) {
            buf_addf(&names, "%s%.*s", i == 0 ? "" : ";", BYTES_FMT(s->heads[i].name));
        }
    }
    struct sigv4_request rq = { bytes_str(q->method), path, query, s->heads, s->n };
    struct sigv4_claim claim = { .signed_headers = buf_bytes(&names),
                                 .payload_text = bytes_str(s->payload) };
    const char *service = q->service != NULL ? q->service : "s3";
    claim.service = bytes_str(service);
    must(sigv4_canonical_request(&rq, &claim, &canonical, &e), &e);
    sha256(buf_bytes(&canonical), digest);
    hex_encode(BYTES_OF(digest), hex);
    buf_addf(&text, "AWS4-HMAC-SHA256\n%s\n%s/%s/%s/aws4_request\n%s", s->stamp, date, REGION,
             service, hex);
    sigv4_signing_key(bytes_str(q->as->secret), bytes_str(date), BYTES_LIT(REGION),
                      bytes_str(service), &key);
    hmac_sha256(key256_bytes(&key), buf_bytes(&text), digest);
    hex_encode(BYTES_OF(digest), hex);
    buf_addf(out,
             "Authorization: AWS4-HMAC-SHA256 Credential=%s/%s/%s/%s/aws4_request, "
             "SignedHeaders=%.*s, Signature=%s\r\n",
             q->as->id, date, REGION, service, BYTES_FMT(buf_bytes(&names)), hex);
}

static void heads_build(const struct ask *q, struct buf *out)
{
    struct signing s = { 0 };
    const char *form = NULL;
    head_add(&s, "host", q->host != NULL ? q->host : "localhost");
    for (const struct head *h = q->heads; h != NULL && h->name != NULL; h++) {
        head_add(&s, h->name, h->value);
        if (strcmp(h->name, "x-amz-content-sha256") == 0) {
            form = h->value;
        }
    }
    if (q->as != NULL) {
        uint8_t digest[SHA256_BYTES];
        sha256(q->body, digest);
        hex_encode(BYTES_OF(digest), s.payload);
        if (form != NULL || q->form == BODY_UNSIGNED) {
            snprintf(s.payload, sizeof(s.payload), "%s", form != NULL ? form : "UNSIGNED-PAYLOAD");
        }
        if (form == NULL && q->service == NULL) {
            head_add(&s, "x-amz-content-sha256", s.payload);
        }
        if (q->as->token[0] != '\0') {
            head_add(&s, "x-amz-security-token", q->as->token);
        }
        (void)time_iso8601_basic(clock_wall_ms(&clock_system) + q->clock_off_ms, s.stamp);
        head_add(&s, "x-amz-date", s.stamp);
        authorize(q, &s, out);
    }
    for (size_t i = 0; i < s.n; i++) {
        buf_addf(out, "%.*s: %.*s\r\n", BYTES_FMT(s.heads[i].name), BYTES_FMT(s.heads[i].value));
    }
    if (!q->has_no_length) {
        buf_addf(out, "Content-Length: %zu\r\n", q->body.n);
    }
}

static void send_all(int fd, struct bytes v)
{
    while (v.n > 0) {
        ssize_t n = send(fd, v.p, v.n, MSG_NOSIGNAL);
        if (n <= 0) {
            return; /* refused early: the answer tells */
        }
        v = bytes_slice(v, (size_t)n, v.n);
    }
}

static void read_all(int fd, struct buf *out)
{
    for (;;) {
        uint8_t *p = buf_reserve(out, 65536);
        assert_non_null(p);
        ssize_t n = recv(fd, p, 65536, 0);
        if (n < 0) {
            fail_msg("no answer within 30 s");
        }
        if (n == 0) {
            return;
        }
        buf_commit(out, (size_t)n);
    }
}

static void dechunk(struct bytes in, struct buf *out)
{
    for (;;) {
        size_t end = bytes_find(in, BYTES_LIT("\r\n"));
        uint64_t n = 0;
        assert_int_equal(num_hex64(bytes_slice(in, 0, end), UINT32_MAX, &n).code, ERRC_OK);
        if (n == 0) {
            return;
        }
        buf_add(out, bytes_slice(in, end + 2, end + 2 + (size_t)n));
        in = bytes_slice(in, end + 4 + (size_t)n, in.n);
    }
}

static void answer_split(struct bytes in, struct answer *ret)
{
    uint64_t status = 0;
    size_t end = bytes_find(in, BYTES_LIT("\r\n\r\n"));
    if (end == in.n) {
        fail_msg("no answer: '%.*s'", BYTES_FMT(in));
    }
    assert_int_equal(num_u64(bytes_slice(in, 9, 12), 100, 599, &status).code, ERRC_OK);
    if (status == 100) {
        answer_split(bytes_slice(in, end + 4, in.n), ret);
        return;
    }
    ret->status = (unsigned)status;
    ret->head = mem_printf("%.*s\r\n", (int)end, (const char *)in.p);
    ret->body = BUF(256u << 20);
    struct bytes body = bytes_slice(in, end + 4, in.n);
    if (answer_header(ret, "transfer-encoding") != NULL) {
        dechunk(body, &ret->body);
    } else {
        buf_add(&ret->body, body);
    }
}

static void ask_on(const char *path, const struct ask *q, struct answer *ret)
{
    struct error e;
    int fd = -1;
    CLEANUP(buf_done_p) struct buf head = BUF(1 << 20);
    CLEANUP(buf_done_p) struct buf got = BUF(256u << 20);
    struct timeval tv = { .tv_sec = 30 };
    must(sock_connect_unix(path, &fd, &e), &e);
    must(sock_set_nonblocking(fd, false, &e), &e);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)), 0);
    buf_addf(&head, "%s %s HTTP/1.1\r\nConnection: close\r\n", q->method, q->target);
    heads_build(q, &head);
    buf_add_str(&head, "\r\n");
    send_all(fd, buf_bytes(&head));
    send_all(fd, q->body);
    read_all(fd, &got);
    sock_close(fd);
    answer_split(buf_bytes(&got), ret);
}

void answer_done(struct answer *a)
{
    mem_free(a->head);
    buf_done(&a->body);
    *a = (struct answer){ 0 };
}

const char *answer_header(const struct answer *a, const char *name)
{
    static char value[64 * 1024];
    struct bytes rest = bytes_str(a->head), line, field;
    while (bytes_split(&rest, '\n', &line)) {
        struct bytes v = line;
        if (bytes_split(&v, ':', &field) && bytes_equal_str_nocase(field, name)) {
            snprintf(value, sizeof(value), "%.*s", BYTES_FMT(bytes_trim(v, " \r")));
            return value;
        }
    }
    return NULL;
}

void house_ask(struct house *h, const struct ask *q, struct answer *ret)
{
    ask_on(house_path(h, false), q, ret);
}

void house_manage_ask(struct house *h, const struct ask *q, struct answer *ret)
{
    ask_on(house_path(h, true), q, ret);
}

void house_manage(struct house *h, const char *method, const char *target, const char *json,
                  struct answer *ret)
{
    struct ask q = { .method = method, .target = target, .body = bytes_str(json) };
    q.heads = json[0] != '\0' ? HEADS({ "content-type", "application/json" }) : NULL;
    ask_on(house_path(h, true), &q, ret);
}

static void member(struct json v, const char *key, char *dst, size_t cap)
{
    struct bytes text;
    struct error e = { 0 };
    must(json_get_str(v, key, &text, &e), &e);
    snprintf(dst, cap, "%.*s", BYTES_FMT(text));
}

void house_tenant(struct house *h, const char *name, struct credentials *ret)
{
    CLEANUP(answer_done_p) struct answer a = { 0 };
    CLEANUP(json_doc_free_p) struct json_doc *doc = NULL;
    char body[128];
    struct error e = { 0 };
    snprintf(body, sizeof(body), "{\"name\":\"%s\"}", name);
    house_manage(h, "POST", "/api/v1/tenants", body, &a);
    assert_int_equal(a.status, 201);
    must(json_parse(buf_bytes(&a.body), 65536, &doc, &e), &e);
    struct json v = json_root(doc);
    snprintf(ret->tenant, sizeof(ret->tenant), "%s", name);
    member(v, "account", ret->account, sizeof(ret->account));
    member(v, "access_key_id", ret->id, sizeof(ret->id));
    member(v, "secret_access_key", ret->secret, sizeof(ret->secret));
}

const struct answer *s3(struct house *h, const struct credentials *as, const char *method,
                        const char *target, struct bytes body, const struct head *heads)
{
    static struct answer last;
    struct ask q = { .as = as, .method = method, .target = target, .body = body, .heads = heads };
    answer_done(&last);
    house_ask(h, &q, &last);
    return &last;
}

const char *answer_element(const struct answer *a, const char *element)
{
    static char value[64 * 1024];
    char open[128], close[128];
    struct bytes in = buf_bytes(&a->body);
    snprintf(open, sizeof(open), "<%s>", element);
    snprintf(close, sizeof(close), "</%s>", element);
    size_t at = bytes_find(in, bytes_str(open));
    if (at == in.n) {
        return NULL;
    }
    in = bytes_slice(in, at + strlen(open), in.n);
    snprintf(value, sizeof(value), "%.*s", (int)bytes_find(in, bytes_str(close)),
             (const char *)in.p);
    return value;
}

void s3_expect(struct house *h, const struct credentials *as, const char *method,
               const char *target, struct bytes body, const struct head *heads, unsigned status,
               const char *code)
{
    const struct answer *a = s3(h, as, method, target, body, heads);
    const char *got = code == NULL ? NULL : answer_element(a, "Code");
    if (a->status != status || (code != NULL && (got == NULL || strcmp(got, code) != 0))) {
        fail_msg("%s %s: %u %s, expected %u %s\n%.*s", method, target, a->status,
                 got == NULL ? "" : got, status, code == NULL ? "" : code,
                 BYTES_FMT(buf_bytes(&a->body)));
    }
}

const struct answer *query(struct house *h, const struct credentials *as, const char *service,
                           const char *form)
{
    static struct answer last;
    struct ask q = { .as = as,
                     .method = "POST",
                     .target = "/",
                     .service = service,
                     .body = bytes_str(form),
                     .heads = HEADS({ "content-type", "application/x-www-form-urlencoded" }) };
    answer_done(&last);
    house_ask(h, &q, &last);
    return &last;
}

void query_expect(struct house *h, const struct credentials *as, const char *service,
                  const char *form, unsigned status, const char *code)
{
    const struct answer *a = query(h, as, service, form);
    const char *got = answer_element(a, "Code");
    if (a->status != status || (got == NULL) != (code == NULL) ||
        (code != NULL && strcmp(got, code) != 0)) {
        fail_msg("%s: %u %s, expected %u %s\n%.*s", form, a->status, got == NULL ? "" : got, status,
                 code == NULL ? "" : code, BYTES_FMT(buf_bytes(&a->body)));
    }
}
