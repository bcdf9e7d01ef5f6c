/* "Did you mean ...?": the name that is nearest to a misspelt one. */
#ifndef TROTH_CLI_SUGGEST_H
#define TROTH_CLI_SUGGEST_H

#include <stdbool.h>
#include <stddef.h>

/* Letters to add, drop, change or swap with their neighbour to make b of a; names longer than 63
 * bytes are as far as can be (SIZE_MAX). */
size_t suggest_distance(const char *a, const char *b);
/* Is b near enough to a to be meant: at most a third of its letters, and never more than three? */
bool suggest_is_near(const char *a, const char *b);

#endif
