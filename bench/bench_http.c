/*
 * The HTTP server over TLS on loopback TCP, in this process: small requests with 1, 16 and 64
 * connections, bulk down and up beside raw TLS, memory of idle connections. CPU is the server's
 * thread alone.
 */
#include "base/clock.h"
#include "net/http.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BULK_BYTES (1024ull * 1024 * 1024)
#define PIECE      (1024 * 1024)

static struct tls_ctx *server_ctx, *client_ctx;
static struct tls_pool *pool; /* of the client's thread */
static struct loop *the_loop;
static pthread_t server_thread;
static uint8_t piece[PIECE], sink[PIECE];
static char addr[SOCK_ADDR_TEXT_MAX];

static void must(struct result r, const struct error *e)
{
    if (!result_is_ok(r)) {
        fprintf(stderr, "%s\n", e->msg);
        exit(1);
    }
}

static int64_t thread_cpu_ns(pthread_t t)
{
    clockid_t id;
    struct timespec ts = { 0 };
    if (pthread_getcpuclockid(t, &id) != 0 || clock_gettime(id, &ts) != 0) {
        exit(1);
    }
    return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

/* --- server --- */

static void serve(void *ctx, struct http_exchange *x)
{
    struct error e;
    const struct http_request *r = http_request(x);
    struct result res = RESULT_OK;
    (void)ctx;
    if (bytes_equal_str(r->path, "/down")) {
        static uint8_t out[PIECE];
        res = http_begin(x, 200, (int64_t)BULK_BYTES, &e);
        for (uint64_t n = 0; n < BULK_BYTES && result_is_ok(res); n += PIECE) {
            res = http_write(x, BYTES_OF(out), &e);
        }
        res = result_is_ok(res) ? http_end(x, &e) : res;
    } else if (bytes_equal_str(r->path, "/up")) {
        static uint8_t in[PIECE];
        size_t n = 1;
        while (n != 0 && result_is_ok(res)) {
            res = http_read_body(x, in, sizeof(in), &n, &e);
        }
        res = result_is_ok(res) ? http_respond(x, 200, NULL, BYTES_NONE, &e) : res;
    } else if (bytes_equal_str(r->path, "/4k")) {
        res = http_respond(x, 200, "application/octet-stream", bytes_of(piece, 4096), &e);
    } else {
        res = http_respond(x, 200, "application/json", BYTES_LIT("{\"hello\":\"world\",\"n\":17}"),
                           &e);
    }
    must(res, &e);
}

static void *server_main(void *arg)
{
    struct error e;
    (void)arg;
    must(loop_run(the_loop, &e), &e);
    return NULL;
}

/* --- client --- */

static int tcp_open(const char *to)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    a.sin_port = htons((uint16_t)strtoul(strrchr(to, ':') + 1, NULL, 10));
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int on = 1;
    if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a)) != 0 ||
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0) {
        perror("connect");
        exit(1);
    }
    struct error e;
    must(sock_set_nonblocking(fd, true, &e), &e);
    return fd;
}

struct client {
    int fd;
    struct tls_conn *tls;
    size_t got;
};

static void wait_for(const struct client *c)
{
    unsigned w = tls_wants(c->tls);
    struct pollfd p = { .fd = c->fd };
    p.events = (short)(((w & TLS_WANT_READ) != 0 ? POLLIN : 0) |
                       ((w & TLS_WANT_WRITE) != 0 ? POLLOUT : 0));
    (void)poll(&p, 1, -1);
}

static void shake(struct client *c)
{
    struct error e;
    struct result r;
    while ((r = tls_handshake(c->tls, &e)).code == ERRC_AGAIN) {
        wait_for(c);
    }
    must(r, &e);
}

static struct client client_open(void)
{
    struct error e;
    struct client c = { .fd = tcp_open(addr) };
    must(tls_conn_new_client(client_ctx, pool, c.fd, "127.0.0.1", &c.tls, &e), &e);
    shake(&c);
    return c;
}

static void client_close(struct client *c)
{
    tls_conn_free(c->tls);
    close(c->fd);
}

static void send_all(struct client *c, struct bytes v)
{
    struct error e;
    struct result r = RESULT_OK;
    while (v.n != 0) {
        size_t n = 0;
        r = tls_write(c->tls, v, &n, &e);
        if (r.code == ERRC_AGAIN) {
            wait_for(c);
            continue;
        }
        must(r, &e);
        v = bytes_slice(v, n, v.n);
    }
}

static void flush_all(struct client *c)
{
    struct error e;
    struct result r;
    while ((r = tls_flush(c->tls, &e)).code == ERRC_AGAIN) {
        wait_for(c);
    }
    must(r, &e);
}

static void send_now(struct client *c, struct bytes v)
{
    send_all(c, v);
    flush_all(c);
}

