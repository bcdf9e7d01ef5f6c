/* The cage, each case in a child of its own: what a role needs works, what it must not do ends it.
 */
#include "sys/co.h"
#include "sys/fs.h"
#include "sys/sandbox.h"
#include "sys/sanitize_priv.h"
#include "sys/sock.h"
#include "testkit.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static char root[64], own[80], foreign[80], single[80];

static void file_put(const char *path)
{
    int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "x", 1), 1);
    close(fd);
}

static int make_root(void **state)
{
    (void)state;
    char name[] = "/tmp/test_sandbox.XXXXXX";
    if (mkdtemp(name) == NULL) {
        return -1;
    }
    snprintf(root, sizeof(root), "%s", name);
    snprintf(own, sizeof(own), "%s/own", root);
    snprintf(foreign, sizeof(foreign), "%s/foreign", root);
    snprintf(single, sizeof(single), "%s/single", root);
    if (mkdir(own, 0700) != 0 || mkdir(foreign, 0700) != 0) {
        return -1;
    }
    char path[100];
    snprintf(path, sizeof(path), "%s/f", foreign);
    file_put(path);
    snprintf(path, sizeof(path), "%s/f", own);
    file_put(path);
    file_put(single);
    return 0;
}

static int drop_root(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof(command), "rm -rf -- %s", root);
    return system(command);
}

static int report_fd = -1; /* standard error within the cage; -1: none */

/* Exit status of fn within the cage; 1000 + signal when it was killed; 90 when the cage could not
 * be entered. */
static int in_sandbox(enum sandbox_profile profile, int (*fn)(void))
{
    pid_t pid = fork();
    if (pid == 0) {
        struct rlimit none = { 0 };
        setrlimit(RLIMIT_CORE, &none);
        (void)(report_fd < 0 ? close(STDERR_FILENO) : dup2(report_fd, STDERR_FILENO));
        struct sandbox_path paths[] = { { own, true }, { single, false }, { "/proc", false } };
        CLEANUP(buf_done_p) struct buf report = BUF(1000);
        struct error e;
        struct result r = sandbox_enter(profile, paths, ARRAY_LEN(paths), &report, &e);
        if (!result_is_ok(r)) {
            (void)!write(STDOUT_FILENO, e.msg, strlen(e.msg));
            _exit(90);
        }
        _exit(fn());
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status) ? 1000 + WTERMSIG(status) : WEXITSTATUS(status);
}

#define KILLED (1000 + SIGSYS)

/* --- what works ------------------------------------------------------------------------------- */

static bool has_landlock(void)
{
    return syscall(SYS_landlock_create_ruleset, NULL, 0, 1) > 0;
}

static int use_files(void)
{
    char path[100];
    snprintf(path, sizeof(path), "%s/f", own);
    int fd = open(path, O_RDWR);
    if (fd < 0 || write(fd, "y", 1) != 1 || ftruncate(fd, 10) != 0 || fdatasync(fd) != 0) {
        return 1;
    }
    close(fd);
    struct fs *fs = NULL;
    struct error e;
    CLEANUP(buf_done_p) struct buf b = BUF(100);
    if (!result_is_ok(fs_open_dir(own, &fs, &e)) || !result_is_ok(fs_mkdir(fs, "d", &e)) ||
        !result_is_ok(fs_write_file(fs, "d/new", BYTES_LIT("text"), &e)) ||
        !result_is_ok(fs_read_file(fs, "d/new", 100, &b, &e)) ||
        !result_is_ok(fs_rename(fs, "d/new", "moved", &e)) ||
        !result_is_ok(fs_unlink(fs, "moved", &e)) || !result_is_ok(fs_rmdir(fs, "d", &e))) {
        return 2;
    }
    struct fs_file *f = NULL;
    uint64_t n = 0, total = 0;
    if (!result_is_ok(fs_open(fs, "direct", FS_READ | FS_WRITE | FS_CREATE | FS_DIRECT, &f, &e)) ||
        !result_is_ok(fs_preallocate(f, 1 << 20, &e)) || !result_is_ok(fs_lock(f, &e)) ||
        !result_is_ok(fs_datasync(f, &e)) || !result_is_ok(fs_space(fs, &n, &total, &e))) {
        return 3;
    }
    fs_close(f);
    fs_free(fs);
    fd = open(single, O_RDONLY);
    return fd >= 0 ? 0 : 4;
}

