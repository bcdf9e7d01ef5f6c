/* Contract parameters of identity: the table, and what realms have set. */
#include "identity/param.h"

#include "base/log.h"
#include "base/text.h"
#include "identity/sql_priv.h"

static const char *const profiles[] = { "nist-800-63b-4", "mlps-3", NULL };
static const char *const no_yes[] = { "no", "yes", NULL };

const struct param params[PARAM_COUNT] = {
    [PARAM_IDLE] = { "P-IAM-1", "min", "15", "GB/T 22239-2019 8.1.4.1 b; PCI DSS 4.0.1 8.2.8",
                     "idle timeout of a session of a person", "会话空闲超时", 10, 30, NULL },
    [PARAM_SESSION] = { "P-IAM-1a", "h", "12", "GB/T 22239-2019 8.1.4.1 b; NIST SP 800-63B-4 2.2.3",
                        "longest session of a person", "会话最长时间", 1, 24, NULL },
    [PARAM_LEAVER] = { "P-IAM-2", "h", "24", "GB/T 22239-2019 8.1.8.2 a",
                       "an account is disabled within, after its person left", "离职账户停用时限",
                       1, 24, NULL },
    [PARAM_DORMANT] = { "P-IAM-3", "d", "90", "GB/T 22239-2019 8.1.4.2 c; PCI DSS 4.0.1 8.2.6",
                        "an account without any act is suspended after", "休眠账户停用期限", 1, 90,
                        NULL },
    [PARAM_KEY_AGE] = { "P-IAM-4", "d", "180", "agreement 2.2.2-2",
                        "an access key is disabled after", "访问密钥最长使用期限", 1, 365, NULL },
    [PARAM_LOCK_TRIES] = { "P-IAM-5", "n", "5", "GB/T 22239-2019 8.1.4.1 b; PCI DSS 4.0.1 8.3.4",
                           "failed logins before a wait", "登录失败次数上限", 3, 10, NULL },
    [PARAM_LOCK_TIME] = { "P-IAM-5a", "min", "30", "GB/T 22239-2019 8.1.4.1 b; PCI DSS 4.0.1 8.3.4",
                          "longest wait after failed logins", "登录失败锁定时间", 15, 1440, NULL },
    [PARAM_NETWORKS] = { "P-IAM-6", "", "", "GB/T 22239-2019 8.1.4.4 c",
                         "networks that people sign in and administer from; none: anywhere",
                         "人员登录与管理的来源网络（为空：不限）", 0, 0, NULL },
    [PARAM_CERTIFICATE] = { "P-IAM-7", "", "no", "GB/T 22239-2019 8.2.4.1",
                            "signing in and administering need a client certificate",
                            "登录与管理须出示客户端证书", 0, 0, no_yes },
    [PARAM_STANDING] = { "P-PAM-1", "n", "2", "agreement 2.1.4-3",
                         "standing privileged grants, of break-glass accounts",
                         "常设特权授权数（应急账户）", 0, 2, NULL },
    [PARAM_GRANT] = { "P-PAM-2", "h", "8", "agreement 2.1.4-3", "longest privileged grant",
                      "特权授权最长时间", 1, 8, NULL },
    [PARAM_BREAK_GLASS] = { "P-PAM-3", "min", "60", "agreement 2.1.4-3",
                            "longest break-glass grant", "应急授权最长时间", 5, 240, NULL },
    [PARAM_PROFILE] = { "P-AUTH-1", "", "nist-800-63b-4",
                        "NIST SP 800-63B-4 3.1.1; GB/T 22239-2019 8.1.4.1 a",
                        "profile of password rules", "口令规则", 0, 0, profiles },
    [PARAM_PASSKEY_ONLY] = { "P-AUTH-2", "", "no", "GB/T 22239-2019 8.1.4.1 d",
                             "a passkey alone signs in", "仅用通行密钥登录", 0, 0, no_yes },
};

struct values {
    uint64_t v[PARAM_COUNT];
    int64_t since_ms[PARAM_COUNT]; /* 0: the default */
    char networks[PARAM_TEXT_BYTES];
};

static RESULT value_parse(const struct param *p, struct bytes text, uint64_t *ret, struct error *e)
{
    if (param_is_networks(p)) {
        *ret = 0;
        return origin_networks_check(text, e);
    }
    if (p->choices == NULL) {
        return num_u64(text, p->min, p->max, ret);
    }
    for (size_t i = 0; p->choices[i] != NULL; i++) {
        if (bytes_equal_str(text, p->choices[i])) {
            *ret = i;
            return RESULT_OK;
        }
    }
    return result_of(ERRC_RANGE);
}

static enum param_id param_find(struct bytes id)
{
    for (enum param_id i = 0; i < PARAM_COUNT; i++) {
        if (bytes_equal_str(id, params[i].id)) {
            return i;
        }
    }
    return PARAM_COUNT;
}

struct value_row {
    const char *id, *value;
    int64_t since_ms;
};

static void value_of_row(struct db_stmt *s, struct arena *arena, void *item)
{
    struct value_row *r = item;
    r->id = sql_str(s, 0, arena);
    r->value = sql_str(s, 1, arena);
    r->since_ms = db_col_i64(s, 2);
}

static bool value_take(struct values *v, enum param_id id, const char *text)
{
    if (!result_is_ok(value_parse(&params[id], bytes_str(text), &v->v[id], NULL))) {
        return false;
    }
    if (param_is_networks(&params[id])) {
        (void)snprintf(v->networks, sizeof(v->networks), "%s", text);
    }
    return true;
}

