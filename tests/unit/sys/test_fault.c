/* Fault points: armed by hand and from the environment. */
#include "base/log.h"
#include "sys/fault.h"
#include "testkit.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static void test_off_unless_armed(void **state)
{
    (void)state;
    assert_int_equal(fault_point("here"), FAULT_NONE);
    fault_arm("there", FAULT_EIO, 0, 1);
    assert_int_equal(fault_point("here"), FAULT_NONE);
    assert_int_equal(fault_point("there"), FAULT_EIO);
    assert_int_equal(fault_point("there"), FAULT_NONE);
    fault_disarm_all();
}

static void test_after_and_times(void **state)
{
    (void)state;
    fault_arm("here", FAULT_ENOSPC, 2, 3);
    for (unsigned i = 0; i < 10; i++) {
        assert_int_equal(fault_point("here"), i >= 2 && i < 5 ? FAULT_ENOSPC : FAULT_NONE);
    }
    fault_arm("here", FAULT_SHORT, 0, 100);
    assert_int_equal(fault_point("here"), FAULT_SHORT);
    fault_disarm_all();
    assert_int_equal(fault_point("here"), FAULT_NONE);
}

static void test_crash(void **state)
{
    (void)state;
    pid_t pid = fork();
    if (pid == 0) {
        fault_arm("end", FAULT_CRASH, 1, 1);
        (void)fault_point("end");
        (void)fault_point("end");
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void test_environment(void **state)
{
    (void)state;
#ifdef TROTH_FAULTS
    log_init("test", LOG_ERROR, false);
    setenv("TROTH_FAULTS",
           "a:eio,b:short:1,c:nomem:0:2,bad,d:what,e:eio:x,:eio,f:eio:1:2:3,g:enospc", 1);
    fault_init_from_env();
    assert_int_equal(fault_point("a"), FAULT_EIO);
    assert_int_equal(fault_point("b"), FAULT_NONE);
    assert_int_equal(fault_point("b"), FAULT_SHORT);
    assert_int_equal(fault_point("c"), FAULT_NOMEM);
    assert_int_equal(fault_point("c"), FAULT_NOMEM);
    assert_int_equal(fault_point("c"), FAULT_NONE);
    static const char *const not_armed[] = { "bad", "d", "e", "", "f" };
    for (size_t i = 0; i < ARRAY_LEN(not_armed); i++) {
        assert_int_equal(fault_point(not_armed[i]), FAULT_NONE);
        assert_int_equal(fault_point(not_armed[i]), FAULT_NONE);
    }
    assert_int_equal(fault_point("g"), FAULT_ENOSPC);
    fault_disarm_all();
    unsetenv("TROTH_FAULTS");
    fault_init_from_env();
    assert_int_equal(fault_point("a"), FAULT_NONE);
#else
    setenv("TROTH_FAULTS", "a:eio", 1);
    fault_init_from_env();
    assert_int_equal(fault_point("a"),
                     FAULT_NONE); /* a release takes nothing from the environment */
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_off_unless_armed),
        cmocka_unit_test(test_after_and_times),
        cmocka_unit_test(test_crash),
        cmocka_unit_test(test_environment),
    };
    return cmocka_run_group_tests_name("fault", tests, NULL, NULL);
}
