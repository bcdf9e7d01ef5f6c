/*
 * What a broken role may send to the answering end. The first byte of the input says how the rest
 * is cut into writes.
 *
 * Property: every whole request before the first malformed frame is answered once, in order, under
 * its own id and operation, an echo with its own bytes; after a malformed frame the connection is
 * closed.
 */
#include "base/log.h"
#include "sys/rpc.h"
#include "sys/rpc_priv.h"
#include "sys/sock.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { OP_ECHO = 1, OP_HELD, OP_FAIL, OP_KEEPER };

static struct result run_echo(void *ctx, struct rpc_request *rq, struct bytes body,
                              struct buf *reply, struct error *e)
{
    (void)ctx;
    (void)rq;
    (void)e;
    buf_add(reply, body);
    return RESULT_OK;
}

/* Held, and answered at once: an order to check remains. */
static struct result run_held(void *ctx, struct rpc_request *rq, struct bytes body,
                              struct buf *reply, struct error *e)
{
    (void)ctx;
    (void)reply;
    (void)e;
    rpc_hold(rq);
    rpc_finish(rq, RESULT_OK, body, NULL);
    return RESULT_OK;
}

static struct result run_fail(void *ctx, struct rpc_request *rq, struct bytes body,
                              struct buf *reply, struct error *e)
{
    (void)ctx;
    (void)rq;
    buf_add(reply, body);
    FAIL(e, ERRC_CONFLICT, "no");
}

static const struct rpc_op ops[] = {
    { OP_ECHO, "echo", 1u << ROLE_EDGE, 1000, run_echo },
    { OP_HELD, "held", 1u << ROLE_EDGE, RPC_FRAME_MAX, run_held },
    { OP_FAIL, "fail", 1u << ROLE_EDGE, 1000, run_fail },
    { OP_KEEPER, "keeper", 1u << ROLE_KEEPER, 1000, run_echo },
    { 0 },
};

static void must(bool is_true)
{
    if (!is_true) {
        abort();
    }
}

static uint16_t status_expected(const struct rpc_frame *f)
{
    switch (f->op) {
    case OP_ECHO:
        return f->body.n <= 1000 ? ERRC_OK : ERRC_LIMIT;
    case OP_HELD:
        return ERRC_OK;
    case OP_FAIL:
        return f->body.n <= 1000 ? ERRC_CONFLICT : ERRC_LIMIT;
    default:
        return ERRC_DENIED;
    }
}

/* Checks all answers; returns whether the requests end in a malformed frame. Then the last answers
 * may be missing. */
static bool answers_check(struct bytes requests, struct bytes answers, bool is_closed)
{
    struct rpc_frame rq, answer;
    size_t need = 0;
    struct result r;
    while (result_is_ok(r = rpc_frame_take(&requests, &rq, &need)) && rq.status == 0) {
        if (is_closed && answers.n == 0) {
            continue;
        }
        must(result_is_ok(rpc_frame_take(&answers, &answer, &need)));
        must(answer.id == rq.id && answer.op == rq.op && answer.status == status_expected(&rq));
        must(answer.status != ERRC_OK || bytes_equal(answer.body, rq.body));
    }
    must(answers.n == 0);
    return r.code != ERRC_AGAIN;
}

static bool drain(int fd, struct buf *answers)
{
    ssize_t n;
    do {
        uint8_t *p = buf_reserve(answers, 65536);
        must(p != NULL);
        n = recv(fd, p, 65536, MSG_DONTWAIT);
        buf_commit(answers, n > 0 ? (size_t)n : 0);
    } while (n > 0);
    return n == 0 || errno == ECONNRESET;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1 || size > 100000) {
        return 0;
    }
    log_init("fuzz", LOG_ERROR, false);
    struct error e;
    struct rpc_server *s = NULL;
    int fds[2];
    must(result_is_ok(rpc_server_new(ops, NULL, NULL, &s, &e)));
    must(result_is_ok(sock_pair(fds, &e)));
    rpc_server_add_peer(s, fds[0], ROLE_EDGE, 0);
    size_t step = (size_t)data[0] * 16 + 1;
    struct bytes in = bytes_of(data + 1, size - 1);
    CLEANUP(buf_done_p) struct buf answers = BUF(64u * 1024 * 1024);
    bool is_closed = false;
    for (size_t at = 0; at < in.n && !is_closed; at += step) {
        size_t n = MIN(step, in.n - at);
        must(send(fds[1], in.p + at, n, MSG_NOSIGNAL) == (ssize_t)n);
        must(result_is_ok(rpc_server_turn(s, 0, &e)));
        is_closed = drain(fds[1], &answers);
    }
    must(result_is_ok(rpc_server_turn(s, 0, &e)));
    is_closed = drain(fds[1], &answers) || is_closed;
    must(answers_check(in, buf_bytes(&answers), is_closed) == is_closed);
    close(fds[1]);
    rpc_server_free(s);
    return 0;
}
