/*
 * Packages. Each input is read as it is, and with the CRC of every line put right, so that what
 * stands behind it is reached. Properties: it ends; a message names the line; what is accepted has
 * as many lines and bytes as the input.
 */
#include "crypto/crc.h"
#include "ledger/package.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct result take(void *arg, void *dst, size_t cap, size_t *ret_n, struct error *e)
{
    struct bytes *rest = arg;
    size_t n = MIN(cap, MIN(rest->n, (size_t)1000));

    (void)e;
    if (n > 0) {
        memcpy(dst, rest->p, n);
    }
    *rest = bytes_slice(*rest, n, rest->n);
    *ret_n = n;
    return RESULT_OK;
}

static void check(struct bytes in)
{
    struct bytes rest = in;
    const struct package_input input = { take, &rest };
    const struct package_options o = { .policy = NULL };
    struct package_report *r = mem_zalloc(sizeof(*r));
    struct error e = { 0 };

    if (result_is_ok(package_verify(&input, &o, r, &e))) {
        if (r->bytes != in.n || r->entries != r->size - r->from) {
            abort();
        }
    } else if (strncmp(e.msg, "line ", 5) != 0) {
        abort();
    }
    mem_free(r);
}

static void crcs_set(uint8_t *p, size_t n)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t at = 0; at < n;) {
        const uint8_t *end = memchr(p + at, '\n', n - at);
        size_t line = end == NULL ? n - at : (size_t)(end - p) - at;
        if (line > 18) {
            uint32_t crc = crc32c_update(0, bytes_of(p + at + 18, line - 18));
            for (unsigned i = 0; i < 8; i++) {
                p[at + 8 + i] = (uint8_t)digits[crc >> (28 - 4 * i) & 15];
            }
        }
        at += line + 1;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *copy = mem_dup(data, size);

    check(bytes_of(copy, size));
    crcs_set(copy, size);
    check(bytes_of(copy, size));
    mem_free(copy);
    return 0;
}
