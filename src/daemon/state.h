/*
 * The state folder: made once by `troth init`, opened by each role. Layout in ARCHITECTURE.md.
 */
#ifndef TROTH_DAEMON_STATE_H
#define TROTH_DAEMON_STATE_H

#include "crypto/shamir.h"
#include "daemon/config.h"
#include "sys/fs.h"

#define STATE_VERSION 1

struct state_init {
    const char *dir; /* made if it is not there; else empty, half-made, or with troth.yaml alone */
    const char *origin;       /* NULL: the setting's default */
    const char *listen;       /* NULL: likewise */
    const char *const *names; /* further DNS names and addresses of the server's certificate */
    size_t name_count;
    const char *form; /* of the root key: "file", "passphrase", "shares" */
    struct bytes passphrase;
    unsigned shares_k, shares_n;
    struct shamir_share *ret_shares; /* shares_n, for form "shares" */
};
/* ERRC_EXISTS when a state is there already, or other files. Half-made folders are finished by
 * calling again with the same form of root key (ERRC_CONFLICT with another). */
RESULT state_init(const struct state_init *in, struct error *e);

/* Absolute path of an existing state folder; ERRC_NOT_FOUND names `troth init`; ERRC_UNSUPPORTED: a
 * newer version. */
RESULT state_open(const char *dir, struct buf *ret_path, struct error *e);
/* Keeps the folder for this process: ERRC_CONFLICT "another server runs on ...". */
RESULT state_lock(const char *dir, struct fs **ret_fs, struct fs_file **ret_lock, struct error *e);
/* A path of the configuration: absolute as it is, else below dir. */
void state_path(const char *dir, const char *path, struct buf *out);

#endif
