/* Objects in and out, what the log says about it, listings, uploads. */
#include "kit.h"

#include "base/json.h"

#define ALL_CHECKSUMS ((1u << VAULT_CHECKSUM_COUNT) - 1)

static const size_t sizes[] = { 0,       1,       4095,    4096,           65535,
                                65536,   65537,   131071,  131072,         131073,
                                196608,  262144,  1048064, 1048576,        1114112,
                                2097152, 2097153, 3000000, 5 * 1048576 + 7 };

static void check_object(struct kit *k, const char *key, const uint8_t *want, size_t n)
{
    struct error e = { 0 };
    uint8_t *got = NULL;
    size_t got_n = 0;
    assert_ok(kit_get(k, key, &got, &got_n, &e), e);
    assert_int_equal(got_n, n);
    assert_memory_equal(got, want, n);
    mem_free(got);
}

static void test_sizes(void **state)
{
    struct kit k = { 0 };
    struct error e = { 0 };
    (void)state;
    kit_open(&k, 1u << 30);
    uint8_t *data = mem_alloc(sizes[ARRAY_LEN(sizes) - 1]);
    for (enum crypto_suite s = SUITE_AES256_GCM; s <= SUITE_SM4_CTR_HMAC_SM3; s++) {
        fake_keeper_suite(s);
        fake_keeper_rotate(); /* a suite belongs to a key and version */
        for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
            size_t n = s == SUITE_SM4_CTR_HMAC_SM3 ? MIN(sizes[i], (size_t)1200000) : sizes[i];
            kit_fill(data, n, i, 0);
            assert_ok(kit_put(&k, "a/known", bytes_of(data, n), &e), e);
            check_object(&k, "a/known", data, n);
            assert_ok(kit_put_unknown(&k, "a/unknown", bytes_of(data, n), &e), e);
            check_object(&k, "a/unknown", data, n);
            if (n > 0) {
                uint64_t from = n / 3, m = n - n / 3 - (n > 100 ? 50 : 0);
                uint8_t *got = NULL;
                size_t got_n = 0;
                assert_ok(kit_get_range(&k, "a/known", from, m, &got, &got_n, &e), e);
                assert_memory_equal(got, data + from, m);
                mem_free(got);
            }
        }
    }
    struct vault_stats st;
    vault_get_stats(k.vault, &st);
    assert_int_equal(st.objects, 2);
    assert_int_equal(st.buffers_in_use, 0);
    mem_free(data);
    kit_close(&k);
}

/* Writing to the place that vault_put_space gives, in odd pieces. */
static void test_space(void **state)
{
    struct kit k = { 0 };
    struct error e = { 0 };
    (void)state;
    kit_open(&k, 1u << 30);
    for (unsigned known = 0; known < 2; known++) {
        size_t n = 2500000, at = 0, step = 1;
        uint8_t *data = mem_alloc(n);
        kit_fill(data, n, 5, 0);
        struct vault_put put = { .bucket = &k.bucket,
                                 .key = BYTES_LIT("x"),
                                 .has_size = known,
                                 .size = n,
                                 .checksums_wanted = ALL_CHECKSUMS };
        struct vault_writer *w = NULL;
        assert_ok(vault_put_begin(&k.cx, &put, &w, &e), e);
        while (at < n) {
            uint8_t *p = NULL;
            size_t room = 0;
            assert_ok(vault_put_space(w, &p, &room, &e), e);
            assert_in_range(room, 1, 65536);
            size_t m = MIN(MIN(room, step), n - at);
            memcpy(p, data + at, m);
            assert_ok(vault_put_wrote(w, m, &e), e);
            at += m;
            step = step * 7 % 70001 + 1;
        }
        struct vault_checksums c;
        bool has_sha256 = false;
        uint8_t sha[32], want[32];
        assert_ok(vault_put_digests(w, &c, &has_sha256, sha, &e), e);
        sha256(bytes_of(data, n), want);
        assert_true(has_sha256);
        assert_memory_equal(sha, want, 32);
        assert_int_equal(c.known, ALL_CHECKSUMS);
        struct vault_object o;
        struct buf receipt = BUF(4096);
        assert_ok(vault_put_commit(w, &o, &receipt, &e), e);
        assert_true(receipt.n > 0);
        buf_done(&receipt);
        check_object(&k, "x", data, n);
        mem_free(data);
    }
    kit_close(&k);
}

