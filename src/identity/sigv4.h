/*
 * AWS Signature Version 4: reading the request's claim, the canonical request, the check, and chunk
 * signatures of streaming bodies. Knows nothing of HTTP connections: it is given the parts.
 */
#ifndef TROTH_IDENTITY_SIGV4_H
#define TROTH_IDENTITY_SIGV4_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/secret.h"

struct sigv4_header {
    struct bytes name, value;
};

struct sigv4_request {
    struct bytes method, path /* encoded, as sent */, query /* encoded, as sent */;
    const struct sigv4_header *headers;
    size_t header_count;
};

enum sigv4_payload {
    SIGV4_PAYLOAD_SHA256,           /* x-amz-content-sha256 is the body's digest */
    SIGV4_PAYLOAD_UNSIGNED,         /* UNSIGNED-PAYLOAD, and presigned requests */
    SIGV4_PAYLOAD_STREAMING_SIGNED, /* STREAMING-AWS4-HMAC-SHA256-PAYLOAD */
    SIGV4_PAYLOAD_STREAMING_SIGNED_TRAILER,
    SIGV4_PAYLOAD_STREAMING_UNSIGNED_TRAILER,
};

/* What the request says about itself. Texts live in the arena. */
struct sigv4_claim {
    bool is_presigned;
    struct bytes access_key, date /* yyyymmdd */, region, service;
    struct bytes signed_headers; /* "host;x-amz-date" */
    uint8_t signature[32];
    char signature_hex[65];
    struct bytes timestamp; /* 20261122T094116Z */
    int64_t time_ms;
    int64_t expires_s;          /* presigned: 1..604800 */
    struct bytes session_token; /* X-Amz-Security-Token, or empty */
    enum sigv4_payload payload;
    uint8_t payload_sha256[32]; /* for SIGV4_PAYLOAD_SHA256 */
    struct bytes
            payload_text; /* the value as it stands in the canonical request; empty: sigv4_claim_set_digest first */
};

/* Why a claim is refused, as S3 names it. */
enum sigv4_refusal {
    SIGV4_OK,
    SIGV4_ANONYMOUS,       /* no credentials at all */
    SIGV4_MALFORMED,       /* AuthorizationHeaderMalformed / AuthorizationQueryParametersError */
    SIGV4_SKEWED,          /* RequestTimeTooSkewed */
    SIGV4_EXPIRED,         /* AccessDenied "Request has expired" */
    SIGV4_UNSIGNED_HEADER, /* a header that must be signed (host, x-amz-*) is not: AccessDenied */
    SIGV4_MISMATCH,        /* SignatureDoesNotMatch */
};

#define SIGV4_SKEW_MS (15 * 60 * 1000)

/* Parses; checks form, time against now_ms, scope date, that host and all x-amz-* headers are
 * signed. The region and the service are for the caller to check. */
enum sigv4_refusal sigv4_claim_parse(const struct sigv4_request *rq, int64_t now_ms,
                                     struct arena *arena, struct sigv4_claim *ret, struct error *e);
/*
 * For services other than S3, which do not send x-amz-content-sha256: the digest of the body as it
 * was read.
 */
void sigv4_claim_set_digest(struct sigv4_claim *claim, struct arena *arena,
                            const uint8_t sha256[32]);
/*
 * S3 paths are not normalised and are encoded once; other services normalise and encode twice (by
 * claim->service).
 */
RESULT sigv4_canonical_request(const struct sigv4_request *rq, const struct sigv4_claim *claim,
                               struct buf *out, struct error *e);
/*
 * signing_key: HMAC("AWS4"+secret, date, region, service, "aws4_request"). Constant-time compare.
 */
enum sigv4_refusal sigv4_verify(const struct sigv4_request *rq, const struct sigv4_claim *claim,
                                const struct key256 *signing_key, struct error *e);
/* For tools, tests and the bench. */
void sigv4_signing_key(struct bytes secret, struct bytes date, struct bytes region,
                       struct bytes service, struct key256 *ret);

/* Chunk signatures of STREAMING-AWS4-HMAC-SHA256-PAYLOAD: each continues from the one before. */
struct sigv4_chain {
    struct key256 key;
    char scope[128]; /* date/region/service/aws4_request */
    char timestamp[20];
    char previous[65]; /* hex */
};
void sigv4_chain_init(struct sigv4_chain *c, const struct sigv4_claim *claim,
                      const struct key256 *signing_key);
void sigv4_chain_wipe(struct sigv4_chain *c);
/*
 * ERRC_INTEGRITY when the signature is not the chunk's. chunk_sha256: digest of the chunk's data.
 */
RESULT sigv4_chain_chunk(struct sigv4_chain *c, const uint8_t chunk_sha256[32],
                         struct bytes signature_hex);
RESULT sigv4_chain_trailer(struct sigv4_chain *c, const uint8_t trailer_sha256[32],
                           struct bytes signature_hex);

#endif