static void values_default(struct values *v)
{
    *v = (struct values){ .v = { 0 } };
    for (enum param_id i = 0; i < PARAM_COUNT; i++) {
        (void)value_take(v, i, params[i].fallback);
    }
}

/* What was set within older bounds and is out of today's falls back to the default. */
static RESULT values_read(struct directory *d, const char *realm, struct values *ret,
                          struct error *e)
{
    uint64_t generation = 0;
    struct sql_rows rows;
    CLEANUP(arena_free_p) struct arena *arena = NULL;
    if (directory_cache_get(d, DIRECTORY_CACHE_PARAMS, bytes_str(realm), ret, sizeof(*ret),
                            &generation)) {
        return RESULT_OK;
    }
    arena = arena_new(1024, false);
    TRY(directory_rows(d, "SELECT id, value, since_ms FROM params WHERE realm = ?1",
                       SQL_IN(SQL_STR(realm)), sizeof(struct value_row), value_of_row, arena, &rows,
                       e));
    values_default(ret);
    for (size_t i = 0; i < rows.n; i++) {
        const struct value_row *r = (const struct value_row *)rows.p + i;
        enum param_id id = param_find(bytes_str(r->id));
        if (id != PARAM_COUNT && value_take(ret, id, r->value)) {
            ret->since_ms[id] = r->since_ms;
        }
    }
    directory_cache_put(d, DIRECTORY_CACHE_PARAMS, bytes_str(realm), ret, sizeof(*ret), generation);
    return RESULT_OK;
}

static void values_of(struct directory *d, const char *realm, enum param_id id, struct values *ret)
{
    struct error e;
    if (!result_is_ok(values_read(d, realm, ret, &e))) {
        log_warn("identity: %s: the default holds: %s", params[id].id, e.msg);
        values_default(ret);
    }
}

uint64_t param_u64(struct directory *d, const char *realm, enum param_id id)
{
    struct values v;
    values_of(d, realm, id, &v);
    return v.v[id];
}

void param_text(struct directory *d, const char *realm, enum param_id id,
                char ret[PARAM_TEXT_BYTES])
{
    struct values v;
    values_of(d, realm, id, &v);
    if (param_is_networks(&params[id])) {
        memcpy(ret, v.networks, sizeof(v.networks));
    } else if (params[id].choices != NULL) {
        (void)snprintf(ret, PARAM_TEXT_BYTES, "%s", params[id].choices[v.v[id]]);
    } else {
        (void)snprintf(ret, PARAM_TEXT_BYTES, "%llu", (unsigned long long)v.v[id]);
    }
}

struct param_job {
    const char *realm;
    const struct param *p;
    const char *value;
    int64_t now_ms;
};

static RESULT param_write(struct db_conn *c, void *arg, struct error *e)
{
    const struct param_job *in = arg;
    int64_t n = 0;
    TRY(sql_i64(c, "SELECT count(*) FROM realms WHERE name = ?1", SQL_IN(SQL_STR(in->realm)), &n,
                e));
    if (n == 0) {
        FAIL(e, ERRC_NOT_FOUND, "no tenant '%.64s'", in->realm);
    }
    return sql_run(
            c,
            "INSERT INTO params(realm, id, value, since_ms) VALUES(?1, ?2, ?3, ?4)"
            " ON CONFLICT(realm, id) DO UPDATE SET value = ?3, since_ms = ?4",
            SQL_IN(SQL_STR(in->realm), SQL_STR(in->p->id), SQL_STR(in->value), SQL_INT(in->now_ms)),
            e);
}

/* why: of networks. */
static RESULT out_of_range(const struct param *p, const struct error *why, struct error *e)
{
    CLEANUP(buf_done_p) struct buf may = BUF(512);
    if (param_is_networks(p)) {
        buf_addf(&may, "networks such as 10.0.0.0/8,2001:db8::/32; %s", why->msg);
    } else if (p->choices == NULL) {
        buf_addf(&may, "%llu to %llu %s", (unsigned long long)p->min, (unsigned long long)p->max,
                 p->unit);
    }
    for (size_t i = 0; p->choices != NULL && p->choices[i] != NULL; i++) {
        buf_addf(&may, "%s%s", i == 0 ? "" : " or ", p->choices[i]);
    }
    FAIL(e, ERRC_RANGE, "%s, %s: %.*s (%s)", p->id, p->en, BYTES_FMT(buf_bytes(&may)), p->source);
}

RESULT param_set(struct directory *d, const char *realm, const char *id, const char *value,
                 struct error *e)
{
    enum param_id which = param_find(bytes_str(id));
    struct error why;
    uint64_t v = 0;
    if (which == PARAM_COUNT) {
        FAIL(e, ERRC_NOT_FOUND, "no parameter '%.32s'", id);
    }
    struct param_job in = { realm, &params[which], value, clock_wall_ms(d->clock) };
    if (!result_is_ok(value_parse(in.p, bytes_str(value), &v, &why))) {
        return out_of_range(in.p, &why, e);
    }
    return directory_change(d, param_write, &in, e);
}

RESULT param_since(struct directory *d, const char *realm, enum param_id id, int64_t *ret,
                   struct error *e)
{
    struct values v;
    TRY(values_read(d, realm, &v, e));
    *ret = v.since_ms[id];
    return RESULT_OK;
}
