/* Reading without an entry: for the checks, whose acts are logged elsewhere. */
#ifndef TROTH_VAULT_READER_H
#define TROTH_VAULT_READER_H

#include "vault/vault_priv.h"

RESULT reader_look_up(const struct vault_ctx *cx, int64_t bucket, struct bytes key,
                      const char *version, struct vault_object *ret, struct error *e);
/* As vault_get_open, but writes no entry. */
RESULT reader_open(const struct vault_ctx *cx, const struct vault_bucket *b,
                   const struct vault_object *o, uint64_t from, uint64_t length,
                   struct vault_reader **ret, struct error *e);

#endif
