/*
 * Policies as they are kept: managed (of the realm, with versions), inline (of a user, group or
 * role), and of buckets. The language is policy/policy.h. The callers write the ledger entries.
 */
#ifndef TROTH_IDENTITY_MANAGED_H
#define TROTH_IDENTITY_MANAGED_H

#include "identity/policy/policy.h"
#include "identity/user.h"

/* --- policies: managed (of the realm) and inline (of a user, group or role, by id) --- */

#define MANAGED_VERSIONS_MAX 5

struct managed {
    char id[IDENTITY_ID_BYTES];
    char realm[TENANT_NAME_BYTES];
    const char *name, *path, *description;
    uint32_t default_version;
    int64_t created_ms, changed_ms;
    uint64_t attachments;
};
struct managed_version {
    uint32_t version;
    const char *document;
    int64_t created_ms;
    bool is_default;
};
/* Documents are compiled first (policy.h): ERRC_FORMAT in its words. Stored as given. */
RESULT managed_create(struct directory *d, const char *realm, const char *name, const char *path,
                      const char *description, struct bytes document, struct arena *arena,
                      struct managed *ret, struct error *e);
RESULT managed_get(struct directory *d, const char *realm, struct bytes name, struct arena *arena,
                   struct managed *ret, struct error *e);
RESULT managed_list(struct directory *d, const char *realm, struct bytes path, struct bytes after,
                    size_t max, struct arena *arena, struct managed **ret, size_t *ret_n,
                    struct error *e);
RESULT managed_delete(struct directory *d, const char *id,
                      struct error *e); /* CONFLICT: attached, or a boundary */
/* LIMIT past five: delete one first. */
RESULT managed_version_create(struct directory *d, const char *id, struct bytes document,
                              bool is_default, uint32_t *ret, struct error *e);
RESULT managed_version_delete(struct directory *d, const char *id, uint32_t version,
                              struct error *e);
RESULT managed_set_default(struct directory *d, const char *id, uint32_t version, struct error *e);
RESULT managed_versions(struct directory *d, const char *id, struct arena *arena,
                        struct managed_version **ret, size_t *ret_n, struct error *e);
/* To a user, group or role of the same realm: ERRC_NOT_FOUND; ERRC_LIMIT past ten. */
RESULT policy_attach(struct directory *d, const char *subject_id, const char *policy_id,
                     struct error *e);
RESULT policy_detach(struct directory *d, const char *subject_id, const char *policy_id,
                     struct error *e);
RESULT policy_attached(struct directory *d, const char *subject_id, struct arena *arena,
                       struct managed **ret, size_t *ret_n, struct error *e);
/* Ids of the users, groups and roles a policy hangs on. */
RESULT policy_subjects(struct directory *d, const char *policy_id, struct arena *arena,
                       const char ***ret, size_t *ret_n, struct error *e);
/* ERRC_LIMIT past POLICY_MAX bytes of one subject together. */
RESULT inline_put(struct directory *d, const char *subject_id, const char *name,
                  struct bytes document, struct error *e);
RESULT inline_get(struct directory *d, const char *subject_id, const char *name,
                  struct arena *arena, const char **ret, struct error *e);
RESULT inline_delete(struct directory *d, const char *subject_id, const char *name,
                     struct error *e);
RESULT inline_list(struct directory *d, const char *subject_id, struct arena *arena,
                   const char ***ret_names, size_t *ret_n, struct error *e);
/* "arn:aws:iam::ACCOUNT:policy/PATH/NAME". */
void managed_arn(struct buf *out, const struct managed *m, const char *account);
/* Last part of an ARN of iam after its path, when account and kind ("user", "role", "policy") fit:
 * "arn:aws:iam::123456789012:policy/team/read" -> "read". ERRC_FORMAT. */
RESULT arn_name(struct bytes arn, const char *kind, const char *account, struct bytes *ret,
                struct error *e);

/* --- policies of buckets: by the bucket's id, so that a bucket made anew has none --- */

struct bucket_policy {
    const char *document;
    const char *public_by; /* who let the world in by name, or "" */
    int64_t changed_ms;
};
RESULT bucket_policy_get(struct directory *d, const char *realm, int64_t bucket,
                         struct arena *arena, struct bucket_policy *ret,
                         struct error *e); /* NOT_FOUND */
/* `document` may be empty where public_by is not: the world may be let in, but is not yet. One that
 * lets everybody in may be kept while public_by is empty (the block was put back): it is as none
 * then. `was`: the row that this was decided by, texts "" where there was none; ERRC_CONFLICT when
 * it is another one by now. NULL: whatever is there. ERRC_EXISTS: another bucket of that name, of
 * another realm, is public. */
RESULT bucket_policy_put(struct directory *d, const char *realm, int64_t bucket, const char *name,
                         struct bytes document, const char *public_by,
                         const struct bucket_policy *was, struct error *e);
RESULT bucket_policy_delete(struct directory *d, const char *realm, int64_t bucket,
                            const struct bucket_policy *was, struct error *e);
/* Compiled and cached; counted; NULL: the bucket has none. What the world was let in by does not
 * count any more once public_by is empty. */
RESULT bucket_policy_compiled(struct directory *d, const char *realm, int64_t bucket,
                              struct policy **ret, struct error *e);
/* Whose the public bucket of that name is: there is one at most. ERRC_NOT_FOUND. */
RESULT bucket_public_find(struct directory *d, struct bytes name, char ret_realm[TENANT_NAME_BYTES],
                          struct error *e);

#endif
