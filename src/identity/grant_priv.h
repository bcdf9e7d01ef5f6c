/* What the files of grants, notices, reviews and the house share. */
#ifndef TROTH_IDENTITY_GRANT_PRIV_H
#define TROTH_IDENTITY_GRANT_PRIV_H

#include "identity/directory_priv.h"
#include "identity/grant.h"
#include "identity/name_priv.h"

#define GRANT_DECIDE_MS ((int64_t)24 * 60 * 60 * 1000) /* an ask waits so long, or to its end */
#define NOTICE_DUE_MS   ((int64_t)24 * 60 * 60 * 1000)

/* prefix 'g', 'n', 'r': "g-" and 20 random of [a-z2-7]. */
void grant_id_new(struct directory *d, char prefix, char ret[GRANT_ID_BYTES]);
#define GRANT_COLUMNS                                                                              \
    "id, realm, home, user, user_name, role, policy, reason, ticket, kind, state, asked_ms,"       \
    " from_ms, until_ms, decided_ms, decided_by, decided_name, note, ended_ms, ended_by, uses,"    \
    " used_ms"
void grant_of_row(struct db_stmt *s, struct arena *arena, struct grant *ret);
RESULT grant_rows(struct db_stmt *s, size_t max, struct arena *arena, struct grant **ret,
                  size_t *ret_n, struct error *e);
/* Any reason, note, ticket: printable, within max bytes; ERRC_FORMAT names it. */
RESULT grant_text_check(const char *what, const char *v, size_t min, size_t max, struct error *e);
/* Writes a notice within a transaction. */
RESULT notice_insert(struct db_conn *c, const struct notice *n, struct error *e);

/* When an ask that nobody decided is void. */
int64_t grant_lapses_ms(const struct grant *g);
/* Those whose end has come, or whose decision did not (at most 1000); and the step itself: PAST or
 * LAPSED, its tokens gone. */
RESULT grants_over(struct directory *d, struct arena *arena, struct grant **ret, size_t *ret_n,
                   struct error *e);
RESULT grant_clock(struct directory *d, struct grant *g, struct error *e);

/* --- grant_rules.c --- */

bool grant_is_operator(const char *user_id);
/* The realm is there, has somebody who approves, and can be asked from that home. */
RESULT grant_realm_check(struct directory *d, const char *realm, const char *home,
                         enum grant_kind kind, struct error *e);
/* The role is privileged and one of that realm for somebody of that home. */
RESULT grant_role_check(struct directory *d, const char *realm, const char *home, const char *role,
                        struct arena *arena, struct error *e);
/* Who asked may hold it: an active person, not two of the three administrators with it. */
RESULT grant_asker_check(struct directory *d, const struct grant *g, struct arena *arena,
                         struct error *e);
/* Adds the administrators (bits enum admin_kind) that a role over a realm, held by somebody of that
 * home, could ever be. */
RESULT grant_role_admins(struct directory *d, const char *realm, const char *home, const char *role,
                         struct arena *arena, unsigned *bits, struct error *e);
RESULT grant_length_check(struct directory *d, const char *realm, enum grant_kind kind,
                          int64_t length_ms, struct error *e);
RESULT grant_begin_check(enum grant_kind kind, int64_t from_ms, int64_t now_ms, struct error *e);
/* Within the transaction: standing grants asked or approved, but this one. */
RESULT grant_standing_check(struct db_conn *c, uint64_t max, const char *but_id, struct error *e);

#endif
