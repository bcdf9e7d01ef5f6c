/* Decimal digits without printf, for the emitters of this folder. */
#ifndef TROTH_BASE_NUM_PRIV_H
#define TROTH_BASE_NUM_PRIV_H

#include <stdint.h>

#define NUM_DEC_MAX 20

/* Writes the digits of `v` right-aligned into end-of-array `digits[NUM_DEC_MAX]`; returns the
 * first. */
static inline char *num_dec(uint64_t v, char *digits)
{
    char *at = digits + NUM_DEC_MAX;
    do {
        *--at = (char)('0' + v % 10);
        v /= 10;
    } while (v != 0);
    return at;
}

#endif