static int foreign_files(void)
{
    char path[100];
    snprintf(path, sizeof(path), "%s/f", foreign);
    if (open(path, O_RDONLY) >= 0 || errno != EACCES) {
        return 1;
    }
    if (open(single, O_WRONLY) >= 0 || open("/etc/passwd", O_RDONLY) >= 0) {
        return 2;
    }
    snprintf(path, sizeof(path), "%s/x", foreign);
    return open(path, O_CREAT | O_WRONLY, 0600) >= 0 ? 3 : 0;
}

static void *thread_work(void *arg)
{
    void *p = malloc(1 << 22); /* an arena of its own, and a mapping */
    memset(p, 1, 1 << 22);
    free(p);
    pthread_exit(arg); /* opens a library at its first use */
}

static int use_threads(void)
{
    pthread_t t[4];
    for (size_t i = 0; i < ARRAY_LEN(t); i++) {
        if (pthread_create(&t[i], NULL, thread_work, NULL) != 0) {
            return 1;
        }
        pthread_setname_np(t[i], "worker");
    }
    for (size_t i = 0; i < ARRAY_LEN(t); i++) {
        pthread_join(t[i], NULL);
    }
    struct pool *p = NULL;
    if (!result_is_ok(pool_new(2, &p, NULL))) {
        return 2;
    }
    pool_free(p);
    return 0;
}

static void stop_loop(void *arg)
{
    co_sleep_ms(1);
    loop_stop(arg);
}

static int use_loop_and_memory(void)
{
    struct loop *l = NULL;
    struct error e;
    if (!result_is_ok(loop_new(&l, &e)) || !result_is_ok(co_spawn(l, stop_loop, l, &e)) ||
        !result_is_ok(loop_run(l, &e))) {
        return 1;
    }
    loop_free(l);
    void *p = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED || mlock(p, 65536) != 0 || madvise(p, 65536, MADV_DONTDUMP) != 0 ||
        munmap(p, 65536) != 0) {
        return 2;
    }
    struct rlimit r;
    return getrlimit(RLIMIT_NOFILE, &r) == 0 && sysconf(_SC_PHYS_PAGES) > 0 ? 0 : 3;
}

static int message_pair[2]; /* made before the cage: a role gets its connections from outside */

static int use_descriptors_by_message(void)
{
    int got[8];
    uint8_t text[16];
    size_t n = 0, count = 0;
    int fd = eventfd(0, EFD_CLOEXEC);
    if (!result_is_ok(sock_send_fds(message_pair[0], BYTES_LIT("fd"), &fd, 1, NULL)) ||
        !result_is_ok(sock_recv_fds(message_pair[1], text, sizeof(text), &n, got, &count, NULL))) {
        return 1;
    }
    return count == 1 && n == 2 ? 0 : 2;
}

static int no_code(void)
{
    void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1,
                   0);
    return p == MAP_FAILED && errno == EACCES ? 0 : 1;
}

static int no_clone3(void)
{
    return syscall(SYS_clone3, NULL, 0) < 0 && errno == ENOSYS ? 0 : 1;
}

