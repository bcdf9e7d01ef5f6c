/*
 * Entering the cage: privileges, then files, then calls; each step needs what the next takes away.
 *
 * Builds with fault points (debug builds) catch a forbidden call to name it on standard error
 * before they die; release builds have the kernel kill the process and log to its audit.
 */
#include "sys/sandbox.h"

#include "sys/sandbox_priv.h"

#include <cap-ng.h>
#include <dlfcn.h>
#include <errno.h>
#include <linux/sched.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define MEMLOCK_BYTES                                                                              \
    (256u * 1024 * 1024) /* secrets are locked; without capabilities a limit applies */

/* --- calls ------------------------------------------------------------------------------------ */

#ifdef TROTH_FAULTS

static void on_forbidden(int sig, siginfo_t *info, void *context)
{
    (void)context;
    char text[128];
    char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, info->si_syscall);
    int n = snprintf(text, sizeof(text), "sandbox: system call %d (%s) is not allowed here\n",
                     info->si_syscall, name == NULL ? "?" : name);
    (void)!write(STDERR_FILENO, text, (size_t)n);
    (void)signal(sig, SIG_DFL); /* blocked now: delivered, and deadly, when this returns */
    (void)raise(sig);
}

static uint32_t action_for_others(void)
{
    struct sigaction a = { .sa_sigaction = on_forbidden, .sa_flags = SA_SIGINFO };
    (void)sigaction(SIGSYS, &a, NULL);
    return SCMP_ACT_TRAP;
}

#else

static uint32_t action_for_others(void)
{
    return SCMP_ACT_KILL_PROCESS;
}

#endif

/* Adds up errors, so that a list of rules reads as one. */
struct rules {
    scmp_filter_ctx ctx;
    int err; /* the first one */
    unsigned count;
};

static void rule_add(struct rules *r, uint32_t action, const char *name, unsigned cmp_count,
                     const struct scmp_arg_cmp *cmp)
{
    int number = seccomp_syscall_resolve_name(name);
    if (number < 0 || r->err != 0) { /* not on this machine */
        return;
    }
    int err = seccomp_rule_add_array(r->ctx, action, number, cmp_count, cmp);
    if (err != 0 && err != -EEXIST) {
        r->err = -err;
    }
    r->count++;
}

static void rules_add_list(struct rules *r, uint32_t action, const char *const *names)
{
    for (; *names != NULL; names++) {
        rule_add(r, action, *names, 0, NULL);
    }
}

static void rule_allow_if(struct rules *r, const char *name, struct scmp_arg_cmp cmp)
{
    rule_add(r, SCMP_ACT_ALLOW, name, 1, &cmp);
}

/* Memory is never executable once this holds: no new code, whatever was written where. dlopen gets
 * EACCES. */
static void rules_add_memory(struct rules *r)
{
    const struct scmp_arg_cmp is_data = SCMP_CMP(2, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0);
    const struct scmp_arg_cmp is_code = SCMP_CMP(2, SCMP_CMP_MASKED_EQ, PROT_EXEC, PROT_EXEC);
    rule_allow_if(r, "mmap", is_data);
    rule_allow_if(r, "mprotect", is_data);
    rule_add(r, SCMP_ACT_ERRNO(EACCES), "mmap", 1, &is_code);
    rule_add(r, SCMP_ACT_ERRNO(EACCES), "mprotect", 1, &is_code);
}

static void rules_add_arguments(struct rules *r)
{
    static const int prctls[] = { PR_SET_NAME, PR_GET_NAME, PR_SET_PDEATHSIG, PR_GET_DUMPABLE,
                                  0x53564d41 /* PR_SET_VMA */ };
    static const unsigned long ioctls[] = {
        FIONBIO, FIONREAD, TIOCOUTQ, FIOCLEX, TCGETS, TIOCGWINSZ
    };
    scmp_datum_t self = (scmp_datum_t)getpid();
    for (size_t i = 0; i < ARRAY_LEN(prctls); i++) {
        rule_allow_if(r, "prctl", SCMP_CMP(0, SCMP_CMP_EQ, (scmp_datum_t)prctls[i], 0));
    }
    for (size_t i = 0; i < ARRAY_LEN(ioctls); i++) {
        rule_allow_if(r, "ioctl", SCMP_CMP(1, SCMP_CMP_EQ, ioctls[i], 0));
    }
    rule_allow_if(r, "clone",
                  SCMP_CMP(0, SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD)); /* no processes */
    rule_allow_if(r, "kill", SCMP_CMP(0, SCMP_CMP_EQ, self, 0));
    rule_allow_if(r, "tgkill", SCMP_CMP(0, SCMP_CMP_EQ, self, 0));
    rule_allow_if(r, "prlimit64", SCMP_CMP(2, SCMP_CMP_EQ, 0, 0)); /* asking alone */
    rules_add_memory(r);
}

