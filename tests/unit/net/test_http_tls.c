/* The server over TLS, and the client: round trips, bulk, client certificates, limits of
 * connections, refusals. */
#include "server_kit.h"

#include "base/text.h"
#include "net/client.h"
#include "net/http_priv.h"

#include <netinet/in.h>

static struct kit kit;
static struct x509_pair ca, server_cert, client_cert;
static struct tls_ctx *ctx;
static char dir[] = "/tmp/troth-net-tls-XXXXXX";
static char ca_file[64], cert_file[64], key_file[64];

static void file_write(char *ret_path, const char *name, struct bytes v)
{
    snprintf(ret_path, 64, "%s/%s", dir, name);
    FILE *f = fopen(ret_path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(v.p, 1, v.n, f), v.n);
    assert_int_equal(fclose(f), 0);
}

static int group_start(void **state)
{
    (void)state;
    struct error e = { 0 };
    int64_t now = clock_wall_ms(&clock_system);
    const char *names[] = { "localhost", "127.0.0.1" };
    assert_non_null(mkdtemp(dir));
    assert_ok(x509_ca_new("test", now, &ca, &e), e);
    assert_ok(x509_leaf_new(&ca, X509_SERVER, "localhost", names, 2, now, &server_cert, &e), e);
    assert_ok(x509_leaf_new(&ca, X509_CLIENT, "me", NULL, 0, now, &client_cert, &e), e);
    assert_ok(tls_server_ctx_new(buf_bytes(&server_cert.cert_pem), buf_bytes(&server_cert.key_pem),
                                 buf_bytes(&ca.cert_pem), TLS_CLIENT_OPTIONAL, &ctx, &e),
              e);
    file_write(ca_file, "ca.pem", buf_bytes(&ca.cert_pem));
    file_write(cert_file, "cert.pem", buf_bytes(&client_cert.cert_pem));
    file_write(key_file, "key.pem", buf_bytes(&client_cert.key_pem));
    return 0;
}

static int group_stop(void **state)
{
    (void)state;
    tls_ctx_unref(ctx);
    x509_pair_done(&ca);
    x509_pair_done(&server_cert);
    x509_pair_done(&client_cert);
    (void)unlink(ca_file);
    (void)unlink(cert_file);
    (void)unlink(key_file);
    (void)rmdir(dir);
    return 0;
}

static int start(void **state)
{
    (void)state;
    kit_start(&kit, &http_limits_default, ctx);
    return 0;
}

static int start_few(void **state)
{
    (void)state;
    struct http_limits l = http_limits_default;
    l.connections = 5;
    l.connections_per_address = 3;
    kit_start(&kit, &l, ctx);
    return 0;
}

static int start_hasty(void **state)
{
    (void)state;
    struct http_limits l = http_limits_default;
    l.handshake_ms = l.head_ms = l.idle_ms = l.stall_ms = 60;
    kit_start(&kit, &l, ctx);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    kit_stop(&kit);
    return 0;
}

static struct http_call call_of(const char *method, const char *path)
{
    static char url[256];
    snprintf(url, sizeof(url), "https://%s%s", kit.addr, path);
    return (struct http_call){
        .method = method, .url = url, .ca_file = ca_file, .timeout_ms = 60000
    };
}

static void test_calls(void **state)
{
    (void)state;
    struct error e = { 0 };
    CLEANUP(buf_done) struct buf out = BUF(1 << 20);
    unsigned status = 0;
    struct http_call call = call_of("GET", "/facts?q=1");
    assert_ok(http_client_call(&call, &status, &out, &e), e);
    assert_int_equal(status, 200);
    assert_string_equal(buf_cstr(&out), "GET|/facts|q=1|127.0.0.1|0|-|0|");

    buf_reset(&out);
    const char *headers[] = { "X-A: v", NULL };
    struct x509_facts facts;
    char hex[65], want[128];
    assert_ok(x509_facts_of_pem(buf_bytes(&client_cert.cert_pem), &facts, &e), e);
    hex_encode(BYTES_OF(facts.fingerprint), hex);
    snprintf(want, sizeof(want), "DELETE|/facts||127.0.0.1|0|%s|1|v", hex);
    call = call_of("DELETE", "/facts");
    call.headers = headers;
    call.client_cert_file = cert_file;
    call.client_key_file = key_file;
    assert_ok(http_client_call(&call, &status, &out, &e), e);
    assert_string_equal(buf_cstr(&out), want);

    buf_reset(&out);
    call = call_of("POST", "/echo");
    call.body = BYTES_LIT("some body");
    assert_ok(http_client_call(&call, &status, &out, &e), e);
    assert_string_equal(buf_cstr(&out), "some body");

    /* over the Unix socket */
    buf_reset(&out);
    call = call_of("GET", "/");
    call.url = "http://localhost/";
    call.unix_socket = kit.path;
    assert_ok(http_client_call(&call, &status, &out, &e), e);
    assert_string_equal(buf_cstr(&out), "hello");
}

