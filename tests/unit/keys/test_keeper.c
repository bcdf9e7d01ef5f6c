/* The keeper from outside: every operation by every role, refusals, checkpoints over restarts,
 * certificates, a model of keys. */
#include "keys_testkit.h"

#include "base/json.h"
#include "crypto/hmac.h"
#include "keys/checkpoints.h"
#include "keys/wire.h"
#include "ledger/note.h"
#include "sys/fault.h"

#define AAD    BYTES_LIT("bucket/key")
#define ORIGIN DEPLOYMENT "/acme"

static void kit_serve(struct kit *k, struct served *s, uint64_t seed)
{
    struct error e;
    kit_init(k, seed);
    assert_ok(keeper_init(&k->options, k->root, DEPLOYMENT, &e), e);
    served_start(s, k);
}

static void restart(struct kit *k, struct served *s)
{
    served_stop(s);
    served_start(s, k);
}

static struct rpc_client *edge(struct served *s)
{
    return s->as[ROLE_EDGE];
}

static struct rpc_client *scribe(struct served *s)
{
    return s->as[ROLE_SCRIBE];
}

/* What each role may ask: written down here a second time, on purpose. */
static const struct {
    uint16_t op;
    enum role by;
} permitted[] = {
    { KEYS_OP_DATA_KEY, ROLE_EDGE },
    { KEYS_OP_UNWRAP, ROLE_EDGE },
    { KEYS_OP_REWRAP, ROLE_EDGE },
    { KEYS_OP_SIGV4_KEY, ROLE_EDGE },
    { KEYS_OP_SEAL_SECRET, ROLE_EDGE },
    { KEYS_OP_METADATA_KEY, ROLE_EDGE },
    { KEYS_OP_TENANT_CREATE, ROLE_EDGE },
    { KEYS_OP_CREATE, ROLE_EDGE },
    { KEYS_OP_SHOW, ROLE_EDGE },
    { KEYS_OP_LIST, ROLE_EDGE },
    { KEYS_OP_ROTATE, ROLE_EDGE },
    { KEYS_OP_SET_ENABLED, ROLE_EDGE },
    { KEYS_OP_SCHEDULE_DESTROY, ROLE_EDGE },
    { KEYS_OP_CANCEL_DESTROY, ROLE_EDGE },
    { KEYS_OP_DESTROY, ROLE_EDGE },
    { KEYS_OP_TENANT_CLOSE, ROLE_EDGE },
    { KEYS_OP_SIGN_STATEMENT, ROLE_EDGE },
    { KEYS_OP_STATEMENT_VKEY, ROLE_EDGE },
    { KEYS_OP_SIGN_CHECKPOINT, ROLE_SCRIBE },
    { KEYS_OP_LOG_PAYLOAD_KEY, ROLE_SCRIBE },
    { KEYS_OP_LOG_VKEY, ROLE_SCRIBE },
    /* public, and read by both: the edge hands verifier keys and the form of the root to customers
     */
    { KEYS_OP_LOG_VKEY, ROLE_EDGE },
    { KEYS_OP_ROOT_INFO, ROLE_EDGE },
    { KEYS_OP_TOTP, ROLE_EDGE },
};

/* A body that breaks every operation's grammar, so that a permitted one answers ERRC_FORMAT or
 * LIMIT, never DENIED. */
static void permission_table(void **state)
{
    struct kit k;
    struct served s;
    struct error e;
    static const uint8_t wrong[3] = { 0xff, 0xff, 0xff };

    (void)state;
    kit_serve(&k, &s, 1);
    assert_int_equal(ARRAY_LEN(permitted), KEYS_OP_END_); /* one operation has two callers */
    for (uint16_t op = 0; op <= KEYS_OP_END_; op++) {
        for (enum role r = ROLE_SUPERVISOR; r < ROLE_COUNT_; r++) {
            CLEANUP(buf_done_p) struct buf reply = BUF(RPC_FRAME_MAX);
            bool is_permitted = false;
            for (size_t i = 0; i < ARRAY_LEN(permitted); i++) {
                is_permitted = is_permitted || (permitted[i].op == op && permitted[i].by == r);
            }
            struct result got = rpc_call(s.as[r], op, BYTES_OF(wrong), &reply, 5000, &e);
            if (is_permitted) {
                assert_true(got.code == ERRC_FORMAT || got.code == ERRC_LIMIT);
            } else {
                assert_true(got.code == ERRC_DENIED || got.code == ERRC_UNSUPPORTED);
            }
        }
    }
    served_stop(&s);
    kit_done(&k);
}

