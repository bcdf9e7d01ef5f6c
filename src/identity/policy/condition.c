/*
 * Conditions: a table of operators, each a class of values and a comparison.
 *
 * 1. A condition is met by one value of the request when it fits any of the policy's values; a
 *    negated operator (...Not...) turns that round.
 * 2. Without a prefix: some value of the request is met; of a negated operator: every one.
 *    ForAnyValue: some; ForAllValues: every one, so also none.
 * 3. Key not in the request: false; true for a negated operator, with ...IfExists and for
 *    ForAllValues. ForAnyValue is false even then, but for ...IfExists.
 * 4. A variable without a value equals nothing. In an Allow a negated operator with one is false,
 *    so that what is missing never opens anything.
 */
#include "identity/policy/policy_priv.h"

#include "base/text.h"

static const struct policy_operator operators[] = {
    { "StringEquals", CLASS_STRING, COMPARE_EQUAL, false, false },
    { "StringNotEquals", CLASS_STRING, COMPARE_EQUAL, true, false },
    { "StringEqualsIgnoreCase", CLASS_STRING, COMPARE_EQUAL, false, true },
    { "StringNotEqualsIgnoreCase", CLASS_STRING, COMPARE_EQUAL, true, true },
    { "StringLike", CLASS_STRING, COMPARE_LIKE, false, false },
    { "StringNotLike", CLASS_STRING, COMPARE_LIKE, true, false },
    { "NumericEquals", CLASS_NUMBER, COMPARE_EQUAL, false, false },
    { "NumericNotEquals", CLASS_NUMBER, COMPARE_EQUAL, true, false },
    { "NumericLessThan", CLASS_NUMBER, COMPARE_LESS, false, false },
    { "NumericLessThanEquals", CLASS_NUMBER, COMPARE_LESS_EQUAL, false, false },
    { "NumericGreaterThan", CLASS_NUMBER, COMPARE_GREATER, false, false },
    { "NumericGreaterThanEquals", CLASS_NUMBER, COMPARE_GREATER_EQUAL, false, false },
    { "DateEquals", CLASS_DATE, COMPARE_EQUAL, false, false },
    { "DateNotEquals", CLASS_DATE, COMPARE_EQUAL, true, false },
    { "DateLessThan", CLASS_DATE, COMPARE_LESS, false, false },
    { "DateLessThanEquals", CLASS_DATE, COMPARE_LESS_EQUAL, false, false },
    { "DateGreaterThan", CLASS_DATE, COMPARE_GREATER, false, false },
    { "DateGreaterThanEquals", CLASS_DATE, COMPARE_GREATER_EQUAL, false, false },
    { "Bool", CLASS_BOOL, COMPARE_EQUAL, false, false },
    { "BinaryEquals", CLASS_BINARY, COMPARE_EQUAL, false, false },
    { "IpAddress", CLASS_IP, COMPARE_EQUAL, false, false },
    { "NotIpAddress", CLASS_IP, COMPARE_EQUAL, true, false },
    { "ArnEquals", CLASS_ARN, COMPARE_LIKE, false, false },
    { "ArnNotEquals", CLASS_ARN, COMPARE_LIKE, true, false },
    { "ArnLike", CLASS_ARN, COMPARE_LIKE, false, false },
    { "ArnNotLike", CLASS_ARN, COMPARE_LIKE, true, false },
    { "Null", CLASS_NULL, COMPARE_EQUAL, false, false },
};

const struct policy_operator *policy_operator_find(struct bytes name, enum policy_set *ret_set,
                                                   bool *ret_if_exists)
{
    const struct bytes any = BYTES_LIT("ForAnyValue:"), all = BYTES_LIT("ForAllValues:"),
                       exists = BYTES_LIT("IfExists");

    *ret_set = bytes_has_prefix(name, any)   ? SET_ANY
               : bytes_has_prefix(name, all) ? SET_ALL
                                             : SET_NONE;
    if (*ret_set != SET_NONE) {
        name = bytes_slice(name, *ret_set == SET_ANY ? any.n : all.n, name.n);
    }
    *ret_if_exists = bytes_has_suffix(name, exists);
    if (*ret_if_exists) {
        name.n -= exists.n;
    }
    for (size_t i = 0; i < ARRAY_LEN(operators); i++) {
        if (bytes_equal_str(name, operators[i].name)) {
            bool is_plain = *ret_set == SET_NONE && !*ret_if_exists;
            return operators[i].class == CLASS_NULL && !is_plain ? NULL : &operators[i];
        }
    }
    return NULL;
}

