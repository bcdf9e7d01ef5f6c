/*
 * The engine against a simple evaluator of its own: one that keeps statements as plain structs,
 * matches by recursion and knows nothing of bitsets, prefixes, tokens or memory of any kind. Random
 * statements are written as JSON for the engine and kept as they are for the model.
 *
 *   TROTH_SEED=n TROTH_CASES=n ./test_policy_model
 */
#include "testkit.h"

#include <time.h>

#include "base/json.h"
#include "identity/policy/action.h"
#include "identity/policy/policy.h"

#define LIST_MAX 3

enum kind { TEXT, LIKE, NUMBER, FLAG, ABSENT };

struct m_condition {
    const char *op, *key;
    enum kind kind;
    char order; /* of NUMBER: '=', '<', '>' */
    bool is_not, if_exists;
    char set; /* 'n'one, 'a'ny, 'A'll */
    const char *values[LIST_MAX];
    unsigned count;
};
struct m_statement {
    bool is_deny, not_action, not_resource, not_principal;
    const char *actions[LIST_MAX], *resources[LIST_MAX], *who[LIST_MAX];
    unsigned action_n, resource_n, who_n;
    struct m_condition conditions[2];
    unsigned condition_n;
};
struct m_policy {
    enum policy_layer layer;
    struct m_statement statements[4];
    unsigned count;
};
struct m_request {
    const char *action, *resource, *arn, *role, *account;
    const char *keys[4], *values[4][2];
    unsigned value_n[4]; /* 0: not there */
};

/* --- chance --- */

static uint64_t chance;

static unsigned roll(unsigned n)
{
    chance ^= chance << 13;
    chance ^= chance >> 7;
    chance ^= chance << 17;
    return (unsigned)((chance >> 11) % n);
}

#define PICK(list) (list)[roll(ARRAY_LEN(list))]

static const char *const action_names[] = { "s3:GetObject", "s3:PutObject", "s3:GetObjectAcl",
                                            "iam:GetUser",  "kms:ListKeys", "app:Do" };
static const char *const action_patterns[] = { "*",      "s3:*",   "s3:Get*",      "S3:getobject",
                                               "iam:*",  "app:D*", "s3:?etObject", "kms:List*",
                                               "app:Do", "s3:*Acl" };
static const char *const resource_names[] = {
    "arn:aws:s3:::b/lin/a",
    "arn:aws:s3:::b/wu/a",
    "arn:aws:s3:::b/*/a",
    "arn:aws:s3:::c/lin",
    "arn:aws:iam::111122223333:user/lin",
    "*",
};
static const char *const resource_patterns[] = {
    "*",
    "arn:aws:s3:::b/*",
    "arn:aws:s3:::b/lin/*",
    "arn:aws:s3:::b/${aws:username}/*",
    "arn:aws:s3:::?/lin*",
    "arn:aws:s3:::*/a",
    "arn:aws:iam::*:user/${aws:username}",
    "arn:aws:s3:::b/${*}/a",
    "arn:aws:s3:::c/${t:t, 'lin'}",
    "arn:aws:s3",
};
static const char *const whos[] = { "*", "111122223333", "arn:aws:iam::111122223333:user/lin",
                                    "arn:aws:iam::111122223333:role/r" };
static const char *const keys[] = { "aws:username", "t:t", "t:n", "t:f" };
static const char *const texts[] = { "lin", "LIN", "wu", "*", "l?n", "" };
static const char *const text_patterns[] = { "lin", "l*", "*n",     "${aws:username}",
                                             "?u",  "*",  "${t:t}", "LIN" };
static const char *const numbers[] = { "1", "2", "2.0", "10", "-1", "x" };
static const char *const whole_numbers[] = { "1", "2", "10" };
static const char *const flags[] = { "true", "false" };

/* --- the model --- */

