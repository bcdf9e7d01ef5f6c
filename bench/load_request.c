/* Request heads: S3 with AWS Signature Version 4 in the header, or the raw protocol's 16 bytes. */
#include "base/clock.h"
#include "base/text.h"
#include "crypto/crc.h"
#include "crypto/hmac.h"
#include "identity/sigv4.h"
#include "load.h"

#include <stdio.h>
#include <time.h>

void load_signer_init(struct load_signer *s, const struct load *l)
{
    *s = (struct load_signer){ .l = l, .second = -1 };
}

/* Time and signing key change seldom. */
static void refresh(struct load_signer *s)
{
    int64_t now = clock_wall_ms(&clock_system);
    char text[TIME_TEXT_MAX];

    if (now / 1000 == s->second) {
        return;
    }
    s->second = now / 1000;
    (void)time_iso8601_basic(now, text);
    memcpy(s->stamp, text, sizeof(s->stamp));
    s->stamp[16] = '\0';
    memcpy(s->date, text, 8);
    if (memcmp(s->date, s->key_date, sizeof(s->date)) != 0) {
        memcpy(s->key_date, s->date, sizeof(s->date));
        sigv4_signing_key(bytes_str(s->l->o.secret_key), bytes_str(s->date),
                          bytes_str(s->l->o.region), BYTES_LIT("s3"), &s->key);
    }
}

static const char *signed_names(const struct load_options *o)
{
    return o->has_crc32c && o->mode == LOAD_PUT
                   ? "host;x-amz-checksum-crc32c;x-amz-content-sha256;x-amz-date"
                   : "host;x-amz-content-sha256;x-amz-date";
}

static void sign(const struct load_signer *s, const char *path, const char *lines,
                 const char *payload, char ret_hex[65])
{
    char text[LOAD_HEAD_MAX], hex[65];
    uint8_t digest[SHA256_BYTES];
    const struct load_options *o = &s->l->o;

    int n = snprintf(text, sizeof(text), "%s\n%s\n\n%s\n%s\n%s",
                     o->mode == LOAD_PUT ? "PUT" : "GET", path, lines, signed_names(o), payload);
    sha256(bytes_of(text, (size_t)n), digest);
    hex_encode(BYTES_OF(digest), hex);
    n = snprintf(text, sizeof(text), "AWS4-HMAC-SHA256\n%s\n%s/%s/s3/aws4_request\n%s", s->stamp,
                 s->date, o->region, hex);
    hmac_sha256(key256_bytes(&s->key), bytes_of(text, (size_t)n), digest);
    hex_encode(BYTES_OF(digest), ret_hex);
}

static size_t head_raw(const struct load_options *o, char *dst)
{
    memset(dst, 0, LOAD_RAW_HEAD);
    dst[0] = o->mode == LOAD_PUT ? 'U' : 'D';
    put_be64((uint8_t *)dst + 8, o->size);
    return LOAD_RAW_HEAD;
}

size_t load_head(struct load_signer *s, uint64_t ticket, char *dst)
{
    const struct load_options *o = &s->l->o;
    char path[256], lines[512], signature[65], crc[64] = "", length[64] = "";
    bool is_put = o->mode == LOAD_PUT;
    const char *payload = is_put ? s->l->payload_text : "UNSIGNED-PAYLOAD";

    if (o->is_raw) {
        return head_raw(o, dst);
    }
    refresh(s);
    (void)snprintf(path, sizeof(path), "/%s/%s%08llu", o->bucket, o->prefix,
                   (unsigned long long)(o->keys == 0 ? ticket : ticket % o->keys));
    if (is_put) {
        (void)snprintf(length, sizeof(length), "content-length:%llu\r\n",
                       (unsigned long long)o->size);
        if (o->has_crc32c) {
            (void)snprintf(crc, sizeof(crc), "x-amz-checksum-crc32c:%s\n", s->l->crc_text);
        }
    }
    (void)snprintf(lines, sizeof(lines), "host:%s:%u\n%sx-amz-content-sha256:%s\nx-amz-date:%s\n",
                   o->host, o->port, crc, payload, s->stamp);
    sign(s, path, lines, payload, signature);
    if (crc[0] != '\0') {
        memcpy(crc + strlen(crc) - 1, "\r\n", 3);
    }
    int n = snprintf(dst, LOAD_HEAD_MAX,
                     "%s %s HTTP/1.1\r\nhost:%s:%u\r\n%s%sx-amz-content-sha256:%s\r\n"
                     "x-amz-date:%s\r\nauthorization:AWS4-HMAC-SHA256 Credential=%s/%s/%s/s3/"
                     "aws4_request,SignedHeaders=%s,Signature=%s\r\n\r\n",
                     is_put ? "PUT" : "GET", path, o->host, o->port, length, crc, payload, s->stamp,
                     o->access_key, s->date, o->region, signed_names(o), signature);
    return (size_t)n;
}

/* The pattern is the same in every run, so that a GET may check what a run before it put. */
void load_content(struct load *l)
{
    uint64_t x = 0x9e3779b97f4a7c15;
    uint8_t digest[SHA256_BYTES], be[4];
    uint32_t crc = 0;
    struct hash h;
    CLEANUP(buf_done_p) struct buf text = BUF(64);

    l->pattern = mem_alloc(LOAD_PATTERN);
    for (size_t i = 0; i < LOAD_PATTERN; i += 8) {
        x ^= x << 13, x ^= x >> 7, x ^= x << 17;
        put_be64(l->pattern + i, x);
    }
    hash_init(&h, HASH_SHA256);
    for (uint64_t at = 0; at < l->o.size; at += LOAD_PATTERN) {
        struct bytes part = bytes_of(l->pattern, (size_t)MIN(l->o.size - at, LOAD_PATTERN));
        crc = l->o.has_crc32c ? crc32c_update(crc, part) : 0;
        if (l->o.has_sha256) {
            hash_update(&h, part);
        }
    }
    (void)hash_final(&h, digest);
    hash_done(&h);
    if (l->o.has_sha256) {
        hex_encode(BYTES_OF(digest), l->payload_text);
    } else {
        (void)snprintf(l->payload_text, sizeof(l->payload_text), "UNSIGNED-PAYLOAD");
    }
    put_be32(be, crc);
    buf_add_base64(&text, BYTES_OF(be));
    (void)snprintf(l->crc_text, sizeof(l->crc_text), "%s", buf_cstr(&text));
}
