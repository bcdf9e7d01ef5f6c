/* Sockets: addresses, Unix sockets, descriptors by message. */
#include "sys/sock.h"
#include "testkit.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static void test_tcp_addresses(void **state)
{
    (void)state;
    static const char *const good[] = { "127.0.0.1:0", "[::1]:0", ":0" };
    static const char *const bad[] = {
        "",          "127.0.0.1",     "127.0.0.1:",    "127.0.0.1:65536", "::1:0",
        "[::1]",     "[::1:0",        "localhost:80",  "127.0.0.1:-1",    "1.2.3:80",
        "[::1]x:80", "127.0.0.1: 80", "127.0.0.1:80 ", "256.0.0.1:80"
    };
    struct error e;
    char addr[SOCK_ADDR_TEXT_MAX];
    int fd = -1;
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        assert_ok(sock_listen_tcp(good[i], 10, &fd, addr, &e), e);
        assert_null(strstr(addr, ":0\0"));
        assert_true((fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
        assert_true((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
        sock_close(fd);
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_code(sock_listen_tcp(bad[i], 10, &fd, addr, &e), ERRC_FORMAT);
    }
    char again[SOCK_ADDR_TEXT_MAX];
    assert_ok(sock_listen_tcp("127.0.0.1:0", 10, &fd, addr, &e), e);
    int second = -1;
    assert_false(result_is_ok(sock_listen_tcp(addr, 10, &second, again, &e)));
    sock_close(fd);
    sock_close(-1);
}

static void test_peer_text(void **state)
{
    (void)state;
    struct error e;
    char addr[SOCK_ADDR_TEXT_MAX], host[SOCK_ADDR_TEXT_MAX], full[SOCK_ADDR_TEXT_MAX];
    int fd = -1;
    assert_ok(sock_listen_tcp(":0", 10, &fd, addr, &e),
              e); /* both families: IPv4 comes in mapped */
    const char *colon = strrchr(addr, ':');
    struct sockaddr_in to = { .sin_family = AF_INET,
                              .sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10)),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int client = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(client, (struct sockaddr *)&to, sizeof(to)), 0);
    int conn = accept(fd, NULL, NULL);
    assert_true(conn >= 0);
    sock_peer_text(conn, host, full);
    assert_string_equal(host, "127.0.0.1");
    assert_memory_equal(full, "127.0.0.1:", 10);
    sock_peer_text(client, host, full);
    assert_string_equal(strrchr(full, ':'), colon);
    close(client);
    close(conn);
    close(fd);
    sock_peer_text(-1, host, full);
    assert_string_equal(host, "unknown");
}

static void test_unix_sockets(void **state)
{
    (void)state;
    struct error e;
    char dir[] = "test_sock.XXXXXX", path[64], host[SOCK_ADDR_TEXT_MAX], full[SOCK_ADDR_TEXT_MAX];
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/s", dir);
    int fd = -1, client = -1;
    assert_code(sock_connect_unix(path, &client, &e), ERRC_NOT_FOUND);
    assert_ok(sock_listen_unix(path, &fd, &e), e);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    int second = -1;
    assert_code(sock_listen_unix(path, &second, &e), ERRC_EXISTS); /* somebody listens */
    (void)accept4(fd, NULL, NULL, 0); /* the look whether somebody does */
    assert_ok(sock_connect_unix(path, &client, &e), e);
    int conn = accept(fd, NULL, NULL);
    assert_true(conn >= 0);
    struct sock_peer who;
    assert_ok(sock_peer_credentials(conn, &who, &e), e);
    assert_int_equal(who.pid, getpid());
    assert_int_equal(who.uid, geteuid());
    sock_peer_text(conn, host, full);
    assert_string_equal(host, "unix");
    close(conn);
    close(client);
    close(fd);
    assert_ok(sock_listen_unix(path, &fd, &e), e); /* the stale file is replaced */
    close(fd);
    unlink(path);
    close(open(path, O_CREAT | O_WRONLY, 0600));
    assert_code(sock_listen_unix(path, &fd, &e), ERRC_EXISTS); /* not a socket: left alone */
    unlink(path);
    rmdir(dir);
    char longest[200];
    memset(longest, 'x', sizeof(longest));
    longest[199] = 0;
    assert_code(sock_listen_unix(longest, &fd, &e), ERRC_LIMIT);
    assert_code(sock_connect_unix("", &fd, &e), ERRC_LIMIT);
}

static void test_descriptors_by_message(void **state)
{
    (void)state;
    struct error e;
    int pair[2], got[8], pipes[8];
    uint8_t text[100];
    size_t n = 0, count = 0;
    assert_ok(sock_pair_seqpacket(pair, &e), e);
    assert_ok(sock_set_nonblocking(pair[1], true, &e), e);
    assert_code(sock_recv_fds(pair[1], text, sizeof(text), &n, got, &count, &e), ERRC_AGAIN);
    for (size_t i = 0; i < 8; i += 2) {
        assert_int_equal(pipe(&pipes[i]), 0);
    }
    for (size_t k = 0; k <= 8; k++) {
        assert_ok(sock_send_fds(pair[0], BYTES_LIT("take"), pipes, k, &e), e);
        assert_ok(sock_recv_fds(pair[1], text, sizeof(text), &n, got, &count, &e), e);
        assert_int_equal(count, k);
        assert_int_equal(n, 4);
        for (size_t i = 0; i < count; i++) {
            assert_true((fcntl(got[i], F_GETFD) & FD_CLOEXEC) != 0);
        }
        if (k >= 2) {
            assert_int_equal(write(got[1], "y", 1), 1);
            assert_int_equal(read(pipes[0], text, 1), 1);
        }
        for (size_t i = 0; i < count; i++) {
            close(got[i]);
        }
    }
    assert_code(sock_send_fds(pair[0], BYTES_LIT("x"), pipes, 9, &e), ERRC_LIMIT);
    assert_code(sock_send_fds(pair[0], BYTES_NONE, pipes, 1, &e), ERRC_LIMIT);
    static const uint8_t big[4097];
    assert_code(sock_send_fds(pair[0], BYTES_OF(big), NULL, 0, &e), ERRC_LIMIT);
    assert_ok(sock_send_fds(pair[0], bytes_of(big, 4096), pipes, 2, &e), e);
    int before = dup(0);
    close(before);
    assert_code(sock_recv_fds(pair[1], text, sizeof(text), &n, got, &count, &e), ERRC_LIMIT);
    int after = dup(0);
    close(after);
    assert_int_equal(before, after); /* a refused message leaves no descriptor open */
    close(pair[0]);
    assert_code(sock_recv_fds(pair[1], text, sizeof(text), &n, got, &count, &e), ERRC_CLOSED);
    assert_code(sock_send_fds(pair[1], BYTES_LIT("x"), NULL, 0, &e), ERRC_CLOSED);
    close(pair[1]);
    for (size_t i = 0; i < 8; i++) {
        close(pipes[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tcp_addresses),
        cmocka_unit_test(test_peer_text),
        cmocka_unit_test(test_unix_sockets),
        cmocka_unit_test(test_descriptors_by_message),
    };
    return cmocka_run_group_tests_name("sock", tests, NULL, NULL);
}