static void size_bounds(void **state)
{
    struct kit k;
    struct served s;
    struct error e;

    (void)state;
    kit_serve(&k, &s, 2);
    for (const struct rpc_op *op = keeper_ops; op->op != 0; op++) {
        CLEANUP(buf_done_p) struct buf reply = BUF(RPC_FRAME_MAX);
        enum role r = op->callers == 1u << ROLE_EDGE ? ROLE_EDGE : ROLE_SCRIBE;
        uint8_t *big = calloc(1, op->max_request + 1);
        assert_non_null(big);
        assert_true(op->max_request <= 65536);
        assert_code(rpc_call(s.as[r], op->op, bytes_of(big, op->max_request + 1), &reply, 5000, &e),
                    ERRC_LIMIT);
        free(big);
    }
    served_stop(&s);
    kit_done(&k);
}

static void metadata_key_once(void **state)
{
    struct kit k;
    struct served s;
    struct error e;
    struct key256 a, b;

    (void)state;
    kit_serve(&k, &s, 3);
    assert_ok(keys_metadata_key(edge(&s), &a, &e), e);
    assert_code(keys_metadata_key(edge(&s), &b, &e), ERRC_DENIED);
    restart(&k, &s); /* a new connection: the same key again */
    assert_ok(keys_metadata_key(edge(&s), &b, &e), e);
    assert_memory_equal(a.b, b.b, 32);
    served_stop(&s);
    kit_done(&k);
}

static void through_the_client(void **state)
{
    struct kit k;
    struct served s;
    struct error e;
    struct key_info info;
    struct data_key d, again;
    struct key256 key;

    (void)state;
    kit_serve(&k, &s, 4);
    assert_code(keys_data_key(edge(&s), "acme", "", AAD, &d, &e), ERRC_NOT_FOUND);
    assert_ok(keys_tenant_create(edge(&s), "acme", SUITE_SM4_CTR_HMAC_SM3, &info, &e), e);
    assert_ok(keys_data_key(edge(&s), "acme", "", AAD, &d, &e), e);
    assert_int_equal(d.suite, SUITE_SM4_CTR_HMAC_SM3);
    assert_string_equal(d.custodian, "provider");
    assert_ok(keys_rotate(edge(&s), "acme", info.id, &info, &e), e);
    restart(&k, &s);
    struct bytes w = bytes_of(d.wrapped, d.wrapped_n);
    assert_ok(keys_unwrap(edge(&s), "acme", &d.ref, AAD, w, &key, &e), e);
    assert_memory_equal(key.b, d.key.b, 32);
    assert_ok(keys_rewrap(edge(&s), "acme", &d.ref, AAD, w, &again, &e), e);
    assert_int_equal(again.ref.version, 2);
    static const struct key256 zero;
    assert_memory_equal(again.key.b, zero.b, 32);
    assert_ok(keys_set_enabled(edge(&s), "acme", info.id, false, &info, &e), e);
    assert_code(keys_unwrap(edge(&s), "acme", &d.ref, AAD, w, &key, &e), ERRC_DENIED);
    assert_non_null(strstr(e.msg, "disabled"));
    uint8_t *big = calloc(1, KEY_AAD_MAX + 1);
    assert_code(keys_data_key(edge(&s), "acme", "", bytes_of(big, KEY_AAD_MAX + 1), &d, &e),
                ERRC_LIMIT);
    free(big);
    served_stop(&s);
    kit_done(&k);
}