/* --- compiling --- */

RESULT policy_scalar(struct arena *arena, struct json v, struct bytes *ret)
{
    bool flag = false;
    int64_t number = 0;
    uint64_t big = 0;

    switch (json_type(v)) {
    case JSON_STRING:
        TRY(json_str(v, ret));
        *ret = arena_bytes(arena, *ret);
        return RESULT_OK;
    case JSON_BOOL:
        TRY(json_bool(v, &flag));
        *ret = flag ? BYTES_LIT("true") : BYTES_LIT("false");
        return RESULT_OK;
    case JSON_INT:
        TRY(json_i64(v, &number));
        *ret = bytes_str(arena_printf(arena, "%lld", (long long)number));
        return RESULT_OK;
    case JSON_UINT:
        TRY(json_u64(v, UINT64_MAX, &big));
        *ret = bytes_str(arena_printf(arena, "%llu", (unsigned long long)big));
        return RESULT_OK;
    default:
        return result_of(ERRC_FORMAT);
    }
}

static RESULT compile_binary(struct arena *arena, struct bytes in, struct bytes *ret)
{
    CLEANUP(buf_done_p) struct buf out = BUF(POLICY_MAX);

    TRY(base64_decode(in, &out));
    *ret = arena_bytes(arena, buf_bytes(&out));
    return RESULT_OK;
}

static RESULT compile_arn(struct arena *arena, struct bytes in, struct policy_arn *ret,
                          struct error *e)
{
    struct bytes parts[6];

    if (!bytes_equal_str(in, "*") &&
        (policy_arn_parts(in, parts) != 6 || !bytes_equal_str(parts[0], "arn"))) {
        FAIL(e, ERRC_FORMAT, "no ARN");
    }
    return policy_arn_compile(arena, in, ret, e);
}

static RESULT compile_value(struct arena *arena, const struct policy_operator *op, struct bytes in,
                            union policy_value *ret, struct error *e)
{
    switch (op->class) {
    case CLASS_STRING:
        return policy_text_compile(arena, in, op->compare == COMPARE_LIKE, &ret->text, e);
    case CLASS_ARN:
        return compile_arn(arena, in, &ret->arn, e);
    case CLASS_BINARY:
        TRY_MSG(compile_binary(arena, in, &ret->blob), e, "no base64");
        return RESULT_OK;
    case CLASS_NUMBER:
        if (!policy_number_read(in, &ret->number)) {
            FAIL(e, ERRC_FORMAT, "no number");
        }
        return RESULT_OK;
    case CLASS_DATE:
        if (!policy_date_read(in, &ret->date)) {
            FAIL(e, ERRC_FORMAT, "no date");
        }
        return RESULT_OK;
    case CLASS_IP:
        if (!policy_ip_read(in, true, &ret->ip)) {
            FAIL(e, ERRC_FORMAT, "no IP address or range");
        }
        return RESULT_OK;
    case CLASS_BOOL:
    case CLASS_NULL:
        if (!policy_bool_read(in, &ret->flag)) {
            FAIL(e, ERRC_FORMAT, "neither true nor false");
        }
        return RESULT_OK;
    }
    return result_of(ERRC_BUG);
}

static RESULT compile_one(struct arena *arena, struct json v, struct policy_condition *c,
                          struct error *e)
{
    bool is_list = json_type(v) == JSON_ARRAY;
    struct json_iter it = { 0 };
    struct json item = v;

