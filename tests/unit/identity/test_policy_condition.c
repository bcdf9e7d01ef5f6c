/* Each operator: true, false, key missing, ...IfExists, ForAnyValue, ForAllValues; and
 * variables. */
#include "testkit.h"

#include "identity/policy/policy.h"

#define KEYS_MAX   8
#define VALUES_MAX 8

struct context {
    struct policy_key keys[KEYS_MAX];
    struct bytes values[KEYS_MAX][VALUES_MAX];
    size_t count;
};

/* "aws:x=a|b;aws:y=c" */
static void context_of(const char *text, struct context *ret)
{
    struct bytes rest = bytes_str(text), one, name;

    memset(ret, 0, sizeof(*ret));
    for (bool more = rest.n != 0; more;) {
        more = bytes_split(&rest, ';', &one);
        struct policy_key *k = &ret->keys[ret->count];
        struct bytes values = one;
        assert_true(bytes_split(&values, '=', &name));
        k->name = name;
        k->values = ret->values[ret->count++];
        for (bool next = true; next;) {
            next = bytes_split(&values, '|', &ret->values[ret->count - 1][k->count++]);
        }
    }
}

static bool decide(const char *effect, const char *condition, const char *context)
{
    CLEANUP(buf_done_p) struct buf json = BUF(POLICY_MAX);
    CLEANUP(policy_unref_p) struct policy *p = NULL;
    struct context c;
    struct error e = { 0 };
    struct policy_decision d;

    buf_addf(&json,
             "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"%s\",\"Action\":\"s3:"
             "GetObject\",\"Resource\":\"*\",\"Condition\":%s}]}",
             effect, condition);
    assert_ok(policy_compile(buf_bytes(&json), POLICY_IDENTITY, "p", &p, &e), e);
    context_of(context, &c);
    struct policy_request rq = { .action = BYTES_LIT("s3:GetObject"),
                                 .resource = BYTES_LIT("arn:aws:s3:::b/k"),
                                 .keys = c.keys,
                                 .key_count = c.count };
    policy_evaluate(&(struct policy_in_force){ p, POLICY_LAYER_IDENTITY }, 1, &rq, &d);
    return d.verdict != POLICY_NOT_ALLOWED;
}

static void expect(const char *condition, const char *context, bool want)
{
    if (decide("Allow", condition, context) != want) {
        fail_msg("%s with %s should be %s", condition, context, want ? "true" : "false");
    }
}

