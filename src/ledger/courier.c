/* Calls to witnesses and time-stamping authorities. */
#include "ledger/courier.h"

#include "base/text.h"
#include "net/client.h"

#define ANSWER_MAX (16u * 1024)

void witness_request(struct bytes note, uint64_t old_size, const struct tree_proof *proof,
                     struct buf *out)
{
    buf_add_str(out, "old ");
    buf_add_u64_dec(out, old_size);
    buf_add_u8(out, '\n');
    for (size_t i = 0; i < proof->n; i++) {
        buf_add_base64(out, BYTES_OF(proof->hashes[i].b));
        buf_add_u8(out, '\n');
    }
    buf_add_u8(out, '\n');
    buf_add(out, note);
}

/* Puts the lines behind the note and verifies: what is not the witness's own is left out. */
static RESULT lines_check(const struct witness_call *c, struct bytes lines, struct buf *ret_lines,
                          struct error *e)
{
    CLEANUP(buf_done_p) struct buf whole = BUF(NOTE_MAX);
    CLEANUP(mem_free_p) struct note *n = mem_alloc(sizeof(*n));
    uint64_t time_s = 0;

    TRY(note_parse(c->note, n, e));
    buf_add(&whole, n->text);
    buf_add_u8(&whole, '\n');
    buf_add(&whole, lines);
    TRY_MSG(buf_result(&whole), e, "cosignature");
    TRY(note_parse(buf_bytes(&whole), n, e));
    TRY(note_verify(n, c->key, &time_s, e));
    for (size_t i = 0; i < n->signature_count; i++) {
        const struct note_signature *s = &n->signatures[i];
        if (bytes_equal_str(s->name, c->key->name) &&
            memcmp(s->id, c->key->id, sizeof(s->id)) == 0) {
            buf_add(ret_lines, s->line);
            return buf_result(ret_lines);
        }
    }
    FAIL(e, ERRC_BUG, "a verified signature is not there");
}

static RESULT refusal(unsigned status, struct bytes body, uint64_t *ret_size, struct error *e)
{
    struct bytes size = bytes_trim(body, "\n");

    switch (status) {
    case 409:
        if (!result_is_ok(num_u64(size, 0, INT64_MAX, ret_size))) {
            FAIL(e, ERRC_FORMAT, "409 without a size");
        }
        FAIL(e, ERRC_CONFLICT, "the witness is at another size");
    case 404:
        FAIL(e, ERRC_NOT_FOUND, "the witness does not follow this log");
    case 403:
        FAIL(e, ERRC_DENIED, "the witness does not take the log's signature");
    case 422:
        FAIL(e, ERRC_INTEGRITY, "the witness refuses the consistency proof");
    case 429:
    case 503:
        FAIL(e, ERRC_AGAIN, "the witness is busy (%u)", status);
    default:
        FAIL(e, ERRC_FORMAT, "the witness answers %u", status);
    }
}

RESULT witness_submit(const struct witness_call *c, struct buf *ret_lines, uint64_t *ret_size,
                      struct error *e)
{
    static const char *const headers[] = { "Content-Type: text/plain; charset=utf-8", NULL };
    CLEANUP(buf_done_p) struct buf body = BUF(2 * NOTE_MAX);
    CLEANUP(buf_done_p) struct buf answer = BUF(ANSWER_MAX);
    CLEANUP(mem_free_p) char *url = mem_printf("%s/add-checkpoint", c->url);
    unsigned status = 0;

    witness_request(c->note, c->old_size, c->proof, &body);
    TRY_MSG(buf_result(&body), e, "add-checkpoint");
    const struct http_call call = { .method = "POST",
                                    .url = url,
                                    .ca_file = c->ca_file,
                                    .headers = headers,
                                    .body = buf_bytes(&body),
                                    .timeout_ms = c->timeout_ms };
    TRY(http_client_call(&call, &status, &answer, e));
    if (status != 200) {
        TRY_MSG(refusal(status, buf_bytes(&answer), ret_size, e), e, "%s", url);
    }
    TRY_MSG(lines_check(c, buf_bytes(&answer), ret_lines, e), e, "%s", url);
    return RESULT_OK;
}

RESULT tsa_stamp(const char *url, const char *ca_file, struct bytes tsa_ca_pem,
                 const uint8_t digest[SHA256_BYTES], const struct rng *rng, int64_t timeout_ms,
                 struct tsa_facts *ret, struct buf *ret_token, struct error *e)
{
    static const char *const headers[] = { "Content-Type: application/timestamp-query", NULL };
    CLEANUP(buf_done_p) struct buf query = BUF(4096);
    CLEANUP(buf_done_p) struct buf answer = BUF(TSA_MAX);
    uint64_t nonce = rng_u64(rng) >> 1 | 1;
    unsigned status = 0;

    TRY(tsa_request(digest, nonce, &query, e));
    const struct http_call call = { .method = "POST",
                                    .url = url,
                                    .ca_file = ca_file,
                                    .headers = headers,
                                    .body = buf_bytes(&query),
                                    .timeout_ms = timeout_ms };
    TRY(http_client_call(&call, &status, &answer, e));
    if (status != 200) {
        FAIL(e, status >= 500 ? ERRC_AGAIN : ERRC_DENIED, "%s: answers %u", url, status);
    }
    TRY_MSG(tsa_check_response(buf_bytes(&answer), digest, nonce, tsa_ca_pem, ret, ret_token, e), e,
            "%s", url);
    return RESULT_OK;
}
