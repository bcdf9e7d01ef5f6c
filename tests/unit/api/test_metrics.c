/* Counters: what is counted is shown, histograms add up, operations without number share a line,
 * threads lose nothing. */
#include "testkit.h"

#include "api/metrics.h"

#include <pthread.h>

static void assert_line(const struct metrics *m, const char *line)
{
    CLEANUP(buf_done_p) struct buf out = BUF(4 << 20);
    metrics_write(m, &out);
    if (strstr(buf_cstr(&out), line) == NULL) {
        fail_msg("no '%s' in:\n%s", line, buf_cstr(&out));
    }
}

static void test_counts(void **state)
{
    struct metrics *m = metrics_new();
    (void)state;
    metrics_request(m, "PutObject", 200, 10, 1, 400);
    metrics_request(m, "PutObject", 204, 5, 2, 600000);
    metrics_request(m, "PutObject", 503, 0, 3, 99000000);
    metrics_request(m, "GetObject", 404, 0, 4, -1);
    assert_line(m, "troth_requests_total{op=\"PutObject\",status=\"2xx\"} 2\n");
    assert_line(m, "troth_requests_total{op=\"PutObject\",status=\"5xx\"} 1\n");
    assert_line(m, "troth_requests_total{op=\"GetObject\",status=\"4xx\"} 1\n");
    assert_line(m, "troth_bytes_total{op=\"PutObject\",direction=\"in\"} 15\n");
    assert_line(m, "troth_bytes_total{op=\"PutObject\",direction=\"out\"} 6\n");
    assert_line(m, "troth_request_seconds_bucket{op=\"PutObject\",le=\"0.0005\"} 1\n");
    assert_line(m, "troth_request_seconds_bucket{op=\"PutObject\",le=\"0.25\"} 1\n");
    assert_line(m, "troth_request_seconds_bucket{op=\"PutObject\",le=\"1\"} 2\n");
    assert_line(m, "troth_request_seconds_bucket{op=\"PutObject\",le=\"10\"} 2\n");
    assert_line(m, "troth_request_seconds_bucket{op=\"PutObject\",le=\"+Inf\"} 3\n");
    assert_line(m, "troth_request_seconds_count{op=\"PutObject\"} 3\n");
    assert_line(m, "troth_request_seconds_sum{op=\"PutObject\"} 99.600400\n");
    metrics_free(m);
}

static void test_many_operations(void **state)
{
    static char names[300][16];
    struct metrics *m = metrics_new();
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        snprintf(names[i], sizeof(names[i]), "Op%zu", i);
        metrics_request(m, names[i], 200, 0, 0, 1);
    }
    assert_line(m, "troth_requests_total{op=\"Op126\",status=\"2xx\"} 1\n");
    assert_line(m, "troth_requests_total{op=\"other\",status=\"2xx\"} 173\n");
    metrics_free(m);
}

static void *count(void *arg)
{
    static const char *const names[] = { "A", "B", "C", "D" };
    for (size_t i = 0; i < 40000; i++) {
        metrics_request(arg, names[i % 4], 200, 1, 0, 1);
    }
    return NULL;
}

static void test_threads(void **state)
{
    struct metrics *m = metrics_new();
    pthread_t threads[4];
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, count, m), 0);
    }
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        pthread_join(threads[i], NULL);
    }
    assert_line(m, "troth_requests_total{op=\"A\",status=\"2xx\"} 40000\n");
    assert_line(m, "troth_bytes_total{op=\"D\",direction=\"in\"} 40000\n");
    metrics_free(m);
}

static void test_line(void **state)
{
    CLEANUP(buf_done_p) struct buf out = BUF(256);
    (void)state;
    metrics_line(&out, "troth_x", "gauge", 7);
    assert_string_equal(buf_cstr(&out), "# TYPE troth_x gauge\ntroth_x 7\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counts),
        cmocka_unit_test(test_many_operations),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
