/* Frames: building, taking, and the reads and writes that carry many of them. */
#include "sys/rpc_priv.h"

#include <errno.h>
#include <sys/socket.h>

#define KEEP_BYTES (1024u * 1024) /* buffers past this are given back when empty */

const char *role_name(enum role r)
{
    static const char *const names[ROLE_COUNT_] = {
        [ROLE_SUPERVISOR] = "supervisor",
        [ROLE_KEEPER] = "keeper",
        [ROLE_SCRIBE] = "scribe",
        [ROLE_EDGE] = "edge",
    };
    return (unsigned)r < ROLE_COUNT_ ? names[r] : "unknown";
}

void rpc_frame_add(struct buf *out, uint64_t id, uint16_t op, uint16_t status, struct bytes body)
{
    uint8_t *p = buf_reserve(out, RPC_HEAD_BYTES + body.n);
    if (p == NULL) {
        return;
    }
    put_be32(p, (uint32_t)(RPC_HEAD_BYTES - 4 + body.n));
    put_be64(p + 4, id);
    put_be16(p + 12, op);
    put_be16(p + 14, status);
    if (body.n > 0) {
        memcpy(p + RPC_HEAD_BYTES, body.p, body.n);
    }
    buf_commit(out, RPC_HEAD_BYTES + body.n);
}

struct result rpc_frame_take(struct bytes *in, struct rpc_frame *ret, size_t *ret_need)
{
    *ret_need = RPC_HEAD_BYTES;
    if (in->n < 4) {
        return result_of(ERRC_AGAIN);
    }
    size_t length = get_be32(in->p);
    if (length < RPC_HEAD_BYTES - 4 || length > RPC_FRAME_MAX - 4) {
        return result_of(ERRC_FORMAT);
    }
    if (in->n - 4 < length) {
        *ret_need = 4 + length;
        return result_of(ERRC_AGAIN);
    }
    *ret = (struct rpc_frame){ .id = get_be64(in->p + 4),
                               .op = get_be16(in->p + 12),
                               .status = get_be16(in->p + 14),
                               .body = bytes_of(in->p + RPC_HEAD_BYTES,
                                                length - (RPC_HEAD_BYTES - 4)) };
    *in = bytes_slice(*in, 4 + length, in->n);
    return RESULT_OK;
}

enum rpc_io rpc_send(int fd, struct buf *out, size_t *at)
{
    while (*at < out->n) {
        ssize_t n = send(fd, out->p + *at, out->n - *at, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n > 0) {
            *at += (size_t)n;
        } else if (errno == EAGAIN) {
            return RPC_IO_BLOCKED;
        } else if (errno != EINTR) {
            return RPC_IO_BROKEN;
        }
    }
    *at = 0;
    buf_reset(out);
    if (out->cap > KEEP_BYTES) {
        buf_done(out);
    }
    return RPC_IO_OK;
}

enum rpc_io rpc_receive(int fd, struct buf *in, size_t need, size_t *ret_n, bool *ret_is_short)
{
    size_t room = MAX(need > in->n ? need - in->n : 0, (size_t)RPC_READ_BYTES);
    uint8_t *p = buf_reserve(in, room);
    if (p == NULL) {
        return RPC_IO_BROKEN;
    }
    ssize_t n;
    do {
        n = recv(fd, p, room, MSG_DONTWAIT);
    } while (n < 0 && errno == EINTR);
    if (n <= 0) {
        return n < 0 && errno == EAGAIN ? RPC_IO_BLOCKED : RPC_IO_BROKEN;
    }
    buf_commit(in, (size_t)n);
    *ret_n = (size_t)n;
    *ret_is_short = (size_t)n < room;
    return RPC_IO_OK;
}

void rpc_input_trim(struct buf *in, struct bytes rest)
{
    buf_consume(in, in->n - rest.n);
    if (in->n == 0 && in->cap > KEEP_BYTES) {
        buf_done(in);
    }
}
