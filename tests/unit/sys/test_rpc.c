/* Messages between roles: both ends against each other, and each against a hostile stream. */
#include "base/clock.h"
#include "base/log.h"
#include "sys/co.h"
#include "sys/rpc.h"
#include "sys/sock.h"
#include "testkit.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

/* --- a server --------------------------------------------------------------------------------- */

enum { OP_ECHO = 1, OP_REFUSE, OP_HELD, OP_BIG, OP_STOP, OP_DEAF, OP_KEEPER_ONLY = 9 };
#define HELD_MAX 16384

struct server {
    struct rpc_server *rpc;
    struct rpc_request *held[HELD_MAX];
    uint32_t held_value[HELD_MAX];
    size_t held_count;
    unsigned batches, wakes;
    int64_t wake_at;
    bool is_keeping; /* batch_end leaves the held alone */
    int stop_pipe[2];
    pthread_t thread;
};

static struct result run_echo(void *ctx, struct rpc_request *rq, struct bytes body,
                              struct buf *reply, struct error *e)
{
    (void)ctx;
    (void)e;
    assert_int_equal(rpc_peer(rq), ROLE_EDGE);
    assert_int_equal(rpc_channel(rq), 3);
    buf_add(reply, body);
    return RESULT_OK;
}

static struct result run_refuse(void *ctx, struct rpc_request *rq, struct bytes body,
                                struct buf *reply, struct error *e)
{
    (void)ctx;
    (void)rq;
    buf_add(reply, body);
    FAIL(e, ERRC_CONFLICT, "not now, %.*s", BYTES_FMT(body));
}

static struct result run_held(void *ctx, struct rpc_request *rq, struct bytes body,
                              struct buf *reply, struct error *e)
{
    struct server *s = ctx;
    (void)reply;
    if (body.n != 4) {
        FAIL(e, ERRC_FORMAT, "four bytes");
    }
    rpc_hold(rq);
    s->held[s->held_count] = rq;
    s->held_value[s->held_count++] = get_be32(body.p);
    return RESULT_OK;
}

/* As many bytes as asked for. */
static struct result run_big(void *ctx, struct rpc_request *rq, struct bytes body,
                             struct buf *reply, struct error *e)
{
    (void)ctx;
    (void)rq;
    (void)e;
    uint32_t n = get_be32(body.p);
    uint8_t *p = buf_reserve(reply, n);
    if (p != NULL) {
        memset(p, 0x5a, n);
        buf_commit(reply, n);
    }
    return RESULT_OK;
}

static struct result run_stop(void *ctx, struct rpc_request *rq, struct bytes body,
                              struct buf *reply, struct error *e)
{
    (void)rq;
    (void)body;
    (void)reply;
    (void)e;
    rpc_server_stop(((struct server *)ctx)->rpc);
    return RESULT_OK;
}

static atomic_uint deaf_count;

/* Holds and never answers. */
static struct result run_deaf(void *ctx, struct rpc_request *rq, struct bytes body,
                              struct buf *reply, struct error *e)
{
    (void)ctx;
    (void)body;
    (void)reply;
    (void)e;
    atomic_fetch_add(&deaf_count, 1);
    rpc_hold(rq);
    return RESULT_OK;
}

static void batch_end(void *ctx)
{
    struct server *s = ctx;
    s->batches++;
    if (clock_mono_ms(&clock_system) >= s->wake_at) {
        s->wakes++;
        s->wake_at = INT64_MAX;
    }
    for (size_t i = 0; i < s->held_count && !s->is_keeping; i++) {
        uint8_t answer[4];
        put_be32(answer, s->held_value[i] + 1);
        struct error e;
        bool is_odd = s->held_value[i] % 2 != 0;
        struct result r = is_odd ? error_set(&e, ERRC_FULL, "odd %u", s->held_value[i]) : RESULT_OK;
        rpc_finish(s->held[i], r, BYTES_OF(answer), &e);
    }
    s->held_count = s->is_keeping ? s->held_count : 0;
}

static int64_t next_wake(void *ctx)
{
    return ((struct server *)ctx)->wake_at;
}