static bool m_glob(const char *p, const char *t)
{
    if (*p == '\0') {
        return *t == '\0';
    }
    if (*p == '*') {
        return m_glob(p + 1, t) || (*t != '\0' && m_glob(p, t + 1));
    }
    return *t != '\0' && (*p == '?' || *p == *t) && m_glob(p + 1, t + 1);
}

static const char *m_value(const struct m_request *rq, const char *key, unsigned *ret_n)
{
    for (unsigned i = 0; i < 4; i++) {
        if (strcasecmp(keys[i], key) == 0) {
            *ret_n = rq->value_n[i];
            return rq->values[i][0];
        }
    }
    *ret_n = 0;
    return NULL;
}

/* Puts the variables in, wildcards of their values marked by \1 so that they stay what they are.
 * False: one has no value. */
static bool m_expand(const char *in, bool is_pattern, const struct m_request *rq, char *out)
{
    while (*in != '\0') {
        if (in[0] != '$' || in[1] != '{') {
            if (!is_pattern && (*in == '*' || *in == '?')) {
                *out++ = '\1';
            }
            *out++ = *in++;
            continue;
        }
        char name[40] = "", fallback[40];
        bool has_fallback = sscanf(in, "${%30[^,}], '%30[^']'}", name, fallback) == 2;
        const char *value = name;
        if (strlen(name) > 1) {
            unsigned n = 0;
            value = m_value(rq, name, &n);
            if (n == 0 && has_fallback) {
                value = fallback;
            } else if (n != 1) {
                return false;
            }
        }
        for (; *value != '\0'; value++) {
            if (*value == '*' || *value == '?') {
                *out++ = '\1';
            }
            *out++ = *value;
        }
        in = strchr(in, '}') + 1;
    }
    *out = '\0';
    return true;
}

/* As m_glob, with marked letters. */
static bool m_marked(const char *p, const char *t)
{
    if (*p == '\1') {
        return *t == p[1] && m_marked(p + 2, t + 1);
    }
    if (*p == '\0') {
        return *t == '\0';
    }
    if (*p == '*') {
        return m_marked(p + 1, t) || (*t != '\0' && m_marked(p, t + 1));
    }
    return *t != '\0' && (*p == '?' || *p == *t) && m_marked(p + 1, t + 1);
}

/* 1, 0, or -1: a variable has no value. */
static int m_text(const char *pattern, bool is_pattern, const struct m_request *rq,
                  const char *text)
{
    char out[200];
    size_t n = strcspn(pattern, is_pattern ? "$*?" : "$");
    if (strncmp(pattern, text, n) != 0) {
        return 0; /* whatever the variables are */
    }
    if (!m_expand(pattern, is_pattern, rq, out)) {
        return -1;
    }
    return m_marked(out, text);
}

/* Part by part; the missing ones are "*". */
static int m_arn(const char *pattern, const struct m_request *rq, const char *text)
{
    int all = 1;
    if (strcmp(pattern, "*") == 0) {
        return 1;
    }
    for (int i = 0; i < 6; i++) {
        char p[100] = "*", t[100] = "";
        size_t n = 0, depth = 0;
        for (n = 0; pattern != NULL && pattern[n] != '\0'; n++) {
            depth += pattern[n] == '{';
            depth -= pattern[n] == '}';
            if (i < 5 && pattern[n] == ':' && depth == 0) {
                break;
            }
        }
        if (pattern != NULL) {
            memcpy(p, pattern, n);
            p[n] = '\0';
            pattern = pattern[n] == '\0' ? NULL : pattern + n + 1;
        }
        n = i < 5 ? strcspn(text, ":") : strlen(text);
        if (i < 5 && text[n] == '\0') {
            return 0;
        }
        memcpy(t, text, n);
        text += n + (i < 5);
        int one = m_text(p, true, rq, t);
        if (one == 0) {
            return 0;
        }
        all = one < 0 ? one : all;
    }
    return all;
}

