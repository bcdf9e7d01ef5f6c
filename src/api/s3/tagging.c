/* Object tags. */
#include "api/s3/headers.h"
#include "api/s3/object.h"
#include "api/s3/xml_in.h"

void s3_get_object_tagging(struct s3_request *r)
{
    struct vault_object o;
    struct error e;
    if (!s3_version_in(r)) {
        return;
    }
    if (!result_is_ok(vault_head(&r->cx, &r->bucket, r->key, "", true, &o, &e))) {
        s3_fail_with(r, S3_NO_SUCH_KEY, &e);
        return;
    }
    CLEANUP(buf_done_p) struct buf xml = BUF(64 * 1024);
    xml_begin(&xml);
    xml_open_ns(&xml, "Tagging", S3_XMLNS);
    xml_open(&xml, "TagSet");
    for (size_t i = 0; i < o.tag_count; i++) {
        xml_open(&xml, "Tag");
        xml_element(&xml, "Key", o.tags[i].name);
        xml_element(&xml, "Value", o.tags[i].value);
        xml_close(&xml, "Tag");
    }
    xml_close(&xml, "TagSet");
    xml_close(&xml, "Tagging");
    s3_reply_xml(r, &xml);
}

static void tags_set(struct s3_request *r, const struct vault_pair *tags, size_t n, unsigned status)
{
    struct error e;
    if (!result_is_ok(vault_set_tags(&r->cx, &r->bucket, r->key, "", tags, n, &e))) {
        s3_fail_with(r, S3_NO_SUCH_KEY, &e);
        return;
    }
    s3_reply(r, status);
}

void s3_put_object_tagging(struct s3_request *r)
{
    if (!s3_version_in(r)) {
        return;
    }
    const struct xml_node *root = s3_read_xml(r, "Tagging");
    if (root == NULL) {
        return;
    }
    struct vault_pair *tags = NULL;
    size_t n = 0;
    const char *why = NULL;
    enum s3_error err = s3_xml_tags(root, r->arena, &tags, &n, &why);
    if (err != S3_OK) {
        s3_fail(r, err, why);
        return;
    }
    tags_set(r, tags, n, 200);
}

void s3_delete_object_tagging(struct s3_request *r)
{
    if (s3_version_in(r)) {
        tags_set(r, NULL, 0, 204);
    }
}