static void test_call_errors(void **state)
{
    (void)state;
    struct error e = { 0 };
    CLEANUP(buf_done) struct buf out = BUF(3), long_out = BUF(1 << 16);
    unsigned status = 0;
    struct http_call call = call_of("GET", "/");
    assert_code(http_client_call(&call, &status, &out, &e), ERRC_LIMIT);
    call.url = "http://127.0.0.1:1/";
    assert_code(http_client_call(&call, &status, &long_out, &e), ERRC_RANGE); /* clear text */
    call.url = "https://127.0.0.1:1/";
    assert_code(http_client_call(&call, &status, &long_out, &e), ERRC_AGAIN);
    call = call_of("GET", "/");
    call.ca_file = cert_file; /* not the server's authority */
    assert_code(http_client_call(&call, &status, &long_out, &e), ERRC_INTEGRITY);
    call = call_of("GET", "/sleep?400");
    call.timeout_ms = 50;
    assert_code(http_client_call(&call, &status, &long_out, &e), ERRC_TIMEOUT);
    call = call_of("GET", "/odd?short");
    assert_code(http_client_call(&call, &status, &long_out, &e), ERRC_CLOSED);
    call.unix_socket = "/nonexistent";
    call.url = "http://localhost/";
    assert_code(http_client_call(&call, &status, &long_out, &e), ERRC_AGAIN);
}

struct check {
    uint64_t at, wrong;
};

static RESULT check_part(void *arg, struct bytes part, struct error *e)
{
    struct check *c = arg;
    (void)e;
    for (size_t i = 0; i < part.n; i++) {
        c->wrong += part.p[i] != pattern_at(c->at + i);
    }
    c->at += part.n;
    return RESULT_OK;
}

static RESULT stop_part(void *arg, struct bytes part, struct error *e)
{
    (void)arg;
    (void)part;
    FAIL(e, ERRC_CONFLICT, "enough");
}

static void test_bulk(void **state)
{
    (void)state;
    enum { N = 40 << 20 };
    struct error e = { 0 };
    unsigned status = 0;
    static const char *const paths[] = { "/big?41943040", "/chunked?41943040" };
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        struct check c = { 0 };
        struct http_call call = call_of("GET", paths[i]);
        call.sink = check_part;
        call.sink_arg = &c;
        assert_ok(http_client_call(&call, &status, NULL, &e), e);
        assert_int_equal(c.at, N);
        assert_int_equal(c.wrong, 0);
        call.sink = stop_part;
        assert_code(http_client_call(&call, &status, NULL, &e), ERRC_CONFLICT);
        assert_non_null(strstr(e.msg, ": enough"));
    }
    CLEANUP(buf_done) struct buf out = BUF(1 << 16);
    uint8_t *p = mem_alloc(N);
    for (uint64_t i = 0; i < N; i++) {
        p[i] = pattern_at(i);
    }
    struct http_call call =
            call_of("PUT", "/count"); /* with Expect: 100-continue, as libcurl does */
    call.body = bytes_of(p, N);
    assert_ok(http_client_call(&call, &status, &out, &e), e);
    assert_string_equal(buf_cstr(&out), "41943040 0");
    mem_free(p);
}

static int tcp_open(void)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    a.sin_port = htons((uint16_t)strtoul(strrchr(kit.addr, ':') + 1, NULL, 10));
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
    struct timeval tv = { .tv_sec = 30 };
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)), 0);
    return fd;
}

static struct http_stats await_connections(size_t n)
{
    struct http_stats stats;
    do {
        sched_yield();
        http_shared_stats(kit.shared, &stats);
    } while (stats.connections != n);
    return stats;
}

static void test_limits(void **state)
{
    (void)state;
    CLEANUP(buf_done) struct buf out = BUF(1 << 16);
    int fds[3];
    for (size_t i = 0; i < 3; i++) {
        fds[i] = tcp_open();
    }
    (void)await_connections(3);
    int over = tcp_open();
    client_read_end(over, &out); /* closed at once */
    close(over);
    struct http_stats stats = await_connections(3);
    assert_int_equal(stats.refused, 1);
    assert_int_equal(stats.accepted, 3);
    /* The Unix socket stays open to its owner, and a place that is left is free again. */
    int own = client_open(&kit);
    assert_true(client_send(own, BYTES_LIT("GET / HTTP/1.1\r\nHost: a\r\n\r\n")));
    client_read_until(own, &out, "hello");
    close(own);
    close(fds[0]);
    (void)await_connections(2);
    fds[0] = tcp_open();
    assert_int_equal(await_connections(3).refused, 1);
    /* Limits change while it runs. */
    struct http_limits l = http_limits_default;
    l.connections = 4;
    http_shared_set_limits(kit.shared, &l);
    int fourth = tcp_open();
    (void)await_connections(4);
    over = tcp_open();
    buf_reset(&out);
    client_read_end(over, &out);
    assert_int_equal(out.n, 0);
    close(over);
    close(fourth);
    for (size_t i = 0; i < 3; i++) {
        close(fds[i]);
    }
    assert_int_equal(await_connections(0).refused, 2);
}

