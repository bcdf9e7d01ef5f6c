/* Policies: compiling a document, and the compiled one's life. */
#include "identity/policy/policy_priv.h"

struct policy *policy_ref(struct policy *p)
{
    __atomic_add_fetch(&p->refs, 1, __ATOMIC_RELAXED);
    return p;
}

void policy_unref(struct policy *p)
{
    if (p != NULL && __atomic_sub_fetch(&p->refs, 1, __ATOMIC_ACQ_REL) == 0) {
        arena_free(p->arena);
        mem_free(p);
    }
}

const char *policy_name(const struct policy *p)
{
    return p->name;
}

size_t policy_statements(const struct policy *p)
{
    return p->count;
}

/* --- actions --- */

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
}

/* Patterns of actions are kept in lower case. */
static bool action_matches(struct bytes pattern, struct bytes action)
{
    uint8_t small[128];

    if (action.n > sizeof(small)) {
        return bytes_equal_str(pattern, "*");
    }
    for (size_t i = 0; i < action.n; i++) {
        small[i] = lower(action.p[i]);
    }
    return policy_glob(pattern, bytes_of(small, action.n));
}

static bool is_listed(const struct policy_statement *s, struct bytes action)
{
    for (size_t i = 0; i < s->pattern_count; i++) {
        if (action_matches(s->patterns[i], action)) {
            return true;
        }
    }
    return false;
}

bool policy_statement_acts(const struct policy_statement *s, size_t at, struct bytes action)
{
    if (at != SIZE_MAX) {
        return (s->actions[at / 64] >> (at % 64) & 1) != 0;
    }
    return is_listed(s, action) != s->not_action;
}

static size_t count_of(struct json v)
{
    return json_type(v) == JSON_ARRAY ? json_count(v) : 1;
}

static RESULT compile_actions(struct arena *arena, struct json s, struct policy_statement *ret,
                              struct error *e)
{
    struct json v;
    struct json_iter it = { 0 };
    struct bytes text;
    bool is_null = false;

    ret->not_action = json_has(s, "NotAction");
    TRY(json_get(s, ret->not_action ? "NotAction" : "Action", &v, e));
    struct bytes *patterns = arena_alloc(arena, count_of(v) * sizeof(patterns[0]));
    while (policy_next_text(v, &it, &text, &is_null)) {
        uint8_t *small = arena_alloc(arena, text.n);
        for (size_t i = 0; i < text.n; i++) {
            small[i] = lower(text.p[i]);
        }
        patterns[ret->pattern_count++] = bytes_of(small, text.n);
    }
    ret->patterns = patterns;
    if (action_count > sizeof(ret->actions) * 8) {
        FAIL(e, ERRC_BUG, "POLICY_ACTION_WORDS");
    }
    for (size_t i = 0; i < action_count; i++) {
        if (is_listed(ret, bytes_str(actions[i].name)) != ret->not_action) {
            ret->actions[i / 64] |= (uint64_t)1 << (i % 64);
        }
    }
    return RESULT_OK;
}

/* --- statements --- */

static RESULT compile_resources(struct arena *arena, struct json v, struct policy_statement *ret,
                                struct error *e)
{
    struct json_iter it = { 0 };
    struct bytes text;
    bool is_null = false;
    struct policy_arn *out = arena_zalloc(arena, count_of(v) * sizeof(out[0]));

    while (policy_next_text(v, &it, &text, &is_null)) {
        if (!is_null) {
            TRY_MSG(policy_arn_compile(arena, text, &out[ret->resource_count], e), e,
                    "Resource %.*s", (int)MIN(text.n, 200u), (const char *)text.p);
            ret->resource_count++;
        }
    }
    ret->resources = out;
    return RESULT_OK;
}

static RESULT compile_who(struct arena *arena, struct json s, struct policy_statement *ret,
                          struct error *e)
{
    struct policy_who *who = NULL;
    struct json v;

    ret->not_principal = json_has(s, "NotPrincipal");
    ret->has_principal = true;
    TRY(json_get(s, ret->not_principal ? "NotPrincipal" : "Principal", &v, e));
    TRY(policy_who_compile(arena, v, &who, &ret->who_count, e));
    ret->who = who;
    return RESULT_OK;
}

