/* The server over Unix sockets: requests at every cut, pipelining, attacks, continuation, answers,
 * limits in time. */
#include "server_kit.h"

static struct kit kit;

static int start(void **state)
{
    (void)state;
    kit_start(&kit, &http_limits_default, NULL);
    return 0;
}

/* Times are short; tests assert on what happens, not on when. */
static int start_hasty(void **state)
{
    (void)state;
    struct http_limits l = http_limits_default;
    l.head_ms = l.idle_ms = l.stall_ms = 60;
    kit_start(&kit, &l, NULL);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    kit_stop(&kit);
    return 0;
}

#define HOST  "Host: a\r\n"
#define CLOSE "Connection: close\r\n"

/* Sends, reads to the end, returns the statuses. */
static const char *talk(struct bytes in, struct buf *out)
{
    int fd = client_open(&kit);
    (void)client_send(fd, in);
    client_read_end(fd, out);
    close(fd);
    return statuses(buf_bytes(out));
}

static const char *body_of(struct buf *b)
{
    const char *text = buf_cstr(b), *end = strstr(text, "\r\n\r\n");
    return end == NULL ? "" : end + 4;
}

static void test_simple(void **state)
{
    (void)state;
    CLEANUP(buf_done) struct buf out = BUF(1 << 20);
    assert_string_equal(talk(BYTES_LIT("GET / HTTP/1.1\r\n" HOST CLOSE "\r\n"), &out), "200");
    assert_string_equal(body_of(&out), "hello");
    assert_non_null(strstr(buf_cstr(&out), "\r\nContent-Length: 5\r\n"));
    assert_non_null(strstr(buf_cstr(&out), "\r\nConnection: close\r\n"));
    assert_non_null(strstr(buf_cstr(&out), "\r\nServer: troth\r\n"));
    assert_non_null(strstr(buf_cstr(&out), " GMT\r\n"));
    buf_reset(&out);
    assert_string_equal(talk(BYTES_LIT("HEAD / HTTP/1.1\r\n" HOST CLOSE "\r\n"), &out), "200");
    assert_string_equal(body_of(&out), "");
    assert_non_null(strstr(buf_cstr(&out), "\r\nContent-Length: 5\r\n"));
    buf_reset(&out);
    assert_string_equal(
            talk(BYTES_LIT("PUT /facts?q HTTP/1.1\r\nx-a: 1\r\n" HOST "X-A: 2\r\n" CLOSE "\r\n"),
                 &out),
            "200");
    assert_string_equal(body_of(&out), "PUT|/facts|q|unix|1|-|2|1");
    buf_reset(&out);
    assert_string_equal(talk(BYTES_LIT("GET /odd?204 HTTP/1.1\r\n" HOST CLOSE "\r\n"), &out),
                        "204");
    assert_null(strstr(buf_cstr(&out), "Content-Length"));
}