static void sigv4_key(void **state)
{
    struct kit k;
    struct served s;
    struct error e;
    struct key256 key, want;
    CLEANUP(buf_done_p) struct buf sealed = BUF(8192);

    (void)state;
    kit_serve(&k, &s, 5);
    struct bytes aad = BYTES_LIT("AKEXAMPLE");
    assert_ok(keys_seal_secret(edge(&s), "platform", aad,
                               BYTES_LIT("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"), &sealed, &e),
              e);
    restart(&k, &s);
    assert_ok(keys_sigv4_key(edge(&s), "platform", aad, buf_bytes(&sealed), "20120215", "us-east-1",
                             "iam", &key, &e),
              e);
    /* the example of "Deriving the signing key" */
    static const uint8_t doc[32] = { 0xf4, 0x78, 0x0e, 0x2d, 0x9f, 0x65, 0xfa, 0x89,
                                     0x5f, 0x9c, 0x67, 0xb3, 0x2c, 0xe1, 0xba, 0xf0,
                                     0xb0, 0xd8, 0xa4, 0x35, 0x05, 0xa0, 0x00, 0xa1,
                                     0xa9, 0xe0, 0x90, 0xd4, 0x14, 0xdb, 0x40, 0x4d };
    assert_memory_equal(key.b, doc, 32);
    assert_code(keys_sigv4_key(edge(&s), "platform", BYTES_LIT("AKOTHER"), buf_bytes(&sealed),
                               "20120215", "us-east-1", "iam", &want, &e),
                ERRC_INTEGRITY);
    for (size_t i = 0; i < sealed.n; i++) {
        sealed.p[i] ^= 4;
        assert_code(keys_sigv4_key(edge(&s), "platform", aad, buf_bytes(&sealed), "20120215",
                                   "us-east-1", "iam", &want, &e),
                    ERRC_INTEGRITY);
        sealed.p[i] ^= 4;
    }
    served_stop(&s);
    kit_done(&k);
}

/*= 2.1.4-1 test */
static void totp(void **state)
{
    struct kit k;
    struct served s;
    struct error e;
    uint64_t step = 0;
    CLEANUP(buf_done_p) struct buf sealed = BUF(8192);

    (void)state;
    kit_serve(&k, &s, 7);
    struct bytes aad = BYTES_LIT("totp/1");
    assert_ok(keys_seal_secret(edge(&s), "platform", aad, BYTES_LIT("12345678901234567890"),
                               &sealed, &e),
              e);
#define CHECK(alg, first, count, code)                                                             \
    keys_totp_check(edge(&s), "platform", aad, buf_bytes(&sealed), (alg), (first), (count),        \
                    bytes_str(code), &step, &e)
    /* RFC 4226 appendix D: counters 1 to 3 are 287082, 359152, 969429 */
    assert_ok(CHECK(HASH_SHA1, 0, 3, "287082"), e);
    assert_int_equal(step, 1);
    assert_ok(CHECK(HASH_SHA1, 1, 3, "969429"), e);
    assert_int_equal(step, 3);
    assert_ok(CHECK(HASH_SHA1, 1, 1, "94287082"), e);
    assert_int_equal(step, 1);
    assert_code(CHECK(HASH_SHA1, 2, 3, "287082"), ERRC_DENIED);
    assert_code(CHECK(HASH_SHA1, 1, 2, "969429"), ERRC_DENIED);
    assert_code(CHECK(HASH_SHA256, 0, 3, "287082"), ERRC_DENIED);
    assert_code(CHECK(HASH_SHA512, 0, 3, "287082"), ERRC_DENIED);
    assert_code(CHECK(HASH_SHA1, 0, 3, "287083"), ERRC_DENIED);
    assert_code(CHECK(HASH_SM3, 0, 3, "287082"), ERRC_FORMAT);
    assert_code(CHECK(HASH_SHA1, 0, 0, "287082"), ERRC_FORMAT);
    assert_code(CHECK(HASH_SHA1, 0, KEY_TOTP_STEPS_MAX + 1, "287082"), ERRC_FORMAT);
    assert_code(CHECK(HASH_SHA1, UINT64_MAX, 1, "287082"), ERRC_FORMAT);
    assert_code(CHECK(HASH_SHA1, 0, 3, "28708"), ERRC_FORMAT);
    assert_code(CHECK(HASH_SHA1, 0, 3, "394287082"), ERRC_FORMAT);
    assert_code(CHECK(HASH_SHA1, 0, 3, "28708 "), ERRC_FORMAT);
    assert_code(CHECK(HASH_SHA1, 0, 3, ""), ERRC_FORMAT);
    /* another device's seed, another tenant's, a changed one */
    aad = BYTES_LIT("totp/2");
    assert_code(CHECK(HASH_SHA1, 0, 3, "287082"), ERRC_INTEGRITY);
    aad = BYTES_LIT("totp/1");
    for (size_t i = 0; i < sealed.n; i++) {
        sealed.p[i] ^= 1;
        assert_code(CHECK(HASH_SHA1, 0, 3, "287082"), ERRC_INTEGRITY);
        sealed.p[i] ^= 1;
    }
#undef CHECK
    served_stop(&s);
    kit_done(&k);
}

