/* What SigV4 signs: the canonical request, and the strings of chunk signatures. */
#include "identity/sigv4.h"

#include "base/text.h"
#include "crypto/hash.h"
#include "crypto/hmac.h"

#define PARAMS_MAX 128 /* query parameters */

/* Removes empty and "." segments and resolves ".."; keeps a slash at the end. RFC 3986
 * section 5.2.4. */
static void add_normalised_path(struct buf *out, struct bytes path)
{
    struct bytes segments[256], one = BYTES_NONE;
    size_t n = 0;
    bool more = true, is_last_dir = false;

    while (more) {
        more = bytes_split(&path, '/', &one);
        bool is_dot = bytes_equal_str(one, ".");
        bool is_up = bytes_equal_str(one, "..");
        is_last_dir = one.n == 0 || is_dot || is_up;
        if (is_up) {
            n -= n > 0;
        } else if (!is_last_dir && n < ARRAY_LEN(segments)) {
            segments[n++] = one;
        } else if (!is_last_dir) {
            out->err = ERRC_LIMIT;
            return;
        }
    }
    for (size_t i = 0; i < n; i++) {
        buf_add_u8(out, '/');
        buf_add_percent(out, segments[i], false);
    }
    if (n == 0 || is_last_dir) {
        buf_add_u8(out, '/');
    }
}

static struct result add_path(struct buf *out, struct bytes path, bool is_s3)
{
    if (path.n == 0) {
        buf_add_u8(out, '/');
        return RESULT_OK;
    }
    if (!is_s3) {
        add_normalised_path(out, path);
        return RESULT_OK;
    }
    CLEANUP(buf_done_p) struct buf plain = BUF(16 * 1024);
    TRY(percent_decode(path, false, &plain));
    buf_add_percent(out, buf_bytes(&plain), true);
    return RESULT_OK;
}

struct param {
    size_t at, name_n, value_n; /* in the scratch buffer: name, then value, both encoded */
};

static int param_compare(const struct buf *scratch, const struct param *a, const struct param *b)
{
    const uint8_t *pa = scratch->p + a->at, *pb = scratch->p + b->at;
    int by_name = bytes_compare(bytes_of(pa, a->name_n), bytes_of(pb, b->name_n));

    return by_name != 0 ? by_name
                        : bytes_compare(bytes_of(pa + a->name_n, a->value_n),
                                        bytes_of(pb + b->name_n, b->value_n));
}

/*
 * Decodes and encodes again, so that different spellings of one value are one. "+" is a space, as
 * it is for who reads the query: else "a+b" would have the signature of "a%2Bb" and another
 * meaning.
 */
static struct result add_encoded(struct buf *scratch, struct bytes v, size_t *ret_n)
{
    CLEANUP(buf_done_p) struct buf plain = BUF(16 * 1024);
    size_t before = scratch->n;

    TRY(percent_decode(v, true, &plain));
    buf_add_percent(scratch, buf_bytes(&plain), false);
    *ret_n = scratch->n - before;
    return buf_result(scratch);
}

static struct result add_query(struct buf *out, struct bytes query, bool is_presigned)
{
    CLEANUP(buf_done_p) struct buf scratch = BUF(128 * 1024);
    struct param params[PARAMS_MAX];
    struct bytes pair, name;
    size_t n = 0;
    bool more = query.n != 0;

    while (more) {
        more = bytes_split(&query, '&', &pair);
        if (pair.n == 0) {
            continue;
        }
        struct bytes value = pair;
        if (!bytes_split(&value, '=', &name)) {
            name = pair;
            value = BYTES_NONE;
        }
        if (is_presigned && bytes_equal_str(name, "X-Amz-Signature")) {
            continue;
        }
        if (n == PARAMS_MAX) {
            return result_of(ERRC_LIMIT);
        }
        struct param p = { .at = scratch.n };
        TRY(add_encoded(&scratch, name, &p.name_n));
        TRY(add_encoded(&scratch, value, &p.value_n));
        size_t at = n++;
        for (; at > 0 && param_compare(&scratch, &params[at - 1], &p) > 0; at--) {
            params[at] = params[at - 1];
        }
        params[at] = p;
    }
    for (size_t i = 0; i < n; i++) {
        const uint8_t *p = scratch.p + params[i].at;
        buf_add_str(out, i == 0 ? "" : "&");
        buf_add_mem(out, p, params[i].name_n);
        buf_add_u8(out, '=');
        buf_add_mem(out, p + params[i].name_n, params[i].value_n);
    }
    return RESULT_OK;
}

