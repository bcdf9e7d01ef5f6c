/* The chunked coding: good bodies at every cut and every output size, refusals, bounds. */
#include "testkit.h"

#include "net/http_parse.h"

struct decoded {
    enum errc code;
    bool is_end;
    size_t used;
    struct buf out;
};

/* Feeds `in` in pieces of `step` bytes, taking at most `cap` bytes at once. */
static struct decoded decode(struct bytes in, size_t step, size_t cap)
{
    struct decoded d = { .out = BUF(1 << 20) };
    struct http_chunked c;
    http_chunked_init(&c);
    while (d.used < in.n && !d.is_end) {
        uint8_t dst[256];
        size_t n = MIN(step, in.n - d.used), used = 0, out = 0;
        uint8_t *exact = mem_dup(in.p + d.used, n);
        struct error e = { 0 };
        d.code = http_chunked_decode(&c, bytes_of(exact, n), dst, MIN(cap, sizeof(dst)), &used,
                                     &out, &d.is_end, &e)
                         .code;
        mem_free(exact);
        if (d.code != ERRC_OK) {
            return d;
        }
        assert_true(used != 0 || out != 0 || d.is_end);
        buf_add_mem(&d.out, dst, out);
        d.used += used;
    }
    return d;
}

static const struct {
    const char *in, *out;
} good[] = {
    { "0\r\n\r\n", "" },
    { "000000\r\n\r\n", "" },
    { "5\r\nhello\r\n0\r\n\r\n", "hello" },
    { "5\r\nhello\r\n6\r\n world\r\n000\r\n\r\n", "hello world" },
    { "A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n", "01234567890123456789" },
    { "5;a;b=c;d=\"e \\\" ; f\\\\\"\r\nhello\r\n0;x\r\n\r\n", "hello" },
    { "0000000000000003\r\n\r\n\r\r\n0\r\n\r\n", "\r\n\r" },
    { "3\r\nabc\r\n0\r\nVary: *\r\nX-Y:\r\nZ:\t a b\r\n\r\n", "abc" },
};

static void test_good(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        struct bytes in = bytes_str(good[i].in);
        for (size_t step = 1; step <= in.n; step++) {
            for (size_t cap = 1; cap <= 12; cap++) {
                struct decoded d = decode(in, step, cap);
                if (d.code != ERRC_OK || !d.is_end || d.used != in.n) {
                    fail_msg("%zu: step %zu cap %zu: %s", i, step, cap, errc_name(d.code));
                }
                assert_bytes(buf_bytes(&d.out), bytes_str(good[i].out));
                buf_done(&d.out);
            }
        }
    }
}

/* No prefix is whole, and what follows the end stays unread. */
static void test_ends(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        CLEANUP(buf_done) struct buf in = BUF(1 << 16);
        buf_add_str(&in, good[i].in);
        for (size_t n = 0; n < in.n; n++) {
            struct decoded d = decode(bytes_slice(buf_bytes(&in), 0, n), n + 1, 256);
            assert_int_equal(d.code, ERRC_OK);
            assert_false(d.is_end);
            buf_done(&d.out);
        }
        buf_add_str(&in, "GET /");
        struct decoded d = decode(buf_bytes(&in), in.n, 256);
        assert_true(d.is_end);
        assert_int_equal(d.used, strlen(good[i].in));
        buf_done(&d.out);
    }
}

static const char *const bad[] = {
    "\r\n",
    "g\r\n",
    " 5\r\nhello\r\n",
    "5 \r\nhello\r\n",
    "5\t\r\n",
    "+5\r\nhello\r\n",
    "-1\r\n",
    "0x5\r\nhello\r\n",
    "5\nhello\r\n",
    "5\rhello",
    "5\r\r\n",
    "5\r\nhello0\r\n",
    "5\r\nhello\n0\r\n",
    "5\r\nhello\r0\r\n",
    "5\r\nhello\r\n\r\n",
    "8000000000000000\r\n",
    "ffffffffffffffff\r\n",
    "00000000000000005\r\nhello\r\n",
    "5;\r\n",
    "5;=a\r\n",
    "5;a=\r\n",
    "5;a=\"b\r\n",
    "5;a=\"b\"c\r\n",
    "5; a\r\n",
    "5;a;;b\r\n",
    "5;a\n",
    "5;a\r;",
    "5;\"a\"\r\n",
    "5;a\x01\r\n",
    "0\r\n\n",
    "0\r\nX\r\n\r\n",
    "0\r\n: a\r\n\r\n",
    "0\r\nX : a\r\n\r\n",
    "0\r\nX: a\n\r\n",
    "0\r\nX: a\r\n b\r\n\r\n",
    "0\r\nX: a\x7f\r\n\r\n",
    "0\r\nX: a\r\rY",
};

static void test_bad(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct bytes in = bytes_str(bad[i]);
        for (size_t step = 1; step <= in.n; step++) {
            struct decoded d = decode(in, step, 256);
            if (d.code != ERRC_FORMAT) {
                fail_msg("%zu: step %zu: %s", i, step, errc_name(d.code));
            }
            buf_done(&d.out);
        }
    }
    assert_int_equal(decode(BYTES_LIT("5\0\r\n"), 4, 16).code, ERRC_FORMAT);
}

static enum errc padded(const char *head, size_t n, const char *tail)
{
    CLEANUP(buf_done) struct buf in = BUF(1 << 16);
    buf_add_str(&in, head);
    for (size_t i = 0; i < n; i++) {
        buf_add_u8(&in, 'a');
    }
    buf_add_str(&in, tail);
    struct decoded d = decode(buf_bytes(&in), in.n, 256);
    buf_done(&d.out);
    return d.code;
}

static void test_bounds(void **state)
{
    (void)state;
    /* 256 bytes of extension with its CR; 8 KiB of trailers with the closing CR */
    assert_int_equal(padded("0;", 255, "\r\n\r\n"), ERRC_OK);
    assert_int_equal(padded("0;", 256, "\r\n\r\n"), ERRC_FORMAT);
    assert_int_equal(padded("0\r\nX:", 8192 - 5, "\r\n\r\n"), ERRC_OK);
    assert_int_equal(padded("0\r\nX:", 8192 - 4, "\r\n\r\n"), ERRC_FORMAT);
}

/* Every byte flipped: framing bytes may only turn into other framing, never into a longer or
 * shorter whole unnoticed. */
static void test_flips(void **state)
{
    (void)state;
    struct bytes in = BYTES_LIT("5\r\nhello\r\n0\r\n\r\n");
    uint8_t *copy = mem_dup(in.p, in.n);
    for (size_t i = 0; i < in.n; i++) {
        for (unsigned c = 0; c < 256; c++) {
            copy[i] = (uint8_t)c;
            struct decoded d = decode(bytes_of(copy, in.n), in.n, 256);
            bool is_data = i >= 3 && i < 8;
            if (c != in.p[i] && !is_data && d.code == ERRC_OK && d.is_end) {
                fail_msg("byte %zu as %02x passed", i, c);
            }
            buf_done(&d.out);
        }
        copy[i] = in.p[i];
    }
    mem_free(copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),   cmocka_unit_test(test_ends),  cmocka_unit_test(test_bad),
        cmocka_unit_test(test_bounds), cmocka_unit_test(test_flips),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
