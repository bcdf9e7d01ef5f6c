/* Role processes: what a started child has, and has not. */
#include "sys/proc.h"
#include "sys/sock.h"
#include "testkit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

/* --- the child, this same binary -------------------------------------------------------------- */

static unsigned open_descriptors(void)
{
    unsigned mask = 0;
    for (int fd = 0; fd < 1024; fd++) {
        if (fcntl(fd, F_GETFD) >= 0) {
            mask |= 1u << MIN(fd, 31);
        }
    }
    return mask;
}

static int child(const char *mode)
{
    if (strcmp(mode, "sleep") == 0) {
        (void)!write(PROC_CONTROL_FD, "r", 1);
        for (;;) {
            pause();
        }
    }
    sigset_t blocked;
    sigprocmask(SIG_SETMASK, NULL, &blocked);
    struct sigaction usr1;
    sigaction(SIGUSR1, NULL, &usr1);
    char text[128];
    int n = snprintf(text, sizeof(text), "%s %x %d %d %d", mode, open_descriptors(),
                     getpgrp() == getpid(), sigismember(&blocked, SIGUSR2),
                     usr1.sa_handler == SIG_DFL);
    return write(PROC_CONTROL_FD, text, (size_t)n) == n ? 0 : 1;
}

/* --- the tests -------------------------------------------------------------------------------- */

static void self_path(struct buf *out)
{
    struct error e;
    assert_ok(proc_self_path(out, &e), e);
    assert_non_null(buf_cstr(out));
}

static pid_t start(const char *mode, int control)
{
    CLEANUP(buf_done_p) struct buf path = BUF(4096);
    struct error e;
    pid_t pid = 0;
    self_path(&path);
    char name[] = "child", flag[] = "--child", *what = mem_strdup(mode);
    char *argv[] = { name, flag, what, NULL };
    assert_ok(proc_spawn(buf_cstr(&path), argv, control, &pid, &e), e);
    mem_free(what);
    return pid;
}

static void test_child_gets_a_clean_start(void **state)
{
    (void)state;
    struct error e;
    int spare = open("/dev/null", O_RDONLY),
        pair[2]; /* spare: without close-on-exec, and yet not inherited */
    signal(SIGUSR1, SIG_IGN);
    sigset_t usr2;
    sigemptyset(&usr2);
    sigaddset(&usr2, SIGUSR2);
    sigprocmask(SIG_BLOCK, &usr2, NULL);
    for (int at = 3; at < 8; at++) { /* whatever number the control channel has here */
        assert_ok(sock_pair_seqpacket(pair, &e), e);
        int control = pair[1] == at ? at : dup2(pair[1], at + 20);
        if (at <= 4 && pair[0] != at && pair[1] != at) {
            control = dup2(pair[1], at);
        }
        pid_t pid = start("hello", control);
        uint8_t text[128] = "";
        size_t n = 0, fds = 0;
        int got[8];
        assert_ok(sock_recv_fds(pair[0], text, sizeof(text) - 1, &n, got, &fds, &e), e);
        assert_string_equal((char *)text, "hello f 1 0 1");
        int status = 0;
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
        if (control != pair[1]) {
            close(control);
        }
        close(pair[0]);
        close(pair[1]);
    }
    sigprocmask(SIG_UNBLOCK, &usr2, NULL);
    signal(SIGUSR1, SIG_DFL);
    close(spare);
}

static void test_failed_exec_is_told(void **state)
{
    (void)state;
    struct error e;
    pid_t pid = 0;
    char name[] = "x", *argv[] = { name, NULL };
    int pair[2];
    assert_ok(sock_pair_seqpacket(pair, &e), e);
    assert_code(proc_spawn("/nowhere/at/all", argv, pair[1], &pid, &e), ERRC_NOT_FOUND);
    assert_code(proc_spawn("/etc/passwd", argv, pair[1], &pid, &e), ERRC_DENIED);
    assert_false(result_is_ok(proc_spawn("/etc/passwd", argv, -1, &pid, &e)));
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* nothing is left behind */
    assert_int_equal(errno, ECHILD);
    close(pair[0]);
    close(pair[1]);
}

static void test_child_dies_with_its_parent(void **state)
{
    (void)state;
    struct error e;
    int pair[2];
    assert_ok(sock_pair_seqpacket(pair, &e), e);
    pid_t middle = fork();
    if (middle == 0) {
        (void)start("sleep", pair[1]);
        pause();
        _exit(0);
    }
    close(pair[1]);
    char c;
    assert_int_equal(read(pair[0], &c, 1), 1);
    assert_true(proc_rss_bytes(middle) > 0);
    kill(middle, SIGKILL);
    assert_int_equal(waitpid(middle, NULL, 0), middle);
    assert_int_equal(read(pair[0], &c, 1), 0); /* the end: the grandchild held the other side */
    close(pair[0]);
}

static void test_figures(void **state)
{
    (void)state;
    assert_true(proc_cpu_count() >= 1);
    assert_true(proc_rss_bytes(getpid()) > 100000);
    assert_int_equal(proc_rss_bytes(-5), 0);
    CLEANUP(buf_done_p) struct buf path = BUF(4096);
    self_path(&path);
    assert_non_null(strstr(buf_cstr(&path), "test_proc"));
    CLEANUP(buf_done_p) struct buf small = BUF(3);
    assert_code(proc_self_path(&small, NULL), ERRC_LIMIT);
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "--child") == 0) {
        return child(argv[2]);
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_child_gets_a_clean_start),
        cmocka_unit_test(test_failed_exec_is_told),
        cmocka_unit_test(test_child_dies_with_its_parent),
        cmocka_unit_test(test_figures),
    };
    return cmocka_run_group_tests_name("proc", tests, NULL, NULL);
}
