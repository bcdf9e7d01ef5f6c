#include "cli/suggest.h"

#include "base/mem.h"

#include <stdint.h>
#include <string.h>

#define NAME_MAX_BYTES 63

size_t suggest_distance(const char *a, const char *b)
{
    size_t rows[3][NAME_MAX_BYTES + 1];
    size_t *older = rows[0], *old = rows[1], *now = rows[2];
    size_t n = strlen(a), m = strlen(b);
    if (n > NAME_MAX_BYTES || m > NAME_MAX_BYTES) {
        return SIZE_MAX;
    }
    for (size_t k = 0; k <= m; k++) {
        older[k] = 0;
        old[k] = k;
    }
    for (size_t i = 1; i <= n; i++) {
        now[0] = i;
        for (size_t k = 1; k <= m; k++) {
            now[k] = MIN(MIN(old[k], now[k - 1]) + 1, old[k - 1] + (a[i - 1] != b[k - 1]));
            if (i > 1 && k > 1 && a[i - 1] == b[k - 2] && a[i - 2] == b[k - 1]) {
                now[k] = MIN(now[k], older[k - 2] + 1);
            }
        }
        size_t *free_row = older;
        older = old;
        old = now;
        now = free_row;
    }
    return old[m];
}

bool suggest_is_near(const char *a, const char *b)
{
    return suggest_distance(a, b) <= MIN(strlen(b) / 3, (size_t)3);
}