static void test_pipelining(void **state)
{
    (void)state;
    CLEANUP(buf_done) struct buf in = BUF(1 << 20), out = BUF(1 << 20);
    for (int i = 0; i < 100; i++) {
        buf_addf(&in, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 4\r\n\r\n%04d", i);
    }
    buf_add_str(&in, "GET / HTTP/1.1\r\n" HOST CLOSE "\r\nGET /never HTTP/1.1\r\n" HOST "\r\n");
    (void)talk(buf_bytes(&in), &out);
    struct bytes rest = buf_bytes(&out);
    for (int i = 0; i < 100; i++) {
        char want[16];
        snprintf(want, sizeof(want), "\r\n\r\n%04d", i);
        size_t at = bytes_find(rest, bytes_str(want));
        assert_int_not_equal(at, rest.n);
        rest = bytes_slice(rest, at + 8, rest.n);
    }
    assert_string_equal(statuses(rest), "200"); /* after Connection: close nothing is read */
    assert_int_equal(kit.handled, 101);
}

static const char mixed[] =
        "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nfirst"
        "POST /echo HTTP/1.1\r\n" HOST
        "Transfer-Encoding: chunked\r\n\r\n3\r\nsec\r\n3;x\r\nond\r\n0\r\nT: v\r\n\r\n"
        "GET / HTTP/1.1\r\n" HOST CLOSE "\r\n";

static void check_mixed(struct buf *out)
{
    assert_string_equal(statuses(buf_bytes(out)), "200,200,200");
    assert_non_null(strstr(buf_cstr(out), "\r\n\r\nfirstHTTP"));
    assert_non_null(strstr(buf_cstr(out), "\r\n\r\nsecondHTTP"));
    assert_non_null(strstr(buf_cstr(out), "\r\n\r\nhello"));
}

static void test_every_cut(void **state)
{
    (void)state;
    struct bytes in = bytes_str(mixed);
    for (size_t at = 0; at <= in.n; at++) {
        CLEANUP(buf_done) struct buf out = BUF(1 << 20);
        int fd = client_open(&kit);
        assert_true(client_send(fd, bytes_slice(in, 0, at)));
        client_settle(fd);
        assert_true(client_send(fd, bytes_slice(in, at, in.n)));
        client_read_end(fd, &out);
        close(fd);
        check_mixed(&out);
    }
}

static void test_byte_by_byte(void **state)
{
    (void)state;
    CLEANUP(buf_done) struct buf out = BUF(1 << 20);
    struct bytes in = bytes_str(mixed);
    int fd = client_open(&kit);
    for (size_t i = 0; i < in.n; i++) {
        assert_true(client_send(fd, bytes_slice(in, i, i + 1)));
        client_settle(fd);
    }
    client_read_end(fd, &out);
    close(fd);
    check_mixed(&out);
}

/* What is behind an attack is never read as a request: one answer, then the end. */
static void test_attacks(void **state)
{
    (void)state;
    static const struct {
        const char *in, *statuses;
    } rows[] = {
        { "POST / HTTP/1.1\r\n" HOST "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nabc",
          "400" },
        { "POST / HTTP/1.1\r\n" HOST "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", "400" },
        { "POST / HTTP/1.1\r\n" HOST "Content-Length: +3\r\n\r\nabc", "400" },
        { "POST / HTTP/1.1\r\n" HOST "Content-Length: 3x\r\n\r\nabc", "400" },
        { "POST / HTTP/1.1\r\n" HOST "Content-Length: 18446744073709551619\r\n\r\nabc", "413" },
        { "POST / HTTP/1.1\r\n" HOST "Content-Length : 3\r\n\r\nabc", "400" },
        { "GET / HTTP/1.1\n" HOST "\r\n", "400" },
        { "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", "501" },
        { "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n3\nabc\r\n0\r\n\r\n",
          "400" },
        { "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n",
          "400" },
        { "GET / HTTP/1.1\r\n" HOST "X: a\r\n b\r\n\r\n", "400" },
        { "GET / HTTP/1.1\r\n\r\n", "400" },
        { "GET / HTTP/1.1\r\n" HOST HOST "\r\n", "400" },
        { "GET / HTTP/1.0\r\n" HOST "\r\n", "505" },
        { "GET / HTTP/1.1\r\n" HOST "Expect: 200-ok\r\n\r\n", "417" },
        { "GET / HTTP/1.1\rX", "400" },
        { "\x16\x03\x01\x02\r\n", "400" },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(buf_done) struct buf in = BUF(1 << 20), out = BUF(1 << 20);
        buf_add_str(&in, rows[i].in);
        buf_add_str(&in, "GET /evil HTTP/1.1\r\n" HOST "\r\n");
        const char *got = talk(buf_bytes(&in), &out);
        if (strcmp(got, rows[i].statuses) != 0) {
            fail_msg("row %zu: %s, expected %s", i, got, rows[i].statuses);
        }
        assert_non_null(strstr(buf_cstr(&out), "\r\nConnection: close\r\n"));
    }
    struct http_stats stats;
    http_shared_stats(kit.shared, &stats);
    assert_int_equal(stats.bad_requests, ARRAY_LEN(rows) - 2); /* bad chunks are their handler's */
}

static void test_oversized(void **state)
{
    (void)state;
    for (size_t n = 16384; n <= 1 << 20; n *= 8) {
        CLEANUP(buf_done) struct buf in = BUF(1 << 21), out = BUF(1 << 20);
        buf_add_str(&in, "GET / HTTP/1.1\r\n" HOST "X: ");
        for (size_t i = 0; i < n; i++) {
            buf_add_u8(&in, 'a');
        }
        assert_string_equal(talk(buf_bytes(&in), &out), "431");
        buf_reset(&in);
        buf_reset(&out);
        buf_add_str(&in, "GET /");
        for (size_t i = 0; i < n; i++) {
            buf_add_u8(&in, 'a');
        }
        assert_string_equal(talk(buf_bytes(&in), &out), "414");
    }
}

static void test_continue(void **state)
{
    (void)state;
    CLEANUP(buf_done) struct buf out = BUF(1 << 20);
    int fd = client_open(&kit);
    assert_true(client_send(fd, BYTES_LIT("POST /echo HTTP/1.1\r\n" HOST "Content-Length: 3\r\n"
                                          "Expect: 100-Continue\r\n\r\n")));
    client_read_until(fd, &out, "HTTP/1.1 100 Continue\r\n\r\n");
    assert_true(client_send(fd, BYTES_LIT("abc")));
    client_read_until(fd, &out, "abc");
    /* Announced and empty: told to go on all the same. */
    buf_reset(&out);
    assert_true(client_send(fd, BYTES_LIT("POST / HTTP/1.1\r\n" HOST "Content-Length: 0\r\n"
                                          "Expect: 100-continue\r\n\r\n")));
    client_read_until(fd, &out, "hello");
    assert_string_equal(statuses(buf_bytes(&out)), "100,200");
    /* The same connection goes on; a body that was never asked for ends it. */
    buf_reset(&out);
    assert_true(client_send(fd, BYTES_LIT("POST / HTTP/1.1\r\n" HOST "Content-Length: 3\r\n"
                                          "Expect: 100-continue\r\n\r\n")));
    client_read_end(fd, &out);
    assert_string_equal(statuses(buf_bytes(&out)), "200");
    assert_non_null(strstr(buf_cstr(&out), "\r\nConnection: close\r\n"));
    close(fd);
}

static void test_unread_body(void **state)
{
    (void)state;
    CLEANUP(buf_done) struct buf in = BUF(1 << 22), out = BUF(1 << 20);
    static uint8_t zeros[2 << 20];
    /* 64 KiB are read over, more end the connection. */
    buf_addf(&in, "POST / HTTP/1.1\r\n" HOST "Content-Length: %d\r\n\r\n", 64 * 1024);
    buf_add_mem(&in, zeros, 64 * 1024);
    buf_add_str(&in, "GET / HTTP/1.1\r\n" HOST CLOSE "\r\n");
    assert_string_equal(talk(buf_bytes(&in), &out), "200,200");
    buf_reset(&in);
    buf_reset(&out);
    buf_addf(&in, "POST / HTTP/1.1\r\n" HOST "Content-Length: %zu\r\n\r\n", sizeof(zeros));
    buf_add_mem(&in, zeros, sizeof(zeros));
    buf_add_str(&in, "GET / HTTP/1.1\r\n" HOST CLOSE "\r\n");
    assert_string_equal(talk(buf_bytes(&in), &out), "200");
    assert_string_equal(body_of(&out), "hello"); /* the answer is not lost to a reset */
    /* Longer than its reader takes. */
    buf_reset(&in);
    buf_reset(&out);
    buf_add_str(&in, "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n30000\r\n");
    buf_add_mem(&in, zeros, 0x30000);
    assert_string_equal(talk(buf_bytes(&in), &out), "413");
}

static void test_odd_answers(void **state)
{
    (void)state;
    static const struct {
        char query[8]; /* no pointer: gcc 12 with UBSan takes it for NULL */
        const char *statuses, *body;
        enum errc code;
    } rows[] = {
        { "none", "500", "no answer\n", ERRC_OK },
        { "short", "200", "12345", ERRC_BUG },
        { "long", "200", "", ERRC_BUG },
        { "cut", "200", "5\r\n12345\r\n", ERRC_OK },
        { "crlf", "500", "no answer\n", ERRC_BUG },
        { "own", "200", "again", ERRC_BUG },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(buf_done) struct buf out = BUF(1 << 20);
        char in[128];
        unsigned before = kit.handler_errors[ERRC_BUG];
        int n = snprintf(in, sizeof(in), "GET /odd?%s HTTP/1.1\r\n" HOST "%s\r\n", rows[i].query,
                         strcmp(rows[i].query, "own") == 0 ? CLOSE : "");
        const char *got = talk(bytes_of(in, (size_t)n), &out);
        /* "long" may have been cut before its head went out */
        if (strcmp(rows[i].query, "long") != 0) {
            assert_string_equal(got, rows[i].statuses);
        }
        assert_string_equal(body_of(&out), rows[i].body);
        assert_null(strstr(buf_cstr(&out), "X-B"));
        assert_int_equal(kit.handler_errors[ERRC_BUG] - before, rows[i].code == ERRC_BUG);
    }
}

static void check_pattern(struct bytes in, uint64_t from)
{
    for (size_t i = 0; i < in.n; i++) {
        if (in.p[i] != pattern_at(from + i)) {
            fail_msg("byte %zu differs", i);
        }
    }
}

static void test_big(void **state)
{
    (void)state;
    static const size_t sizes[] = { 0, 1, 16000, 16384, 16385, 100001, 9 << 20 };
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        CLEANUP(buf_done) struct buf out = BUF(16 << 20);
        char in[128];
        int n = snprintf(in, sizeof(in), "GET /big?%zu HTTP/1.1\r\n" HOST CLOSE "\r\n", sizes[i]);
        assert_string_equal(talk(bytes_of(in, (size_t)n), &out), "200");
        size_t head = bytes_find(buf_bytes(&out), BYTES_LIT("\r\n\r\n")) + 4;
        assert_int_equal(out.n - head, sizes[i]);
        check_pattern(bytes_slice(buf_bytes(&out), head, out.n), 0);

        buf_reset(&out);
        n = snprintf(in, sizeof(in), "GET /chunked?%zu HTTP/1.1\r\n" HOST CLOSE "\r\n", sizes[i]);
        assert_string_equal(talk(bytes_of(in, (size_t)n), &out), "200");
        uint64_t at = 0;
        head = bytes_find(buf_bytes(&out), BYTES_LIT("\r\n\r\n")) + 4;
        struct bytes rest = bytes_slice(buf_bytes(&out), head, out.n);
        for (;;) {
            struct bytes line = bytes_slice(rest, 0, bytes_find(rest, BYTES_LIT("\r\n")));
            size_t len = strtoul((const char *)line.p, NULL, 16);
            rest = bytes_slice(rest, line.n + 2, rest.n);
            check_pattern(bytes_slice(rest, 0, len), at);
            at += len;
            assert_memory_equal(rest.p + len, "\r\n", 2);
            rest = bytes_slice(rest, len + 2, rest.n);
            if (len == 0) {
                break;
            }
        }
        assert_int_equal(at, sizes[i]);
        assert_int_equal(rest.n, 0);
    }
}