static struct result sign(struct served *s, uint64_t size, uint8_t root_byte, struct buf *note,
                          struct error *e)
{
    uint8_t root[32];
    memset(root, root_byte, sizeof(root));
    buf_reset(note);
    return keys_sign_checkpoint(scribe(s), "acme", ORIGIN, size, root, note, e);
}

/*= 2.1.5-3 test */
static void checkpoints(void **state)
{
    struct kit k;
    struct served s;
    struct error e;
    struct key_info info;
    struct note note;
    struct note_key pub;
    uint64_t time_s;
    struct checkpoint cp;
    CLEANUP(buf_done_p) struct buf n = BUF(65536);
    CLEANUP(buf_done_p) struct buf vkey = BUF(1024);

    (void)state;
    kit_serve(&k, &s, 6);
    assert_ok(keys_tenant_create(edge(&s), "acme", SUITE_AES256_GCM, &info, &e), e);
    assert_ok(keys_log_vkey(scribe(&s), "acme", ORIGIN, &vkey, &e), e);
    assert_ok(note_key_parse(buf_bytes(&vkey), &pub, &e), e);
    assert_string_equal(pub.name, ORIGIN);
    assert_ok(sign(&s, 5, 0xaa, &n, &e), e);
    assert_ok(note_parse(buf_bytes(&n), &note, &e), e);
    assert_ok(note_verify(&note, &pub, &time_s, &e), e);
    assert_ok(checkpoint_parse(note.text, &cp, &e), e);
    assert_int_equal(cp.size, 5);
    for (int round = 0; round < 3; round++) {
        assert_ok(sign(&s, 5, 0xaa, &n, &e), e); /* the same again */
        assert_code(sign(&s, 4, 0xaa, &n, &e), ERRC_CONFLICT);
        assert_code(sign(&s, 5, 0xab, &n, &e), ERRC_INTEGRITY);
        assert_code(sign(&s, 0, 0xab, &n, &e), ERRC_INTEGRITY);
        restart(&k, &s);
    }
    assert_ok(sign(&s, 6, 0xab, &n, &e), e);
    assert_code(sign(&s, 5, 0xaa, &n, &e), ERRC_CONFLICT);
    uint8_t root[32] = { 0 };
    assert_code(keys_sign_checkpoint(scribe(&s), "acme", "evil.test/acme", 7, root, &n, &e),
                ERRC_DENIED);
    assert_code(keys_sign_checkpoint(scribe(&s), "nobody", DEPLOYMENT "/nobody", 7, root, &n, &e),
                ERRC_NOT_FOUND);
    /* a keeper that is killed: nothing synced is needed */
    served_stop(&s);
    assert_code(fs_fake_flip(k.fs, CHECKPOINTS_FILE, 128 + 36, 1), ERRC_OK);
    struct keeper *none;
    assert_code(keeper_new(&k.options, k.root, &none, &e), ERRC_INTEGRITY);
    assert_non_null(strstr(e.msg, "acme"));
    assert_code(fs_fake_flip(k.fs, CHECKPOINTS_FILE, 128 + 36, 1), ERRC_OK);
    for (uint64_t i = 0; i < 256; i++) { /* every byte of both places */
        assert_code(fs_fake_flip(k.fs, CHECKPOINTS_FILE, i, 0x20), ERRC_OK);
        assert_code(keeper_new(&k.options, k.root, &none, &e), ERRC_INTEGRITY);
        assert_code(fs_fake_flip(k.fs, CHECKPOINTS_FILE, i, 0x20), ERRC_OK);
    }
    assert_ok(fs_unlink(k.fs, CHECKPOINTS_FILE, &e), e);
    assert_code(keeper_new(&k.options, k.root, &none, &e), ERRC_NOT_FOUND);
    k.options.accept_lost_checkpoints = true;
    served_start(&s, &k);
    assert_ok(sign(&s, 2, 0xcc, &n, &e), e);
    served_stop(&s);
    kit_done(&k);
}

