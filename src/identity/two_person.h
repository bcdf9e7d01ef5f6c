/*
 * Two persons for what can't be undone (the destruction of a key): who asks and who confirms, as
 * the keeper compares them (keys_schedule_destroy, keys_destroy).
 */
#ifndef TROTH_IDENTITY_TWO_PERSON_H
#define TROTH_IDENTITY_TWO_PERSON_H

#include "identity/principal.h"

/* The name to hand to the keeper: of a user's credentials always the user, with its id behind
 * ("acme/user/lin/AIDA..."), so that neither a session nor an assumed role nor a new name makes a
 * second person of the first; else the actor. Less than KEY_PERSON_MAX bytes. */
const char *two_person_name(const struct principal *p, struct arena *arena);
/* Must it be another than who asked: yes for persons, and in every realm that is claimed; there a
 * program or the local operator does not confirm at all: ERRC_DENIED. Before, the operator does
 * both. */
RESULT two_person_rule(struct directory *d, const struct principal *p, const char *realm, bool *ret,
                       struct error *e);

#endif
