/*
 * The control channel between the supervisor and a role: messages over a SOCK_SEQPACKET pair,
 * descriptor 3 in the role.
 *
 *   supervisor -> role
 *     peer(role, channel) + descriptor   a connection to another role
 *     listener(kind) + descriptor        a listening socket
 *     unseal(bytes)                      what opens the root key; repeated for shares
 *     go                                 all of the above were sent: start
 *     reload [+ descriptor]              the configuration file (none: defaults): read it again,
 *     and
 *                                        the certificates
 *     stop                               finish what runs, then exit 0
 *   role -> supervisor
 *     ready                              it serves
 *     failed(message)                    why it is about to exit
 */
#ifndef TROTH_DAEMON_CONTROL_H
#define TROTH_DAEMON_CONTROL_H

#include "base/buf.h"
#include "sys/rpc.h"

#define CONTROL_BYTES_MAX 2048

enum control_type {
    CONTROL_PEER = 1,
    CONTROL_LISTENER,
    CONTROL_UNSEAL,
    CONTROL_GO,
    CONTROL_RELOAD,
    CONTROL_STOP,
    CONTROL_READY,
    CONTROL_FAILED,
};
enum control_listener { CONTROL_LISTENER_TLS = 1, CONTROL_LISTENER_UNIX = 2 };

struct control {
    enum control_type type;
    enum role role;                  /* PEER */
    uint32_t channel;                /* PEER */
    enum control_listener listener;  /* LISTENER */
    int fd;                          /* PEER, LISTENER, RELOAD: the receiver owns it; else -1 */
    uint8_t data[CONTROL_BYTES_MAX]; /* UNSEAL, FAILED */
    size_t data_n;
};

RESULT control_send(int fd, const struct control *c, struct error *e);
/* ERRC_AGAIN: nothing there (non-blocking); ERRC_CLOSED: the other end is gone; ERRC_FORMAT. */
RESULT control_recv(int fd, struct control *ret, struct error *e);

/* Sends "failed" with the message of e. */
void control_send_failed(int fd, const struct error *e);
RESULT control_send_simple(int fd, enum control_type type, struct error *e);

#endif
