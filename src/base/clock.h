/*
 * Clocks. Deadlines count on the monotonic clock; wall time is only for what is shown or written.
 * A clock is an argument, so that expiry and retention are tested without sleeping.
 */
#ifndef TROTH_BASE_CLOCK_H
#define TROTH_BASE_CLOCK_H

#include "base/buf.h"

#include <stdint.h>

struct clock {
    int64_t (*wall_ms)(const struct clock *c); /* since 1970-01-01 UTC */
    int64_t (*mono_ms)(const struct clock *c);
};

extern const struct clock clock_system;

/* A settable clock for tests. */
struct clock_fake {
    struct clock base;
    int64_t wall, mono;
};
void clock_fake_init(struct clock_fake *c, int64_t wall_ms);
void clock_fake_advance(struct clock_fake *c, int64_t ms);

static inline int64_t clock_wall_ms(const struct clock *c)
{
    return c->wall_ms(c);
}
static inline int64_t clock_mono_ms(const struct clock *c)
{
    return c->mono_ms(c);
}
int64_t clock_mono_ns(void); /* for measuring */

#define TIME_TEXT_MAX 32

/* Written forms (UTC). Each fills `dst` (TIME_TEXT_MAX bytes) and returns it. */
char *time_rfc3339(int64_t wall_ms, char *dst); /* 2026-11-22T09:41:16.123Z */
char *time_beijing(int64_t wall_ms, char *dst); /* 2026-11-22T17:41:16.123+08:00 */
char *time_http(int64_t wall_ms, char *dst);    /* Sun, 22 Nov 2026 09:41:16 GMT (RFC 9110 5.6.7) */
char *time_iso8601_basic(int64_t wall_ms, char *dst); /* 20261122T094116Z */

/*
 * Reading: the whole of `in`. ERRC_FORMAT, or ERRC_RANGE for a date or hour that does not exist
 * (second 60 is refused).
 */
/* Any offset; up to nine digits behind the point, cut to milliseconds. */
RESULT time_parse_rfc3339(struct bytes in, int64_t *ret_ms);
/*
 * All three forms of RFC 9110 5.6.7; two-digit years are 1970..2069; the name of the day must be
 * right.
 */
RESULT time_parse_http(struct bytes in, int64_t *ret_ms);
RESULT time_parse_iso8601_basic(struct bytes in, int64_t *ret_ms);

#endif
