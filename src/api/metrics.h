/* Counters of the edge in the Prometheus text format (version 0.0.4). Lock-free; any thread. */
#ifndef TROTH_API_METRICS_H
#define TROTH_API_METRICS_H

#include "base/buf.h"

struct metrics;

struct metrics *metrics_new(void);
void metrics_free(struct metrics *m);
/* `op` is a string literal ("PutObject"). At most 128 different ones; further ones count as
 * "other". */
void metrics_request(struct metrics *m, const char *op, unsigned status, uint64_t bytes_in,
                     uint64_t bytes_out, int64_t us);
void metrics_write(const struct metrics *m, struct buf *out);
/* One line of another source: "# TYPE name type\nname value\n". */
void metrics_line(struct buf *out, const char *name, const char *type, uint64_t value);

#endif