#define EDGE (1u << ROLE_EDGE)
static const struct rpc_op ops[] = {
    { OP_ECHO, "echo", EDGE, RPC_FRAME_MAX, run_echo },
    { OP_REFUSE, "refuse", EDGE, 10, run_refuse },
    { OP_HELD, "held", EDGE | 1u << ROLE_SCRIBE, 100, run_held },
    { OP_BIG, "big", EDGE, 4, run_big },
    { OP_STOP, "stop", EDGE, 0, run_stop },
    { OP_DEAF, "deaf", EDGE, 0, run_deaf },
    { OP_KEEPER_ONLY, "keeper only", 1u << ROLE_KEEPER, 10, run_echo },
    { 0 },
};

static void on_stop_pipe(void *arg)
{
    struct server *s = arg;
    rpc_server_stop(s->rpc);
}

/* Returns the client's end of its first connection. */
static int server_init(struct server *s)
{
    struct error e;
    struct rpc_server_hooks hooks = { .batch_end = batch_end, .next_wake_ms = next_wake };
    *s = (struct server){ .wake_at = INT64_MAX };
    assert_ok(rpc_server_new(ops, &hooks, s, &s->rpc, &e), e);
    int fds[2];
    assert_ok(sock_pair(fds, &e), e);
    rpc_server_add_peer(s->rpc, fds[0], ROLE_EDGE, 3);
    assert_int_equal(pipe(s->stop_pipe), 0);
    rpc_server_watch(s->rpc, s->stop_pipe[0], on_stop_pipe, s);
    return fds[1];
}

static void *server_thread(void *arg)
{
    struct server *s = arg;
    struct error e;
    assert_ok(rpc_server_run(s->rpc, &e), e);
    return NULL;
}

static int server_start(struct server *s)
{
    int fd = server_init(s);
    pthread_create(&s->thread, NULL, server_thread, s);
    return fd;
}

static void server_free(struct server *s)
{
    rpc_server_free(s->rpc);
    close(s->stop_pipe[0]);
    close(s->stop_pipe[1]);
}

/* Stops it if it was not asked to stop. */
static void server_join(struct server *s)
{
    assert_int_equal(write(s->stop_pipe[1], "x", 1), 1);
    pthread_join(s->thread, NULL);
    server_free(s);
}

static void turn(struct server *s)
{
    struct error e;
    assert_ok(rpc_server_turn(s->rpc, 0, &e), e);
}

/* --- the same calls by both kinds of client --------------------------------------------------- */

static void calls_of_all_kinds(struct rpc_client *c)
{
    CLEANUP(buf_done_p) struct buf reply = BUF(RPC_FRAME_MAX);
    struct error e;
    assert_true(rpc_client_is_up(c));
    assert_ok(rpc_call(c, OP_ECHO, BYTES_LIT("hello"), &reply, 60000, &e), e);
    assert_bytes(buf_bytes(&reply), BYTES_LIT("hello"));
    assert_ok(rpc_call(c, OP_ECHO, BYTES_NONE, &reply, 60000, &e), e);
    assert_int_equal(reply.n, 0);

    assert_code(rpc_call(c, OP_REFUSE, BYTES_LIT("Li"), &reply, 60000, &e), ERRC_CONFLICT);
    assert_string_equal(e.msg, "not now, Li");
    assert_int_equal(reply.n, 0);
    assert_code(rpc_call(c, OP_REFUSE, BYTES_LIT("12345678901"), &reply, 60000, &e), ERRC_LIMIT);
    assert_code(rpc_call(c, OP_KEEPER_ONLY, BYTES_NONE, &reply, 60000, &e), ERRC_DENIED);
    assert_string_equal(e.msg, "the edge may not ask for keeper only");
    assert_code(rpc_call(c, 7, BYTES_NONE, &reply, 60000, &e), ERRC_DENIED);
    assert_code(rpc_call(c, 60000, BYTES_NONE, &reply, 60000, NULL), ERRC_DENIED);

    uint8_t value[4];
    put_be32(value, 40);
    assert_ok(rpc_call(c, OP_HELD, BYTES_OF(value), &reply, 60000, &e), e);
    assert_int_equal(get_be32(reply.p), 41);
    put_be32(value, 41);
    assert_code(rpc_call(c, OP_HELD, BYTES_OF(value), &reply, 60000, &e), ERRC_FULL);
    assert_string_equal(e.msg, "odd 41");

    size_t body_max = RPC_FRAME_MAX - RPC_HEAD_BYTES;
    CLEANUP(mem_free_p) uint8_t *big = mem_alloc(body_max + 1);
    memset(big, 0x77, body_max + 1);
    assert_ok(rpc_call(c, OP_ECHO, bytes_of(big, body_max), &reply, 60000, &e), e);
    assert_bytes(buf_bytes(&reply), bytes_of(big, body_max));
    assert_code(rpc_call(c, OP_ECHO, bytes_of(big, body_max + 1), &reply, 60000, &e), ERRC_LIMIT);
    put_be32(value, (uint32_t)body_max + 1);
    assert_code(rpc_call(c, OP_BIG, BYTES_OF(value), &reply, 60000, &e), ERRC_LIMIT);
    CLEANUP(buf_done_p) struct buf small = BUF(10);
    assert_code(rpc_call(c, OP_ECHO, BYTES_LIT("more than ten"), &small, 60000, &e), ERRC_LIMIT);
    assert_ok(rpc_call(c, OP_ECHO, BYTES_LIT("just ten!!"), &small, 60000, &e), e);
}