static void test_upload(void **state)
{
    (void)state;
    enum { N = 9 << 20 };
    for (int is_chunked = 0; is_chunked < 2; is_chunked++) {
        CLEANUP(buf_done) struct buf in = BUF(16 << 20), out = BUF(1 << 20);
        buf_add_str(&in, "PUT /count HTTP/1.1\r\n" HOST CLOSE);
        if (is_chunked == 0) {
            buf_addf(&in, "Content-Length: %d\r\n\r\n", N);
        } else {
            buf_add_str(&in, "Transfer-Encoding: chunked\r\n\r\n");
        }
        for (uint64_t i = 0; i < N; i++) {
            if (is_chunked == 1 && i % 70000 == 0) {
                buf_addf(&in, "%s%x\r\n", i == 0 ? "" : "\r\n", (unsigned)MIN(70000, N - i));
            }
            buf_add_u8(&in, pattern_at(i));
        }
        if (is_chunked == 1) {
            buf_add_str(&in, "\r\n0\r\n\r\n");
        }
        assert_string_equal(talk(buf_bytes(&in), &out), "200");
        char want[32];
        snprintf(want, sizeof(want), "%d 0", N);
        assert_string_equal(body_of(&out), want);
    }
}

static void test_half_closed(void **state)
{
    (void)state;
    CLEANUP(buf_done) struct buf out = BUF(1 << 20);
    int fd = client_open(&kit);
    assert_true(client_send(fd, BYTES_LIT("GET / HTTP/1.1\r\n" HOST "\r\n")));
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    client_read_end(fd, &out);
    assert_string_equal(statuses(buf_bytes(&out)), "200");
    close(fd);
    /* In the middle of a head: no answer. Of a body: its reader is told. */
    buf_reset(&out);
    fd = client_open(&kit);
    assert_true(client_send(fd, BYTES_LIT("GET / HTTP/1.1\r\nHo")));
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    client_read_end(fd, &out);
    assert_int_equal(out.n, 0);
    close(fd);
    unsigned before = kit.handler_errors[ERRC_CLOSED];
    fd = client_open(&kit);
    assert_true(client_send(
            fd, BYTES_LIT("PUT /count HTTP/1.1\r\n" HOST "Content-Length: 9\r\n\r\nx")));
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    client_read_end(fd, &out);
    close(fd);
    assert_true(kit.handler_errors[ERRC_CLOSED] > before);
}