/* Without space at the ends; runs of white space become one space. */
static void add_trimmed(struct buf *out, struct bytes v)
{
    v = bytes_trim(v, " \t\r\n");
    size_t from = 0;
    for (size_t i = 0; i < v.n; i++) {
        bool is_space = v.p[i] == ' ' || v.p[i] == '\t' || v.p[i] == '\r' || v.p[i] == '\n';
        if (!is_space) {
            continue;
        }
        buf_add(out, bytes_slice(v, from, i));
        buf_add_u8(out, ' ');
        while (i + 1 < v.n && (v.p[i + 1] == ' ' || v.p[i + 1] == '\t' || v.p[i + 1] == '\r' ||
                               v.p[i + 1] == '\n')) {
            i++;
        }
        from = i + 1;
    }
    buf_add(out, bytes_slice(v, from, v.n));
}

static void add_headers(struct buf *out, const struct sigv4_request *rq, struct bytes names)
{
    struct bytes name;
    bool more = true;

    while (more) {
        more = bytes_split(&names, ';', &name);
        buf_add(out, name);
        bool is_first = true;
        for (size_t i = 0; i < rq->header_count; i++) {
            if (bytes_equal_nocase(rq->headers[i].name, name)) {
                buf_add_u8(out, is_first ? ':' : ',');
                add_trimmed(out, rq->headers[i].value);
                is_first = false;
            }
        }
        buf_add_u8(out, '\n');
    }
}

RESULT sigv4_canonical_request(const struct sigv4_request *rq, const struct sigv4_claim *claim,
                               struct buf *out, struct error *e)
{
    if (claim->payload_text.n == 0) {
        FAIL(e, ERRC_CONFLICT, "the digest of the body is not known yet");
    }
    buf_add(out, rq->method);
    buf_add_u8(out, '\n');
    TRY_MSG(add_path(out, rq->path, bytes_equal_str(claim->service, "s3")), e, "path");
    buf_add_u8(out, '\n');
    TRY_MSG(add_query(out, rq->query, claim->is_presigned), e, "query");
    buf_add_u8(out, '\n');
    add_headers(out, rq, claim->signed_headers);
    buf_add_u8(out, '\n');
    buf_add(out, claim->signed_headers);
    buf_add_u8(out, '\n');
    buf_add(out, claim->payload_text);
    TRY_MSG(buf_result(out), e, "canonical request");
    return RESULT_OK;
}

void sigv4_chain_init(struct sigv4_chain *c, const struct sigv4_claim *claim,
                      const struct key256 *signing_key)
{
    *c = (struct sigv4_chain){ .key = *signing_key };
    (void)snprintf(c->scope, sizeof(c->scope), "%.*s/%.*s/%.*s/aws4_request",
                   BYTES_FMT(claim->date), BYTES_FMT(claim->region), BYTES_FMT(claim->service));
    (void)snprintf(c->timestamp, sizeof(c->timestamp), "%.*s", BYTES_FMT(claim->timestamp));
    memcpy(c->previous, claim->signature_hex, sizeof(c->previous));
}

void sigv4_chain_wipe(struct sigv4_chain *c)
{
    mem_wipe(c, sizeof(*c));
}

#define EMPTY_SHA256 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static struct result chain_step(struct sigv4_chain *c, const char *head, const char *middle,
                                const uint8_t digest[32], struct bytes signature_hex)
{
    char text[512], hex[65], want[65];
    uint8_t mac[SHA256_BYTES];

    hex_encode(bytes_of(digest, 32), hex);
    int n = snprintf(text, sizeof(text), "%s\n%s\n%s\n%s\n%s%s", head, c->timestamp, c->scope,
                     c->previous, middle, hex);
    if (n < 0 || (size_t)n >= sizeof(text)) {
        return result_of(ERRC_BUG);
    }
    hmac_sha256(key256_bytes(&c->key), bytes_of(text, (size_t)n), mac);
    hex_encode(BYTES_OF(mac), want);
    bool is_equal = signature_hex.n == 64 && mem_equal_ct(want, signature_hex.p, 64);
    if (is_equal) {
        memcpy(c->previous, want, sizeof(want));
    }
    mem_wipe(mac, sizeof(mac));
    mem_wipe(want, sizeof(want));
    return result_of(is_equal ? ERRC_OK : ERRC_INTEGRITY);
}

RESULT sigv4_chain_chunk(struct sigv4_chain *c, const uint8_t chunk_sha256[32],
                         struct bytes signature_hex)
{
    return chain_step(c, "AWS4-HMAC-SHA256-PAYLOAD", EMPTY_SHA256 "\n", chunk_sha256,
                      signature_hex);
}

RESULT sigv4_chain_trailer(struct sigv4_chain *c, const uint8_t trailer_sha256[32],
                           struct bytes signature_hex)
{
    return chain_step(c, "AWS4-HMAC-SHA256-TRAILER", "", trailer_sha256, signature_hex);
}
