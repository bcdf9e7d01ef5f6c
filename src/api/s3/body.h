/*
 * The body of an S3 request, whatever its wrapping: plain, or aws-chunked with or without chunk
 * signatures and trailers. Every chunk signature is verified before the body counts as whole.
 *
 *   aws-chunked  := chunk* last trailer* CRLF
 *   chunk        := hex-size [";chunk-signature=" 64 hex] CRLF data CRLF
 *   last         := "0" [";chunk-signature=" 64 hex] CRLF
 *   trailer      := name ":" value CRLF   (x-amz-checksum-..., then x-amz-trailer-signature where
 *   signed)
 */
#ifndef TROTH_API_S3_BODY_H
#define TROTH_API_S3_BODY_H

#include "api/s3/checksum.h"
#include "api/s3/request.h"
#include "crypto/hash.h"

#define S3_CHUNK_MAX    (16ull * 1024 * 1024 * 1024)
#define S3_LINE_MAX     1024
#define S3_TRAILERS_MAX 8

/* Where the bytes of the HTTP body come from: as http_read_body. */
typedef struct result (*s3_body_source)(void *arg, void *dst, size_t cap, size_t *ret_n,
                                        struct error *e);

struct s3_body {
    struct s3_request *r;
    s3_body_source source; /* the exchange's body, unless set after s3_body_open */
    void *source_arg;
    bool is_chunked; /* aws-chunked */
    bool is_signed;  /* with chunk signatures */
    bool has_trailer;
    bool has_length;
    uint64_t length; /* of the content, where it is known before */
    uint64_t got;
    struct sigv4_chain chain;
    struct hash hash; /* of the running chunk */
    uint64_t left;    /* of the running chunk */
    bool in_chunk, is_ended;
    char signature[65]; /* announced for the running chunk */
    uint8_t ahead[S3_LINE_MAX];
    size_t ahead_at, ahead_n; /* read and not used */
    struct s3_param trailers[S3_TRAILERS_MAX];
    size_t trailer_count;
};

/* Decides the form by x-amz-content-sha256. False: *ret_err and e say why. */
bool s3_body_open(struct s3_request *r, struct s3_body *ret, enum s3_error *ret_err,
                  struct error *e);
void s3_body_done(struct s3_body *b);
DEFINE_CLEANUP_DONE(s3_body_done, struct s3_body)
/* The next content bytes; *ret_n 0 at the end, when all signatures and lengths were right. */
bool s3_body_read(struct s3_body *b, uint8_t *dst, size_t cap, size_t *ret_n,
                  enum s3_error *ret_err, struct error *e);
/* The checksum headers and trailers against what was received: known digests in `have`. False:
 * BadDigest and the like. */
bool s3_body_check(struct s3_body *b, const struct vault_checksums *have, enum s3_error *ret_err,
                   struct error *e);
/* Which digests the check will need (bits of enum vault_checksum). False: a malformed or
 * contradictory header. */
bool s3_body_wanted(struct s3_body *b, unsigned *ret_wanted, enum s3_error *ret_err,
                    struct error *e);

/* A small body whole, checked. */
bool s3_body_read_all(struct s3_request *r, struct buf *out, enum s3_error *ret_err,
                      struct error *e);

#endif
