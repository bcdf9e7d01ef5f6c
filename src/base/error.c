/* Errors: names of codes, messages built front-first. */
#include "base/error.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char *const names[ERRC_COUNT_] = {
    [ERRC_OK] = "ok",           [ERRC_NOMEM] = "nomem",
    [ERRC_IO] = "io",           [ERRC_FULL] = "full",
    [ERRC_FORMAT] = "format",   [ERRC_RANGE] = "range",
    [ERRC_LIMIT] = "limit",     [ERRC_NOT_FOUND] = "not_found",
    [ERRC_EXISTS] = "exists",   [ERRC_CONFLICT] = "conflict",
    [ERRC_DENIED] = "denied",   [ERRC_INTEGRITY] = "integrity",
    [ERRC_AGAIN] = "again",     [ERRC_TIMEOUT] = "timeout",
    [ERRC_EXPIRED] = "expired", [ERRC_UNSUPPORTED] = "unsupported",
    [ERRC_CLOSED] = "closed",   [ERRC_BUG] = "bug",
};

const char *errc_name(enum errc code)
{
    return (unsigned)code < ERRC_COUNT_ ? names[code] : "unknown";
}

enum errc errc_of_errno(int err)
{
    switch (err) {
    case ENOMEM:
        return ERRC_NOMEM;
    case ENOSPC:
    case EDQUOT:
        return ERRC_FULL;
    case ENOENT:
    case ENOTDIR:
        return ERRC_NOT_FOUND;
    case EEXIST:
    case ENOTEMPTY:
        return ERRC_EXISTS;
    case EACCES:
    case EPERM:
        return ERRC_DENIED;
    case EAGAIN:
    case EINTR:
        return ERRC_AGAIN;
    case ETIMEDOUT:
        return ERRC_TIMEOUT;
    case EPIPE:
    case ECONNRESET:
    case ECONNREFUSED:
        return ERRC_CLOSED;
    default:
        return ERRC_IO;
    }
}

struct result error_setv(struct error *e, enum errc code, const char *fmt, va_list ap)
{
    if (e != NULL) {
        e->code = code;
        (void)vsnprintf(e->msg, sizeof(e->msg), fmt, ap);
    }
    return result_of(code);
}

struct result error_set(struct error *e, enum errc code, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    struct result r = error_setv(e, code, fmt, ap);
    va_end(ap);
    return r;
}

struct result error_set_sys(struct error *e, int err, const char *fmt, ...)
{
    enum errc code = errc_of_errno(err);
    char head[ERROR_MAX];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(head, sizeof(head), fmt, ap);
    va_end(ap);
    char text[128];
    return error_set(e, code, "%s: %s", head, strerror_r(err, text, sizeof(text)));
}

void error_prefix(struct error *e, const char *fmt, ...)
{
    if (e == NULL) {
        return;
    }
    char whole[2 * ERROR_MAX];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(whole, ERROR_MAX, fmt, ap);
    va_end(ap);
    size_t at = n < 0 ? 0 : (size_t)n < ERROR_MAX ? (size_t)n : ERROR_MAX - 1;
    (void)snprintf(whole + at, sizeof(whole) - at, ": %s", e->msg);
    (void)snprintf(e->msg, sizeof(e->msg), "%.*s", (int)sizeof(e->msg) - 1, whole);
}