    c->count = is_list ? json_count(v) : 1;
    union policy_value *values = arena_zalloc(arena, c->count * sizeof(values[0]));
    struct bytes *written = arena_zalloc(arena, c->count * sizeof(written[0]));
    for (size_t i = 0; is_list ? json_next(v, &it, &item) : i == 0; i++) {
        TRY_MSG(policy_scalar(arena, item, &written[i]), e, "value");
        TRY_MSG(compile_value(arena, c->op, written[i], &values[i], e), e, "\"%.*s\"",
                (int)MIN(written[i].n, 100u), (const char *)written[i].p);
    }
    c->values = values;
    c->written = written;
    return RESULT_OK;
}

RESULT policy_conditions_compile(struct arena *arena, struct json v, struct policy_condition **ret,
                                 size_t *ret_n, struct error *e)
{
    struct json_iter it = { 0 }, keys;
    struct bytes name, key;
    struct json member, value;
    size_t n = 0;

    while (json_next_member(v, &it, &name, &member)) {
        n += json_count(member);
    }
    struct policy_condition *out = arena_zalloc(arena, n * sizeof(out[0]));
    it = (struct json_iter){ 0 };
    n = 0;
    while (json_next_member(v, &it, &name, &member)) {
        keys = (struct json_iter){ 0 };
        while (json_next_member(member, &keys, &key, &value)) {
            struct policy_condition *c = &out[n++];
            c->memo = POLICY_MEMO_NONE;
            c->op = policy_operator_find(name, &c->set, &c->if_exists);
            c->key = policy_key_ref_of(arena_bytes(arena, key));
            TRY_MSG(compile_one(arena, value, c, e), e, "Condition: %.*s: %.*s", BYTES_FMT(name),
                    (int)MIN(key.n, 100u), (const char *)key.p);
        }
    }
    *ret = out;
    *ret_n = n;
    return RESULT_OK;
}

bool policy_condition_equal(const struct policy_condition *a, const struct policy_condition *b)
{
    if (a->op != b->op || a->set != b->set || a->if_exists != b->if_exists ||
        a->count != b->count || !bytes_equal_nocase(a->key.name, b->key.name)) {
        return false;
    }
    for (size_t i = 0; i < a->count; i++) {
        if (!bytes_equal(a->written[i], b->written[i])) {
            return false;
        }
    }
    return true;
}

/* --- deciding --- */

static bool compares(const struct policy_operator *op, policy_number a, policy_number b)
{
    switch (op->compare) {
    case COMPARE_LESS:
        return a < b;
    case COMPARE_LESS_EQUAL:
        return a <= b;
    case COMPARE_GREATER:
        return a > b;
    case COMPARE_GREATER_EQUAL:
        return a >= b;
    case COMPARE_EQUAL:
    case COMPARE_LIKE:
        break;
    }
    return a == b;
}

static const struct policy_ip *ip_of(struct policy_eval *ev, struct bytes in)
{
    if (ev->ip_of.p != in.p || ev->ip_of.n != in.n || in.p == NULL) {
        ev->ip_of = in;
        ev->ip_is_valid = policy_ip_read(in, false, &ev->ip);
    }
    return ev->ip_is_valid ? &ev->ip : NULL;
}

static const int64_t *date_of(struct policy_eval *ev, struct bytes in)
{
    if (ev->date_of.p != in.p || ev->date_of.n != in.n || in.p == NULL) {
        ev->date_of = in;
        ev->date_is_valid = policy_date_read(in, &ev->date);
    }
    return ev->date_is_valid ? &ev->date : NULL;
}

/* Each class: does one value of the request fit any of the policy's. */

static enum policy_match fits_text(const struct policy_condition *c, struct policy_eval *ev,
                                   struct bytes in)
{
    enum policy_match best = MATCH_NO;

    for (size_t i = 0; i < c->count; i++) {
        enum policy_match m = policy_text_match(&c->values[i].text, ev, in, c->op->nocase);
        if (m == MATCH_YES) {
            return m;
        }
        best = m == MATCH_UNRESOLVED ? m : best;
    }
    return best;
}

/* Apart, as it needs room on the stack. */
static __attribute__((noinline)) enum policy_match fits_arn(const struct policy_condition *c,
                                                            struct policy_eval *ev, struct bytes in)
{
    enum policy_match best = MATCH_NO;
    struct bytes parts[6];
    bool is_arn = policy_arn_split(in, parts);

