/*
 * Access policies: the first byte chooses the form, the second a request, the rest is the document.
 * Properties: it ends; a refusal has words; what compiled can be asked, the same way twice; a Deny
 * beside it never makes an answer more generous; what is allowed could be foreseen.
 */
#include "base/mem.h"
#include "identity/policy/policy.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(c)                                                                                    \
    do {                                                                                           \
        if (!(c)) {                                                                                \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

static const struct bytes user = { (const uint8_t *)"l*n", 3 };
static const struct bytes addresses[] = { { (const uint8_t *)"192.0.2.7", 9 },
                                          { (const uint8_t *)"2001:db8::7", 11 } };
static const struct bytes when = { (const uint8_t *)"2026-11-22T09:41:16.123Z", 24 };
static const struct bytes yes = { (const uint8_t *)"true", 4 };

static void ask(struct policy *p, enum policy_form form, const struct policy_request *rq,
                const struct policy *deny)
{
    const struct policy_in_force in[] = {
        { p, form == POLICY_IDENTITY ? POLICY_LAYER_IDENTITY : POLICY_LAYER_RESOURCE },
        { deny, POLICY_LAYER_IDENTITY },
    };
    struct policy_decision a, b;

    if (form == POLICY_TRUST) {
        policy_evaluate_trust(p, rq, &a);
        policy_evaluate_trust(p, rq, &b);
    } else {
        policy_evaluate(in, 1, rq, &a);
        policy_evaluate(in, 1, rq, &b);
    }
    MUST(a.verdict == b.verdict && a.statement == b.statement);
    MUST(a.statement == SIZE_MAX || a.statement < policy_statements(p));
    if (a.verdict == POLICY_ALLOWED) {
        MUST(policy_may_allow(p, rq->action));
    }
    if (form != POLICY_TRUST) {
        policy_evaluate(in, 2, rq, &b);
        MUST(b.verdict == POLICY_DENIED);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char all[] = "{\"Version\":\"2012-10-17\",\"Statement\":{\"Effect\":\"Deny\","
                              "\"Action\":\"*\",\"Resource\":\"*\"}}";
    static const char *const acts[] = { "s3:GetObject", "s3:PutObject", "iam:CreateUser",
                                        "sts:AssumeRole", "app:Unknown" };
    static const char *const things[] = { "arn:aws:s3:::b/l*n/k", "arn:aws:s3:::b", "*",
                                          "arn:aws:iam::111122223333:user/lin" };
    struct policy *p = NULL, *deny = NULL;
    struct error e = { 0 };

    if (size < 2) {
        return 0;
    }
    enum policy_form form = (enum policy_form)(data[0] % 3);
    unsigned how = data[1];
    uint8_t *copy = mem_dup(data + 2, size - 2);
    struct result r = policy_compile(bytes_of(copy, size - 2), form, "fuzz", &p, &e);
    mem_free(copy); /* nothing of the document is borrowed */
    if (!result_is_ok(r)) {
        MUST(e.msg[0] != '\0');
        return 0;
    }
    MUST(result_is_ok(policy_compile(bytes_str(all), POLICY_IDENTITY, "deny", &deny, &e)));
    const struct policy_key keys[] = {
        { BYTES_LIT("aws:username"), &user, 1 },
        { BYTES_LIT("aws:SourceIp"), &addresses[how & 1], 1 },
        { BYTES_LIT("aws:CurrentTime"), &when, 1 },
        { BYTES_LIT("aws:SecureTransport"), &yes, 1 },
        { BYTES_LIT("aws:TagKeys"), addresses, 2 },
    };
    struct policy_request rq = {
        .action = bytes_str(acts[how % ARRAY_LEN(acts)]),
        .resource = bytes_str(things[how / 8 % ARRAY_LEN(things)]),
        .principal_arn = BYTES_LIT("arn:aws:iam::111122223333:user/lin"),
        .principal_account = BYTES_LIT("111122223333"),
        .keys = keys,
        .key_count = how / 32 % 6,
    };
    ask(p, form, &rq, deny);
    (void)policy_is_public(p);
    policy_unref(p);
    policy_unref(deny);
    return 0;
}