static void test_wrong_size(void **state)
{
    struct kit k = { 0 };
    struct error e = { 0 };
    struct vault_writer *w = NULL;
    struct vault_object o;
    (void)state;
    kit_open(&k, 1u << 30);
    struct vault_put put = {
        .bucket = &k.bucket, .key = BYTES_LIT("x"), .has_size = true, .size = 10
    };
    assert_ok(vault_put_begin(&k.cx, &put, &w, &e), e);
    assert_ok(vault_put_write(w, BYTES_LIT("123456789"), &e), e);
    assert_code(vault_put_commit(w, &o, NULL, &e), ERRC_FORMAT);
    assert_ok(vault_put_begin(&k.cx, &put, &w, &e), e);
    assert_code(vault_put_write(w, BYTES_LIT("12345678901"), &e), ERRC_RANGE);
    vault_put_abort(w);
    put.size = VAULT_OBJECT_MAX + 1;
    assert_code(vault_put_begin(&k.cx, &put, &w, &e), ERRC_LIMIT);
    put.size = 1;
    put.key = BYTES_LIT("");
    assert_code(vault_put_begin(&k.cx, &put, &w, &e), ERRC_RANGE);
    put.key = BYTES_LIT("\xff");
    assert_code(vault_put_begin(&k.cx, &put, &w, &e), ERRC_RANGE);
    assert_code(vault_head(&k.cx, &k.bucket, BYTES_LIT("x"), "", true, &o, &e), ERRC_NOT_FOUND);
    assert_int_equal(fake_scribe_count("acme", "object.put"), 0);
    kit_close(&k);
}

/* The entry of a put says what was put; reads and misses leave entries too. */
static void test_entries(void **state)
{
    struct kit k = { 0 };
    struct error e = { 0 };
    const char *kind = NULL;
    uint8_t *got = NULL;
    size_t n = 0;
    (void)state;
    kit_open(&k, 1u << 30);
    assert_ok(kit_put(&k, "tief/\u00e4\n..", BYTES_LIT("hello"), &e), e);
    struct bytes text = fake_scribe_payload("acme", 1, &kind);
    assert_string_equal(kind, "object.put");
    struct json_doc *doc = NULL;
    assert_ok(json_parse(text, 1 << 16, &doc, &e), e);
    struct json root = json_root(doc);
    struct bytes v;
    assert_ok(json_get_str(root, "key", &v, &e), e);
    assert_bytes(v, BYTES_LIT("tief/\u00e4\n.."));
    assert_ok(json_get_str(root, "sha256", &v, &e), e);
    assert_bytes(v, BYTES_LIT("2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"));
    assert_ok(json_get_str(root, "suite", &v, &e), e);
    assert_bytes(v, BYTES_LIT("AES-256-GCM"));
    struct buf canonical = BUF(1 << 16);
    assert_ok(json_canonical(root, &canonical, &e), e);
    assert_bytes(buf_bytes(&canonical), text);
    buf_done(&canonical);
    json_doc_free(doc);

    assert_ok(kit_get_range(&k, "tief/\u00e4\n..", 1, 3, &got, &n, &e), e);
    assert_memory_equal(got, "ell", 3);
    mem_free(got);
    text = fake_scribe_payload("acme", 2, &kind);
    assert_string_equal(kind, "object.get");
    assert_true(bytes_find(text, BYTES_LIT("\"from\":1,")) < text.n);
    assert_true(bytes_find(text, BYTES_LIT("\"length\":3,")) < text.n);
    assert_code(kit_get(&k, "nothing", &got, &n, &e), ERRC_NOT_FOUND);
    text = fake_scribe_payload("acme", 3, &kind);
    assert_string_equal(kind, "object.head");
    assert_true(bytes_find(text, BYTES_LIT("\"status\":404,")) < text.n);
    kit_close(&k);
}

