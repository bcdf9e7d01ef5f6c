/* What the files of grants, notices, reviews and the house share. */
#ifndef TROTH_IDENTITY_GRANT_PRIV_H
#define TROTH_IDENTITY_GRANT_PRIV_H

#include "identity/directory_priv.h"
#include "identity/grant.h"

#define GRANT_DECIDE_MS ((int64_t)24 * 60 * 60 * 1000) /* an ask waits so long, or to its end */
#define NOTICE_DUE_MS   ((int64_t)24 * 60 * 60 * 1000)

/* prefix 'g', 'n', 'r': "g-" and 20 random of [a-z2-7]. */
void grant_id_new(struct directory *d, char prefix, char ret[GRANT_ID_BYTES]);
#define GRANT_COLUMNS                                                                              \
    "id, realm, home, user, user_name, role, policy, reason, ticket, kind, state, asked_ms,"       \
    " from_ms, until_ms, decided_ms, decided_by, decided_name, note, ended_ms, ended_by, uses,"    \
    " used_ms"
void grant_of_row(struct db_stmt *s, struct arena *arena, struct grant *ret);
/* Any reason, note, ticket: printable, within max bytes; ERRC_FORMAT names it. */
RESULT grant_text_check(const char *what, const char *v, size_t min, size_t max, struct error *e);
/* Writes a notice within a transaction. */
RESULT notice_insert(struct db_conn *c, const struct notice *n, struct error *e);
/* "key":"2026-11-22T09:41:16.123Z", or null for 0. */
void grant_kv_time(struct jsonw *w, const char *key, int64_t ms);

#endif
