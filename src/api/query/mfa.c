/* IAM: virtual MFA devices. */
#include "api/query/query_priv.h"

#include "base/text.h"
#include "identity/factor_device.h"
#include "net/xml.h"

static void base64_write(struct query *q, const char *element, struct bytes v)
{
    CLEANUP(buf_done_p) struct buf text = BUF_SECRET(QUERY_BODY_MAX);
    buf_add_base64(&text, v);
    xml_element(q->out, element, buf_bytes(&text));
}

/* The seed is given out here and never again. */
RESULT mfa_create_run(struct query *q, struct error *e)
{
    struct totp_enrolment t;
    const char *name = query_text(q, "VirtualMFADeviceName");
    if (strcmp(query_text_or(q, "Path", "/"), "/") != 0) {
        FAIL(e, ERRC_FORMAT, "Path: devices have none here but /");
    }
    TRY(iam_mfa_create(&q->iam, name, &t, e));
    xml_open(q->out, "VirtualMFADevice");
    xml_element_str(q->out, "SerialNumber", iam_mfa_serial(&q->iam, name));
    base64_write(q, "Base32StringSeed", bytes_str(t.seed_base32));
    base64_write(q, "QRCodePNG", t.png);
    xml_close(q->out, "VirtualMFADevice");
    mem_wipe(t.seed_base32, sizeof(t.seed_base32));
    return RESULT_OK;
}

RESULT mfa_enable_run(struct query *q, struct error *e)
{
    struct result r = iam_mfa_enable(
            &q->iam, query_text(q, "UserName"), query_text(q, "SerialNumber"),
            query_text(q, "AuthenticationCode1"), query_text(q, "AuthenticationCode2"), e);
    if (r.code == ERRC_INTEGRITY) {
        q->status = 403;
        q->code = "InvalidAuthenticationCode";
    }
    return r;
}

RESULT mfa_of_user_run(struct query *q, struct error *e)
{
    const char *name;
    struct iam_subject s;
    struct factor *list;
    size_t n;
    TRY(query_user_name(q, &name, e));
    TRY(iam_open(&q->iam, IAM_USER, "iam:ListMFADevices", name, &s, e));
    TRY(factor_devices(q->l->api->directory, q->iam.realm, q->arena, &list, &n, e));
    xml_open(q->out, "MFADevices");
    for (size_t i = 0; i < n; i++) {
        if (list[i].is_active && strcmp(list[i].user_id, s.id) == 0) {
            xml_open(q->out, "member");
            xml_element_str(q->out, "UserName", s.name);
            xml_element_str(q->out, "SerialNumber", iam_mfa_serial(&q->iam, list[i].name));
            query_time(q, "EnableDate", list[i].created_ms);
            xml_close(q->out, "member");
        }
    }
    xml_close(q->out, "MFADevices");
    xml_element_str(q->out, "IsTruncated", "false");
    return RESULT_OK;
}

static void device_write(struct query *q, const struct factor *f)
{
    struct user u;
    xml_open(q->out, "member");
    xml_element_str(q->out, "SerialNumber", iam_mfa_serial(&q->iam, f->name));
    if (f->user_id[0] != '\0' &&
        result_is_ok(
                user_get_by_id(q->l->api->directory, bytes_str(f->user_id), q->arena, &u, NULL))) {
        query_write_user(q, "User", &u, false);
        query_time(q, "EnableDate", f->created_ms);
    }
    xml_close(q->out, "member");
}

RESULT mfa_list_run(struct query *q, struct error *e)
{
    const char *status = query_text_or(q, "AssignmentStatus", "Any");
    struct factor *list;
    size_t n, from, until;
    TRY(iam_decide(&q->iam, "iam:ListVirtualMFADevices", iam_mfa_serial(&q->iam, "*"), e));
    TRY(factor_devices(q->l->api->directory, q->iam.realm, q->arena, &list, &n, e));
    TRY(query_slice(q, n, &from, &until, e));
    xml_open(q->out, "VirtualMFADevices");
    for (size_t i = from; i < until; i++) {
        bool is_assigned = list[i].user_id[0] != '\0';
        if (strcmp(status, "Any") == 0 ||
            strcmp(status, is_assigned ? "Assigned" : "Unassigned") == 0) {
            device_write(q, &list[i]);
        }
    }
    xml_close(q->out, "VirtualMFADevices");
    query_slice_end(q, n, until);
    return RESULT_OK;
}

RESULT mfa_deactivate_run(struct query *q, struct error *e)
{
    const char *name;
    TRY(query_user_name(q, &name, e));
    return iam_mfa_deactivate(&q->iam, name, query_text(q, "SerialNumber"), e);
}

RESULT mfa_delete_run(struct query *q, struct error *e)
{
    return iam_mfa_delete(&q->iam, query_text(q, "SerialNumber"), e);
}
