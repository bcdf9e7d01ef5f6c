/* Whether bytes are a JSON object as RFC 8785 writes it, without building a tree: a millionfold
 * check when packages are verified. */
#ifndef TROTH_LEDGER_CANONICAL_H
#define TROTH_LEDGER_CANONICAL_H

#include "base/bytes.h"

/*
 * True exactly where json_parse accepts `in`, its root is an object and json_canonical gives `in`
 * again: members sorted by UTF-16 code units and unique, no white space, the one way to escape,
 * integers of at most 2^53-1 in magnitude and no other numbers, at most JSON_DEPTH_MAX levels.
 */
bool canonical_is_object(struct bytes in);

#endif