static int use_connect(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in to = { .sin_family = AF_INET,
                              .sin_port = htons(1),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    return fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0 && errno == ECONNREFUSED
                   ? 0
                   : 1;
}

static void test_what_a_role_needs_works(void **state)
{
    (void)state;
    static const enum sandbox_profile profiles[] = { SANDBOX_KEEPER, SANDBOX_SCRIBE, SANDBOX_EDGE,
                                                     SANDBOX_WITNESS };
    for (size_t i = 0; i < ARRAY_LEN(profiles); i++) {
        assert_int_equal(in_sandbox(profiles[i], use_files), 0);
        assert_int_equal(in_sandbox(profiles[i], use_threads), 0);
        assert_int_equal(in_sandbox(profiles[i], use_loop_and_memory), 0);
        assert_int_equal(in_sandbox(profiles[i], no_clone3), 0);
        if (!SANITIZE_ADDRESS) {
            assert_int_equal(in_sandbox(profiles[i], no_code), 0);
        }
        if (has_landlock()) {
            assert_int_equal(in_sandbox(profiles[i], foreign_files), 0);
        }
    }
    struct error e;
    assert_ok(sock_pair_seqpacket(message_pair, &e), e);
    assert_int_equal(in_sandbox(SANDBOX_KEEPER, use_descriptors_by_message), 0);
    close(message_pair[0]);
    close(message_pair[1]);
    assert_int_equal(in_sandbox(SANDBOX_EDGE, use_connect), 0);
    assert_int_equal(in_sandbox(SANDBOX_WITNESS, use_connect), 0);
}

/* --- what does not ---------------------------------------------------------------------------- */

static int try_socket(void)
{
    return socket(AF_INET, SOCK_STREAM, 0) >= 0;
}
static int try_unix_socket(void)
{
    return socket(AF_UNIX, SOCK_STREAM, 0) >= 0;
}
static int try_packet_socket(void)
{
    return socket(AF_PACKET, SOCK_RAW, 0) >= 0;
}
static int try_accept(void)
{
    return accept4(0, NULL, NULL, 0) >= 0;
}
static int try_exec(void)
{
    char name[] = "true", *argv[] = { name, NULL };
    return execv("/bin/true", argv);
}
static int try_fork(void)
{
    return fork() == 0;
}
static int try_ptrace(void)
{
    return ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0;
}
static int try_kill(void)
{
    return kill(getppid(), 0) == 0;
}
static int try_setuid(void)
{
    return (int)syscall(SYS_setuid, 0);
}
static int try_mount(void)
{
    return (int)syscall(SYS_mount, "none", "/tmp", "tmpfs", 0, NULL);
}
static int try_bpf(void)
{
    return (int)syscall(SYS_bpf, 0, NULL, 0);
}
static int try_chroot(void)
{
    return chroot("/");
}
static int try_dumpable(void)
{
    return (int)syscall(SYS_prctl, 4 /* PR_SET_DUMPABLE */, 1);
}
static int try_raise_limit(void)
{
    struct rlimit r = { 1, 1 };
    return setrlimit(RLIMIT_CORE, &r);
}

static void test_forbidden_calls_end_the_process(void **state)
{
    (void)state;
    static int (*const everywhere[])(void) = { try_packet_socket, try_exec, try_setuid,
                                               try_mount,         try_bpf,  try_chroot };
    static int (*const not_with_sanitizers[])(void) = { try_fork, try_ptrace, try_kill,
                                                        try_dumpable, try_raise_limit };
    static int (*const without_network[])(void) = { try_socket, try_unix_socket, try_accept };
    for (enum sandbox_profile p = SANDBOX_KEEPER; p <= SANDBOX_WITNESS; p++) {
        for (size_t i = 0; i < ARRAY_LEN(everywhere); i++) {
            assert_int_equal(in_sandbox(p, everywhere[i]), KILLED);
        }
        for (size_t i = 0; i < ARRAY_LEN(not_with_sanitizers) && !SANITIZE_ADDRESS; i++) {
            assert_int_equal(in_sandbox(p, not_with_sanitizers[i]), KILLED);
        }
        for (size_t i = 0; i < ARRAY_LEN(without_network) && p <= SANDBOX_SCRIBE; i++) {
            assert_int_equal(in_sandbox(p, without_network[i]), KILLED);
        }
    }
}

static void socket_job(void *arg)
{
    *(int *)arg = try_socket();
}

static int try_in_pool(void)
{
    struct pool *p = NULL;
    struct pool_job job = { .fn = socket_job, .arg = &(int){ 0 } };
    if (!result_is_ok(pool_new(1, &p, NULL))) {
        return 1;
    }
    pool_submit(p, &job);
    result_ignore(co_event_wait(&job.done, INT64_MAX));
    return 2;
}

/* Debug builds say which call it was; in worker threads too. */
static void test_forbidden_call_is_named(void **state)
{
    (void)state;
    int report[2];
    assert_int_equal(pipe(report), 0);
    report_fd = report[1];
    assert_int_equal(in_sandbox(SANDBOX_KEEPER, try_in_pool), KILLED);
    report_fd = -1;
    close(report[1]);
    char text[200] = "";
    ssize_t n = read(report[0], text, sizeof(text) - 1);
#ifdef TROTH_FAULTS
    assert_true(n > 0);
    assert_non_null(strstr(text, "(socket) is not allowed here"));
#else
    assert_int_equal(n, 0);
#endif
    close(report[0]);
}

/* --- the rest --------------------------------------------------------------------------------- */

static int read_status(void)
{
    char text[4096] = "";
    int fd = open("/proc/self/status", O_RDONLY);
    if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0) {
        return 1;
    }
    static const char *const want[] = { "CapInh:\t0000000000000000",
                                        "CapPrm:\t0000000000000000",
                                        "CapEff:\t0000000000000000",
                                        "CapAmb:\t0000000000000000",
                                        "NoNewPrivs:\t1",
                                        "Seccomp:\t2" };
    for (size_t i = 0; i < ARRAY_LEN(want); i++) {
        if (strstr(text, want[i]) == NULL) {
            return 2 + (int)i;
        }
    }
    return 0;
}