static int m_fits(const struct m_condition *c, const char *value, const char *policy,
                  const struct m_request *rq)
{
    char *end;
    switch (c->kind) {
    case TEXT:
        return m_text(policy, false, rq, value);
    case LIKE:
        return m_text(policy, true, rq, value);
    case NUMBER: {
        double v = strtod(value, &end), p = strtod(policy, NULL);
        if (end == value) {
            return 0;
        }
        return c->order == '=' ? v == p : c->order == '<' ? v < p : v > p;
    }
    case FLAG:
        return strcasecmp(value, policy) == 0;
    case ABSENT:
        break;
    }
    return 0;
}

static bool m_met(const struct m_condition *c, const char *value, const struct m_request *rq,
                  bool is_deny)
{
    bool any = false, unresolved = false;
    for (unsigned i = 0; i < c->count; i++) {
        int fits = m_fits(c, value, c->values[i], rq);
        any |= fits == 1;
        unresolved |= fits == -1;
    }
    if (!c->is_not) {
        return any;
    }
    return !any && (is_deny || !unresolved);
}

static bool m_holds(const struct m_condition *c, const struct m_request *rq, bool is_deny)
{
    unsigned n = 0, met = 0, key = 0;
    m_value(rq, c->key, &n);
    while (strcasecmp(keys[key], c->key) != 0) {
        key++;
    }
    if (c->kind == ABSENT) {
        for (unsigned i = 0; i < c->count; i++) {
            if ((n == 0) == (strcmp(c->values[i], "true") == 0)) {
                return true;
            }
        }
        return false;
    }
    if (n == 0) {
        return c->if_exists || c->set == 'A' || (c->set == 'n' && c->is_not);
    }
    for (unsigned i = 0; i < n; i++) {
        met += m_met(c, rq->values[key][i], rq, is_deny);
    }
    bool all = c->set == 'A' || (c->set == 'n' && c->is_not);
    return all ? met == n : met > 0;
}

/* 0 no, 1 by the account only, 2 yes */
static int m_who(const struct m_statement *s, const struct m_request *rq)
{
    int best = 0;
    for (unsigned i = 0; i < s->who_n; i++) {
        const char *w = s->who[i];
        int one = 0;
        if (strcmp(w, "*") == 0 || (rq->arn[0] != '\0' && strcmp(w, rq->arn) == 0) ||
            (rq->role[0] != '\0' && strcmp(w, rq->role) == 0)) {
            one = 2;
        } else if (rq->account[0] != '\0' && strcmp(w, rq->account) == 0) {
            one = 1;
        }
        best = MAX(best, one);
    }
    if (s->not_principal) {
        return best == 0 ? 2 : 0;
    }
    return best;
}

static int m_applies(const struct m_policy *p, const struct m_statement *s,
                     const struct m_request *rq)
{
    bool act = false, on = false, unresolved = false;
    char small[64], pattern[64];
    for (unsigned i = 0; i < s->action_n; i++) {
        for (unsigned k = 0; k < 64; k++) {
            small[k] = (char)(k <= strlen(rq->action) ? rq->action[k] | 0x20 : 0);
            pattern[k] = (char)(k <= strlen(s->actions[i]) ? s->actions[i][k] | 0x20 : 0);
        }
        small[strlen(rq->action)] = pattern[strlen(s->actions[i])] = '\0';
        for (unsigned k = 0; pattern[k] != '\0'; k++) {
            pattern[k] = s->actions[i][k] == '*' || s->actions[i][k] == '?' ? s->actions[i][k]
                                                                            : pattern[k];
        }
        act |= m_glob(pattern, small);
    }
    for (unsigned i = 0; i < s->resource_n; i++) {
        int one = m_arn(s->resources[i], rq, rq->resource);
        on |= one == 1;
        unresolved |= one == -1;
    }
    if (s->not_resource) {
        on = !on && (s->is_deny || !unresolved);
    }
    int who = p->layer == POLICY_LAYER_RESOURCE ? m_who(s, rq) : 2;
    if (act == s->not_action || !on) {
        return 0;
    }
    for (unsigned i = 0; i < s->condition_n; i++) {
        if (!m_holds(&s->conditions[i], rq, s->is_deny)) {
            return 0;
        }
    }
    return who;
}

