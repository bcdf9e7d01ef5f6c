/*
 * Inside of compiled policies: what the files of this folder share. Everything lives in the
 * policy's arena and is never changed after policy_compile.
 */
#ifndef TROTH_IDENTITY_POLICY_POLICY_PRIV_H
#define TROTH_IDENTITY_POLICY_POLICY_PRIV_H

#include "base/arena.h"
#include "base/json.h"
#include "identity/policy/action.h"
#include "identity/policy/network.h"
#include "identity/policy/policy.h"

/* --- condition keys (key.c) --- */

#define POLICY_KEYS_KNOWN 40

/* A key by name; `known` is its place in the table of well-known keys + 1, or 0. */
struct policy_key_ref {
    struct bytes name;
    size_t known;
};
struct policy_key_ref policy_key_ref_of(struct bytes name);

/* One evaluation: on the stack, nothing allocated. */
struct policy_eval {
    const struct policy_request *rq;
    uint64_t memo_known, memo_holds; /* of the policy in hand: conditions by their `memo` */
    size_t action;                   /* place in the table of actions; SIZE_MAX: not in it */
    /* where a well-known key was found: 0 not looked for yet, 1 absent, else place + 2 */
    uint32_t found[POLICY_KEYS_KNOWN];
    struct bytes parts[6]; /* of the resource's ARN */
    enum { PARTS_UNKNOWN, PARTS_NONE, PARTS_SPLIT } parts_state;
    /* the last values that were read as an address or a date: the same ones come again and again */
    struct bytes ip_of, date_of;
    bool ip_is_valid, date_is_valid;
    struct policy_ip ip;
    int64_t date;
};
/* Place + 2, or 1. */
size_t policy_key_find(const struct policy_request *rq, struct bytes name);
/* NULL when the request does not have it. */
static inline const struct policy_key *policy_eval_key(struct policy_eval *ev,
                                                       const struct policy_key_ref *ref)
{
    size_t at;

    if (ref->known == 0) {
        at = policy_key_find(ev->rq, ref->name);
    } else if ((at = ev->found[ref->known - 1]) == 0) {
        at = policy_key_find(ev->rq, ref->name);
        ev->found[ref->known - 1] = (uint32_t)MIN(at, UINT32_MAX);
    }
    return at < 2 ? NULL : &ev->rq->keys[at - 2];
}

/* --- texts, patterns, ARNs (pattern.c) --- */

#define POLICY_VARIABLES_MAX 8   /* of one text */
#define POLICY_TOKENS_MAX    256 /* of one text */

enum policy_match {
    MATCH_NO,
    MATCH_YES,
    MATCH_UNRESOLVED, /* a variable in it has no value: it equals nothing */
};

struct policy_token {
    enum { TOKEN_LITERAL, TOKEN_STAR, TOKEN_ONE, TOKEN_VARIABLE } kind;
    size_t variable;
    struct bytes literal;
};
struct policy_variable {
    struct policy_key_ref key;
    struct bytes fallback;
    bool has_fallback;
};
struct policy_text {
    enum { TEXT_LITERAL, TEXT_PREFIX, TEXT_GENERAL } shape;
    struct bytes literal; /* what it begins with */
    /* the rest; of TEXT_GENERAL only */
    const struct policy_token *tokens;
    size_t token_count;
    const struct policy_variable *variables;
    size_t variable_count;
};
/* `is_pattern`: * and ? are wildcards. ERRC_FORMAT: a variable that is not closed or named;
 * ERRC_LIMIT. */
RESULT policy_text_compile(struct arena *arena, struct bytes in, bool is_pattern,
                           struct policy_text *ret, struct error *e);
enum policy_match policy_text_match(const struct policy_text *t, struct policy_eval *ev,
                                    struct bytes in, bool nocase);

/* Part by part: a wildcard does not reach over a colon but in the last one. */
struct policy_arn {
    bool is_any;   /* "*" */
    bool is_whole; /* the first five parts are literal: `text` decides */
    struct policy_text text;
    const struct policy_text *parts; /* 6 */
};
RESULT policy_arn_compile(struct arena *arena, struct bytes in, struct policy_arn *ret,
                          struct error *e);
bool policy_arn_split(struct bytes in, struct bytes ret[6]);
enum policy_match policy_arn_match(const struct policy_arn *a, struct policy_eval *ev,
                                   struct bytes in, const struct bytes *parts /* NULL: none */);
/* Splits a pattern at its first five colons that stand outside of variables; returns how many parts
 * there are. */
size_t policy_arn_parts(struct bytes in, struct bytes ret[6]);

/* --- values (value.c) --- */

