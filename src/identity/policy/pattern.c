/*
 * Texts of policies: wildcards, variables, ARNs.
 *
 * A variable's value is always literal: it is put beside the tokens of the pattern, never into its
 * text, so that a '*' in it is a '*'. Matching goes back to the last star only, which is enough for
 * such patterns and takes at most length of text x number of tokens.
 */
#include "identity/policy/policy_priv.h"

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
}

static bool is_continuation(uint8_t c)
{
    return (c & 0xc0) == 0x80;
}

/* Bytes of the character at `at`; 0: there is none, or we stand within one. */
static size_t character(struct bytes in, size_t at)
{
    if (at >= in.n || is_continuation(in.p[at])) {
        return 0;
    }
    size_t n = 1;
    while (at + n < in.n && is_continuation(in.p[at + n])) {
        n++;
    }
    return n;
}

bool policy_glob(struct bytes pattern, struct bytes text)
{
    size_t p = 0, t = 0, star = SIZE_MAX, from = 0;

    while (t < text.n) {
        size_t n = p < pattern.n && pattern.p[p] == '?' ? character(text, t) : 0;
        if (p < pattern.n && pattern.p[p] == '*') {
            star = p++;
            from = t;
        } else if (n != 0) {
            p++;
            t += n;
        } else if (p < pattern.n && pattern.p[p] != '?' && pattern.p[p] == text.p[t]) {
            p++;
            t++;
        } else if (star != SIZE_MAX) {
            p = star + 1;
            t = ++from;
        } else {
            return false;
        }
    }
    while (p < pattern.n && pattern.p[p] == '*') {
        p++;
    }
    return p == pattern.n;
}

/* --- compiling --- */

struct builder {
    struct arena *arena;
    struct policy_token tokens[POLICY_TOKENS_MAX];
    size_t count;
    struct policy_variable variables[POLICY_VARIABLES_MAX];
    size_t variable_count;
    struct buf literal; /* what is being gathered */
};
static void builder_done(struct builder *b)
{
    buf_done(&b->literal);
}
DEFINE_CLEANUP_DONE(builder_done, struct builder)

static RESULT add(struct builder *b, struct policy_token t, struct error *e)
{
    if (b->count == POLICY_TOKENS_MAX) {
        FAIL(e, ERRC_LIMIT, "more than %d wildcards and variables in one text", POLICY_TOKENS_MAX);
    }
    b->tokens[b->count++] = t;
    return RESULT_OK;
}

static RESULT flush(struct builder *b, struct error *e)
{
    if (b->literal.n != 0) {
        TRY(add(b,
                (struct policy_token){ .kind = TOKEN_LITERAL,
                                       .literal = arena_bytes(b->arena, buf_bytes(&b->literal)) },
                e));
        buf_reset(&b->literal);
    }
    return RESULT_OK;
}

/* "aws:username" or "aws:username, 'nobody'": what stands between the braces. */
static RESULT add_variable(struct builder *b, struct bytes in, struct error *e)
{
    struct policy_variable v = { .has_fallback = false };
    struct bytes name;

    if (bytes_split(&in, ',', &name)) {
        struct bytes rest = bytes_trim(in, " ");
        if (rest.n < 2 || rest.p[0] != '\'' || rest.p[rest.n - 1] != '\'' ||
            bytes_index(bytes_slice(rest, 1, rest.n - 1), '\'') != rest.n - 2) {
            FAIL(e, ERRC_FORMAT, "the default of policy variable %.*s must stand in '...'",
                 BYTES_FMT(name));
        }
        v.has_fallback = true;
        v.fallback = arena_bytes(b->arena, bytes_slice(rest, 1, rest.n - 1));
    }
    name = bytes_trim(name, " ");
    if (name.n == 0 || bytes_index(name, '$') != name.n || bytes_index(name, '{') != name.n ||
        bytes_index(name, '*') != name.n || bytes_index(name, '?') != name.n) {
        FAIL(e, ERRC_FORMAT, "a policy variable without a valid name");
    }
    if (b->variable_count == POLICY_VARIABLES_MAX) {
        FAIL(e, ERRC_LIMIT, "more than %d policy variables in one text", POLICY_VARIABLES_MAX);
    }
    v.key = policy_key_ref_of(arena_bytes(b->arena, name));
    TRY(flush(b, e));
    TRY(add(b, (struct policy_token){ .kind = TOKEN_VARIABLE, .variable = b->variable_count }, e));
    b->variables[b->variable_count++] = v;
    return RESULT_OK;
}