static enum policy_verdict m_decide(const struct m_policy *in, unsigned n,
                                    const struct m_request *rq)
{
    bool allowed = false, limits = true;
    for (unsigned i = 0; i < n; i++) {
        bool allows = false;
        for (unsigned k = 0; k < in[i].count; k++) {
            int applies = m_applies(&in[i], &in[i].statements[k], rq);
            if (applies > 0 && in[i].statements[k].is_deny) {
                return POLICY_DENIED;
            }
            allows |= applies == 2 && !in[i].statements[k].is_deny;
        }
        if (in[i].layer == POLICY_LAYER_IDENTITY || in[i].layer == POLICY_LAYER_RESOURCE) {
            allowed |= allows;
        } else {
            limits &= allows;
        }
    }
    return allowed && limits ? POLICY_ALLOWED : POLICY_NOT_ALLOWED;
}

/* --- random ones --- */

static void make_condition(struct m_condition *c)
{
    static const struct {
        const char *op;
        enum kind kind;
        char order;
        bool is_not;
    } ops[] = {
        { "StringEquals", TEXT, 0, false },
        { "StringNotEquals", TEXT, 0, true },
        { "StringLike", LIKE, 0, false },
        { "StringNotLike", LIKE, 0, true },
        { "NumericEquals", NUMBER, '=', false },
        { "NumericNotEquals", NUMBER, '=', true },
        { "NumericLessThan", NUMBER, '<', false },
        { "NumericGreaterThan", NUMBER, '>', false },
        { "Bool", FLAG, 0, false },
        { "Null", ABSENT, 0, false },
    };
    unsigned op = roll(ARRAY_LEN(ops));
    *c = (struct m_condition){ .op = ops[op].op,
                               .kind = ops[op].kind,
                               .order = ops[op].order,
                               .is_not = ops[op].is_not,
                               .set = 'n' };
    c->key = c->kind == NUMBER ? "t:n" : c->kind == FLAG ? "T:F" : keys[roll(2)];
    if (c->kind != ABSENT) {
        c->set = "nnaA"[roll(4)];
        c->if_exists = roll(4) == 0;
    }
    c->count = 1 + roll(LIST_MAX - 1);
    for (unsigned i = 0; i < c->count; i++) {
        c->values[i] = c->kind == NUMBER                      ? PICK(whole_numbers)
                       : c->kind == FLAG || c->kind == ABSENT ? PICK(flags)
                                                              : PICK(text_patterns);
    }
}

static void make_statement(struct m_statement *s, bool has_who)
{
    *s = (struct m_statement){ .is_deny = roll(4) == 0,
                               .not_action = roll(6) == 0,
                               .not_resource = roll(6) == 0 };
    s->not_principal = s->is_deny && roll(3) == 0;
    s->action_n = 1 + roll(2);
    s->resource_n = 1 + roll(2);
    s->who_n = has_who ? 1 + roll(2) : 0;
    s->condition_n = roll(3);
    for (unsigned i = 0; i < 2; i++) {
        s->actions[i] = PICK(action_patterns);
        s->resources[i] = PICK(resource_patterns);
        s->who[i] = PICK(whos);
        make_condition(&s->conditions[i]);
    }
}

static void write_list(struct jsonw *w, const char *key, const char *const *list, unsigned n)
{
    jsonw_key(w, key);
    jsonw_array(w);
    for (unsigned i = 0; i < n; i++) {
        jsonw_cstr(w, list[i]);
    }
    jsonw_array_end(w);
}

