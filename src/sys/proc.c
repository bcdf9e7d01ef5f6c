/* Starting role processes and looking at them. */
#include "sys/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define REPORT_FD 4 /* in the child: tells of a failed exec, closed by one that succeeds */

static void close_from(unsigned first)
{
    if (syscall(SYS_close_range, first, ~0u, 0u) != 0) { /* kernels before 5.9 */
        long max = sysconf(_SC_OPEN_MAX);
        for (long fd = (long)first; fd < MIN(max, 65536); fd++) {
            close((int)fd);
        }
    }
}

/*
 * In the child, between fork and exec: only calls that are safe there. Returns with errno set when
 * something fails; *report is at all times a descriptor that tells the parent.
 */
static void child_prepare(int control_fd, int *report, pid_t parent)
{
    /* Both out of the way first: either may have the number that the other shall get. */
    int control = fcntl(control_fd, F_DUPFD, REPORT_FD + 1);
    int high = fcntl(*report, F_DUPFD_CLOEXEC, REPORT_FD + 1);
    if (control < 0 || high < 0) {
        return;
    }
    *report = high;
    if (dup2(control, PROC_CONTROL_FD) < 0 || dup3(high, REPORT_FD, O_CLOEXEC) < 0) {
        return;
    }
    *report = REPORT_FD;
    close_from(REPORT_FD + 1);
    (void)setpgid(0, 0);
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) {
        return;
    }
    if (getppid() != parent) { /* it died before the line above */
        _exit(1);
    }
    struct sigaction plain = { .sa_handler = SIG_DFL };
    for (int sig = 1; sig < NSIG; sig++) {
        (void)sigaction(sig, &plain,
                        NULL); /* refused for SIGKILL, SIGSTOP and two of the C library's */
    }
    sigset_t none;
    sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    errno = 0;
}

static _Noreturn void child_run(const char *path, char *const argv[], int control_fd, int report_fd,
                                pid_t parent)
{
    child_prepare(control_fd, &report_fd, parent);
    int err = errno;
    if (err == 0) {
        (void)execv(path, argv);
        err = errno;
    }
    (void)!write(report_fd, &err, sizeof(err));
    _exit(127);
}

/* 0 when the child's exec closed the pipe, else the child's errno. */
static int report_read(int fd)
{
    int err = 0;
    ssize_t n;
    do {
        n = read(fd, &err, sizeof(err));
    } while (n < 0 && errno == EINTR);
    return n == 0 ? 0 : n == sizeof(err) ? err : EIO;
}

struct result proc_spawn(const char *path, char *const argv[], int control_fd, pid_t *ret,
                         struct error *e)
{
    int report[2];
    if (pipe2(report, O_CLOEXEC) != 0) {
        FAIL_SYS(e, "start %s", path);
    }
    pid_t parent = getpid();
    sigset_t all, old; /* a handler of ours must not run in the child */
    sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &old);
    pid_t pid = fork();
    if (pid == 0) {
        child_run(path, argv, control_fd, report[1], parent);
    }
    int err = errno;
    (void)pthread_sigmask(SIG_SETMASK, &old, NULL);
    close(report[1]);
    if (pid > 0) {
        err = report_read(report[0]);
        if (err != 0) {
            (void)kill(pid, SIGKILL);
            while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {
            }
        }
    }
    close(report[0]);
    if (err != 0) {
        return error_set_sys(e, err, "start %s", path);
    }
    *ret = pid;
    return RESULT_OK;
}

struct result proc_self_path(struct buf *out, struct error *e)
{
    char path[4096];
    ssize_t n = readlink("/proc/self/exe", path, sizeof(path));
    if (n < 0) {
        FAIL_SYS(e, "path of the running program");
    }
    if ((size_t)n == sizeof(path)) {
        FAIL(e, ERRC_LIMIT, "the path of the running program is too long");
    }
    buf_add_mem(out, path, (size_t)n);
    TRY_MSG(buf_result(out), e, "path of the running program");
    return RESULT_OK;
}

unsigned proc_cpu_count(void)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    int n = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;
    return n > 0 ? (unsigned)n : 1;
}

uint64_t proc_rss_bytes(pid_t pid)
{
    char name[64], text[128] = "";
    snprintf(name, sizeof(name), "/proc/%d/statm", (int)pid);
    int fd = open(name, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return 0;
    }
    ssize_t n = read(fd, text, sizeof(text) - 1);
    close(fd);
    char *rest = n > 0 ? strchr(text, ' ') : NULL; /* the second number, in pages */
    return rest == NULL ? 0 : (uint64_t)strtoull(rest, NULL, 10) * (uint64_t)sysconf(_SC_PAGESIZE);
}

RESULT proc_signals_open(const int *signals, size_t n, int *ret_fd, struct error *e)
{
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < n; i++) {
        sigaddset(&set, signals[i]);
    }
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0) {
        FAIL_SYS(e, "signals");
    }
    int fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (fd < 0) {
        FAIL_SYS(e, "signals");
    }
    *ret_fd = fd;
    return RESULT_OK;
}

int proc_signal_next(int fd)
{
    struct signalfd_siginfo info;
    return read(fd, &info, sizeof(info)) == (ssize_t)sizeof(info) ? (int)info.ssi_signo : 0;
}
