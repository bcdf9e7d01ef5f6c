/* Reading a body: the chunk framing, its signatures, its length. The checks of digests are in
 * checksum.c. */
#include "api/s3/body.h"

#include "base/text.h"

static bool refuse(enum s3_error *ret_err, enum s3_error err, struct error *e, const char *why)
{
    *ret_err = err;
    result_ignore(error_set(e, ERRC_FORMAT, "%s", why));
    return false;
}

static RESULT from_exchange(void *arg, void *dst, size_t cap, size_t *ret_n, struct error *e)
{
    return http_read_body(arg, dst, cap, ret_n, e);
}

bool s3_body_open(struct s3_request *r, struct s3_body *ret, enum s3_error *ret_err,
                  struct error *e)
{
    *ret = (struct s3_body){ .r = r, .source = from_exchange, .source_arg = r->x };
    switch (r->claim.payload) {
    case SIGV4_PAYLOAD_SHA256:
    case SIGV4_PAYLOAD_UNSIGNED:
        ret->has_length = r->http->has_length || !r->http->is_chunked;
        ret->length = r->http->length;
        return true;
    case SIGV4_PAYLOAD_STREAMING_SIGNED_TRAILER:
        ret->has_trailer = true;
        ret->is_signed = true;
        break;
    case SIGV4_PAYLOAD_STREAMING_SIGNED:
        ret->is_signed = true;
        break;
    case SIGV4_PAYLOAD_STREAMING_UNSIGNED_TRAILER:
        ret->has_trailer = true;
        break;
    }
    ret->is_chunked = true;
    struct bytes decoded = s3_header(r, "x-amz-decoded-content-length");
    if (!result_is_ok(num_u64(decoded, 0, UINT64_MAX, &ret->length))) {
        return refuse(ret_err, S3_MISSING_CONTENT_LENGTH, e,
                      "x-amz-decoded-content-length is missing or not a number");
    }
    ret->has_length = true;
    if (ret->is_signed) {
        sigv4_chain_init(&ret->chain, &r->claim, &r->signing_key);
        hash_init(&ret->hash, HASH_SHA256);
    }
    return true;
}

void s3_body_done(struct s3_body *b)
{
    sigv4_chain_wipe(&b->chain);
    hash_done(&b->hash);
}

/* What the connection failed by. */
static enum s3_error error_of_source(enum errc code)
{
    switch (code) {
    case ERRC_FORMAT:
        return S3_INVALID_REQUEST;
    case ERRC_TIMEOUT:
        return S3_REQUEST_TIMEOUT;
    default:
        return s3_error_of(code, S3_INCOMPLETE_BODY);
    }
}

/* Bytes of the HTTP body: first what was read ahead with a line. */
static bool raw_read(struct s3_body *b, uint8_t *dst, size_t cap, size_t *ret_n,
                     enum s3_error *ret_err, struct error *e)
{
    if (b->ahead_n > 0) {
        size_t n = MIN(cap, b->ahead_n);
        memcpy(dst, b->ahead + b->ahead_at, n);
        b->ahead_at += n;
        b->ahead_n -= n;
        *ret_n = n;
        return true;
    }
    struct result res = b->source(b->source_arg, dst, cap, ret_n, e);
    if (!result_is_ok(res)) {
        *ret_err = error_of_source(res.code);
        return false;
    }
    return true;
}

/* One line without its CRLF, at most S3_LINE_MAX - 2 bytes; *ret lies in b->ahead until the next
 * read. */
static bool line_read(struct s3_body *b, struct bytes *ret, enum s3_error *ret_err, struct error *e)
{
    memmove(b->ahead, b->ahead + b->ahead_at, b->ahead_n);
    b->ahead_at = 0;
    for (;;) {
        struct bytes have = bytes_of(b->ahead, b->ahead_n);
        size_t end = bytes_find(have, BYTES_LIT("\r\n"));
        if (end < have.n) {
            *ret = bytes_slice(have, 0, end);
            b->ahead_at = end + 2;
            b->ahead_n -= end + 2;
            return true;
        }
        if (b->ahead_n == S3_LINE_MAX) {
            return refuse(ret_err, S3_INVALID_REQUEST, e, "aws-chunked: a line is too long");
        }
        size_t n = 0;
        struct result res =
                b->source(b->source_arg, b->ahead + b->ahead_n, S3_LINE_MAX - b->ahead_n, &n, e);
        if (!result_is_ok(res)) {
            *ret_err = error_of_source(res.code);
            return false;
        }
        if (n == 0) {
            return refuse(ret_err, S3_INCOMPLETE_BODY, e,
                          "aws-chunked: the body ends in the middle");
        }
        b->ahead_n += n;
    }
}