    for (size_t i = 0; i < c->count && is_arn; i++) {
        enum policy_match m = policy_arn_match(&c->values[i].arn, ev, in, parts);
        if (m == MATCH_YES) {
            return m;
        }
        best = m == MATCH_UNRESOLVED ? m : best;
    }
    return best;
}

static enum policy_match fits_number(const struct policy_condition *c, struct bytes in)
{
    policy_number number = 0;
    bool fits = false, is_valid = policy_number_read(in, &number);

    for (size_t i = 0; i < c->count && is_valid && !fits; i++) {
        fits = compares(c->op, number, c->values[i].number);
    }
    return fits ? MATCH_YES : MATCH_NO;
}

static enum policy_match fits_date(const struct policy_condition *c, struct policy_eval *ev,
                                   struct bytes in)
{
    const int64_t *date = date_of(ev, in);
    bool fits = false;

    for (size_t i = 0; i < c->count && date != NULL && !fits; i++) {
        fits = compares(c->op, *date, c->values[i].date);
    }
    return fits ? MATCH_YES : MATCH_NO;
}

static enum policy_match fits_ip(const struct policy_condition *c, struct policy_eval *ev,
                                 struct bytes in)
{
    const struct policy_ip *ip = ip_of(ev, in);
    bool fits = false;

    for (size_t i = 0; i < c->count && ip != NULL && !fits; i++) {
        fits = policy_ip_within(ip, &c->values[i].ip);
    }
    return fits ? MATCH_YES : MATCH_NO;
}

static enum policy_match fits_bool(const struct policy_condition *c, struct bytes in)
{
    bool flag = false, fits = false, is_valid = policy_bool_read(in, &flag);

    for (size_t i = 0; i < c->count && is_valid && !fits; i++) {
        fits = c->values[i].flag == flag;
    }
    return fits ? MATCH_YES : MATCH_NO;
}

static enum policy_match fits_binary(const struct policy_condition *c, struct bytes in)
{
    for (size_t i = 0; i < c->count; i++) {
        if (bytes_equal(in, c->values[i].blob)) {
            return MATCH_YES;
        }
    }
    return MATCH_NO;
}

static enum policy_match fits(const struct policy_condition *c, struct policy_eval *ev,
                              struct bytes in)
{
    switch (c->op->class) {
    case CLASS_STRING:
        return fits_text(c, ev, in);
    case CLASS_ARN:
        return fits_arn(c, ev, in);
    case CLASS_NUMBER:
        return fits_number(c, in);
    case CLASS_DATE:
        return fits_date(c, ev, in);
    case CLASS_IP:
        return fits_ip(c, ev, in);
    case CLASS_BOOL:
        return fits_bool(c, in);
    case CLASS_BINARY:
        return fits_binary(c, in);
    case CLASS_NULL:
        break;
    }
    return MATCH_NO;
}

static bool is_met(const struct policy_condition *c, struct policy_eval *ev, struct bytes in,
                   bool is_deny)
{
    enum policy_match m = fits(c, ev, in);

    if (m == MATCH_YES) {
        return !c->op->is_negated;
    }
    return c->op->is_negated && (is_deny || m != MATCH_UNRESOLVED);
}

bool policy_condition_holds(const struct policy_condition *c, struct policy_eval *ev, bool is_deny)
{
    const struct policy_key *key = policy_eval_key(ev, &c->key);

    if (c->op->class == CLASS_NULL) {
        for (size_t i = 0; i < c->count; i++) {
            if (c->values[i].flag == (key == NULL)) {
                return true;
            }
        }
        return false;
    }
    if (key == NULL) {
        return c->if_exists || c->set == SET_ALL || (c->set == SET_NONE && c->op->is_negated);
    }
    bool needs_all = c->set == SET_ALL || (c->set == SET_NONE && c->op->is_negated);
    for (size_t i = 0; i < key->count; i++) {
        if (is_met(c, ev, key->values[i], is_deny) != needs_all) {
            return !needs_all;
        }
    }
    return needs_all;
}
