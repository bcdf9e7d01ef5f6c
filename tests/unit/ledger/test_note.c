/* Notes, keys, cosignatures, checkpoints: a known note of the Go module proxy's sum database, round
 * trips, sweeps. */
#include "testkit.h"

#include "base/text.h"
#include "crypto/sign.h"
#include "ledger/note.h"

/* The example of c2sp.org/signed-note and golang.org/x/mod/sumdb/note. */
static const char go_vkey[] = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
static const char go_note[] =
        "If you think cryptography is the answer to your problem,\n"
        "then you don't know what your problem is.\n"
        "\n"
        "\xe2\x80\x94 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZ"
        "SNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

static struct sign_key *seed_key(uint8_t fill)
{
    uint8_t seed[SIGN_SEED_BYTES];
    struct sign_key *k = NULL;

    memset(seed, fill, sizeof(seed));
    assert_true(result_is_ok(sign_key_from_seed(SIGN_ED25519, BYTES_OF(seed), &k)));
    return k;
}

static void add_signature(struct buf *out, const struct sign_key *sk, const struct note_key *k,
                          struct bytes text, uint64_t time_s)
{
    CLEANUP(buf_done_p) struct buf msg = BUF(NOTE_MAX);
    uint8_t sig[SIGN_MAX];
    size_t n = 0;

    assert_true(result_is_ok(note_message(k->type, text, time_s, &msg)));
    assert_true(result_is_ok(sign_bytes(sk, buf_bytes(&msg), sig, &n)));
    assert_int_equal(n, 64);
    note_add_signature(out, k, time_s, sig);
}

static void test_known_note(void **state)
{
    (void)state;
    struct error e = { 0 };
    struct note_key k;
    struct note n;
    uint64_t t = 1;

    assert_ok(note_key_parse(bytes_str(go_vkey), &k, &e), e);
    assert_string_equal(k.name, "PeterNeumann");
    assert_ok(note_parse(bytes_str(go_note), &n, &e), e);
    assert_int_equal(n.signature_count, 1);
    assert_ok(note_verify(&n, &k, &t, &e), e);
    assert_int_equal(t, 0);
    CLEANUP(buf_done_p) struct buf b = BUF(512);
    note_key_text(&k, &b);
    assert_bytes(buf_bytes(&b), bytes_str(go_vkey));
}

static void signed_note(struct buf *out, struct note_key *log, struct note_key *witness,
                        const char *origin)
{
    struct error e = { 0 };
    struct sign_key *sk = seed_key(1), *wk = seed_key(2);
    struct tree_hash root = tree_empty_root();

    assert_ok(note_key_make(origin, NOTE_ED25519, sign_key_public(sk).p, log, &e), e);
    assert_ok(note_key_make("witness.example", NOTE_COSIGNATURE_V1, sign_key_public(wk).p, witness,
                            &e),
              e);
    CLEANUP(buf_done_p) struct buf text = BUF(1024);
    checkpoint_text(&text, origin, 4711, &root);
    buf_add(out, buf_bytes(&text));
    buf_add_u8(out, '\n');
    add_signature(out, sk, log, buf_bytes(&text), 0);
    add_signature(out, wk, witness, buf_bytes(&text), 1700000000);
    sign_key_free(sk);
    sign_key_free(wk);
}

/*= 2.1.5-3 test */
static void test_cosigned_checkpoint(void **state)
{
    (void)state;
    struct error e = { 0 };
    struct note_key log, witness, other;
    struct note n;
    struct checkpoint c;
    uint64_t t = 0;
    CLEANUP(buf_done_p) struct buf b = BUF(4096);

    signed_note(&b, &log, &witness, "troth.local/acme");
    assert_ok(note_parse(buf_bytes(&b), &n, &e), e);
    assert_int_equal(n.signature_count, 2);
    assert_ok(note_verify(&n, &log, &t, &e), e);
    assert_ok(note_verify(&n, &witness, &t, &e), e);
    assert_int_equal(t, 1700000000);
    assert_ok(note_key_make("troth.local/acme", NOTE_ED25519, witness.public_key, &other, &e), e);
    assert_code(note_verify(&n, &other, &t, &e), ERRC_NOT_FOUND);
    memcpy(other.id, log.id, 4);
    assert_code(note_verify(&n, &other, &t, &e), ERRC_INTEGRITY);
    assert_ok(checkpoint_parse(n.text, &c, &e), e);
    assert_true(bytes_equal_str(c.origin, "troth.local/acme"));
    assert_int_equal(c.size, 4711);
    assert_int_equal(c.extensions.n, 0);
}

/* Whatever single bit changes, one of the two signatures is gone or wrong, or the note no longer
 * parses. */
