/*
 * What the clock does by itself, about every second, by one caller: leavers ended (P-IAM-2),
 * dormant accounts suspended (P-IAM-3), access keys past their age disabled (P-IAM-4), grants past
 * their end marked, asked ones lapsed, strict reviews carried out, tokens, sessions, codes and
 * idempotency keys that are over removed, counts and last uses written. Each change of access is an
 * entry (intent, outcome; actor "clock") before it happens.
 */
#ifndef TROTH_IDENTITY_HOUSE_H
#define TROTH_IDENTITY_HOUSE_H

#include "identity/directory.h"

/* doubt (may be NULL) is told of a realm in whose log an intent may have stayed without its
 * outcome.
 */
RESULT identity_house(struct directory *d, struct rpc_client *scribe,
                      void (*doubt)(void *arg, const char *realm), void *arg, struct error *e);

#endif