static uint64_t timeouts(void)
{
    struct http_stats stats;
    http_shared_stats(kit.shared, &stats);
    return stats.timeouts;
}

static void test_slow_heads(void **state)
{
    (void)state;
    CLEANUP(buf_done) struct buf out = BUF(1 << 20);
    assert_string_equal(talk(BYTES_LIT(""), &out), ""); /* idle: closed without a word */
    assert_string_equal(talk(BYTES_LIT("G"), &out), "408");
    buf_reset(&out);
    assert_string_equal(talk(BYTES_LIT("GET / HTTP/1.1\r\n" HOST "\r\n"), &out), "200");
    buf_reset(&out);
    assert_string_equal(talk(BYTES_LIT("GET / HTTP/1.1\r\n" HOST "\r\nGET / HT"), &out), "200,408");
    assert_int_equal(timeouts(), 2);
    /* A byte now and then does not keep a head alive. */
    buf_reset(&out);
    int fd = client_open(&kit);
    assert_true(client_send(fd, BYTES_LIT("GET / HTTP/1.1\r\nX:")));
    while (client_send(fd, BYTES_LIT("a"))) {
        struct pollfd p = { .fd = fd, .events = POLLIN };
        if (poll(&p, 1, 5) == 1) {
            break;
        }
    }
    client_read_end(fd, &out);
    assert_string_equal(statuses(buf_bytes(&out)), "408");
    close(fd);
}

