/* What the clock does by itself, in the real ledger: an account ended at its date, and an act that
 * a crash cut off. */
#include "house.h"

#include "base/json.h"
#include "identity/house.h"
#include "identity/user.h"

struct seen {
    uint64_t intent;
    unsigned intents, ok, unknown;
};

static bool is_text(struct json v, const char *key, const char *want)
{
    struct bytes text;
    return result_is_ok(json_get_str(v, key, &text, NULL)) && bytes_equal_str(text, want);
}

static struct result look(void *arg, const struct ledger_record *rec, struct error *e)
{
    struct seen *s = arg;
    struct entry en;
    uint64_t intent = 0;
    CLEANUP(json_doc_free_p) struct json_doc *doc = NULL;
    TRY(entry_parse(rec->leaf, &en, e));
    if (strcmp(en.kind, "user.end") != 0) {
        return RESULT_OK;
    }
    TRY(json_parse(rec->payload, LEDGER_PAYLOAD_MAX, &doc, e));
    struct json root = json_root(doc);
    if (is_text(root, "phase", "intent")) {
        s->intents++;
        s->intent = rec->index;
        return RESULT_OK;
    }
    TRY(json_get_u64(root, "intent", INT64_MAX, &intent, e));
    assert_int_equal(intent, s->intent);
    s->ok += is_text(root, "result", "ok");
    s->unknown += is_text(root, "result", "unknown");
    return RESULT_OK;
}

static struct seen seen_in(struct house *h, const char *log)
{
    struct seen s = { 0 };
    struct error e;
    struct ledger_status status;
    assert_ok(ledger_get_status(house_scribe(h), log, &status, &e), e);
    assert_ok(ledger_read(house_scribe(h), log, 0, status.size, look, &s, &e), e);
    return s;
}

/*= 2.1.5-3 test */
static void test_leaver(void **state)
{
    struct house *h = house_open();
    CLEANUP(arena_free_p) struct arena *arena = arena_new(4096, false);
    struct directory *d = house_api(h)->directory;
    struct credentials root;
    struct error e;
    struct user mei;
    struct ledger_position at;
    struct user_new n = { .name = "mei",
                          .owner = "Full Name",
                          .kind = USER_PERSON,
                          .ends_ms = clock_wall_ms(&clock_system) };
    (void)state;
    house_tenant(h, "acme", &root);
    assert_ok(user_create(d, "acme", &n, arena, &mei, &e), e);
    assert_ok(identity_house(d, house_scribe(h), NULL, NULL, &e), e);
    assert_ok(user_get_by_id(d, bytes_str(mei.id), arena, &mei, &e), e);
    assert_int_equal(mei.state, USER_ENDED);
    struct seen s = seen_in(h, "acme");
    assert_int_equal(s.intents, 1);
    assert_int_equal(s.ok, 1);
    assert_ok(ledger_append(house_scribe(h), "acme", "user.end",
                            BYTES_LIT("{\"actor\":{\"id\":\"clock\"},\"phase\":\"intent\","
                                      "\"tenant\":\"acme\"}"),
                            &at, &e),
              e);
    assert_ok(vault_recover(house_api(h)->vault, house_scribe(h), "acme", &e), e);
    s = seen_in(h, "acme");
    assert_int_equal(s.intents, 2);
    assert_int_equal(s.ok, 1);
    assert_int_equal(s.unknown, 1);
    house_close(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_leaver) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