static void test_blocking_client(void **state)
{
    (void)state;
    struct server s;
    struct error e;
    struct rpc_client *c = NULL;
    assert_ok(rpc_client_new(NULL, "keeper", &c, &e), e);
    CLEANUP(buf_done_p) struct buf reply = BUF(100);
    assert_code(rpc_call(c, OP_ECHO, BYTES_NONE, &reply, 60000, &e), ERRC_AGAIN);
    assert_string_equal(e.msg, "keeper is away");
    rpc_client_attach(c, server_start(&s));
    calls_of_all_kinds(c);
    assert_code(rpc_call(c, OP_DEAF, BYTES_NONE, &reply, 3, &e), ERRC_TIMEOUT);
    assert_ok(rpc_call(c, OP_ECHO, BYTES_LIT("still there"), &reply, 60000, &e), e);
    assert_ok(rpc_call(c, OP_STOP, BYTES_NONE, &reply, 60000, &e), e);
    server_join(&s); /* closes the connection */
    assert_code(rpc_call(c, OP_ECHO, BYTES_NONE, &reply, 60000, &e), ERRC_AGAIN);
    assert_false(rpc_client_is_up(c));
    rpc_client_attach(c, server_start(&s));
    assert_ok(rpc_call(c, OP_STOP, BYTES_NONE, &reply, 60000, &e), e);
    rpc_client_free(c);
    server_join(&s);
}

static void *blocked_call(void *arg)
{
    struct error e;
    CLEANUP(buf_done_p) struct buf reply = BUF(100);
    assert_code(rpc_call(arg, OP_DEAF, BYTES_NONE, &reply, 600000, &e), ERRC_AGAIN);
    return NULL;
}

/* A new connection ends the call that hangs on the old one. */
static void test_blocking_client_attach_meanwhile(void **state)
{
    (void)state;
    struct server s;
    struct error e;
    struct rpc_client *c = NULL;
    assert_ok(rpc_client_new(NULL, "keeper", &c, &e), e);
    rpc_client_attach(c, server_start(&s));
    unsigned before = atomic_load(&deaf_count);
    pthread_t t;
    pthread_create(&t, NULL, blocked_call, c);
    while (atomic_load(&deaf_count) == before) { /* until the call is under way */
        usleep(100);
    }
    int fds[2];
    assert_ok(sock_pair(fds, &e), e);
    rpc_client_attach(c, fds[0]);
    pthread_join(t, NULL);
    close(fds[1]);
    struct server other;
    rpc_client_attach(c, server_start(&other));
    CLEANUP(buf_done_p) struct buf reply = BUF(100);
    assert_ok(rpc_call(c, OP_STOP, BYTES_NONE, &reply, 60000, &e), e);
    server_join(&other);
    rpc_client_free(c);
    server_join(&s);
}

