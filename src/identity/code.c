/*
 * Codes that people type: 32 signs without those that look alike (Crockford's base 32: no i, l, o,
 * u), in groups of five.
 */
#include "identity/directory_priv.h"
#include "identity/login_priv.h"

#define GROUP 5

static const char signs[] = "0123456789abcdefghjkmnpqrstvwxyz";

void code_make(struct directory *d, size_t groups, char *dst)
{
    for (size_t i = 0; i < groups; i++) {
        directory_random_text(d, signs, dst + i * (GROUP + 1), GROUP);
        dst[i * (GROUP + 1) + GROUP] = i + 1 < groups ? '-' : '\0';
    }
}

static char sign_of(uint8_t c)
{
    c = (uint8_t)(c >= 'A' && c <= 'Z' ? c + 32 : c);
    c = c == 'o' ? '0' : c == 'i' || c == 'l' ? '1' : c;
    return c != 0 && strchr(signs, c) != NULL ? (char)c : '\0';
}

RESULT code_normalise(struct bytes typed, size_t groups, char *dst)
{
    size_t n = 0;
    for (size_t i = 0; i < typed.n; i++) {
        if (typed.p[i] == '-' || typed.p[i] == ' ') {
            continue;
        }
        char c = sign_of(typed.p[i]);
        if (c == '\0' || n == groups * GROUP) {
            return result_of(ERRC_DENIED);
        }
        dst[n + n / GROUP] = c;
        n++;
        if (n % GROUP == 0 && n < groups * GROUP) {
            dst[n + n / GROUP - 1] = '-';
        }
    }
    if (n != groups * GROUP) {
        return result_of(ERRC_DENIED);
    }
    dst[n + groups - 1] = '\0';
    return RESULT_OK;
}
