/* What put, multipart, delete and tags share. Within a snapshot or the writer's transaction. */
#ifndef TROTH_VAULT_OBJECT_H
#define TROTH_VAULT_OBJECT_H

#include "vault/vault_priv.h"

/* ERRC_CONFLICT when a precondition is not met. */
RESULT object_check_conditions(struct db_conn *c, int64_t bucket, struct bytes key,
                               const struct vault_conditions *cond, struct error *e);
/* 32 hex digits: ETags, upload ids. */
void object_random_hex(struct vault *v, char ret[33]);

struct upload_row {
    int64_t id, created_ms;
    enum vault_sse sse;
    char key_id[KEY_ID_BYTES];
    unsigned wanted;
    bool is_full;
    struct bytes attrs; /* of the row: until the statement is used again */
};
/* ERRC_NOT_FOUND when there is none of this id for this key. */
RESULT object_find_upload(struct db_conn *c, int64_t bucket, struct bytes key,
                          const char *upload_id, struct upload_row *ret, struct error *e);

struct stored_part {
    struct vault_part part;
    int64_t extent;
};
/* In order of their numbers, greater than `after`, at most `max`; in the arena. */
RESULT object_list_parts(struct db_conn *c, int64_t upload, uint32_t after, size_t max,
                         struct arena *a, struct stored_part **ret, size_t *ret_n, struct error *e);
/* Removes the upload; the blobs of parts that it still has go to `gc`. */
RESULT object_drop_upload(struct db_conn *c, int64_t upload, int64_t now_ms, struct error *e);

#endif
