/*
 * Role processes, from the supervisor's side and from within. A role is this same binary
 * re-executed as `troth --role NAME`, with a SOCK_SEQPACKET control channel as descriptor 3.
 */
#ifndef TROTH_SYS_PROC_H
#define TROTH_SYS_PROC_H

#include "base/buf.h"

#include <sys/types.h>

#define PROC_CONTROL_FD 3

/*
 * Starts the program at path with only 0, 1, 2 and the control channel (as PROC_CONTROL_FD) open,
 * signals as by default, in its own process group. It is killed when the calling thread ends: call
 * from the main thread. control_fd stays the caller's. An exec that fails is told here.
 */
RESULT proc_spawn(const char *path, char *const argv[], int control_fd, pid_t *ret,
                  struct error *e);
/* Absolute path of the running binary. */
RESULT proc_self_path(struct buf *out, struct error *e);
/*
 * Blocks the signals for this thread and those it starts, and gives a non-blocking descriptor that
 * is readable when one has come. proc_signal_next: its number, 0 when none is there.
 */
RESULT proc_signals_open(const int *signals, size_t n, int *ret_fd, struct error *e);
int proc_signal_next(int fd);
unsigned proc_cpu_count(void);
/* Resident bytes of a process; 0 when unknown. */
uint64_t proc_rss_bytes(pid_t pid);

#endif
