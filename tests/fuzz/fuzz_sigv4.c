/* A request as "METHOD target\n" and "Name:value\n" lines through parsing, the canonical request
 * and the check. */
#include "base/bytes.h"
#include "crypto/hash.h"
#include "identity/sigv4.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes in = bytes_of(data, size), line;
    struct sigv4_header headers[32];
    struct sigv4_request rq = { .headers = headers };
    struct sigv4_claim claim;
    struct error e;
    const int64_t now_ms = 1369353600000; /* 20130524T000000Z */

    bool more = bytes_split(&in, '\n', &line);
    if (!bytes_split(&line, ' ', &rq.method)) {
        return 0;
    }
    rq.query = line;
    if (!bytes_split(&rq.query, '?', &rq.path)) {
        rq.query = BYTES_NONE;
    }
    while (more && rq.header_count < ARRAY_LEN(headers)) {
        more = bytes_split(&in, '\n', &line);
        struct sigv4_header *h = &headers[rq.header_count];
        h->value = line;
        rq.header_count += bytes_split(&h->value, ':', &h->name);
    }
    CLEANUP(arena_free_p) struct arena *arena = arena_new(4096, false);
    if (sigv4_claim_parse(&rq, now_ms, arena, &claim, &e) != SIGV4_OK) {
        return 0;
    }
    if (claim.payload_text.n == 0) {
        uint8_t digest[32];
        sha256(BYTES_NONE, digest);
        sigv4_claim_set_digest(&claim, arena, digest);
    }
    struct key256 key;
    sigv4_signing_key(BYTES_LIT("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"), claim.date,
                      claim.region, claim.service, &key);
    if (sigv4_verify(&rq, &claim, &key, &e) == SIGV4_OK) {
        struct sigv4_chain chain;
        sigv4_chain_init(&chain, &claim, &key);
        result_ignore(sigv4_chain_chunk(&chain, claim.signature, bytes_str(claim.signature_hex)));
        sigv4_chain_wipe(&chain);
    }
    return 0;
}