static void test_slow_bodies(void **state)
{
    (void)state;
    CLEANUP(buf_done) struct buf out = BUF(1 << 20);
    assert_string_equal(
            talk(BYTES_LIT("PUT /count HTTP/1.1\r\n" HOST "Content-Length: 9\r\n\r\nx"), &out),
            "408");
    /* Not a stall, but less than 1,024 bytes a second. */
    buf_reset(&out);
    int fd = client_open(&kit);
    assert_true(client_send(
            fd, BYTES_LIT("PUT /count HTTP/1.1\r\n" HOST "Content-Length: 99999\r\n\r\n")));
    while (client_send(fd, BYTES_LIT("a"))) {
        struct pollfd p = { .fd = fd, .events = POLLIN };
        if (poll(&p, 1, 10) == 1) {
            break;
        }
    }
    client_read_end(fd, &out);
    assert_string_equal(statuses(buf_bytes(&out)), "408");
    close(fd);
    /* A handler that takes its time does not count against its client. */
    buf_reset(&out);
    assert_string_equal(talk(BYTES_LIT("GET /sleep?200 HTTP/1.1\r\n" HOST CLOSE "\r\n"), &out),
                        "200");
}

static void test_slow_reader(void **state)
{
    (void)state;
    CLEANUP(buf_done) struct buf out = BUF(64 << 20);
    unsigned before = kit.handler_errors[ERRC_TIMEOUT];
    int fd = client_open(&kit);
    assert_true(client_send(fd, BYTES_LIT("GET /big?33554432 HTTP/1.1\r\n" HOST CLOSE "\r\n")));
    while (kit.handler_errors[ERRC_TIMEOUT] == before) {
        sched_yield();
    }
    client_read_end(fd, &out);
    assert_true(out.n < 33554432);
    close(fd);
}

