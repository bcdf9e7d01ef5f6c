/*
 * The root key: 32 bytes that everything the keeper holds is wrapped under. It lies in one small
 * file in one of three forms:
 *
 *   ROOT_IN_FILE        the key itself; the file's mode (0600 or stricter) and owner are its only
 *   protection ROOT_BY_PASSPHRASE  boxed under Argon2id of a passphrase; the parameters stand in
 *   the file ROOT_BY_SHARES      not in the file at all: k of n shares (crypto/shamir.h) give it
 *   back
 *
 * Format: docs/formats/keyring.md. Every form carries the root's id, by which a wrong passphrase or
 * foreign shares are told from a damaged file. All functions block.
 */
#ifndef TROTH_KEYS_ROOT_H
#define TROTH_KEYS_ROOT_H

#include "crypto/password.h"
#include "crypto/shamir.h"
#include "sys/fs.h"

#define ROOT_ID_BYTES 8

enum root_form { ROOT_IN_FILE = 1, ROOT_BY_PASSPHRASE = 2, ROOT_BY_SHARES = 3 };
const char *root_form_name(enum root_form f); /* "file", "passphrase", "shares"; NULL for none */

/*
 * Names the key without telling anything of it: the first bytes of HMAC-SHA-256(root, "troth root
 * id v1").
 */
void root_id(const struct secret *root, uint8_t ret[ROOT_ID_BYTES]);

RESULT root_generate(const struct rng *rng, struct secret **ret);

/*
 * Each writes the file anew, atomically and durably. With `may_replace` false: ERRC_EXISTS when it
 * is there (first use); with true the same root gets another form, or a new one is put in the place
 * of the old.
 */
RESULT root_seal_file(struct fs *dir, const char *name, const struct secret *root, bool may_replace,
                      struct error *e);
/*
 * ERRC_RANGE for a passphrase shorter than ROOT_PASSPHRASE_MIN or longer than PASSWORD_MAX bytes.
 */
#define ROOT_PASSPHRASE_MIN 12
RESULT root_seal_passphrase(struct fs *dir, const char *name, const struct secret *root,
                            struct bytes passphrase, const struct password_params *params,
                            const struct rng *rng, bool may_replace, struct error *e);
/* 2 <= k <= n <= 16: ERRC_RANGE. ret_shares takes n; the caller hands them out and wipes them. */
RESULT root_seal_shares(struct fs *dir, const char *name, const struct secret *root, unsigned k,
                        unsigned n, const struct rng *rng, bool may_replace,
                        struct shamir_share *ret_shares, struct error *e);

struct root_info {
    enum root_form form;
    uint8_t id[ROOT_ID_BYTES];
    struct password_params params; /* ROOT_BY_PASSPHRASE */
    unsigned k, n;                 /* ROOT_BY_SHARES */
};
/*
 * ERRC_NOT_FOUND; ERRC_DENIED: mode, owner or not readable; ERRC_FORMAT: no root key file;
 * ERRC_INTEGRITY: damaged (checksum). The message says what to do.
 */
RESULT root_inspect(struct fs *dir, const char *name, struct root_info *ret, struct error *e);

/* What the form asks for; the other members are not looked at. */
struct root_opening {
    struct bytes passphrase;
    const struct bytes *shares;
    size_t share_count;
};
/*
 * As root_inspect; ERRC_DENIED: wrong passphrase, or shares of another root; errors of
 * shamir_combine.
 */
RESULT root_open(struct fs *dir, const char *name, const struct root_opening *with,
                 struct secret **ret, struct error *e);

/* The file's bytes, for tests and fuzzing: form and checksum only. */
RESULT root_parse(struct bytes in, struct root_info *ret, struct bytes *ret_body, struct error *e);

#endif
