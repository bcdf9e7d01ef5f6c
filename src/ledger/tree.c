/*
 * Merkle trees of RFC 6962. Ranges are written [lo, hi); every range met below starts at a multiple
 * of the smallest power of two that holds it, so it splits into perfect subtrees by the bits of its
 * length, largest first.
 */
#include "ledger/tree.h"

#include "crypto/hash.h"

struct tree_hash tree_leaf_hash(struct bytes entry)
{
    static const uint8_t prefix[1] = { 0x00 };
    const struct bytes parts[2] = { BYTES_OF(prefix), entry };
    struct tree_hash h;

    sha256_parts(parts, 2, h.b);
    return h;
}

struct tree_hash tree_node_hash(const struct tree_hash *l, const struct tree_hash *r)
{
    uint8_t in[1 + 2 * TREE_HASH_BYTES];
    struct tree_hash h;

    in[0] = 0x01;
    memcpy(in + 1, l->b, TREE_HASH_BYTES);
    memcpy(in + 1 + TREE_HASH_BYTES, r->b, TREE_HASH_BYTES);
    sha256(BYTES_OF(in), h.b);
    return h;
}

struct tree_hash tree_empty_root(void)
{
    struct tree_hash h;

    sha256(BYTES_NONE, h.b);
    return h;
}

bool tree_hash_equal(const struct tree_hash *a, const struct tree_hash *b)
{
    return memcmp(a->b, b->b, TREE_HASH_BYTES) == 0;
}

void tree_frontier_add(struct tree_frontier *f, const struct tree_hash *leaf)
{
    struct tree_hash h = *leaf;
    unsigned level = 0;

    for (; (f->size >> level & 1) != 0; level++) {
        h = tree_node_hash(&f->nodes[level], &h);
    }
    f->nodes[level] = h;
    f->size++;
}

struct tree_hash tree_frontier_root(const struct tree_frontier *f)
{
    struct tree_hash root = tree_empty_root();
    bool has_root = false;

    for (unsigned level = 0; level < 64; level++) {
        if ((f->size >> level & 1) != 0) {
            root = has_root ? tree_node_hash(&f->nodes[level], &root) : f->nodes[level];
            has_root = true;
        }
    }
    return root;
}

/* The largest power of two smaller than n; n >= 2. */
static uint64_t split_at(uint64_t n)
{
    return UINT64_C(1) << (63 - __builtin_clzll(n - 1));
}

/* Hash of [lo, hi), lo < hi: its perfect subtrees from the right, folded to the left. */
static RESULT range_root(const struct tree_source *s, uint64_t lo, uint64_t hi,
                         struct tree_hash *ret, struct error *e)
{
    struct tree_hash root = { { 0 } };
    uint64_t n = hi - lo;
    bool has_root = false;

    for (unsigned level = 0; level < 64; level++) {
        if ((n >> level & 1) == 0) {
            continue;
        }
        struct tree_hash h;
        hi -= UINT64_C(1) << level;
        TRY(s->get(s, level, hi >> level, &h, e));
        root = has_root ? tree_node_hash(&h, &root) : h;
        has_root = true;
    }
    *ret = root;
    return RESULT_OK;
}

RESULT tree_root(const struct tree_source *s, uint64_t size, struct tree_hash *ret, struct error *e)
{
    if (size == 0) {
        *ret = tree_empty_root();
        return RESULT_OK;
    }
    return range_root(s, 0, size, ret, e);
}

/* The siblings on the way from the root down, then turned round: proofs are written from the leaf
 * up. */
static void proof_reverse(struct tree_proof *p)
{
    for (size_t i = 0; i + 1 < p->n - i; i++) {
        struct tree_hash h = p->hashes[i];
        p->hashes[i] = p->hashes[p->n - 1 - i];
        p->hashes[p->n - 1 - i] = h;
    }
}

RESULT tree_inclusion_prove(const struct tree_source *s, uint64_t index, uint64_t size,
                            struct tree_proof *ret, struct error *e)
{
    uint64_t lo = 0, hi = size;

    if (index >= size) {
        FAIL(e, ERRC_RANGE, "no entry %llu in a tree of %llu", (unsigned long long)index,
             (unsigned long long)size);
    }
    ret->n = 0;
    while (hi - lo > 1) {
        uint64_t mid = lo + split_at(hi - lo);
        struct tree_hash *to = &ret->hashes[ret->n];
        if (index < mid) {
            TRY(range_root(s, mid, hi, to, e));
            hi = mid;
        } else {
            TRY(range_root(s, lo, mid, to, e));
            lo = mid;
        }
        ret->n++;
    }
    proof_reverse(ret);
    return RESULT_OK;
}

RESULT tree_consistency_prove(const struct tree_source *s, uint64_t old_size, uint64_t size,
                              struct tree_proof *ret, struct error *e)
{
    uint64_t lo = 0, hi = size;

    if (old_size > size) {
        FAIL(e, ERRC_RANGE, "no tree of %llu in one of %llu", (unsigned long long)old_size,
             (unsigned long long)size);
    }
    ret->n = 0;
    if (old_size == 0 || old_size == size) {
        return RESULT_OK;
    }
    while (hi != old_size) {
        uint64_t mid = lo + split_at(hi - lo);
        struct tree_hash *to = &ret->hashes[ret->n];
        if (old_size <= mid) {
            TRY(range_root(s, mid, hi, to, e));
            hi = mid;
        } else {
            TRY(range_root(s, lo, mid, to, e));
            lo = mid;
        }
        ret->n++;
    }
    if (lo != 0) { /* else the verifier has this hash: it is the old root */
        TRY(range_root(s, lo, hi, &ret->hashes[ret->n], e));
        ret->n++;
    }
    proof_reverse(ret);
    return RESULT_OK;
}