/*= 2.1.5-3 test */
static void test_no_audit_no_act(void **state)
{
    struct kit k = { 0 };
    struct error e = { 0 };
    uint8_t *got = NULL;
    size_t n = 0;
    (void)state;
    kit_open(&k, 1u << 30);
    assert_ok(kit_put(&k, "a", BYTES_LIT("1"), &e), e);
    fake_scribe_fail(NULL, ERRC_AGAIN, 0, 1000);
    assert_code(kit_put(&k, "a", BYTES_LIT("2"), &e), ERRC_AGAIN);
    assert_code(kit_delete(&k, "a", &e), ERRC_AGAIN);
    assert_code(kit_get(&k, "a", &got, &n, &e), ERRC_AGAIN);
    assert_code(vault_bucket_delete(&k.cx, BYTES_LIT("data"), &e), ERRC_AGAIN);
    fake_scribe_fail(NULL, ERRC_OK, 0, 0);
    assert_ok(kit_get(&k, "a", &got, &n, &e), e);
    assert_memory_equal(got, "1", 1);
    mem_free(got);
    fake_keeper_disable(true);
    assert_code(kit_get(&k, "a", &got, &n, &e), ERRC_DENIED);
    assert_code(kit_put(&k, "a", BYTES_LIT("2"), &e), ERRC_DENIED);
    kit_close(&k);
}

static void test_conditions(void **state)
{
    struct kit k = { 0 };
    struct error e = { 0 };
    struct vault_writer *w = NULL, *other = NULL;
    struct vault_object o;
    (void)state;
    kit_open(&k, 1u << 30);
    struct vault_put put = { .bucket = &k.bucket,
                             .key = BYTES_LIT("a"),
                             .has_size = true,
                             .size = 1,
                             .conditions = { .if_none_match = BYTES_LIT("*") } };
    assert_ok(vault_put_begin(&k.cx, &put, &w, &e), e);
    assert_ok(vault_put_begin(&k.cx, &put, &other, &e), e);
    assert_ok(vault_put_write(w, BYTES_LIT("1"), &e), e);
    assert_ok(vault_put_write(other, BYTES_LIT("2"), &e), e);
    assert_ok(vault_put_commit(w, &o, NULL, &e), e);
    assert_code(vault_put_commit(other, &o, NULL, &e),
                ERRC_CONFLICT); /* decided in the transaction */
    assert_int_equal(fake_scribe_count("acme", "void"), 1);
    assert_code(vault_put_begin(&k.cx, &put, &w, &e), ERRC_CONFLICT);
    assert_ok(vault_head(&k.cx, &k.bucket, put.key, "", false, &o, &e), e);
    char quoted[64];
    snprintf(quoted, sizeof(quoted), "\"x\", \"%s\"", o.etag);
    put.conditions = (struct vault_conditions){ .if_match = bytes_str(quoted) };
    assert_ok(vault_put_begin(&k.cx, &put, &w, &e), e);
    vault_put_abort(w);
    put.conditions = (struct vault_conditions){ .if_match = BYTES_LIT("\"x\"") };
    assert_code(vault_put_begin(&k.cx, &put, &w, &e), ERRC_CONFLICT);
    kit_close(&k);
}

