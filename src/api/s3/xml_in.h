/*
 * The XML bodies of requests, as trees, into what the operations take. Nothing here knows the
 * request: what was read is borrowed from the tree and the arena.
 */
#ifndef TROTH_API_S3_XML_IN_H
#define TROTH_API_S3_XML_IN_H

#include "api/s3/error.h"
#include "net/xml.h"
#include "vault/vault.h"

#define S3_DELETE_MAX 1000

/* <Delete>: 1 to S3_DELETE_MAX objects. */
struct s3_delete_item {
    struct bytes key;
    struct bytes version; /* empty: the current one */
    bool has_condition;   /* ETag and kin */
};
enum s3_error s3_xml_delete(const struct xml_node *root, struct arena *a,
                            struct s3_delete_item **ret, size_t *ret_n, bool *ret_quiet);

/* <CompleteMultipartUpload>: 1 to VAULT_PARTS_MAX parts, in ascending order. */
enum s3_error s3_xml_parts(const struct xml_node *root, struct arena *a, struct vault_part **ret,
                           size_t *ret_n);

/* <Tagging>: valid tags; *ret_why says what is wrong with S3_INVALID_TAG, else NULL. */
enum s3_error s3_xml_tags(const struct xml_node *root, struct arena *a, struct vault_pair **ret,
                          size_t *ret_n, const char **ret_why);
/* The rules for tags: at most VAULT_TAGS_MAX, keys of 1 to 128 characters and values of at most
 * 256, no control characters, no key twice, no key that begins with "aws:". */
bool s3_tags_valid(const struct vault_pair *tags, size_t n, const char **ret_why);

/* <ServerSideEncryptionConfiguration>: one rule; *ret_key empty when it names none. */
enum s3_error s3_xml_encryption(const struct xml_node *root, enum vault_sse *ret_sse,
                                struct bytes *ret_key, const char **ret_why);

#endif