/* An operator with a value of the policy, values of a request that fit and that do not. */
static const struct {
    const char *op, *value, *yes, *no;
    bool is_negated;
} cases[] = {
    { "StringEquals", "\"lin\"", "lin", "Lin", false },
    { "StringEquals", "[\"a\",\"b\"]", "b", "c", false },
    { "StringEquals", "\"a*\"", "a*", "ab", false },
    { "StringEquals", "\"\"", "", "x", false },
    { "StringEquals", "true", "true", "false", false },
    { "StringEquals", "12", "12", "012", false },
    { "StringNotEquals", "\"lin\"", "Lin", "lin", true },
    { "StringNotEquals", "[\"a\",\"b\"]", "c", "b", true },
    { "StringEqualsIgnoreCase", "\"LIN\"", "lIn", "lina", false },
    { "StringNotEqualsIgnoreCase", "\"LIN\"", "lina", "lIn", true },
    { "StringLike", "\"home/*\"", "home/", "homes", false },
    { "StringLike", "\"*.pdf\"", "a.pdf", "a.pdfx", false },
    { "StringLike", "\"a?c\"", "abc", "ac", false },
    { "StringLike", "\"a?c\"", "a中c", "a中文c", false },
    { "StringLike", "\"*a*b*\"", "xxaxxbxx", "xxbxxaxx", false },
    { "StringLike", "\"home/\"", "home/", "home/x", false },
    { "StringNotLike", "\"home/*\"", "homes", "home/x", true },
    { "NumericEquals", "\"10\"", "10.0", "10.1", false },
    { "NumericEquals", "10", "010", "1", false },
    { "NumericEquals", "\"-0.5\"", "-0.50", "0.5", false },
    { "NumericNotEquals", "\"10\"", "11", "10", true },
    { "NumericLessThan", "\"10\"", "9.999999999", "10", false },
    { "NumericLessThanEquals", "\"10\"", "10", "10.000000001", false },
    { "NumericGreaterThan", "\"10\"", "11", "10", false },
    { "NumericGreaterThanEquals", "\"10\"", "10", "9", false },
    { "NumericEquals", "\"9007199254740993\"", "9007199254740993", "9007199254740992", false },
    { "DateEquals", "\"2026-11-22T00:00:00Z\"", "2026-11-22T08:00:00+08:00", "2026-11-22T00:00:01Z",
      false },
    { "DateEquals", "\"1790000000\"", "2026-09-21T14:13:20Z", "1790000001", false },
    { "DateEquals", "1790000000", "1790000000", "1790000001", false },
    { "DateEquals", "\"2026-11-22\"", "2026-11-22T00:00:00.000Z", "2026-11-22T00:00:00.001Z",
      false },
    { "DateNotEquals", "\"2026-11-22T00:00:00Z\"", "2026-11-23", "2026-11-22", true },
    { "DateLessThan", "\"2026-11-22T00:00:00Z\"", "2026-11-21T23:59:59.999Z",
      "2026-11-22T00:00:00Z", false },
    { "DateLessThanEquals", "\"2026-11-22T00:00:00Z\"", "2026-11-22", "2026-11-22T00:00:00.001Z",
      false },
    { "DateGreaterThan", "\"2026-11-22T00:00:00Z\"", "2026-11-22T00:00:00.5Z", "2026-11-22",
      false },
    { "DateGreaterThanEquals", "\"2026-11-22T00:00:00Z\"", "2026-11-22", "2026-11-21", false },
    { "DateLessThan", "\"9223372036854775807\"", "2026-11-22", "9223372036854775807", false },
    { "Bool", "\"true\"", "true", "false", false },
    { "Bool", "true", "True", "1", false },
    { "Bool", "\"false\"", "false", "", false },
    { "BinaryEquals", "\"aGVsbG8=\"", "hello", "aGVsbG8=", false },
    { "IpAddress", "\"192.0.2.0/24\"", "192.0.2.255", "192.0.3.0", false },
    { "IpAddress", "\"192.0.2.7\"", "192.0.2.7", "192.0.2.8", false },
    { "IpAddress", "\"192.0.2.7/24\"", "192.0.2.1", "192.0.1.7", false },
    { "IpAddress", "\"0.0.0.0/0\"", "203.0.113.9", "::1", false },
    { "IpAddress", "\"192.0.2.128/25\"", "::ffff:192.0.2.130", "192.0.2.127", false },
    { "IpAddress", "[\"10.0.0.0/8\",\"2001:db8::/33\"]", "2001:db8:7fff::1", "2001:db8:8000::1",
      false },
    { "IpAddress", "\"2001:db8::8000:0/97\"", "2001:db8::ffff:1", "2001:db8::7fff:1", false },
    { "IpAddress", "\"::/0\"", "2001:db8::1", "10.0.0.1", false },
    { "NotIpAddress", "\"10.0.0.0/8\"", "11.0.0.1", "10.1.1.1", true },
    { "ArnEquals", "\"arn:aws:iam::*:user/lin\"", "arn:aws:iam::123456789012:user/lin",
      "arn:aws:iam::1:role/a:user/lin", false },
    { "ArnLike", "\"arn:aws:iam::123456789012:user/*\"", "arn:aws:iam::123456789012:user/a/b",
      "arn:aws:iam::123456789013:user/a", false },
    { "ArnNotEquals", "\"arn:aws:iam::*:user/lin\"", "arn:aws:iam::1:user/Lin",
      "arn:aws:iam::1:user/lin", true },
    { "ArnNotLike", "\"arn:aws:iam::*:user/*\"", "no arn", "arn:aws:iam::1:user/x", true },
    { "ArnLike", "\"*\"", "arn:aws:s3:::x", "x", false },
};

static void add(struct buf *b, const char *op, const char *value)
{
    buf_reset(b);
    buf_addf(b, "{\"%s\":{\"t:k\":%s}}", op, value);
}