/* Killed between signing and the sync: the next keeper on the same files still knows. */
static void checkpoints_of_a_dead_keeper(void **state)
{
    struct kit k;
    struct served s, next;
    struct error e;
    struct key_info info;
    CLEANUP(buf_done_p) struct buf n = BUF(65536);

    (void)state;
    kit_serve(&k, &s, 7);
    assert_ok(keys_tenant_create(edge(&s), "acme", SUITE_AES256_GCM, &info, &e), e);
    assert_ok(sign(&s, 5, 0xaa, &n, &e), e);
    served_start(&next, &k); /* the clock stands: the first has not synced, and is not ended */
    assert_code(sign(&next, 4, 0xaa, &n, &e), ERRC_CONFLICT);
    assert_code(sign(&next, 5, 0xbb, &n, &e), ERRC_INTEGRITY);
    served_stop(&next);
    served_stop(&s);
    /* ended: synced, so that a loss of power changes nothing */
    fs_fake_power_loss(k.fs, 1);
    served_start(&s, &k);
    assert_code(sign(&s, 4, 0xaa, &n, &e), ERRC_CONFLICT);
    served_stop(&s);
    kit_done(&k);
}

/* Tells how the root key is kept, and nothing that opens it. */
static void root_info(void **state)
{
    struct kit k;
    struct served s;
    struct error e;
    struct root_info got;

    (void)state;
    kit_init(&k, 12);
    assert_ok(keeper_init(&k.options, k.root, DEPLOYMENT, &e), e);
    k.options.root = (struct root_info){ .form = ROOT_BY_SHARES, .k = 3, .n = 5 };
    root_id(k.root, k.options.root.id);
    served_start(&s, &k);
    assert_ok(keys_root_info(edge(&s), &got, &e), e);
    assert_int_equal(got.form, ROOT_BY_SHARES);
    assert_int_equal(got.k, 3);
    assert_int_equal(got.n, 5);
    assert_memory_equal(got.id, k.options.root.id, ROOT_ID_BYTES);
    assert_code(keys_root_info(scribe(&s), &got, &e), ERRC_DENIED);
    served_stop(&s);
    kit_done(&k);
}

/* What can't be written down is not signed, and is not held against the next size either. */
static void nothing_is_signed_unrecorded(void **state)
{
    struct kit k;
    struct served s;
    struct error e;
    struct key_info info;
    CLEANUP(buf_done_p) struct buf n = BUF(65536);

    (void)state;
    kit_serve(&k, &s, 11);
    assert_ok(keys_tenant_create(edge(&s), "acme", SUITE_AES256_GCM, &info, &e), e);
    assert_ok(sign(&s, 5, 0xaa, &n, &e), e);
    fault_arm("fs.write", FAULT_EIO, 0, 1);
    assert_code(sign(&s, 9, 0xbb, &n, &e), ERRC_IO);
    fault_disarm_all();
    assert_ok(sign(&s, 6, 0xcc, &n, &e), e);
    served_stop(&s);
    kit_done(&k);
}

