/* XML bodies of requests. */
#include "api/s3/xml_in.h"

#include "api/s3/checksum.h"
#include "base/text.h"

enum s3_error s3_xml_delete(const struct xml_node *root, struct arena *a,
                            struct s3_delete_item **ret, size_t *ret_n, bool *ret_quiet)
{
    struct s3_delete_item *items = arena_zalloc(a, sizeof(*items) * S3_DELETE_MAX);
    size_t n = 0;
    for (const struct xml_node *node = root->first; node != NULL; node = node->next) {
        if (strcmp(node->name, "Object") != 0) {
            continue;
        }
        if (n == S3_DELETE_MAX || xml_child(node, "Key") == NULL) {
            return S3_MALFORMED_XML;
        }
        items[n].key = xml_child_text(node, "Key");
        items[n].version = xml_child_text(node, "VersionId");
        items[n++].has_condition = xml_child(node, "ETag") != NULL ||
                                   xml_child(node, "LastModifiedTime") != NULL ||
                                   xml_child(node, "Size") != NULL;
    }
    if (n == 0) {
        return S3_MALFORMED_XML;
    }
    *ret = items;
    *ret_n = n;
    *ret_quiet = bytes_equal_str(xml_child_text(root, "Quiet"), "true");
    return S3_OK;
}

/* --- parts --- */

static enum s3_error part_checksums(const struct xml_node *node, struct arena *a,
                                    struct vault_checksums *ret)
{
    for (unsigned c = 0; c < VAULT_MD5; c++) {
        enum vault_checksum which = (enum vault_checksum)c;
        struct bytes v =
                xml_child_text(node, arena_printf(a, "Checksum%s", s3_checksum_name(which)));
        if (v.n == 0) {
            continue;
        }
        if (!s3_checksum_parse(v, which, ret->value[c].b)) {
            return S3_INVALID_PART;
        }
        ret->value[c].n = (uint8_t)s3_checksum_len(which);
        ret->known |= 1u << c;
    }
    return S3_OK;
}

/* ETags come with or without quotes. */
static enum s3_error part_parse(const struct xml_node *node, struct arena *a, struct vault_part *p)
{
    uint64_t number = 0;
    struct bytes etag = bytes_trim(xml_child_text(node, "ETag"), "\" ");
    if (strcmp(node->name, "Part") != 0 || etag.n == 0 || etag.n >= sizeof(p->etag) ||
        !result_is_ok(num_u64(xml_child_text(node, "PartNumber"), 1, VAULT_PARTS_MAX, &number))) {
        return S3_MALFORMED_XML;
    }
    p->number = (uint32_t)number;
    memcpy(p->etag, etag.p, etag.n);
    p->etag[etag.n] = '\0';
    return part_checksums(node, a, &p->checksums);
}

enum s3_error s3_xml_parts(const struct xml_node *root, struct arena *a, struct vault_part **ret,
                           size_t *ret_n)
{
    size_t count = 0, n = 0;
    for (const struct xml_node *node = root->first; node != NULL; node = node->next) {
        count++;
    }
    if (count == 0 || count > VAULT_PARTS_MAX) {
        return S3_MALFORMED_XML;
    }
    struct vault_part *parts = arena_zalloc(a, sizeof(*parts) * count);
    for (const struct xml_node *node = root->first; node != NULL; node = node->next, n++) {
        enum s3_error err = part_parse(node, a, &parts[n]);
        if (err != S3_OK) {
            return err;
        }
        if (n > 0 && parts[n].number <= parts[n - 1].number) {
            return S3_INVALID_PART_ORDER;
        }
    }
    *ret = parts;
    *ret_n = n;
    return S3_OK;
}

/* --- tags --- */

/* False: more than `max` characters, or such as no tag has. */
static bool is_tag_text(struct bytes v, size_t max)
{
    size_t n = 0;
    uint32_t c;
    if (!text_is_printable(v)) {
        return false;
    }
    for (size_t step; v.n > 0; v = bytes_slice(v, step, v.n)) {
        step = utf8_next(v, &c);
        n++;
    }
    return n <= max;
}

bool s3_tags_valid(const struct vault_pair *tags, size_t n, const char **ret_why)
{
    if (n > VAULT_TAGS_MAX) {
        *ret_why = "Object tags cannot be greater than 10";
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        if (tags[i].name.n == 0 || !is_tag_text(tags[i].name, 128)) {
            *ret_why = "The TagKey you have provided is invalid";
            return false;
        }
        if (!is_tag_text(tags[i].value, 256)) {
            *ret_why = "The TagValue you have provided is invalid";
            return false;
        }
        if (bytes_has_prefix(tags[i].name, BYTES_LIT("aws:"))) {
            *ret_why = "System tags cannot be added/updated by requester";
            return false;
        }
        for (size_t j = 0; j < i; j++) {
            if (bytes_equal(tags[i].name, tags[j].name)) {
                *ret_why = "Cannot provide multiple Tags with the same key";
                return false;
            }
        }
    }
    return true;
}

enum s3_error s3_xml_tags(const struct xml_node *root, struct arena *a, struct vault_pair **ret,
                          size_t *ret_n, const char **ret_why)
{
    const struct xml_node *set = xml_child(root, "TagSet");
    struct vault_pair *tags = arena_alloc(a, sizeof(*tags) * (VAULT_TAGS_MAX + 1));
    size_t n = 0;
    *ret_why = NULL;
    if (set == NULL) {
        return S3_MALFORMED_XML;
    }
    for (const struct xml_node *node = set->first; node != NULL && n <= VAULT_TAGS_MAX;
         node = node->next) {
        if (strcmp(node->name, "Tag") != 0 || xml_child(node, "Key") == NULL ||
            xml_child(node, "Value") == NULL) {
            return S3_MALFORMED_XML;
        }
        tags[n++] =
                (struct vault_pair){ xml_child_text(node, "Key"), xml_child_text(node, "Value") };
    }
    if (!s3_tags_valid(tags, n, ret_why)) {
        return S3_INVALID_TAG;
    }
    *ret = tags;
    *ret_n = n;
    return S3_OK;
}

/* --- encryption --- */

enum s3_error s3_xml_encryption(const struct xml_node *root, enum vault_sse *ret_sse,
                                struct bytes *ret_key, const char **ret_why)
{
    const struct xml_node *rule = xml_child(root, "Rule");
    const struct xml_node *by_default =
            rule == NULL ? NULL : xml_child(rule, "ApplyServerSideEncryptionByDefault");
    *ret_why = NULL;
    if (by_default == NULL || root->first != rule || rule->next != NULL) {
        return S3_MALFORMED_XML;
    }
    struct bytes algorithm = xml_child_text(by_default, "SSEAlgorithm");
    struct bytes key = xml_child_text(by_default, "KMSMasterKeyID");
    bool is_kms = bytes_equal_str(algorithm, "aws:kms");
    if (!is_kms && !bytes_equal_str(algorithm, "AES256")) {
        return S3_MALFORMED_XML;
    }
    if (key.n > 0 && !is_kms) {
        *ret_why = "A key id goes with aws:kms only";
        return S3_INVALID_ARGUMENT;
    }
    *ret_sse = is_kms ? VAULT_SSE_KMS : VAULT_SSE_AES256;
    *ret_key = key;
    return S3_OK;
}
