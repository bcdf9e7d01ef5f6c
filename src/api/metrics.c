/* Counters per operation: requests by class of status, bytes, and a histogram of durations. */
#include "api/metrics.h"

#include <stdatomic.h>

#define OPS_MAX 128
#define CLASSES 6 /* index status / 100 */

static const int64_t bounds_us[] = { 500,   1000,   2500,   5000,    10000,   25000,
                                     50000, 100000, 250000, 1000000, 10000000 };

struct op {
    _Atomic(const char *) name;
    atomic_ullong by_class[CLASSES];
    atomic_ullong bytes_in, bytes_out, us, count;
    atomic_ullong buckets[ARRAY_LEN(bounds_us)];
};

struct metrics {
    struct op ops[OPS_MAX]; /* the last is "other" */
};

struct metrics *metrics_new(void)
{
    struct metrics *m = mem_zalloc(sizeof(*m));
    atomic_store(&m->ops[OPS_MAX - 1].name, "other");
    return m;
}

void metrics_free(struct metrics *m)
{
    mem_free(m);
}

static struct op *op_of(struct metrics *m, const char *name)
{
    for (size_t i = 0; i < OPS_MAX - 1; i++) {
        const char *have = atomic_load_explicit(&m->ops[i].name, memory_order_acquire);
        if (have == NULL) {
            const char *none = NULL;
            if (atomic_compare_exchange_strong(&m->ops[i].name, &none, name)) {
                return &m->ops[i];
            }
            have = none;
        }
        if (have == name || strcmp(have, name) == 0) {
            return &m->ops[i];
        }
    }
    return &m->ops[OPS_MAX - 1];
}

static void add(atomic_ullong *a, uint64_t v)
{
    atomic_fetch_add_explicit(a, v, memory_order_relaxed);
}

void metrics_request(struct metrics *m, const char *op, unsigned status, uint64_t bytes_in,
                     uint64_t bytes_out, int64_t us)
{
    struct op *o = op_of(m, op);
    add(&o->by_class[MIN(status / 100, CLASSES - 1u)], 1);
    add(&o->bytes_in, bytes_in);
    add(&o->bytes_out, bytes_out);
    add(&o->us, (uint64_t)MAX(us, 0));
    add(&o->count, 1);
    for (size_t i = 0; i < ARRAY_LEN(bounds_us); i++) {
        if (us <= bounds_us[i]) {
            add(&o->buckets[i], 1);
        }
    }
}

static unsigned long long get(const atomic_ullong *a)
{
    return atomic_load_explicit(a, memory_order_relaxed);
}

static void requests_write(const struct metrics *m, struct buf *out)
{
    buf_add_str(out, "# HELP troth_requests_total Requests by operation and class of status.\n"
                     "# TYPE troth_requests_total counter\n");
    for (size_t i = 0; i < OPS_MAX; i++) {
        const struct op *o = &m->ops[i];
        for (unsigned c = 1; c < CLASSES; c++) {
            if (get(&o->by_class[c]) != 0) {
                buf_addf(out, "troth_requests_total{op=\"%s\",status=\"%uxx\"} %llu\n",
                         atomic_load(&o->name), c, get(&o->by_class[c]));
            }
        }
    }
}

static void bytes_write(const struct metrics *m, struct buf *out)
{
    buf_add_str(out, "# HELP troth_bytes_total Body bytes by operation and direction.\n# TYPE "
                     "troth_bytes_total counter\n");
    for (size_t i = 0; i < OPS_MAX; i++) {
        const struct op *o = &m->ops[i];
        if (get(&o->count) != 0) {
            const char *name = atomic_load(&o->name);
            buf_addf(out, "troth_bytes_total{op=\"%s\",direction=\"in\"} %llu\n", name,
                     get(&o->bytes_in));
            buf_addf(out, "troth_bytes_total{op=\"%s\",direction=\"out\"} %llu\n", name,
                     get(&o->bytes_out));
        }
    }
}

static void durations_write(const struct metrics *m, struct buf *out)
{
    buf_add_str(out, "# HELP troth_request_seconds Duration of requests.\n# TYPE "
                     "troth_request_seconds histogram\n");
    for (size_t i = 0; i < OPS_MAX; i++) {
        const struct op *o = &m->ops[i];
        if (get(&o->count) == 0) {
            continue;
        }
        const char *name = atomic_load(&o->name);
        for (size_t b = 0; b < ARRAY_LEN(bounds_us); b++) {
            buf_addf(out, "troth_request_seconds_bucket{op=\"%s\",le=\"%g\"} %llu\n", name,
                     (double)bounds_us[b] / 1e6, get(&o->buckets[b]));
        }
        buf_addf(out, "troth_request_seconds_bucket{op=\"%s\",le=\"+Inf\"} %llu\n", name,
                 get(&o->count));
        buf_addf(out, "troth_request_seconds_sum{op=\"%s\"} %.6f\n", name,
                 (double)get(&o->us) / 1e6);
        buf_addf(out, "troth_request_seconds_count{op=\"%s\"} %llu\n", name, get(&o->count));
    }
}

void metrics_write(const struct metrics *m, struct buf *out)
{
    requests_write(m, out);
    bytes_write(m, out);
    durations_write(m, out);
}

void metrics_line(struct buf *out, const char *name, const char *type, uint64_t value)
{
    buf_addf(out, "# TYPE %s %s\n%s %llu\n", name, type, name, (unsigned long long)value);
}