/*= 2.1.3-7 test */
static void certificate(void **state)
{
    struct kit k;
    struct served s;
    struct error e;
    struct key_info info;
    struct note note;
    struct note_key pub;
    uint64_t time_s;
    struct json_doc *doc;
    struct bytes v, text;
    CLEANUP(buf_done_p) struct buf cert = BUF(65536);
    CLEANUP(buf_done_p) struct buf vkey = BUF(1024);

    (void)state;
    kit_serve(&k, &s, 8);
    assert_ok(keys_tenant_create(edge(&s), "acme", SUITE_AES256_GCM, &info, &e), e);
    assert_ok(keys_statement_vkey(edge(&s), &vkey, &e), e);
    assert_ok(note_key_parse(buf_bytes(&vkey), &pub, &e), e);
    assert_code(keys_schedule_destroy(edge(&s), "acme", info.id, 7 * DAY - 1, "alice", &info, &e),
                ERRC_RANGE);
    assert_code(keys_schedule_destroy(edge(&s), "acme", info.id, 30 * DAY + 1, "alice", &info, &e),
                ERRC_RANGE);
    assert_code(keys_schedule_destroy(edge(&s), "acme", info.id, -1, "alice", &info, &e),
                ERRC_RANGE);
    assert_code(keys_schedule_destroy(edge(&s), "acme", "", 7 * DAY, "alice", &info, &e),
                ERRC_FORMAT);
    assert_ok(keys_schedule_destroy(edge(&s), "acme", info.id, 7 * DAY, "alice", &info, &e), e);
    assert_code(keys_destroy(edge(&s), "acme", info.id, "bob", true, &cert, &e), ERRC_CONFLICT);
    served_stop(&s);
    clock_fake_advance(&k.clock, 7 * DAY);
    served_start(&s, &k);
    assert_code(keys_destroy(edge(&s), "acme", info.id, "alice", true, &cert, &e), ERRC_CONFLICT);
    assert_ok(keys_destroy(edge(&s), "acme", info.id, "bob", true, &cert, &e), e);
    assert_ok(note_parse(buf_bytes(&cert), &note, &e), e);
    assert_ok(note_verify(&note, &pub, &time_s, &e), e);
    text = note.text;
    assert_true(bytes_split(&text, '\n', &v));
    assert_bytes(v, BYTES_LIT("troth/key-destruction"));
    assert_ok(json_parse(bytes_trim(text, "\n"), 65536, &doc, &e), e);
    CLEANUP(buf_done_p) struct buf canonical = BUF(65536);
    assert_ok(json_canonical(json_root(doc), &canonical, &e), e);
    assert_bytes(buf_bytes(&canonical), bytes_trim(text, "\n")); /* RFC 8785 */
    assert_ok(json_get_str(json_root(doc), "key_id", &v, &e), e);
    assert_bytes(v, bytes_str(info.id));
    assert_ok(json_get_str(json_root(doc), "requested_by", &v, &e), e);
    assert_bytes(v, BYTES_LIT("alice"));
    assert_ok(json_get_str(json_root(doc), "confirmed_by", &v, &e), e);
    assert_bytes(v, BYTES_LIT("bob"));
    json_doc_free(doc);
    buf_reset(&cert);
    assert_ok(keys_tenant_close(edge(&s), "acme", "bob", &cert, &e), e);
    assert_ok(note_parse(buf_bytes(&cert), &note, &e), e);
    assert_ok(note_verify(&note, &pub, &time_s, &e), e);
    /* nobody else can have such a text signed */
    buf_reset(&cert);
    assert_code(keys_sign_statement(edge(&s), "key-destruction", BYTES_LIT("{}"), &cert, &e),
                ERRC_DENIED);
    assert_code(keys_sign_statement(edge(&s), "a\nb", BYTES_LIT("{}"), &cert, &e), ERRC_RANGE);
    assert_code(keys_sign_statement(edge(&s), "x", BYTES_LIT("\xff"), &cert, &e), ERRC_RANGE);
    assert_ok(keys_sign_statement(edge(&s), "statement", BYTES_LIT("one\n\ntwo"), &cert, &e), e);
    assert_ok(note_parse(buf_bytes(&cert), &note, &e), e);
    assert_bytes(note.text, BYTES_LIT("troth/statement\none\n\ntwo\n"));
    assert_ok(note_verify(&note, &pub, &time_s, &e), e);
    served_stop(&s);
    kit_done(&k);
}

static struct result count_keys(void *arg, const struct key_info *info, struct error *e)
{
    (void)e;
    (void)info;
    ++*(unsigned *)arg;
    return RESULT_OK;
}