static void test_attributes(void **state)
{
    struct kit k = { 0 };
    struct error e = { 0 };
    struct vault_writer *w = NULL;
    struct vault_object o, back;
    (void)state;
    kit_open(&k, 1u << 30);
    struct vault_pair meta[] = { { BYTES_LIT("colour"), BYTES_LIT("blau") },
                                 { BYTES_LIT("empty"), BYTES_LIT("") } };
    struct vault_pair tags[] = { { BYTES_LIT("t"), BYTES_LIT("1") } }, none[1];
    struct vault_put put = { .bucket = &k.bucket,
                             .key = BYTES_LIT("a"),
                             .has_size = true,
                             .size = 9,
                             .metadata = meta,
                             .metadata_count = 2,
                             .tags = tags,
                             .tag_count = 1,
                             .content_type = BYTES_LIT("text/plain"),
                             .checksums_wanted = 1u << VAULT_CRC32C,
                             .sse = VAULT_SSE_AES256 };
    assert_ok(vault_put_begin(&k.cx, &put, &w, &e), e);
    assert_ok(vault_put_write(w, BYTES_LIT("123456789"), &e), e);
    assert_ok(vault_put_commit(w, &o, NULL, &e), e);
    assert_string_equal(o.etag, "25f9e794323b453885f5181f1b624d0b");
    kit_stop(&k);
    kit_start(&k);
    assert_ok(vault_head(&k.cx, &k.bucket, put.key, "null", true, &back, &e), e);
    assert_bytes(back.content_type, put.content_type);
    assert_int_equal(back.metadata_count, 2);
    assert_bytes(back.metadata[0].value, BYTES_LIT("blau"));
    assert_bytes(back.tags[0].name, BYTES_LIT("t"));
    assert_int_equal(back.checksums.known, 1u << VAULT_CRC32C);
    assert_memory_equal(back.checksums.value[VAULT_CRC32C].b, "\xe3\x06\x92\x83", 4);
    assert_true(back.has_sha256);
    assert_string_equal(back.etag, o.etag);
    assert_string_equal(back.key_ref.id, DEFAULT_KEY);
    assert_string_equal(back.custodian, "customer");
    assert_int_equal(back.log_index, o.log_index);
    tags[0].value = BYTES_LIT("2");
    assert_ok(vault_set_tags(&k.cx, &k.bucket, put.key, "", tags, 1, &e), e);
    assert_ok(vault_head(&k.cx, &k.bucket, put.key, "", true, &back, &e), e);
    assert_bytes(back.tags[0].value, BYTES_LIT("2"));
    assert_bytes(back.metadata[1].name, BYTES_LIT("empty"));
    assert_ok(vault_set_tags(&k.cx, &k.bucket, put.key, "", none, 0, &e), e);
    assert_int_equal(fake_scribe_count("acme", "object.untag"), 1);
    assert_code(vault_head(&k.cx, &k.bucket, put.key, "0123456789abcdef0123456789abcdef", true,
                           &back, &e),
                ERRC_NOT_FOUND);
    kit_close(&k);
}

static void test_buckets(void **state)
{
    struct kit k = { 0 };
    struct error e = { 0 };
    struct vault_bucket b, *list = NULL;
    size_t n = 0;
    (void)state;
    kit_open(&k, 1u << 30);
    static const char *const bad[] = { "ab",   "Abc",         "a_b",     "-ab",         "ab-",
                                       "a..b", "192.168.1.1", "xn--abc", "abc-s3alias", "" };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_false(vault_bucket_name_is_valid(bytes_str(bad[i])));
    }
    assert_true(vault_bucket_name_is_valid(BYTES_LIT("my.bucket-1")));
    assert_code(vault_bucket_create(&k.cx, BYTES_LIT("data"), &b, &e), ERRC_EXISTS);
    assert_ok(vault_bucket_create(&k.cx, BYTES_LIT("alpha"), &b, &e), e);
    struct vault_ctx stranger = k.cx;
    stranger.tenant = "other";
    assert_code(vault_bucket_get(&stranger, BYTES_LIT("alpha"), &b, &e), ERRC_NOT_FOUND);
    assert_ok(vault_bucket_create(&stranger, BYTES_LIT("alpha"), &b, &e), e);
    assert_ok(vault_bucket_list(&k.cx, &list, &n, &e), e);
    assert_int_equal(n, 2);
    assert_string_equal(list[0].name, "alpha");
    list[0].digest = VAULT_DIGEST_CLIENT;
    list[0].sse = VAULT_SSE_AES256;
    assert_ok(vault_bucket_set(&k.cx, &list[0], &e), e);
    assert_ok(vault_bucket_get(&k.cx, BYTES_LIT("alpha"), &b, &e), e);
    assert_int_equal(b.digest, VAULT_DIGEST_CLIENT);
    assert_int_equal(b.sse, VAULT_SSE_AES256);
    assert_ok(vault_bucket_look(&k.cx, &b, &e), e);
    assert_int_equal(fake_scribe_count("acme", "bucket.head"), 1);
    fake_scribe_fail("bucket.head", ERRC_AGAIN, 0, 1);
    assert_code(vault_bucket_look(&k.cx, &b, &e), ERRC_AGAIN);
    assert_ok(kit_put(&k, "a", BYTES_LIT("1"), &e), e);
    assert_code(vault_bucket_delete(&k.cx, BYTES_LIT("data"), &e), ERRC_CONFLICT);
    assert_ok(kit_delete(&k, "a", &e), e);
    assert_ok(vault_bucket_delete(&k.cx, BYTES_LIT("data"), &e), e);
    assert_int_equal(fake_scribe_count("acme", "bucket.delete"), 4);
    assert_code(kit_put(&k, "a", BYTES_LIT("1"), &e), ERRC_NOT_FOUND);
    kit_close(&k);
}

