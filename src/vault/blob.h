/*
 * The header of a blob, its associated data and its lengths: docs/formats/blob.md.
 */
#ifndef TROTH_VAULT_BLOB_H
#define TROTH_VAULT_BLOB_H

#include "crypto/stream.h"
#include "keys/client.h"

#define BLOB_UID_BYTES   16
#define BLOB_HEADER_MAX  512
#define BLOB_HEADER_FILE 512 /* of a blob in a file of its own */
#define BLOB_AAD_MAX     128

struct blob_uid {
    uint8_t b[BLOB_UID_BYTES];
};

struct blob_header {
    enum crypto_suite suite;
    uint8_t prefix[STREAM_PREFIX];
    struct blob_uid uid;
    struct key_ref ref;
    uint8_t wrapped[KEY_WRAPPED_MAX];
    size_t wrapped_n;
};

/* Length of the header without zeros. */
size_t blob_header_len(const struct blob_header *h);
/* Writes exactly n bytes, blob_header_len..512. */
void blob_header_write(const struct blob_header *h, uint8_t *dst, size_t n);
/* Takes the header off the front of `in`. ERRC_INTEGRITY: checksum; ERRC_FORMAT, ERRC_UNSUPPORTED:
 * version or suite. */
RESULT blob_header_take(struct bytes *in, struct blob_header *ret, struct error *e);

/* Associated data of the wrapped data key. Returns its length. tenant: at most 63 bytes. */
size_t blob_key_aad(const struct blob_uid *uid, const char *tenant, uint8_t ret[BLOB_AAD_MAX]);
/* Associated data of each chunk. Returns its length. */
size_t blob_chunk_aad(enum crypto_suite suite, const uint8_t prefix[STREAM_PREFIX],
                      const struct blob_uid *uid, const char *tenant, uint8_t ret[BLOB_AAD_MAX]);

/* "blobs/xx/<id>" of a blob in a file. */
#define BLOB_PATH_BYTES 48
void blob_path(const struct blob_uid *uid, char ret[BLOB_PATH_BYTES]);

#endif