static void each_operator(void **state)
{
    (void)state;
    CLEANUP(buf_done_p) struct buf c = BUF(1024);
    char yes[200], no[200], both[400], name[100];

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        snprintf(yes, sizeof(yes), "T:K=%s", cases[i].yes);
        snprintf(no, sizeof(no), "t:k=%s", cases[i].no);
        snprintf(both, sizeof(both), "t:k=%s|%s", cases[i].yes, cases[i].no);
        add(&c, cases[i].op, cases[i].value);
        expect(buf_cstr(&c), yes, true);
        expect(buf_cstr(&c), no, false);
        expect(buf_cstr(&c), "t:other=1", cases[i].is_negated);
        expect(buf_cstr(&c), both, !cases[i].is_negated);

        snprintf(name, sizeof(name), "%sIfExists", cases[i].op);
        add(&c, name, cases[i].value);
        expect(buf_cstr(&c), yes, true);
        expect(buf_cstr(&c), no, false);
        expect(buf_cstr(&c), "t:other=1", true);

        snprintf(name, sizeof(name), "ForAnyValue:%s", cases[i].op);
        add(&c, name, cases[i].value);
        expect(buf_cstr(&c), yes, true);
        expect(buf_cstr(&c), no, false);
        expect(buf_cstr(&c), "t:other=1", false);
        expect(buf_cstr(&c), both, true);

        snprintf(name, sizeof(name), "ForAllValues:%s", cases[i].op);
        add(&c, name, cases[i].value);
        expect(buf_cstr(&c), yes, true);
        expect(buf_cstr(&c), no, false);
        expect(buf_cstr(&c), "t:other=1", true);
        expect(buf_cstr(&c), both, false);

        snprintf(name, sizeof(name), "ForAnyValue:%sIfExists", cases[i].op);
        add(&c, name, cases[i].value);
        expect(buf_cstr(&c), both, true);
        expect(buf_cstr(&c), "t:other=1", true);
    }
}

static void null_operator(void **state)
{
    (void)state;
    expect("{\"Null\":{\"t:k\":\"true\"}}", "t:k=x", false);
    expect("{\"Null\":{\"t:k\":\"true\"}}", "t:j=x", true);
    expect("{\"Null\":{\"t:k\":false}}", "t:k=x", true);
    expect("{\"Null\":{\"t:k\":false}}", "t:j=x", false);
    expect("{\"Null\":{\"t:k\":[true,false]}}", "", true);
}

/* A value that is none of its kind fits nothing. */
static void values_of_another_kind(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "", "ten", "0x10", "1e3", "1.", ".5", "1 ", "--1", "1234567890123456789", "0.0000000001"
    };
    char context[100];

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        snprintf(context, sizeof(context), "t:k=%s", bad[i]);
        expect("{\"NumericGreaterThan\":{\"t:k\":\"-5\"}}", context, false);
        expect("{\"NumericLessThan\":{\"t:k\":\"5\"}}", context, false);
        expect("{\"NumericNotEquals\":{\"t:k\":\"5\"}}", context, true);
        expect("{\"IpAddress\":{\"t:k\":\"0.0.0.0/0\"}}", context, false);
    }
    expect("{\"DateLessThan\":{\"t:k\":\"2030-01-01\"}}", "t:k=yesterday", false);
    expect("{\"DateLessThan\":{\"t:k\":\"2030-01-01\"}}", "t:k=2026-02-30", false);
    expect("{\"IpAddress\":{\"t:k\":\"0.0.0.0/0\"}}", "t:k=10.0.0.0/8", false);
    expect("{\"IpAddress\":{\"t:k\":\"0.0.0.0/0\"}}", "t:k=10.0.0.1x", false);
}