/* --- the client of a loop --------------------------------------------------------------------- */

static struct loop *the_loop;
static struct rpc_client *the_client;
static unsigned running;

static void spawn(void (*fn)(void *), void *arg)
{
    struct error e;
    assert_ok(co_spawn(the_loop, fn, arg, &e), e);
    running++;
}

static void finish(void)
{
    if (--running == 0) {
        loop_stop(the_loop);
    }
}

static void loop_do(void)
{
    struct error e;
    assert_ok(loop_run(the_loop, &e), e);
}

static void all_kinds_co(void *arg)
{
    (void)arg;
    calls_of_all_kinds(the_client);
    finish();
}

static void many_co(void *arg)
{
    uint32_t base = (uint32_t)(uintptr_t)arg;
    CLEANUP(buf_done_p) struct buf reply = BUF(100);
    struct error e;
    for (uint32_t i = 0; i < 100; i++) {
        uint8_t value[4];
        put_be32(value, base + 2 * i);
        if (i % 3 == 0) {
            assert_ok(rpc_call(the_client, OP_ECHO, BYTES_OF(value), &reply, 60000, &e), e);
            assert_int_equal(get_be32(reply.p), base + 2 * i);
        } else {
            assert_ok(rpc_call(the_client, OP_HELD, BYTES_OF(value), &reply, 60000, &e), e);
            assert_int_equal(get_be32(reply.p), base + 2 * i + 1);
        }
    }
    finish();
}

static void stop_co(void *arg)
{
    struct error e;
    CLEANUP(buf_done_p) struct buf reply = BUF(100);
    (void)arg;
    /* a call that gives up; its answer would meet nobody */
    assert_code(rpc_call(the_client, OP_DEAF, BYTES_NONE, &reply, 3, &e), ERRC_TIMEOUT);
    assert_ok(rpc_call(the_client, OP_STOP, BYTES_NONE, &reply, 60000, &e), e);
    finish();
}

static void away_co(void *arg)
{
    struct error e;
    CLEANUP(buf_done_p) struct buf reply = BUF(100);
    (void)arg;
    assert_code(rpc_call(the_client, OP_DEAF, BYTES_NONE, &reply, INT64_MAX, &e), ERRC_AGAIN);
    assert_string_equal(e.msg, "scribe is away");
    assert_code(rpc_call(the_client, OP_ECHO, BYTES_NONE, &reply, 60000, &e), ERRC_AGAIN);
    finish();
}

static void leave_co(void *arg)
{
    co_sleep_ms(5);
    rpc_client_attach(the_client, *(int *)arg);
    finish();
}

static void test_loop_client(void **state)
{
    (void)state;
    struct server s;
    struct error e;
    assert_ok(loop_new(&the_loop, &e), e);
    assert_ok(rpc_client_new(the_loop, "scribe", &the_client, &e), e);
    assert_false(rpc_client_is_up(the_client));
    rpc_client_attach(the_client, server_start(&s));
    spawn(all_kinds_co, NULL);
    loop_do();
    for (uintptr_t i = 0; i < 200; i++) { /* more than the first table of slots holds */
        spawn(many_co, (void *)(i * 1000));
    }
    loop_do();
    assert_true(s.batches > 0);

    int none = -1;
    for (unsigned i = 0; i < 70; i++) {
        spawn(away_co, NULL);
    }
    spawn(leave_co, &none); /* all of them are told at once */
    loop_do();
    assert_false(rpc_client_is_up(the_client));

    struct server t;
    rpc_client_attach(the_client, server_start(&t));
    spawn(stop_co, NULL);
    loop_do();
    server_join(&t);
    server_join(&s);
    rpc_client_free(the_client);
    loop_free(the_loop);
}

struct big_calls {
    size_t bytes;
};