static RESULT not_proved(struct error *e, const char *what)
{
    FAIL(e, ERRC_INTEGRITY, "the %s proof does not verify", what);
}

/*= 2.1.5-3 "records are kept so that alteration is detectable" */
RESULT tree_inclusion_verify(const struct tree_hash *leaf, uint64_t index, uint64_t size,
                             const struct tree_hash *root, const struct tree_hash *proof, size_t n,
                             struct error *e)
{
    if (index >= size) {
        return not_proved(e, "inclusion");
    }
    uint64_t fn = index, sn = size - 1;
    struct tree_hash r = *leaf;
    for (size_t i = 0; i < n; i++) {
        if (sn == 0) {
            return not_proved(e, "inclusion");
        }
        if ((fn & 1) != 0 || fn == sn) {
            r = tree_node_hash(&proof[i], &r);
            while ((fn & 1) == 0 && fn != 0) {
                fn >>= 1;
                sn >>= 1;
            }
        } else {
            r = tree_node_hash(&r, &proof[i]);
        }
        fn >>= 1;
        sn >>= 1;
    }
    if (sn != 0 || !tree_hash_equal(&r, root)) {
        return not_proved(e, "inclusion");
    }
    return RESULT_OK;
}

/* start is a multiple of the smallest power of two >= end - start. */
static bool subtree_is_valid(uint64_t start, uint64_t end)
{
    uint64_t n = end - start;

    if (start >= end || n > UINT64_C(1) << 63) {
        return false;
    }
    uint64_t span = n == 1 ? 1 : split_at(n) << 1;
    return span == 0 ? start == 0 : (start & (span - 1)) == 0;
}

RESULT tree_subtree_inclusion_verify(const struct tree_hash *leaf, uint64_t index, uint64_t start,
                                     uint64_t end, const struct tree_hash *subtree_root,
                                     const struct tree_hash *proof, size_t n, struct error *e)
{
    if (!subtree_is_valid(start, end) || index < start || index >= end) {
        return not_proved(e, "subtree inclusion");
    }
    return tree_inclusion_verify(leaf, index - start, end - start, subtree_root, proof, n, e);
}

/* [start, end) is not empty and lies within size. */
static RESULT consistency_walk(uint64_t start, uint64_t end, const struct tree_hash *subtree_root,
                               uint64_t size, const struct tree_hash *root,
                               const struct tree_hash *proof, size_t n, struct error *e)
{
    uint64_t fn = start, sn = end - 1, tn = size - 1;
    size_t i = 0;

    while (fn != sn && (sn == tn || (sn & 1) != 0)) {
        fn >>= 1;
        sn >>= 1;
        tn >>= 1;
    }
    struct tree_hash fr = *subtree_root;
    if (fn != sn) {
        if (n == 0) {
            return not_proved(e, "consistency");
        }
        fr = proof[i++];
    }
    struct tree_hash sr = fr;
    for (; i < n; i++) {
        if (tn == 0) {
            return not_proved(e, "consistency");
        }
        if ((sn & 1) != 0 || sn == tn) {
            if (fn < sn) {
                fr = tree_node_hash(&proof[i], &fr);
            }
            sr = tree_node_hash(&proof[i], &sr);
            while ((sn & 1) == 0 && sn != 0) {
                fn >>= 1;
                sn >>= 1;
                tn >>= 1;
            }
        } else {
            sr = tree_node_hash(&sr, &proof[i]);
        }
        fn >>= 1;
        sn >>= 1;
        tn >>= 1;
    }
    if (tn != 0 || !tree_hash_equal(&fr, subtree_root) || !tree_hash_equal(&sr, root)) {
        return not_proved(e, "consistency");
    }
    return RESULT_OK;
}

RESULT tree_subtree_consistency_verify(uint64_t start, uint64_t end,
                                       const struct tree_hash *subtree_root, uint64_t size,
                                       const struct tree_hash *root, const struct tree_hash *proof,
                                       size_t n, struct error *e)
{
    if (start == end && end <= size) {
        struct tree_hash empty = tree_empty_root();
        return n == 0 && tree_hash_equal(subtree_root, &empty) ? RESULT_OK
                                                               : not_proved(e, "consistency");
    }
    if (!subtree_is_valid(start, end) || end > size) {
        return not_proved(e, "consistency");
    }
    return consistency_walk(start, end, subtree_root, size, root, proof, n, e);
}

/*= 2.1.5-3 "records are kept so that alteration is detectable" */
RESULT tree_consistency_verify(uint64_t old_size, const struct tree_hash *old_root, uint64_t size,
                               const struct tree_hash *root, const struct tree_hash *proof,
                               size_t n, struct error *e)
{
    if (old_size > size || (old_size == 0 && size != 0)) {
        return not_proved(e, "consistency");
    }
    if (old_size == 0) {
        TRY(tree_subtree_consistency_verify(0, 0, old_root, 0, root, proof, n, e));
        return tree_hash_equal(old_root, root) ? RESULT_OK : not_proved(e, "consistency");
    }
    return consistency_walk(0, old_size, old_root, size, root, proof, n, e);
}
