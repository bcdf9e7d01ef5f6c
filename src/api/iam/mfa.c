/*
 * Virtual MFA devices, as the IAM calls have them: made for nobody, enabled for a user by two
 * codes, taken off, deleted. And the check of a code that comes with a call of STS.
 */
#include "api/iam/iam_priv.h"

#include "identity/counter.h"
#include "identity/factor_device.h"
#include "identity/grant.h"
#include "identity/lockout.h"

const char *iam_mfa_serial(struct iam_cx *c, const char *name)
{
    return arena_printf(c->arena, "arn:aws:iam::%s:mfa/%s", c->account, name);
}

/* Name of a serial number of this account. */
static RESULT serial_name(struct iam_cx *c, const char *serial, struct bytes *ret, struct error *e)
{
    return arn_name(bytes_str(serial), "mfa", c->account, ret, e);
}

/* The device of that name among those of one user ("": of nobody yet; NULL: of anybody, first of
 * nobody). */
static RESULT device(struct iam_cx *c, const char *user_id, const char *serial, struct factor *ret,
                     struct error *e)
{
    struct bytes name;
    struct factor *list;
    const struct factor *found = NULL;
    size_t n;
    TRY(serial_name(c, serial, &name, e));
    TRY(factor_devices(c->l->api->directory, c->realm, c->arena, &list, &n, e));
    for (size_t i = 0; i < n; i++) {
        bool is_users = user_id == NULL || strcmp(list[i].user_id, user_id) == 0;
        if (is_users && bytes_equal_str(name, list[i].name) &&
            (found == NULL || list[i].user_id[0] == '\0')) {
            found = &list[i];
        }
    }
    if (found == NULL) {
        FAIL(e, ERRC_NOT_FOUND, "VirtualMFADevice with serial number %.256s doesn't exist.",
             serial);
    }
    *ret = *found;
    return RESULT_OK;
}

/* --- made and deleted --- */

struct creation {
    struct iam_cx *c;
    const char *name, *issuer;
    struct totp_enrolment *ret;
};

static RESULT device_make(void *arg, struct buf *after, struct error *e)
{
    struct creation *cr = arg;
    struct iam_cx *c = cr->c;
    (void)after;
    return factor_totp_begin(c->l->api->directory, c->l->keeper, c->realm, "", cr->name, cr->issuer,
                             c->arena, cr->ret, e);
}

RESULT iam_mfa_create(struct iam_cx *c, const char *name, struct totp_enrolment *ret,
                      struct error *e)
{
    const char *serial = iam_mfa_serial(c, name);
    struct factor there;
    TRY(iam_decide(c, "iam:CreateVirtualMFADevice", serial, e));
    if (!identity_name_is_valid(bytes_str(name))) {
        FAIL(e, ERRC_FORMAT, "a device's name: 1 to 64 of A-Z, a-z, 0-9 and _+=,.@-");
    }
    if (result_is_ok(device(c, "", serial, &there, e))) {
        FAIL(e, ERRC_EXISTS, "MFADevice entity at the same path and name already exists.");
    }
    struct creation cr = { c, name, api_settings(c->l)->origin, ret };
    return iam_act(c, "factor.add", serial, NULL, BYTES_NONE, device_make, &cr, e);
}

static RESULT device_delete(void *arg, struct buf *after, struct error *e)
{
    struct creation *cr = arg;
    (void)after;
    return factor_delete(cr->c->l->api->directory, "", cr->name, e);
}

RESULT iam_mfa_delete(struct iam_cx *c, const char *serial, struct error *e)
{
    struct factor f;
    TRY(iam_decide(c, "iam:DeleteVirtualMFADevice", serial, e));
    TRY(device(c, NULL, serial, &f, e));
    if (f.user_id[0] != '\0') {
        FAIL(e, ERRC_CONFLICT, "the device is a user's: deactivate it first");
    }
    struct creation cr = { .c = c, .name = f.id };
    return iam_act(c, "factor.remove", serial, NULL, BYTES_NONE, device_delete, &cr, e);
}

/* --- a user's --- */

struct enabling {
    const char *factor_id, *code, *code2;
};

/* What a person may do to their own factors in a session is asked for here too: a factor given just
 * now, once there is one, so that a key that was found is not enough. */
/*= 2.1.4-1 "no way around the second factor by another interface" */
static RESULT own_is_fresh(struct iam_cx *c, const struct iam_subject *s, bool *ret_is_own,
                           struct error *e)
{
    struct factor *list;
    size_t n;
    bool has_active = false;
    int64_t age_ms = clock_wall_ms(c->l->api->clock) - c->who->mfa_ms;
    *ret_is_own = c->who->p->is_person && strcmp(s->id, c->who->p->user_id) == 0;
    if (!*ret_is_own) {
        return RESULT_OK;
    }
    TRY(factor_list(c->l->api->directory, s->id, c->arena, &list, &n, e));
    for (size_t i = 0; i < n; i++) {
        has_active |= list[i].is_active;
    }
    if (has_active && (c->who->mfa_ms == 0 || age_ms > GRANT_FRESH_MFA_MS)) {
        FAIL(e, ERRC_DENIED,
             "one's own second factors are changed within 5 minutes of giving one: sts "
             "get-session-token with --serial-number and --token-code");
    }
    return RESULT_OK;
}

