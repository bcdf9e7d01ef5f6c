/*
 * For this folder: reading CBOR (RFC 8949) as authenticators write it, by libcbor's decoder of
 * single items, which allocates nothing. Only integers, strings, arrays, maps, booleans and null,
 * all of definite length; nothing deeper than CBOR_DEPTH_MAX; no count beyond what the bytes could
 * hold.
 */
#ifndef TROTH_CRYPTO_CBOR_PRIV_H
#define TROTH_CRYPTO_CBOR_PRIV_H

#include "base/bytes.h"

#define CBOR_DEPTH_MAX 4

enum cbor_kind {
    CBOR_ITEM_INT,
    CBOR_ITEM_BYTES,
    CBOR_ITEM_TEXT,
    CBOR_ITEM_ARRAY,
    CBOR_ITEM_MAP,
    CBOR_ITEM_SIMPLE
};
struct cbor_item {
    enum cbor_kind kind;
    int64_t number;     /* of INT */
    struct bytes value; /* of BYTES and TEXT */
    size_t count;       /* of ARRAY: elements; of MAP: pairs */
};
/* The head of the next item; of an array or map the elements follow. ERRC_FORMAT. */
RESULT cbor_take(struct bytes *in, struct cbor_item *ret);
RESULT cbor_take_kind(struct bytes *in, enum cbor_kind kind, struct cbor_item *ret);
/* A whole item; *ret_raw (may be NULL) its bytes. ERRC_FORMAT. */
RESULT cbor_skip(struct bytes *in, struct bytes *ret_raw);

#endif