static void big_co(void *arg)
{
    struct big_calls *b = arg;
    CLEANUP(buf_done_p) struct buf reply = BUF(RPC_FRAME_MAX);
    CLEANUP(mem_free_p) uint8_t *body = mem_zalloc(b->bytes);
    struct error e;
    for (unsigned i = 0; i < 3; i++) {
        assert_ok(rpc_call(the_client, OP_ECHO, bytes_of(body, b->bytes), &reply, 60000, &e), e);
        assert_int_equal(reply.n, b->bytes);
    }
    finish();
}

/* Both ends have more to send than the sockets hold. */
static void test_loop_client_full_sockets(void **state)
{
    (void)state;
    struct server s;
    struct error e;
    assert_ok(loop_new(&the_loop, &e), e);
    assert_ok(rpc_client_new(the_loop, "scribe", &the_client, &e), e);
    rpc_client_attach(the_client, server_start(&s));
    struct big_calls sizes[] = { { 1000 }, { 300000 }, { 1000000 }, { 3000000 } };
    for (unsigned i = 0; i < 16; i++) {
        spawn(big_co, &sizes[i % ARRAY_LEN(sizes)]);
    }
    loop_do();
    spawn(stop_co, NULL);
    loop_do();
    server_join(&s);
    rpc_client_free(the_client);
    loop_free(the_loop);
}

/* --- the server against raw bytes ------------------------------------------------------------- */

static void frame(struct buf *b, uint64_t id, uint16_t op, uint16_t status, struct bytes body)
{
    buf_add_be32(b, (uint32_t)(12 + body.n));
    buf_add_be64(b, id);
    buf_add_be16(b, op);
    buf_add_be16(b, status);
    buf_add(b, body);
}

static bool is_closed(int fd)
{
    uint8_t c;
    return recv(fd, &c, 1, MSG_DONTWAIT | MSG_PEEK) == 0;
}

/* A request in pieces of every size: nothing before the last byte, then the answer. */
static void test_server_takes_split_frames(void **state)
{
    (void)state;
    struct server s;
    int fd = server_init(&s);
    CLEANUP(buf_done_p) struct buf b = BUF(1000);
    frame(&b, 0x1122334455667788u, OP_ECHO, 0, BYTES_LIT("body"));
    for (size_t cut = 1; cut < b.n; cut++) {
        uint8_t got[100];
        assert_int_equal(send(fd, b.p, cut, 0), cut);
        turn(&s);
        assert_int_equal(recv(fd, got, sizeof(got), MSG_DONTWAIT), -1);
        assert_int_equal(send(fd, b.p + cut, b.n - cut, 0), b.n - cut);
        turn(&s);
        ssize_t n = recv(fd, got, sizeof(got), MSG_DONTWAIT);
        assert_int_equal(n, b.n);
        assert_memory_equal(got, b.p, b.n); /* an echo's answer is the request */
    }
    close(fd);
    turn(&s);
    server_free(&s);
}

/* Lengths out of range and a status in a request close the connection; others stay. */
static void test_server_refuses_malformed(void **state)
{
    (void)state;
    log_init("test", LOG_ERROR, false);
    uint32_t lengths[] = { 0, 1, 11, RPC_FRAME_MAX - 3, RPC_FRAME_MAX, 0x7fffffff, 0xffffffff };
    for (size_t i = 0; i <= ARRAY_LEN(lengths); i++) {
        struct server s;
        int fd = server_init(&s), pair[2];
        struct error e;
        assert_ok(sock_pair(pair, &e), e);
        rpc_server_add_peer(s.rpc, pair[0], ROLE_EDGE, 3);
        CLEANUP(buf_done_p) struct buf b = BUF(1000);
        frame(&b, 1, OP_ECHO, i == ARRAY_LEN(lengths), BYTES_LIT("body"));
        if (i < ARRAY_LEN(lengths)) {
            put_be32(b.p, lengths[i]);
        }
        assert_int_equal(send(fd, b.p, b.n, 0), b.n);
        turn(&s);
        assert_true(is_closed(fd));
        b.n = 0;
        frame(&b, 1, OP_ECHO, 0, BYTES_LIT("body"));
        assert_int_equal(send(pair[1], b.p, b.n, 0), b.n);
        turn(&s);
        assert_false(is_closed(pair[1]));
        close(fd);
        close(pair[1]);
        turn(&s);
        server_free(&s);
    }
}