static void await_active(size_t n)
{
    struct http_stats stats;
    do {
        sched_yield();
        http_shared_stats(kit.shared, &stats);
    } while (stats.active != n);
}

/* One loop: a client that takes nothing, one that sends nothing and one that is busy leave room for
 * others. */
static void test_others_go_on(void **state)
{
    (void)state;
    int deaf = client_open(&kit), mute = client_open(&kit);
    assert_true(client_send(deaf, BYTES_LIT("GET /big?33554432 HTTP/1.1\r\n" HOST "\r\n")));
    assert_true(client_send(mute,
                            BYTES_LIT("PUT /count HTTP/1.1\r\n" HOST "Content-Length: 9\r\n\r\n")));
    await_active(2);
    int fd = client_open(&kit);
    for (int i = 0; i < 100; i++) {
        CLEANUP(buf_done) struct buf out = BUF(1 << 16);
        assert_true(client_send(fd, BYTES_LIT("GET / HTTP/1.1\r\n" HOST "\r\n")));
        client_read_until(fd, &out, "hello");
    }
    await_active(2);
    close(deaf);
    close(mute);
    close(fd);
}

/* Two loops accept from one socket and share their counts. */
static void *second_main(void *arg)
{
    struct kit *k = arg;
    struct error e = { 0 };
    must(loop_run(k->loop, &e), &e);
    return NULL;
}

static void *caller_main(void *arg)
{
    _Atomic unsigned *good = arg;
    for (int i = 0; i < 50; i++) {
        CLEANUP(buf_done) struct buf out = BUF(1 << 20);
        int fd = client_open(&kit);
        (void)client_send(fd, bytes_str(mixed));
        client_read_end(fd, &out);
        close(fd);
        *good += bytes_find(buf_bytes(&out), BYTES_LIT("\r\n\r\nhello")) != out.n;
    }
    return NULL;
}