static void write_statement(struct jsonw *w, const struct m_statement *s)
{
    char op[60];
    jsonw_object(w);
    jsonw_kv_cstr(w, "Effect", s->is_deny ? "Deny" : "Allow");
    write_list(w, s->not_action ? "NotAction" : "Action", s->actions, s->action_n);
    write_list(w, s->not_resource ? "NotResource" : "Resource", s->resources, s->resource_n);
    if (s->who_n != 0) {
        jsonw_key(w, s->not_principal ? "NotPrincipal" : "Principal");
        jsonw_object(w);
        write_list(w, "AWS", s->who, s->who_n);
        jsonw_object_end(w);
    }
    jsonw_key(w, "Condition");
    jsonw_object(w);
    for (unsigned i = 0; i < s->condition_n; i++) {
        const struct m_condition *c = &s->conditions[i];
        snprintf(op, sizeof(op), "%s%s%s",
                 c->set == 'a'   ? "ForAnyValue:"
                 : c->set == 'A' ? "ForAllValues:"
                                 : "",
                 c->op, c->if_exists ? "IfExists" : "");
        jsonw_key(w, op);
        jsonw_object(w);
        write_list(w, c->key, c->values, c->count);
        jsonw_object_end(w);
    }
    jsonw_object_end(w);
    jsonw_object_end(w);
}

/* Two conditions under one name of operator can't be written as two members. */
static bool is_writable(const struct m_statement *s)
{
    const struct m_condition *a = &s->conditions[0], *b = &s->conditions[1];
    return s->condition_n < 2 || strcmp(a->op, b->op) != 0 || a->set != b->set ||
           a->if_exists != b->if_exists;
}

static void make_policy(struct m_policy *m, struct buf *json)
{
    struct jsonw w;
    m->layer = (enum policy_layer)(roll(3) == 0 ? roll(4) : roll(2));
    m->count = 1 + roll(4);
    buf_reset(json);
    jsonw_init(&w, json);
    jsonw_object(&w);
    jsonw_kv_cstr(&w, "Version", "2012-10-17");
    jsonw_key(&w, "Statement");
    jsonw_array(&w);
    for (unsigned i = 0; i < m->count; i++) {
        do {
            make_statement(&m->statements[i], m->layer == POLICY_LAYER_RESOURCE);
        } while (!is_writable(&m->statements[i]));
        write_statement(&w, &m->statements[i]);
    }
    jsonw_array_end(&w);
    jsonw_object_end(&w);
}

struct full_request {
    struct m_request m;
    struct policy_request rq;
    struct policy_key keys[4];
    struct bytes values[4][2];
};

static void make_request(struct full_request *f)
{
    static const struct {
        const char *arn, *role, *account;
    } askers[] = {
        { "arn:aws:iam::111122223333:user/lin", "", "111122223333" },
        { "arn:aws:sts::111122223333:assumed-role/r/s", "arn:aws:iam::111122223333:role/r",
          "111122223333" },
        { "arn:aws:iam::444455556666:user/lin", "", "444455556666" },
        { "", "", "" },
    };
    unsigned who = roll(ARRAY_LEN(askers));
    f->m = (struct m_request){ .action = PICK(action_names),
                               .resource = PICK(resource_names),
                               .arn = askers[who].arn,
                               .role = askers[who].role,
                               .account = askers[who].account };
    for (unsigned i = 0; i < 4; i++) {
        f->m.value_n[i] = roll(5) == 0 ? 0 : 1 + (roll(4) == 0);
        for (unsigned k = 0; k < 2; k++) {
            f->m.values[i][k] = i == 2 ? PICK(numbers) : i == 3 ? PICK(flags) : PICK(texts);
            f->values[i][k] = bytes_str(f->m.values[i][k]);
        }
        f->keys[i] = (struct policy_key){ bytes_str(keys[i]), f->values[i], f->m.value_n[i] };
    }
    f->rq = (struct policy_request){ .action = bytes_str(f->m.action),
                                     .resource = bytes_str(f->m.resource),
                                     .principal_arn = bytes_str(f->m.arn),
                                     .principal_role = bytes_str(f->m.role),
                                     .principal_account = bytes_str(f->m.account),
                                     .keys = f->keys,
                                     .key_count = 4 };
}

