/*
 * Operations on accounts that the AWS query calls and REST share: one function each, which decides,
 * writes the two entries (with before and after) and does it. Reads are iam_open or iam_decide and
 * then the function of identity/.
 *
 * Who calls need not decide beforehand. Entries go to the log of the context's realm. Results live
 * in the arena. Beside the errors of identity/: ERRC_DENIED with the reason as people read it.
 */
#ifndef TROTH_API_IAM_IAM_H
#define TROTH_API_IAM_IAM_H

#include "api/act.h"
#include "identity/factor.h"
#include "identity/managed.h"
#include "identity/oidc.h"
#include "identity/role.h"

struct iam_cx {
    struct api_loop *l;
    const struct api_who *who;
    struct arena *arena;
    const char *realm; /* whose accounts: a tenant or "platform" */
    char account[ACCOUNT_BYTES];
    const char *reason;      /* for the entry, or NULL */
    const char *grant;       /* set by the decision: the grant that let it in, or NULL */
    struct policy_key *keys; /* of the next decision: iam_key */
    size_t key_count;
};
/* ERRC_NOT_FOUND: no such realm. */
RESULT iam_init(struct iam_cx *c, struct api_loop *l, const struct api_who *who,
                struct arena *arena, const char *realm, struct error *e);

/* --- deciding and recording --- */

/* A condition key of the next decision; `tags` a JSON object of strings: one key each. */
void iam_key(struct iam_cx *c, const char *name, struct bytes value);
void iam_key_tags(struct iam_cx *c, const char *prefix, const char *tags);
RESULT iam_decide(struct iam_cx *c, const char *action, const char *resource, struct error *e);
/* Two entries around fn (api_act_run) in the context's realm. */
RESULT iam_act(struct iam_cx *c, const char *kind, const char *target, const char *detail,
               struct bytes before, RESULT (*fn)(void *arg, struct buf *after, struct error *e),
               void *arg, struct error *e);

/* --- what is acted on --- */

enum iam_kind { IAM_USER, IAM_GROUP, IAM_ROLE, IAM_POLICY };
struct iam_subject {
    enum iam_kind kind;
    const char *id, *name, *arn;
    const char *boundary, *tags; /* "" and "{}" where there are none */
    uint64_t version;
    union {
        struct user user;
        struct group group;
        struct access_role role;
        struct managed policy;
    };
};
/* "arn:aws:iam::ACCOUNT:user/PATH/NAME"; of a list NAME is "*" or empty. */
const char *iam_arn(struct iam_cx *c, enum iam_kind kind, const char *path, const char *name);
/* By name, in the context's realm; without a decision. ERRC_NOT_FOUND. */
RESULT iam_find(struct iam_cx *c, enum iam_kind kind, const char *name, struct iam_subject *ret,
                struct error *e);
/* As iam_find, and decides `action` on it; what does not exist is decided on as well, so that only
 * who may is told so. */
RESULT iam_open(struct iam_cx *c, enum iam_kind kind, const char *action, const char *name,
                struct iam_subject *ret, struct error *e);
/* As JSON, for entries. */
struct bytes iam_picture(struct iam_cx *c, const struct iam_subject *s);

/* --- users --- */

/* Of persons or programs; `u->owner` NULL: the tag "owner", else who asks, or who answers for the
 * service account that asks (2.2.2-1). */
RESULT iam_user_create(struct iam_cx *c, const struct user_new *u, struct user *ret,
                       struct error *e);
/* action: "iam:UpdateUser", "iam:TagUser", "iam:PutUserPermissionsBoundary", ... */
RESULT iam_user_change(struct iam_cx *c, const char *action, const char *name,
                       const struct user_change *change, struct user *ret, struct error *e);
RESULT iam_user_delete(struct iam_cx *c, const char *name, struct error *e);
enum iam_user_act {
    IAM_USER_SUSPEND,
    IAM_USER_RESUME,
    IAM_USER_END,
    IAM_USER_FREEZE,
    IAM_USER_UNFREEZE,
};
RESULT iam_user_set(struct iam_cx *c, enum iam_user_act act, const char *name, struct user *ret,
                    struct error *e);

/* --- groups --- */

RESULT iam_group_create(struct iam_cx *c, const char *name, const char *path, struct group *ret,
                        struct error *e);
RESULT iam_group_delete(struct iam_cx *c, const char *name, struct error *e);
RESULT iam_group_member(struct iam_cx *c, bool is_add, const char *group, const char *user,
                        struct error *e);

/* --- roles --- */

RESULT iam_role_create(struct iam_cx *c, const struct role_new *r, struct access_role *ret,
                       struct error *e);