/* At least n bytes. */
static size_t receive(struct client *c, uint64_t n)
{
    struct error e;
    uint64_t got = 0;
    while (got < n) {
        size_t m = 0;
        struct result r = tls_read(c->tls, sink, sizeof(sink), &m, &e);
        if (r.code == ERRC_AGAIN) {
            wait_for(c);
            continue;
        }
        must(r, &e);
        got += m;
    }
    return (size_t)got;
}

/* --- measures --- */

static void small(const char *path, size_t count, size_t rounds)
{
    static struct client cs[64];
    static struct pollfd ps[64];
    struct error e;
    char text[256];
    int n = snprintf(text, sizeof(text),
                     "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: bench\r\n\r\n", path);
    struct bytes request = bytes_of(text, (size_t)n);
    for (size_t i = 0; i < count; i++) {
        cs[i] = client_open();
        ps[i] = (struct pollfd){ .fd = cs[i].fd, .events = POLLIN };
    }
    send_now(&cs[0], request);
    size_t len = receive(&cs[0], 1);
    int64_t cpu = thread_cpu_ns(server_thread), wall = clock_mono_ns();
    size_t left = rounds, open = 0;
    for (; open < count; open++) {
        send_now(&cs[open], request);
    }
    while (open != 0) {
        (void)poll(ps, (nfds_t)count, -1);
        for (size_t i = 0; i < count; i++) {
            if (ps[i].revents == 0) {
                continue;
            }
            size_t m = 0;
            while (tls_read(cs[i].tls, sink, sizeof(sink), &m, &e).code == ERRC_OK) {
                cs[i].got += m;
            }
            if (cs[i].got < len) {
                continue;
            }
            cs[i].got = 0;
            if (left > 0) {
                left--;
                send_now(&cs[i], request);
            } else {
                open--;
            }
        }
    }
    wall = clock_mono_ns() - wall;
    cpu = thread_cpu_ns(server_thread) - cpu;
    double total = (double)(rounds + count);
    printf("GET %-6s c=%-3zu %8.0f/s  %6.1f us server CPU\n", path, count,
           total * 1e9 / (double)wall, (double)cpu / total / 1e3);
    for (size_t i = 0; i < count; i++) {
        client_close(&cs[i]);
    }
}

static void report(const char *what, int64_t wall, int64_t cpu)
{
    printf("%-22s %8.2f GB/s  %6.3f ns/B server CPU\n", what, (double)BULK_BYTES / (double)wall,
           (double)cpu / (double)BULK_BYTES);
}

static void down(void)
{
    struct client c = client_open();
    int64_t cpu = thread_cpu_ns(server_thread), wall = clock_mono_ns();
    send_now(&c, BYTES_LIT("GET /down HTTP/1.1\r\nHost: a\r\n\r\n"));
    (void)receive(&c, BULK_BYTES + 64);
    report("GET 1 GiB", clock_mono_ns() - wall, thread_cpu_ns(server_thread) - cpu);
    client_close(&c);
}

static void up(void)
{
    struct client c = client_open();
    char text[128];
    int n = snprintf(text, sizeof(text),
                     "PUT /up HTTP/1.1\r\nHost: a\r\nContent-Length: %llu\r\n\r\n", BULK_BYTES);
    int64_t cpu = thread_cpu_ns(server_thread), wall = clock_mono_ns();
    send_all(&c, bytes_of(text, (size_t)n));
    for (uint64_t i = 0; i < BULK_BYTES; i += PIECE) {
        send_all(&c, BYTES_OF(piece));
    }
    flush_all(&c);
    (void)receive(&c, 50);
    report("PUT 1 GiB", clock_mono_ns() - wall, thread_cpu_ns(server_thread) - cpu);
    client_close(&c);
}

/* The same bytes without HTTP: a thread that writes or reads, with the same TLS. */
struct raw {
    int fd;
    bool is_down;
    int64_t cpu;
};

static void *raw_main(void *arg)
{
    struct raw *raw = arg;
    struct tls_pool *p = tls_pool_new();
    static uint8_t own[PIECE];
    struct client c = { .fd = raw->fd, .tls = tls_conn_new_server(server_ctx, p, raw->fd) };
    shake(&c);
    raw->cpu = thread_cpu_ns(pthread_self());
    for (uint64_t n = 0; n < BULK_BYTES;) {
        if (raw->is_down) {
            send_all(&c, BYTES_OF(own));
            n += PIECE;
        } else {
            size_t m = 0;
            struct error e;
            struct result r = tls_read(c.tls, own, sizeof(own), &m, &e);
            if (r.code == ERRC_AGAIN) {
                wait_for(&c);
                continue;
            }
            must(r, &e);
            n += m;
        }
    }
    flush_all(&c);
    raw->cpu = thread_cpu_ns(pthread_self()) - raw->cpu;
    tls_conn_free(c.tls);
    tls_pool_free(p);
    return NULL;
}

