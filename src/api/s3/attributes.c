/* GetObjectAttributes: what is known of an object, without its bytes. */
#include "api/s3/access.h"
#include "api/s3/body.h"
#include "api/s3/headers.h"
#include "api/s3/object.h"
#include "net/xml.h"

static bool is_asked(struct bytes list, const char *name)
{
    struct bytes one;
    bool more = true;
    while (more) {
        more = bytes_split(&list, ',', &one);
        if (bytes_equal_str_nocase(bytes_trim(one, " \t"), name)) {
            return true;
        }
    }
    return false;
}

static void checksums_out(struct s3_request *r, struct buf *xml, const struct vault_object *o)
{
    if ((o->checksums.known & ((1u << VAULT_MD5) - 1)) == 0) {
        return;
    }
    xml_open(xml, "Checksum");
    s3_xml_checksums(r, xml, &o->checksums, o->part_count);
    xml_element_str(xml, "ChecksumType", o->checksums.is_composite ? "COMPOSITE" : "FULL_OBJECT");
    xml_close(xml, "Checksum");
}

void s3_get_object_attributes(struct s3_request *r)
{
    struct vault_object o;
    struct error e;
    char date[TIME_TEXT_MAX];
    struct bytes asked = s3_header(r, "x-amz-object-attributes");
    if (!s3_version_in(r) || !s3_allow(r, "s3:GetObject", &r->bucket, r->key)) {
        return;
    }
    if (asked.n == 0) {
        s3_fail(r, S3_INVALID_ARGUMENT, "The x-amz-object-attributes header is missing");
        return;
    }
    if (!result_is_ok(vault_head(&r->cx, &r->bucket, r->key, "", true, &o, &e))) {
        s3_fail_with(r, S3_NO_SUCH_KEY, &e);
        return;
    }
    CLEANUP(buf_done_p) struct buf xml = BUF(16 * 1024);
    xml_begin(&xml);
    xml_open_ns(&xml, "GetObjectAttributesResponse", S3_XMLNS);
    if (is_asked(asked, "ETag")) {
        xml_element_str(&xml, "ETag", o.etag);
    }
    if (is_asked(asked, "Checksum")) {
        checksums_out(r, &xml, &o);
    }
    if (is_asked(asked, "ObjectParts") && o.part_count > 0) {
        xml_open(&xml, "ObjectParts");
        xml_element_u64(&xml, "PartsCount", o.part_count);
        xml_close(&xml, "ObjectParts");
    }
    if (is_asked(asked, "StorageClass")) {
        xml_element_str(&xml, "StorageClass", "STANDARD");
    }
    if (is_asked(asked, "ObjectSize")) {
        xml_element_u64(&xml, "ObjectSize", o.size);
    }
    xml_close(&xml, "GetObjectAttributesResponse");
    http_set_header_str(r->x, "Last-Modified",
                        arena_str(r->arena, bytes_str(time_http(o.modified_ms, date))));
    s3_reply_xml(r, &xml);
}
