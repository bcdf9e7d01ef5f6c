/* A decision in words, for people. */
#include "base/text.h"
#include "identity/access.h"

const char *access_reason_name(enum access_reason r)
{
    static const char *const names[] = {
        "policy",
        "grant",
        "frozen",
        "expired",
        "other-realm",
        "needs-grant",
        "two-administrators",
        "unknown-action",
        "outside-range",
        "no-certificate",
        "operator",
    };
    return names[r];
}

/* Why a principal may do nothing (principal.why_frozen). */
static const struct {
    const char *en, *zh;
} whys[] = {
    { "the tenant is closed", "租户已关闭" },
    { "the tenant is suspended", "租户已停用" },
    { "the provider's accounts are frozen", "服务商账户已冻结" },
    { "the tenant is frozen", "租户已冻结" },
    { "its account is gone", "账户已不存在" },
    { "the account has ended", "账户已终止" },
    { "the account is suspended", "账户已停用" },
    { "the account is frozen", "账户已冻结" },
    { "its grant has ended", "授权已结束" },
    { "its role is gone", "角色已不存在" },
    { "its role is held through a grant alone", "该角色只能通过授权持有" },
    { "its role is not held any more", "已不再持有该角色" },
};

/* What differs between the languages. */
struct language {
    const char *verdicts[3];
    const char *colon, *by_grant; /* by_grant: id */
    const char *none, *boundary, *session;
    const char *statement_sid, *statement_number; /* sid or number, then the policy */
    const char *account, *expired, *realm, *leave, *leave_platform, *two, *action, *outside,
            *certificate, *operator;
};

static const struct language english = {
    { "allowed", "denied", "not allowed" },
    ": ",
    "by grant %s: ",
    "no statement allows it",
    "the permissions boundary %s does not allow it",
    "the session policy %s does not allow it",
    "statement \"%s\" of %s",
    "statement %zu of %s",
    "the account is not in use",
    "the credentials are past their end",
    "it belongs to somebody else",
    "needs the leave of tenant %s: ask with \"troth access ask\", or in an emergency "
    "\"troth access break-glass\"",
    "needs a grant over the platform: ask with \"troth access ask\", or in an emergency "
    "\"troth access break-glass\"",
    "the person holds two of the three administrators (system, security, audit) and so the power "
    "of neither",
    "there is no such action",
    "people administer from the networks of P-IAM-6 alone, and this address is in none of them",
    "people administer with a client certificate alone (P-IAM-7), and none was shown",
    "local operator",
};
static const struct language chinese = {
    { "允许", "拒绝", "未获允许" },
    "：",
    "依据授权 %s：",
    "没有任何策略语句允许该操作",
    "权限边界 %s 不允许该操作",
    "会话策略 %s 不允许该操作",
    "策略语句“%s”（%s）",
    "第 %zu 条策略语句（%s）",
    "账户当前不可用",
    "凭证已过期",
    "该资源不属于本租户",
    "需要租户 %s 的同意：使用 troth access ask 申请，紧急情况下使用 troth access break-glass",
    "需要平台授权：使用 troth access ask 申请，紧急情况下使用 troth access break-glass",
    "该人员同时拥有系统、安全、审计三类管理员中的两类，两类权限均不生效",
    "没有这样的操作",
    "人员只能从参数 P-IAM-6 限定的网络进行管理，当前地址不在其中",
    "人员进行管理须出示客户端证书（参数 P-IAM-7），未出示有效证书",
    "本机操作员",
};

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral" /* formats of the two tables above */
static void add_decision(const struct access_answer *a, const struct language *l, struct buf *out)
{
    const struct policy_decision *d = &a->decision;
    const char *name = d->policy == NULL ? "" : policy_name(d->policy);

    if (d->policy == NULL) {
        buf_add_str(out, l->none);
    } else if (d->statement == SIZE_MAX) {
        buf_addf(out, d->layer == POLICY_LAYER_BOUNDARY ? l->boundary : l->session, name);
    } else if (d->sid.n != 0) {
        CLEANUP(buf_done_p) struct buf sid = BUF(1024);
        text_add_escaped(&sid, d->sid, 128);
        const char *text = buf_cstr(&sid);
        buf_addf(out, l->statement_sid, text == NULL ? "" : text, name);
    } else {
        buf_addf(out, l->statement_number, d->statement + 1, name);
    }
}

static void add_why(const struct access_answer *a, const struct language *l, struct buf *out)
{
    if (a->why == NULL || a->why[0] == '\0') {
        buf_add_str(out, l->account);
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(whys) && l == &chinese; i++) {
        if (strcmp(a->why, whys[i].en) == 0) {
            buf_add_str(out, whys[i].zh);
            return;
        }
    }
    buf_add_str(out, a->why);
}

static void add_text(const struct access_answer *a, const struct language *l, struct buf *out)
{
    buf_add_str(out, l->verdicts[a->verdict]);
    buf_add_str(out, l->colon);
    switch (a->reason) {
    case ACCESS_BY_GRANT:
        buf_addf(out, l->by_grant, a->grant);
        add_decision(a, l, out);
        break;
    case ACCESS_BY_POLICY:
        add_decision(a, l, out);
        break;
    case ACCESS_FROZEN:
        add_why(a, l, out);
        break;
    case ACCESS_EXPIRED:
        buf_add_str(out, l->expired);
        break;
    case ACCESS_OTHER_REALM:
        buf_add_str(out, l->realm);
        break;
    case ACCESS_NEEDS_GRANT:
        if (strcmp(a->realm, IDENTITY_PLATFORM) == 0) {
            buf_add_str(out, l->leave_platform);
        } else {
            buf_addf(out, l->leave, a->realm);
        }
        break;
    case ACCESS_TWO_ADMINISTRATORS:
        buf_add_str(out, l->two);
        break;
    case ACCESS_UNKNOWN_ACTION:
        buf_add_str(out, l->action);
        break;
    case ACCESS_OUTSIDE:
        buf_add_str(out, l->outside);
        break;
    case ACCESS_NO_CERTIFICATE:
        buf_add_str(out, l->certificate);
        break;
    case ACCESS_BY_OPERATOR:
        buf_add_str(out, l->operator);
        break;
    }
}
#pragma GCC diagnostic pop

void access_text(const struct access_answer *a, struct buf *out)
{
    add_text(a, &english, out);
}

void access_text_zh(const struct access_answer *a, struct buf *out)
{
    add_text(a, &chinese, out);
}
