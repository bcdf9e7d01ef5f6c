/* Coroutines and messages: ns per switch, event hand-over, round trips per second with 1 and 64
 * calls in flight. */
#include "base/clock.h"
#include "sys/co.h"
#include "sys/rpc.h"
#include "sys/sock.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

static struct loop *the_loop;
static unsigned running;
static unsigned rounds;

static void must(struct result r, const struct error *e)
{
    if (!result_is_ok(r)) {
        fprintf(stderr, "%s\n", e->msg);
        exit(1);
    }
}

static void finish(void)
{
    if (--running == 0) {
        loop_stop(the_loop);
    }
}

static double run(void (*fn)(void *), void *arg, unsigned coroutines)
{
    struct error e;
    for (unsigned i = 0; i < coroutines; i++) {
        must(co_spawn(the_loop, fn, arg, &e), &e);
        running++;
    }
    int64_t before = clock_mono_ns();
    must(loop_run(the_loop, &e), &e);
    return (double)(clock_mono_ns() - before);
}

static void yielder(void *arg)
{
    (void)arg;
    for (unsigned i = 0; i < rounds; i++) {
        co_yield ();
    }
    finish();
}

static void spawned(void *arg)
{
    (void)arg;
    finish();
}

static void nothing(void *arg)
{
    (void)arg;
}

static void pool_caller(void *arg)
{
    for (unsigned i = 0; i < rounds; i++) {
        co_call(arg, nothing, NULL);
    }
    finish();
}

/* --- messages --------------------------------------------------------------------------------- */

enum { OP_ECHO = 1, OP_STOP };

static struct result run_echo(void *ctx, struct rpc_request *rq, struct bytes body,
                              struct buf *reply, struct error *e)
{
    (void)ctx;
    (void)rq;
    (void)e;
    buf_add(reply, body);
    return RESULT_OK;
}

static struct result run_stop(void *ctx, struct rpc_request *rq, struct bytes body,
                              struct buf *reply, struct error *e)
{
    (void)rq;
    (void)body;
    (void)reply;
    (void)e;
    rpc_server_stop(*(struct rpc_server **)ctx);
    return RESULT_OK;
}

static const struct rpc_op ops[] = {
    { OP_ECHO, "echo", 1u << ROLE_EDGE, 4096, run_echo },
    { OP_STOP, "stop", 1u << ROLE_EDGE, 0, run_stop },
    { 0 },
};

static void *serve(void *arg)
{
    struct error e;
    must(rpc_server_run(arg, &e), &e);
    return NULL;
}

static void asker(void *arg)
{
    static const uint8_t body[200];
    CLEANUP(buf_done_p) struct buf reply = BUF(4096);
    struct error e;
    for (unsigned i = 0; i < rounds; i++) {
        must(rpc_call(arg, OP_ECHO, BYTES_OF(body), &reply, 60000, &e), &e);
    }
    finish();
}

static void stopper(void *arg)
{
    CLEANUP(buf_done_p) struct buf reply = BUF(4096);
    struct error e;
    must(rpc_call(arg, OP_STOP, BYTES_NONE, &reply, 60000, &e), &e);
    finish();
}

static double cpu_ns(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e9 +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) * 1e3;
}

static void bench_rpc(void)
{
    struct error e;
    struct rpc_server *server = NULL;
    struct rpc_client *client = NULL;
    int fds[2];
    must(rpc_server_new(ops, NULL, &server, &server, &e), &e);
    must(sock_pair(fds, &e), &e);
    rpc_server_add_peer(server, fds[0], ROLE_EDGE, 0);
    must(rpc_client_new(the_loop, "server", &client, &e), &e);
    rpc_client_attach(client, fds[1]);
    pthread_t t;
    pthread_create(&t, NULL, serve, server);
    const unsigned in_flight[] = { 1, 16, 64 };
    for (size_t i = 0; i < ARRAY_LEN(in_flight); i++) {
        rounds = 300000 / (in_flight[i] == 1 ? 5 : in_flight[i]);
        double total = (double)rounds * in_flight[i], cpu = cpu_ns();
        double ns = run(asker, client, in_flight[i]);
        printf("rpc, 200 bytes, %2u in flight: %.0f round trips/s, %.2f us of CPU each (both "
               "ends)\n",
               in_flight[i], total / ns * 1e9, (cpu_ns() - cpu) / total / 1e3);
    }
    run(stopper, client, 1);
    pthread_join(t, NULL);
    rpc_client_free(client);
    rpc_server_free(server);
}

int main(void)
{
    struct error e;
    must(loop_new(&the_loop, &e), &e);
    rounds = 50000;
    /* a yield is two switches, there and back */
    printf("switch: %.1f ns (64 coroutines that yield)\n",
           run(yielder, NULL, 64) / (64.0 * rounds * 2));
    rounds = 200000;
    printf("turn of the loop with one yield: %.0f ns\n", run(yielder, NULL, 1) / rounds);
    double ns = 0;
    for (unsigned i = 0; i < 2000; i++) {
        ns += run(spawned, NULL, 100);
    }
    printf("spawn and end: %.0f ns, the turn's share included\n", ns / 2000 / 100);
    struct pool *pool = NULL;
    must(pool_new(2, &pool, &e), &e);
    rounds = 2000;
    printf("call through the pool, 32 at once: %.0f ns\n",
           run(pool_caller, pool, 32) / (32.0 * rounds));
    pool_free(pool);
    bench_rpc();
    loop_free(the_loop);
    return 0;
}
