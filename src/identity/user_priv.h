/* Rows of users, for the files of users and groups. */
#ifndef TROTH_IDENTITY_USER_PRIV_H
#define TROTH_IDENTITY_USER_PRIV_H

#include "identity/name_priv.h"
#include "identity/sql_priv.h"

#define USER_COLUMNS                                                                               \
    "u.id, u.realm, u.name, u.path, u.kind, u.owner, u.display, u.email, u.state, u.created_ms,"   \
    " u.changed_ms, u.active_ms, u.ends_ms, u.frozen_ms, u.boundary, u.tags, u.version"
sql_row user_of_row; /* item: struct user */

/* The tenant's user "root", which owns its first keys; part of the job that makes the tenant. */
RESULT user_root_insert(struct db_conn *c, const char *id, const char *realm, int64_t now_ms,
                        struct error *e);
/* What a boundary names is a policy of this realm; "" is none. */
RESULT boundary_check(struct db_conn *c, const char *realm, const char *boundary, struct error *e);
/* ERRC_NOT_FOUND, and ERRC_CONFLICT when the tenant is closed. */
RESULT realm_is_open(struct db_conn *c, const char *realm, struct error *e);
/* Copies it where it can be a realm at all: ERRC_NOT_FOUND. */
RESULT realm_copy(const char *realm, char ret[TENANT_NAME_BYTES], struct error *e);
/* Within a job: ERRC_NOT_FOUND. */
RESULT user_of_id(struct db_conn *c, const char *id, struct arena *arena, struct user *ret,
                  struct error *e);
/* Of a user, group or role by its id; ERRC_NOT_FOUND, also for a user that has ended. */
RESULT subject_realm(struct db_conn *c, const char *id, char ret[TENANT_NAME_BYTES],
                     struct error *e);
/* 0 is whatever it is: ERRC_CONFLICT when the caller saw another version. */
RESULT version_check(uint64_t want, uint64_t is, struct error *e);

#endif