static void test_handshakes(void **state)
{
    (void)state;
    CLEANUP(buf_done) struct buf out = BUF(1 << 16);
    struct http_stats stats;
    /* Silence and half a record: closed in time. */
    for (size_t i = 0; i < 2; i++) {
        int fd = tcp_open();
        assert_true(client_send(fd, bytes_slice(BYTES_LIT("\x16\x03\x01\x02"), 0, 4 * i)));
        client_read_end(fd, &out);
        close(fd);
    }
    http_shared_stats(kit.shared, &stats);
    assert_int_equal(stats.timeouts, 2);
    assert_int_equal(stats.handshake_failures, 0);
    /* Clear text where TLS is spoken. */
    buf_reset(&out);
    int fd = tcp_open();
    assert_true(client_send(fd, BYTES_LIT("GET / HTTP/1.1\r\nHost: a\r\n\r\n")));
    client_read_end(fd, &out);
    close(fd);
    assert_string_equal(statuses(buf_bytes(&out)), "");
    http_shared_stats(kit.shared, &stats);
    assert_int_equal(stats.handshake_failures, 1);
    assert_int_equal(stats.requests, 0);
}

static struct tls_ctx *next_ctx;

static void do_set_tls(struct kit *k)
{
    http_server_set_tls(k->server, next_ctx);
}

static void test_swap(void **state)
{
    (void)state;
    struct error e = { 0 };
    CLEANUP(buf_done) struct buf out = BUF(1 << 16);
    CLEANUP(x509_pair_done) struct x509_pair other = { 0 }, other_ca = { 0 };
    const char *name = "127.0.0.1";
    int64_t now = clock_wall_ms(&clock_system);
    unsigned status = 0;
    assert_ok(x509_ca_new("other", now, &other_ca, &e), e);
    assert_ok(x509_leaf_new(&other_ca, X509_SERVER, "x", &name, 1, now, &other, &e), e);
    assert_ok(tls_server_ctx_new(buf_bytes(&other.cert_pem), buf_bytes(&other.key_pem), BYTES_NONE,
                                 TLS_CLIENT_NONE, &next_ctx, &e),
              e);
    kit_do(&kit, do_set_tls);
    tls_ctx_unref(next_ctx);
    struct http_call call = call_of("GET", "/");
    assert_code(http_client_call(&call, &status, &out, &e), ERRC_INTEGRITY);
}

static void *second_main(void *arg)
{
    struct kit *k = arg;
    struct error e = { 0 };
    must(loop_run(k->loop, &e), &e);
    return NULL;
}

static void await_load(const struct kit *k, unsigned n)
{
    while (k->server->load != n) {
        sched_yield();
    }
}

/* Whichever loop accepts: each gets its half, and none is lost when one of them ends. */
static void test_balance(void **state)
{
    (void)state;
    struct error e = { 0 };
    struct kit second = { .shared = kit.shared };
    int fds[9];
    assert_ok(loop_new(&second.loop, &e), e);
    assert_ok(http_server_new(second.loop, kit.shared, serve, &kit, &second.server, &e), e);
    assert_ok(http_server_listen(second.server, kit.tcp_fd, ctx, &e), e);
    assert_int_equal(pthread_create(&second.thread, NULL, second_main, &second), 0);
    for (size_t i = 0; i < 8; i++) {
        fds[i] = tcp_open();
    }
    await_load(&kit, 4);
    await_load(&second, 4);
    assert_int_equal(await_connections(8).refused, 0);
    second.task = (struct loop_task){ .fn = kit_spawn_end, .arg = &second };
    loop_post(second.loop, &second.task);
    assert_int_equal(pthread_join(second.thread, NULL), 0);
    loop_free(second.loop);
    (void)await_connections(4);
    fds[8] = tcp_open();
    await_load(&kit, 5);
    for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
        close(fds[i]);
    }
    await_load(&kit, 0);
    (void)await_connections(0);
}

#define WITH(f, start) cmocka_unit_test_setup_teardown(f, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH(test_calls, start),      WITH(test_call_errors, start),      WITH(test_bulk, start),
        WITH(test_limits, start_few), WITH(test_handshakes, start_hasty), WITH(test_swap, start),
        WITH(test_balance, start),
    };
    return cmocka_run_group_tests(tests, group_start, group_stop);
}