/* All frames of all peers that are readable are one batch. */
static void test_server_batches_over_peers(void **state)
{
    (void)state;
    struct server s;
    struct error e;
    int fds[3] = { server_init(&s) };
    for (size_t i = 1; i < 3; i++) {
        int pair[2];
        assert_ok(sock_pair(pair, &e), e);
        rpc_server_add_peer(s.rpc, pair[0], i == 1 ? ROLE_EDGE : ROLE_SCRIBE, 3);
        fds[i] = pair[1];
    }
    CLEANUP(buf_done_p) struct buf b = BUF(100000);
    for (uint32_t i = 0; i < 500; i++) {
        uint8_t value[4];
        put_be32(value, 2 * i);
        frame(&b, i, OP_HELD, 0, BYTES_OF(value));
    }
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(send(fds[i], b.p, b.n, 0), b.n);
    }
    turn(&s);
    assert_int_equal(s.batches, 1);
    for (size_t i = 0; i < 3; i++) {
        uint8_t got[500 * 20 + 1];
        assert_int_equal(recv(fds[i], got, sizeof(got), MSG_DONTWAIT), 500 * 20);
        close(fds[i]);
    }
    turn(&s);
    assert_int_equal(s.batches, 1);
    s.wake_at = 0; /* a wake without requests */
    turn(&s);
    assert_int_equal(s.batches, 2);
    assert_int_equal(s.wakes, 1);
    server_free(&s);
}

/* A peer that doesn't read its answers is not served on; when it reads, it gets all of them in
 * order. */
static void test_server_bounds_a_slow_peer(void **state)
{
    (void)state;
    struct server s;
    int fd = server_init(&s);
    CLEANUP(buf_done_p) struct buf b = BUF(100000);
    uint8_t value[4];
    enum { COUNT = 40 };
    put_be32(value, 1000000);
    for (uint32_t i = 0; i < COUNT; i++) {
        frame(&b, i, OP_BIG, 0, BYTES_OF(value));
    }
    assert_int_equal(send(fd, b.p, b.n, 0), b.n);
    unsigned batches = 0;
    for (unsigned i = 0; i < 20; i++) {
        turn(&s);
        batches = s.batches;
    }
    turn(&s);
    assert_int_equal(s.batches, batches); /* it rests */
    CLEANUP(mem_free_p) uint8_t *got = mem_alloc(1 << 20);
    size_t sum = 0;
    while (sum < COUNT * 1000016u) {
        ssize_t n = recv(fd, got, 1 << 20, MSG_DONTWAIT);
        if (n > 0) {
            sum += (size_t)n;
        } else {
            turn(&s);
        }
    }
    assert_int_equal(sum, COUNT * 1000016u);
    close(fd);
    turn(&s);
    server_free(&s);
}

/* Held requests are bounded too, and outlive their peer. */
static void test_server_bounds_held_requests(void **state)
{
    (void)state;
    struct server s;
    int fd = server_init(&s);
    s.is_keeping = true;
    CLEANUP(buf_done_p) struct buf b = BUF(1 << 20);
    for (uint32_t i = 0; i < 6000; i++) {
        uint8_t value[4];
        put_be32(value, 2 * i);
        frame(&b, i, OP_HELD, 0, BYTES_OF(value));
    }
    for (size_t at = 0; at < b.n;) {
        ssize_t n = send(fd, b.p + at, b.n - at, MSG_DONTWAIT);
        if (n > 0) {
            at += (size_t)n;
        } else {
            break;
        }
        turn(&s);
        turn(&s);
    }
    for (unsigned i = 0; i < 10; i++) {
        turn(&s);
    }
    assert_int_equal(s.held_count, 4096);
    s.is_keeping = false;
    s.wake_at = 0;
    turn(&s); /* answers the 4,096 */
    turn(&s); /* and the rest */
    assert_int_equal(s.held_count, 0);
    size_t sum = 0;
    uint8_t got[4096];
    for (ssize_t n; (n = recv(fd, got, sizeof(got), MSG_DONTWAIT)) > 0 || sum < 6000 * 20;) {
        sum += n > 0 ? (size_t)n : 0;
        turn(&s);
    }
    assert_int_equal(sum, 6000 * 20);
    s.is_keeping = true;
    assert_int_equal(send(fd, b.p, 20 * 10, 0), 20 * 10);
    turn(&s);
    assert_int_equal(s.held_count, 10);
    close(fd);
    turn(&s);
    s.is_keeping = false;
    s.wake_at = 0;
    turn(&s); /* answers nobody */
    assert_int_equal(s.held_count, 0);
    server_free(&s);
}

