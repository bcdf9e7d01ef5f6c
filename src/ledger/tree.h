/*
 * Merkle tree hashing and proofs of RFC 6962 section 2 / RFC 9162, over SHA-256. Pure functions; no
 * files.
 */
#ifndef TROTH_LEDGER_TREE_H
#define TROTH_LEDGER_TREE_H

#include "base/bytes.h"

#define TREE_HASH_BYTES 32
#define TREE_PROOF_MAX  64 /* hashes in a proof */

struct tree_hash {
    uint8_t b[TREE_HASH_BYTES];
};

struct tree_hash tree_leaf_hash(struct bytes entry); /* SHA-256(0x00 || entry) */
struct tree_hash tree_node_hash(const struct tree_hash *l,
                                const struct tree_hash *r); /* SHA-256(0x01 || l || r) */
struct tree_hash tree_empty_root(void);                     /* SHA-256("") */
bool tree_hash_equal(const struct tree_hash *a, const struct tree_hash *b);

/* The frontier of a growing tree: enough to append and to give the root. */
struct tree_frontier {
    uint64_t size;
    struct tree_hash nodes[64]; /* nodes[i] is valid where bit i of size is set: the perfect subtree
                                   of 2^i leaves */
};
void tree_frontier_add(struct tree_frontier *f, const struct tree_hash *leaf);
struct tree_hash tree_frontier_root(const struct tree_frontier *f);

/*
 * Where stored hashes come from: the hash of the perfect subtree of 2^level leaves that starts at
 * leaf index<<level. Called only for complete subtrees.
 */
struct tree_source {
    RESULT(*get)
    (const struct tree_source *s, unsigned level, uint64_t index, struct tree_hash *ret,
     struct error *e);
};
struct tree_proof {
    struct tree_hash hashes[TREE_PROOF_MAX];
    size_t n;
};
RESULT tree_root(const struct tree_source *s, uint64_t size, struct tree_hash *ret,
                 struct error *e);
/* index < size: ERRC_RANGE */
RESULT tree_inclusion_prove(const struct tree_source *s, uint64_t index, uint64_t size,
                            struct tree_proof *ret, struct error *e);
/* old <= size; empty for old 0 or old == size */
RESULT tree_consistency_prove(const struct tree_source *s, uint64_t old_size, uint64_t size,
                              struct tree_proof *ret, struct error *e);
/*
 * RFC 9162 2.1.3.2 and 2.1.4.2. ERRC_INTEGRITY when it does not prove. From an empty tree to a
 * larger one nothing can be proved: old_size 0 is refused unless size is 0 and both roots are that
 * of the empty tree.
 */
RESULT tree_inclusion_verify(const struct tree_hash *leaf, uint64_t index, uint64_t size,
                             const struct tree_hash *root, const struct tree_hash *proof, size_t n,
                             struct error *e);
RESULT tree_consistency_verify(uint64_t old_size, const struct tree_hash *old_root, uint64_t size,
                               const struct tree_hash *root, const struct tree_hash *proof,
                               size_t n, struct error *e);
/*
 * The same for a subtree [start, end): end - start leaves, start a multiple of the next power of
 * two (draft-ietf-plants- merkle-tree-certs section 4). An empty one [x, x) has the empty root and
 * needs no proof.
 */
RESULT tree_subtree_inclusion_verify(const struct tree_hash *leaf, uint64_t index, uint64_t start,
                                     uint64_t end, const struct tree_hash *subtree_root,
                                     const struct tree_hash *proof, size_t n, struct error *e);
RESULT tree_subtree_consistency_verify(uint64_t start, uint64_t end,
                                       const struct tree_hash *subtree_root, uint64_t size,
                                       const struct tree_hash *root, const struct tree_hash *proof,
                                       size_t n, struct error *e);

#endif
