/* Clocks: the system's and a settable one. */
#include "base/clock.h"

static int64_t read_ns(clockid_t id)
{
    struct timespec ts = { 0 };
    (void)clock_gettime(id, &ts); /* can't fail for these clocks */
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static int64_t system_wall_ms(const struct clock *c)
{
    (void)c;
    return read_ns(CLOCK_REALTIME) / 1000000;
}

static int64_t system_mono_ms(const struct clock *c)
{
    (void)c;
    return read_ns(CLOCK_MONOTONIC) / 1000000;
}

const struct clock clock_system = { system_wall_ms, system_mono_ms };

int64_t clock_mono_ns(void)
{
    return read_ns(CLOCK_MONOTONIC);
}

static int64_t fake_wall_ms(const struct clock *c)
{
    const struct clock_fake *f = (const struct clock_fake *)(const void *)c;
    return __atomic_load_n(&f->wall, __ATOMIC_RELAXED);
}

static int64_t fake_mono_ms(const struct clock *c)
{
    const struct clock_fake *f = (const struct clock_fake *)(const void *)c;
    return __atomic_load_n(&f->mono, __ATOMIC_RELAXED);
}

void clock_fake_init(struct clock_fake *c, int64_t wall_ms)
{
    *c = (struct clock_fake){ .base = { fake_wall_ms, fake_mono_ms },
                              .wall = wall_ms,
                              .mono = 1000 };
}

void clock_fake_advance(struct clock_fake *c, int64_t ms)
{
    __atomic_fetch_add(&c->wall, ms, __ATOMIC_RELAXED);
    __atomic_fetch_add(&c->mono, ms, __ATOMIC_RELAXED);
}