static void test_privileges_are_gone(void **state)
{
    (void)state;
    assert_int_equal(in_sandbox(SANDBOX_KEEPER, read_status), 0);
    assert_int_equal(in_sandbox(SANDBOX_EDGE, read_status), 0);
}

static void test_failures_are_fatal(void **state)
{
    (void)state;
    if (!has_landlock()) {
        skip();
    }
    pid_t pid = fork();
    if (pid == 0) {
        struct sandbox_path nowhere = { "/nowhere/at/all", true };
        CLEANUP(buf_done_p) struct buf report = BUF(1000);
        struct error e;
        _exit((int)sandbox_enter(SANDBOX_KEEPER, &nowhere, 1, &report, &e).code);
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(WEXITSTATUS(status), ERRC_NOT_FOUND);
}

static void *thread_idle(void *arg)
{
    char c;
    return read(*(int *)arg, &c, 1) == 1 ? arg : NULL;
}

/* Threads that run already would stay outside. */
static void test_threads_are_refused(void **state)
{
    (void)state;
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    pid_t pid = fork();
    if (pid == 0) {
        pthread_t t;
        pthread_create(&t, NULL, thread_idle, &fds[0]);
        CLEANUP(buf_done_p) struct buf report = BUF(1000);
        struct error e;
        _exit((int)sandbox_enter(SANDBOX_KEEPER, NULL, 0, &report, &e).code);
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(WEXITSTATUS(status), ERRC_CONFLICT);
    close(fds[0]);
    close(fds[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_a_role_needs_works),
        cmocka_unit_test(test_forbidden_calls_end_the_process),
        cmocka_unit_test(test_forbidden_call_is_named),
        cmocka_unit_test(test_privileges_are_gone),
        cmocka_unit_test(test_failures_are_fatal),
        cmocka_unit_test(test_threads_are_refused),
    };
    if (SANITIZE_THREAD) {
        print_message("1..0 # SKIP ThreadSanitizer runs a thread of its own\n");
        return 0;
    }
    return cmocka_run_group_tests_name("sandbox", tests, make_root, drop_root);
}
