/* Requests of edge and scribe to a living keeper: op (2 bytes), length of the body (2), body; as
 * many as the input holds. */
#include "base/clock.h"
#include "base/log.h"
#include "keys/keeper.h"
#include "keys/root.h"
#include "sys/sock.h"

#include <stdlib.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(struct result r)
{
    if (!result_is_ok(r)) {
        abort();
    }
}

static void ask(struct keeper *k, int fd, uint16_t op, struct bytes body)
{
    static uint8_t frame[4 + 12 + 65536], answer[1 << 16];
    struct error e;

    put_be32(frame, (uint32_t)(12 + body.n));
    memset(frame + 4, 1, 8);
    put_be16(frame + 12, op);
    put_be16(frame + 14, 0);
    if (body.n != 0) {
        memcpy(frame + 16, body.p, body.n);
    }
    for (size_t at = 0; at < 16 + body.n;) {
        ssize_t n = write(fd, frame + at, 16 + body.n - at);
        if (n <= 0) {
            abort();
        }
        at += (size_t)n;
        must(rpc_server_turn(keeper_server(k), 0, &e));
    }
    must(rpc_server_turn(keeper_server(k), 0, &e));
    if (read(fd, answer, sizeof(answer)) <= 0) {
        abort(); /* every request has an answer */
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rng_test rng;
    struct clock_fake clock;
    struct keeper *k = NULL;
    struct error e;
    struct bytes in = bytes_of(data, size), body;
    int fds[2][2];
    uint16_t op;

    log_init("fuzz", LOG_ERROR, false);
    rng_test_init(&rng, 1);
    clock_fake_init(&clock, 1795340476000);
    CLEANUP(fs_free_p) struct fs *fs = fs_fake_new(4 << 20);
    CLEANUP(secret_free_p) struct secret *root = NULL;
    const struct keeper_options o = {
        .dir = fs, .clock = &clock.base, .rng = &rng.base, .wait_min_ms = 1
    };
    must(root_generate(&rng.base, &root));
    must(keeper_init(&o, root, "troth.fuzz", &e));
    must(keeper_new(&o, root, &k, &e));
    for (int i = 0; i < 2; i++) {
        must(sock_pair(fds[i], &e));
        must(sock_set_nonblocking(fds[i][0], false, &e));
        keeper_add_peer(k, fds[i][1], i == 0 ? ROLE_EDGE : ROLE_SCRIBE, 0);
    }
    for (int i = 0; i < 32; i++) {
        if (!result_is_ok(bytes_take_be16(&in, &op)) ||
            !result_is_ok(bytes_take_be16_prefixed(&in, &body))) {
            break;
        }
        ask(k, fds[op >> 15][0], op & 0x7fff, body);
        clock_fake_advance(&clock, 1000);
    }
    keeper_free(k);
    sock_close(fds[0][0]);
    sock_close(fds[1][0]);
    return 0;
}