static void agrees_with_the_model(void **state)
{
    (void)state;
    const char *seed = getenv("TROTH_SEED"), *cases = getenv("TROTH_CASES");
    uint64_t start = seed != NULL ? strtoull(seed, NULL, 10) : (uint64_t)time(NULL);
    unsigned long rounds = cases != NULL ? strtoul(cases, NULL, 10) : 6000;
    unsigned verdicts[3] = { 0 };
    struct buf json[4] = { BUF(POLICY_MAX), BUF(POLICY_MAX), BUF(POLICY_MAX), BUF(POLICY_MAX) };

    print_message("# seed %llu\n", (unsigned long long)start);
    chance = start * 2654435761u + 88172645463325252u;
    for (unsigned long i = 0; i < rounds; i++) {
        struct m_policy model[4];
        struct policy_in_force in[4];
        struct policy *made[4] = { NULL };
        unsigned n = 1 + roll(4);
        for (unsigned k = 0; k < n; k++) {
            struct error e = { 0 };
            make_policy(&model[k], &json[k]);
            enum policy_form form =
                    model[k].layer == POLICY_LAYER_RESOURCE ? POLICY_RESOURCE : POLICY_IDENTITY;
            struct result r = policy_compile(buf_bytes(&json[k]), form, "p", &made[k], &e);
            if (!result_is_ok(r)) {
                fail_msg("%s\n -> %s", buf_cstr(&json[k]), e.msg);
            }
            in[k] = (struct policy_in_force){ made[k], model[k].layer };
        }
        for (int r = 0; r < 8; r++) {
            struct full_request f;
            struct policy_decision d;
            make_request(&f);
            policy_evaluate(in, n, &f.rq, &d);
            enum policy_verdict want = m_decide(model, n, &f.m);
            verdicts[want]++;
            if (d.verdict != want) {
                for (unsigned k = 0; k < n; k++) {
                    print_message("# layer %d: %s\n", (int)model[k].layer, buf_cstr(&json[k]));
                }
                for (int k = 0; k < 4; k++) {
                    print_message("# %s: %u \"%s\" \"%s\"\n", keys[k], f.m.value_n[k],
                                  f.m.values[k][0], f.m.values[k][1]);
                }
                fail_msg("case %lu: %s on %s by %s: %s, the model says %s", i, f.m.action,
                         f.m.resource, f.m.arn, policy_verdict_name(d.verdict),
                         policy_verdict_name(want));
            }
        }
        for (unsigned k = 0; k < n; k++) {
            policy_unref(made[k]);
        }
    }
    print_message("# %u allowed, %u denied, %u not allowed\n", verdicts[0], verdicts[1],
                  verdicts[2]);
    for (unsigned v = 0; v < 3; v++) {
        assert_true(verdicts[v] > rounds / 4);
    }
    for (unsigned k = 0; k < 4; k++) {
        buf_done(&json[k]);
    }
}

/* Globs alone, over a small alphabet, against the recursion. */
static void globs_agree(void **state)
{
    (void)state;
    static const char letters[] = "ab*?";
    char pattern[10], text[10];

    chance = 88172645463325252u;
    for (int i = 0; i < 200000; i++) {
        unsigned p = roll(9), t = roll(9);
        for (unsigned k = 0; k < p; k++) {
            pattern[k] = letters[roll(4)];
        }
        for (unsigned k = 0; k < t; k++) {
            text[k] = letters[roll(2)];
        }
        pattern[p] = text[t] = '\0';
        if (policy_glob(bytes_str(pattern), bytes_str(text)) != m_glob(pattern, text)) {
            fail_msg("%s on %s", pattern, text);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_the_model),
        cmocka_unit_test(globs_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
