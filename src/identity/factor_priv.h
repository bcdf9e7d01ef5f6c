/* Rows of second factors, for the files of their kinds. */
#ifndef TROTH_IDENTITY_FACTOR_PRIV_H
#define TROTH_IDENTITY_FACTOR_PRIV_H

#include "identity/factor.h"
#include "identity/sql_priv.h"

/* Within a job: ERRC_NOT_FOUND no such user; ERRC_CONFLICT: no person, ended; ERRC_LIMIT past
 * FACTORS_MAX. */
RESULT factor_room_check(struct db_conn *c, const char *user_id, struct error *e);
/* Within a job: the user has another active factor than this one; else ERRC_CONFLICT. */
RESULT factor_other_check(struct db_conn *c, const char *user_id, const char *factor_id,
                          struct error *e);
/* 32 hex digits. */
void factor_id_new(struct directory *d, char ret[FACTOR_ID_BYTES]);
/* 1 to 64 printable characters; ERRC_FORMAT. */
RESULT factor_name_check(const char *name, struct error *e);

#endif
