/* What a policy could ever do, whoever asks and whatever the request: for separation of duties and
 * for buckets that are open to everybody. */
#include "identity/policy/policy_priv.h"

bool policy_may_allow(const struct policy *p, struct bytes action)
{
    const struct action *a = action_find(action);
    size_t at = a == NULL ? SIZE_MAX : (size_t)(a - actions);

    for (size_t i = 0; i < p->count; i++) {
        if (!p->statements[i].is_deny && policy_statement_acts(&p->statements[i], at, action)) {
            return true;
        }
    }
    return false;
}

/* --- public --- */

/* Wider than these a range of addresses is everybody. */
#define PUBLIC_V4_BITS 8
#define PUBLIC_V6_BITS 32

static bool is_fixed(const struct policy_text *t)
{
    return t->shape == TEXT_LITERAL && t->literal.n != 0;
}

/* The account must be fixed; the rest may be a pattern. */
static bool is_arn_narrow(const struct policy_arn *a)
{
    struct bytes parts[6];

    if (a->is_any) {
        return false;
    }
    if (!a->is_whole) {
        return is_fixed(&a->parts[4]);
    }
    return policy_arn_split(a->text.literal, parts) && parts[4].n != 0;
}

static bool is_value_narrow(const struct policy_condition *c, const union policy_value *v)
{
    switch (c->op->class) {
    case CLASS_STRING:
        return is_fixed(&v->text);
    case CLASS_ARN:
        return is_arn_narrow(&v->arn);
    case CLASS_IP:
        return v->ip.bits >= (v->ip.is_v6 ? PUBLIC_V6_BITS : PUBLIC_V4_BITS);
    default:
        return false;
    }
}

/* Does the condition keep strangers out: one on who they are or where they come from, that holds
 * for certain values alone. */
static bool is_narrow(const struct policy_condition *c)
{
    static const char *const who[] = { "aws:PrincipalArn", "aws:PrincipalAccount", "aws:userid",
                                       "aws:username", "troth:Realm" };
    bool is_ip = bytes_equal_str_nocase(c->key.name, "aws:SourceIp") && c->op->class == CLASS_IP;
    bool is_who = false;

    for (size_t i = 0; i < ARRAY_LEN(who); i++) {
        is_who |= bytes_equal_str_nocase(c->key.name, who[i]) &&
                  (c->op->class == CLASS_STRING || c->op->class == CLASS_ARN);
    }
    if ((!is_ip && !is_who) || c->op->is_negated || c->if_exists || c->set == SET_ALL) {
        return false;
    }
    for (size_t i = 0; i < c->count; i++) {
        if (!is_value_narrow(c, &c->values[i])) {
            return false;
        }
    }
    return true;
}

static bool lets_anyone(const struct policy_statement *s)
{
    for (size_t i = 0; i < s->who_count; i++) {
        if (s->who[i].kind == WHO_ANYONE) {
            return true;
        }
    }
    return false;
}

bool policy_is_public(const struct policy *p)
{
    for (size_t i = 0; i < p->count; i++) {
        const struct policy_statement *s = &p->statements[i];
        bool is_kept = s->is_deny || !lets_anyone(s);
        for (size_t k = 0; k < s->condition_count && !is_kept; k++) {
            is_kept = is_narrow(&s->conditions[k]);
        }
        if (!is_kept) {
            return true;
        }
    }
    return false;
}

/* --- mentions --- */

static bool begins(struct bytes name, struct bytes prefix)
{
    return name.n >= prefix.n && bytes_equal_nocase(bytes_slice(name, 0, prefix.n), prefix);
}

static bool text_mentions(const struct policy_text *t, struct bytes prefix)
{
    for (size_t i = 0; i < t->variable_count; i++) {
        if (begins(t->variables[i].key.name, prefix)) {
            return true;
        }
    }
    return false;
}

static bool arn_mentions(const struct policy_arn *a, struct bytes prefix)
{
    for (size_t i = 0; i < 6 && a->parts != NULL; i++) {
        if (text_mentions(&a->parts[i], prefix)) {
            return true;
        }
    }
    return text_mentions(&a->text, prefix);
}

static bool condition_mentions(const struct policy_condition *c, struct bytes prefix)
{
    bool has_mention = begins(c->key.name, prefix);
    for (size_t i = 0; i < c->count; i++) {
        has_mention |= c->op->class == CLASS_STRING && text_mentions(&c->values[i].text, prefix);
        has_mention |= c->op->class == CLASS_ARN && arn_mentions(&c->values[i].arn, prefix);
    }
    return has_mention;
}

static bool statement_mentions(const struct policy_statement *s, struct bytes prefix)
{
    for (size_t i = 0; i < s->condition_count; i++) {
        if (condition_mentions(&s->conditions[i], prefix)) {
            return true;
        }
    }
    for (size_t i = 0; i < s->resource_count; i++) {
        if (arn_mentions(&s->resources[i], prefix)) {
            return true;
        }
    }
    return false;
}

bool policy_mentions(const struct policy *p, struct bytes prefix)
{
    for (size_t i = 0; i < p->count; i++) {
        if (statement_mentions(&p->statements[i], prefix)) {
            return true;
        }
    }
    return false;
}
