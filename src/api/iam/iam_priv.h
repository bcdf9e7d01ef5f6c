/* What the operations of this folder share. */
#ifndef TROTH_API_IAM_IAM_PRIV_H
#define TROTH_API_IAM_IAM_PRIV_H

#include "api/iam/iam.h"

#define IAM_TAGS_BYTES (64 * 1024)

/* Does the change itself. */
typedef struct result iam_run(struct iam_cx *c, const struct iam_subject *s, void *arg,
                              struct error *e);

void iam_subject_user(struct iam_cx *c, const struct user *u, struct iam_subject *ret);
/* As iam_open; ERRC_DENIED for a built-in role. */
RESULT iam_open_own(struct iam_cx *c, enum iam_kind kind, const char *action, const char *name,
                    struct iam_subject *ret, struct error *e);
/* {"key":"text"} */
struct bytes iam_picture_text(struct iam_cx *c, const char *key, struct bytes text);

/* Entries with the picture of s before and, read again, after; *ret (may be NULL) is the latter. */
RESULT iam_change(struct iam_cx *c, const char *kind, const struct iam_subject *s, iam_run *run,
                  void *arg, struct iam_subject *ret, struct error *e);
/* Entries with the picture before: s is no more afterwards. */
RESULT iam_end(struct iam_cx *c, const char *kind, const struct iam_subject *s, iam_run *run,
               void *arg, struct error *e);
/* Nobody changes their own rights, nor those of a group they are in or a role they hold, nor a
 * policy that hangs on one of them: ERRC_DENIED. Of persons; what a program may do is what it was
 * given to do. */
RESULT iam_not_own(struct iam_cx *c, const struct iam_subject *s, struct error *e);
/* A right is hung on s or taken off it: `detail` says what. Not by s itself: iam_not_own. */
RESULT iam_link(struct iam_cx *c, const char *kind, const struct iam_subject *s, const char *detail,
                struct bytes before, struct bytes after, iam_run *run, void *arg, struct error *e);
/* The same for credentials, which are one's own business too. */
RESULT iam_link_any(struct iam_cx *c, const char *kind, const struct iam_subject *s,
                    const char *detail, struct bytes before, struct bytes after, iam_run *run,
                    void *arg, struct error *e);

#endif
