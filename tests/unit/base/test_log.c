/* Errors and the log: messages built front-first; lines whole, one write each, never mixed. */
#include "testkit.h"

#include "base/json.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

static int saved_stderr = -1;
static char path[] = "/tmp/test_log.XXXXXX";

/* From now on standard error goes to an empty file; the text that came is returned by end_capture.
 */
static void begin_capture(void)
{
    memcpy(path + sizeof(path) - 7, "XXXXXX", 6);
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    (void)unlink(path);
    saved_stderr = dup(STDERR_FILENO);
    assert_true(dup2(fd, STDERR_FILENO) >= 0);
    (void)close(fd);
}

static struct buf end_capture(void)
{
    struct buf text = BUF(16 << 20);
    off_t n = lseek(STDERR_FILENO, 0, SEEK_END);
    uint8_t *p = buf_reserve(&text, (size_t)n);
    assert_non_null(p);
    assert_int_equal(pread(STDERR_FILENO, p, (size_t)n, 0), n);
    buf_commit(&text, (size_t)n);
    assert_true(dup2(saved_stderr, STDERR_FILENO) >= 0);
    (void)close(saved_stderr);
    return text;
}

static void test_text_line(void **state)
{
    (void)state;
    log_init("edge", LOG_INFO, false);
    begin_capture();
    errno = ENOENT;
    log_warn("hello %s", "a\nb\x1B[0m");
    assert_int_equal(errno, ENOENT);
    log_debug("not shown");
    CLEANUP(buf_done_p) struct buf text = end_capture();
    char want[100];
    snprintf(want, sizeof(want), " warn  edge[%d]: hello a\\x0ab\\x1b[0m\n", (int)getpid());
    assert_true(bytes_has_suffix(buf_bytes(&text), bytes_str(want)));
    assert_int_equal(text.n, 24 + strlen(want));
    assert_true(log_is_on(LOG_WARN));
    assert_false(log_is_on(LOG_DEBUG));
}

static void test_json_line(void **state)
{
    (void)state;
    log_init("a \"role\"", LOG_DEBUG, true);
    begin_capture();
    log_debug("%s", "quote \" newline \n bad \xFF");
    CLEANUP(buf_done_p) struct buf text = end_capture();
    struct error e = { 0 };
    struct bytes v;
    CLEANUP(json_doc_free_p) struct json_doc *d = NULL;
    assert_ok(json_parse(buf_bytes(&text), 4096, &d, &e), e);
    assert_ok(json_get_str(json_root(d), "message", &v, &e), e);
    assert_bytes(v, BYTES_LIT("quote \" newline \n bad \xEF\xBF\xBD"));
    assert_ok(json_get_str(json_root(d), "level", &v, &e), e);
    assert_bytes(v, BYTES_LIT("debug"));
    assert_ok(json_get_str(json_root(d), "role", &v, &e), e);
    assert_bytes(v, BYTES_LIT("a \"role\""));
    assert_int_equal(bytes_index(buf_bytes(&text), '\n'), text.n - 1);
}

static void test_long_lines_fit_a_pipe(void **state)
{
    (void)state;
    char message[10000];
    memset(message, 1, sizeof(message) - 1); /* each byte becomes six in JSON */
    message[sizeof(message) - 1] = 0;
    for (int json = 0; json < 2; json++) {
        log_init("edge", LOG_INFO, json == 1);
        begin_capture();
        log_info("%s", message);
        CLEANUP(buf_done_p) struct buf text = end_capture();
        assert_in_range(text.n, 1000, 4096);
        assert_int_equal(bytes_index(buf_bytes(&text), '\n'), text.n - 1);
    }
}

#define THREADS 4
#define LINES   2000

static void *log_many(void *arg)
{
    for (int i = 0; i < LINES; i++) {
        log_info("thread %d says %0100d", *(int *)arg, i);
    }
    return NULL;
}

static void test_threads_do_not_mix(void **state)
{
    (void)state;
    log_init("edge", LOG_INFO, true);
    begin_capture();
    int flags = fcntl(STDERR_FILENO, F_GETFL);
    assert_int_equal(fcntl(STDERR_FILENO, F_SETFL, flags | O_APPEND), 0);
    pthread_t threads[THREADS];
    int ids[THREADS];
    for (int i = 0; i < THREADS; i++) {
        ids[i] = i;
        assert_int_equal(pthread_create(&threads[i], NULL, log_many, &ids[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    CLEANUP(buf_done_p) struct buf text = end_capture();
    struct bytes rest = buf_bytes(&text), line;
    size_t n = 0;
    while (bytes_split(&rest, '\n', &line)) {
        struct error e = { 0 };
        CLEANUP(json_doc_free_p) struct json_doc *d = NULL;
        assert_ok(json_parse(line, 4096, &d, &e), e);
        n++;
    }
    assert_int_equal(n, THREADS * LINES);
}

static RESULT inner(struct error *e)
{
    FAIL(e, ERRC_NOT_FOUND, "no such %s", "key");
}

static RESULT silent(void)
{
    return result_of(ERRC_LIMIT);
}

static RESULT outer(bool is_silent, struct error *e)
{
    if (is_silent) {
        TRY_MSG(silent(), e, "step two");
    }
    TRY_MSG(inner(e), e, "step %d", 1);
    return RESULT_OK;
}

static void test_error_travels(void **state)
{
    (void)state;
    struct error e = { 0 };
    assert_code(outer(false, &e), ERRC_NOT_FOUND);
    assert_string_equal(e.msg, "step 1: no such key");
    assert_int_equal(e.code, ERRC_NOT_FOUND);
    assert_code(outer(true, &e), ERRC_LIMIT);
    assert_string_equal(e.msg, "step two");
    assert_code(outer(false, NULL), ERRC_NOT_FOUND);
    assert_code(error_set_sys(&e, ENOSPC, "write"), ERRC_FULL);
    assert_string_equal(e.msg, "write: No space left on device");
    for (int i = 0; i < 100; i++) {
        error_prefix(&e, "a rather long prefix number %d", i);
    }
    assert_in_range(strlen(e.msg), 500, ERROR_MAX - 1);
    for (int code = 0; code < ERRC_COUNT_; code++) {
        assert_true(strlen(errc_name((enum errc)code)) > 1);
    }
    assert_string_equal(errc_name((enum errc)999), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_line),
        cmocka_unit_test(test_json_line),
        cmocka_unit_test(test_long_lines_fit_a_pipe),
        cmocka_unit_test(test_threads_do_not_mix),
        cmocka_unit_test(test_error_travels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
