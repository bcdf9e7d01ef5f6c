/* CPU time from /proc: clock ticks of whole process trees, ours by getrusage. */
#include "load.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#define PROCESSES_MAX 4096

struct process {
    long pid, parent;
    unsigned long long ticks;
};

static bool process_read(const char *name, struct process *ret)
{
    char path[300], text[1024];
    (void)snprintf(path, sizeof(path), "/proc/%s/stat", name);
    FILE *f = fopen(path, "r");
    if (f == NULL) {
        return false;
    }
    size_t n = fread(text, 1, sizeof(text) - 1, f);
    (void)fclose(f);
    text[n] = '\0';
    const char *after = strrchr(text, ')');
    unsigned long long user = 0, kernel = 0;
    *ret = (struct process){ .pid = strtol(name, NULL, 10) };
    if (after == NULL || sscanf(after + 1, " %*c %ld %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu",
                                &ret->parent, &user, &kernel) != 3) {
        return false;
    }
    ret->ticks = user + kernel;
    return true;
}

static bool is_within(const struct process *all, size_t n, size_t i, const long *pids, size_t count)
{
    long at = all[i].pid;
    for (int depth = 0; depth < 16 && at > 1; depth++) {
        for (size_t k = 0; k < count; k++) {
            if (pids[k] == at) {
                return true;
            }
        }
        size_t j = 0;
        while (j < n && all[j].pid != at) {
            j++;
        }
        at = j < n ? all[j].parent : 0;
    }
    return false;
}

int64_t load_cpu_tree_ns(const long *pids, size_t count)
{
    static struct process all[PROCESSES_MAX];
    size_t n = 0;
    unsigned long long ticks = 0;
    DIR *d = count == 0 ? NULL : opendir("/proc");
    const struct dirent *it;

    while (d != NULL && n < PROCESSES_MAX && (it = readdir(d)) != NULL) {
        if (isdigit((unsigned char)it->d_name[0]) && process_read(it->d_name, &all[n])) {
            n++;
        }
    }
    if (d != NULL) {
        (void)closedir(d);
    }
    for (size_t i = 0; i < n; i++) {
        if (is_within(all, n, i, pids, count)) {
            ticks += all[i].ticks;
        }
    }
    return (int64_t)(ticks * (1000000000ull / (unsigned long long)sysconf(_SC_CLK_TCK)));
}

int64_t load_cpu_self_ns(void)
{
    struct rusage u;
    (void)getrusage(RUSAGE_SELF, &u);
    return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000000LL +
           (u.ru_utime.tv_usec + u.ru_stime.tv_usec) * 1000LL;
}
