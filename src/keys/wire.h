/*
 * Requests to the keeper and their bodies; shared by client and keeper. Texts and byte strings are
 * prefixed by their length as two bytes, numbers are big-endian.
 */
#ifndef TROTH_KEYS_WIRE_H
#define TROTH_KEYS_WIRE_H

#include "keys/client.h"

enum keys_op {
    KEYS_OP_DATA_KEY = 1,     /* tenant, id, aad -> data key */
    KEYS_OP_UNWRAP,           /* tenant, id, version(4), aad, wrapped -> key(32) */
    KEYS_OP_REWRAP,           /* as unwrap -> data key, its key zeros */
    KEYS_OP_SIGV4_KEY,        /* tenant, aad, sealed, date, region, service -> key(32) */
    KEYS_OP_SEAL_SECRET,      /* tenant, aad, secret -> sealed (the rest) */
    KEYS_OP_METADATA_KEY,     /* -> key(32); once a connection */
    KEYS_OP_TENANT_CREATE,    /* tenant, suite(1) -> info */
    KEYS_OP_CREATE,           /* tenant, suite(1), description, custodian -> info */
    KEYS_OP_SHOW,             /* tenant, id -> info */
    KEYS_OP_LIST,             /* tenant, from(4) -> count(2), infos */
    KEYS_OP_ROTATE,           /* tenant, id -> info */
    KEYS_OP_SET_ENABLED,      /* tenant, id, enabled(1) -> info */
    KEYS_OP_SCHEDULE_DESTROY, /* tenant, id, wait_ms(8), requested by -> info */
    KEYS_OP_CANCEL_DESTROY,   /* tenant, id -> info */
    KEYS_OP_DESTROY,         /* tenant, id, confirmed by, two_person(1) -> certificate (the rest) */
    KEYS_OP_TENANT_CLOSE,    /* tenant, confirmed by -> certificate (the rest) */
    KEYS_OP_SIGN_STATEMENT,  /* context, text -> note (the rest) */
    KEYS_OP_STATEMENT_VKEY,  /* -> vkey (the rest) */
    KEYS_OP_SIGN_CHECKPOINT, /* log, origin, size(8), root(32) -> note (the rest) */
    KEYS_OP_LOG_PAYLOAD_KEY, /* log, month -> suite(1), key(32) */
    KEYS_OP_LOG_VKEY,        /* log, origin -> vkey (the rest) */
    KEYS_OP_ROOT_INFO,       /* -> form(1), id(8), k(1), n(1), memory(4), passes(4), lanes(4) */
    KEYS_OP_TOTP, /* tenant, aad, sealed, alg(1), first step(8), steps(1), code -> step(8) */
    KEYS_OP_END_
};

#define KEYS_LIST_PAGE     256
#define KEYS_ORIGIN_MAX    200
#define KEYS_SMALL_REQUEST 1024
#define KEYS_SEALED_MAX    (KEY_SECRET_MAX + 65)
#define KEYS_REPLY_MAX     (256u * 1024)

void wire_add_str(struct buf *out, const char *s);
/* Less than n bytes, without a zero inside: ERRC_FORMAT. */
RESULT wire_take_str(struct bytes *in, char *dst, size_t n);
RESULT wire_take_bool(struct bytes *in, bool *ret);
RESULT wire_take_suite(struct bytes *in, enum crypto_suite *ret);

void wire_add_info(struct buf *out, const struct key_info *k);
RESULT wire_take_info(struct bytes *in, struct key_info *ret);
void wire_add_data_key(struct buf *out, const struct data_key *k);
RESULT wire_take_data_key(struct bytes *in, struct data_key *ret);

#endif
