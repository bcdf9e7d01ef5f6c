/* Sockets. */
#include "sys/sock.h"

#include "base/text.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define MESSAGE_MAX 4096u
#define FDS_MAX     8u

union address {
    struct sockaddr sa;
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
    struct sockaddr_un un;
    struct sockaddr_storage storage;
};

void sock_close(int fd)
{
    if (fd >= 0) {
        close(fd);
    }
}

/* --- addresses as text ------------------------------------------------------------------------ */

/* Splits "host:port", "[host]:port" or ":port"; the host without its brackets. */
static struct result address_split(const char *text, struct bytes *ret_host, uint16_t *ret_port)
{
    struct bytes host = bytes_str(text), port;
    size_t colon = host.n;
    while (colon > 0 && host.p[colon - 1] != ':') {
        colon--;
    }
    if (colon == 0) {
        return result_of(ERRC_FORMAT);
    }
    port = bytes_slice(host, colon, host.n);
    host = bytes_slice(host, 0, colon - 1);
    if (host.n >= 2 && host.p[0] == '[' && host.p[host.n - 1] == ']') {
        host = bytes_slice(host, 1, host.n - 1);
    } else if (bytes_index(host, ':') != host.n) {
        return result_of(ERRC_FORMAT);
    }
    uint64_t number = 0;
    TRY(num_u64(port, 0, UINT16_MAX, &number));
    *ret_host = host;
    *ret_port = (uint16_t)number;
    return RESULT_OK;
}

static struct result address_parse(const char *text, union address *ret, socklen_t *ret_n)
{
    union address a = { .storage = { 0 } };
    struct bytes host = BYTES_NONE;
    uint16_t port = 0;
    TRY(address_split(text, &host, &port));
    char name[INET6_ADDRSTRLEN] = "::";
    if (host.n >= sizeof(name)) {
        return result_of(ERRC_FORMAT);
    }
    if (host.n > 0) {
        memcpy(name, host.p, host.n);
        name[host.n] = 0;
    }
    if (inet_pton(AF_INET, name, &a.in.sin_addr) == 1) {
        a.in.sin_family = AF_INET;
        a.in.sin_port = htons(port);
        *ret_n = sizeof(a.in);
    } else if (inet_pton(AF_INET6, name, &a.in6.sin6_addr) == 1) {
        a.in6.sin6_family = AF_INET6;
        a.in6.sin6_port = htons(port);
        *ret_n = sizeof(a.in6);
    } else {
        return result_of(ERRC_FORMAT);
    }
    *ret = a;
    return RESULT_OK;
}

/* Host and "host:port"; an IPv4 address that came through an IPv6 socket is shown as IPv4. */
static void address_text(const union address *a, char *ret_host, char *ret_full)
{
    char host[INET6_ADDRSTRLEN] = "";
    if (a->sa.sa_family == AF_INET) {
        inet_ntop(AF_INET, &a->in.sin_addr, host, sizeof(host));
        snprintf(ret_full, SOCK_ADDR_TEXT_MAX, "%s:%u", host, (unsigned)ntohs(a->in.sin_port));
    } else if (a->sa.sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&a->in6.sin6_addr)) {
        inet_ntop(AF_INET, &a->in6.sin6_addr.s6_addr[12], host, sizeof(host));
        snprintf(ret_full, SOCK_ADDR_TEXT_MAX, "%s:%u", host, (unsigned)ntohs(a->in6.sin6_port));
    } else if (a->sa.sa_family == AF_INET6) {
        inet_ntop(AF_INET6, &a->in6.sin6_addr, host, sizeof(host));
        snprintf(ret_full, SOCK_ADDR_TEXT_MAX, "[%s]:%u", host, (unsigned)ntohs(a->in6.sin6_port));
    } else {
        snprintf(host, sizeof(host), "%s", a->sa.sa_family == AF_UNIX ? "unix" : "unknown");
        snprintf(ret_full, SOCK_ADDR_TEXT_MAX, "%s", host);
    }
    snprintf(ret_host, SOCK_ADDR_TEXT_MAX, "%s", host);
}

void sock_peer_text(int fd, char *ret_host, char *ret_full)
{
    union address a = { .storage = { 0 } };
    socklen_t n = sizeof(a);
    if (getpeername(fd, &a.sa, &n) != 0) {
        a.sa.sa_family = AF_UNSPEC;
    }
    address_text(&a, ret_host, ret_full);
}

