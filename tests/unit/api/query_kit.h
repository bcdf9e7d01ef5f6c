/* What the tests of the query protocol share: two tenants, forms, users with keys, devices. */
#ifndef TROTH_TESTS_API_QUERY_KIT_H
#define TROTH_TESTS_API_QUERY_KIT_H

#include "house.h"

#include "api/query/query_priv.h"
#include "base/text.h"
#include "crypto/otp.h"

#define KIT    inline __attribute__((unused))
#define HOLDER "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":"

static struct house *house;
static struct credentials acme, beta;

static KIT int group_setup(void **state)
{
    (void)state;
    house = house_open();
    house_tenant(house, "acme", &acme);
    house_tenant(house, "beta", &beta);
    return 0;
}

static KIT int group_teardown(void **state)
{
    (void)state;
    house_close(house);
    return 0;
}

/* A form out of names and texts: the texts are percent-encoded. Ended by NULL; in a static
 * buffer. */
static KIT const char *form(const char *action, ...)
{
    static struct buf out = BUF(1 << 20);
    va_list ap;
    va_start(ap, action);
    buf_reset(&out);
    static const char *const sts[] = { "GetCallerIdentity", "AssumeRole", "GetSessionToken",
                                       "AssumeRoleWithWebIdentity", "GetFederationToken" };
    const char *version = "2010-05-08";
    for (size_t i = 0; i < ARRAY_LEN(sts); i++) {
        version = strcmp(sts[i], action) == 0 ? "2011-06-15" : version;
    }
    buf_addf(&out, "Action=%s&Version=%s", action, version);
    for (const char *name; (name = va_arg(ap, const char *)) != NULL;) {
        buf_addf(&out, "&%s=", name);
        buf_add_percent(&out, bytes_str(va_arg(ap, const char *)), false);
    }
    va_end(ap);
    return buf_cstr(&out);
}

static KIT void iam(unsigned status, const char *code, const char *text)
{
    query_expect(house, &acme, "iam", text, status, code);
}

static KIT const char *element(const char *text, const char *name)
{
    const struct answer *a = query(house, &acme, "iam", text);
    const char *v = answer_element(a, name);
    if (a->status != 200 || v == NULL) {
        fail_msg("%s: %u, no <%s>\n%.*s", text, a->status, name, BYTES_FMT(buf_bytes(&a->body)));
    }
    return v;
}

/* How often the element stands in the answer. */
static KIT unsigned count(const char *text, const char *name)
{
    const struct answer *a = query(house, &acme, "iam", text);
    struct bytes in = buf_bytes(&a->body), needle = bytes_str(name);
    unsigned n = 0;
    assert_int_equal(a->status, 200);
    for (size_t at; (at = bytes_find(in, needle)) < in.n; n++) {
        in = bytes_slice(in, at + needle.n, in.n);
    }
    return n;
}

/* A user with a policy, and its keys. */
static KIT void user_make(const char *name, const char *policy, struct credentials *ret)
{
    iam(200, NULL, form("CreateUser", "UserName", name, NULL));
    if (policy != NULL) {
        iam(200, NULL,
            form("PutUserPolicy", "UserName", name, "PolicyName", "p", "PolicyDocument", policy,
                 NULL));
    }
    const struct answer *a =
            query(house, &acme, "iam", form("CreateAccessKey", "UserName", name, NULL));
    assert_int_equal(a->status, 200);
    *ret = acme;
    snprintf(ret->id, sizeof(ret->id), "%s", answer_element(a, "AccessKeyId"));
    snprintf(ret->secret, sizeof(ret->secret), "%s", answer_element(a, "SecretAccessKey"));
}

static KIT void session_of(const struct answer *a, struct credentials *ret)
{
    assert_int_equal(a->status, 200);
    *ret = acme;
    snprintf(ret->id, sizeof(ret->id), "%s", answer_element(a, "AccessKeyId"));
    snprintf(ret->secret, sizeof(ret->secret), "%s", answer_element(a, "SecretAccessKey"));
    snprintf(ret->token, sizeof(ret->token), "%s", answer_element(a, "SessionToken"));
}

static KIT const char *arn(const char *rest)
{
    static char text[16][256];
    static unsigned next;
    char *t = text[next++ % 16];
    snprintf(t, 256, "arn:aws:iam::%s:%s", acme.account, rest);
    return t;
}

static KIT void role_make(const char *name, const char *principal, const char *condition)
{
    char trust[1024];
    snprintf(trust, sizeof(trust),
             "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":"
             "{\"AWS\":\"%s\"},\"Action\":[\"sts:AssumeRole\",\"sts:TagSession\"]%s}]}",
             principal, condition);
    iam(200, NULL, form("CreateRole", "RoleName", name, "AssumeRolePolicyDocument", trust, NULL));
    iam(200, NULL,
        form("PutRolePolicy", "RoleName", name, "PolicyName", "s3", "PolicyDocument",
             HOLDER "[\"s3:*\",\"sts:AssumeRole\"],\"Resource\":\"*\"}]}", NULL));
}

static KIT const char *assume(const char *role, const char *more, const char *value)
{
    char name[128];
    snprintf(name, sizeof(name), "role/%s", role);
    return form("AssumeRole", "RoleArn", arn(name), "RoleSessionName", "s1", more, value, NULL);
}

/* --- virtual MFA devices --- */

struct device {
    uint8_t seed[64];
    size_t n;
    int64_t step; /* of the code given out last */
};

static KIT void base32_decode(const char *text, struct device *d)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    uint32_t acc = 0;
    unsigned bits = 0;
    for (; *text != '\0'; text++) {
        const char *at = strchr(alphabet, *text);
        assert_non_null(at);
        acc = acc << 5 | (uint32_t)(at - alphabet);
        bits += 5;
        if (bits >= 8) {
            bits -= 8;
            d->seed[d->n++] = (uint8_t)(acc >> bits);
        }
    }
}

static KIT const char *code(struct device *d, int64_t step)
{
    static char text[4][16];
    static unsigned next;
    char *t = text[next++ % 4];
    d->step = step;
    otp_hotp(HASH_SHA1, bytes_of(d->seed, d->n), (uint64_t)step, 6, t);
    return t;
}

static KIT int64_t step_now(void)
{
    return clock_wall_ms(&clock_system) / 30000;
}

static KIT void device_make(const char *name, struct device *d)
{
    CLEANUP(buf_done_p) struct buf seed = BUF_SECRET(256);
    const char *text = element(form("CreateVirtualMFADevice", "VirtualMFADeviceName", name, NULL),
                               "Base32StringSeed");
    assert_code(base64_decode(bytes_str(text), &seed), ERRC_OK);
    *d = (struct device){ .n = 0 };
    base32_decode(buf_cstr(&seed), d);
}

#endif
