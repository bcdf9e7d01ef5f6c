/* XML: what S3 sends is read; declarations, depth, size and malformed input are refused; what is
 * written reads back. */
#include "testkit.h"

#include "base/rng.h"
#include "net/xml.h"

static enum errc parse(struct bytes in, struct arena *a, struct xml_node **ret)
{
    struct error e = { 0 };
    struct xml_node *root = NULL;
    enum errc code = xml_parse(in, 1 << 20, a, &root, &e).code;
    if (code == ERRC_OK) {
        *ret = root;
    }
    return code;
}

static const char delete_xml[] = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                                 "<Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\n"
                                 "  <Quiet>true</Quiet>\n"
                                 "  <Object><Key>a &amp; b&#x20AC;<![CDATA[<c>]]></Key></Object>\n"
                                 "  <!-- no -->\n"
                                 "  <Object><Key>\xe4\xbd\xa0</Key><VersionId/></Object>\n"
                                 "</Delete>\n";

static void test_read(void **state)
{
    (void)state;
    CLEANUP(arena_free_p) struct arena *a = arena_new(4096, false);
    struct xml_node *root = NULL;
    assert_int_equal(parse(bytes_str(delete_xml), a, &root), ERRC_OK);
    assert_string_equal(root->name, "Delete");
    assert_bytes(xml_child_text(root, "Quiet"), BYTES_LIT("true"));
    const struct xml_node *object = xml_child(root, "Object");
    assert_bytes(xml_child_text(object, "Key"), BYTES_LIT("a & b\xe2\x82\xac<c>"));
    assert_null(xml_child(object, "VersionId"));
    assert_int_equal(xml_child_text(object, "VersionId").n, 0);
    object = object->next;
    assert_bytes(xml_child_text(object, "Key"), BYTES_LIT("\xe4\xbd\xa0"));
    assert_non_null(xml_child(object, "VersionId"));
    assert_null(object->next);

    assert_int_equal(parse(BYTES_LIT("<x:a xmlns:x=\"u\" y=\"z\"><x:b>1</x:b></x:a>"), a, &root),
                     ERRC_OK);
    assert_string_equal(root->name, "a");
    assert_bytes(xml_child_text(root, "b"), BYTES_LIT("1"));
    /* the declared encoding is not believed */
    assert_int_equal(
            parse(BYTES_LIT("<?xml version=\"1.0\" encoding=\"UTF-16\"?><a>\xe4\xbd\xa0</a>"), a,
                  &root),
            ERRC_OK);
    assert_bytes(root->text, BYTES_LIT("\xe4\xbd\xa0"));
}

static const struct {
    const char *in;
    enum errc code;
} refused[] = {
    { "", ERRC_FORMAT },
    { " ", ERRC_FORMAT },
    { "a", ERRC_FORMAT },
    { "<a>", ERRC_FORMAT },
    { "<a></b>", ERRC_FORMAT },
    { "<a/><b/>", ERRC_FORMAT },
    { "<a>&x;</a>", ERRC_FORMAT },
    { "<a>&#0;</a>", ERRC_FORMAT },
    { "<a>\xff</a>", ERRC_FORMAT },
    { "<a b=1/>", ERRC_FORMAT },
    { "<x:a/>", ERRC_FORMAT },
    { "<!DOCTYPE a><a/>", ERRC_FORMAT },
    { "<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>", ERRC_FORMAT },
    { "<!DOCTYPE a SYSTEM \"file:///etc/passwd\"><a/>", ERRC_FORMAT },
    { "<?xml version=\"1.0\"?><!DOCTYPE a [<!ENTITY b SYSTEM \"file:///etc/passwd\">]><a>&b;</a>",
      ERRC_FORMAT },
    { "<a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a/></a></a></a></a></a></a></a></a></a></a>"
      "</a></a></a></a></a></a>",
      ERRC_LIMIT },
};

static void test_refused(void **state)
{
    (void)state;
    CLEANUP(arena_free_p) struct arena *a = arena_new(4096, false);
    struct xml_node *root = NULL;
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        enum errc code = parse(bytes_str(refused[i].in), a, &root);
        if (code != refused[i].code) {
            fail_msg("%s: %s", refused[i].in, errc_name(code));
        }
    }
    assert_int_equal(parse(BYTES_LIT("<a>\0</a>"), a, &root), ERRC_FORMAT);
    assert_int_equal(parse(BYTES_LIT("\xff\xfe<\0a\0/\0>\0"), a, &root), ERRC_FORMAT);
    struct error e = { 0 };
    assert_code(xml_parse(BYTES_LIT("<a>12</a>"), 8, a, &root, &e), ERRC_LIMIT);
    assert_code(xml_parse(BYTES_LIT("<a>\n<b>\n</a>"), 100, a, &root, &e), ERRC_FORMAT);
    assert_non_null(strstr(e.msg, "line 3"));
}