/* --- TCP -------------------------------------------------------------------------------------- */

static struct result listen_tcp_on(int fd, const union address *a, socklen_t n, int backlog,
                                   const char *addr, char *ret_addr, struct error *e)
{
    int one = 1, zero = 0;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one,
                     sizeof(one)); /* inherited by accepted sockets */
    if (a->sa.sa_family == AF_INET6) {
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof(zero));
    }
    if (bind(fd, &a->sa, n) != 0 || listen(fd, backlog) != 0) {
        FAIL_SYS(e, "listen on %s", addr);
    }
    union address bound = { .storage = { 0 } };
    socklen_t bound_n = sizeof(bound);
    if (getsockname(fd, &bound.sa, &bound_n) != 0) {
        FAIL_SYS(e, "address of %s", addr);
    }
    char host[SOCK_ADDR_TEXT_MAX];
    address_text(&bound, host, ret_addr);
    return RESULT_OK;
}

struct result sock_listen_tcp(const char *addr, int backlog, int *ret_fd, char *ret_addr,
                              struct error *e)
{
    union address a;
    socklen_t n = 0;
    if (!result_is_ok(address_parse(addr, &a, &n))) {
        FAIL(e, ERRC_FORMAT,
             "'%s' is not an address with a port (127.0.0.1:8443, [::1]:8443, :8443)", addr);
    }
    int fd = socket(a.sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 && errno == EAFNOSUPPORT && addr[0] == ':') { /* a host without IPv6 */
        a.in = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = a.in6.sin6_port };
        n = sizeof(a.in);
        fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    }
    if (fd < 0) {
        FAIL_SYS(e, "socket for %s", addr);
    }
    struct result r = listen_tcp_on(fd, &a, n, backlog, addr, ret_addr, e);
    if (!result_is_ok(r)) {
        close(fd);
        return r;
    }
    *ret_fd = fd;
    return RESULT_OK;
}

/* --- Unix ------------------------------------------------------------------------------------- */

static struct result unix_socket(const char *path, union address *ret, int *ret_fd, struct error *e)
{
    union address a = { .un = { .sun_family = AF_UNIX } };
    size_t n = strlen(path);
    if (n == 0 || n >= sizeof(a.un.sun_path)) {
        FAIL(e, ERRC_LIMIT, "socket path '%s' has more than %zu bytes", path,
             sizeof(a.un.sun_path) - 1);
    }
    memcpy(a.un.sun_path, path, n + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        FAIL_SYS(e, "socket for %s", path);
    }
    *ret = a;
    *ret_fd = fd;
    return RESULT_OK;
}

/* Removes a socket file that nobody listens on any more. */
static struct result unix_remove_stale(const char *path, struct error *e)
{
    struct stat st;
    if (lstat(path, &st) != 0) {
        return RESULT_OK;
    }
    if (!S_ISSOCK(st.st_mode)) {
        FAIL(e, ERRC_EXISTS, "%s is there and is not a socket", path);
    }
    int fd = -1;
    if (result_is_ok(sock_connect_unix(path, &fd, NULL))) {
        close(fd);
        FAIL(e, ERRC_EXISTS, "somebody listens on %s already", path);
    }
    if (unlink(path) != 0 && errno != ENOENT) {
        FAIL_SYS(e, "remove the stale socket %s", path);
    }
    return RESULT_OK;
}

struct result sock_listen_unix(const char *path, int *ret_fd, struct error *e)
{
    TRY(unix_remove_stale(path, e));
    union address a;
    int fd = -1;
    TRY(unix_socket(path, &a, &fd, e));
    /* The mode of the socket is the mode of its file: set before bind, so that it is never wider.
     */
    if (fchmod(fd, 0600) != 0 || bind(fd, &a.sa, sizeof(a.un)) != 0 || chmod(path, 0600) != 0 ||
        listen(fd, 128) != 0 || fcntl(fd, F_SETFL, O_NONBLOCK) != 0) {
        int err = errno;
        close(fd);
        return error_set_sys(e, err, "listen on %s", path);
    }
    *ret_fd = fd;
    return RESULT_OK;
}

