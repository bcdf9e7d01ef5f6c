/*
 * Bodies of S3 requests: form (a byte), size of the pieces (a byte), announced length (two bytes),
 * then the body as it comes from the connection. No crash; never more content than was announced;
 * whatever the pieces, the same outcome.
 */
#include "api/s3/body.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct source {
    struct bytes left;
    size_t step;
};

static struct result source_read(void *arg, void *dst, size_t cap, size_t *ret_n, struct error *e)
{
    struct source *s = arg;
    size_t n = MIN(MIN(cap, s->left.n), s->step);
    (void)e;
    if (n > 0) {
        memcpy(dst, s->left.p, n);
        s->left = bytes_slice(s->left, n, s->left.n);
    }
    *ret_n = n;
    return RESULT_OK;
}

static enum s3_error decode(struct s3_request *r, struct bytes raw, size_t step, size_t cap,
                            struct buf *out)
{
    struct source src = { raw, step };
    CLEANUP(s3_body_done_p) struct s3_body b = { 0 };
    enum s3_error err = S3_OK;
    struct error e = { 0 };
    unsigned wanted = 0;
    uint8_t piece[256];
    if (!s3_body_open(r, &b, &err, &e)) {
        return err;
    }
    b.source = source_read;
    b.source_arg = &src;
    if (!s3_body_wanted(&b, &wanted, &err, &e)) {
        return err;
    }
    for (;;) {
        size_t n = 0;
        if (!s3_body_read(&b, piece, cap, &n, &err, &e)) {
            return err != S3_OK && e.msg[0] != '\0' ? err : (abort(), err);
        }
        if (n == 0) {
            break;
        }
        buf_add_mem(out, piece, n);
        if (b.is_chunked && out->n > b.length) {
            abort();
        }
    }
    struct vault_checksums have = { .known = wanted };
    return s3_body_check(&b, &have, &err, &e) ? S3_OK : err;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum sigv4_payload forms[] = { SIGV4_PAYLOAD_UNSIGNED,
                                                SIGV4_PAYLOAD_STREAMING_SIGNED,
                                                SIGV4_PAYLOAD_STREAMING_SIGNED_TRAILER,
                                                SIGV4_PAYLOAD_STREAMING_UNSIGNED_TRAILER };
    if (size < 4) {
        return 0;
    }
    char length[16];
    (void)snprintf(length, sizeof(length), "%u", get_be16(data + 2));
    struct http_header headers[] = {
        { BYTES_LIT("x-amz-decoded-content-length"), bytes_str(length) },
        { BYTES_LIT("x-amz-trailer"), BYTES_LIT("x-amz-checksum-crc32") },
    };
    CLEANUP(arena_free_p) struct arena *arena = arena_new(4096, false);
    struct http_request http = { .headers = headers,
                                 .header_count = (data[0] & 4) != 0 ? 2 : 1,
                                 .is_chunked = true,
                                 .arena = arena };
    static struct s3_request r;
    r = (struct s3_request){ .http = &http, .arena = arena };
    r.claim = (struct sigv4_claim){ .date = BYTES_LIT("20130524"),
                                    .region = BYTES_LIT("us-east-1"),
                                    .service = BYTES_LIT("s3"),
                                    .timestamp = BYTES_LIT("20130524T000000Z"),
                                    .payload = forms[data[0] % 4] };
    memset(r.claim.signature_hex, '0', 64);
    struct bytes raw = bytes_of(data + 4, size - 4);
    CLEANUP(buf_done_p) struct buf one = BUF(1 << 20);
    CLEANUP(buf_done_p) struct buf two = BUF(1 << 20);
    enum s3_error a = decode(&r, raw, 1u + data[1], 256, &one), b = decode(&r, raw, 4096, 17, &two);
    if (a != b || (a == S3_OK && !bytes_equal(buf_bytes(&one), buf_bytes(&two)))) {
        abort();
    }
    return 0;
}
