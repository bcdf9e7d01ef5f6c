/* One request of the query protocol on its way. */
#ifndef TROTH_API_QUERY_QUERY_PRIV_H
#define TROTH_API_QUERY_QUERY_PRIV_H

#include "api/iam/iam.h"
#include "api/query/form.h"
#include "api/query/query.h"
#include "identity/sigv4.h"

#define QUERY_ANSWER_MAX (8u * 1024 * 1024)
#define QUERY_PAGE_MAX   1000
#define QUERY_PAGE       100

enum query_service { QUERY_IAM, QUERY_STS };

struct query;
/* A line of the table in actions.c. `params`: names apart by a blank; "Name!" must be there,
 * "Name*" is a list or structure. Others are refused. */
struct query_action {
    const char *name;
    enum query_service service;
    enum iam_kind kind; /* what it is about, where one function serves several */
    const char *params;
    /* Writes the elements of the result into q->out, or returns the error to be answered. */
    struct result (*run)(struct query *q, struct error *e);
};
extern const struct query_action query_actions[]; /* ended by a NULL name */
/* AWS has it and this server does not. */
bool query_is_known(enum query_service service, struct bytes action);

struct query {
    struct api_loop *l;
    struct http_exchange *x;
    const struct http_request *http;
    struct arena *arena;
    char id[API_REQUEST_ID_BYTES];
    enum query_service service;
    const struct query_action *action;
    struct form form;
    struct sigv4_claim claim;
    struct key256 signing_key; /* wiped at the end */
    struct api_who who;
    struct iam_cx iam; /* of the principal's own realm */
    struct buf *out;
    const char *code; /* as AWS calls the error that is returned; NULL: by its errc */
    unsigned status;  /* that goes with it */
};

/* Who asks: q->who and q->iam. The error has its code set. */
RESULT query_authenticate(struct query *q, struct bytes body, struct error *e);

/* FAIL with AWS's name for it. */
#define QUERY_FAIL(q, e, status_, code_, errc, ...)                                                \
    do {                                                                                           \
        (q)->status = (status_);                                                                   \
        (q)->code = (code_);                                                                       \
        return error_set((e), (errc), __VA_ARGS__);                                                \
    } while (0)

/* --- parameters; texts are in the arena --- */

const char *query_text(const struct query *q, const char *name); /* NULL when absent */
const char *query_text_or(const struct query *q, const char *name, const char *fallback);
RESULT query_u64(struct query *q, const char *name, uint64_t min, uint64_t max, uint64_t fallback,
                 uint64_t *ret, struct error *e);
RESULT query_bool(struct query *q, const char *name, bool fallback, bool *ret, struct error *e);
/* "List.member.1", or "List.member.1.Key" when key is given; NULL at the end. i from 0. */
const char *query_member(const struct query *q, const char *list, size_t i, const char *key);
/* The texts of "List.member.n", at most max; how many. */
size_t query_members(const struct query *q, const char *list, struct bytes *ret, size_t max);
/* Tags.member.n.Key/Value as canonical JSON; NULL when none are there. */
RESULT query_tags(struct query *q, const char *list, const char **ret, struct error *e);
/* UserName, or the name of who asks. */
RESULT query_user_name(struct query *q, const char **ret, struct error *e);
/* The name in an ARN of this account. */
RESULT query_arn_name(struct query *q, const char *param, const char *kind, const char **ret,
                      struct error *e);

/* UserName, GroupName or RoleName, by the action's kind. */
const char *query_subject_name(const struct query *q);
/* A document that compiles, else MalformedPolicyDocument. */
RESULT query_policy(struct query *q, const char *param, enum policy_form form, struct bytes *ret,
                    struct error *e);

/* --- answers --- */

void query_time(struct query *q, const char *element, int64_t ms);
/* As IAM sends documents: percent-encoded. */
void query_document(struct query *q, const char *element, const char *document);
void query_write_user(struct query *q, const char *element, const struct user *u, bool is_whole);
void query_write_boundary(struct query *q, const char *boundary);
void query_write_tags(struct query *q, const char *tags);
/* Where a list begins and how long it may be: MaxItems, Marker (a name or, of a list that is at
 * hand whole, a number). */
struct query_page {
    struct bytes after;
    size_t max; /* ask for one more */
};
RESULT query_page(struct query *q, struct query_page *ret, struct error *e);
/* IsTruncated and Marker: n were found of max asked for (+1); `last` is the name of item max-1. */
void query_page_end(struct query *q, const struct query_page *p, size_t n, const char *last);
/* Of an array of n: *from and *until; then query_slice_end. */
RESULT query_slice(struct query *q, size_t n, size_t *from, size_t *until, struct error *e);
void query_slice_end(struct query *q, size_t n, size_t until);

/* What the lines of the table run. */
typedef struct result query_run(struct query *q, struct error *e);
query_run user_create_run, user_get_run, user_list_run, user_update_run, user_delete_run,
        user_tag_run, user_untag_run, user_tags_run, user_boundary_run;
query_run key_create_run, key_list_run, key_update_run, key_delete_run, key_used_run;
query_run group_create_run, group_get_run, group_list_run, group_delete_run, group_member_run,
        group_of_user_run;
query_run policy_create_run, policy_get_run, policy_list_run, policy_delete_run,
        policy_version_create_run, policy_version_get_run, policy_version_list_run,
        policy_version_delete_run, policy_version_default_run, policy_attach_run,
        policy_attached_run, policy_entities_run;
query_run inline_put_run, inline_get_run, inline_delete_run, inline_list_run;
query_run role_create_run, role_get_run, role_list_run, role_delete_run, role_update_run,
        role_trust_run, role_tag_run, role_untag_run, role_tags_run, role_boundary_run;
query_run mfa_create_run, mfa_enable_run, mfa_of_user_run, mfa_list_run, mfa_deactivate_run,
        mfa_delete_run;
query_run oidc_create_run, oidc_get_run, oidc_list_run, oidc_delete_run, oidc_client_run,
        oidc_thumbprints_run;
query_run account_summary_run, simulate_run;
query_run sts_identity_run, sts_assume_run, sts_session_run, sts_web_run;

#endif
