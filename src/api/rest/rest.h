/*
 * The REST interface under /api/v1, on HTTPS and on the management socket: one table of routes,
 * each with its action, so that nothing is reachable without a decision. docs/api/openapi.json
 * describes it; the tests hold the two together.
 *
 * Who asks: a session (cookie __Host-troth with X-Troth-CSRF on changes, or Authorization: Bearer),
 * SigV4 with the service name "troth", or on the socket nobody: then the local operator (root or
 * the server's own user). Errors are RFC 9457 problem details. Lists page by cursor: ?limit=,
 * ?after=, answer {"items":[...],"next":"..."}. Creates take Idempotency-Key; changes take
 * If-Match.
 *
 * The order of a request: route, who asks, stage of the session, cross-site checks, decision; only
 * then is the body read (of SigV4 it is read before the signature can be checked, at most
 * REST_BODY_MAX).
 */
#ifndef TROTH_API_REST_REST_H
#define TROTH_API_REST_REST_H

#include "api/act.h"
#include "identity/idempotency.h"
#include "identity/login.h"

#define REST_BODY_MAX   (1024 * 1024)
#define REST_PARAMS_MAX 6
#define REST_PAGE_MAX   1000
#define REST_PAGE       100
#define REST_COOKIE     "__Host-troth"

struct rest;

/* The realm whose things a call touches, so what is decided. */
enum rest_realm {
    REST_OPEN,     /* no decision: signing in, the OpenAPI document */
    REST_STAGE,    /* a session in one of the stages that the flags name */
    REST_ANYBODY,  /* whoever is known, in whatever stage: who am I */
    REST_SELF,     /* who is signed in wholly: one's own session, factors, password */
    REST_PLATFORM, /* the provider's own */
    REST_PARAM,    /* params[0] names the realm: a tenant or "platform" */
    REST_ABOUT,    /* params[0] names a tenant: of its own people decided there, of all others as a
                      matter of the provider's */
    REST_HOME,     /* decided where the caller belongs: asking for a grant over params[0] */
};
struct rest_route {
    const char *method, *path; /* "/api/v1/realms/{realm}/users/{user}" */
    enum rest_realm realm;
    const char *action; /* "iam:GetUser"; NULL for OPEN, STAGE, ANYBODY and SELF */
    const char
            *resource; /* after "arn:aws:": "kms:{region}:{account}:key/{key}"; "*": none; "@user"
                             and so on: the account that the path names (iam.c) */
    unsigned flags;    /* REST_* */
    /* Answers, or returns the error that is to be answered. */
    RESULT (*run)(struct rest *r, struct error *e);
};
#define REST_CREATES 1u /* takes Idempotency-Key; answers 201 */
#define REST_SECRET                                                                                \
    2u /* its answer holds a secret, shown this once: it is not kept for a repetition */
#define REST_AGAIN 4u /* the handler decides again, with condition keys from the body */
/* Stages of REST_STAGE. */
#define REST_AT_FACTOR 0x10u
#define REST_AT_CHANGE 0x20u
#define REST_AT_ENROL  0x40u
#define REST_AT_FULL   0x80u
#define REST_AT_ANY    (REST_AT_FACTOR | REST_AT_CHANGE | REST_AT_ENROL | REST_AT_FULL)
extern const struct rest_route rest_routes[]; /* ended by a NULL method */

struct rest {
    struct api_loop *l;
    struct http_exchange *x;
    const struct http_request *http;
    struct arena *arena;
    const struct api_settings *settings;
    char request_id[API_REQUEST_ID_BYTES];
    const struct rest_route *route;
    const char *params[REST_PARAMS_MAX]; /* what stood for each {} */
    struct json_doc *doc;                /* body, or NULL */
    struct api_who who;
    struct session session; /* when has_session */
    bool has_session, is_cookie;
    bool is_management; /* on the management socket */
    const char *realm;  /* whose things it is about */
    char account[ACCOUNT_BYTES];
    const char *grant; /* by which it was let in, or NULL */

    struct access_answer access; /* of the last decision */
    unsigned status; /* of the problem, where the error's code does not say it; else 0 */
    struct buf body; /* as read */
    bool is_read;
    bool is_doubtful;             /* refused but for what the body may say (REST_AGAIN) */
    const char *allow;            /* methods of the path, of a 405; else NULL */
    bool is_lockout;              /* a failed step of signing in began a wait */
    bool is_recorded;             /* its refusal is an entry already */
    struct login_outside outside; /* it failed for whence it came */
    const char *idempotency_key;  /* or NULL; is_kept: this request holds it */
    bool is_kept;
};

/* http_handler of /api/v1 on either listener. */
void rest_handle(struct api_loop *l, struct http_exchange *x, bool is_management);
/* A path below /api/v1/, and not signed for another service: S3 may have a bucket "api". */
bool rest_takes(const struct http_exchange *x);