/* Bytes of the "${...}" that `in` starts with; 0: it does not, or it is not closed. */
static size_t variable_length(struct bytes in)
{
    bool is_quoted = false;

    if (in.n < 3 || in.p[0] != '$' || in.p[1] != '{') {
        return 0;
    }
    for (size_t i = 2; i < in.n; i++) {
        if (in.p[i] == '\'') {
            is_quoted = !is_quoted;
        } else if (in.p[i] == '}' && !is_quoted) {
            return i + 1;
        }
    }
    return 0;
}

static RESULT tokenize(struct builder *b, struct bytes in, bool is_pattern, struct error *e)
{
    for (size_t i = 0; i < in.n;) {
        uint8_t c = in.p[i];
        if (c == '$' && i + 1 < in.n && in.p[i + 1] == '{') {
            size_t n = variable_length(bytes_slice(in, i, in.n));
            if (n == 0) {
                FAIL(e, ERRC_FORMAT, "a policy variable that is not closed");
            }
            struct bytes inner = bytes_slice(in, i + 2, i + n - 1);
            if (inner.n == 1 && strchr("*?$", inner.p[0]) != NULL) {
                buf_add(&b->literal, inner);
            } else {
                TRY(add_variable(b, inner, e));
            }
            i += n;
            continue;
        }
        if (is_pattern && (c == '*' || c == '?')) {
            TRY(flush(b, e));
            bool is_doubled =
                    c == '*' && b->count != 0 && b->tokens[b->count - 1].kind == TOKEN_STAR;
            if (!is_doubled) {
                TRY(add(b, (struct policy_token){ .kind = c == '*' ? TOKEN_STAR : TOKEN_ONE }, e));
            }
        } else {
            buf_add_u8(&b->literal, c);
        }
        i++;
    }
    return flush(b, e);
}

RESULT policy_text_compile(struct arena *arena, struct bytes in, bool is_pattern,
                           struct policy_text *ret, struct error *e)
{
    CLEANUP(builder_done_p) struct builder b = { .literal = BUF(POLICY_MAX) };
    struct policy_text out = { .shape = TEXT_GENERAL };

    b.arena = arena;
    TRY(tokenize(&b, in, is_pattern, e));
    TRY_MSG(buf_result(&b.literal), e, "text");
    size_t skip = 0;
    if (b.count != 0 && b.tokens[0].kind == TOKEN_LITERAL) {
        out.literal = b.tokens[0].literal;
        skip = 1;
    }
    if (b.count == skip) {
        out.shape = TEXT_LITERAL;
    } else if (b.count == skip + 1 && b.tokens[skip].kind == TOKEN_STAR) {
        out.shape = TEXT_PREFIX;
    } else {
        out.token_count = b.count - skip;
        struct policy_token *tokens = arena_alloc(arena, out.token_count * sizeof(tokens[0]));
        memcpy(tokens, b.tokens + skip, out.token_count * sizeof(tokens[0]));
        out.tokens = tokens;
        out.variable_count = b.variable_count;
        struct policy_variable *variables =
                arena_alloc(arena, b.variable_count * sizeof(variables[0]));
        memcpy(variables, b.variables, b.variable_count * sizeof(variables[0]));
        out.variables = variables;
    }
    *ret = out;
    return RESULT_OK;
}

/* --- matching --- */

static bool starts_with(struct bytes in, size_t at, struct bytes literal, bool nocase)
{
    if (in.n - at < literal.n) {
        return false;
    }
    if (!nocase) {
        return literal.n == 0 || memcmp(in.p + at, literal.p, literal.n) == 0;
    }
    for (size_t i = 0; i < literal.n; i++) {
        if (lower(in.p[at + i]) != lower(literal.p[i])) {
            return false;
        }
    }
    return true;
}

static bool tokens_match(const struct policy_text *t, const struct bytes *values, struct bytes in,
                         bool nocase)
{
    size_t at = t->literal.n, k = 0, star = SIZE_MAX, from = 0;

    for (;;) {
        bool fits = false;
        if (k == t->token_count) {
            fits = at == in.n;
            if (fits) {
                return true;
            }
        } else if (t->tokens[k].kind == TOKEN_STAR) {
            star = k++;
            from = at;
            if (k == t->token_count) {
                return true;
            }
            continue;
        } else if (t->tokens[k].kind == TOKEN_ONE) {
            size_t n = character(in, at);
            fits = n != 0;
            at += n;
        } else {
            struct bytes literal = t->tokens[k].kind == TOKEN_VARIABLE
                                           ? values[t->tokens[k].variable]
                                           : t->tokens[k].literal;
            fits = starts_with(in, at, literal, nocase);
            at += fits ? literal.n : 0;
        }
        if (fits) {
            k++;
        } else if (star != SIZE_MAX && from < in.n) {
            k = star + 1;
            at = ++from;
        } else {
            return false;
        }
    }
}

