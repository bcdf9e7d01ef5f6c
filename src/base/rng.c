/*
 * Random bytes. The system's come from getrandom(2) through a pool per thread: one page that is
 * zeroed in a forked child (MADV_WIPEONFORK), so parent and child never hand out the same bytes,
 * and each byte is erased as it leaves. A zeroed page reads as an empty pool.
 */
#include "base/rng.h"

#include "base/mem.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/random.h>

#define POOL_PAGE_BYTES 4096
#define POOL_BYTES      1024
#define POOL_LARGE      256 /* requests past this go straight to the system */

struct pool {
    size_t left; /* unread bytes at the end of data */
    uint8_t data[POOL_BYTES];
};

static _Thread_local struct pool *pool;
static pthread_key_t pool_key;
static pthread_once_t pool_once = PTHREAD_ONCE_INIT;

static void system_random(void *dst, size_t n)
{
    uint8_t *p = dst;
    while (n > 0) {
        ssize_t got = getrandom(p, n, 0);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            abort();
        }
        p += got;
        n -= (size_t)got;
    }
}

static void pool_close(void *page)
{
    mem_wipe(page, sizeof(struct pool));
    (void)munmap(page, POOL_PAGE_BYTES);
}

static void pool_make_key(void)
{
    if (pthread_key_create(&pool_key, pool_close) != 0) {
        abort();
    }
}

/* This thread's pool; NULL where the kernel can't keep it out of children. */
static struct pool *pool_get(void)
{
    if (pool != NULL) {
        return pool;
    }
    (void)pthread_once(&pool_once, pool_make_key);
    void *page =
            mmap(NULL, POOL_PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) {
        return NULL;
    }
    if (madvise(page, POOL_PAGE_BYTES, MADV_WIPEONFORK) != 0 ||
        pthread_setspecific(pool_key, page) != 0) {
        (void)munmap(page, POOL_PAGE_BYTES);
        return NULL;
    }
    (void)madvise(page, POOL_PAGE_BYTES, MADV_DONTDUMP);
    (void)mlock(page, POOL_PAGE_BYTES);
    pool = page;
    return pool;
}

static void system_fill(const struct rng *r, void *dst, size_t n)
{
    (void)r;
    struct pool *p = n > POOL_LARGE ? NULL : pool_get();
    if (p == NULL) {
        system_random(dst, n);
        return;
    }
    if (p->left < n) {
        system_random(p->data, POOL_BYTES);
        p->left = POOL_BYTES;
    }
    uint8_t *from = p->data + (POOL_BYTES - p->left);
    memcpy(dst, from, n);
    mem_wipe(from, n);
    p->left -= n;
}

const struct rng rng_system = { system_fill };

static uint64_t rotl(uint64_t v, int by)
{
    return v << by | v >> (64 - by);
}

/* xoshiro256** */
static uint64_t test_next(uint64_t s[4])
{
    uint64_t v = rotl(s[1] * 5, 7) * 9, t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotl(s[3], 45);
    return v;
}

static void test_fill(const struct rng *r, void *dst, size_t n)
{
    struct rng_test *t = CONTAINER_OF(r, struct rng_test, base);
    uint8_t *p = dst;
    while (n > 0) {
        uint64_t v = test_next(t->s);
        size_t take = MIN(n, sizeof(v));
        memcpy(p, &v, take);
        p += take;
        n -= take;
    }
}

void rng_test_init(struct rng_test *r, uint64_t seed)
{
    r->base.fill = test_fill;
    for (int i = 0; i < 4; i++) { /* splitmix64 */
        seed += 0x9E3779B97F4A7C15ULL;
        uint64_t z = seed;
        z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9ULL;
        z = (z ^ z >> 27) * 0x94D049BB133111EBULL;
        r->s[i] = z ^ z >> 31;
    }
}

uint64_t rng_u64(const struct rng *r)
{
    uint64_t v;
    rng_fill(r, &v, sizeof(v));
    return v;
}

uint64_t rng_below(const struct rng *r, uint64_t limit)
{
    uint64_t uneven = (0 - limit) % limit; /* 2^64 mod limit */
    uint64_t v;
    do {
        v = rng_u64(r);
    } while (v < uneven);
    return v % limit;
}