/* Seconds since 1970 or ISO 8601 as AWS reads it -> milliseconds. */
bool policy_date_read(struct bytes in, int64_t *ret);
/* At most 18 digits before and 9 behind the point; in units of 1e-9. */
__extension__ typedef __int128 policy_number;
bool policy_number_read(struct bytes in, policy_number *ret);
bool policy_bool_read(struct bytes in, bool *ret);

/* --- conditions (condition.c) --- */

enum policy_class {
    CLASS_STRING,
    CLASS_NUMBER,
    CLASS_DATE,
    CLASS_BOOL,
    CLASS_BINARY,
    CLASS_IP,
    CLASS_ARN,
    CLASS_NULL,
};
struct policy_operator {
    const char *name;
    enum policy_class class;
    enum {
        COMPARE_EQUAL,
        COMPARE_LIKE,
        COMPARE_LESS,
        COMPARE_LESS_EQUAL,
        COMPARE_GREATER,
        COMPARE_GREATER_EQUAL
    } compare;
    bool is_negated, nocase;
};
enum policy_set { SET_NONE, SET_ALL, SET_ANY };
/* "ForAnyValue:StringLikeIfExists"; NULL: no such operator. */
const struct policy_operator *policy_operator_find(struct bytes name, enum policy_set *ret_set,
                                                   bool *ret_if_exists);

union policy_value {
    struct policy_text text;
    struct policy_arn arn;
    policy_number number;
    int64_t date;
    struct policy_ip ip;
    struct bytes blob;
    bool flag;
};
#define POLICY_MEMO_NONE UINT8_MAX
struct policy_condition {
    uint8_t memo; /* < 64: stands in several statements of the policy, decided once */
    const struct policy_operator *op;
    enum policy_set set;
    bool if_exists;
    struct policy_key_ref key;
    const union policy_value *values;
    const struct bytes *written; /* the same ones as they stand in the document */
    size_t count;
};
/* The Condition element of a statement, checked before (check.c). */
RESULT policy_conditions_compile(struct arena *arena, struct json v, struct policy_condition **ret,
                                 size_t *ret_n, struct error *e);
bool policy_condition_equal(const struct policy_condition *a, const struct policy_condition *b);
bool policy_condition_holds(const struct policy_condition *c, struct policy_eval *ev, bool is_deny);
/* A text, number or boolean as text, in the arena. */
RESULT policy_scalar(struct arena *arena, struct json v, struct bytes *ret);

/* --- principals (who.c) --- */

struct policy_who {
    enum { WHO_ANYONE, WHO_ACCOUNT, WHO_ARN, WHO_ISSUER, WHO_SERVICE } kind;
    struct bytes value;
};
enum policy_who_match {
    WHO_NO,
    WHO_BY_ACCOUNT, /* only because the whole account is named */
    WHO_YES,
};
/* The Principal or NotPrincipal element. */
RESULT policy_who_compile(struct arena *arena, struct json v, struct policy_who **ret,
                          size_t *ret_n, struct error *e);
enum policy_who_match policy_who_match(const struct policy_who *w, size_t n,
                                       const struct policy_request *rq);

/* --- the document (check.c, policy.c) --- */

#define POLICY_ACTION_WORDS 8

struct policy_statement {
    uint64_t actions[POLICY_ACTION_WORDS]; /* a bit for each of actions[] that it is about */
    bool is_deny, not_action, not_resource, not_principal, has_principal;
    const struct policy_arn *resources;
    size_t resource_count;
    struct policy_condition *conditions; /* those that are shared stand behind the own ones */
    size_t condition_count, own_count;
    uint64_t shared; /* a bit for each `memo` */
    const struct policy_who *who;
    size_t who_count;
    const struct bytes *patterns; /* of Action, for actions that are not in the table */
    size_t pattern_count;
    struct bytes sid;
};
struct policy {
    unsigned refs;
    enum policy_form form;
    const char *name;
    struct arena *arena;
    struct policy_statement *statements;
    size_t count;
};
/* The grammar. Messages are AWS's where AWS has words, in the order in which AWS finds them. */
RESULT policy_check(struct json root, enum policy_form form, struct error *e);
/* Statement: one or a list. */
bool policy_next_statement(struct json root, struct json_iter *it, struct json *ret);
/* A text or a list of texts; `ret_null`: a null stands here. */
bool policy_next_text(struct json v, struct json_iter *it, struct bytes *ret, bool *ret_null);
/* Is the statement about this action; nocase. `at`: place in the table or SIZE_MAX. */
bool policy_statement_acts(const struct policy_statement *s, size_t at, struct bytes action);

#endif