/* --- listing --------------------------------------------------------------------------------- */

static void check_list(struct kit *k, const char *prefix, const char *delimiter, const char *after,
                       size_t max, const char *want)
{
    struct error e = { 0 };
    struct vault_listing out;
    struct buf text = BUF(65536);
    struct bytes from = bytes_str(after);
    size_t o, p;
    do {
        struct vault_list q = { .bucket = &k->bucket,
                                .prefix = bytes_str(prefix),
                                .delimiter = bytes_str(delimiter),
                                .after = from,
                                .max_keys = max };
        assert_ok(vault_list_objects(&k->cx, &q, &out, &e), e);
        assert_true(out.object_count + out.prefix_count <= max);
        for (o = p = 0; o < out.object_count || p < out.prefix_count;) {
            bool is_object = p == out.prefix_count ||
                             (o < out.object_count &&
                              bytes_compare(out.objects[o].key, out.prefixes[p]) < 0);
            buf_add(&text, is_object ? out.objects[o].key : out.prefixes[p]);
            buf_add_str(&text, is_object ? " " : "* ");
            o += is_object;
            p += !is_object;
        }
        from = out.next;
    } while (out.is_truncated);
    assert_string_equal(buf_cstr(&text), want);
    buf_done(&text);
}

static void test_list(void **state)
{
    struct kit k = { 0 };
    struct error e = { 0 };
    (void)state;
    kit_open(&k, 1u << 30);
    static const char *const keys[] = { "a",       "b/1",  "b/2", "b/c/3",
                                        "b0",      "c//x", "c/",  "d\xf4\x8f\xbf\xbf",
                                        "e--f--g", "e--h" };
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        assert_ok(kit_put(&k, keys[i], BYTES_LIT("v"), &e), e);
    }
    for (size_t max = 1; max <= 12; max++) {
        check_list(&k, "", "", "", max,
                   "a b/1 b/2 b/c/3 b0 c/ c//x d\xf4\x8f\xbf\xbf e--f--g e--h ");
        check_list(&k, "", "/", "", max, "a b/* b0 c/* d\xf4\x8f\xbf\xbf e--f--g e--h ");
        check_list(&k, "b/", "/", "", max, "b/1 b/2 b/c/* ");
        check_list(&k, "b", "/", "", max, "b/* b0 ");
        check_list(&k, "c/", "/", "", max, "c/ c//* ");
        check_list(&k, "e", "--", "", max, "e--* ");
        check_list(&k, "e--", "--", "", max, "e--f--* e--h ");
        check_list(&k, "", "/", "b/2", max, "b0 c/* d\xf4\x8f\xbf\xbf e--f--g e--h ");
        check_list(&k, "b/", "", "b/1", max, "b/2 b/c/3 ");
        check_list(&k, "d\xf4\x8f\xbf\xbf", "/", "", max, "d\xf4\x8f\xbf\xbf ");
        check_list(&k, "zz", "/", "", max, "");
    }
    check_list(&k, "", "", "", 0, "");
    kit_close(&k);
}

/* --- uploads --------------------------------------------------------------------------------- */