static void test_two_loops(void **state)
{
    (void)state;
    struct error e = { 0 };
    struct kit second = { .shared = kit.shared };
    _Atomic unsigned good = 0;
    pthread_t callers[4];
    assert_ok(loop_new(&second.loop, &e), e);
    assert_ok(http_server_new(second.loop, kit.shared, serve, &kit, &second.server, &e), e);
    assert_ok(http_server_listen(second.server, kit.unix_fd, NULL, &e), e);
    assert_int_equal(pthread_create(&second.thread, NULL, second_main, &second), 0);
    for (size_t i = 0; i < ARRAY_LEN(callers); i++) {
        assert_int_equal(pthread_create(&callers[i], NULL, caller_main, &good), 0);
    }
    for (size_t i = 0; i < ARRAY_LEN(callers); i++) {
        assert_int_equal(pthread_join(callers[i], NULL), 0);
    }
    assert_int_equal(good, 200);
    struct http_stats stats;
    http_shared_stats(kit.shared, &stats);
    assert_int_equal(stats.accepted, 200);
    assert_int_equal(stats.requests, 600);
    second.task = (struct loop_task){ .fn = kit_spawn_end, .arg = &second };
    loop_post(second.loop, &second.task);
    assert_int_equal(pthread_join(second.thread, NULL), 0);
    loop_free(second.loop);
}

static void do_drain(struct kit *k)
{
    http_server_drain(k->server);
}

static void do_close_all(struct kit *k)
{
    http_server_close_all(k->server);
}

static void test_drain(void **state)
{
    (void)state;
    CLEANUP(buf_done) struct buf out = BUF(1 << 20);
    int idle = client_open(&kit), busy = client_open(&kit);
    assert_true(client_send(
            busy, BYTES_LIT("POST /echo HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\na")));
    assert_true(client_send(idle, BYTES_LIT("GET / HTTP/1.1\r\n" HOST "\r\n")));
    client_read_until(idle, &out, "hello");
    await_active(1);
    kit_do(&kit, do_drain);
    buf_reset(&out);
    client_read_end(idle, &out);
    assert_int_equal(out.n, 0);
    assert_true(client_send(busy, BYTES_LIT("b")));
    client_read_end(busy, &out);
    assert_string_equal(statuses(buf_bytes(&out)), "200");
    assert_non_null(strstr(buf_cstr(&out), "Connection: close"));
    close(idle);
    close(busy);
}

static void test_close_all(void **state)
{
    (void)state;
    CLEANUP(buf_done) struct buf out = BUF(1 << 20);
    int busy = client_open(&kit);
    assert_true(client_send(
            busy, BYTES_LIT("PUT /count HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\na")));
    await_active(1);
    kit_do(&kit, do_close_all);
    client_read_end(busy, &out);
    assert_int_equal(out.n, 0);
    await_active(0);
    assert_true(kit.handler_errors[ERRC_CLOSED] > 0);
    close(busy);
}

static void test_plain_tcp_is_refused(void **state)
{
    (void)state;
    struct error e = { 0 };
    int fd = -1;
    char addr[SOCK_ADDR_TEXT_MAX];
    assert_ok(sock_listen_tcp("127.0.0.1:0", 1, &fd, addr, &e), e);
    assert_code(http_server_listen(kit.server, fd, NULL, &e), ERRC_BUG); /*= 2.1.3-1 test */
    sock_close(fd);
}

#define WITH(f)  cmocka_unit_test_setup_teardown(f, start, stop)
#define HASTY(f) cmocka_unit_test_setup_teardown(f, start_hasty, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH(test_simple),       WITH(test_pipelining),
        WITH(test_every_cut),    WITH(test_byte_by_byte),
        WITH(test_attacks),      WITH(test_oversized),
        WITH(test_continue),     WITH(test_unread_body),
        WITH(test_odd_answers),  WITH(test_big),
        WITH(test_upload),       WITH(test_half_closed),
        WITH(test_others_go_on), WITH(test_two_loops),
        HASTY(test_slow_heads),  HASTY(test_slow_bodies),
        HASTY(test_slow_reader), WITH(test_drain),
        WITH(test_close_all),    WITH(test_plain_tcp_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
