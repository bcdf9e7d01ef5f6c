/* One S3 request on its way: what was asked, by whom, and the answers that all operations share. */
#ifndef TROTH_API_S3_REQUEST_H
#define TROTH_API_S3_REQUEST_H

#include "api/act.h"
#include "api/api.h"
#include "api/s3/error.h"
#include "identity/managed.h"
#include "identity/sigv4.h"

#define S3_XMLNS      "http://s3.amazonaws.com/doc/2006-03-01/"
#define S3_XML_MAX    (2u * 1024 * 1024) /* of a request's XML body */
#define S3_PARAMS_MAX 64

enum s3_level { S3_SERVICE, S3_BUCKET, S3_OBJECT };

struct s3_param {
    struct bytes name, value; /* decoded */
};

struct s3_op;

struct s3_request {
    struct api_loop *l;
    struct http_exchange *x;
    const struct http_request *http;
    struct arena *arena;
    const struct api_settings *settings;
    char id[API_REQUEST_ID_BYTES];
    const struct s3_op *op;
    enum s3_level level;
    struct bytes bucket_name; /* p NULL: none */
    struct bytes key;         /* decoded */
    struct s3_param params[S3_PARAMS_MAX];
    size_t param_count;
    struct sigv4_claim claim;
    struct key256 signing_key;     /* wiped at the end */
    const struct principal *p;     /* who asks; counted */
    const struct principal *first; /* as the request began: cx borrows of it; counted */
    bool is_authentic;             /* the signature is the principal's */
    bool is_anonymous;
    const struct policy_key *keys; /* condition keys; NULL: not made yet */
    size_t key_count;
    struct access_answer denial; /* what was decided last */
    const char *denied_action;
    struct vault_ctx cx;
    struct vault_bucket bucket;   /* loaded for operations below a bucket */
    bool checksums_are_of_object; /* x-amz-checksum-*: of the finished object, not of the body */
    uint64_t bytes_in, bytes_out;
};

/* An operation: a line of the table in ops.c. `query`: the sub-resource that must be there;
 * `header` likewise. */
struct s3_op {
    const char *name; /* "PutObject" */
    const char
            *action; /* "s3:PutObject", decided on the bucket or object; NULL: by the operation */
    const char *method;
    enum s3_level level;
    const char *query, *header;
    bool needs_bucket; /* load it first: NoSuchBucket otherwise */
    void (*run)(struct s3_request *r);
};
extern const struct s3_op s3_ops[];
extern const size_t s3_op_count;
/* Names the operation, or gives the error: NotImplemented for sub-resources S3 knows and we do not
 * offer. */
enum s3_error s3_route(struct s3_request *r);

/* Bucket, key and query out of the target. */
enum s3_error s3_target_parse(struct s3_request *r, struct error *e);
/* Signature and right to be here; r->cx is ready afterwards. */
enum s3_error s3_authenticate(struct s3_request *r, struct error *e);
/* Makes `now` (taken) the one who asks. */
void s3_principal_keep(struct s3_request *r, const struct principal *now);
void s3_principals_done(struct s3_request *r);
/* The entry for a refusal: auth.failed, or access.denied for who is known. Bounded in number. */
void s3_refusal_log(struct s3_request *r, enum s3_error err);

bool s3_param(const struct s3_request *r, const char *name, struct bytes *ret);
struct bytes s3_param_or(const struct s3_request *r, const char *name, struct bytes fallback);
struct bytes s3_header(const struct s3_request *r, const char *name); /* p NULL when absent */
/* `name` as a number in min..max; absent: fallback. False: InvalidArgument was answered. */
bool s3_param_u64(struct s3_request *r, const char *name, uint64_t min, uint64_t max,
                  uint64_t fallback, uint64_t *ret);

/* --- answers. After one of these the operation returns. --- */
void s3_fail(struct s3_request *r, enum s3_error err,
             const char *message /* NULL: the usual words */);
void s3_fail_with(struct s3_request *r, enum s3_error not_found, const struct error *e);
void s3_reply(struct s3_request *r, unsigned status);
void s3_reply_xml(struct s3_request *r, struct buf *xml);
void s3_common_headers(struct s3_request *r);
/* The whole body as XML of the root element `root`; NULL: an error was answered. Content-MD5 and
 * checksums are verified. */
struct xml_node *s3_read_xml(struct s3_request *r, const char *root);

/* `v` as URL-encoded when encoding-type=url was asked for. */
void s3_xml_key(struct s3_request *r, struct buf *xml, const char *element, struct bytes v);
/*
 * True unless the header names another account than the tenant's. False: AccessDenied was answered.
 */
bool s3_owner_is_expected(struct s3_request *r, const char *header);
/* Bucket of a copy source, etc.: loads by name. */
RESULT s3_bucket_load(struct s3_request *r, struct bytes name, struct vault_bucket *ret,
                      struct error *e);

#endif
