/* Frames as both ends build and read them. */
#ifndef TROTH_SYS_RPC_PRIV_H
#define TROTH_SYS_RPC_PRIV_H

#include "sys/rpc.h"

#define RPC_BODY_MAX   (RPC_FRAME_MAX - RPC_HEAD_BYTES)
#define RPC_READ_BYTES (64u * 1024)

struct rpc_frame {
    uint64_t id;
    uint16_t op;
    uint16_t status;
    struct bytes body;
};

void rpc_frame_add(struct buf *out, uint64_t id, uint16_t op, uint16_t status, struct bytes body);

/*
 * The frame at the front of *in, taken from it. ERRC_AGAIN: not all of it is there (*ret_need:
 * bytes of the whole frame, at least); ERRC_FORMAT: it is none.
 */
RESULT rpc_frame_take(struct bytes *in, struct rpc_frame *ret, size_t *ret_need);

enum rpc_io { RPC_IO_OK, RPC_IO_BLOCKED, RPC_IO_BROKEN };
/* Sends what is in `out` from *at on; resets both when all is gone. */
enum rpc_io rpc_send(int fd, struct buf *out, size_t *at);
/* One read into `in`, with room for `need` bytes from its front. *ret_n: bytes; BROKEN at the end
 * too. */
enum rpc_io rpc_receive(int fd, struct buf *in, size_t need, size_t *ret_n, bool *ret_is_short);
/* Drops what was taken from the front of `in`; gives memory of large frames back. */
void rpc_input_trim(struct buf *in, struct bytes rest);

#endif
