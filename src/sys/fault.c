/* Fault points. The table is guarded by a lock that is taken only while something is armed. */
#include "sys/fault.h"

#include "base/log.h"
#include "base/text.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

#define FAULTS_MAX 16u

struct fault {
    char name[64];
    enum fault_kind kind;
    unsigned after, times;
};

/* Global on purpose: a fault is a property of the world, not of an object. */
static atomic_bool is_armed;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct fault faults[FAULTS_MAX];
static size_t fault_count;

static enum fault_kind fault_look_up(const char *name)
{
    enum fault_kind kind = FAULT_NONE;
    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < fault_count && kind == FAULT_NONE; i++) {
        struct fault *f = &faults[i];
        if (strcmp(f->name, name) != 0) {
            continue;
        }
        if (f->after > 0) {
            f->after--;
        } else if (f->times > 0) {
            f->times--;
            kind = f->kind;
        }
    }
    pthread_mutex_unlock(&lock);
    if (kind == FAULT_CRASH) {
        (void)kill(getpid(), SIGKILL);
        for (;;) {
            pause();
        }
    }
    return kind;
}

enum fault_kind fault_point(const char *name)
{
    return atomic_load_explicit(&is_armed, memory_order_relaxed) ? fault_look_up(name) : FAULT_NONE;
}

void fault_arm(const char *name, enum fault_kind kind, unsigned after, unsigned times)
{
    pthread_mutex_lock(&lock);
    if (fault_count < FAULTS_MAX) {
        struct fault *f = &faults[fault_count++];
        *f = (struct fault){ .kind = kind, .after = after, .times = times };
        snprintf(f->name, sizeof(f->name), "%s", name);
    }
    pthread_mutex_unlock(&lock);
    atomic_store(&is_armed, true);
}

void fault_disarm_all(void)
{
    pthread_mutex_lock(&lock);
    fault_count = 0;
    pthread_mutex_unlock(&lock);
    atomic_store(&is_armed, false);
}

#ifdef TROTH_FAULTS

static struct result kind_parse(struct bytes in, enum fault_kind *ret)
{
    static const char *const names[] = {
        [FAULT_EIO] = "eio",     [FAULT_ENOSPC] = "enospc", [FAULT_EAGAIN] = "eagain",
        [FAULT_SHORT] = "short", [FAULT_CRASH] = "crash",   [FAULT_NOMEM] = "nomem",
    };
    for (size_t i = FAULT_NONE + 1; i < ARRAY_LEN(names); i++) {
        if (bytes_equal_str(in, names[i])) {
            *ret = (enum fault_kind)i;
            return RESULT_OK;
        }
    }
    return result_of(ERRC_FORMAT);
}

/* name:kind[:after[:times]] */
static struct result fault_parse(struct bytes in)
{
    struct bytes name = BYTES_NONE, kind_text = BYTES_NONE, number = BYTES_NONE;
    enum fault_kind kind = FAULT_NONE;
    uint64_t after = 0, times = 1;
    bool has_more = bytes_split(&in, ':', &name) && name.n > 0;
    if (!has_more) {
        return result_of(ERRC_FORMAT);
    }
    has_more = bytes_split(&in, ':', &kind_text);
    TRY(kind_parse(kind_text, &kind));
    if (has_more) {
        has_more = bytes_split(&in, ':', &number);
        TRY(num_u64(number, 0, UINT32_MAX, &after));
    }
    if (has_more) {
        TRY(num_u64(in, 0, UINT32_MAX, &times));
    }
    char text[sizeof(faults[0].name)];
    snprintf(text, sizeof(text), "%.*s", BYTES_FMT(name));
    fault_arm(text, kind, (unsigned)after, (unsigned)times);
    return RESULT_OK;
}

void fault_init_from_env(void)
{
    struct bytes all = bytes_str(getenv("TROTH_FAULTS"));
    bool has_more = all.n > 0;
    while (has_more) {
        struct bytes one = BYTES_NONE;
        has_more = bytes_split(&all, ',', &one);
        if (!result_is_ok(fault_parse(one))) {
            log_warn("TROTH_FAULTS: '%.*s' is not name:kind[:after[:times]]", BYTES_FMT(one));
        }
    }
}

#else

void fault_init_from_env(void)
{
}

#endif