struct result sock_connect_unix(const char *path, int *ret_fd, struct error *e)
{
    union address a;
    int fd = -1;
    TRY(unix_socket(path, &a, &fd, e));
    while (connect(fd, &a.sa, sizeof(a.un)) != 0) {
        if (errno != EINTR) {
            int err = errno;
            close(fd);
            return error_set_sys(e, err, "connect to %s", path);
        }
    }
    *ret_fd = fd;
    return RESULT_OK;
}

struct result sock_pair(int ret_fds[2], struct error *e)
{
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ret_fds) != 0) {
        FAIL_SYS(e, "socket pair");
    }
    return RESULT_OK;
}

struct result sock_pair_seqpacket(int ret_fds[2], struct error *e)
{
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ret_fds) != 0) {
        FAIL_SYS(e, "socket pair");
    }
    return RESULT_OK;
}

struct result sock_set_nonblocking(int fd, bool on, struct error *e)
{
    int flags = fcntl(fd, F_GETFL);
    int want = on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
    if (flags < 0 || (want != flags && fcntl(fd, F_SETFL, want) != 0)) {
        FAIL_SYS(e, "mode of descriptor %d", fd);
    }
    return RESULT_OK;
}

struct result sock_peer_credentials(int fd, struct sock_peer *ret, struct error *e)
{
    struct ucred c;
    socklen_t n = sizeof(c);
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &c, &n) != 0) {
        FAIL_SYS(e, "who is at the other end");
    }
    *ret = (struct sock_peer){ .pid = c.pid, .uid = c.uid, .gid = c.gid };
    return RESULT_OK;
}

/* --- messages with descriptors ---------------------------------------------------------------- */

union fd_control {
    struct cmsghdr align;
    uint8_t room[CMSG_SPACE(FDS_MAX * sizeof(int))];
};

struct result sock_send_fds(int fd, struct bytes msg, const int *fds, size_t fd_count,
                            struct error *e)
{
    if (msg.n == 0 || msg.n > MESSAGE_MAX || fd_count > FDS_MAX) {
        FAIL(e, ERRC_LIMIT, "message of %zu bytes with %zu descriptors", msg.n, fd_count);
    }
    struct iovec iov = { .iov_base = (void *)(uintptr_t)msg.p, .iov_len = msg.n };
    struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
    union fd_control control = { .room = { 0 } };
    if (fd_count > 0) {
        m.msg_control = &control;
        m.msg_controllen = CMSG_SPACE(fd_count * sizeof(int));
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(fd_count * sizeof(int));
        memcpy(CMSG_DATA(c), fds, fd_count * sizeof(int));
    }
    while (sendmsg(fd, &m, MSG_NOSIGNAL) < 0) {
        if (errno != EINTR) {
            FAIL_SYS(e, "send a message");
        }
    }
    return RESULT_OK;
}

/* All descriptors of the message; more than the room was made for are closed by the kernel. */
static size_t control_take_fds(struct msghdr *m, int *fds)
{
    size_t count = 0;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c != NULL; c = CMSG_NXTHDR(m, c)) {
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS) {
            size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
            for (size_t i = 0; i < n && count < FDS_MAX; i++) {
                memcpy(&fds[count++], CMSG_DATA(c) + i * sizeof(int), sizeof(int));
            }
        }
    }
    return count;
}

struct result sock_recv_fds(int fd, uint8_t *dst, size_t cap, size_t *ret_n, int *ret_fds,
                            size_t *ret_fd_count, struct error *e)
{
    struct iovec iov = { .iov_base = dst, .iov_len = cap };
    union fd_control control = { .room = { 0 } };
    struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
    ssize_t n;
    do {
        m.msg_control = &control;
        m.msg_controllen = sizeof(control);
        n = recvmsg(fd, &m, MSG_CMSG_CLOEXEC);
    } while (n < 0 && errno == EINTR);
    if (n < 0) {
        FAIL_SYS(e, "receive a message");
    }
    int fds[FDS_MAX];
    size_t count = control_take_fds(&m, fds);
    if (n == 0 || (m.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) {
        for (size_t i = 0; i < count; i++) {
            close(fds[i]);
        }
        if (n == 0) {
            FAIL(e, ERRC_CLOSED, "the other end is closed");
        }
        FAIL(e, ERRC_LIMIT, "a message longer than its room");
    }
    memcpy(ret_fds, fds, count * sizeof(int));
    *ret_n = (size_t)n;
    *ret_fd_count = count;
    return RESULT_OK;
}
