/* Networks and certificates that people manage with. */
#include "identity/origin.h"

#include "identity/policy/network.h"
#include "identity/sql_priv.h"

static void rule_of_row(struct db_stmt *s, struct arena *arena, void *item)
{
    struct origin_rule *r = item;
    r->networks = sql_str(s, 0, arena);
    r->needs_certificate = db_col_i64(s, 1) != 0;
}

RESULT origin_rule_load(struct db_conn *c, const char *realm, struct arena *arena,
                        struct origin_rule *ret, struct error *e)
{
    return sql_one(c, "parameters",
                   "SELECT"
                   " coalesce((SELECT value FROM params WHERE realm = ?1 AND id = 'P-IAM-6'), ''),"
                   " coalesce((SELECT value FROM params WHERE realm = ?1 AND id = 'P-IAM-7'), 'no')"
                   " = 'yes'",
                   SQL_IN(SQL_STR(realm)), rule_of_row, arena, ret, e);
}

/* The next of a list; false behind the last one. */
static bool network_next(struct bytes *list, bool *more, struct bytes *ret)
{
    struct bytes one;
    if (!*more) {
        return false;
    }
    *more = bytes_split(list, ',', &one);
    *ret = bytes_trim(one, " ");
    return true;
}

RESULT origin_networks_check(struct bytes networks, struct error *e)
{
    bool more = networks.n > 0;
    struct bytes one;
    struct policy_ip net;
    if (networks.n > ORIGIN_NETWORKS_MAX) {
        FAIL(e, ERRC_RANGE, "more than %d bytes", ORIGIN_NETWORKS_MAX);
    }
    while (network_next(&networks, &more, &one)) {
        if (!policy_ip_read(one, true, &net)) {
            FAIL(e, ERRC_RANGE, "'%.*s' is no network", (int)MIN(one.n, (size_t)64),
                 (const char *)one.p);
        }
    }
    return RESULT_OK;
}

static bool is_within(struct bytes networks, const char *ip)
{
    bool more = networks.n > 0;
    struct bytes rest = bytes_str(ip), address, one;
    struct policy_ip from, net;
    (void)bytes_split(&rest, '%', &address); /* of fe80::1%eth0 */
    if (!policy_ip_read(address, false, &from)) {
        return false;
    }
    while (network_next(&networks, &more, &one)) {
        if (policy_ip_read(one, true, &net) && policy_ip_within(&from, &net)) {
            return true;
        }
    }
    return false;
}

enum origin_fit origin_fit(const struct origin_rule *r, const char *ip, bool has_certificate)
{
    struct bytes networks = bytes_str(r->networks == NULL ? "" : r->networks);
    if (ip == NULL || strcmp(ip, "unix") == 0) {
        return ORIGIN_FITS;
    }
    if (networks.n > 0 && !is_within(networks, ip)) {
        return ORIGIN_OUTSIDE;
    }
    return r->needs_certificate && !has_certificate ? ORIGIN_NO_CERTIFICATE : ORIGIN_FITS;
}
