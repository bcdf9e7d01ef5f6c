/*
 * The operator's log. A line is built whole, is at most LINE_MAX_BYTES long (a pipe takes that in
 * one piece) and goes out in one write, so that lines of threads and of processes on the same pipe
 * do not mix.
 */
#include "base/log.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/text.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#define LINE_MAX_BYTES 4096
#define MESSAGE_MAX    2048

static const char *const level_names[] = { "error", "warn", "info", "debug" };

static _Atomic int log_level = LOG_INFO;
static _Atomic bool log_is_json = false;
static char log_role[32] = "troth";

void log_init(const char *role, enum log_level level, bool is_json)
{
    (void)snprintf(log_role, sizeof(log_role), "%s", role);
    atomic_store(&log_level, (int)level);
    atomic_store(&log_is_json, is_json);
}

enum log_level log_level_by_name(const char *name)
{
    static const char *const names[] = { "error", "warn", "info", "debug" };
    for (unsigned i = 0; i < ARRAY_LEN(names); i++) {
        if (strcmp(names[i], name) == 0) {
            return (enum log_level)i;
        }
    }
    return LOG_INFO;
}

bool log_is_on(enum log_level level)
{
    return (int)level <= atomic_load_explicit(&log_level, memory_order_relaxed);
}

/* Appends one line whose message is cut after `max` bytes. */
static void add_line(struct buf *out, enum log_level level, struct bytes message, size_t max)
{
    char at[TIME_TEXT_MAX];
    time_rfc3339(clock_wall_ms(&clock_system), at);
    if (!atomic_load_explicit(&log_is_json, memory_order_relaxed)) {
        buf_addf(out, "%s %-5s %s[%d]: ", at, level_names[level], log_role, (int)getpid());
        text_add_escaped(out, message, max);
    } else {
        struct jsonw w;
        jsonw_init(&w, out);
        jsonw_object(&w);
        jsonw_kv_cstr(&w, "time", at);
        jsonw_kv_cstr(&w, "level", level_names[level]);
        jsonw_kv_cstr(&w, "role", log_role);
        jsonw_kv_u64(&w, "pid", (uint64_t)getpid());
        jsonw_kv_str(&w, "message", bytes_slice(message, 0, max));
        jsonw_object_end(&w);
    }
    buf_add_u8(out, '\n');
}

static void write_whole(struct bytes line)
{
    while (line.n > 0) {
        ssize_t n = write(STDERR_FILENO, line.p, line.n);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return; /* nowhere left to say it */
        }
        line = bytes_slice(line, (size_t)n, line.n);
    }
}

void log_at(enum log_level level, const char *fmt, ...)
{
    if (!log_is_on(level)) {
        return;
    }
    int saved = errno;
    char message[MESSAGE_MAX];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(message, sizeof(message), fmt, ap);
    va_end(ap);
    size_t len = n < 0 ? 0 : MIN((size_t)n, sizeof(message) - 1);

    CLEANUP(buf_done_p) struct buf line = BUF(LINE_MAX_BYTES);
    size_t max = len;
    do {
        buf_reset(&line);
        add_line(&line, level, bytes_of(message, len), max);
        max /= 2; /* escapes made it too long */
    } while (line.err != ERRC_OK && max > 0);
    write_whole(buf_bytes(&line));
    errno = saved;
}