/*= 2.1.3-7 test */
/* Who asked can't confirm, whatever the name is now; actors as long as they get are taken. */
static void two_persons(void **state)
{
    static const struct {
        const char *asked, *confirmed;
        bool is_same;
    } cases[] = {
        { "acme/user/lin", "acme/user/lin", true },
        { "acme/user/lin", "acme/user/mei", false },
        { "acme/user/lin/AIDAONE", "acme/user/renamed/AIDAONE", true },
        { "acme/user/lin/AIDAONE", "acme/user/lin/AIDATWO", false },
        { "acme/user/lin/AIDAONE", "platform/user/wang/AIDATWO", false },
        { "operator/0", "operator/0", true },
        { "operator/0", "acme/user/lin/AIDAONE", false },
    };
    struct kit k;
    struct served s;
    struct error e;
    struct key_info info;
    char longest[256];

    (void)state;
    kit_serve(&k, &s, 17);
    assert_ok(keys_tenant_create(edge(&s), "acme", SUITE_AES256_GCM, &info, &e), e);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *confirmed = cases[i].confirmed;
        CLEANUP(buf_done_p) struct buf cert = BUF(65536);
        assert_ok(keys_create(edge(&s), "acme", SUITE_AES256_GCM, "", "provider", &info, &e), e);
        assert_ok(keys_schedule_destroy(edge(&s), "acme", info.id, 7 * DAY, cases[i].asked, &info,
                                        &e),
                  e);
        served_stop(&s);
        clock_fake_advance(&k.clock, 7 * DAY);
        served_start(&s, &k);
        struct result r = keys_destroy(edge(&s), "acme", info.id, confirmed, true, &cert, &e);
        assert_int_equal(r.code, cases[i].is_same ? ERRC_CONFLICT : ERRC_OK);
        if (cases[i].is_same) { /* where one is enough, the same one is */
            assert_ok(keys_destroy(edge(&s), "acme", info.id, confirmed, false, &cert, &e), e);
        }
    }
    memset(longest, 'x', sizeof(longest)); /* realm/role/NAME/SESSION */
    longest[63 + 6 + 64 + 1 + 64] = '\0';
    assert_ok(keys_create(edge(&s), "acme", SUITE_AES256_GCM, "", "provider", &info, &e), e);
    assert_ok(keys_schedule_destroy(edge(&s), "acme", info.id, 7 * DAY, longest, &info, &e), e);
    served_stop(&s);
    kit_done(&k);
}

static void listing(void **state)
{
    struct kit k;
    struct served s;
    struct error e;
    struct key_info info;
    unsigned count = 0;

    (void)state;
    kit_serve(&k, &s, 9);
    assert_code(keys_list(edge(&s), "acme", count_keys, &count, &e), ERRC_NOT_FOUND);
    assert_ok(keys_tenant_create(edge(&s), "acme", SUITE_AES256_GCM, &info, &e), e);
    unsigned total = 2 * KEYS_LIST_PAGE; /* ends on the edge of a page */
    for (unsigned i = 1; i < total; i++) {
        assert_ok(keys_create(edge(&s), "acme", SUITE_AES256_GCM, "d", "customer", &info, &e), e);
        assert_false(info.is_default);
    }
    assert_ok(keys_list(edge(&s), "acme", count_keys, &count, &e), e);
    assert_int_equal(count, total);
    served_stop(&s);
    kit_done(&k);
}

/* --- a model: what a person would keep on a sheet of paper --- */

struct model_key {
    char id[KEY_ID_BYTES];
    enum key_state state;
    uint32_t version;
    int64_t due_ms;
    struct data_key sample;
};

#define MODEL_KEYS 12