static void put_part(struct kit *k, const char *key, const char *id, uint32_t number, size_t n,
                     unsigned wanted, struct vault_part *ret)
{
    struct error e = { 0 };
    struct vault_writer *w = NULL;
    struct vault_object o;
    uint8_t *data = mem_alloc(n + 1);
    kit_fill(data, n, 77, (uint64_t)(number - 1) * VAULT_PART_MIN);
    struct vault_put put = { .bucket = &k->bucket,
                             .key = bytes_str(key),
                             .has_size = true,
                             .size = n,
                             .upload_id = id,
                             .part_number = number,
                             .checksums_wanted = wanted };
    assert_ok(vault_put_begin(&k->cx, &put, &w, &e), e);
    assert_ok(vault_put_write(w, bytes_of(data, n), &e), e);
    assert_ok(vault_put_commit(w, &o, NULL, &e), e);
    *ret = (struct vault_part){ .number = number };
    memcpy(ret->etag, o.etag, sizeof(ret->etag));
    mem_free(data);
}

static void test_multipart(void **state)
{
    struct kit k = { 0 };
    struct error e = { 0 };
    struct vault_upload u;
    struct vault_part parts[3], *list = NULL;
    struct vault_object o;
    size_t n = 0;
    bool truncated = false;
    (void)state;
    kit_open(&k, 1u << 30);
    unsigned wanted = 1u << VAULT_CRC64NVME | 1u << VAULT_SHA256;
    struct vault_put put = { .bucket = &k.bucket,
                             .key = BYTES_LIT("big"),
                             .content_type = BYTES_LIT("x/y"),
                             .checksums_wanted = wanted,
                             .sse = VAULT_SSE_AES256 };
    assert_ok(vault_upload_create(&k.cx, &put, &u, &e), e);
    put_part(&k, "big", u.id, 1, VAULT_PART_MIN, wanted, &parts[0]);
    put_part(&k, "big", u.id, 2, 1000, wanted, &parts[1]); /* replaced below */
    put_part(&k, "big", u.id, 2, VAULT_PART_MIN, wanted, &parts[1]);
    put_part(&k, "big", u.id, 3, 12345, wanted, &parts[2]);
    struct vault_part extra;
    put_part(&k, "big", u.id, 4, 99, wanted, &extra);
    assert_ok(vault_upload_parts(&k.cx, &k.bucket, put.key, u.id, 1, 2, &list, &n, &truncated, &e),
              e);
    assert_int_equal(n, 2);
    assert_true(truncated);
    assert_int_equal(list[0].number, 2);
    assert_int_equal(list[0].size, VAULT_PART_MIN);
    struct vault_upload *uploads = NULL;
    assert_ok(vault_upload_list(&k.cx, &k.bucket, BYTES_LIT("b"), BYTES_NONE, NULL, 10, &uploads,
                                &n, &truncated, &e),
              e);
    assert_int_equal(n, 1);
    assert_string_equal(uploads[0].id, u.id);
    assert_ok(vault_upload_list(&k.cx, &k.bucket, BYTES_NONE, BYTES_LIT("big"), NULL, 10, &uploads,
                                &n, &truncated, &e),
              e);
    assert_int_equal(n, 0);

    struct vault_part swapped[2] = { parts[1], parts[0] };
    assert_code(
            vault_upload_complete(&k.cx, &k.bucket, put.key, u.id, swapped, 2, NULL, &o, NULL, &e),
            ERRC_FORMAT);
    struct vault_part small[2] = { parts[2], extra };
    assert_code(
            vault_upload_complete(&k.cx, &k.bucket, put.key, u.id, small, 2, NULL, &o, NULL, &e),
            ERRC_RANGE);
    struct vault_part wrong = parts[0];
    wrong.etag[0] ^= 1;
    assert_code(
            vault_upload_complete(&k.cx, &k.bucket, put.key, u.id, &wrong, 1, NULL, &o, NULL, &e),
            ERRC_INTEGRITY);
    assert_code(
            vault_upload_complete(&k.cx, &k.bucket, put.key, "nope", parts, 3, NULL, &o, NULL, &e),
            ERRC_NOT_FOUND);
    assert_ok(vault_upload_complete(&k.cx, &k.bucket, put.key, u.id, parts, 3, NULL, &o, NULL, &e),
              e);
    assert_int_equal(o.size, 2 * VAULT_PART_MIN + 12345);
    assert_int_equal(o.part_count, 3);
    assert_string_equal(o.etag + 32, "-3");
    assert_true(o.checksums.is_composite);

    uint8_t *want = mem_alloc(o.size);
    kit_fill(want, o.size, 77, 0);
    check_object(&k, "big", want, o.size);
    struct vault_checksums one = { 0 };
    struct vault_writer *w = NULL;
    struct vault_object whole;
    struct vault_put single = { .bucket = &k.bucket,
                                .key = BYTES_LIT("whole"),
                                .checksums_wanted = wanted };
    assert_ok(vault_put_begin(&k.cx, &single, &w, &e), e);
    assert_ok(vault_put_write(w, bytes_of(want, o.size), &e), e);
    assert_ok(vault_put_commit(w, &whole, NULL, &e), e);
    one = whole.checksums;
    assert_memory_equal(o.checksums.value[VAULT_CRC64NVME].b, one.value[VAULT_CRC64NVME].b, 8);
    for (uint64_t from = 0; from < o.size; from += 1234567) {
        uint8_t *got = NULL;
        uint64_t m = MIN((uint64_t)6000000, o.size - from);
        assert_ok(kit_get_range(&k, "big", from, m, &got, &n, &e), e);
        assert_memory_equal(got, want + from, m);
        mem_free(got);
    }
    kit_housekeep(&k);
    check_object(&k, "big", want, o.size);
    assert_int_equal(kit_count_files(&k, "blobs"),
                     3); /* two large parts and the single object; the others are packed */

    /* A reader keeps the parts of a deleted object until its end. */
    struct vault_reader *r = NULL;
    struct bytes data;
    assert_ok(vault_head(&k.cx, &k.bucket, put.key, "", false, &o, &e), e);
    assert_ok(vault_get_open(&k.cx, &k.bucket, &o, 0, o.size, &r, &e), e);
    assert_ok(vault_get_read(r, &data, &e), e);
    assert_ok(kit_delete(&k, "big", &e), e);
    kit_housekeep(&k);
    for (uint64_t at = data.n; at < o.size; at += data.n) {
        assert_ok(vault_get_read(r, &data, &e), e);
        assert_true(data.n > 0);
        assert_memory_equal(data.p, want + at, data.n);
    }
    vault_get_close(r);
    kit_housekeep(&k);
    assert_int_equal(kit_count_files(&k, "blobs"), 1);
    mem_free(want);
    kit_close(&k);
}