static bool chunk_head_read(struct s3_body *b, enum s3_error *ret_err, struct error *e)
{
    struct bytes line, size;
    if (!line_read(b, &line, ret_err, e)) {
        return false;
    }
    struct bytes extension = line;
    bool has_extension = bytes_split(&extension, ';', &size);
    if (!result_is_ok(num_hex64(size, S3_CHUNK_MAX, &b->left))) {
        return refuse(ret_err, S3_INVALID_REQUEST, e,
                      "aws-chunked: chunk size is not a hexadecimal number");
    }
    if (b->is_signed) {
        struct bytes prefix = BYTES_LIT("chunk-signature=");
        if (!has_extension || !bytes_has_prefix(extension, prefix) ||
            extension.n != prefix.n + 64) {
            return refuse(ret_err, S3_SIGNATURE_DOES_NOT_MATCH, e,
                          "aws-chunked: a chunk without its signature");
        }
        memcpy(b->signature, extension.p + prefix.n, 64);
        b->signature[64] = '\0';
        hash_init(&b->hash, HASH_SHA256);
    } else if (has_extension) {
        return refuse(ret_err, S3_INVALID_REQUEST, e,
                      "aws-chunked: a signature in an unsigned body");
    }
    b->in_chunk = true;
    return true;
}

/*= 2.1.3-1 "every chunk is verified before it counts" */
static bool chunk_verify(struct s3_body *b, enum s3_error *ret_err, struct error *e)
{
    if (!b->is_signed) {
        return true;
    }
    uint8_t digest[SHA256_BYTES];
    (void)hash_final(&b->hash, digest);
    if (!result_is_ok(sigv4_chain_chunk(&b->chain, digest, bytes_str(b->signature)))) {
        return refuse(
                ret_err, S3_SIGNATURE_DOES_NOT_MATCH, e,
                "The chunk signature we calculated does not match the signature you provided.");
    }
    return true;
}

static bool chunk_end(struct s3_body *b, enum s3_error *ret_err, struct error *e)
{
    struct bytes line;
    if (!line_read(b, &line, ret_err, e)) {
        return false;
    }
    if (line.n != 0) {
        return refuse(ret_err, S3_INVALID_REQUEST, e,
                      "aws-chunked: a chunk is longer than its size");
    }
    b->in_chunk = false;
    return chunk_verify(b, ret_err, e);
}

static bool trailer_keep(struct s3_body *b, struct bytes line, enum s3_error *ret_err,
                         struct error *e)
{
    struct bytes value = line, name;
    if (!bytes_split(&value, ':', &name) || name.n == 0) {
        return refuse(ret_err, S3_INVALID_REQUEST, e, "aws-chunked: malformed trailer");
    }
    if (b->trailer_count == S3_TRAILERS_MAX) {
        return refuse(ret_err, S3_INVALID_REQUEST, e, "aws-chunked: too many trailers");
    }
    b->trailers[b->trailer_count++] = (struct s3_param){
        .name = arena_bytes(b->r->arena, bytes_trim(name, " \t")),
        .value = arena_bytes(b->r->arena, bytes_trim(value, " \t\n")),
    };
    return true;
}

