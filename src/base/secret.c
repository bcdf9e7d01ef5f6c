/*
 * Secrets. Layout of one: guard page | data pages | guard page. The bytes stand at the end of the
 * data pages, aligned to 16, so that running past them faults (or hits the filler, which is checked
 * when the secret is freed).
 */
#include "base/secret.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#define SECRET_MAX    65536
#define SECRET_ALIGN  16
#define SECRET_FILLER 0xA5

struct secret {
    uint8_t *map;
    size_t map_bytes, page_bytes;
    uint8_t *data;
    size_t n;
};

RESULT secret_new(size_t n, struct secret **ret)
{
    if (n == 0 || n > SECRET_MAX) {
        return result_of(ERRC_RANGE);
    }
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t inner = (n + page - 1) / page * page, whole = inner + 2 * page;
    uint8_t *map = mmap(NULL, whole, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (map == MAP_FAILED) {
        return result_of(ERRC_NOMEM);
    }
    uint8_t *first = map + page;
    if (mprotect(first, inner, PROT_READ | PROT_WRITE) != 0 || mlock(first, inner) != 0 ||
        madvise(first, inner, MADV_DONTDUMP) != 0) {
        (void)munmap(map, whole);
        return result_of(ERRC_NOMEM);
    }
    size_t room = (n + SECRET_ALIGN - 1) / SECRET_ALIGN * SECRET_ALIGN;
    struct secret *s = mem_alloc(sizeof(*s));
    *s = (struct secret){ map, whole, page, first + (inner - room), n };
    memset(s->data + n, SECRET_FILLER, room - n);
    *ret = s;
    return RESULT_OK;
}

RESULT secret_of(struct bytes v, struct secret **ret)
{
    TRY(secret_new(v.n, ret));
    memcpy((*ret)->data, v.p, v.n);
    return RESULT_OK;
}

void secret_free(struct secret *s)
{
    if (s == NULL) {
        return;
    }
    uint8_t *end = s->map + s->map_bytes - s->page_bytes;
    for (const uint8_t *p = s->data + s->n; p < end; p++) {
        if (*p != SECRET_FILLER) {
            abort(); /* somebody wrote past the secret */
        }
    }
    mem_wipe(s->data, s->n);
    (void)munmap(s->map, s->map_bytes);
    mem_free(s);
}

uint8_t *secret_data(struct secret *s)
{
    return s->data;
}

size_t secret_len(const struct secret *s)
{
    return s->n;
}

struct bytes secret_bytes(const struct secret *s)
{
    return bytes_of(s->data, s->n);
}

bool secret_equal(const struct secret *a, struct bytes b)
{
    return a->n == b.n && mem_equal_ct(a->data, b.p, b.n);
}

RESULT secret_harden_process(struct error *e)
{
    const struct rlimit none = { 0, 0 };
    if (setrlimit(RLIMIT_CORE, &none) != 0) {
        FAIL_SYS(e, "core size limit");
    }
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) {
        FAIL_SYS(e, "make process undumpable");
    }
    return RESULT_OK;
}
