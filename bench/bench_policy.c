/*
 * Decisions a second of CPU time on one core, with 100 statements in force (five policies of
 * twenty): the policies alone (policy_evaluate) and the whole decision (access_decide).
 *
 *   plain:      other actions, other buckets: what most statements of most requests are
 *   resources:  every statement is about the action, of another bucket
 *   conditions: every statement fits but for its condition on address, date and second factor
 *   patterns:   every resource has wildcards in its account and a variable
 */
#include "identity/access.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define POLICIES   5
#define STATEMENTS 20
#define ROUNDS     1000000

static const char *const names[] = {
    "s3:GetObject",     "s3:PutObject", "s3:ListBucket", "s3:DeleteObject", "s3:GetBucket*",
    "iam:List*",        "iam:GetUser",  "kms:*",         "sts:AssumeRole",  "s3:PutObjectTagging",
    "troth:ReadLog",    "troth:List*",  "iam:Put*",      "s3:Abort*",       "s3:ListAllMyBuckets",
    "s3:GetObjectAcl*", "iam:TagUser",  "kms:List*",     "sts:TagSession",  "s3:PutBucket*",
};

enum shape { PLAIN, RESOURCES, CONDITIONS, PATTERNS };

static void statement(struct jsonw *w, enum shape shape, unsigned i)
{
    char text[100];

    jsonw_object(w);
    jsonw_kv_cstr(w, "Effect", i % 10 == 3 ? "Deny" : "Allow");
    jsonw_kv_cstr(w, "Action", shape == PLAIN ? names[i % ARRAY_LEN(names)] : "s3:Get*");
    snprintf(text, sizeof(text),
             shape == PATTERNS     ? "arn:aws:s3::*:bucket-%u/${aws:username}/*"
             : shape == CONDITIONS ? "arn:aws:s3:::data/*"
                                   : "arn:aws:s3:::bucket-%u/home/*",
             i);
    jsonw_kv_cstr(w, "Resource", text);
    if (shape == CONDITIONS) {
        jsonw_key(w, "Condition");
        jsonw_object(w);
        jsonw_key(w, "Bool");
        jsonw_object(w);
        jsonw_kv_cstr(w, "aws:MultiFactorAuthPresent", "true");
        jsonw_object_end(w);
        jsonw_key(w, "DateLessThan");
        jsonw_object(w);
        jsonw_kv_cstr(w, "aws:CurrentTime", "2030-01-01T00:00:00Z");
        jsonw_object_end(w);
        jsonw_key(w, "IpAddress");
        jsonw_object(w);
        snprintf(text, sizeof(text), "10.%u.0.0/16", i + 1);
        jsonw_kv_cstr(w, "aws:SourceIp", text);
        jsonw_object_end(w);
        jsonw_object_end(w);
    }
    jsonw_object_end(w);
}

static struct policy *make(enum shape shape, unsigned n)
{
    CLEANUP(buf_done_p) struct buf json = BUF(POLICY_MAX);
    struct policy *p = NULL;
    struct error e;
    struct jsonw w;

    jsonw_init(&w, &json);
    jsonw_object(&w);
    jsonw_kv_cstr(&w, "Version", "2012-10-17");
    jsonw_key(&w, "Statement");
    jsonw_array(&w);
    for (unsigned i = 0; i < STATEMENTS; i++) {
        if (n == POLICIES - 1 && i == STATEMENTS - 1) {
            jsonw_raw(&w, BYTES_LIT("{\"Effect\":\"Allow\",\"Action\":\"s3:*\",\"Resource\":"
                                    "\"arn:aws:s3:::data/*\"}"));
        } else {
            statement(&w, shape, n * STATEMENTS + i);
        }
    }
    jsonw_array_end(&w);
    jsonw_object_end(&w);
    if (!result_is_ok(policy_compile(buf_bytes(&json), POLICY_IDENTITY, "bench", &p, &e))) {
        fprintf(stderr, "%s\n", e.msg);
        exit(1);
    }
    return p;
}

/* CPU time: a shared machine does not blur it. */
static int64_t cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void measure(const char *what, enum shape shape)
{
    static const struct bytes user = { (const uint8_t *)"lin", 3 };
    const struct policy_key keys[] = { { BYTES_LIT("aws:username"), &user, 1 } };
    struct policy_in_force in[POLICIES];
    struct principal p = { .kind = PRINCIPAL_USER,
                           .realm = "acme",
                           .home = "acme",
                           .account = "123456789012",
                           .arn = "arn:aws:iam::123456789012:user/lin",
                           .role_arn = "",
                           .issuer = "",
                           .role = "",
                           .policies = in,
                           .policy_count = POLICIES,
                           .keys = keys,
                           .key_count = 1 };
    struct access_query q = { .p = &p,
                              .realm = "acme",
                              .action = BYTES_LIT("s3:GetObject"),
                              .resource = BYTES_LIT("arn:aws:s3:::data/2026/11/22/report.pdf"),
                              .now_ms = 1790000000000,
                              .ip = "192.0.2.7",
                              .mfa_ms = 1789999990000,
                              .is_tls = true };
    struct arena *arena = arena_new(4096, false);
    struct access_answer a;
    struct policy_decision d;

    for (unsigned i = 0; i < POLICIES; i++) {
        in[i] = (struct policy_in_force){ make(shape, i), POLICY_LAYER_IDENTITY };
    }
    struct policy_request rq = { .action = q.action,
                                 .resource = q.resource,
                                 .principal_arn = bytes_str(p.arn),
                                 .principal_account = bytes_str(p.account) };
    rq.keys = access_keys_of(&q, arena, &rq.key_count);
    int64_t from = cpu_ns();
    for (unsigned i = 0; i < ROUNDS; i++) {
        policy_evaluate(in, POLICIES, &rq, &d);
        if (d.verdict != POLICY_ALLOWED) {
            exit(1);
        }
    }
    int64_t middle = cpu_ns();
    for (unsigned i = 0; i < ROUNDS; i++) {
        access_decide(&q, &a);
        if (a.verdict != POLICY_ALLOWED) {
            exit(1);
        }
    }
    int64_t end = cpu_ns();
    printf("%-12s policies %8.0f/s (%4.0f ns)   whole decision %8.0f/s (%4.0f ns)\n", what,
           ROUNDS * 1e9 / (double)(middle - from), (double)(middle - from) / ROUNDS,
           ROUNDS * 1e9 / (double)(end - middle), (double)(end - middle) / ROUNDS);
    for (unsigned i = 0; i < POLICIES; i++) {
        policy_unref((struct policy *)(uintptr_t)in[i].policy);
    }
    arena_free(arena);
}

int main(void)
{
    printf("%d statements in force\n", POLICIES * STATEMENTS);
    measure("plain", PLAIN);
    measure("resources", RESOURCES);
    measure("conditions", CONDITIONS);
    measure("patterns", PATTERNS);
    return 0;
}
