/*
 * Rules for passwords by profile (clauses.md 3.9). The profiles contradict each other on purpose
 * and are never mixed; P-AUTH-PROFILE of the realm names one.
 */
#ifndef TROTH_IDENTITY_PASSWORD_RULES_H
#define TROTH_IDENTITY_PASSWORD_RULES_H

#include "identity/directory.h"

struct password_profile {
    const char *name;   /* "nist-800-63b-4", "mlps-3" */
    size_t min_chars;   /* with a second factor, which is always asked for */
    unsigned classes;   /* of lower, upper, digit, other that must occur; 0: no rule */
    int64_t max_age_ms; /* 0: never changed by the clock */
    unsigned history;   /* of former ones that may not come again */
    bool has_block_list;
};
extern const struct password_profile password_profiles[]; /* ended by a NULL name */
const struct password_profile *password_profile_find(struct bytes name);

/* Breached passwords: the operator's file of SHA-1 in hex, sorted, one a line (as "Pwned Passwords"
 * has them, with or without ":count"), searched on the disk; may be absent. `path` below fs, which
 * need not outlive it. ERRC_FORMAT names the place of a line that is none, or out of order. */
struct block_list;
RESULT block_list_open(struct fs *fs, const char *path, struct block_list **ret, struct error *e);
void block_list_close(struct block_list *b);
DEFINE_CLEANUP(block_list_close, struct block_list *)
/* Blocks in file functions. Any thread. */
RESULT block_list_has(const struct block_list *b, struct bytes password, bool *ret,
                      struct error *e);

/* ERRC_RANGE says which rule, without repeating the password. `words`: names of the account, its
 * owner, tenant, ended by NULL, which may not be a large part of it; may be NULL. list may be NULL:
 * the built-in one is always asked. Case, leetspeak and runs ("abcdefgh", "11111111", "qwerty...")
 * are seen through. */
RESULT password_rules_check(const struct password_profile *p, const struct block_list *list,
                            struct bytes password, const char *const *words, struct error *e);

#endif
