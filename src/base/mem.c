/* Memory: the only callers of malloc. Kept out of line so that analysers see an opaque owner. */
#include "base/mem.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PAGE_BYTES 4096

static _Noreturn void out_of_memory(void)
{
    static const char text[] = "out of memory\n";
    ssize_t n = write(STDERR_FILENO, text, sizeof(text) - 1);
    (void)n;
    abort();
}

void *mem_alloc(size_t n)
{
    void *p = malloc(n == 0 ? 1 : n);
    if (p == NULL) {
        out_of_memory();
    }
    return p;
}

void *mem_zalloc(size_t n)
{
    return mem_calloc(1, n);
}

void *mem_calloc(size_t n, size_t size)
{
    if (n == 0 || size == 0) {
        n = size = 1;
    }
    void *p = calloc(n, size);
    if (p == NULL) {
        out_of_memory();
    }
    return p;
}

void *mem_realloc(void *p, size_t n)
{
    void *moved = realloc(p, n == 0 ? 1 : n);
    if (moved == NULL) {
        out_of_memory();
    }
    return moved;
}

void *mem_dup(const void *p, size_t n)
{
    void *copy = mem_alloc(n);
    if (n != 0) {
        memcpy(copy, p, n);
    }
    return copy;
}

char *mem_strdup(const char *s)
{
    return mem_dup(s, strlen(s) + 1);
}

char *mem_printf(const char *fmt, ...)
{
    char *s = NULL;
    va_list ap;
    va_start(ap, fmt);
    int n = vasprintf(&s, fmt, ap);
    va_end(ap);
    if (n < 0) {
        out_of_memory();
    }
    return s;
}

void mem_free(void *p)
{
    free(p);
}

RESULT mem_try_alloc(size_t n, void **ret)
{
    void *p = malloc(n == 0 ? 1 : n);
    if (p == NULL) {
        return result_of(ERRC_NOMEM);
    }
    *ret = p;
    return RESULT_OK;
}

RESULT mem_try_realloc(void *p, size_t n, void **ret)
{
    void *moved = realloc(p, n == 0 ? 1 : n);
    if (moved == NULL) {
        return result_of(ERRC_NOMEM);
    }
    *ret = moved;
    return RESULT_OK;
}

RESULT mem_try_aligned(size_t n, void **ret)
{
    if (n == 0 || n % PAGE_BYTES != 0) {
        return result_of(ERRC_BUG);
    }
    void *p = NULL;
    if (posix_memalign(&p, PAGE_BYTES, n) != 0) {
        return result_of(ERRC_NOMEM);
    }
    *ret = p;
    return RESULT_OK;
}

void mem_wipe(void *p, size_t n)
{
    if (n != 0) {
        explicit_bzero(p, n);
    }
}

bool mem_equal_ct(const void *a, const void *b, size_t n)
{
    const volatile uint8_t *x = a, *y = b;
    uint8_t differ = 0;
    for (size_t i = 0; i < n; i++) {
        differ = (uint8_t)(differ | (x[i] ^ y[i]));
    }
    return differ == 0;
}