static void test_bounds(void **state)
{
    (void)state;
    CLEANUP(arena_free_p) struct arena *a = arena_new(1 << 16, false);
    CLEANUP(buf_done) struct buf in = BUF(1 << 20);
    struct xml_node *root = NULL;
    /* the root counts too */
    for (size_t extra = 0; extra < 2; extra++) {
        buf_reset(&in);
        buf_add_str(&in, "<a>");
        for (size_t i = 0; i < 50000 - 1 + extra; i++) {
            buf_add_str(&in, "<b/>");
        }
        buf_add_str(&in, "</a>");
        assert_int_equal(parse(buf_bytes(&in), a, &root), extra == 0 ? ERRC_OK : ERRC_LIMIT);
    }
}

/* The largest upload S3 knows, with a checksum for each part, laid out over lines. */
static void test_parts(void **state)
{
    (void)state;
    CLEANUP(arena_free_p) struct arena *a = arena_new(1 << 16, false);
    CLEANUP(buf_done) struct buf in = BUF(4 << 20);
    struct xml_node *root = NULL;
    struct error e = { 0 };
    size_t n = 0;
    buf_add_str(&in, "<CompleteMultipartUpload>\n");
    for (unsigned i = 1; i <= 10000; i++) {
        buf_addf(&in,
                 "<Part>\n <ChecksumCRC32>AAAAAA==</ChecksumCRC32>\n <ETag>\"x\"</ETag>\n "
                 "<PartNumber>%u</PartNumber>\n</Part>\n",
                 i);
    }
    buf_add_str(&in, "</CompleteMultipartUpload>");
    assert_ok(xml_parse(buf_bytes(&in), in.n, a, &root, &e), e);
    for (const struct xml_node *p = root->first; p != NULL; p = p->next) {
        n++;
    }
    assert_int_equal(n, 10000);
}

static void test_sweeps(void **state)
{
    (void)state;
    struct bytes in = bytes_str(delete_xml);
    size_t end = bytes_find(in, BYTES_LIT("</Delete>")) + strlen("</Delete>");
    struct xml_node *root = NULL;
    for (size_t n = 0; n < end; n++) {
        CLEANUP(arena_free_p) struct arena *a = arena_new(4096, false);
        assert_int_equal(parse(bytes_slice(in, 0, n), a, &root), ERRC_FORMAT);
    }
    uint8_t *copy = mem_dup(in.p, in.n);
    for (size_t i = 0; i < in.n; i++) {
        CLEANUP(arena_free_p) struct arena *a = arena_new(4096, false);
        for (unsigned bit = 0; bit < 8; bit++) {
            copy[i] = (uint8_t)(in.p[i] ^ 1u << bit);
            enum errc code = parse(bytes_of(copy, in.n), a, &root);
            assert_true(code == ERRC_OK || code == ERRC_FORMAT);
        }
        copy[i] = in.p[i];
    }
    mem_free(copy);
}

static void test_write(void **state)
{
    (void)state;
    CLEANUP(buf_done) struct buf out = BUF(4096);
    xml_begin(&out);
    xml_open_ns(&out, "A", "u&v");
    xml_element_str(&out, "B", "<x> & \"y\"\r\n\t");
    xml_element_u64(&out, "C", UINT64_MAX);
    xml_element(&out, "D",
                BYTES_LIT("a\0b\x1f\xff\xc0\x80\xed\xa0\x80\xef\xbf\xbf\xf0\x9f\x98\x80"));
    xml_close(&out, "A");
    assert_string_equal(buf_cstr(&out),
                        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<A xmlns=\"u&amp;v\">"
                        "<B>&lt;x&gt; &amp; &quot;y&quot;&#13;\n\t</B><C>18446744073709551615</C>"
                        "<D>a&#xFFFD;b&#xFFFD;&#xFFFD;&#xFFFD;&#xFFFD;&#xFFFD;&#xFFFD;&#xFFFD;"
                        "&#xFFFD;&#xFFFD;&#xFFFD;\xf0\x9f\x98\x80</D></A>");
}

/* Any bytes written are well-formed; text that XML can carry comes back as it was. */
static void test_round_trip(void **state)
{
    (void)state;
    struct rng_test r;
    rng_test_init(&r, 7);
    for (int i = 0; i < 2000; i++) {
        CLEANUP(arena_free_p) struct arena *a = arena_new(4096, false);
        CLEANUP(buf_done) struct buf out = BUF(4096);
        uint8_t raw[40];
        size_t n = (size_t)rng_below(&r.base, sizeof(raw));
        rng_fill(&r.base, raw, n);
        bool is_ascii = i % 2 == 0;
        for (size_t k = 0; k < n && is_ascii; k++) {
            raw[k] = raw[k] % 13 == 0 ? '\r' : (uint8_t)(0x20 + raw[k] % 0x5f);
        }
        xml_begin(&out);
        xml_element(&out, "K", bytes_of(raw, n));
        struct xml_node *root = NULL;
        assert_int_equal(parse(buf_bytes(&out), a, &root), ERRC_OK);
        if (is_ascii) {
            assert_bytes(root->text, bytes_of(raw, n));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read),       cmocka_unit_test(test_refused),
        cmocka_unit_test(test_bounds),     cmocka_unit_test(test_parts),
        cmocka_unit_test(test_sweeps),     cmocka_unit_test(test_write),
        cmocka_unit_test(test_round_trip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