static void test_note_sweep(void **state)
{
    (void)state;
    struct error e = { 0 };
    struct note_key log, witness;
    struct note n;
    uint64_t t;
    CLEANUP(buf_done_p) struct buf b = BUF(4096);

    signed_note(&b, &log, &witness, "troth.local/acme");
    for (size_t i = 0; i < b.n; i++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            b.p[i] ^= (uint8_t)(1U << bit);
            bool is_fine = result_is_ok(note_parse(buf_bytes(&b), &n, &e)) &&
                           result_is_ok(note_verify(&n, &log, &t, &e)) &&
                           result_is_ok(note_verify(&n, &witness, &t, &e));
            assert_false(is_fine);
            b.p[i] ^= (uint8_t)(1U << bit);
        }
    }
    for (size_t len = 0; len < b.n; len++) {
        bool is_fine = result_is_ok(note_parse(bytes_slice(buf_bytes(&b), 0, len), &n, &e)) &&
                       result_is_ok(note_verify(&n, &log, &t, &e)) &&
                       result_is_ok(note_verify(&n, &witness, &t, &e));
        assert_false(is_fine);
    }
}

static void test_key_sweep(void **state)
{
    (void)state;
    struct error e = { 0 };
    struct note_key k;
    char text[sizeof(go_vkey)];

    for (size_t i = 0; i + 1 < sizeof(go_vkey); i++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            memcpy(text, go_vkey, sizeof(text));
            text[i] = (char)((uint8_t)text[i] ^ (1U << bit));
            assert_false(result_is_ok(note_key_parse(bytes_of(text, sizeof(text) - 1), &k, &e)));
        }
        assert_false(result_is_ok(note_key_parse(bytes_of(go_vkey, i), &k, &e)));
    }
    uint8_t pub[32] = { 0 };
    assert_code(note_key_make("a b", NOTE_ED25519, pub, &k, &e), ERRC_FORMAT);
    assert_code(note_key_make("a+b", NOTE_ED25519, pub, &k, &e), ERRC_FORMAT);
    assert_code(note_key_make("", NOTE_ED25519, pub, &k, &e), ERRC_FORMAT);
    assert_code(note_key_make("a", (enum note_key_type)2, pub, &k, &e), ERRC_UNSUPPORTED);
}

static void test_checkpoint_refuses(void **state)
{
    (void)state;
#define R "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
    static const char *const bad[] = {
        "",
        "o\n",
        "o\n1\n",
        "\n1\n" R "\n",
        "o\n01\n" R "\n",
        "o\n-1\n" R "\n",
        "o\n\n" R "\n",
        "o\n1 \n" R "\n",
        "o\n18446744073709551615\n" R "\n",
        "o\n1\n" R,
        "o\n1\nAAAA\n",
        "o\n1\n" R "\n\n",
        "o\n1\n" R "\next",
    };
    struct checkpoint c;
    struct error e = { 0 };

    assert_ok(checkpoint_parse(bytes_str("o\n0\n" R "\next 1\next 2\n"), &c, &e), e);
    assert_true(bytes_equal_str(c.extensions, "ext 1\next 2\n"));
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_false(result_is_ok(checkpoint_parse(bytes_str(bad[i]), &c, &e)));
    }
}

static void test_note_refuses(void **state)
{
    (void)state;
#define D "\xe2\x80\x94 "
    static const char *const bad[] = {
        "",
        "t\n",
        "t\n\n",
        "t\n\n- a AAAAAAAA\n",
        "t\n\n" D "a AAAAAAAA",
        "t\n\n" D "a\n",
        "t\n\n" D " AAAAAAAA\n",
        "t\n\n" D "a AAAA\n",
        "t\n\n" D "a AAAAAA\n",
        "t\n\n" D "a AAAAAAAA \n",
        "t\r\n\n" D "a AAAAAAAA\n",
        "t\n\n" D "a AAAAAAAB=\n",
        "\xff\n\n" D "a AAAAAAAA\n",
    };
    struct note n;
    struct error e = { 0 };

    assert_ok(note_parse(bytes_str("t\n\nu\n\n" D "a AAAAAAAA\n"), &n, &e), e);
    assert_true(bytes_equal_str(n.text, "t\n\nu\n"));
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_false(result_is_ok(note_parse(bytes_str(bad[i]), &n, &e)));
    }
    CLEANUP(buf_done_p) struct buf b = BUF(NOTE_MAX);
    buf_add_str(&b, "t\n\n");
    for (int i = 0; i < NOTE_SIGNATURES_MAX; i++) {
        buf_add_str(&b, D "a AAAAAAAA\n");
    }
    assert_ok(note_parse(buf_bytes(&b), &n, &e), e);
    buf_add_str(&b, D "a AAAAAAAA\n");
    assert_code(note_parse(buf_bytes(&b), &n, &e), ERRC_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_note),   cmocka_unit_test(test_cosigned_checkpoint),
        cmocka_unit_test(test_note_sweep),   cmocka_unit_test(test_key_sweep),
        cmocka_unit_test(test_note_refuses), cmocka_unit_test(test_checkpoint_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