static void model_step(struct kit *k, struct served *s, struct model_key *m, struct rng *rng)
{
    struct error e;
    struct key_info info;
    struct key256 key;
    CLEANUP(buf_done_p) struct buf cert = BUF(65536);
    bool is_alive = m->state != KEY_DESTROYED;
    int64_t now = clock_wall_ms(&k->clock.base);
    enum errc want;

    switch (rng_below(rng, 7)) {
    case 0:
        want = m->state == KEY_ENABLED ? ERRC_OK : is_alive ? ERRC_CONFLICT : ERRC_EXPIRED;
        assert_code(keys_rotate(edge(s), "acme", m->id, &info, &e), want);
        m->version += want == ERRC_OK;
        break;
    case 1: {
        bool on = rng_below(rng, 2) == 0;
        want = !is_alive                             ? ERRC_EXPIRED
               : m->state == KEY_PENDING_DESTRUCTION ? ERRC_CONFLICT
                                                     : ERRC_OK;
        assert_code(keys_set_enabled(edge(s), "acme", m->id, on, &info, &e), want);
        m->state = want != ERRC_OK ? m->state : on ? KEY_ENABLED : KEY_DISABLED;
        break;
    }
    case 2:
        want = !is_alive                             ? ERRC_EXPIRED
               : m->state == KEY_PENDING_DESTRUCTION ? ERRC_CONFLICT
                                                     : ERRC_OK;
        assert_code(keys_schedule_destroy(edge(s), "acme", m->id, 7 * DAY, "alice", &info, &e),
                    want);
        if (want == ERRC_OK) {
            m->state = KEY_PENDING_DESTRUCTION;
            m->due_ms = now + 7 * DAY;
        }
        break;
    case 3:
        want = !is_alive                             ? ERRC_EXPIRED
               : m->state == KEY_PENDING_DESTRUCTION ? ERRC_OK
                                                     : ERRC_CONFLICT;
        assert_code(keys_cancel_destroy(edge(s), "acme", m->id, &info, &e), want);
        m->state = want == ERRC_OK ? KEY_DISABLED : m->state;
        break;
    case 4:
        want = !is_alive || (m->state == KEY_PENDING_DESTRUCTION && now >= m->due_ms)
                       ? ERRC_OK
                       : ERRC_CONFLICT;
        assert_code(keys_destroy(edge(s), "acme", m->id, "bob", true, &cert, &e), want);
        m->state = want == ERRC_OK ? KEY_DESTROYED : m->state;
        break;
    default:
        want = m->state == KEY_ENABLED ? ERRC_OK : is_alive ? ERRC_DENIED : ERRC_EXPIRED;
        assert_code(keys_unwrap(edge(s), "acme", &m->sample.ref, AAD,
                                bytes_of(m->sample.wrapped, m->sample.wrapped_n), &key, &e),
                    want);
        if (want == ERRC_OK) {
            assert_memory_equal(key.b, m->sample.key.b, 32);
            assert_ok(keys_data_key(edge(s), "acme", m->id, AAD, &m->sample, &e), e);
            assert_int_equal(m->sample.ref.version, m->version);
        }
        break;
    }
    assert_ok(keys_show(edge(s), "acme", m->id, &info, &e), e);
    assert_int_equal(info.state, m->state);
    assert_int_equal(info.version, m->version);
    assert_int_equal(info.destroy_at_ms, m->state == KEY_PENDING_DESTRUCTION ? m->due_ms : 0);
}

static void model(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 4; seed++) {
        struct kit k;
        struct served s;
        struct error e;
        struct key_info info;
        struct model_key keys[MODEL_KEYS];
        struct rng_test rng;
        kit_serve(&k, &s, 1000 + seed);
        rng_test_init(&rng, seed);
        print_message("# seed %llu\n", (unsigned long long)seed);
        assert_ok(keys_tenant_create(edge(&s), "acme", SUITE_AES256_GCM, &info, &e), e);
        for (size_t i = 0; i < MODEL_KEYS; i++) {
            enum crypto_suite suite = i % 2 == 0 ? SUITE_AES256_GCM : SUITE_SM4_CTR_HMAC_SM3;
            assert_ok(keys_create(edge(&s), "acme", suite, "", "provider", &info, &e), e);
            memset(&keys[i], 0, sizeof(keys[i]));
            memcpy(keys[i].id, info.id, sizeof(info.id));
            keys[i].version = 1;
            assert_ok(keys_data_key(edge(&s), "acme", info.id, AAD, &keys[i].sample, &e), e);
        }
        for (int step = 0; step < 400; step++) {
            model_step(&k, &s, &keys[rng_below(&rng.base, MODEL_KEYS)], &rng.base);
            if (rng_below(&rng.base, 20) == 0) {
                served_stop(&s);
                clock_fake_advance(&k.clock, (int64_t)rng_below(&rng.base, 5) * DAY);
                if (rng_below(&rng.base, 2) == 0) {
                    fs_fake_power_loss(k.fs, rng_u64(&rng.base));
                }
                served_start(&s, &k);
            }
        }
        served_stop(&s);
        kit_done(&k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(permission_table),
        cmocka_unit_test(size_bounds),
        cmocka_unit_test(metadata_key_once),
        cmocka_unit_test(through_the_client),
        cmocka_unit_test(sigv4_key),
        cmocka_unit_test(totp),
        cmocka_unit_test(checkpoints),
        cmocka_unit_test(checkpoints_of_a_dead_keeper),
        cmocka_unit_test(certificate),
        cmocka_unit_test(two_persons),
        cmocka_unit_test(nothing_is_signed_unrecorded),
        cmocka_unit_test(root_info),
        cmocka_unit_test(listing),
        cmocka_unit_test(model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
