/* The tables of calls: whatever a line refers to is there. A wrong name would be seen at use
 * alone. */
#include "testkit.h"

#include "cli/call.h"

static const struct cli_call *const tables[] = { cli_account_calls, cli_policy_calls,
                                                 cli_access_calls };

static const struct cli_option *option_of(const struct cli_call *k, const char *name)
{
    for (const struct cli_option *o = k->command.options; o != NULL && o->name != NULL; o++) {
        if (strcmp(o->name, name) == 0) {
            return o;
        }
    }
    return NULL;
}

/* "1" is an argument that must be given, anything else an option. */
static void assert_given(const struct cli_call *k, const char *source)
{
    if (source[0] >= '1' && source[0] <= '9' && source[1] == '\0') {
        if ((unsigned)(source[0] - '0') > k->command.min_args) {
            fail_msg("troth %s: argument %s", k->command.name, source);
        }
    } else if (option_of(k, source) == NULL) {
        fail_msg("troth %s: no option --%s", k->command.name, source);
    }
}

static void assert_place(const struct cli_call *k, const char *place)
{
    if (strcmp(place, "subject") == 0) {
        assert_non_null(option_of(k, "user"));
        assert_non_null(option_of(k, "group"));
        assert_non_null(option_of(k, "realm"));
    } else if (strcmp(place, "whose") == 0) {
        assert_non_null(option_of(k, "user"));
        assert_non_null(option_of(k, "realm"));
    } else {
        assert_given(k, place);
    }
}

static void test_paths(void **state)
{
    (void)state;
    for (size_t t = 0; t < ARRAY_LEN(tables); t++) {
        for (const struct cli_call *k = tables[t]; k->method != NULL; k++) {
            struct bytes rest = bytes_str(k->path), part, place;
            assert_true(rest.n > 0 && rest.p[0] != '/');
            while (bytes_split(&rest, '{', &part)) {
                char name[64];
                assert_true(bytes_split(&rest, '}', &place));
                snprintf(name, sizeof(name), "%.*s", BYTES_FMT(place));
                assert_place(k, name);
            }
        }
    }
}

static bool is_kind_of(const struct manage_field *f, const struct cli_option *o)
{
    bool is_many = f->kind == MANAGE_LIST || f->kind == MANAGE_PAIRS;
    return is_many == o->is_repeated && (f->kind == MANAGE_FLAG) == (o->value == NULL);
}

static void test_fields(void **state)
{
    (void)state;
    for (size_t t = 0; t < ARRAY_LEN(tables); t++) {
        for (const struct cli_call *k = tables[t]; k->method != NULL; k++) {
            for (const struct manage_field *f = k->fields; f != NULL && f->option != NULL; f++) {
                const struct cli_option *o = option_of(k, f->option);
                assert_given(k, f->option);
                if (o != NULL && !is_kind_of(f, o)) {
                    fail_msg("troth %s: --%s", k->command.name, f->option);
                }
            }
        }
    }
}

/* Every option is used: in the path, in a field, for choosing whose, or (--process) for showing. */
static void test_options_are_used(void **state)
{
    static const char *const choosing[] = { "realm", "user", "group", "role" };
    (void)state;
    for (size_t t = 0; t < ARRAY_LEN(tables); t++) {
        for (const struct cli_call *k = tables[t]; k->method != NULL; k++) {
            for (const struct cli_option *o = k->command.options; o != NULL && o->name != NULL;
                 o++) {
                char place[64];
                snprintf(place, sizeof(place), "{%s}", o->name);
                bool is_used = strstr(k->path, place) != NULL ||
                               (strcmp(o->name, "process") == 0 && k->show != NULL);
                for (const struct manage_field *f = k->fields; f != NULL && f->option != NULL;
                     f++) {
                    is_used = is_used || strcmp(f->option, o->name) == 0;
                }
                for (size_t i = 0; i < ARRAY_LEN(choosing); i++) {
                    is_used = is_used || (strcmp(o->name, choosing[i]) == 0 &&
                                          (strstr(k->path, "{subject}") != NULL ||
                                           strstr(k->path, "{whose}") != NULL));
                }
                if (!is_used) {
                    fail_msg("troth %s: --%s does nothing", k->command.name, o->name);
                }
            }
        }
    }
}

static void test_methods(void **state)
{
    (void)state;
    for (size_t t = 0; t < ARRAY_LEN(tables); t++) {
        for (const struct cli_call *k = tables[t]; k->method != NULL; k++) {
            bool is_read = strcmp(k->method, "GET") == 0;
            assert_true(is_read || strcmp(k->method, "POST") == 0 ||
                        strcmp(k->method, "PUT") == 0 || strcmp(k->method, "PATCH") == 0 ||
                        strcmp(k->method, "DELETE") == 0);
            assert_true(!is_read || k->fields == NULL);
            if ((k->flags & CALL_LIST) != 0) {
                assert_true(is_read);
                assert_true(k->columns != NULL || k->show != NULL);
            }
            if ((k->flags & CALL_FINAL) != 0) { /* it is asked for by the first argument */
                assert_true(k->command.min_args > 0);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paths),
        cmocka_unit_test(test_fields),
        cmocka_unit_test(test_options_are_used),
        cmocka_unit_test(test_methods),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
