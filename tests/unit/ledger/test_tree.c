/* Merkle trees: the published vectors, a recursive model of RFC 6962 section 2, every proof of
 * small trees, refusals. */
#include "testkit.h"

#include "base/json.h"
#include "base/text.h"
#include "crypto/hash.h"
#include "ledger/tree.h"

#include <dirent.h>

#define MODEL_MAX 70

/* --- a model: the definitions of the RFC, leaf hashes in an array --- */

static struct tree_hash leaves[MODEL_MAX];

static void model_fill(void)
{
    for (size_t i = 0; i < MODEL_MAX; i++) {
        uint8_t v = (uint8_t)i;
        leaves[i] = tree_leaf_hash(bytes_of(&v, 1));
    }
}

static size_t model_split(size_t n)
{
    size_t k = 1;
    while (2 * k < n) {
        k *= 2;
    }
    return k;
}

static struct tree_hash model_root(size_t lo, size_t hi)
{
    if (hi == lo) {
        return tree_empty_root();
    }
    if (hi - lo == 1) {
        return leaves[lo];
    }
    size_t k = lo + model_split(hi - lo);
    struct tree_hash l = model_root(lo, k), r = model_root(k, hi);
    return tree_node_hash(&l, &r);
}

static void model_path(size_t m, size_t lo, size_t hi, struct tree_proof *out)
{
    if (hi - lo == 1) {
        return;
    }
    size_t k = lo + model_split(hi - lo);
    if (m < k) {
        model_path(m, lo, k, out);
        out->hashes[out->n++] = model_root(k, hi);
    } else {
        model_path(m, k, hi, out);
        out->hashes[out->n++] = model_root(lo, k);
    }
}

static void model_subproof(size_t m, size_t lo, size_t hi, bool is_whole, struct tree_proof *out)
{
    if (m == hi - lo) {
        if (!is_whole) {
            out->hashes[out->n++] = model_root(lo, hi);
        }
        return;
    }
    size_t k = model_split(hi - lo);
    if (m <= k) {
        model_subproof(m, lo, lo + k, is_whole, out);
        out->hashes[out->n++] = model_root(lo + k, hi);
    } else {
        model_subproof(m - k, lo + k, hi, false, out);
        out->hashes[out->n++] = model_root(lo, lo + k);
    }
}

static struct result model_get(const struct tree_source *s, unsigned level, uint64_t index,
                               struct tree_hash *ret, struct error *e)
{
    (void)s;
    (void)e;
    *ret = model_root(index << level, (index + 1) << level);
    return RESULT_OK;
}
static const struct tree_source model = { model_get };

static void assert_same_proof(const struct tree_proof *a, const struct tree_proof *b)
{
    assert_int_equal(a->n, b->n);
    for (size_t i = 0; i < a->n; i++) {
        assert_true(tree_hash_equal(&a->hashes[i], &b->hashes[i]));
    }
}

/*= 2.1.5-3 test */
static void test_against_model(void **state)
{
    (void)state;
    struct error e = { 0 };
    struct tree_frontier f = { 0 };
    struct tree_hash root, got;
    struct tree_proof p, want;

    model_fill();
    for (size_t n = 0; n < MODEL_MAX; n++) {
        root = model_root(0, n);
        got = tree_frontier_root(&f);
        assert_true(tree_hash_equal(&got, &root));
        assert_ok(tree_root(&model, n, &got, &e), e);
        assert_true(tree_hash_equal(&got, &root));
        for (size_t i = 0; i < n; i++) {
            want.n = 0;
            model_path(i, 0, n, &want);
            assert_ok(tree_inclusion_prove(&model, i, n, &p, &e), e);
            assert_same_proof(&p, &want);
            assert_ok(tree_inclusion_verify(&leaves[i], i, n, &root, p.hashes, p.n, &e), e);
        }
        for (size_t m = 1; m <= n; m++) {
            struct tree_hash old = model_root(0, m);
            want.n = 0;
            model_subproof(m, 0, n, true, &want);
            assert_ok(tree_consistency_prove(&model, m, n, &p, &e), e);
            assert_same_proof(&p, &want);
            assert_ok(tree_consistency_verify(m, &old, n, &root, p.hashes, p.n, &e), e);
        }
        tree_frontier_add(&f, &leaves[n]);
    }
    assert_code(tree_inclusion_prove(&model, 5, 5, &p, &e), ERRC_RANGE);
    assert_code(tree_consistency_prove(&model, 6, 5, &p, &e), ERRC_RANGE);
}

/* Every flipped bit, every shorter and longer proof, every other index or size with the same proof.
 */
static void test_refuses(void **state)
{
    (void)state;
    struct error e = { 0 };
    struct tree_proof p;
    const size_t n = 21, m = 11, i = 13;

    model_fill();
    struct tree_hash root = model_root(0, n), old = model_root(0, m);
    assert_ok(tree_inclusion_prove(&model, i, n, &p, &e), e);
    for (size_t bit = 0; bit < p.n * 256; bit++) {
        p.hashes[bit / 256].b[bit / 8 % 32] ^= (uint8_t)(1U << bit % 8);
        assert_code(tree_inclusion_verify(&leaves[i], i, n, &root, p.hashes, p.n, &e),
                    ERRC_INTEGRITY);
        p.hashes[bit / 256].b[bit / 8 % 32] ^= (uint8_t)(1U << bit % 8);
    }
    for (size_t k = 0; k <= p.n + 1; k++) {
        struct result r = tree_inclusion_verify(&leaves[i], i, n, &root, p.hashes, k, &e);
        assert_int_equal(result_is_ok(r), k == p.n);
    }
    for (size_t k = 0; k < n; k++) {
        struct result r = tree_inclusion_verify(&leaves[i], k, n, &root, p.hashes, p.n, &e);
        assert_int_equal(result_is_ok(r), k == i);
    }
    assert_ok(tree_consistency_prove(&model, m, n, &p, &e), e);
    for (size_t bit = 0; bit < p.n * 256; bit++) {
        p.hashes[bit / 256].b[bit / 8 % 32] ^= (uint8_t)(1U << bit % 8);
        assert_code(tree_consistency_verify(m, &old, n, &root, p.hashes, p.n, &e), ERRC_INTEGRITY);
        p.hashes[bit / 256].b[bit / 8 % 32] ^= (uint8_t)(1U << bit % 8);
    }
    for (size_t k = 0; k <= p.n + 1; k++) {
        struct result r = tree_consistency_verify(m, &old, n, &root, p.hashes, k, &e);
        assert_int_equal(result_is_ok(r), k == p.n);
    }
    for (size_t k = 0; k <= n; k++) {
        struct result r = tree_consistency_verify(k, &old, n, &root, p.hashes, p.n, &e);
        assert_int_equal(result_is_ok(r), k == m);
    }
}

