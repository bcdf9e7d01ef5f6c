/*
 * What every unit test includes: cmocka and a few helpers. Vectors of ../shared are skipped where
 * they are missing.
 */
#ifndef TROTH_TESTKIT_H
#define TROTH_TESTKIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <dirent.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/mem.h"

/* The expression is OK; prints the message otherwise. `e` is a struct error in scope. */
#define assert_ok(expr, e)                                                                         \
    do {                                                                                           \
        struct result ok_r_ = (expr);                                                              \
        if (ok_r_.code != ERRC_OK) {                                                               \
            fail_msg("%s: %s: %s", #expr, errc_name(ok_r_.code), (e).msg);                         \
        }                                                                                          \
    } while (0)
#define assert_code(expr, want)                                                                    \
    do {                                                                                           \
        struct result code_r_ = (expr);                                                            \
        if (code_r_.code != (want)) {                                                              \
            fail_msg("%s: %s, expected %s", #expr, errc_name(code_r_.code), errc_name(want));      \
        }                                                                                          \
    } while (0)
#define assert_bytes(got, want)                                                                    \
    do {                                                                                           \
        struct bytes got_b_ = (got), want_b_ = (want);                                             \
        assert_int_equal(got_b_.n, want_b_.n);                                                     \
        assert_memory_equal(got_b_.p, want_b_.p, want_b_.n);                                       \
    } while (0)

/* Reads TROTH_VECTORS/<path>; skips the test when it is not there. */
static inline __attribute__((unused)) struct bytes vectors_read(const char *path)
{
    const char *root = getenv("TROTH_VECTORS");
    char name[4096];
    if (snprintf(name, sizeof(name), "%s/%s", root == NULL ? "." : root, path) >=
        (int)sizeof(name)) {
        fail_msg("name too long");
    }
    FILE *f = fopen(name, "rb");
    if (f == NULL) {
        print_message("# skipped: %s is not there\n", path);
        skip();
    }
    size_t cap = 1 << 16, n = 0;
    uint8_t *p = malloc(cap);
    assert_non_null(p);
    for (size_t got; (got = fread(p + n, 1, cap - n, f)) > 0;) {
        n += got;
        if (n == cap) {
            cap *= 2;
            p = realloc(p, cap);
            assert_non_null(p);
        }
    }
    fclose(f);
    return (struct bytes){ p, n };
}

/*
 * Calls fn for each file of TROTH_VECTORS/<dir> in the order of names; returns how many. Skips the
 * test when it is not there.
 */
static inline __attribute__((unused)) size_t
vectors_each(const char *dir, void (*fn)(const char *name, struct bytes content))
{
    const char *root = getenv("TROTH_VECTORS");
    char name[1024];
    snprintf(name, sizeof(name), "%s/%s", root == NULL ? "." : root, dir);
    struct dirent **list;
    int n = scandir(name, &list, NULL, alphasort);
    if (n < 0) {
        print_message("# skipped: %s is not there\n", dir);
        skip();
    }
    size_t done = 0;
    for (int i = 0; i < n; i++) {
        if (list[i]->d_type == DT_REG) {
            if (snprintf(name, sizeof(name), "%s/%s", dir, list[i]->d_name) >= (int)sizeof(name)) {
                fail_msg("name too long");
            }
            struct bytes content = vectors_read(name);
            fn(list[i]->d_name, content);
            free((void *)(uintptr_t)content.p);
            done++;
        }
        free(list[i]);
    }
    free(list);
    return done;
}

#endif
