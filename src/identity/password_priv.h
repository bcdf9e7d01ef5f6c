/* How guessable a password is: for password_rules.c. */
#ifndef TROTH_IDENTITY_PASSWORD_PRIV_H
#define TROTH_IDENTITY_PASSWORD_PRIV_H

#include "base/bytes.h"

/* The commonest passwords and what they are made of: lower case, without what is seen through
 * (password_guess.c); ended by NULL. */
extern const char *const password_common[];

/*
 * What is left to guess, in characters: a common word, a word of the context and a year count for
 * one each, what continues a run for nothing. Case and leetspeak are seen through.
 * `password` is UTF-8; words may be NULL, ends with NULL.
 */
size_t password_unguessed(struct bytes password, const char *const *words);

#endif