static void all_conditions_must_hold(void **state)
{
    (void)state;
    const char *two = "{\"StringEquals\":{\"t:a\":\"1\",\"t:b\":\"2\"},\"Bool\":{\"t:c\":true}}";

    expect(two, "t:a=1;t:b=2;t:c=true", true);
    expect(two, "t:a=1;t:b=2;t:c=false", false);
    expect(two, "t:a=1;t:b=1;t:c=true", false);
    expect(two, "t:a=2;t:b=2;t:c=true", false);
    expect("{}", "", true);
    expect("{\"Unknown\":{}}", "", true);
    expect("{\"StringEquals\":{\"t:a\":[]}}", "t:a=1", false);
    expect("{\"StringNotEquals\":{\"t:a\":[]}}", "t:a=1", true);
    /* the first of a name counts: nobody can put another behind it */
    expect("{\"StringEquals\":{\"aws:username\":\"lin\"}}", "aws:username=wu;AWS:UserName=lin",
           false);
}

static void variables(void **state)
{
    (void)state;
    const char *own = "{\"StringLike\":{\"s3:prefix\":\"home/${aws:username}/*\"}}";

    expect(own, "s3:prefix=home/lin/a;aws:username=lin", true);
    expect(own, "s3:prefix=home/wu/a;aws:username=lin", false);
    expect(own, "s3:prefix=home/lin/a;AWS:USERNAME=lin", true);
    /* a value is never a wildcard, nor a variable */
    expect(own, "s3:prefix=home/wu/a;aws:username=*", false);
    expect(own, "s3:prefix=home/*/a;aws:username=*", true);
    expect(own, "s3:prefix=home/wu/a;aws:username=w?", false);
    expect(own, "s3:prefix=home/x/a;aws:username=${aws:userid};aws:userid=x", false);
    /* absent, or of several values: fits nothing */
    expect(own, "s3:prefix=home//a", false);
    expect(own, "s3:prefix=home/lin/a;aws:username=lin|wu", false);
    expect("{\"StringEquals\":{\"t:a\":\"${aws:username, 'nobody'}\"}}", "t:a=nobody", true);
    expect("{\"StringEquals\":{\"t:a\":\"${aws:username,'}*'}\"}}", "t:a=}*", true);
    expect("{\"StringLike\":{\"t:a\":\"${aws:username,'*'}\"}}", "t:a=x", false);
    expect("{\"StringEquals\":{\"t:a\":\"${aws:username, 'nobody'}\"}}",
           "t:a=nobody;aws:username=lin", false);
    expect("{\"StringLike\":{\"t:a\":\"a${*}${?}${$}*\"}}", "t:a=a*?$x", true);
    expect("{\"StringLike\":{\"t:a\":\"a${*}${?}${$}*\"}}", "t:a=abc$x", false);
    expect("{\"StringEquals\":{\"t:a\":\"$x ${$}{y}\"}}", "t:a=$x ${y}", true);
    expect("{\"StringEqualsIgnoreCase\":{\"t:a\":\"X${aws:username}\"}}",
           "t:a=xLIN;aws:username=lin", true);
    expect("{\"ArnLike\":{\"t:a\":\"arn:aws:iam::${aws:PrincipalAccount}:user/*\"}}",
           "t:a=arn:aws:iam::123456789012:user/x;aws:PrincipalAccount=123456789012", true);
    expect("{\"ArnLike\":{\"t:a\":\"arn:aws:iam::${aws:PrincipalAccount}:user/*\"}}",
           "t:a=arn:aws:iam::1:user/x;aws:PrincipalAccount=1:user/x", false);
}

/* What is missing opens nothing: in an Allow a negated operator with a variable without a value is
 * false, in a Deny it is true. */
static void unresolved_variables_open_nothing(void **state)
{
    (void)state;
    const char *other = "{\"StringNotEquals\":{\"t:a\":\"${aws:PrincipalTag/team}\"}}";

    assert_false(decide("Allow", other, "t:a=x"));
    assert_true(decide("Deny", other, "t:a=x"));
    assert_true(decide("Allow", other, "t:a=x;aws:PrincipalTag/team=y"));
    assert_false(decide("Deny", other, "t:a=x;aws:PrincipalTag/team=x"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_operator),
        cmocka_unit_test(null_operator),
        cmocka_unit_test(values_of_another_kind),
        cmocka_unit_test(all_conditions_must_hold),
        cmocka_unit_test(variables),
        cmocka_unit_test(unresolved_variables_open_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
