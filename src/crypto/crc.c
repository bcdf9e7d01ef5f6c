/*
 * CRC32 and CRC32C by isa-l. CRC64NVME, which Debian's isa-l lacks, by carry-less multiplication
 * (Gopal et al., "Fast CRC Computation for Generic Polynomials Using PCLMULQDQ", Intel 2009): eight
 * 128-bit lanes are folded over 128 bytes at a time, then into one, and its 16 bytes go through the
 * table as if they were the message. Polynomial reflected, so the low quadword holds the higher
 * powers and a multiplier for x^n is x^(n-1).
 */
#include "crypto/crc.h"

#include "base/mem.h"

#include <isa-l/crc.h>
#include <pthread.h>

#define POLY64NVME 0x9a6c9329ac4bc9b5u
#define SLICES     8

uint32_t crc32_update(uint32_t crc, struct bytes v)
{
    return v.n == 0 ? crc : crc32_gzip_refl(crc, v.p, v.n);
}

uint32_t crc32c_update(uint32_t crc, struct bytes v)
{
    crc = ~crc;
    while (v.n > 0) {
        size_t n = MIN(v.n, (size_t)1 << 30);
        /* Its argument is not const, but it only reads. */
        crc = crc32_iscsi((unsigned char *)(uintptr_t)v.p, (int)n, crc);
        v = bytes_of(v.p + n, v.n - n);
    }
    return ~crc;
}

static pthread_once_t table_once = PTHREAD_ONCE_INIT;
static uint64_t table[SLICES][256];

static void table_fill(void)
{
    for (unsigned i = 0; i < 256; i++) {
        uint64_t c = i;
        for (int bit = 0; bit < 8; bit++) {
            c = (c >> 1) ^ ((c & 1) != 0 ? POLY64NVME : 0);
        }
        table[0][i] = c;
    }
    for (unsigned s = 1; s < SLICES; s++) {
        for (unsigned i = 0; i < 256; i++) {
            uint64_t c = table[s - 1][i];
            table[s][i] = (c >> 8) ^ table[0][c & 0xff];
        }
    }
}

/* On the inverted state. */
static uint64_t sliced(uint64_t crc, const uint8_t *p, size_t n)
{
    for (; n >= 8; p += 8, n -= 8) {
        uint64_t w;
        memcpy(&w, p, 8);
        crc ^= w;
        crc = table[7][crc & 0xff] ^ table[6][crc >> 8 & 0xff] ^ table[5][crc >> 16 & 0xff] ^
              table[4][crc >> 24 & 0xff] ^ table[3][crc >> 32 & 0xff] ^ table[2][crc >> 40 & 0xff] ^
              table[1][crc >> 48 & 0xff] ^ table[0][crc >> 56];
    }
    for (; n > 0; p++, n--) {
        crc = (crc >> 8) ^ table[0][(crc ^ *p) & 0xff];
    }
    return crc;
}

#ifdef __x86_64__
#include <immintrin.h>

#define CLMUL __attribute__((target("pclmul,sse4.1")))

static inline CLMUL __m128i fold(__m128i x, __m128i next, __m128i k)
{
    __m128i lo = _mm_clmulepi64_si128(x, k, 0x00), hi = _mm_clmulepi64_si128(x, k, 0x11);
    return _mm_xor_si128(_mm_xor_si128(lo, hi), next);
}

static inline CLMUL __m128i load(const uint8_t *p)
{
    return _mm_loadu_si128((const __m128i *)(const void *)p);
}

/* On the inverted state; n >= 128. The tail shorter than 128 goes through the table. */
static CLMUL uint64_t folded(uint64_t crc, const uint8_t *p, size_t n)
{
    /* x^1087, x^1023: over 128 bytes; x^191, x^127: over 16 (low quadword first). */
    const __m128i k128 =
            _mm_set_epi64x((long long)0x5f852fb61e8d92dc, (long long)0xa1ca681e733f9c40);
    const __m128i k16 =
            _mm_set_epi64x((long long)0x21e9761e252621ac, (long long)0xeadc41fd2ba3d420);
    __m128i x[8];

    for (int i = 0; i < 8; i++) {
        x[i] = load(p + 16 * i);
    }
    x[0] = _mm_xor_si128(x[0], _mm_set_epi64x(0, (long long)crc));
    p += 128;
    n -= 128;
    for (; n >= 128; p += 128, n -= 128) {
        for (int i = 0; i < 8; i++) {
            x[i] = fold(x[i], load(p + 16 * i), k128);
        }
    }
    for (int i = 1; i < 8; i++) {
        x[0] = fold(x[0], x[i], k16);
    }
    for (; n >= 16; p += 16, n -= 16) {
        x[0] = fold(x[0], load(p), k16);
    }
    uint8_t rest[16];
    memcpy(rest, &x[0], sizeof(rest));
    return sliced(sliced(0, rest, sizeof(rest)), p, n);
}
#endif

uint64_t crc64nvme_update(uint64_t crc, struct bytes v)
{
    pthread_once(&table_once, table_fill);
    crc = ~crc;
#ifdef __x86_64__
    if (v.n >= 128 && __builtin_cpu_supports("pclmul") && __builtin_cpu_supports("sse4.1")) {
        return ~folded(crc, v.p, v.n);
    }
#endif
    return ~sliced(crc, v.p, v.n);
}