/* For what runs long, between its parts: may it go on? Cheap while nothing was changed; after a
 * freeze, the end of a session or grant, a change of policies, it is decided anew. */
RESULT rest_still(struct rest *r, struct error *e);

/* --- what was sent --- */

/* A query parameter, decoded, in the arena; NULL when absent. */
const char *rest_query(struct rest *r, const char *name);
RESULT rest_query_u64(struct rest *r, const char *name, uint64_t max, uint64_t fallback,
                      uint64_t *ret, struct error *e);
/* ?limit= (1..REST_PAGE_MAX) and ?after= ("" at the start). */
RESULT rest_page(struct rest *r, size_t *ret_limit, const char **ret_after, struct error *e);
/* A member of the body as a terminated text; fallback (may be NULL) when absent. ERRC_FORMAT when
 * of another type. Members that no handler knows are refused: rest_body_only. */
RESULT rest_body_text(struct rest *r, const char *name, const char *fallback, const char **ret,
                      struct error *e);
/* The same, and it must be there and not empty. */
RESULT rest_body_need(struct rest *r, const char *name, const char **ret, struct error *e);
RESULT rest_body_bool(struct rest *r, const char *name, bool fallback, bool *ret, struct error *e);
RESULT rest_body_u64(struct rest *r, const char *name, uint64_t max, uint64_t fallback,
                     uint64_t *ret, struct error *e);
/* A point in time, RFC 3339; absent: fallback; null: 0. */
RESULT rest_body_time(struct rest *r, const char *name, int64_t fallback, int64_t *ret,
                      struct error *e);
/* A member that is an object (or a text that holds one) as JSON text; absent: empty. */
RESULT rest_body_object(struct rest *r, const char *name, struct bytes *ret, struct error *e);
/* A member that is a list of texts, at most max; absent: none. */
RESULT rest_body_texts(struct rest *r, const char *name, size_t max, const char *const **ret,
                       size_t *ret_n, struct error *e);
/* A secret: borrowed from the body, not copied. */
RESULT rest_body_secret(struct rest *r, const char *name, struct bytes *ret, struct error *e);
RESULT rest_body_only(struct rest *r, const char *const *names, struct error *e);
#define REST_ONLY(...) ((const char *const[]){ __VA_ARGS__, NULL })
/* Version of If-Match; 0: none was sent. */
RESULT rest_if_match(struct rest *r, uint64_t *ret, struct error *e);
/* 412 when an If-Match was sent and names another version; *ret as rest_if_match. */
RESULT rest_fits(struct rest *r, uint64_t version, uint64_t *ret, struct error *e);

/* --- answers --- */

/* Sets the status of the problem besides the error. */
__attribute__((format(printf, 5, 6))) struct result
rest_refuse(struct rest *r, unsigned status, struct error *e, enum errc code, const char *fmt, ...);
/* An object with what fn writes into it; ETag when version is not 0. */
RESULT rest_reply(struct rest *r, unsigned status, uint64_t version,
                  void (*fn)(void *arg, struct jsonw *w), void *arg, struct error *e);
/* A whole JSON text. */
RESULT rest_reply_json(struct rest *r, unsigned status, uint64_t version, struct buf *json,
                       struct error *e);
void rest_reply_empty(struct rest *r); /* 204 */
/* {"items":[...],"next":...}: item(arg, i, w) writes object i; next NULL: the last page. */
RESULT rest_reply_list(struct rest *r, size_t n, void (*item)(void *arg, size_t i, struct jsonw *w),
                       void *arg, const char *next, struct error *e);
/* Of what streams its answer itself: the headers that every answer has. */
void rest_headers(struct rest *r);
/* application/problem+json: type, title, status, detail, code, request; "denied" carries the
 * reason of the decision. */
void rest_problem(struct rest *r, const struct error *e);
/* A time as RFC 3339, or null for 0. */
void rest_kv_time(struct jsonw *w, const char *key, int64_t ms);

/* --- acts --- */

/* api_act_run with this request's who, realm and grant. */
RESULT rest_act(struct rest *r, const char *kind, const char *target, struct bytes before,
                RESULT (*fn)(void *arg, struct buf *after, struct error *e), void *arg,
                struct error *e);
/* The same with more to say; realm and grant are filled in where they are NULL. */
RESULT rest_run(struct rest *r, const struct api_act *act,
                RESULT (*fn)(void *arg, struct buf *after, struct error *e), void *arg,
                struct error *e);
/* What is read is an entry before it is given out: of the provider's staff without the realm's own
 * leave in the platform's log, else in the realm's. tenant: whose, or NULL. */
RESULT rest_note(struct rest *r, const char *kind, const char *tenant, const char *detail,
                 struct error *e);

#endif