static RESULT enable_run(struct iam_cx *c, const struct iam_subject *s, void *arg, struct error *e)
{
    const struct enabling *en = arg;
    struct result r = factor_totp_confirm(c->l->api->directory, c->l->keeper, s->id, en->factor_id,
                                          en->code, en->code2, e);
    if (r.code == ERRC_DENIED) {
        FAIL(e, ERRC_INTEGRITY, "Authentication code for device is not valid.");
    }
    return r;
}

RESULT iam_mfa_enable(struct iam_cx *c, const char *user, const char *serial, const char *code,
                      const char *code2, struct error *e)
{
    struct iam_subject s;
    struct factor f;
    bool is_own = false;
    TRY(iam_open(c, IAM_USER, "iam:EnableMFADevice", user, &s, e));
    TRY(own_is_fresh(c, &s, &is_own, e));
    TRY(device(c, "", serial, &f, e));
    struct enabling en = { f.id, code, code2 };
    return iam_link_any(c, "factor.add", &s, serial, BYTES_NONE, BYTES_NONE, enable_run, &en, e);
}

struct releasing {
    struct factor device;
    bool is_own;
};

static RESULT release_run(struct iam_cx *c, const struct iam_subject *s, void *arg, struct error *e)
{
    const struct releasing *r = arg;
    return factor_device_release(c->l->api->directory, s->id, r->device.id, r->is_own, e);
}

RESULT iam_mfa_deactivate(struct iam_cx *c, const char *user, const char *serial, struct error *e)
{
    struct iam_subject s;
    struct releasing r;
    TRY(iam_open(c, IAM_USER, "iam:DeactivateMFADevice", user, &s, e));
    TRY(own_is_fresh(c, &s, &r.is_own, e));
    TRY(device(c, s.id, serial, &r.device, e));
    return iam_link_any(c, "factor.remove", &s, serial, BYTES_NONE, BYTES_NONE, release_run, &r, e);
}

/* --- a code --- */

RESULT iam_mfa_of(struct iam_cx *c, const char *user_id, const char *user_name, const char *serial,
                  const char **ret_factor_id, struct error *e)
{
    struct factor f;
    struct bytes name;
    struct result r = device(c, user_id, serial, &f, e);
    if (result_is_ok(r) && f.is_active) {
        *ret_factor_id = arena_str(c->arena, bytes_str(f.id));
        return RESULT_OK;
    }
    TRY(serial_name(c, serial, &name, e));
    if (bytes_equal_str(name, user_name)) {
        *ret_factor_id = NULL;
        return RESULT_OK;
    }
    FAIL(e, ERRC_DENIED, "MultiFactorAuthentication failed, unable to validate MFA code.");
}

static void mfa_refused(struct iam_cx *c, const char *serial, const char *why, bool is_lockout)
{
    const struct principal *p = c->who->p;
    struct api_refusal refusal = { .kind = is_lockout ? "lockout" : "auth.failed",
                                   .realm = p->home,
                                   .error = why,
                                   .action = "sts:AssumeRole",
                                   .resource = bytes_str(serial),
                                   .access_key = bytes_str(p->access_key),
                                   .actor = p->actor,
                                   .ip = c->who->ip,
                                   .agent = c->who->agent,
                                   .request_id = c->who->request_id };
    api_refused(c->l, &refusal);
}

/* Counted before it is judged: of many at once none gets past the wait. */
/*= 2.1.4-1 "a second factor, checked where it is asked for; guessing is slowed down" */
RESULT iam_mfa_check(struct iam_cx *c, const char *serial, const char *code, int64_t *ret_mfa_ms,
                     struct error *e)
{
    const struct principal *p = c->who->p;
    struct directory *d = c->l->api->directory;
    const char *factor = NULL;
    const char *account = arena_printf(c->arena, "%s/%s", p->home, p->user_name);
    if (p->user_id[0] == '\0') {
        FAIL(e, ERRC_DENIED, "a code is a user's: this principal has none");
    }
    bool is_new = false;
    struct result r = lockout_try(d, account, c->who->ip, &is_new, e);
    if (r.code == ERRC_AGAIN) { /* clients would repeat the code by themselves */
        mfa_refused(c, serial, e->msg, false);
        e->code = ERRC_DENIED;
        return result_of(ERRC_DENIED);
    }
    TRY(r);
    r = iam_mfa_of(c, p->user_id, p->user_name, serial, &factor, e);
    if (result_is_ok(r)) {
        r = factor_totp_check(d, c->l->keeper, p->user_id, factor, code, e);
    }
    if (result_is_ok(r)) {
        *ret_mfa_ms = clock_wall_ms(c->l->api->clock);
        return lockout_clear(d, account, c->who->ip, e);
    }
    if (r.code != ERRC_DENIED && r.code != ERRC_FORMAT) {
        result_ignore(lockout_undo(d, account, c->who->ip, NULL));
        return r;
    }
    counter_add(d, p->home, "login.failed", 1);
    if (is_new) {
        counter_add(d, p->home, "lockout", 1);
    }
    mfa_refused(c, serial, "the second factor's code is wrong", is_new);
    FAIL(e, ERRC_DENIED, "MultiFactorAuthentication failed with invalid MFA one time pass code.");
}