/* --- the client against raw bytes ------------------------------------------------------------- */

struct raw_server {
    int fd;
    struct bytes answer;
};

static void *raw_server(void *arg)
{
    struct raw_server *r = arg;
    uint8_t got[100];
    if (recv(r->fd, got, sizeof(got), 0) > 0) {
        (void)!send(r->fd, r->answer.p, r->answer.n, MSG_NOSIGNAL);
    }
    (void)shutdown(r->fd, SHUT_WR);
    while (recv(r->fd, got, sizeof(got), 0) > 0) {
    }
    close(r->fd);
    return NULL;
}

static struct result raw_exchange(struct bytes answer, struct buf *reply, struct error *e)
{
    int fds[2];
    pthread_t t;
    struct rpc_client *c = NULL;
    assert_code(sock_pair(fds, e), ERRC_OK);
    struct raw_server r = { .fd = fds[0], .answer = answer };
    assert_code(rpc_client_new(NULL, "keeper", &c, e), ERRC_OK);
    rpc_client_attach(c, fds[1]);
    pthread_create(&t, NULL, raw_server, &r);
    struct result result = rpc_call(c, OP_ECHO, BYTES_LIT("ask"), reply, 60000, e);
    rpc_client_free(c);
    pthread_join(t, NULL);
    return result;
}

/* Every truncation and every flipped byte of a good answer: refused, or the answer of another
 * status or body. */
static void test_client_refuses_bad_answers(void **state)
{
    (void)state;
    log_init("test", LOG_ERROR, false);
    struct error e;
    CLEANUP(buf_done_p) struct buf reply = BUF(100);
    CLEANUP(buf_done_p) struct buf b = BUF(1000);
    frame(&b, 1, OP_ECHO, 0, BYTES_LIT("body"));
    assert_ok(raw_exchange(buf_bytes(&b), &reply, &e), e);
    assert_bytes(buf_bytes(&reply), BYTES_LIT("body"));
    for (size_t n = 0; n < b.n; n++) {
        assert_code(raw_exchange(bytes_of(b.p, n), &reply, &e), ERRC_AGAIN);
    }
    for (size_t i = 0; i < b.n; i++) {
        b.p[i] ^= 0x80;
        struct result r = raw_exchange(buf_bytes(&b), &reply, &e);
        b.p[i] ^= 0x80;
        if (i < 14) {
            assert_int_equal(r.code, ERRC_AGAIN); /* another length, id or operation */
        } else if (i < 16) {
            assert_int_equal(r.code, ERRC_BUG); /* a status that there is not */
        } else {
            assert_int_equal(r.code, ERRC_OK);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blocking_client),
        cmocka_unit_test(test_blocking_client_attach_meanwhile),
        cmocka_unit_test(test_loop_client),
        cmocka_unit_test(test_loop_client_full_sockets),
        cmocka_unit_test(test_server_takes_split_frames),
        cmocka_unit_test(test_server_refuses_malformed),
        cmocka_unit_test(test_server_batches_over_peers),
        cmocka_unit_test(test_server_bounds_a_slow_peer),
        cmocka_unit_test(test_server_bounds_held_requests),
        cmocka_unit_test(test_client_refuses_bad_answers),
    };
    return cmocka_run_group_tests_name("rpc", tests, NULL, NULL);
}