static void test_abort(void **state)
{
    struct kit k = { 0 };
    struct error e = { 0 };
    struct vault_upload u;
    struct vault_part p;
    (void)state;
    kit_open(&k, 1u << 30);
    struct vault_put put = { .bucket = &k.bucket, .key = BYTES_LIT("big") };
    assert_ok(vault_upload_create(&k.cx, &put, &u, &e), e);
    put_part(&k, "big", u.id, 1, 200000, 0, &p);
    assert_code(vault_bucket_delete(&k.cx, BYTES_LIT("data"), &e), ERRC_CONFLICT);
    assert_int_equal(kit_count_files(&k, "blobs"), 1);
    assert_ok(vault_upload_abort(&k.cx, &k.bucket, put.key, u.id, &e), e);
    assert_code(vault_upload_abort(&k.cx, &k.bucket, put.key, u.id, &e), ERRC_NOT_FOUND);
    kit_housekeep(&k);
    assert_int_equal(kit_count_files(&k, "blobs"), 0);
    kit_close(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_space),
        cmocka_unit_test(test_wrong_size),
        cmocka_unit_test(test_entries),
        cmocka_unit_test(test_no_audit_no_act),
        cmocka_unit_test(test_conditions),
        cmocka_unit_test(test_attributes),
        cmocka_unit_test(test_buckets),
        cmocka_unit_test(test_list),
        cmocka_unit_test(test_multipart),
        cmocka_unit_test(test_abort),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
