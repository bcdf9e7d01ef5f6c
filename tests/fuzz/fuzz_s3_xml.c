/* XML bodies of S3 requests through all their parsers: no crash; what is taken keeps the bounds. */
#include "api/s3/xml_in.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool claim)
{
    if (!claim) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_free_p) struct arena *arena = arena_new(4096, false);
    struct xml_node *root = NULL;
    struct error e = { 0 };
    if (!result_is_ok(xml_parse(bytes_of(data, size), 1 << 16, arena, &root, &e))) {
        return 0;
    }
    struct s3_delete_item *items = NULL;
    struct vault_part *parts = NULL;
    struct vault_pair *tags = NULL;
    struct bytes key;
    const char *why = NULL;
    enum vault_sse sse = 0;
    size_t n = 0;
    bool is_quiet = false;
    if (s3_xml_delete(root, arena, &items, &n, &is_quiet) == S3_OK) {
        must(n >= 1 && n <= S3_DELETE_MAX && items != NULL);
    }
    if (s3_xml_parts(root, arena, &parts, &n) == S3_OK) {
        for (size_t i = 0; i < n; i++) {
            must(parts[i].number >= 1 && parts[i].number <= VAULT_PARTS_MAX);
            must(i == 0 || parts[i].number > parts[i - 1].number);
            must(strlen(parts[i].etag) < sizeof(parts[i].etag) && parts[i].etag[0] != '\0');
        }
    }
    if (s3_xml_tags(root, arena, &tags, &n, &why) == S3_OK) {
        must(n <= VAULT_TAGS_MAX && s3_tags_valid(tags, n, &why));
    }
    if (s3_xml_encryption(root, &sse, &key, &why) == S3_OK) {
        must(sse == VAULT_SSE_KMS || (sse == VAULT_SSE_AES256 && key.n == 0));
    }
    return 0;
}
