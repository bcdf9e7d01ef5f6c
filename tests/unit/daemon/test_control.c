/* Messages of the control channel: each kind there and back, descriptors, what is refused. */
#include "testkit.h"

#include "daemon/control.h"
#include "sys/sock.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

static void pair_open(int fds[2])
{
    struct error e = { 0 };
    assert_ok(sock_pair_seqpacket(fds, &e), e);
    assert_ok(sock_set_nonblocking(fds[1], true, &e), e);
}

static void pair_close(int fds[2])
{
    sock_close(fds[0]);
    sock_close(fds[1]);
}

static size_t descriptor_count(void)
{
    DIR *d = opendir("/proc/self/fd");
    size_t n = 0;
    assert_non_null(d);
    while (readdir(d) != NULL) {
        n++;
    }
    closedir(d);
    return n;
}

static void test_simple(void **state)
{
    static const enum control_type types[] = { CONTROL_GO, CONTROL_RELOAD, CONTROL_STOP,
                                               CONTROL_READY };
    int fds[2];
    struct control m;
    struct error e = { 0 };
    (void)state;
    pair_open(fds);
    assert_code(control_recv(fds[1], &m, &e), ERRC_AGAIN);
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        assert_ok(control_send_simple(fds[0], types[i], &e), e);
    }
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        assert_ok(control_recv(fds[1], &m, &e), e);
        assert_int_equal(m.type, types[i]);
        assert_int_equal(m.fd, -1);
        assert_int_equal(m.data_n, 0);
    }
    sock_close(fds[0]);
    assert_code(control_recv(fds[1], &m, &e), ERRC_CLOSED);
    sock_close(fds[1]);
}

static void test_descriptors(void **state)
{
    int fds[2], ends[2];
    struct control m;
    struct error e = { 0 };
    char byte = 0;
    (void)state;
    pair_open(fds);
    assert_int_equal(pipe(ends), 0);
    struct control peer = {
        .type = CONTROL_PEER, .role = ROLE_SCRIBE, .channel = 0x01020304, .fd = ends[1]
    };
    assert_ok(control_send(fds[0], &peer, &e), e);
    close(ends[1]);
    assert_ok(control_recv(fds[1], &m, &e), e);
    assert_int_equal(m.type, CONTROL_PEER);
    assert_int_equal(m.role, ROLE_SCRIBE);
    assert_int_equal(m.channel, 0x01020304);
    assert_true(m.fd >= 0);
    assert_true((fcntl(m.fd, F_GETFD) & FD_CLOEXEC) != 0);
    assert_int_equal(write(m.fd, "x", 1), 1);
    assert_int_equal(read(ends[0], &byte, 1), 1);
    assert_int_equal(byte, 'x');
    struct control listener = { .type = CONTROL_LISTENER,
                                .listener = CONTROL_LISTENER_UNIX,
                                .fd = m.fd };
    assert_ok(control_send(fds[0], &listener, &e), e);
    close(m.fd);
    assert_ok(control_recv(fds[1], &m, &e), e);
    assert_int_equal(m.listener, CONTROL_LISTENER_UNIX);
    close(m.fd);
    assert_int_equal(read(ends[0], &byte, 1), 0); /* nobody else holds it */
    close(ends[0]);
    pair_close(fds);
}

static void test_data(void **state)
{
    int fds[2];
    struct control m, big = { .type = CONTROL_UNSEAL, .fd = -1, .data_n = CONTROL_BYTES_MAX };
    struct error e = { 0 };
    (void)state;
    pair_open(fds);
    memset(big.data, 0xa5, sizeof(big.data));
    assert_ok(control_send(fds[0], &big, &e), e);
    assert_ok(control_recv(fds[1], &m, &e), e);
    assert_int_equal(m.data_n, CONTROL_BYTES_MAX);
    assert_memory_equal(m.data, big.data, CONTROL_BYTES_MAX);
    big.data_n++;
    assert_code(control_send(fds[0], &big, &e), ERRC_LIMIT);
    struct error why = { .code = ERRC_IO };
    memset(why.msg, 'y', sizeof(why.msg) - 1);
    control_send_failed(fds[0], &why);
    assert_ok(control_recv(fds[1], &m, &e), e);
    assert_int_equal(m.type, CONTROL_FAILED);
    assert_int_equal(m.data_n, ERROR_MAX - 1);
    assert_int_equal(m.data[ERROR_MAX - 2], 'y');
    pair_close(fds);
}

/* Sends raw bytes with `fd_count` descriptors; each must be refused, and none may stay open. */
static void refuse(int fds[2], const uint8_t *msg, size_t n, size_t fd_count)
{
    struct control m;
    struct error e = { 0 };
    int extra[8];
    size_t before = descriptor_count();
    for (size_t i = 0; i < fd_count; i++) {
        extra[i] = fds[0];
    }
    assert_ok(sock_send_fds(fds[0], bytes_of(msg, n), extra, fd_count, &e), e);
    assert_code(control_recv(fds[1], &m, &e), ERRC_FORMAT);
    assert_int_equal(descriptor_count(), before);
}

static void test_malformed(void **state)
{
    uint8_t msg[16] = { CONTROL_GO };
    int fds[2];
    (void)state;
    pair_open(fds);
    for (size_t n = 1; n < 8; n++) {
        refuse(fds, msg, n, 0);
        refuse(fds, msg, n, 2);
    }
    for (unsigned type = 0; type < 256; type++) {
        if (type < CONTROL_PEER || type > CONTROL_FAILED) {
            msg[0] = (uint8_t)type;
            refuse(fds, msg, 8, 0);
        }
    }
    msg[0] = CONTROL_GO;
    refuse(fds, msg, 8, 1); /* a descriptor where none belongs */
    msg[0] = CONTROL_PEER;
    refuse(fds, msg, 8, 0); /* none where one belongs */
    refuse(fds, msg, 8, 2);
    msg[1] = ROLE_COUNT_;
    refuse(fds, msg, 8, 1);
    msg[1] = 0;
    msg[2] = 1; /* a listener's kind in another message */
    refuse(fds, msg, 8, 1);
    msg[0] = CONTROL_LISTENER;
    refuse(fds, msg, 8, 0);
    for (unsigned kind = 0; kind < 256; kind++) {
        if (kind != CONTROL_LISTENER_TLS && kind != CONTROL_LISTENER_UNIX) {
            msg[2] = (uint8_t)kind;
            refuse(fds, msg, 8, 1);
        }
    }
    msg[0] = CONTROL_RELOAD, msg[2] = 0;
    refuse(fds, msg, 8, 2);
    msg[3] = 1;
    refuse(fds, msg, 8, 0);
    pair_close(fds);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_simple),
        cmocka_unit_test(test_descriptors),
        cmocka_unit_test(test_data),
        cmocka_unit_test(test_malformed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