static RESULT compile_statement(struct arena *arena, struct json s, enum policy_form form,
                                struct policy_statement *ret, struct error *e)
{
    struct json v;
    struct bytes text;

    TRY(json_get_str(s, "Effect", &text, e));
    ret->is_deny = bytes_equal_str(text, "Deny");
    if (result_is_ok(json_get_str(s, "Sid", &text, NULL))) {
        ret->sid = arena_bytes(arena, text);
    }
    TRY(compile_actions(arena, s, ret, e));
    if (form != POLICY_TRUST) {
        ret->not_resource = json_has(s, "NotResource");
        TRY(json_get(s, ret->not_resource ? "NotResource" : "Resource", &v, e));
        TRY(compile_resources(arena, v, ret, e));
    }
    if (form != POLICY_IDENTITY) {
        TRY(compile_who(arena, s, ret, e));
    }
    if (json_has(s, "Condition")) {
        TRY(json_get(s, "Condition", &v, e));
        TRY(policy_conditions_compile(arena, v, &ret->conditions, &ret->condition_count, e));
    }
    return RESULT_OK;
}

/* The first condition before statement `n` that says the same with the same effect. */
static struct policy_condition *earlier(struct policy *p, size_t n,
                                        const struct policy_condition *c)
{
    for (size_t i = 0; i < n; i++) {
        struct policy_statement *s = &p->statements[i];
        for (size_t k = 0; k < s->condition_count && s->is_deny == p->statements[n].is_deny; k++) {
            if (policy_condition_equal(&s->conditions[k], c)) {
                return &s->conditions[k];
            }
        }
    }
    return NULL;
}

/* What several statements ask is decided once in an evaluation. */
static void share_conditions(struct policy *p)
{
    uint8_t next = 0;

    for (size_t i = 0; i < p->count; i++) {
        for (size_t k = 0; k < p->statements[i].condition_count; k++) {
            struct policy_condition *c = &p->statements[i].conditions[k];
            struct policy_condition *first = earlier(p, i, c);
            if (first != NULL && first->memo == POLICY_MEMO_NONE && next < 64) {
                first->memo = next++;
            }
            c->memo = first == NULL ? POLICY_MEMO_NONE : first->memo;
        }
    }
    for (size_t i = 0; i < p->count; i++) {
        struct policy_statement *s = &p->statements[i];
        for (size_t k = 0; k < s->condition_count; k++) {
            struct policy_condition c = s->conditions[k];
            if (c.memo == POLICY_MEMO_NONE) {
                s->conditions[k] = s->conditions[s->own_count];
                s->conditions[s->own_count++] = c;
            } else {
                s->shared |= (uint64_t)1 << c.memo;
            }
        }
    }
}

static RESULT compile(struct json root, struct policy *p, struct error *e)
{
    struct json_iter it = { 0 };
    struct json s;
    size_t n = 0;

    while (policy_next_statement(root, &it, &s)) {
        n++;
    }
    p->statements = arena_zalloc(p->arena, n * sizeof(p->statements[0]));
    it = (struct json_iter){ 0 };
    while (policy_next_statement(root, &it, &s)) {
        TRY(compile_statement(p->arena, s, p->form, &p->statements[p->count], e));
        p->count++;
    }
    share_conditions(p);
    return RESULT_OK;
}

RESULT policy_compile(struct bytes json, enum policy_form form, const char *name,
                      struct policy **ret, struct error *e)
{
    CLEANUP(json_doc_free_p) struct json_doc *doc = NULL;

    if (json.n > POLICY_MAX) {
        FAIL(e, ERRC_LIMIT, "a policy of more than %d bytes", POLICY_MAX);
    }
    struct error why;
    if (!result_is_ok(json_parse(json, POLICY_MAX, &doc, &why))) {
        FAIL(e, ERRC_FORMAT, "Syntax errors in policy. (%s)", why.msg);
    }
    TRY(policy_check(json_root(doc), form, e));
    CLEANUP(policy_unref_p) struct policy *p = mem_zalloc(sizeof(*p));
    p->refs = 1;
    p->form = form;
    p->arena = arena_new(4096, false);
    p->name = arena_str(p->arena, bytes_str(name));
    TRY(compile(json_root(doc), p, e));
    *ret = TAKE(p);
    return RESULT_OK;
}
