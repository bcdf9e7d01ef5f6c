#include "cli/zh.h"

#include "base/mem.h"

const char *zh_of_code(enum errc code)
{
    static const char *const names[ERRC_COUNT_] = {
        [ERRC_OK] = "成功",           [ERRC_NOMEM] = "内存不足",
        [ERRC_IO] = "读写或通信失败", [ERRC_FULL] = "存储空间不足",
        [ERRC_FORMAT] = "格式错误",   [ERRC_RANGE] = "取值超出范围",
        [ERRC_LIMIT] = "超出上限",    [ERRC_NOT_FOUND] = "不存在",
        [ERRC_EXISTS] = "已存在",     [ERRC_CONFLICT] = "当前状态不允许",
        [ERRC_DENIED] = "被拒绝",     [ERRC_INTEGRITY] = "校验未通过",
        [ERRC_AGAIN] = "暂不可用",    [ERRC_TIMEOUT] = "超时",
        [ERRC_EXPIRED] = "已过期",    [ERRC_UNSUPPORTED] = "不支持",
        [ERRC_CLOSED] = "连接已关闭", [ERRC_BUG] = "内部错误",
    };
    return (unsigned)code < ERRC_COUNT_ ? names[code] : names[ERRC_BUG];
}

const char *zh_of_reason(struct bytes reason)
{
    static const struct {
        const char *reason, *zh;
    } known[] = {
        { "frozen", "账户或租户已冻结、停用或终止" },
        { "expired", "凭据已过期" },
        { "other-realm", "不属于本域" },
        { "needs-grant", "须经许可（troth access ask；紧急时 troth access break-glass）" },
        { "two-administrators", "同时持有两种管理员角色" },
        { "unknown-action", "没有此操作" },
    };
    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        if (bytes_equal_str(reason, known[i].reason)) {
            return known[i].zh;
        }
    }
    return NULL;
}

bool zh_is_in(const char *text)
{
    for (; *text != '\0'; text++) {
        if ((*text & 0x80) != 0) {
            return true;
        }
    }
    return false;
}
