/* Rows of the metadata store as the structs of the vault. Within a snapshot or the writer's
 * transaction. */
#ifndef TROTH_VAULT_ROW_H
#define TROTH_VAULT_ROW_H

#include "vault/vault_priv.h"

/* version: "", "null"; any other is not there. Results live in `a`. ERRC_NOT_FOUND. */
RESULT row_object(struct db_conn *c, int64_t bucket, struct bytes key, const char *version,
                  struct arena *a, struct vault_object *ret, struct error *e);
RESULT row_extent(struct db_conn *c, int64_t id, struct extent *ret, struct error *e);
/* The extent of a chain in which byte `at` of the object lies, and where it starts. ERRC_NOT_FOUND.
 */
RESULT row_chain(struct db_conn *c, int64_t chain, uint64_t at, struct extent *ret,
                 uint64_t *ret_start, struct error *e);
/* Place and length of the link `number` (from 1) of a chain. ERRC_NOT_FOUND. */
RESULT row_chain_part(struct db_conn *c, int64_t chain, uint32_t number, uint64_t *ret_start,
                      uint64_t *ret_n, struct error *e);
/* True while the object still consists of this extent or chain. */
RESULT row_object_is(struct db_conn *c, int64_t bucket, struct bytes key, const struct extent *x,
                     bool *ret, struct error *e);

/* What an insert or a delete needs of what was there before. */
struct row_old {
    bool exists;
    int64_t extent, chain;
    uint64_t size;
    char etag[VAULT_ETAG_BYTES];
    int64_t modified_ms;
};
RESULT row_old(struct db_conn *c, int64_t bucket, struct bytes key, struct row_old *ret,
               struct error *e);
/* Writes the row over what was there (which goes to `gc`) and counts it. o: as it shall be;
 * ERRC_NOT_FOUND: no such bucket. */
RESULT row_put_object(struct db_conn *c, int64_t bucket, const struct vault_object *o,
                      struct bytes attrs, int64_t extent, int64_t chain, const struct row_old *old,
                      struct error *e);
/* Adds an extent of a tenant, sets x->id. */
RESULT row_add_extent(struct db_conn *c, const char *tenant, struct extent *x, struct error *e);
/*
 * Sets place, length, key and wrapped key of a row to those of `to` if it still lies where x says.
 * tenant NULL: the key stays.
 */
RESULT row_move_extent(struct db_conn *c, const char *tenant, const struct extent *x,
                       const struct extent *to, bool *ret_moved, struct error *e);
/* To be freed by housekeeping. One of them is not 0. */
RESULT row_retire(struct db_conn *c, int64_t extent, int64_t chain, int64_t now_ms,
                  struct error *e);
RESULT row_count(struct db_conn *c, int64_t bucket, int64_t objects, int64_t bytes,
                 struct error *e);

/* The columns EXTENT_COLUMNS of table aliases e and k, from column `i` of a row. */
#define EXTENT_COLUMNS                                                                             \
    "e.id, e.uid, e.pack, e.at, e.length, e.size, e.prefix, e.wrapped, k.key_id, k.version, "      \
    "k.suite, k.custodian"
#define EXTENT_COLUMN_COUNT 12
RESULT row_get_extent(struct db_stmt *s, int i, struct extent *ret, struct error *e);

#endif
