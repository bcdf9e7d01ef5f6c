/* Secrets and randomness: guards, wiping, forks. */
#include "testkit.h"

#include "base/rng.h"
#include "base/secret.h"

#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static void test_contents(void **state)
{
    (void)state;
    CLEANUP(secret_free_p) struct secret *s = NULL;
    assert_code(secret_of(BYTES_LIT("correct horse"), &s), ERRC_OK);
    assert_int_equal(secret_len(s), 13);
    assert_bytes(secret_bytes(s), BYTES_LIT("correct horse"));
    assert_true(secret_equal(s, BYTES_LIT("correct horse")));
    assert_false(secret_equal(s, BYTES_LIT("correct horsf")));
    assert_false(secret_equal(s, BYTES_LIT("correct hors")));
    secret_data(s)[0] = 'C';
    assert_true(secret_equal(s, BYTES_LIT("Correct horse")));
    struct secret *none = NULL;
    assert_code(secret_new(0, &none), ERRC_RANGE);
    assert_code(secret_new(65537, &none), ERRC_RANGE);
    CLEANUP(secret_free_p) struct secret *large = NULL;
    assert_code(secret_new(65536, &large), ERRC_OK);
    memset(secret_data(large), 1, 65536);
}

/* Runs fn(s) in a child; its exit status or, with the sign turned, the signal that ended it. */
static int in_child(void (*fn)(struct secret *s), size_t n)
{
    struct secret *s = NULL;
    assert_code(secret_new(n, &s), ERRC_OK);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        const struct rlimit none = { 0, 0 };
        (void)setrlimit(RLIMIT_CORE, &none);
        (void)signal(SIGSEGV, SIG_DFL); /* cmocka's own would report a failed test */
        (void)signal(SIGABRT, SIG_DFL);
        (void)close(STDERR_FILENO);
        struct secret *own = NULL; /* memory locks are not inherited */
        if (!result_is_ok(secret_new(n, &own))) {
            _exit(99);
        }
        fn(own);
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    secret_free(s);
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static void touch_behind(struct secret *s)
{
    ((volatile uint8_t *)secret_data(s))[secret_len(s)] = 1;
}

static void touch_before(struct secret *s)
{
    ((volatile uint8_t *)secret_data(s))[-4096] = 1;
}

static void spoil_filler(struct secret *s)
{
    touch_behind(s);
    secret_free(s);
}

static void test_guards(void **state)
{
    (void)state;
    assert_int_not_equal(in_child(touch_behind, 32), 0); /* at once on the guard page */
    assert_int_not_equal(in_child(touch_before, 4096), 0);
    assert_int_equal(in_child(touch_behind, 33), 0); /* into the filler: found when freed */
    assert_int_equal(in_child(spoil_filler, 33), -SIGABRT);
}

static void check_hardened(struct secret *s)
{
    (void)s;
    struct error e = { 0 };
    struct rlimit core;
    bool is_well = result_is_ok(secret_harden_process(&e)) && prctl(PR_GET_DUMPABLE) == 0 &&
                   getrlimit(RLIMIT_CORE, &core) == 0 && core.rlim_max == 0;
    _exit(is_well ? 42 : 1);
}

static void test_harden(void **state)
{
    (void)state;
    assert_int_equal(in_child(check_hardened, 1), 42);
}

static void test_fork_parts_ways(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    uint64_t first = rng_u64(&rng_system); /* the pool is filled now */
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        uint64_t v[8];
        rng_fill(&rng_system, v, sizeof(v));
        _exit(write(ends[1], v, sizeof(v)) == sizeof(v) ? 0 : 1);
    }
    uint64_t mine[8], theirs[8];
    rng_fill(&rng_system, mine, sizeof(mine));
    assert_int_equal(read(ends[0], theirs, sizeof(theirs)), sizeof(theirs));
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    for (int i = 0; i < 8; i++) {
        assert_true(theirs[i] != 0 && mine[i] != theirs[i] && mine[i] != first);
    }
    (void)close(ends[0]);
    (void)close(ends[1]);
}

#define THREADS 4
#define DRAWS   20000

static void *draw_many(void *arg)
{
    uint64_t *out = arg;
    for (size_t i = 0; i < DRAWS; i++) {
        out[i] = rng_u64(&rng_system);
    }
    return NULL;
}

static int compare_u64(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static void test_threads_never_repeat(void **state)
{
    (void)state;
    uint64_t *all = mem_calloc(THREADS * DRAWS, sizeof(*all));
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, draw_many, all + i * DRAWS), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    qsort(all, THREADS * DRAWS, sizeof(*all), compare_u64);
    for (size_t i = 1; i < THREADS * DRAWS; i++) {
        assert_true(all[i] != all[i - 1]);
    }
    mem_free(all);
}

static void test_sizes(void **state)
{
    (void)state;
    for (size_t n = 0; n < 2000; n += 37) {
        uint8_t room[2001] = { 0 };
        size_t zeros = 0;
        rng_fill(&rng_system, room, n);
        for (size_t i = 0; i < n; i++) {
            zeros += room[i] == 0;
        }
        assert_true(zeros <= n / 16 + 8);
        assert_int_equal(room[n], 0);
    }
}

static void test_deterministic(void **state)
{
    (void)state;
    struct rng_test a, b;
    rng_test_init(&a, 1);
    rng_test_init(&b, 1);
    uint64_t counts[10] = { 0 };
    for (int i = 0; i < 100000; i++) {
        assert_true(rng_u64(&a.base) == rng_u64(&b.base));
        counts[rng_below(&a.base, 10)]++;
        (void)rng_below(&b.base, 10);
    }
    for (int i = 0; i < 10; i++) {
        assert_in_range(counts[i], 9500, 10500);
    }
    assert_int_equal(rng_below(&rng_system, 1), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_contents),
        cmocka_unit_test(test_guards),
        cmocka_unit_test(test_harden),
        cmocka_unit_test(test_fork_parts_ways),
        cmocka_unit_test(test_threads_never_repeat),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_deterministic),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