/* "name:value\n" for each trailer but the signature, as it was signed. */
static bool trailer_verify(struct s3_body *b, struct bytes signature, enum s3_error *ret_err,
                           struct error *e)
{
    CLEANUP(buf_done_p) struct buf text = BUF((S3_TRAILERS_MAX + 1) * S3_LINE_MAX);
    for (size_t i = 0; i < b->trailer_count; i++) {
        buf_add(&text, b->trailers[i].name);
        buf_add_u8(&text, ':');
        buf_add(&text, b->trailers[i].value);
        buf_add_u8(&text, '\n');
    }
    uint8_t digest[SHA256_BYTES];
    sha256(buf_bytes(&text), digest);
    if (!result_is_ok(sigv4_chain_trailer(&b->chain, digest, signature))) {
        return refuse(
                ret_err, S3_SIGNATURE_DOES_NOT_MATCH, e,
                "The trailer signature we calculated does not match the signature you provided.");
    }
    return true;
}

static bool trailers_read(struct s3_body *b, enum s3_error *ret_err, struct error *e)
{
    bool is_verified = !b->is_signed || !b->has_trailer;
    for (;;) {
        struct bytes line, name, value;
        if (!line_read(b, &line, ret_err, e)) {
            return false;
        }
        if (line.n == 0) {
            break;
        }
        value = line;
        if (!b->has_trailer || is_verified != !b->is_signed) {
            return refuse(ret_err, S3_INVALID_REQUEST, e,
                          "aws-chunked: unexpected bytes after the last chunk");
        }
        if (b->is_signed && bytes_split(&value, ':', &name) &&
            bytes_equal_str_nocase(name, "x-amz-trailer-signature")) {
            if (!trailer_verify(b, bytes_trim(value, " "), ret_err, e)) {
                return false;
            }
            is_verified = true;
            continue;
        }
        if (!trailer_keep(b, line, ret_err, e)) {
            return false;
        }
    }
    if (!is_verified) {
        return refuse(ret_err, S3_SIGNATURE_DOES_NOT_MATCH, e,
                      "aws-chunked: the trailer is not signed");
    }
    return true;
}

static bool body_end(struct s3_body *b, enum s3_error *ret_err, struct error *e)
{
    uint8_t more;
    size_t n = 0;
    if (b->got != b->length) {
        return refuse(ret_err, S3_INCOMPLETE_BODY, e,
                      "x-amz-decoded-content-length is not what the chunks hold");
    }
    if (!raw_read(b, &more, 1, &n, ret_err, e)) {
        return false;
    }
    if (n != 0) {
        return refuse(ret_err, S3_INVALID_REQUEST, e, "aws-chunked: bytes after the end");
    }
    b->is_ended = true;
    return true;
}

static bool chunked_read(struct s3_body *b, uint8_t *dst, size_t cap, size_t *ret_n,
                         enum s3_error *ret_err, struct error *e)
{
    *ret_n = 0;
    if (!b->in_chunk && !chunk_head_read(b, ret_err, e)) {
        return false;
    }
    if (b->left == 0) {
        b->in_chunk = false;
        return chunk_verify(b, ret_err, e) && trailers_read(b, ret_err, e) &&
               body_end(b, ret_err, e);
    }
    if (b->left > b->length - b->got) {
        return refuse(ret_err, S3_INCOMPLETE_BODY, e,
                      "more content than x-amz-decoded-content-length");
    }
    size_t n = 0;
    if (!raw_read(b, dst, (size_t)MIN((uint64_t)cap, b->left), &n, ret_err, e)) {
        return false;
    }
    if (n == 0) {
        return refuse(ret_err, S3_INCOMPLETE_BODY, e, "aws-chunked: the body ends in the middle");
    }
    if (b->is_signed) {
        hash_update(&b->hash, bytes_of(dst, n));
    }
    b->left -= n;
    b->got += n;
    *ret_n = n;
    return b->left > 0 || chunk_end(b, ret_err, e);
}

bool s3_body_read(struct s3_body *b, uint8_t *dst, size_t cap, size_t *ret_n,
                  enum s3_error *ret_err, struct error *e)
{
    *ret_n = 0;
    if (b->is_ended) {
        return true;
    }
    if (b->is_chunked) {
        return chunked_read(b, dst, cap, ret_n, ret_err, e);
    }
    if (!raw_read(b, dst, cap, ret_n, ret_err, e)) {
        return false;
    }
    b->got += *ret_n;
    b->is_ended = *ret_n == 0;
    return true;
}
