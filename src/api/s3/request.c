/* What all operations share: parameters, headers, answers. */
#include "api/s3/request.h"

#include "api/s3/access.h"
#include "api/s3/body.h"
#include "base/log.h"
#include "base/text.h"
#include "net/xml.h"

bool s3_param(const struct s3_request *r, const char *name, struct bytes *ret)
{
    for (size_t i = 0; i < r->param_count; i++) {
        if (bytes_equal_str(r->params[i].name, name)) {
            *ret = r->params[i].value;
            return true;
        }
    }
    return false;
}

struct bytes s3_param_or(const struct s3_request *r, const char *name, struct bytes fallback)
{
    struct bytes v;
    return s3_param(r, name, &v) ? v : fallback;
}

struct bytes s3_header(const struct s3_request *r, const char *name)
{
    for (size_t i = 0; i < r->http->header_count; i++) {
        if (bytes_equal_str_nocase(r->http->headers[i].name, name)) {
            return r->http->headers[i].value;
        }
    }
    return BYTES_NONE;
}

bool s3_param_u64(struct s3_request *r, const char *name, uint64_t min, uint64_t max,
                  uint64_t fallback, uint64_t *ret)
{
    struct bytes v;
    *ret = fallback;
    if (!s3_param(r, name, &v) || v.n == 0) {
        return true;
    }
    if (!result_is_ok(num_u64(v, min, max, ret))) {
        s3_fail(r, S3_INVALID_ARGUMENT,
                arena_printf(r->arena, "%s must be a number from %llu to %llu", name,
                             (unsigned long long)min, (unsigned long long)max));
        return false;
    }
    return true;
}

void s3_common_headers(struct s3_request *r)
{
    http_set_header_str(r->x, "x-amz-request-id", r->id);
    http_set_header_str(r->x, "x-amz-id-2", r->id);
}

static void error_body(struct s3_request *r, const struct s3_error_info *info, const char *message,
                       struct buf *out)
{
    CLEANUP(buf_done_p) struct buf path = BUF(64 * 1024);
    text_add_escaped(&path, r->http->path, 8192);
    xml_begin(out);
    xml_open(out, "Error");
    xml_element_str(out, "Code", info->code);
    xml_element_str(out, "Message", message);
    if (r->bucket_name.p != NULL) {
        xml_element(out, "BucketName", r->bucket_name);
    }
    if (info == s3_error_info(S3_AUTHORIZATION_HEADER_MALFORMED)) {
        xml_element_str(out, "Region", r->settings->region);
    }
    xml_element(out, "Resource", buf_bytes(&path));
    xml_element_str(out, "RequestId", r->id);
    xml_element_str(out, "HostId", r->id);
    xml_close(out, "Error");
}

void s3_fail(struct s3_request *r, enum s3_error err, const char *message)
{
    const struct s3_error_info *info = s3_error_info(err);
    if (http_is_begun(r->x)) {
        log_warn("request %s broke off: %s", r->id, message != NULL ? message : info->message);
        http_close_after(r->x);
        return;
    }
    if (info->status >= 500 && err != S3_NOT_IMPLEMENTED) {
        log_warn("request %s: %s: %s", r->id, info->code,
                 message != NULL ? message : info->message);
    }
    CLEANUP(buf_done_p) struct buf out = BUF(128 * 1024);
    error_body(r, info, message != NULL ? message : info->message, &out);
    s3_common_headers(r);
    if (info->status == 503) {
        http_set_header_str(r->x, "Retry-After", "1");
    }
    result_ignore(http_respond(r->x, info->status, "application/xml", buf_bytes(&out), NULL));
}

void s3_fail_with(struct s3_request *r, enum s3_error not_found, const struct error *e)
{
    enum s3_error err = s3_error_of(e->code, not_found);
    /* Whether a key is there is for those to know who may list. */
    if (err == S3_NO_SUCH_KEY && !s3_allow(r, "s3:ListBucket", &r->bucket, BYTES_NONE)) {
        return;
    }
    /* What went wrong inside is for the operator's log; the client gets the usual words. */
    if (err == S3_INTERNAL_ERROR) {
        log_error("request %s: %s", r->id, e->msg);
    }
    bool is_usual = err == S3_INTERNAL_ERROR || err == not_found || err == S3_PRECONDITION_FAILED;
    s3_fail(r, err, is_usual ? NULL : e->msg);
}

void s3_reply(struct s3_request *r, unsigned status)
{
    s3_common_headers(r);
    result_ignore(http_respond(r->x, status, NULL, BYTES_NONE, NULL));
}

void s3_reply_xml(struct s3_request *r, struct buf *xml)
{
    if (!result_is_ok(buf_result(xml))) {
        s3_fail(r, S3_INTERNAL_ERROR, NULL);
        return;
    }
    s3_common_headers(r);
    r->bytes_out += buf_bytes(xml).n;
    result_ignore(http_respond(r->x, 200, "application/xml", buf_bytes(xml), NULL));
}

struct xml_node *s3_read_xml(struct s3_request *r, const char *root)
{
    CLEANUP(buf_done_p) struct buf body = BUF(S3_XML_MAX);
    enum s3_error err = S3_OK;
    struct error e;
    if (!s3_body_read_all(r, &body, &err, &e)) {
        s3_fail(r, err, e.msg);
        return NULL;
    }
    struct bytes text = arena_bytes(r->arena, buf_bytes(&body));
    struct xml_node *node = NULL;
    if (!result_is_ok(xml_parse(text, S3_XML_MAX, r->arena, &node, &e)) ||
        strcmp(node->name, root) != 0) {
        s3_fail(r, S3_MALFORMED_XML, NULL);
        return NULL;
    }
    return node;
}

void s3_xml_key(struct s3_request *r, struct buf *xml, const char *element, struct bytes v)
{
    struct bytes encoding;
    if (s3_param(r, "encoding-type", &encoding) && bytes_equal_str(encoding, "url")) {
        CLEANUP(buf_done_p) struct buf text = BUF(3 * v.n + 1);
        buf_add_percent(&text, v, true);
        xml_element(xml, element, buf_bytes(&text));
        return;
    }
    xml_element(xml, element, v);
}

bool s3_owner_is_expected(struct s3_request *r, const char *header)
{
    struct bytes v = s3_header(r, header);
    if (v.p == NULL || bytes_equal_str(v, r->p->account)) {
        return true;
    }
    s3_refusal_log(r, S3_ACCESS_DENIED);
    s3_fail(r, S3_ACCESS_DENIED, NULL);
    return false;
}

RESULT s3_bucket_load(struct s3_request *r, struct bytes name, struct vault_bucket *ret,
                      struct error *e)
{
    if (!vault_bucket_name_is_valid(name)) {
        FAIL(e, ERRC_NOT_FOUND, "no bucket of that name");
    }
    return vault_bucket_get(&r->cx, name, ret, e);
}
