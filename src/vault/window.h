/*
 * Sealed chunks of a large blob from its file, in order: reads a MiB at a time with O_DIRECT by
 * the pool, and the next while the first is being used, when buffers are free. Never waits
 * for a buffer: with none free a small one of its own does.
 *
 * Measured against buffered reads (bench_vault, 64 MiB objects, 4 readers, 2 cores): direct
 * 0.36-0.46 ns/B of CPU and 0.9-1.6 GB/s, cold or not; buffered 0.49-0.54 ns/B and 2.2-3.1 GB/s
 * from memory, but 1.9 ns/B and 0.6 GB/s cold.
 */
#ifndef TROTH_VAULT_WINDOW_H
#define TROTH_VAULT_WINDOW_H

#include "vault/vault_priv.h"

struct window;
/*
 * For the chunks from..until (exclusive) of x, a blob in a file. Opens the file and reads the first
 * of them without waiting for it. ERRC_NOMEM.
 */
RESULT window_open(struct vault *v, const struct extent *x, uint64_t from, uint64_t until,
                   struct window **ret, struct error *e);
void window_close(struct window *w); /* NULL allowed */
/*
 * The next chunk with its tag, to be opened in place. With the blob's first chunk its header is
 * checked against x. NOT_FOUND: there is no such file; INTEGRITY: it is too short, or another
 * blob's.
 */
RESULT window_next(struct window *w, uint8_t **ret, size_t *ret_n, struct error *e);

#endif