/* --- vectors of transparency-dev/merkle --- */

static unsigned cases, refused;

/* Hashes of another length stand for "some other hash"; an absent one equals nothing, not even
 * another absent one. */
static uint64_t absent;

static struct tree_hash vector_hash(struct json v)
{
    struct bytes text;
    struct tree_hash h;
    CLEANUP(buf_done_p) struct buf raw = BUF(1024);

    assert_true(result_is_ok(json_str(v, &text)));
    assert_true(result_is_ok(base64_decode(text, &raw)));
    if (raw.n == sizeof(h.b)) {
        memcpy(h.b, raw.p, sizeof(h.b));
    } else {
        absent += raw.n == 0 ? 1 : 0;
        const struct bytes parts[2] = { bytes_of(&absent, raw.n == 0 ? sizeof(absent) : 0),
                                        buf_bytes(&raw) };
        sha256_parts(parts, 2, h.b);
    }
    return h;
}

static struct tree_hash vector_hash_at(struct json obj, const char *key)
{
    struct json v;
    struct error e = { 0 };

    assert_ok(json_get(obj, key, &v, &e), e);
    return vector_hash(v);
}

static uint64_t vector_u64(struct json obj, const char *key)
{
    uint64_t v = 0;
    struct error e = { 0 };

    assert_ok(json_get_u64(obj, key, UINT64_MAX, &v, &e), e);
    return v;
}

static struct result vector_verify(struct json v, const struct tree_hash *proof, size_t n)
{
    struct error e = { 0 };

    if (json_has(v, "leafIdx")) {
        struct tree_hash leaf = vector_hash_at(v, "leafHash"), root = vector_hash_at(v, "root");
        uint64_t index = vector_u64(v, "leafIdx");
        if (json_has(v, "treeSize")) {
            return tree_inclusion_verify(&leaf, index, vector_u64(v, "treeSize"), &root, proof, n,
                                         &e);
        }
        return tree_subtree_inclusion_verify(&leaf, index, vector_u64(v, "start"),
                                             vector_u64(v, "end"), &root, proof, n, &e);
    }
    struct tree_hash root1 = vector_hash_at(v, "root1"), root2 = vector_hash_at(v, "root2");
    if (json_has(v, "size1")) {
        return tree_consistency_verify(vector_u64(v, "size1"), &root1, vector_u64(v, "size2"),
                                       &root2, proof, n, &e);
    }
    return tree_subtree_consistency_verify(vector_u64(v, "start"), vector_u64(v, "end"), &root1,
                                           vector_u64(v, "size"), &root2, proof, n, &e);
}

static void vector_run(const char *path)
{
    struct bytes text = vectors_read(path);
    struct json_doc *doc;
    struct error e = { 0 };
    struct json proof, item;
    struct tree_hash hashes[256];
    size_t n = 0;
    bool want_err = false;

    assert_ok(json_parse(text, 1 << 20, &doc, &e), e);
    struct json v = json_root(doc);
    assert_ok(json_get(v, "proof", &proof, &e), e);
    for (struct json_iter it = { 0 }; json_next(proof, &it, &item);) {
        assert_true(n < ARRAY_LEN(hashes));
        hashes[n++] = vector_hash(item);
    }
    assert_ok(json_get_bool(v, "wantErr", &want_err, &e), e);
    struct result r = vector_verify(v, hashes, n);
    if (result_is_ok(r) == want_err) {
        fail_msg("%s: %s", path, want_err ? "accepted" : "refused");
    }
    cases++;
    refused += want_err ? 1 : 0;
    json_doc_free(doc);
    free((void *)(uintptr_t)text.p);
}

static void vector_walk(const char *path)
{
    char full[1024], sub[512];
    const char *top = getenv("TROTH_VECTORS");

    snprintf(full, sizeof(full), "%s/%s", top == NULL ? "." : top, path);
    DIR *d = opendir(full);
    if (d == NULL) {
        print_message("# skipped: %s is not there\n", path);
        skip();
    }
    for (struct dirent *it; (it = readdir(d)) != NULL;) {
        size_t n = strlen(it->d_name);
        snprintf(sub, sizeof(sub), "%s/%s", path, it->d_name);
        if (n > 5 && strcmp(it->d_name + n - 5, ".json") == 0) {
            vector_run(sub);
        } else if (it->d_name[0] != '.' && it->d_type == DT_DIR) {
            vector_walk(sub);
        }
    }
    closedir(d);
}

static void test_vectors(void **state)
{
    (void)state;
    vector_walk("merkle-proofs");
    assert_int_equal(cases, 518);
    assert_int_equal(refused, 482);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_model),
        cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_vectors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
