/*
 * Landlock by its system calls. Newer rights are asked for only where the kernel's ABI has them;
 * Debian 12's header ends at ABI 2, so they are named here (linux/landlock.h of Linux 6.12).
 */
#include "sys/sandbox_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FS_REFER     (1ull << 13) /* ABI 2 */
#define FS_TRUNCATE  (1ull << 14) /* ABI 3 */
#define FS_IOCTL_DEV (1ull << 15) /* ABI 5 */
#define NET_BIND     (1ull << 0)  /* ABI 4 */
#define NET_CONNECT  (1ull << 1)
#define SCOPE_SOCKET (1ull << 0) /* ABI 6: abstract Unix sockets of others */
#define SCOPE_SIGNAL (1ull << 1)

#define FS_READ (unsigned long long)(LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define FS_WRITE                                                                                   \
    ((unsigned long long)(LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |          \
                          LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR |           \
                          LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK) |            \
     FS_REFER | FS_TRUNCATE)
#define FS_OF_A_FILE                                                                               \
    ((unsigned long long)(LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE) |          \
     FS_TRUNCATE)
#define FS_ALL_ABI1 ((1ull << 13) - 1)

struct ruleset {
    uint64_t handled_fs;
    uint64_t handled_net;
    uint64_t scoped;
};

static struct ruleset ruleset_of(enum sandbox_profile profile, long abi)
{
    bool has_network = profile == SANDBOX_EDGE || profile == SANDBOX_WITNESS;
    struct ruleset r = { .handled_fs = FS_ALL_ABI1 };
    r.handled_fs |= abi >= 2 ? FS_REFER : 0;
    r.handled_fs |= abi >= 3 ? FS_TRUNCATE : 0;
    r.handled_fs |= abi >= 5 ? FS_IOCTL_DEV : 0;
    if (abi >= 4) { /* no rule follows: nobody binds, only those with a network connect */
        r.handled_net = NET_BIND | (has_network ? 0 : NET_CONNECT);
    }
    r.scoped = abi >= 6 ? SCOPE_SOCKET | SCOPE_SIGNAL : 0;
    return r;
}

static struct result path_allow(int ruleset, uint64_t handled, const struct sandbox_path *path,
                                struct error *e)
{
    int fd = open(path->path, O_PATH | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0) {
        int err = errno;
        if (fd >= 0) {
            close(fd);
        }
        return error_set_sys(e, err, "landlock: %s", path->path);
    }
    uint64_t access = FS_READ | (path->may_write ? FS_WRITE : 0);
    access &= S_ISDIR(st.st_mode) ? ~0ull : FS_OF_A_FILE;
    struct landlock_path_beneath_attr attr = { .allowed_access = access & handled,
                                               .parent_fd = fd };
    long n = syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &attr, 0);
    int err = errno;
    close(fd);
    return n == 0 ? RESULT_OK : error_set_sys(e, err, "landlock: allow %s", path->path);
}

static struct result ruleset_enter(int ruleset, uint64_t handled, const struct sandbox_path *paths,
                                   size_t path_count, struct error *e)
{
    for (size_t i = 0; i < path_count; i++) {
        TRY(path_allow(ruleset, handled, &paths[i], e));
    }
    if (syscall(SYS_landlock_restrict_self, ruleset, 0) != 0) {
        FAIL_SYS(e, "landlock: enter");
    }
    return RESULT_OK;
}

struct result sandbox_landlock(enum sandbox_profile profile, const struct sandbox_path *paths,
                               size_t path_count, struct buf *report, struct error *e)
{
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    if (abi < 0 && (errno == ENOSYS || errno == EOPNOTSUPP)) {
        buf_add_str(report, "landlock: this kernel has none; ");
        return RESULT_OK;
    }
    struct ruleset r = ruleset_of(profile, abi);
    /* Members past those of the ABI are 0, which older kernels accept. */
    long fd = abi < 0 ? -1 : syscall(SYS_landlock_create_ruleset, &r, sizeof(r), 0);
    if (fd < 0) {
        FAIL_SYS(e, "landlock: make a ruleset");
    }
    struct result entered = ruleset_enter((int)fd, r.handled_fs, paths, path_count, e);
    close((int)fd);
    TRY(entered);
    buf_addf(report, "landlock: ABI %ld, %zu paths; ", abi, path_count);
    return RESULT_OK;
}
