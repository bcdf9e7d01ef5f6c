/*
 * The right edge of a growing tree in memory: every node that was completed since a base size, and
 * the frontier at that base. That is all an inclusion proof of an entry from the base on needs,
 * against any size since: such a proof meets nodes of the recent range and, left of it, exactly the
 * nodes of the base's frontier.
 *
 * Memory: 64 bytes per entry since the base.
 */
#ifndef TROTH_LEDGER_RECENT_H
#define TROTH_LEDGER_RECENT_H

#include "base/mem.h"
#include "ledger/tree.h"

struct recent_level {
    struct tree_hash *nodes;
    size_t n, cap;
    uint64_t first; /* index of nodes[0] on its level: base.size >> level */
};

struct tree_recent {
    struct tree_frontier base, head;
    struct recent_level levels[64];
};

void tree_recent_init(struct tree_recent *r, const struct tree_frontier *base);
void tree_recent_done(struct tree_recent *r);
DEFINE_CLEANUP_DONE(tree_recent_done, struct tree_recent)
/* Returns the highest level on which a node was completed; their hashes are had by tree_recent_get.
 */
unsigned tree_recent_add(struct tree_recent *r, const struct tree_hash *leaf);
/* False when the node is not held here. */
bool tree_recent_get(const struct tree_recent *r, unsigned level, uint64_t index,
                     struct tree_hash *ret);
/* Forgets what lies before a later base, of at most head.size. */
void tree_recent_rebase(struct tree_recent *r, const struct tree_frontier *base);

#endif
