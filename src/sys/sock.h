/*
 * Sockets: listening, pairs, descriptors over Unix sockets, addresses as text. All descriptors
 * close-on-exec.
 */
#ifndef TROTH_SYS_SOCK_H
#define TROTH_SYS_SOCK_H

#include "base/buf.h"

#include <sys/types.h>

#define SOCK_ADDR_TEXT_MAX 64

/*
 * "127.0.0.1:8443", "[::1]:8443", ":8443"; port 0 lets the system choose. Non-blocking. ret_addr:
 * as bound, as text.
 */
RESULT sock_listen_tcp(const char *addr, int backlog, int *ret_fd,
                       char *ret_addr /* SOCK_ADDR_TEXT_MAX */, struct error *e);
/* Mode 0600; a stale socket file is replaced. */
RESULT sock_listen_unix(const char *path, int *ret_fd, struct error *e);
RESULT sock_connect_unix(const char *path, int *ret_fd, struct error *e);
RESULT sock_pair(int ret_fds[2], struct error *e); /* SOCK_STREAM */
RESULT sock_set_nonblocking(int fd, bool on, struct error *e);
/*
 * A message of 1..4096 bytes with at most 8 descriptors, over a SOCK_SEQPACKET pair. Room for 8 is
 * needed to receive.
 */
RESULT sock_pair_seqpacket(int ret_fds[2], struct error *e);
RESULT sock_send_fds(int fd, struct bytes msg, const int *fds, size_t fd_count, struct error *e);
/* ERRC_AGAIN when nothing is there (non-blocking), ERRC_CLOSED at the end. */
RESULT sock_recv_fds(int fd, uint8_t *dst, size_t cap, size_t *ret_n, int *ret_fds,
                     size_t *ret_fd_count, struct error *e);
struct sock_peer {
    pid_t pid;
    uid_t uid;
    gid_t gid;
};
RESULT sock_peer_credentials(int fd, struct sock_peer *ret, struct error *e);
/* Address of the other end without its port ("127.0.0.1"; "unix" for Unix sockets) and with it. */
void sock_peer_text(int fd, char *ret_host /* SOCK_ADDR_TEXT_MAX */,
                    char *ret_full /* SOCK_ADDR_TEXT_MAX */);
void sock_close(int fd); /* -1 allowed */

#endif
