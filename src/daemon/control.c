/* Messages of the control channel: type(1) role(1) listener(1) 0(1) channel(4) data. */
#include "daemon/control.h"

#include "sys/sock.h"

#define HEAD_BYTES 8

RESULT control_send(int fd, const struct control *c, struct error *e)
{
    uint8_t msg[HEAD_BYTES + CONTROL_BYTES_MAX] = { (uint8_t)c->type, (uint8_t)c->role,
                                                    (uint8_t)c->listener };
    put_be32(msg + 4, c->channel);
    if (c->data_n > CONTROL_BYTES_MAX) {
        FAIL(e, ERRC_LIMIT, "control message of %zu bytes", c->data_n);
    }
    memcpy(msg + HEAD_BYTES, c->data, c->data_n);
    bool has_fd = c->fd >= 0;
    struct result r =
            sock_send_fds(fd, bytes_of(msg, HEAD_BYTES + c->data_n), &c->fd, has_fd ? 1 : 0, e);
    mem_wipe(msg, sizeof(msg));
    return r;
}

RESULT control_recv(int fd, struct control *ret, struct error *e)
{
    uint8_t msg[HEAD_BYTES + CONTROL_BYTES_MAX];
    size_t n = 0, fd_count = 0;
    int fds[8];
    TRY(sock_recv_fds(fd, msg, sizeof(msg), &n, fds, &fd_count, e));
    bool is_short = n < HEAD_BYTES;
    bool must_have_fd = !is_short && (msg[0] == CONTROL_PEER || msg[0] == CONTROL_LISTENER);
    bool may_have_fd = must_have_fd || (!is_short && msg[0] == CONTROL_RELOAD);
    bool is_listener = !is_short && msg[0] == CONTROL_LISTENER;
    bool is_kind = !is_short &&
                   (is_listener ? msg[2] == CONTROL_LISTENER_TLS || msg[2] == CONTROL_LISTENER_UNIX
                                : msg[2] == 0);
    if (is_short || msg[0] < CONTROL_PEER || msg[0] > CONTROL_FAILED || msg[1] >= ROLE_COUNT_ ||
        !is_kind || msg[3] != 0 || fd_count > (may_have_fd ? 1u : 0u) ||
        fd_count < (must_have_fd ? 1u : 0u)) {
        for (size_t i = 0; i < fd_count; i++) {
            sock_close(fds[i]);
        }
        FAIL(e, ERRC_FORMAT, "malformed control message");
    }
    *ret = (struct control){
        .type = (enum control_type)msg[0],
        .role = (enum role)msg[1],
        .listener = (enum control_listener)msg[2],
        .channel = get_be32(msg + 4),
        .fd = fd_count == 1 ? fds[0] : -1,
        .data_n = n - HEAD_BYTES,
    };
    memcpy(ret->data, msg + HEAD_BYTES, ret->data_n);
    mem_wipe(msg, sizeof(msg));
    return RESULT_OK;
}

void control_send_failed(int fd, const struct error *e)
{
    struct control c = { .type = CONTROL_FAILED, .fd = -1 };
    c.data_n = MIN(strlen(e->msg), sizeof(c.data));
    memcpy(c.data, e->msg, c.data_n);
    result_ignore(control_send(fd, &c, NULL));
}

RESULT control_send_simple(int fd, enum control_type type, struct error *e)
{
    struct control c = { .type = type, .fd = -1 };
    return control_send(fd, &c, e);
}