/* Apart: the array of values costs a text without variables nothing then. */
static __attribute__((noinline)) enum policy_match
general_match(const struct policy_text *t, struct policy_eval *ev, struct bytes in, bool nocase)
{
    struct bytes values[POLICY_VARIABLES_MAX];

    for (size_t i = 0; i < t->variable_count; i++) {
        const struct policy_variable *v = &t->variables[i];
        const struct policy_key *key = policy_eval_key(ev, &v->key);
        if (key != NULL && key->count == 1) {
            values[i] = key->values[0];
        } else if (key == NULL && v->has_fallback) {
            values[i] = v->fallback;
        } else {
            return MATCH_UNRESOLVED;
        }
    }
    return tokens_match(t, values, in, nocase) ? MATCH_YES : MATCH_NO;
}

enum policy_match policy_text_match(const struct policy_text *t, struct policy_eval *ev,
                                    struct bytes in, bool nocase)
{
    size_t n = t->literal.n;

    if (in.n < n || (t->shape == TEXT_LITERAL && in.n != n)) {
        return MATCH_NO;
    }
    /* texts of one kind begin alike: the last letter tells them apart soonest */
    bool fits = n == 0 || nocase ||
                (in.p[n - 1] == t->literal.p[n - 1] && memcmp(in.p, t->literal.p, n) == 0);
    if (!fits || (nocase && !starts_with(in, 0, t->literal, true))) {
        return MATCH_NO;
    }
    return t->shape != TEXT_GENERAL ? MATCH_YES : general_match(t, ev, in, nocase);
}

/* --- ARNs --- */

size_t policy_arn_parts(struct bytes in, struct bytes ret[6])
{
    size_t n = 0, from = 0;

    for (size_t i = 0; i < in.n && n < 5;) {
        size_t skip = variable_length(bytes_slice(in, i, in.n));
        if (skip != 0) {
            i += skip;
            continue;
        }
        if (in.p[i] == ':') {
            ret[n++] = bytes_slice(in, from, i);
            from = i + 1;
        }
        i++;
    }
    ret[n++] = bytes_slice(in, from, in.n);
    return n;
}

bool policy_arn_split(struct bytes in, struct bytes ret[6])
{
    for (size_t i = 0; i < 5; i++) {
        if (!bytes_split(&in, ':', &ret[i])) {
            return false;
        }
    }
    ret[5] = in;
    return bytes_equal_str(ret[0], "arn");
}

RESULT policy_arn_compile(struct arena *arena, struct bytes in, struct policy_arn *ret,
                          struct error *e)
{
    struct policy_arn out = { .is_any = bytes_equal_str(in, "*") };
    struct bytes parts[6];

    if (out.is_any) {
        *ret = out;
        return RESULT_OK;
    }
    size_t n = policy_arn_parts(in, parts);
    out.is_whole = n == 6;
    for (size_t i = 0; i < 5 && out.is_whole; i++) {
        out.is_whole = bytes_index(parts[i], '*') == parts[i].n &&
                       bytes_index(parts[i], '?') == parts[i].n &&
                       bytes_index(parts[i], '$') == parts[i].n;
    }
    if (out.is_whole) {
        TRY(policy_text_compile(arena, in, true, &out.text, e));
    } else {
        struct policy_text *texts = arena_zalloc(arena, 6 * sizeof(texts[0]));
        for (size_t i = 0; i < 6; i++) {
            TRY(policy_text_compile(arena, i < n ? parts[i] : BYTES_LIT("*"), true, &texts[i], e));
        }
        out.parts = texts;
    }
    *ret = out;
    return RESULT_OK;
}

enum policy_match policy_arn_match(const struct policy_arn *a, struct policy_eval *ev,
                                   struct bytes in, const struct bytes *parts)
{
    if (a->is_any) {
        return MATCH_YES;
    }
    if (a->is_whole) {
        return policy_text_match(&a->text, ev, in, false);
    }
    if (parts == NULL) {
        return MATCH_NO;
    }
    enum policy_match all = MATCH_YES;
    for (size_t i = 6; i-- > 0;) { /* the last part differs most */
        enum policy_match m = policy_text_match(&a->parts[i], ev, parts[i], false);
        if (m == MATCH_NO) {
            return MATCH_NO;
        }
        all = m == MATCH_UNRESOLVED ? m : all;
    }
    return all;
}