static void raw(bool is_down)
{
    struct error e;
    char at[SOCK_ADDR_TEXT_MAX];
    int fd, on = 1;
    must(sock_listen_tcp("127.0.0.1:0", 1, &fd, at, &e), &e);
    struct client c = { .fd = tcp_open(at) };
    struct pollfd p = { .fd = fd, .events = POLLIN };
    (void)poll(&p, 1, -1);
    struct raw r = { .fd = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK),
                     .is_down = is_down };
    (void)setsockopt(r.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    pthread_t t;
    if (pthread_create(&t, NULL, raw_main, &r) != 0) {
        exit(1);
    }
    must(tls_conn_new_client(client_ctx, pool, c.fd, "127.0.0.1", &c.tls, &e), &e);
    shake(&c);
    int64_t wall = clock_mono_ns();
    if (is_down) {
        (void)receive(&c, BULK_BYTES);
    } else {
        for (uint64_t i = 0; i < BULK_BYTES; i += PIECE) {
            send_all(&c, BYTES_OF(piece));
        }
        flush_all(&c);
    }
    (void)pthread_join(t, NULL);
    report(is_down ? "raw TLS down" : "raw TLS up", clock_mono_ns() - wall, r.cpu);
    client_close(&c);
    close(r.fd);
    close(fd);
}

static long resident_kib(void)
{
    long pages = 0, resident = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (f == NULL || fscanf(f, "%ld %ld", &pages, &resident) != 2) {
        exit(1);
    }
    fclose(f);
    return resident * 4;
}

/* Both ends live in this process. */
static void idle(void)
{
    enum { N = 400 };
    static struct client cs[N];
    long before = resident_kib();
    for (size_t i = 0; i < N; i++) {
        cs[i] = client_open();
        send_now(&cs[i], BYTES_LIT("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
        (void)receive(&cs[i], 50);
    }
    printf("idle after a request   %8.1f KiB a connection, both ends\n",
           (double)(resident_kib() - before) / N);
    for (size_t i = 0; i < N; i++) {
        client_close(&cs[i]);
    }
}

static void handshakes(void)
{
    enum { N = 300 };
    int64_t cpu = thread_cpu_ns(server_thread);
    for (size_t i = 0; i < N; i++) {
        struct client c = client_open();
        client_close(&c);
    }
    printf("connection             %8.1f us server CPU\n",
           (double)(thread_cpu_ns(server_thread) - cpu) / N / 1e3);
}

static void contexts(void)
{
    struct error e;
    const char *name = "127.0.0.1";
    int64_t now = clock_wall_ms(&clock_system);
    CLEANUP(x509_pair_done) struct x509_pair ca = { 0 }, leaf = { 0 };
    must(x509_ca_new("bench", now, &ca, &e), &e);
    must(x509_leaf_new(&ca, X509_SERVER, "bench", &name, 1, now, &leaf, &e), &e);
    must(tls_server_ctx_new(buf_bytes(&leaf.cert_pem), buf_bytes(&leaf.key_pem), BYTES_NONE,
                            TLS_CLIENT_NONE, &server_ctx, &e),
         &e);
    must(tls_client_ctx_new(buf_bytes(&ca.cert_pem), BYTES_NONE, BYTES_NONE, &client_ctx, &e), &e);
}

int main(void)
{
    struct error e;
    struct http_server *server;
    int fd;
    contexts();
    pool = tls_pool_new();
    must(loop_new(&the_loop, &e), &e);
    struct http_shared *shared = http_shared_new(&http_limits_default);
    must(http_server_new(the_loop, shared, serve, NULL, &server, &e), &e);
    must(sock_listen_tcp("127.0.0.1:0", 128, &fd, addr, &e), &e);
    must(http_server_listen(server, fd, server_ctx, &e), &e);
    if (pthread_create(&server_thread, NULL, server_main, NULL) != 0) {
        return 1;
    }
    handshakes();
    static const size_t counts[] = { 1, 16, 64 };
    for (size_t i = 0; i < ARRAY_LEN(counts); i++) {
        small("/", counts[i], 20000);
        small("/4k", counts[i], 20000);
    }
    for (int i = 0; i < 2; i++) {
        raw(true);
        down();
        raw(false);
        up();
    }
    idle();
    loop_stop(the_loop);
    (void)pthread_join(server_thread, NULL);
    http_server_free(server);
    loop_free(the_loop);
    http_shared_free(shared);
    tls_pool_free(pool);
    tls_ctx_unref(server_ctx);
    tls_ctx_unref(client_ctx);
    sock_close(fd);
    return 0;
}