RESULT iam_role_change(struct iam_cx *c, const char *action, const char *name,
                       const struct role_change *change, struct access_role *ret, struct error *e);
RESULT iam_role_delete(struct iam_cx *c, const char *name, struct error *e);
/* A standing assignment to a user or group: "iam:AssignRole" decides both ways. */
RESULT iam_role_assign(struct iam_cx *c, bool is_add, enum iam_kind kind, const char *subject,
                       const char *role, struct error *e);

/* --- policies --- */

/* Tags of a subject with those of `add` set and the `remove_count` names of `remove` left out, as
 * canonical JSON. ERRC_LIMIT past IDENTITY_TAGS_MAX. */
RESULT iam_tags_merge(struct iam_cx *c, const char *tags, const char *add,
                      const struct bytes *remove, size_t remove_count, const char **ret,
                      struct error *e);
struct iam_policy_new {
    const char *name, *path, *description;
    struct bytes document;
};
RESULT iam_policy_create(struct iam_cx *c, const struct iam_policy_new *p, struct managed *ret,
                         struct error *e);
RESULT iam_policy_delete(struct iam_cx *c, const char *name, struct error *e);
RESULT iam_policy_version_create(struct iam_cx *c, const char *name, struct bytes document,
                                 bool is_default, uint32_t *ret, struct error *e);
/* ERRC_CONFLICT for the default version. */
RESULT iam_policy_version_delete(struct iam_cx *c, const char *name, uint32_t version,
                                 struct error *e);
RESULT iam_policy_set_default(struct iam_cx *c, const char *name, uint32_t version,
                              struct error *e);
RESULT iam_attach(struct iam_cx *c, bool is_add, enum iam_kind kind, const char *subject,
                  const char *policy, struct error *e);
RESULT iam_inline_put(struct iam_cx *c, enum iam_kind kind, const char *subject, const char *name,
                      struct bytes document, struct error *e);
RESULT iam_inline_delete(struct iam_cx *c, enum iam_kind kind, const char *subject,
                         const char *name, struct error *e);

/* --- credentials --- */

/* ret_secret as directory_key_create: the caller wipes it. */
RESULT iam_key_create(struct iam_cx *c, const char *user, struct access_key *ret,
                      char ret_secret[SECRET_KEY_BYTES], struct error *e);
/* ERRC_NOT_FOUND when it is another user's. */
RESULT iam_key_delete(struct iam_cx *c, const char *user, const char *id, struct error *e);
RESULT iam_key_enable(struct iam_cx *c, const char *user, const char *id, bool is_enabled,
                      struct error *e);

/* Serial number of a device: "arn:aws:iam::ACCOUNT:mfa/NAME". */
const char *iam_mfa_serial(struct iam_cx *c, const char *name);
/* A device for nobody yet. ERRC_EXISTS when one of that name is there. */
RESULT iam_mfa_create(struct iam_cx *c, const char *name, struct totp_enrolment *ret,
                      struct error *e);
/* ERRC_INTEGRITY: the codes do not fit. */
RESULT iam_mfa_enable(struct iam_cx *c, const char *user, const char *serial, const char *code,
                      const char *code2, struct error *e);
/* Takes it off the user; it is a device for nobody again. */
RESULT iam_mfa_deactivate(struct iam_cx *c, const char *user, const char *serial, struct error *e);
/* ERRC_CONFLICT while it is a user's. */
RESULT iam_mfa_delete(struct iam_cx *c, const char *serial, struct error *e);
/* The active device of a user with that serial number; the user's own name stands for any. */
RESULT iam_mfa_of(struct iam_cx *c, const char *user_id, const char *user_name, const char *serial,
                  const char **ret_factor_id, struct error *e);

/* The factor of a code given with a call of STS: checked and counted for the lockout. */
RESULT iam_mfa_check(struct iam_cx *c, const char *serial, const char *code, int64_t *ret_mfa_ms,
                     struct error *e);

/* --- OpenID Connect providers, by their URL --- */

/* "arn:aws:iam::ACCOUNT:oidc-provider/HOST/PATH" */
const char *iam_oidc_arn(struct iam_cx *c, const char *url);
RESULT iam_oidc_create(struct iam_cx *c, const struct oidc_provider *p, struct error *e);
RESULT iam_oidc_delete(struct iam_cx *c, const char *url, struct error *e);
RESULT iam_oidc_client(struct iam_cx *c, bool is_add, const char *url, const char *client,
                       struct error *e);
/* p->url and the thumbprints. */
RESULT iam_oidc_thumbprints(struct iam_cx *c, const struct oidc_provider *p, struct error *e);

#endif