static void rules_add_network(struct rules *r)
{
    static const int families[] = { AF_INET, AF_INET6, AF_UNIX, AF_NETLINK /* getaddrinfo */ };
    rules_add_list(r, SCMP_ACT_ALLOW, sandbox_calls_network);
    for (size_t i = 0; i < ARRAY_LEN(families); i++) {
        rule_allow_if(r, "socket", SCMP_CMP(0, SCMP_CMP_EQ, (scmp_datum_t)families[i], 0));
    }
}

struct result sandbox_filter(enum sandbox_profile profile, struct buf *report, struct error *e)
{
    struct rules r = { .ctx = seccomp_init(action_for_others()) };
    if (r.ctx == NULL) {
        FAIL(e, ERRC_NOMEM, "seccomp: make a filter");
    }
    /* Best effort: older kernels and libraries have less of these, and no need of them. */
    (void)seccomp_attr_set(r.ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    (void)seccomp_attr_set(r.ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    (void)seccomp_attr_set(r.ctx, SCMP_FLTATR_CTL_TSYNC, 1);
    rules_add_list(&r, SCMP_ACT_ALLOW, sandbox_calls_all);
    rules_add_list(&r, SCMP_ACT_ERRNO(ENOSYS), sandbox_calls_absent);
    rules_add_arguments(&r);
    if (profile == SANDBOX_EDGE || profile == SANDBOX_WITNESS) {
        rules_add_network(&r);
    }
    int err = r.err != 0 ? r.err : -seccomp_load(r.ctx);
    seccomp_release(r.ctx);
    if (err != 0) {
        return error_set_sys(e, err, "seccomp: load the filter");
    }
    buf_addf(report, "seccomp: %u rules", r.count);
    return RESULT_OK;
}

/* --- privileges ------------------------------------------------------------------------------- */

/* Capabilities and Landlock hold for a thread and those it starts, so there must be no other yet.
 */
static struct result threads_check(struct error *e)
{
    struct stat st;
    if (stat("/proc/self/task", &st) == 0 && st.st_nlink > 3) {
        FAIL(e, ERRC_CONFLICT, "sandbox: %lu threads run already", (unsigned long)st.st_nlink - 2);
    }
    return RESULT_OK;
}

static void memlock_raise(void)
{
    struct rlimit l;
    if (getrlimit(RLIMIT_MEMLOCK, &l) != 0 || l.rlim_cur >= MEMLOCK_BYTES) {
        return;
    }
    struct rlimit most = { .rlim_cur = MEMLOCK_BYTES,
                           .rlim_max = MAX(l.rlim_max, (rlim_t)MEMLOCK_BYTES) };
    if (setrlimit(RLIMIT_MEMLOCK, &most) != 0) { /* without privilege: as far as allowed */
        l.rlim_cur = l.rlim_max;
        (void)setrlimit(RLIMIT_MEMLOCK, &l);
    }
}

static struct result capabilities_drop(struct error *e)
{
    bool may_bound = capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP) == 1;
    capng_clear(CAPNG_SELECT_ALL);
    if ((may_bound && capng_apply(CAPNG_SELECT_BOUNDS) != 0) ||
        capng_apply(CAPNG_SELECT_CAPS) != 0) {
        FAIL(e, ERRC_DENIED, "drop capabilities");
    }
    (void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    if (capng_get_caps_process() != 0 || capng_have_capabilities(CAPNG_SELECT_CAPS) != CAPNG_NONE) {
        FAIL(e, ERRC_BUG, "capabilities are left");
    }
    return RESULT_OK;
}

/* pthread_exit and cancellation open this library at their first use, which would be too late. */
static void preload(void)
{
    (void)dlopen("libgcc_s.so.1", RTLD_NOW | RTLD_GLOBAL);
}

struct result sandbox_enter(enum sandbox_profile profile, const struct sandbox_path *paths,
                            size_t path_count, struct buf *ret_report, struct error *e)
{
    TRY(threads_check(e));
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        FAIL_SYS(e, "no new privileges");
    }
    memlock_raise();
    preload();
    TRY(capabilities_drop(e));
    buf_add_str(ret_report, "no new privileges; capabilities: none; ");
    TRY(sandbox_landlock(profile, paths, path_count, ret_report, e));
    return sandbox_filter(profile, ret_report, e);
}
